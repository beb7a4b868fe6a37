"""The arithmetic of one clock, by walking the hours of its calendar: how much it had, used, when it was due, how late.

Of the clock only moments are believed (when it ran, paused, ended) and the words of its target; every sum is made here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from deploy.reading.why.hours import Hours, Stretch
from deploy.reading.why.marks import Change
from deploy.reading.why.refold import ClockKey, Step
from processors.sla.clocks import Clock
from schemas.policies.policy import LEAST_ESCALATION_GRACE_MS
from schemas.taxonomy import ClockState


@dataclass(frozen=True, slots=True)
class Span:
    """When a clock ran or was paused, [begins_at, ends_at) in ms, and what of that counted."""

    kind: Literal["ran", "paused", "earlier"]
    """`earlier`: it ran in an earlier instance of the promise, or in a case that was merged into this one."""
    begins_at: int
    ends_at: int
    counted_ms: int
    stretches: tuple[Stretch, ...]
    """None of a pause."""


@dataclass(frozen=True, slots=True)
class Reckoning:
    """Durations are milliseconds of the clock's own time, but where they are elapsed."""

    whole_ms: int
    """The whole promise."""
    allotted_ms: int
    """What of it this instance had."""
    used_ms: int
    """What of the whole was used by its end, or by now."""
    due_at: int
    state: ClockState
    ended_at: int | None
    took_ms: int | None
    overdue_ms: int
    overdue_elapsed_ms: int
    paused_ms: int
    """Elapsed, of pauses that are over."""
    unanswered_ms: int
    """Elapsed: of these, with a message of the customer unanswered."""
    retroactive: bool
    retracted: bool
    spans: tuple[Span, ...]
    used_by: tuple[tuple[str, int], ...] = ()
    """Team -> how long this instance ran while it had the case: until its end, the deadline that it missed, or else the
    last hand-off.
    """


class Now(NamedTuple):
    """As of when a case is read, ms."""

    read_to: int
    """The watermark of its partition: all records up to it were processed."""
    decided_to: int
    """Up to when its deadlines have fired: later where another input holds the watermark back for long."""


class Held(NamedTuple):
    """That a team had a case, ms."""

    team: str
    since: int
    to: int | None
    """None: it has it still."""


class Time:
    """The own time of a clock: the hours of a calendar, or elapsed time."""

    def __init__(self, hours: Hours | None) -> None:
        self.hours = hours

    def count(self, start: int, end: int) -> int:
        if end < start:
            return -self.count(end, start)
        return end - start if self.hours is None else self.hours.count(start, end)

    def after(self, start: int, counted_ms: int) -> int:
        return start + counted_ms if self.hours is None else self.hours.after(start, counted_ms)

    def walk(self, start: int, end: int) -> list[Stretch]:
        if self.hours is not None:
            return self.hours.walk(start, end)
        return [Stretch(start, end, counts=True)] if start < end else []

    def end_of_working_day(self, received: int, days: int) -> int:
        assert self.hours is not None, "working days have a calendar"
        return self.hours.end_of_working_day(received, days)


def reckon(
    clock: Clock,
    time: Time,
    changes: Sequence[Change],
    steps: Sequence[Step],
    earlier: Reckoning | None,
    held: Sequence[Held],
    now: Now,
) -> Reckoning:
    """Reckon a clock: `changes` are its own, `earlier` is the instance before it, `held` who had the case when."""
    key = (clock.metric, clock.instance)
    whole = _whole(clock, time, changes, earlier)
    due_at = _due_at(clock, time, whole)
    state = _state(clock, due_at, now.decided_to)
    ended_at = None if clock.is_open else clock.ended_at
    late = _late(clock, time, due_at, state, now.read_to)
    paused, unanswered = _pauses(key, clock, steps, now.decided_to)
    before = [span for span in clock.ran if span[1] <= clock.started_at]
    spans = tuple(_spans(clock, time, changes, now.read_to))
    return Reckoning(
        whole_ms=whole,
        allotted_ms=whole - sum(time.count(*span) for span in before),
        used_ms=sum(span.counted_ms for span in spans if span.kind != "paused"),
        due_at=due_at,
        state=state,
        ended_at=ended_at,
        took_ms=None if ended_at is None else time.count(clock.started_at, ended_at),
        overdue_ms=late[0],
        overdue_elapsed_ms=late[1],
        paused_ms=paused,
        unanswered_ms=unanswered,
        retroactive=clock.inherited_at is None
        and (clock.escalated or clock.started_record_at > due_at + clock.target.grace_ms),
        retracted=clock.inherited_at is None
        and clock.phase in ("stopped", "cancelled")
        and clock.ended_at <= due_at
        and clock.ended_record_at > due_at + clock.target.grace_ms,
        spans=spans,
        used_by=_used_by(clock, time, due_at, state, held),
    )


def _used_by(
    clock: Clock, time: Time, due_at: int, state: ClockState, held: Sequence[Held]
) -> tuple[tuple[str, int], ...]:
    last = held[-1].since
    until = clock.ended_at if not clock.is_open else due_at if state == "breached_open" else last
    ran = [*clock.ran] if clock.phase == "paused" else [*clock.ran, (clock.since, until)]
    used: dict[str, int] = {}
    for start, end in ran:
        begins, ends = max(start, clock.started_at), min(end, until)
        for team, since, to in held:
            first, behind = max(begins, since), ends if to is None else min(ends, to)
            if first < behind:
                used[team] = used.get(team, 0) + time.count(first, behind)
    return tuple(used.items())


def _whole(clock: Clock, time: Time, changes: Sequence[Change], earlier: Reckoning | None) -> int:
    target = clock.target
    by = _escalation(changes) if clock.escalated else None
    if by is not None:
        after = by.after
        asked = _promised(after, time, after.target.working_days)
        grace = target.escalation_grace_ms
        used = sum(time.count(*span) for span in after.ran)
        if after.phase == "running":
            used += time.count(after.since, by.at)
        return used + (max(LEAST_ESCALATION_GRACE_MS, asked // 10) if grace is None else grace)
    goes_on = changes and changes[0].kind == "continued" and changes[0].after.target == target
    if goes_on and earlier is not None and not clock.working_days:
        return earlier.whole_ms
    return _promised(clock, time, clock.working_days)


def _escalation(changes: Sequence[Change]) -> Change | None:
    """The change that found a new deadline past, and gave time to react."""
    given = (
        change
        for change in reversed(changes)
        if change.after.escalated and (change.before is None or change.before.whole_ms != change.after.whole_ms)
    )
    return next(given, None)


def _promised(clock: Clock, time: Time, working_days: int) -> int:
    if not working_days or time.hours is None:
        return clock.target.target_ms
    return time.count(clock.origin, time.end_of_working_day(clock.origin, working_days))


def _due_at(clock: Clock, time: Time, whole: int) -> int:
    if clock.working_days and not clock.ran:
        return time.end_of_working_day(clock.since, clock.working_days)
    left = whole
    for start, end in clock.ran:
        counted = time.count(start, end)
        if left < counted:
            return time.after(start, left)
        left -= counted
    return time.after(clock.since, left)


def _state(clock: Clock, due_at: int, now: int) -> ClockState:
    grace = clock.target.grace_ms
    if clock.is_open:
        if clock.inherited_at is not None:
            return "breached"
        if clock.phase == "paused" and now <= clock.paused_until + grace:
            return "paused"
        return "breached_open" if now > due_at + grace else "running"
    if clock.phase == "annulled":
        return "cancelled"
    if clock.ended_at > due_at:
        return "breached"
    return "met" if clock.phase == "stopped" else "cancelled"


def _late(clock: Clock, time: Time, due_at: int, state: ClockState, now: int) -> tuple[int, int]:
    """How late it ended, or is by now if it was broken and goes on: in its own time, and elapsed."""
    if state == "breached_open":
        return max(time.count(due_at, now), 0), max(now - due_at, 0)
    if clock.phase in ("stopped", "cancelled") and clock.ended_at > due_at:
        return time.count(due_at, clock.ended_at), clock.ended_at - due_at
    return 0, 0


def _pauses(key: ClockKey, clock: Clock, steps: Sequence[Step], now: int) -> tuple[int, int]:
    """Elapsed time in pauses that are over, and that of a message unanswered meanwhile, from looks at the clock."""
    paused = unanswered = 0
    waits_from: int | None = None
    for step in steps:
        before, after, at = step.before.get(key), step.after.get(key), step.event.occurred_at
        if after is None:
            continue
        if before is not None and before.phase == "paused":
            is_over = after.phase != "paused" or after.paused_at != before.paused_at
            until = min(at, before.paused_until)
            # Where the merged case had been given it, that case counts, and had no such pause.
            is_other = not after.is_open and after.inherited_at != before.inherited_at
            if is_over and not is_other:
                paused += until - before.paused_at
            if waits_from is not None and (is_over or after.unanswered_from is None):
                unanswered += 0 if is_over and is_other else until - waits_from
                waits_from = None
        if after.phase == "paused" and (before is None or before.paused_at != after.paused_at):
            waits_from = after.unanswered_from
    if clock.phase == "paused" and now > clock.paused_until + clock.target.grace_ms:
        paused += clock.paused_until - clock.paused_at
        unanswered += 0 if waits_from is None else clock.paused_until - waits_from
    return paused, unanswered


def _spans(clock: Clock, time: Time, changes: Sequence[Change], now: int) -> list[Span]:
    end = now if clock.is_open else clock.ended_at
    ran = [*clock.ran, *([(clock.since, end)] if clock.since < end else [])]
    paused = sorted({change.after.paused_at for change in changes if change.kind == "paused"})
    spans = list[Span]()
    for start, until in ran:
        kind: Literal["ran", "earlier"] = "earlier" if until <= clock.started_at and start < until else "ran"
        stretches = tuple(time.walk(start, until))
        spans.append(Span(kind, start, until, sum(one.lasts_ms for one in stretches if one.counts), stretches))
    for at in paused:
        resumes = min((start for start, _ in ran if start >= at), default=min(end, clock.paused_until))
        spans.append(Span("paused", at, resumes if clock.is_open or resumes <= end else end, 0, ()))
    return sorted(spans, key=lambda span: (span.begins_at, span.ends_at))
