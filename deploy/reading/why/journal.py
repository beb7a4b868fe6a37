"""The journal of a case: what is told of it, as values. Every rendering writes down this, and nothing else.

Moments are milliseconds since the epoch, durations milliseconds: elapsed, or of the own time of a clock (`*_own_ms`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from deploy.reading.why.comparison import Difference
from deploy.reading.why.hours import Stretch
from deploy.reading.why.marks import MarkKind
from deploy.reading.why.reckoning import Span

EntryStatus = Literal["counts", "repeated", "withdrawn", "duplicate", "beyond_retention", "left_out", "ignored", "time"]


@dataclass(frozen=True, slots=True)
class Promised:
    """What a clock promises, and by what words."""

    target_ms: int
    """0 when it is in working days."""
    working_days: int
    calendar: str
    """'': elapsed time."""
    calendar_version: str
    zone: str
    legal: bool
    as_told: bool
    """Whether it is the moment that the customer was told."""
    policy_id: str
    policy_version: str
    rule: int
    """Which of the rules of its metric, from 1 on."""
    conditions: tuple[tuple[str, tuple[str, ...]], ...]
    """What the rule asks for; empty: it fits every case."""
    policy_digest: str = ""
    calendar_digest: str = ""
    text_first_seen_at: int | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """What an entry did to one clock."""

    metric: str
    instance: int
    kind: MarkKind
    at: int
    due_at: int
    used_own_ms: int
    left_own_ms: int
    promised: Promised
    started_at: int
    was_due_at: int | None = None
    """Before it, where that was another moment."""
    reason: str = ""
    """Of a pause: what is waited for, and why, as `waiting_customer:info`."""
    share: float = 0
    """Of a warning: of the target."""
    paused_ms: int = 0
    """Of a resumption: how long the pause was, elapsed."""
    late_own_ms: int = 0
    late_ms: int = 0


@dataclass(frozen=True, slots=True)
class CountedGap:
    """What of the time between two entries one calendar counts."""

    calendar: str
    counted_own_ms: int
    stretches: tuple[Stretch, ...]


@dataclass(frozen=True, slots=True)
class Gap:
    """The time between two entries while any clock was open."""

    elapsed_ms: int
    by_calendar: tuple[CountedGap, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened, or that time alone did."""

    at: int
    status: EntryStatus
    event_id: str = ""
    event_type: str = ""
    """Without the prefix of its topic, as it counts: `hung_up` of an abandonment, say."""
    said: Mapping[str, Any] = ()  # type: ignore[assignment]
    from_case: str = ""
    """The case that it happened to, which was merged into this one."""
    to_survivor: bool = False
    """Whether it is said to the case that this one was merged into."""
    recorded_at: int | None = None
    late: bool = False
    warnings: tuple[str, ...] = ()
    corrected_by: tuple[str, ...] = ()
    marks: tuple[Mark, ...] = ()
    gap: Gap | None = None
    """Since the entry before."""


@dataclass(frozen=True, slots=True)
class ClockTold:
    """One clock: what was promised, how it was counted, and how it reads."""

    metric: str
    instance: int
    promised: Promised
    started_at: int
    due_at: int
    ended_at: int | None
    state: str
    how: MarkKind
    """What happened to it last."""
    whole_own_ms: int
    allotted_own_ms: int
    used_own_ms: int
    took_own_ms: int | None
    late_own_ms: int
    late_ms: int
    paused_ms: int
    unanswered_pause_ms: int
    retroactive: bool
    retracted: bool
    inherited: bool
    escalated: bool
    spans: tuple[Span, ...]
    compared: bool
    """Whether `v_sla` was asked, and has it."""
    used_by: tuple[tuple[str, int], ...]
    """Team -> what it used of this instance: until its end, the deadline that it missed, or else the last hand-off."""
    per_team: bool
    """Whether it is promised of each team that has the case."""
    working_day: int | None = None
    """Of a promise in working days: after how many it was done, or it is now."""
    recomputed_at: int | None = None
    """When a version of its pack or calendar came into force that holds for it although it ran by then."""


@dataclass(frozen=True, slots=True)
class CaseTold:
    """What is known of the case as of the telling; '' or None where nothing is."""

    topic: str
    source: str
    entity_id: str
    partition: int
    state: str
    facts: Mapping[str, str]
    opened_at: int | None = None
    resolved_at: int | None = None
    merged_into: str = ""
    left_out: int = 0
    incomplete: bool = False
    test: bool = False


@dataclass(frozen=True, slots=True)
class Journal:
    """All that is told."""

    case: CaseTold
    as_of: int
    was_asked: bool
    """Whether it is told as of a moment that was asked for, beside which nothing is stored any more."""
    zone: str
    erased: bool
    entries: tuple[Entry, ...] = ()
    clocks: tuple[ClockTold, ...] = ()
    differences: tuple[Difference, ...] = ()
    notes: Mapping[str, int] = ()  # type: ignore[assignment]
    """What limits the telling, and how much of it there is."""

    @property
    def agrees(self) -> bool:
        return not self.differences


_LISTED: Final = (list, tuple)


def document(journal: Journal) -> dict[str, Any]:
    """Return the journal for machines: moments as RFC 3339, nothing that is empty."""
    plain = _plain("", journal)
    assert isinstance(plain, dict)
    return plain


def _plain(name: str, value: Any) -> Any:
    if hasattr(value, "__dataclass_fields__"):
        fields = {one: _plain(one, getattr(value, one)) for one in value.__dataclass_fields__}
        return {one: said for one, said in fields.items() if said not in (None, "", [], {})}
    if isinstance(value, _LISTED):
        return [_plain(name, one) for one in value]
    if isinstance(value, Mapping):
        return {str(one): _plain(str(one), said) for one, said in value.items()}
    if isinstance(value, int) and not isinstance(value, bool) and (name in ("at", "as_of") or name.endswith("_at")):
        return datetime.fromtimestamp(value / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return value
