"""The SLA clock: what starts it, what ends it, and what became of the promise. No I/O, no clock of its own.

What happens to a clock are the signals of `signals`; its outcome is a pure function of it and of `now`:

    annulled                                        cancelled
    open, and inherited                             breached
    ended,  ended_at <= due_at                      met, or cancelled
    ended,  ended_at >  due_at                      breached
    paused, now <= paused_until + grace             paused
    running or paused, now >  due_at + grace        breached_open
    running or paused, now <= due_at + grace        running

`now` decides when that is noticed, never what it says: a breach is dated at its deadline, and an end that is proven to
have come in time takes it back (*retracted*, when the proof arrived after the deadline and its grace).

A clock counts its own time: business time of its calendar, or elapsed time. Deadline and warnings are moments, computed
when the clock starts, changes or resumes; of a paused clock they are those of a pause that nobody ends, which
`max_pause` does. A deadline that has passed is final: no pause, no change of priority and no reopening moves it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from processors.sla.business_time import Calendar
from processors.sla.signals import TRANSITIONS, Phase, Signal
from schemas.policies.packs import Target
from schemas.policies.policy import LEAST_ESCALATION_GRACE_MS
from schemas.taxonomy import ClockMetric, ClockState

Span = tuple[int, int]
"""From, to: milliseconds since the epoch."""

NEVER: Final = 2**62
"""Later than any moment."""


class Reading(NamedTuple):
    """What a clock says, and of which moments that is so."""

    state: ClockState
    warned: tuple[int, ...]
    """The warning moments that it has passed while it ran, in order."""
    retracted: bool
    """Whether a breach was announced, perhaps, that it turned out not to be."""
    since: int
    until: int
    """From when to when, both included, it says so. What has ended says the same for ever."""


@dataclass(slots=True)
class Clock:
    """One instance of one promise. Moments are milliseconds since the epoch; its own time is that of its calendar."""

    metric: ClockMetric
    instance: int
    """1, and one more with each wait, reopening, message or update."""
    target: Target
    calendar: Calendar | None
    """None: elapsed time."""
    started_at: int
    started_record_at: int
    since: int
    """When it began to run on: the start, or the end of the last pause."""
    ran: tuple[Span, ...] = ()
    """When it ran before that, in the instances that it continues too."""
    whole_ms: int = 0
    """The whole promise, in its own time."""
    working_days: int = 0
    """Those that it is due at the end of; 0: it is due when its own time is used up."""
    due_at: int = 0
    twice_at: int = 0
    """When it will have taken its time once more."""
    warn_at: tuple[int, ...] = ()
    """When it warns, one moment for each share of the target."""
    phase: Phase = "running"
    paused_at: int = 0
    paused_until: int = 0
    """When a pause that nobody ends is over."""
    unanswered_from: int | None = None
    """In a pause: since when a message of the customer waits."""
    paused_ms: int = 0
    illegitimate_pause_ms: int = 0
    recomputed_at: int | None = None
    """When another version of its pack or calendar came to hold for it, if one did."""
    escalated: bool = False
    """A change of priority or class found its deadline past, and set another."""
    inherited_at: int | None = None
    """The merge after which a case that was merged into this one counts for it; None: it counts itself."""
    ended_at: int = 0
    ended_record_at: int = 0
    attribution: tuple[str, ...] | None = None
    """KPI dimensions of the case at the deadline or the end, whichever came first, under this promise; None while
    neither has.
    """
    last_reading: Reading | None = field(default=None, init=False, compare=False, repr=False)
    """None since anything moved it: most events move one clock of three, and the others are not read anew."""

    @property
    def is_open(self) -> bool:
        return self.phase == "running" or self.phase == "paused"

    @property
    def origin(self) -> int:
        """When the promise began, of which this may be a later instance."""
        return self.ran[0][0] if self.ran else self.since

    @property
    def allotted_ms(self) -> int:
        """What this instance has, in its own time."""
        if not self.ran:
            return self.whole_ms
        return self.whole_ms - _time_in(self.calendar, tuple(span for span in self.ran if span[1] <= self.started_at))


def start(
    metric: ClockMetric,
    target: Target,
    calendar: Calendar | None,
    at: int,
    record_at: int,
    *,
    instance: int = 1,
    continues: Clock | None = None,
) -> Clock:
    """A clock that runs from `at` on; with the time that is left when it continues an earlier instance."""
    clock = Clock(metric, instance, target, calendar, at, record_at, at)
    if continues is None:
        _promise(clock, target.working_days)
    else:
        clock.ran, clock.whole_ms = (*continues.ran, (continues.since, continues.ended_at)), continues.whole_ms
    _schedule(clock, at)
    return clock


def apply_signal(
    clock: Clock,
    signal: Signal,
    at: int,
    record_at: int,
    *,
    reason: tuple[str, str] = ("", ""),
    unanswered: bool = False,
) -> None:
    """Pause, resume or end the clock, if `TRANSITIONS` has it so.

    `reason` is what a pause waits for and why, `unanswered` whether a message of the customer waits meanwhile.
    What starts or changes a clock needs its promise: see `cases.effects`.
    """
    end_forgotten_pause(clock, at)
    phase = TRANSITIONS.get((clock.phase, signal))
    if phase is None or phase == clock.phase:
        return
    if signal == "pause":
        if reason in clock.target.pause_on and at <= clock.due_at:
            _pause(clock, at, unanswered)
    elif phase == "running":
        if signal == "resume":
            _resume(clock, at)
    else:
        if clock.phase == "paused":
            _resume(clock, at)
        if clock.phase == "running":
            clock.ended_at, clock.ended_record_at = at, record_at
        clock.phase, clock.last_reading = phase, None


def _pause(clock: Clock, at: int, unanswered: bool) -> None:
    clock.phase, clock.paused_at, clock.paused_until = "paused", at, at + clock.target.max_pause_ms
    clock.unanswered_from = at if unanswered else None
    clock.ran += ((clock.since, at),)
    clock.since = clock.paused_until
    _schedule(clock, at)


def _resume(clock: Clock, at: int) -> None:
    _end_unanswered(clock, at)
    clock.paused_ms += at - clock.paused_at
    clock.phase, clock.since = "running", at
    _schedule(clock, at)


def end_forgotten_pause(clock: Clock, at: int) -> None:
    """Resume the clock at the end of `max_pause`, if that was before `at`."""
    if clock.phase == "paused" and at > clock.paused_until:
        _resume(clock, clock.paused_until)


def keep(clock: Clock, at: int, record_at: int) -> None:
    """Let a promise be kept at `at`, which something else had ended in time shortly before; if it was in time, too."""
    if clock.phase == "cancelled" and (at <= clock.due_at or clock.ended_at > clock.due_at):
        clock.phase, clock.ended_at, clock.ended_record_at, clock.last_reading = "stopped", at, record_at, None


def record_answer(clock: Clock, at: int) -> None:
    """End the wait of a message of the customer that came before or during a pause."""
    end_forgotten_pause(clock, at)
    _end_unanswered(clock, at)


def _end_unanswered(clock: Clock, at: int) -> None:
    if clock.phase == "paused" and clock.unanswered_from is not None:
        clock.illegitimate_pause_ms += at - clock.unanswered_from
        clock.unanswered_from = None


def change_target(clock: Clock, target: Target, calendar: Calendar | None, at: int, *, may_lengthen: bool) -> None:
    """Let another target hold from `at` on, counted from the start; time used and a pause are kept (SLA rule 10).

    A deadline that is past with it becomes one shortly after `at`; one that was past before stays as it is.
    """
    end_forgotten_pause(clock, at)
    if not clock.is_open or at > clock.due_at or (target == clock.target and calendar is clock.calendar):
        return
    before = clock.target, clock.calendar, clock.whole_ms, clock.working_days, clock.escalated
    clock.target, clock.calendar = target, calendar
    _promise(clock, target.working_days)
    if not may_lengthen and _due_at(clock) > clock.due_at:
        clock.target, clock.calendar, clock.whole_ms, clock.working_days, clock.escalated = before
    else:
        _reschedule(clock, at)


def rewind(clock: Clock, origin: int, at: int) -> None:
    """Let the promise begin at `origin`, as it turned out at `at` (SLA rule 12)."""
    end_forgotten_pause(clock, at)
    if not clock.is_open or at > clock.due_at or origin >= clock.origin:
        return
    if clock.started_at == clock.origin:
        clock.started_at = origin
    if clock.ran:
        clock.ran = ((origin, clock.ran[0][1]), *clock.ran[1:])
    else:
        clock.since = origin
    _promise(clock, clock.working_days)
    _reschedule(clock, at)


def spans(clock: Clock, at: int) -> list[list[int]]:
    """When an open clock ran by `at`, ms: from, to."""
    end_forgotten_pause(clock, at)
    ran = clock.ran if clock.phase == "paused" else (*clock.ran, (clock.since, at))
    return [[*span] for span in ran]


def ran_until(clock: Clock, until: int) -> list[Span]:
    """When this instance ran before `until`, ms."""
    spans = clock.ran if clock.phase == "paused" else (*clock.ran, (clock.since, until))
    begun = [(max(start, clock.started_at), min(end, until)) for start, end in spans]
    return [(start, end) for start, end in begun if start < end]


def own_time(clock: Clock, start: int, end: int) -> int:
    """The time between two moments, ms, as the clock counts it."""
    return _time_between(clock.calendar, start, end)


def inherit(clock: Clock, ran: Sequence[Span], at: int) -> None:
    """Let the clock have run before it began, in another case that was merged into its own at `at` (SLA rule 12).

    `ran` lies before its beginning. Where its deadline then lies before the merge, the clock is inherited.
    """
    end_forgotten_pause(clock, at)
    if not clock.is_open or at > clock.due_at or not ran:
        return
    if clock.started_at == clock.origin:
        clock.started_at = ran[0][0]
    *before, (start, end) = ran
    if end < clock.origin:
        clock.ran = (*ran, *clock.ran)
    elif clock.ran:
        clock.ran = (*before, (start, clock.ran[0][1]), *clock.ran[1:])
    else:
        clock.ran, clock.since = tuple(before), start
    if clock.working_days:
        _promise(clock, clock.working_days)
    _schedule(clock, at)
    if clock.due_at < at:
        clock.inherited_at, clock.last_reading = at, None


def end_as_inherited(clock: Clock, ended_at: int, at: int, record_at: int) -> None:
    """End the clock by what another case did, at `ended_at`, that was merged into its own at `at`."""
    clock.phase, clock.ended_at, clock.ended_record_at, clock.inherited_at = "stopped", ended_at, record_at, at
    clock.last_reading = None


def extend(clock: Clock, at: int) -> None:
    """Give the working days from the start that the policy allows once a holding response was sent in time."""
    days = clock.target.extended_working_days
    end_forgotten_pause(clock, at)
    if days and clock.calendar is not None and clock.is_open and at <= clock.due_at:
        _promise(clock, days)
        _schedule(clock, at)


def _reschedule(clock: Clock, at: int) -> None:
    used = _time_in(clock.calendar, clock.ran)
    if clock.phase == "running":
        used += _time_between(clock.calendar, clock.since, at)
    if clock.whole_ms < used or (clock.phase == "running" and _due_at(clock) < at):
        grace = clock.target.escalation_grace_ms
        clock.whole_ms = used + (max(LEAST_ESCALATION_GRACE_MS, clock.whole_ms // 10) if grace is None else grace)
        clock.working_days, clock.escalated = 0, True
    _schedule(clock, at)


def _schedule(clock: Clock, at: int) -> None:
    """Deadline and warnings, from what it has run by `at`. Warnings that are past stay where they were."""
    target, calendar, since, whole = clock.target, clock.calendar, clock.since, clock.whole_ms
    clock.due_at, clock.last_reading = _due_at(clock), None
    clock.twice_at = _after(calendar, clock.due_at, whole)
    used = _time_in(calendar, clock.ran)
    warned = [moment for moment in clock.warn_at if moment < at]
    for share in target.warn_at[len(warned) :]:
        left = round(whole * share) - used
        warned.append(max(_after(calendar, since, left) if left > 0 else since, at))
    clock.warn_at = tuple(warned)


def _promise(clock: Clock, working_days: int) -> None:
    """Give the clock all the time of its target, from when it began; or that of so many working days."""
    clock.working_days = working_days if clock.calendar is not None else 0
    clock.whole_ms, clock.escalated = clock.target.target_ms, False
    if clock.working_days and clock.calendar is not None:
        due_at = clock.calendar.add_working_days(clock.origin, working_days)
        clock.whole_ms = clock.calendar.count(clock.origin, due_at)


def _due_at(clock: Clock) -> int:
    if clock.ran:
        left = clock.whole_ms
        for start, end in clock.ran:
            time = _time_between(clock.calendar, start, end)
            if left < time:  # by what another case ran, see `inherit`
                return _after(clock.calendar, start, left)
            left -= time
        return _after(clock.calendar, clock.since, left)
    if clock.working_days and clock.calendar is not None:
        # The end of the day, which may come after the close of business that its time ends with.
        return clock.calendar.add_working_days(clock.since, clock.working_days)
    return _after(clock.calendar, clock.since, clock.whole_ms)


def _after(calendar: Calendar | None, start: int, duration_ms: int) -> int:
    return start + duration_ms if calendar is None else calendar.add(start, duration_ms)


def _time_between(calendar: Calendar | None, start: int, end: int) -> int:
    return end - start if calendar is None else calendar.count(start, end)


def _time_in(calendar: Calendar | None, spans: tuple[Span, ...]) -> int:
    return sum(_time_between(calendar, start, end) for start, end in spans) if spans else 0


# Reading


def read(clock: Clock, now: int) -> Reading:
    """What the clock says as of `now`, ms."""
    last = clock.last_reading
    if last is not None and last.since <= now <= last.until:
        return last
    warned = tuple(warnings(clock, now)) if clock.warn_at else ()
    if clock.is_open:
        reading = Reading(_outcome_of_open(clock, now), warned, False, now, next_threshold(clock, now))
    else:
        reading = Reading(_outcome_of_ended(clock), warned, retracted(clock), 0, NEVER)
    clock.last_reading = reading
    return reading


def outcome(clock: Clock, now: int) -> ClockState:
    """What became of the promise, as of `now` (SLA rule 4): the table at the top."""
    return _outcome_of_open(clock, now) if clock.is_open else _outcome_of_ended(clock)


def _outcome_of_open(clock: Clock, now: int) -> ClockState:
    if clock.inherited_at is not None:
        return "breached"
    grace = clock.target.grace_ms
    if clock.phase == "paused" and now <= clock.paused_until + grace:
        return "paused"
    return "breached_open" if now > clock.due_at + grace else "running"


def _outcome_of_ended(clock: Clock) -> ClockState:
    if clock.phase == "annulled":
        return "cancelled"
    if clock.ended_at > clock.due_at:
        return "breached"
    return "met" if clock.phase == "stopped" else "cancelled"


def retracted(clock: Clock) -> bool:
    """Was the proof that the promise was kept late enough for the breach to have been announced?"""
    return (
        clock.inherited_at is None
        and clock.phase in ("stopped", "cancelled")
        and clock.ended_at <= clock.due_at
        and clock.ended_record_at > clock.due_at + clock.target.grace_ms
    )


def retroactive(clock: Clock) -> bool:
    """Was the deadline past before anyone could know of it? What is inherited was known."""
    if clock.inherited_at is not None:
        return False
    return clock.escalated or clock.started_record_at > clock.due_at + clock.target.grace_ms


def paused_ms(clock: Clock, now: int) -> tuple[int, int]:
    """Elapsed time in pauses that are over, and how much of it with a message of the customer unanswered."""
    if clock.phase == "paused" and now > clock.paused_until + clock.target.grace_ms:
        unanswered = 0 if clock.unanswered_from is None else clock.paused_until - clock.unanswered_from
        return clock.paused_ms + clock.paused_until - clock.paused_at, clock.illegitimate_pause_ms + unanswered
    return clock.paused_ms, clock.illegitimate_pause_ms


def warnings(clock: Clock, now: int) -> list[int]:
    """The warning moments that the clock has passed while it ran, in order."""
    if clock.phase == "annulled" or not clock.warn_at:
        return []
    if clock.inherited_at is not None:
        return [at for at in clock.warn_at if at < clock.inherited_at]
    end = min(now - clock.target.grace_ms if clock.is_open else clock.ended_at, clock.due_at)
    if clock.warn_at[0] >= end:
        return []
    return [at for at in clock.warn_at if at < end]


def next_threshold(clock: Clock, now: int) -> int:
    """The first moment, `now` or later, after which an open clock reads differently; `NEVER` when there is none.

    Warnings, the end of a pause, the deadline, twice overdue; grace included.
    """
    grace = clock.target.grace_ms
    since, found = now - grace, NEVER
    pause = (clock.paused_until,) if clock.phase == "paused" else ()
    for at in (*clock.warn_at, *pause, clock.due_at, clock.twice_at):
        if since <= at < found:
            found = at
    return found + grace if found != NEVER else NEVER


def last_threshold(clock: Clock) -> int:
    """The moment after which an open clock reads the same for ever: twice overdue, grace included."""
    return max(clock.due_at, clock.twice_at) + clock.target.grace_ms


def took_ms(clock: Clock) -> int | None:
    """How long an ended clock took, pauses included, in its own time; None while it is open."""
    return None if clock.is_open else _time_between(clock.calendar, clock.started_at, clock.ended_at)


def overdue(clock: Clock) -> tuple[int, int]:
    """How long after its deadline an ended clock ended, ms: in its own time, and elapsed; 0 in time or still open.

    A deadline on a Friday afternoon that is kept on Monday morning was missed by some office minutes, not by a weekend.
    """
    if clock.phase not in ("stopped", "cancelled") or clock.ended_at <= clock.due_at:
        return 0, 0
    return _time_between(clock.calendar, clock.due_at, clock.ended_at), clock.ended_at - clock.due_at
