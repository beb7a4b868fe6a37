"""Recovery: what a partition derives from its durable tables once all of its log was applied.

Every case is folded and evaluated as of the last checkpoint. All of that was emitted before the crash, so nothing is
emitted again, but for what a part that failed still owed. Its incidents are left out here, and a timer that is overdue
lets the first step emit them, now that it works; those that were emitted before it failed come once more, as they are.
"""

import logging
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Final

from processors.cases.case import Case, Failure
from processors.kpis.partials import MINUTE_MS
from processors.patterns import registry
from processors.pipeline import eviction, isolation, missed_pages
from processors.pipeline.emission import (
    CASE_TIMER,
    count_gauges,
    count_lacking,
    count_open,
    note_failed,
    register_timer,
)
from processors.pipeline.evaluation import evaluate_subject
from processors.pipeline.folding import evaluated, refolded
from processors.sla.clocks import NEVER
from processors.state.partition import PartitionState
from processors.state.subjects import SubjectKey
from schemas.outputs import IncidentRow

log = logging.getLogger(__name__)

OVERDUE: Final = -1
"""The moment of a timer that fires as soon as time passes at all."""


def recover(state: PartitionState) -> None:
    """Derive what is not written, as it stood at the last checkpoint."""
    state.recover_kpis()
    owed = state.health.settle()
    for case in state.cases.values():
        try:
            case.fold = refolded(state, case)
            case.evaluation = evaluated(state, case)
        except Exception as error:
            # A partition opens all the same. What else is said of the case will be said as if for the first time.
            log.exception("partition %d: our own error, %s is not evaluated", state.number, ":".join(case.key))
            case.evaluation = case.evaluation._replace(customer_id=case.fold.facts.get("customer_id", ""))
            part, description = isolation.failure("recovery", error)
            state.health.failed(part, description, state.watermarks.timers_fired_to[case.key[0]])
    _begin_period(state)
    state.pending.texts += state.recorded_texts.record(state.rules.texts)
    for case in state.cases.values():
        if case.key[1] in state.sources.names():
            state.sources.recall(case.key[1], max([event.record_at for event in case.events], default=0))
        _install(state, case, owed)
    for key in list(state.subjects):
        _install_subject(state, key, owed)
    missed_pages.recover(state)
    count_open(state, eviction.own_incidents(state), 1)


def _begin_period(state: PartitionState) -> None:
    """Count by the rules in force from now on, if the cases were counted by others before; all of them are folded."""
    digest, before = state.rules.digest, state.periods.digest
    if not before:
        state.periods.begin(digest, {})
    elif digest != before:
        log.warning(
            "partition %d: its cases were counted by other rules, %s, before these, %s: what they added stays, and KPI "
            "minutes in which it would be another amount by now are marked for `oidor rebuild`",
            state.number, before, digest,
        )  # fmt: skip
        counted_to = state.watermarks.timers_fired_to.copy()
        for case in state.cases.values():
            counted_to[case.key[0]] = max(counted_to[case.key[0]], case.counted_to)
        state.periods.begin(digest, {topic: at - at % MINUTE_MS + MINUTE_MS for topic, at in counted_to.items()})


def _install(state: PartitionState, case: Case, owed: AbstractSet[str]) -> None:
    """Let the state count a case in, and wait for its timer."""
    evaluation = case.evaluation
    incidents = _without(owed, evaluation.incidents)
    if len(incidents) < len(evaluation.incidents):
        case.evaluation = evaluation = evaluation._replace(incidents=incidents, next_timer=OVERDUE)
    state.customers.move(case.key, "", evaluation.customer_id)
    state.links.move(case.key, (), evaluation.links)
    count_gauges(state, evaluation, 1)
    count_open(state, evaluation.incidents, 1, evaluation.imported)
    count_lacking(state, evaluation, 1)
    if evaluation.carry_over is not None:
        survivor, events = evaluation.carry_over
        state.absorbed.setdefault(survivor, {})[case.key] = events
    for pattern_id, membership in evaluation.memberships.items():
        state.subjects.join(pattern_id, membership, case.key)
    if evaluation.settled_at is not None:
        state.leaving[case.key[0]].note(case, evaluation.settled_at, state.cases)
    if evaluation.next_timer != NEVER:
        register_timer(state, case.key[0], evaluation.next_timer, CASE_TIMER, case.key)


def _install_subject(state: PartitionState, key: SubjectKey, owed: AbstractSet[str]) -> None:
    pattern_id, subject = key
    pattern, history = registry.SUBJECT_PATTERNS[pattern_id], state.subjects[key]
    now = state.watermarks.timers_fired_to[pattern.topic]
    evaluation = evaluate_subject(pattern, subject, history, state.cases.__getitem__, state.number, now, state.rules)
    note_failed(state, pattern_id, history, failed=isinstance(evaluation, Failure))
    if isinstance(evaluation, Failure):
        return
    history.incidents, history.imported = _without(owed, evaluation.incidents), evaluation.imported
    count_open(state, history.incidents, 1, history.imported)
    moment = evaluation.next_timer if len(history.incidents) == len(evaluation.incidents) else OVERDUE
    if moment == OVERDUE or now <= moment < NEVER:
        history.next_timer = moment
        register_timer(state, pattern.topic, moment, pattern_id, subject)


def _without(owed: AbstractSet[str], incidents: Mapping[str, IncidentRow]) -> Mapping[str, IncidentRow]:
    if not owed:
        return incidents
    return {key: incident for key, incident in incidents.items() if incident.pattern not in owed}
