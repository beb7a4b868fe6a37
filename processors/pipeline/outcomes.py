"""Live counts of promises kept and broken: what moves a counter, and what takes a breach back that did.

A counter cannot go back, and nobody but its process knows what it counted. So a case durably says which of its breaches
have moved the live counter, and under which labels. Only taking back one of those moves the counter of what is
withdrawn: met / (met + breached - withdrawn) is the attainment of what counted, however late proofs come, and whoever
has the partition then.

What counts is what is recent by `PartitionState.wall`: it decides about counters, and about nothing that is written.
"""

from collections.abc import Iterator

from processors.cases.case import Case, Evaluation
from processors.pipeline.evaluation import DECIDED
from processors.sla import clocks
from processors.sla.clocks import Clock
from processors.state.partition import PartitionState
from schemas.observations import Observations, is_recent
from schemas.taxonomy import ClockState


def observe(
    state: PartitionState, case: Case, before: Evaluation, after: Evaluation, observations: Observations
) -> None:
    """Count what an evaluation decides that the one before it had not, and withdraw what it does not say any more."""
    facts, live = case.fold.facts, dict(case.live_breaches)
    was = {(clock.metric, clock.instance): DECIDED.get(said) for clock, said in _judged(before)}
    broken = set()
    for clock, said in () if case.fold.test else _judged(after):
        outcome, key = DECIDED.get(said), (clock.metric, clock.instance)
        policy, priority = clock.target.policy_id, facts["priority"]
        if outcome == "breached":
            broken.add(key)
        if outcome is None or outcome == was.get(key):
            continue
        if outcome == "breached":
            if key not in live and _is_live(state, clock.due_at):
                live[key] = policy, priority
                observations.count("sla_outcomes", policy, clock.metric, priority, outcome)
            continue
        if key in live or _is_live(state, clock.ended_at):
            observations.count("sla_outcomes", policy, clock.metric, priority, outcome)
        if clocks.retracted(clock):
            observations.moment(clock.due_at, "sla_retractions", policy, clock.metric)
    for key in live.keys() - broken:
        policy, priority = live.pop(key)
        observations.count("sla_withdrawn", policy, key[0], priority)
    if live != case.live_breaches:
        case.live_breaches = live
        state.cases.note_live_breaches(case)


def _judged(evaluation: Evaluation) -> Iterator[tuple[Clock, ClockState]]:
    """Clocks that count for themselves, with what became of them."""
    pairs = zip(evaluation.clocks, evaluation.states, strict=True)
    return ((clock, said) for clock, said in pairs if clock.inherited_at is None)


def _is_live(state: PartitionState, moment: int) -> bool:
    return is_recent(moment, state.wall, state.rules.page_window_ms)
