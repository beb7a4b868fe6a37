"""Eviction: what is final leaves the state, and every bound holds; what leaves early is counted."""

from heapq import nsmallest

from processors.cases.case import Case, Failure
from processors.cases.events import CaseKey
from processors.cases.history import Membership
from processors.cases.transitions import TERMINAL
from processors.patterns import registry
from processors.pipeline.emission import count_gauges, count_lacking, count_open, drop_carry_over, note_failed
from processors.pipeline.evaluation import evaluate_subject
from processors.state.partition import PartitionState
from schemas.topics import SURVEYS


def expired(state: PartitionState, case: Case) -> bool:
    """Is a case so long over, by its own topic's time, that a new event begins another?"""
    over = case.fold.state in TERMINAL or case.key[0] == SURVEYS
    return (
        over and state.watermarks.max_timestamp.get(case.key[0], 0) > case.last_event_at + state.rules.case_retention_ms
    )


def may_leave(state: PartitionState, case: Case) -> bool:
    """Is a case expired, and no incident open that it has a part in?"""
    return expired(state, case) and not any(
        incident.state == "open"
        for pattern_id, membership in case.evaluation.memberships.items()
        for incident in state.subjects[pattern_id, membership.subject].incidents.values()
    )


def evict(state: PartitionState, case: Case) -> None:
    """Drop a case from the state. What was emitted of it stands."""
    evaluation = case.evaluation
    state.cases.remove(case)
    count_gauges(state, evaluation, -1)
    count_open(state, evaluation.incidents, -1)
    count_lacking(state, evaluation, -1)
    drop_carry_over(state, case.key, evaluation)
    for pattern_id, membership in evaluation.memberships.items():
        _leave(state, pattern_id, membership, case.key)


def _leave(state: PartitionState, pattern_id: str, membership: Membership, case: CaseKey) -> None:
    """Take a case out of a history: what is left of it counts as if it had been so always, and nothing is emitted."""
    pattern, subject = registry.SUBJECT_PATTERNS[pattern_id], membership.subject
    history = state.subjects.leave(pattern_id, membership, case)
    count_open(state, history.incidents, -1)
    if not history.cases:
        note_failed(state, pattern_id, history, failed=False)
        del state.subjects[pattern_id, subject]
        return
    now = state.watermarks.timers_fired_to[pattern.topic]
    left = evaluate_subject(pattern, subject, history, state.cases.__getitem__, state.number, now, state.rules)
    if not isinstance(left, Failure):
        history.incidents = left.incidents
    count_open(state, history.incidents, 1)


def keep_bounds(state: PartitionState) -> None:
    """Let KPI minutes that are final leave, and what is too much."""
    for topic, partials in state.partials.items():
        partials.evict_before(state.watermarks.closed_before(topic))
        state.dropped["dimension_values"] += partials.drain_overflow()
    total = sum(partials.count for partials in state.partials.values())
    if total > state.rules.partials_max:
        largest = max(state.partials.values(), key=lambda partials: partials.count)
        state.dropped["partials"] += largest.evict_oldest(largest.count - (total - state.rules.partials_max))
    excess = len(state.cases) - state.rules.cases_max
    if excess > 0:
        # More than it needs to be, so that a full state does not look through all of its cases for every new one.
        leaving = nsmallest(excess + state.rules.cases_max // 100, state.cases.values(), key=_last_moved)
        for case in leaving:
            evict(state, case)
        state.dropped["cases"] += len(leaving)


def _last_moved(case: Case) -> tuple[int, CaseKey]:
    return case.last_event_at, case.key
