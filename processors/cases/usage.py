"""Usage: which team used how much of the time of a clock."""

from collections.abc import Iterator, Sequence

from processors.cases.fold import Fold, Stint
from processors.sla import clocks
from processors.sla.clocks import Clock, Span
from schemas.taxonomy import ClockState

Usage = tuple[tuple[str, ...], tuple[int, ...]]
"""Teams, in the order in which they had the case, and how long the clock ran while each had it, ms of its own time."""

_NOTHING: Usage = ((), ())


def used_by(fold: Fold, clock: Clock, state: ClockState) -> Usage:
    """Who used what this instance ran: until it ended, or its deadline if that broke it, else until the last hand-off.

    It sums to the time between its start and that moment, without its pauses.
    """
    until = clock.ended_at if not clock.is_open else clock.due_at if state == "breached_open" else _handed_on(fold)
    if until <= clock.started_at:
        return _NOTHING
    has_it_now = fold.place.team
    if not fold.stints and not clock.ran:  # nearly always: one team had it throughout, and it never paused
        since = max(clock.since, clock.started_at)
        return ((has_it_now,), (clocks.own_time(clock, since, until),)) if since < until else _NOTHING
    used: dict[str, int] = {}
    for span in clocks.ran_until(clock, until):
        for team, part in _parts(span, fold.stints, has_it_now):
            used[team] = used.get(team, 0) + clocks.own_time(clock, *part)
    return tuple(used), tuple(used.values())


def _handed_on(fold: Fold) -> int:
    return fold.stints[-1].until if fold.stints else 0


def _parts(span: Span, stints: Sequence[Stint], now: str) -> Iterator[tuple[str, Span]]:
    """The parts of a span in which each team had the case; `now` has it since the last of the stints."""
    start, end = span
    for stint in stints:
        if stint.until > start:
            yield stint.team, (start, min(end, stint.until))
            start = stint.until
            if start >= end:
                return
    yield now, (start, end)
