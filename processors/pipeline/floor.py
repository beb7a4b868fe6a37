"""What one partition says of now to those on the floor: open clocks, the next deadlines, and how it went lately.

It costs what it shows. Open clocks are counted as cases change, and the next deadlines are read off the timers, so no
walk over cases is made: each that has a clock which runs awaits a timer, at its deadline and grace or before.
"""

from bisect import insort
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from operator import attrgetter
from typing import Final

from processors.cases.case import Case
from processors.kpis.samples import SLOT
from processors.pipeline.emission import CASE_TIMER, is_awaited
from processors.state.partition import PartitionState
from schemas.floor import DEADLINES_MAX, HOUR_MS, OF_A_DAY, OF_AN_HOUR, Clocks, Deadline, PartitionFloor, Standing
from schemas.kpis import DIMENSIONS, Count
from schemas.topics import INPUTS

TIMERS_MAX: Final = 1_000
"""Timers of an input that are looked at. More than these fire before the deadline of a clock that is left out."""

_STANDING: Final[Mapping[str, Standing]] = {
    "sla_on_track": "on_track",
    "sla_at_risk": "at_risk",
    "sla_overdue": "overdue",
    "sla_paused": "paused",
}
"""Gauge of open clocks -> what it counts."""
_ALL: Final = (DIMENSIONS.index("all"), "all")
_due_at = attrgetter("due_at")


def floor_of(state: PartitionState, wall: int) -> PartitionFloor:
    """What a partition says at `wall`, ms of the wall clock."""
    clocks: Counter[tuple[str, str, Standing]] = Counter()
    imported = waiting = 0
    queued: list[int] = []
    for (gauge, *labels), amount in state.gauges.items():
        if gauge in _STANDING:
            _, metric, area = labels
            clocks[area, metric, _STANDING[gauge]] += amount
        elif gauge == "imported_sla_clocks":
            imported += amount
        elif gauge == "queue_length":
            waiting += amount
            queued.append(min(state.gauges.since[gauge, *labels]))
    return PartitionFloor(
        state.number,
        state.now,
        tuple(Clocks(area, metric, standing, count) for (area, metric, standing), count in sorted(clocks.items())),
        imported,
        tuple(next_deadlines(state)),
        waiting,
        min(queued, default=None),
        _counted(state, OF_AN_HOUR, wall - HOUR_MS),
        _counted(state, OF_A_DAY, wall - 24 * HOUR_MS),
    )


def next_deadlines(state: PartitionState) -> list[Deadline]:
    """The next deadlines of clocks that run, the next first."""
    found = [deadline for topic in INPUTS for deadline in _next_of(state, topic)]
    return sorted(found, key=_due_at)[:DEADLINES_MAX]


def _next_of(state: PartitionState, topic: str) -> list[Deadline]:
    found: list[Deadline] = []
    grace = state.rules.longest_grace_ms
    for looked_at, timer in enumerate(state.timers[topic].soonest()):
        full = len(found) >= DEADLINES_MAX and timer.at > found[DEADLINES_MAX - 1].due_at + grace
        if full or looked_at >= TIMERS_MAX:
            break
        if timer.kind == CASE_TIMER and is_awaited(state, timer):
            for deadline in _running(state.cases[timer.key[0], timer.key[1], timer.key[2]], state.now):
                insort(found, deadline, key=_due_at)
    return found


def _running(case: Case, now: int) -> Iterator[Deadline]:
    fold = case.fold
    if fold.test:
        return
    for clock, state in zip(case.evaluation.clocks, case.evaluation.states, strict=True):
        if state == "running":
            yield Deadline(
                clock.due_at,
                any(at <= now for at in clock.warn_at),
                *case.key,
                clock.metric,
                clock.target.policy_id,
                fold.area,
                fold.facts["priority"],
                fold.owner,
            )


def _counted(state: PartitionState, counts: Iterable[Count], since: int) -> dict[str, int]:
    totals = dict.fromkeys((count.name for count in counts), 0)
    for partials in state.partials.values():
        for slots in partials.spread_since(since, _ALL):
            for count in counts:
                totals[count.name] += slots.get(SLOT[count], 0)
    return totals
