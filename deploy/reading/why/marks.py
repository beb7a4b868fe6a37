"""What became of a clock between two looks at it: values, from nothing but how it was and how it is."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from deploy.reading.why.refold import ClockKey, Identity, Step
from processors.sla.clocks import Clock

MarkKind = Literal[
    "started", "continued", "paused", "resumed", "pause_over", "kept", "broken", "answered_before", "cancelled",
    "given_up", "annulled", "kept_after_all", "retargeted", "escalated", "extended", "began_earlier", "inherited",
    "changed", "warned", "due", "let_go",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """What one event, or time alone, did to one clock."""

    clock: ClockKey
    kind: MarkKind
    at: int
    before: Clock | None
    after: Clock
    reason: str = ""
    """Of a pause: what is waited for."""
    by: Identity = ("", "", 0)
    """The event that did it; of none, time alone."""


def changes(step: Step) -> Iterator[Change]:
    """What an event did to the clocks of its case, in the order in which these began."""
    for key, after in step.after.items():
        for change in _of_clock(key, step.before.get(key), after, step):
            yield replace(change, by=step.identity)


def _of_clock(key: ClockKey, before: Clock | None, after: Clock, step: Step) -> Iterator[Change]:
    at = step.event.occurred_at
    waits_for = "" if step.hold is None else f"{step.hold.state}:{step.hold.reason}"
    if before is None:
        yield Change(key, "continued" if _continues(after) else "started", at, None, after)
        if after.phase == "paused":
            yield Change(key, "paused", after.paused_at, before, after, waits_for)
        elif not after.is_open:
            yield from _ended(key, None, after, at)
        elif after.inherited_at is not None:
            yield Change(key, "inherited", at, None, after)
        return
    if before.phase == "paused" and (after.phase != "paused" or after.paused_at != before.paused_at):
        over = at > before.paused_until
        yield Change(key, "pause_over" if over else "resumed", before.paused_until if over else at, before, after)
    if after.is_open:
        yield from _promised_otherwise(key, before, after, at)
        if after.phase == "paused" and (before.phase != "paused" or after.paused_at != before.paused_at):
            yield Change(key, "paused", after.paused_at, before, after, waits_for)
    elif before.is_open or after.phase != before.phase:
        yield from _ended(key, before, after, at)


def _continues(clock: Clock) -> bool:
    return bool(clock.ran) and clock.ran[0][0] < clock.started_at and clock.inherited_at is None


def _ended(key: ClockKey, before: Clock | None, after: Clock, at: int) -> Iterator[Change]:
    if after.phase == "annulled":
        yield Change(key, "annulled", at, before, after)
    elif after.phase == "cancelled":
        yield Change(key, "given_up" if after.ended_at > after.due_at else "cancelled", at, before, after)
    elif after.inherited_at is not None and (before is None or before.inherited_at is None):
        yield Change(key, "answered_before", at, before, after)
    elif before is not None and before.phase == "cancelled":
        yield Change(key, "kept_after_all", at, before, after)
    else:
        yield Change(key, "kept" if after.ended_at <= after.due_at else "broken", at, before, after)


def _promised_otherwise(key: ClockKey, before: Clock, after: Clock, at: int) -> Iterator[Change]:
    if after.inherited_at is not None and before.inherited_at is None:
        yield Change(key, "inherited", at, before, after)
    elif after.escalated and not before.escalated:
        yield Change(key, "escalated", at, before, after)
    elif after.target != before.target or after.calendar is not before.calendar:
        yield Change(key, "retargeted", at, before, after)
    elif after.working_days != before.working_days:
        yield Change(key, "extended", at, before, after)
    elif after.started_at < before.started_at or after.origin < before.origin:
        yield Change(key, "began_earlier", at, before, after)
    elif after.whole_ms != before.whole_ms:
        yield Change(key, "changed", at, before, after)


def at_moment(clock: Clock, at: int) -> list[tuple[int, int]]:
    """When a clock had run by a moment: from, to; its earlier instances included."""
    spans = [(start, min(end, at)) for start, end in clock.ran if start < at]
    if clock.since < at:
        spans.append((clock.since, at if clock.is_open else min(at, clock.ended_at)))
    return spans
