"""Families of a worker that tell of records as they are read, and of what was accepted of them."""

from typing import Final, get_args

from schemas.taxonomy import REASONS, WARNINGS, Outcome, SurveyMode
from sinks.metrics.family import Counter, Family, Summary, closed
from sinks.metrics.labels import AREA, CHANNEL, EVENT_TYPE, INPUT, KIND, SOURCE

EVENTS: Final = Counter(
    "events", "Records read, by what became of them.",
    (INPUT, EVENT_TYPE, SOURCE, closed("outcome", get_args(Outcome))), room=800,
)  # fmt: skip
_REASON: Final = closed("reason", REASONS)
REJECTIONS: Final = Counter("rejections", "Records not accepted, by reason, whoever sent them.", (INPUT, _REASON))
EVENTS_REJECTED: Final = Counter(
    "events_rejected", "Records not accepted, by source and reason.", (INPUT, SOURCE, _REASON), room=240
)
EVENT_WARNINGS: Final = Counter(
    "event_warnings", "Oddities of accepted events.", (INPUT, SOURCE, closed("warning", WARNINGS)), room=240
)
BEHIND_FRONTIER: Final = Counter(
    "records_behind_frontier",
    "Accepted records that came, by their timestamp, further behind what was decided than the shortest grace: what was "
    "kept in time may have paged as breached. `oidor doctor` names their source.",
    (INPUT,),
)
PROCESSING_ERRORS: Final = Counter(
    "processing_errors", "Records that our own code failed on: page us; the log says what failed.", (INPUT,)
)
CONTACTS: Final = Counter("contacts", "Contact events accepted.", (EVENT_TYPE, CHANNEL, AREA), room=450)
COMPLAINTS: Final = Counter("complaints", "Complaint events accepted.", (EVENT_TYPE, KIND, CHANNEL, AREA), room=300)
SURVEYS: Final = Counter("surveys", "Survey events accepted.", (EVENT_TYPE, KIND, CHANNEL, AREA), room=300)
TIME_SET_BACK: Final = Counter(
    "time_set_back",
    "Partitions whose time lay over a minute ahead of the broker's: what was decided since was withdrawn.",
)

# Answers to surveys, moved only while they are recent; an answer that is put right counts once more

_SURVEY: Final = closed("kind", ("csat", "nps", "ces"))
_MODE: Final = closed("mode", get_args(SurveyMode))
SURVEY_SCORE: Final = Summary(
    "survey_score", "Ratings, as 0 to 1 of csat, 0 to 10 of nps, 1 to 7 of ces, 7 = easy.", (_SURVEY, _MODE)
)
SURVEY_BOX: Final = Counter(
    "survey_box", "Ratings by the end of the scale that they are at: promoters of nps are positive.",
    (_SURVEY, _MODE, closed("box", ("positive", "neutral", "negative"))),
)  # fmt: skip

FAMILIES: Final[tuple[Family, ...]] = (
    EVENTS, REJECTIONS, EVENTS_REJECTED, EVENT_WARNINGS, BEHIND_FRONTIER, PROCESSING_ERRORS, CONTACTS, COMPLAINTS,
    SURVEYS, SURVEY_SCORE, SURVEY_BOX, TIME_SET_BACK,
)  # fmt: skip
