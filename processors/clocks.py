"""The SLA clock: what starts it, what ends it, and what became of the promise. No I/O, no clock of its own.

An event of a case is first reduced to a *trigger* (`cases.py`). `SIGNALS` says what a trigger means to a clock of each
metric, `TRANSITIONS` what a signal does to a clock in each phase. What is in neither table changes nothing.

    start    the promise begins                   stop    it was kept or broken by now
    cancel   nobody is owed it any more; a deadline that has passed stays broken
    annul    it should never have been counted    reopen  what is left of the target runs again, as a new instance

The outcome is then a pure function of the clock and of `now`:

    annulled                                cancelled
    ended,  ended_at <= due_at              met, or cancelled
    ended,  ended_at >  due_at              breached
    running, now >  due_at + grace          breached_open
    running, now <= due_at + grace          running

`now` decides when that is noticed, never what it says: a breach is dated at its deadline, and an end that is proven to
have come in time takes it back (*retracted*, when the proof arrived after the deadline and its grace).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from schemas.policies import Target
from schemas.taxonomy import ClockMetric, ClockState

Signal = Literal["start", "stop", "cancel", "annul", "reopen"]
Phase = Literal["running", "stopped", "cancelled", "annulled"]

SIGNALS: Final[Mapping[ClockMetric, Mapping[str, Signal]]] = {
    "answer": {
        "queued": "start",
        "answered_by_person": "stop",
        "abandoned": "cancel",
        "resolved": "cancel",
        "closed": "cancel",
        "dismissed": "annul",
        "merged": "annul",
        "voided": "annul",
    },
    "first_response": {
        "opened": "start",
        "answered_by_person": "stop",
        "replied_by_person": "stop",
        "abandoned": "cancel",
        "resolved": "cancel",
        "closed": "cancel",
        "dismissed": "annul",
        "merged": "annul",
        "voided": "annul",
    },
    "resolve": {
        "opened": "start",
        "resolved": "stop",
        "closed": "stop",
        "abandoned": "cancel",
        "reopened": "reopen",
        "dismissed": "annul",
        "merged": "annul",
        "voided": "annul",
    },
    "acknowledge": {
        "opened": "start",
        "acknowledged": "stop",
        "resolved": "stop",
        "closed": "stop",
        "merged": "annul",
        "voided": "annul",
    },
}

TRANSITIONS: Final[Mapping[tuple[Phase | None, Signal], Phase]] = {
    (None, "start"): "running",
    ("running", "stop"): "stopped",
    ("running", "cancel"): "cancelled",
    ("running", "annul"): "annulled",
    ("stopped", "annul"): "annulled",
    ("cancelled", "annul"): "annulled",
    ("stopped", "reopen"): "running",
}

SIGNALS_OF: Final[Mapping[str, tuple[tuple[ClockMetric, Signal], ...]]] = {
    trigger: tuple((metric, table[trigger]) for metric, table in SIGNALS.items() if trigger in table)
    for trigger in sorted({trigger for table in SIGNALS.values() for trigger in table})
}
"""Trigger -> the metrics that it concerns: `SIGNALS`, turned round for the fold."""


@dataclass(slots=True)
class Clock:
    """One instance of one promise. Moments are milliseconds since the epoch."""

    metric: ClockMetric
    instance: int
    """1, and one more with each reopening."""
    target: Target
    target_ms: int
    """The time this instance has: the target, or what an earlier instance left of it."""
    started_at: int
    started_record_at: int
    due_at: int
    phase: Phase = "running"
    ended_at: int = 0
    ended_record_at: int = 0
    attribution: tuple[str, ...] | None = None
    """KPI dimensions of the case at the deadline or the end, whichever came first; None while neither has."""


def started(metric: ClockMetric, instance: int, target: Target, target_ms: int, at: int, record_at: int) -> Clock:
    return Clock(metric, instance, target, target_ms, at, record_at, at + target_ms)


def signalled(clock: Clock, signal: Signal, at: int, record_at: int) -> None:
    """Let a signal end the clock, if the table has it so. Starting and reopening make new instances: see `cases.py`."""
    phase = TRANSITIONS.get((clock.phase, signal))
    if phase is None or phase == "running":
        return
    if clock.phase == "running":
        clock.ended_at, clock.ended_record_at = at, record_at
    clock.phase = phase


def outcome(clock: Clock, now: int) -> ClockState:
    if clock.phase == "running":
        return "breached_open" if now > clock.due_at + clock.target.grace_ms else "running"
    if clock.phase == "annulled":
        return "cancelled"
    if clock.ended_at > clock.due_at:
        return "breached"
    return "met" if clock.phase == "stopped" else "cancelled"


def retracted(clock: Clock) -> bool:
    """Was the proof that the promise was kept late enough for the breach to have been announced?"""
    return (
        clock.phase in ("stopped", "cancelled")
        and clock.ended_at <= clock.due_at
        and clock.ended_record_at > clock.due_at + clock.target.grace_ms
    )


def retroactive(clock: Clock) -> bool:
    """Was the deadline past before anyone could know of the promise?"""
    return clock.started_record_at > clock.due_at + clock.target.grace_ms


def warnings(clock: Clock, now: int) -> list[int]:
    """The warning moments that the clock has passed while it ran, in order."""
    if clock.phase == "annulled" or not clock.target.warn_ms:
        return []
    end = min(now - clock.target.grace_ms if clock.phase == "running" else clock.ended_at, clock.due_at)
    if clock.due_at - clock.target.target_ms + clock.target.warn_ms[0] >= end:
        return []
    return [at for at in _warning_moments(clock) if at < end]


def _warning_moments(clock: Clock) -> list[int]:
    """By the time that the whole promise had; what an earlier instance used up is past when this one starts."""
    nominal_start = clock.due_at - clock.target.target_ms
    return [max(nominal_start + ms, clock.started_at) for ms in clock.target.warn_ms]


def thresholds(clock: Clock) -> Iterator[int]:
    """The moments after which a running clock reads differently: warnings, deadline, twice overdue. Grace included."""
    grace = clock.target.grace_ms
    if clock.phase == "running":
        for at in _warning_moments(clock):
            yield at + grace
        yield clock.due_at + grace
        yield clock.due_at + clock.target.target_ms + grace


def overdue_ms(clock: Clock) -> int:
    """How long after its deadline an ended clock ended; 0 when in time, or still running."""
    return max(0, clock.ended_at - clock.due_at) if clock.phase in ("stopped", "cancelled") else 0
