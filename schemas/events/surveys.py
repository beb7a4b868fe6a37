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
    Scale,
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


def _within_scale(score: int, info: ValidationInfo) -> int:
    scale_max = info.data.get("scale_max")  # absent when it is itself wrong, which is reported instead
    if scale_max is not None and not 1 <= score <= scale_max:
        raise PydanticCustomError("score_out_of_range", "1 to {scale_max}", {"scale_max": scale_max})
    return score


class CsatAnswered(SurveyAnswered):
    """Customer satisfaction: 1 is the worst (K01)."""

    kind: Literal["csat"]
    scale_max: Scale = 5
    score: int

    _score = field_validator("score")(_within_scale)


class NpsAnswered(SurveyAnswered):
    """Likelihood to recommend, 0 to 10 (K02)."""

    kind: Literal["nps"]
    score: Annotated[int, Within(0, 10)]


class CesAnswered(SurveyAnswered):
    """Without its direction the score means nothing: the two versions of CES are opposite."""

    kind: Literal["ces"]
    scale_max: Scale = 7
    score: int
    direction: EffortDirection

    _score = field_validator("score")(_within_scale)


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
