"""A policy pack as it is written: its rules, and what their keys mean. What has no effect is refused by `refusals`."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PositiveInt, model_validator

from schemas.policies.durations import Duration
from schemas.policies.versions import Versioned
from schemas.taxonomy import (
    Channel,
    ClockMetric,
    ComplaintKind,
    Direction,
    Priority,
    Relationship,
    SurveyKind,
    TopicClass,
    WaitReason,
)
from schemas.topics import InputTopic


def _positive(value: int) -> int:
    if value <= 0:
        raise ValueError("a target is longer than nothing")
    return value


OnReopen = Literal["continue", "restart", "none"]
OnPriorityChange = Literal["recompute", "keep"]
Per = Literal["case", "team"]
PauseOn = Literal["waiting_customer", "waiting_third_party"]
PAUSE_REASONS: Final[tuple[str, ...]] = get_args(WaitReason)
WARN_AT: Final = (0.5, 0.8)
LEGAL_WARN_AT: Final = (0.5, 0.8, 0.95)
MAX_PAUSE_MS: Final = 5 * 86_400_000
LEAST_ESCALATION_GRACE_MS: Final = 15 * 60_000


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


Kind = Literal[Direction, ComplaintKind, SurveyKind]
"""Direction of a contact, kind of a complaint or of a survey."""
Conditions = tuple[tuple[str, tuple[object, ...]], ...]
"""Names of facts, and the values of each that fit."""


class When(_Strict):
    """What a case must be for a target to hold; a list names alternatives, what is not named fits all."""

    topic: tuple[InputTopic, ...] = ()
    source: tuple[str, ...] = ()
    channel: tuple[Channel, ...] = ()
    priority: tuple[Priority, ...] = ()
    kind: tuple[Kind, ...] = ()
    topic_class: tuple[TopicClass, ...] = ()
    relationship: tuple[Relationship, ...] = ()
    segment: tuple[str, ...] = ()
    area: tuple[str, ...] = ()
    team: tuple[str, ...] = ()
    """That has the case: of its unit, or that it was handed to."""
    site: tuple[str, ...] = ()
    category: tuple[str, ...] = ()
    """As mapped to the common taxonomy."""
    product: tuple[str, ...] = ()
    language: tuple[Annotated[str, Field(pattern=r"^[a-z]{2,3}$")], ...] = ()
    """Whatever region it is of: pt fits pt-BR."""
    country: tuple[Annotated[str, Field(pattern=r"^[A-Z]{2}$")], ...] = ()
    """Of the customer."""
    vulnerable: bool | None = None
    """Whether the customer is known to be; one who is not known to be is not."""
    queue: tuple[str, ...] = ()
    """The last that a contact waited in: fits nothing before it was queued."""

    def conditions(self) -> Conditions:
        """What is asked for, by the name of the fact."""
        return tuple(
            (name, value if isinstance(value, tuple) else (value,)) for name, value in self if value not in ((), None)
        )

    def covers(self, other: "When") -> bool:
        """Does it fit all that `other` fits?"""
        theirs = dict(other.conditions())
        return all(name in theirs and set(theirs[name]) <= set(values) for name, values in self.conditions())


class TargetRule(_Strict):
    """What is promised to the cases that `when` fits."""

    when: When = When()
    target: Annotated[Duration, AfterValidator(_positive)] | None = None
    """Milliseconds; a rule without a target says that nothing is promised, and ends the search in its pack."""
    working_days: PositiveInt | None = None
    """Instead of `target`: due at the end of this working day, the day of receipt not counted."""
    calendar: str | None = None
    """Whose business time, or working days; elapsed time when not given."""
    grace: Duration | None = None
    """Milliseconds that a deadline waits for stop events in flight; the setting `grace` when not given."""
    warn_at: tuple[Annotated[float, Field(gt=0, lt=1)], ...] | None = None
    """Shares of the target at which a running clock warns; 0.5 and 0.8 when not given, of legal clocks also 0.95."""
    per: Per = "case"
    """`team`: of each team that has the case, from when it came to it; handed on in time, it is not owed any more."""
    legal: bool = False
    """Never pauses, and no change of priority makes it longer."""
    pausable: bool = False
    pause_on: tuple[PauseOn, ...] = ("waiting_customer", "waiting_third_party")
    pause_reasons: tuple[WaitReason, ...] = ()
    """Reasons that pause the clock, none named: all. An event that gives none has `other`."""
    max_pause: Annotated[Duration, AfterValidator(_positive)] = Field(MAX_PAUSE_MS, validate_default=False)
    """Milliseconds, elapsed, after which a forgotten pause ends."""
    on_priority_change: OnPriorityChange = "recompute"
    """`keep`: the target of the start holds whatever becomes of priority and class, or of what else rules ask for."""
    on_reopen: OnReopen = "continue"
    """What a reopening gives: what was left of the target, all of it again, or nothing."""
    grace_on_escalation: Duration | None = None
    """Milliseconds of the clock's own time after a change whose deadline is already past; when not given, the greater
    of 15 min and a tenth of the new target.
    """
    extended_working_days: PositiveInt | None = None
    """Working days from the start, once a holding response was sent in time; none: it extends nothing."""

    @model_validator(mode="before")
    @classmethod
    def _business_days_are_not_24_hours(cls, content: Any) -> Any:
        if isinstance(content, dict) and content.get("calendar") and str(content.get("target", "")).endswith("d"):
            raise ValueError("a day of business time is ambiguous: write hours, or working_days")
        return content

    @model_validator(mode="after")
    def _consistent(self) -> "TargetRule":
        if self.target is not None and self.working_days is not None:
            raise ValueError("a promise has a target or working_days, not both")
        if (self.working_days or self.extended_working_days) and self.calendar is None:
            raise ValueError("working days need the calendar that counts them")
        if self.legal and self.pausable:
            raise ValueError("a legal clock never pauses: take away pausable, or legal")
        return self

    @property
    def promises(self) -> bool:
        return self.target is not None or self.working_days is not None


SHORT_ABANDON_MS: Final = 5_000


class ShortAbandonRule(_Strict):
    """How soon a caller of the cases that `when` fits may leave without having waited (K07)."""

    when: When = When()
    below: Duration
    """Milliseconds; "0s": whoever leaves has waited."""


class Policy(_Strict, Versioned):
    """One version of one pack."""

    policy_id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
    recompute_open: bool = False
    """Whether it holds from `valid_from` on for clocks that run then, too: counted from when they began."""
    clocks: Mapping[ClockMetric, tuple[TargetRule, ...]]
    short_abandon: tuple[ShortAbandonRule, ...] = ()
    """The first that fits at the queueing holds; 5 s where none does."""
    attainment: Mapping[ClockMetric, Annotated[float, Field(gt=0, lt=1)]] = Field(default_factory=dict)
    """Share of the clocks of a metric that is to be met, which alerts measure by; it decides about no clock."""
    oldest_case: Mapping[Priority, Annotated[Duration, AfterValidator(_positive)]] = Field(default_factory=dict)
    """Milliseconds that a case of a priority may be open before an alert says so; it decides about no clock."""

    @model_validator(mode="after")
    def _measured(self) -> "Policy":
        if unknown := sorted(self.attainment.keys() - self.clocks.keys()):
            raise ValueError(f"attainment of what has no clocks here: {', '.join(unknown)}")
        return self
