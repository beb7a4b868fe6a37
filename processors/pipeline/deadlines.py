"""Deadlines: what becomes of cases and subjects by time alone, with no event."""

from processors.patterns import registry
from processors.pipeline import eviction, isolation
from processors.pipeline.emission import CASE_TIMER, emit_subject, is_awaited
from processors.pipeline.folding import evaluated, settle
from processors.state.partition import PartitionState
from processors.state.timers import Timer
from schemas.observations import Observations


def fire(state: PartitionState, topic: str, now: int, observations: Observations) -> None:
    """Let time pass to `now`, ms, for the cases of a topic: evaluate each that has a timer before it."""
    if now <= state.watermarks.timers_fired_to[topic]:
        return
    state.watermarks.timers_fired_to[topic] = now
    for timer in state.timers[topic].pop_due(now):
        if not is_awaited(state, timer):
            continue
        try:
            _fire(state, timer, observations)
        except Exception as error:
            # Time goes on for all others: a case that cannot be evaluated must not hold up its partition.
            isolation.report(state, [isolation.failure("deadline", error)], timer.at, observations)


def _fire(state: PartitionState, timer: Timer, observations: Observations) -> None:
    _, kind, key = timer
    if kind != CASE_TIMER:
        emit_subject(state, registry.SUBJECT_PATTERNS[kind], key, state.subjects[kind, key], observations)
        return
    case = state.cases[key[0], key[1], key[2]]
    before = case.evaluation
    settle(state, case, evaluated(state, case), observations, by_timer=True)
    after = case.evaluation
    if (after.outcomes, after.incidents, after.states) != (before.outcomes, before.incidents, before.states):
        state.pending.mark_dirty(case)
    if eviction.may_leave(state, case):
        eviction.evict(state, case)
