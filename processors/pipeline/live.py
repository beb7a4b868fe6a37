"""What a record moves of the live metrics: volumes by event type, and durations as they end."""

from collections.abc import Mapping, Sequence
from typing import Final

from processors.cases.case import Case
from processors.cases.ratings import Rating, rating_of
from processors.kpis.partials import OTHER
from processors.kpis.samples import SLOT, Sample
from processors.state.partition import PartitionState
from processors.state.sources import Sources
from schemas.events.decoding import EVENT_TYPES
from schemas.kpis import DIMENSIONS, Count, Sum
from schemas.observations import Duration, Observations
from schemas.outputs import EventRow
from schemas.taxonomy import Outcome, Reason
from schemas.topics import COMPLAINTS, CONTACTS

_DURATIONS: Final[Mapping[int, tuple[Duration, int, str]]] = {
    SLOT[Sum.first_response_ms]: ("first_response", DIMENSIONS.index("channel"), "elapsed"),
    SLOT[Sum.first_response_business_ms]: ("first_response", DIMENSIONS.index("channel"), "business"),
    SLOT[Sum.resolution_ms]: ("resolution", DIMENSIONS.index("kind"), "elapsed"),
    SLOT[Sum.resolution_business_ms]: ("resolution", DIMENSIONS.index("kind"), "business"),
}
"""slot of a sum -> its live histogram, the dimension that labels it, and whose time it is counted in"""
_WAIT: Final = SLOT[Sum.wait_ms]
_CHANNEL: Final = DIMENSIONS.index("channel")
_MODE: Final = DIMENSIONS.index("mode")
_ANSWERED: Final = SLOT[Count.surveys_answered]


def observe_durations(observations: Observations, sample: Sample) -> None:
    """Observe the durations that a sample adds to the KPIs."""
    for slot, amount in sample.amounts:
        named = _DURATIONS.get(slot)
        if named is not None:
            name, dimension, counted_by = named
            observations.duration(sample.at_ms, amount / 1000, name, sample.attribution[dimension], counted_by)


def observe_rating(observations: Observations, case: Case, sample: Sample) -> None:
    """Observe what the answer rates that a sample counts."""
    if all(slot != _ANSWERED for slot, _ in sample.amounts):
        return
    ratings = (rating_of(event.facts) for event in case.events if event.occurred_at == sample.at_ms)
    rating = next(filter(None, ratings), None)
    if rating is None:
        return
    labels = rating.survey, sample.attribution[_MODE]
    box = "positive" if rating.is_positive else "negative" if rating.is_negative else "neutral"
    observations.moment(sample.at_ms, "survey_box", *labels, box)
    observations.duration(sample.at_ms, _scored(rating), "survey_score", *labels)


def _scored(rating: Rating) -> float:
    """On the scale that the survey is known by: csat 0 to 1, nps 0 to 10, ces 1 to 7."""
    if rating.survey == "nps":
        return rating.position - 1
    return rating.normalised(0, 1000) / 1000 if rating.survey == "csat" else rating.normalised(1000, 7000) / 1000


def observe_waits(observations: Observations, case: Case, before: Sequence[Sample], after: Sequence[Sample]) -> None:
    """Observe the waits that a person has ended since `before`: they count from their queueing, and end later."""
    for sample in after:
        waited_ms = None if sample in before else _waited_ms(sample)
        if waited_ms is not None and sample.at_ms not in [
            each.at_ms for each in before if _waited_ms(each) is not None
        ]:
            ended_at, channel = sample.at_ms + waited_ms, sample.attribution[_CHANNEL]
            observations.duration(ended_at, waited_ms / 1000, "wait", channel, "elapsed")
            own_ms = _own_time_of_wait(case, sample.at_ms, waited_ms)
            observations.duration(ended_at, own_ms / 1000, "wait", channel, "business")


def _own_time_of_wait(case: Case, since: int, waited_ms: int) -> int:
    """How long a wait lasted as its promise counts it; elapsed time where it has none, or no calendar."""
    for wait in case.fold.waits:
        clock = wait.clock
        if wait.since == since and clock is not None and clock.calendar is not None:
            return clock.calendar.count(since, since + waited_ms)
    return waited_ms


def _waited_ms(sample: Sample) -> int | None:
    for slot, amount in sample.amounts:
        if slot == _WAIT:
            return amount
    return None


def observe_rejected(
    observations: Observations, topic: str, event_type: str, source: str, reason: Reason, sources: Sources
) -> None:
    """Count a rejected record. What it says of itself may be anything: a label takes what was accepted before."""
    if source and source not in sources.names():
        source = OTHER
    if event_type and event_type not in EVENT_TYPES:
        event_type = OTHER
    observations.count("events", topic, event_type, source, "rejected")
    observations.count("rejections", topic, reason)
    observations.count("events_rejected", topic, source, reason)


def observe_accepted(observations: Observations, row: EventRow) -> None:
    """Count an accepted event by what became of it, by its warnings, and, unless it is a test or late, by its kind."""
    topic, event_type = row.topic, row.event_type
    outcome: Outcome = "late" if row.late else "warned" if row.warnings else "accepted"
    observations.count("events", topic, event_type, row.source, outcome)
    for warning in row.warnings:
        observations.count("event_warnings", topic, row.source, warning)
    if row.test or row.late:  # an import beside live traffic is no volume of today
        return
    if topic == CONTACTS:
        observations.count("contacts", event_type, row.channel, row.area)
    elif topic == COMPLAINTS:
        observations.count("complaints", event_type, row.kind, row.channel, row.area)
    else:
        observations.count("surveys", event_type, row.kind, row.channel, row.area)


def observe_behind(
    state: PartitionState, topic: str, source: str, record_at: int, frontier: int, observations: Observations
) -> None:
    """Count an accepted record that came so late that deadlines it could have met were decided before.

    Nobody is paged for what is history: an import is not behind.
    """
    if frontier - record_at < state.rules.page_window_ms:
        observations.moment(record_at, "records_behind_frontier", topic)
        state.behind_frontier.note(topic, source, record_at, frontier)
