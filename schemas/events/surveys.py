"""Survey events: what customers answer, what mystery shoppers and walking managers see, and what is done about it."""

from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from schemas.events.envelope import Event
from schemas.events.fields import (
    Count,
    Entries,
    Grade,
    Name,
    Number,
    Owner,
    Person,
    Positive,
    Record,
    Reference,
    ScaleMax,
    ScaleMin,
    Text,
    Timestamp,
    Within,
)
from schemas.taxonomy import (
    EffortDirection,
    Element,
    FollowupResult,
    Polarity,
    SubjectRole,
    SurveyKind,
    SurveyMode,
)

ANSWERED: Final = "survey.answered"
"""The type of all answers, whatever they measure."""


class SurveyInvited(Event):
    """A customer was asked; answers count until `expires_at`."""

    event_type: Literal["survey.invited"]
    kind: SurveyKind
    mode: SurveyMode
    expires_at: Timestamp | None = None


class SurveyAnswered(Event):
    """One answer; what it measures is the subclass's."""

    event_type: Literal["survey.answered"]
    kind: SurveyKind
    mode: SurveyMode


POINTS_MIN: Final = 2
POINTS_MAX: Final = 11
"""Of a scale: from thumbs up or down to 0 to 10."""

# In the validators below a field is absent from `info.data` when it is itself wrong: then that is reported instead.


def _of_points(scale_max: int, info: ValidationInfo) -> int:
    scale_min = info.data.get("scale_min")
    if scale_min is not None and not POINTS_MIN <= scale_max - scale_min + 1 <= POINTS_MAX:
        limits = {"least": POINTS_MIN, "most": POINTS_MAX, "lowest": scale_min}
        raise PydanticCustomError("bad_enum", "a scale of {least} to {most} points, the lowest being {lowest}", limits)
    return scale_max


def _within_scale(score: int | None, info: ValidationInfo) -> int | None:
    scale_min, scale_max = info.data.get("scale_min"), info.data.get("scale_max")
    if score is not None and scale_min is not None and scale_max is not None and not scale_min <= score <= scale_max:
        limits = {"scale_min": scale_min, "scale_max": scale_max}
        raise PydanticCustomError("score_out_of_range", "{scale_min} to {scale_max}", limits)
    return score


def _or_text(score: int | None, info: ValidationInfo) -> int | None:
    if score is None and "text" in info.data and not (info.data["text"] or "").strip():
        raise PydanticCustomError("missing_field", "a rating, or a text without one")
    return score


def _with_score(direction: str | None, info: ValidationInfo) -> str | None:
    if direction is None and info.data.get("score") is not None:
        raise PydanticCustomError("missing_field", "a value: the field is required with a score")
    return direction


class CsatAnswered(SurveyAnswered):
    """Customer satisfaction: the lowest point is the worst (K01). Without a score the text is the answer."""

    kind: Literal["csat"]
    scale_min: ScaleMin = 1
    scale_max: ScaleMax = 5
    score: Annotated[int | None, Field(validate_default=True)] = None

    _points = field_validator("scale_max")(_of_points)
    _score = field_validator("score")(_within_scale)
    _text = field_validator("score")(_or_text)


class NpsAnswered(SurveyAnswered):
    """Likelihood to recommend, 0 to 10 (K02). Without a score the text is the answer."""

    kind: Literal["nps"]
    score: Annotated[Annotated[int, Within(0, 10)] | None, Field(validate_default=True)] = None

    _text = field_validator("score")(_or_text)


class CesAnswered(SurveyAnswered):
    """Effort (K03). Without its direction a score means nothing: the two versions of CES are opposite."""

    kind: Literal["ces"]
    scale_min: ScaleMin = 1
    scale_max: ScaleMax = 7
    score: Annotated[int | None, Field(validate_default=True)] = None
    direction: Annotated[EffortDirection | None, Field(validate_default=True)] = None

    _points = field_validator("scale_max")(_of_points)
    _score = field_validator("score")(_within_scale)
    _text = field_validator("score")(_or_text)
    _direction = field_validator("direction")(_with_score)


class Section(Record):
    """One part of a mystery visit: points earned of points possible."""

    code: Name
    element: Element | None = None
    possible: Positive
    earned: float
    weight: Positive = 1.0
    critical: bool = False
    passed: bool | None = None

    @field_validator("earned")
    @classmethod
    def _at_most_possible(cls, earned: float, info: ValidationInfo) -> float:
        possible = info.data.get("possible")
        if possible is not None and not 0 <= earned <= possible:
            raise PydanticCustomError("score_out_of_range", "0 to {possible}", {"possible": possible})
        return earned


class MysteryShopperAnswered(SurveyAnswered):
    """A visit of a mystery shopper, section by section."""

    kind: Literal["mystery_shopper"]
    visit_id: Reference
    site: Name | None = None
    scenario: Name | None = None
    sections: Annotated[tuple[Section, ...], Entries(1, 100)]
    evaluator: Person | None = None


class PeopleMet(Record):
    """How many people a walking manager spoke with."""

    customers: Count = 0
    employees: Count = 0


class Finding(Record):
    """Something that a walking manager saw."""

    id: Reference
    element: Element
    polarity: Polarity
    severity: Grade | None = None
    subject_role: SubjectRole | None = None
    text: Text | None = None
    owner: Owner | None = None
    due_at: Timestamp | None = None


FINDINGS_TEXT_MAX: Final = 8_000
"""Characters: what all findings of a walk may say together is as much as one text."""


class FloorWalkAnswered(SurveyAnswered):
    """A manager's walk. Without findings it still counts: somebody was there."""

    kind: Literal["floor_walk"]
    walk_id: Reference
    manager: Person
    site: Name
    started_at: Timestamp
    ended_at: Timestamp
    people_met: PeopleMet | None = None
    findings: Annotated[tuple[Finding, ...], Entries(0, 200)] = Field(
        (), description=f"At most {FINDINGS_TEXT_MAX} characters of text in all of them."
    )

    @field_validator("findings")
    @classmethod
    def _not_too_wordy(cls, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
        if sum(len(finding.text or "") for finding in findings) > FINDINGS_TEXT_MAX:
            raise PydanticCustomError(
                "wrong_type", "at most {most} characters of text in all findings", {"most": FINDINGS_TEXT_MAX}
            )
        return findings

    @field_validator("ended_at")
    @classmethod
    def _not_before_start(cls, ended_at: datetime, info: ValidationInfo) -> datetime:
        started_at = info.data.get("started_at")
        if started_at is not None and ended_at < started_at:
            raise PydanticCustomError("bad_timestamp", "not before started_at")
        return ended_at


class CustomAnswered(SurveyAnswered):
    """Anything else that is measured; never part of CSAT, NPS or CES."""

    kind: Literal["custom"]
    metrics: Annotated[dict[Name, Number], Entries(1, 100)]


class SurveyExpired(Event):
    """The survey takes no more answers."""

    event_type: Literal["survey.expired"]


class SurveyBounced(Event):
    """The invitation did not reach the customer."""

    event_type: Literal["survey.bounced"]


class SurveyDeclined(Event):
    """The customer does not want to answer."""

    event_type: Literal["survey.declined"]


class Followup(Event):
    """Somebody owns what a bad answer asks for."""

    owner: Owner
    due_at: Timestamp | None = None
    result: FollowupResult | None = None


class SurveyFollowupOpened(Followup):
    """Somebody is to call the customer about the answer."""

    event_type: Literal["survey.followup_opened"]


class SurveyFollowupContacted(Followup):
    """The customer was called: what the follow-up promised is done."""

    event_type: Literal["survey.followup_contacted"]


class SurveyFollowupClosed(Followup):
    """The follow-up is over."""

    event_type: Literal["survey.followup_closed"]


AnyAnswer = Annotated[
    CsatAnswered | NpsAnswered | CesAnswered | MysteryShopperAnswered | FloorWalkAnswered | CustomAnswered,
    Field(discriminator="kind"),
]

SurveyEvent = Annotated[
    SurveyInvited
    | AnyAnswer
    | SurveyExpired
    | SurveyBounced
    | SurveyDeclined
    | SurveyFollowupOpened
    | SurveyFollowupContacted
    | SurveyFollowupClosed,
    Field(discriminator="event_type"),
]
