"""What a telling reckons beside what the fold and `v_sla` say of the same clock, to the millisecond."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from deploy.reading.why.reckoning import Now, Reckoning
from deploy.reading.why.records import Row
from processors.sla import clocks
from processors.sla.clocks import Clock


@dataclass(frozen=True, slots=True)
class Difference:
    """One value of one clock that is not the same everywhere; moments and durations are milliseconds."""

    metric: str
    instance: int
    column: str
    """Of `v_sla`; `clock` where one side has no such clock at all."""
    reckoned: Any
    """By walking the calendar."""
    folded: Any
    """What the clock of the fold says."""
    stored: Any = None
    """What `v_sla` shows; None where it was not asked."""


def differences(clock: Clock, reckoned: Reckoning, row: Row | None, now: Now) -> Iterator[Difference]:
    """The columns of which reckoning, fold and row (if it is asked) do not say the same."""
    told, folded = _told(clock, reckoned), _folded(clock, now.decided_to)
    for column, value in told.items():
        other = folded.get(column, value)
        stored = value if row is None else row.get(column, value)
        if not (_same(value, other) and _same(value, stored)):
            yield Difference(clock.metric, clock.instance, column, value, other, None if row is None else stored)


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, tuple) and isinstance(other, list):
        return one == tuple(other)
    return bool(one == other)


def _told(clock: Clock, reckoned: Reckoning) -> dict[str, Any]:
    target, ended_at = clock.target, reckoned.ended_at
    return {
        "policy_id": target.policy_id,
        "policy_version": target.policy_version,
        "target": target.written,
        "calendar_version": "" if clock.calendar is None else clock.calendar.version,
        "started_at": clock.started_at,
        "target_ms": reckoned.allotted_ms,
        "due_at": reckoned.due_at,
        "stopped_at": ended_at,
        "state": reckoned.state,
        "business_ms": reckoned.took_ms,
        "elapsed_ms": None if ended_at is None else ended_at - clock.started_at,
        "overdue_ms": reckoned.overdue_ms,
        "overdue_elapsed_ms": reckoned.overdue_elapsed_ms,
        "paused_ms": reckoned.paused_ms,
        "illegitimate_pause_ms": reckoned.unanswered_ms,
        "retroactive": int(reckoned.retroactive),
        "retracted": int(reckoned.retracted),
        "inherited": int(clock.inherited_at is not None),
        "used_teams": tuple(team for team, _ in reckoned.used_by),
        "used_ms": tuple(used for _, used in reckoned.used_by),
    }


def _folded(clock: Clock, now: int) -> dict[str, Any]:
    paused, unanswered = clocks.paused_ms(clock, now)
    said: dict[str, Any] = {
        "target_ms": clock.allotted_ms,
        "due_at": clock.due_at,
        "state": clocks.outcome(clock, now),
        "business_ms": clocks.took_ms(clock),
        "paused_ms": paused,
        "illegitimate_pause_ms": unanswered,
        "retroactive": int(clocks.retroactive(clock)),
        "retracted": int(clocks.retracted(clock)),
    }
    if said["state"] != "breached_open":
        said["overdue_ms"], said["overdue_elapsed_ms"] = clocks.overdue(clock)
    return said
