"""Live counts of promises kept and broken: what moves a counter, and what takes a breach back that did.

A counter cannot go back, and nobody but its process knows what it counted. So a case durably says which of its breaches
have moved the live counter, and under which labels. Only taking back one of those moves the counter of what is
withdrawn: met / (met + breached - withdrawn) is the attainment of what counted, however late proofs come, and whoever
has the partition then.

What counts is what is recent by `PartitionState.wall`: it decides about counters, and about nothing that is written.
"""

from processors.cases.case import Case, ClockKey, Evaluation
from processors.pipeline.evaluation import DECIDED
from processors.sla import clocks
from processors.state.partition import PartitionState
from schemas.observations import Observations, is_recent


def observe(
    state: PartitionState, case: Case, before: Evaluation, after: Evaluation, observations: Observations
) -> None:
    """Count what an evaluation decides that the one before it had not, and withdraw what it does not say any more."""
    was = {
        (clock.metric, clock.instance): DECIDED[said]
        for clock, said in zip(before.clocks, before.states, strict=True)
        if said in DECIDED and clock.inherited_at is None
    }
    live, window_ms = case.live_breaches, state.rules.page_window_ms
    broken: set[ClockKey] = set()
    for clock, said in () if case.fold.test else zip(after.clocks, after.states, strict=True):
        if said not in DECIDED or clock.inherited_at is not None:
            continue
        outcome, key = DECIDED[said], (clock.metric, clock.instance)
        if outcome == "breached":
            broken.add(key)
        if outcome == was.get(key):
            continue
        policy, priority = clock.target.policy_id, case.fold.facts["priority"]
        if outcome == "met":
            if key in live or is_recent(clock.ended_at, state.wall, window_ms):
                observations.count("sla_outcomes", policy, clock.metric, priority, outcome)
            if clocks.retracted(clock):
                observations.moment(clock.due_at, "sla_retractions", policy, clock.metric)
        elif key not in live and is_recent(clock.due_at, state.wall, window_ms):
            live = {**live, key: (policy, priority)}
            observations.count("sla_outcomes", policy, clock.metric, priority, outcome)
    if live:
        for key in live.keys() - broken:
            observations.count("sla_withdrawn", live[key][0], key[0], live[key][1])
        live = {key: labels for key, labels in live.items() if key in broken}
    if live != case.live_breaches:
        case.live_breaches = live
        state.cases.note_live_breaches(case)
