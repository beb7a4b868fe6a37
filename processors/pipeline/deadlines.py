"""Deadlines: what becomes of cases and subjects by time alone, with no event.

Time passes in phases. Of each, all timers that are due fire, and evaluate as of the moment at which it ends: so the
state is that of one moment between two phases, where it may be written, and not within one. A phase ends where about
`PHASE` timers have become due; those of one moment are never divided.
"""

from collections.abc import Callable
from typing import Final

from processors.patterns import registry
from processors.pipeline import eviction, isolation, merging
from processors.pipeline.emission import CASE_TIMER, emit_subject, is_awaited
from processors.pipeline.folding import evaluated, settle
from processors.state.partition import PartitionState
from processors.state.timers import Timer
from schemas.observations import Observations
from schemas.topics import INPUTS

PHASE: Final = 256

Spent = Callable[[], bool]
"""Whether it is time to stop and let others have their turn."""


def fire(state: PartitionState, topic: str, now: int, observations: Observations, spent: Spent) -> bool:
    """Let time pass to `now`, ms, for the cases of a topic; returns whether it did, for `spent` may end it early."""
    fired_to, timers = state.watermarks.timers_fired_to, state.timers[topic]
    while now > fired_to[topic]:
        if not timers.due(now):  # nearly always, for this is asked before every record
            fired_to[topic] = now
            return True
        fired_to[topic] = timers.moment_of(PHASE, now)
        if _fire_due(state, topic, observations, spent):
            return now <= fired_to[topic] and not timers.due(now)
    return True


def resume(state: PartitionState, observations: Observations, spent: Spent) -> bool:
    """Finish phases that were cut short, before anything else happens; returns whether there is time for more."""
    return not any(_fire_due(state, topic, observations, spent) for topic in INPUTS)


def _fire_due(state: PartitionState, topic: str, observations: Observations, spent: Spent) -> bool:
    """Let the timers of a phase fire; returns whether that was cut short, or would be now."""
    for timer in state.timers[topic].pop_due(state.watermarks.timers_fired_to[topic]):
        if is_awaited(state, timer):
            try:
                _fire(state, timer, observations)
            except Exception as error:
                # Time goes on for all others: a case that cannot be evaluated must not hold up its partition.
                isolation.report(state, [isolation.failure("deadline", error)], timer.at, observations)
        if spent():
            return True
    return False


def _fire(state: PartitionState, timer: Timer, observations: Observations) -> None:
    _, kind, key = timer
    if kind != CASE_TIMER:
        emit_subject(state, registry.SUBJECT_PATTERNS[kind], key, state.subjects[kind, key], observations)
        return
    case = state.cases[key[0], key[1], key[2]]
    before, renewed_to = case.evaluation, case.fold.renewed_to
    if case.fold.merged is not None:
        merging.reconsider(state, case, observations)
    settle(state, case, evaluated(state, case), observations)
    after = case.evaluation
    renewed = case.fold.renewed_to != renewed_to
    if renewed or (after.outcomes, after.incidents, after.states) != (before.outcomes, before.incidents, before.states):
        state.pending.mark_dirty(case)
    if eviction.may_leave(state, case):
        eviction.depart(state, case)
