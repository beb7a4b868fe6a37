"""Eviction: what is final leaves the state, and every bound holds; what leaves early is counted.

Cases that owe nothing leave first, the oldest first; open ones when there is nothing else, each with a last row, and
said by an incident of ours. Which one leaves follows from the order of its own topic alone, not from how the topics
interleave, how records are batched, or when time was noticed to pass: so it is the same after a crash. Of a key that
left 8 bytes stay. What comes of it later is known by them: it is stored, and folded into nothing.
"""

from collections.abc import Mapping
from heapq import nsmallest
from typing import Final

from processors.cases import waits
from processors.cases.case import Case, Failure
from processors.cases.events import CaseKey
from processors.cases.history import Membership
from processors.cases.rows import clock_row
from processors.patterns import registry
from processors.patterns.incidents import own_incident_row
from processors.pipeline import isolation, merging
from processors.pipeline.emission import (
    count_gauges,
    count_lacking,
    count_open,
    drop_carry_over,
    emit_history,
    emit_incidents,
    note_failed,
)
from processors.pipeline.evaluation import NO_PATTERN, evaluate, evaluate_subject
from processors.pipeline.folding import settle, settle_for_good
from processors.state import departed
from processors.state.partition import PartitionState
from processors.state.retention import NAMED, Evicted
from schemas.observations import Observations
from schemas.outputs import IncidentRow
from schemas.taxonomy import Warning_

Admitted = tuple[Case | None, tuple[Warning_, ...]]
"""The case that an event goes into, a new one perhaps, and what is odd about that; None: it is folded into nothing."""

_OPENINGS: Final = frozenset({"contact.opened", "complaint.opened", "survey.invited", "survey.answered"})
"""Event types that begin a case of their own right."""
_BEYOND_RETENTION: Final[Admitted] = None, ("beyond_retention",)
_AT_ONCE: Final = 1_000
"""Of so many open cases one more leaves than must, so that a full state does not look through all of them each time."""
_QUIET_MS: Final = 3_600_000


def admit(
    state: PartitionState, key: CaseKey, event_type: str, occurred_at: int, observations: Observations
) -> Admitted:
    """The case for an event, unless its key has left the state, or may have."""
    case, topic = state.cases.get(key), key[0]
    if case is not None:
        if not state.expired(case):
            return case, ()
        _depart_settled(state, case, observations)
        return _BEYOND_RETENTION
    left, seen = state.departed[topic], state.seen[topic]
    if len(left):
        if departed.key_hash(key) in left:
            return _BEYOND_RETENTION
        if occurred_at < min(left.since, seen.since):
            return (_new(state, key), ("maybe_repeated",)) if event_type in _OPENINGS else _BEYOND_RETENTION
    return _new(state, key), ()


def _new(state: PartitionState, key: CaseKey) -> Case:
    return Case(key, state.periods.number)


def may_leave(state: PartitionState, case: Case) -> bool:
    """Is a case expired, all of it emitted, and no incident open that it has a part in?"""
    emitted = state.watermarks.timers_fired_to[case.key[0]] > case.settled_at
    return (emitted and state.expired(case)) and not any(
        incident.state == "open"
        for pattern_id, membership in case.evaluation.memberships.items()
        for incident in state.subjects[pattern_id, membership.subject].incidents.values()
    )


def depart(state: PartitionState, case: Case) -> None:
    """Drop a case from the state, and remember that its key has left."""
    topic = case.key[0]
    at = state.watermarks.max_timestamp.get(topic, 0)
    departed.depart(state.departed[topic], case.key, state.expires_at(case) if state.expired(case) else at)
    evict(state, case)


def _depart_settled(state: PartitionState, case: Case, observations: Observations) -> None:
    """Let an expired case leave whose last deadlines nobody has noticed yet: another topic holds time back."""
    now = max(state.expires_at(case), state.watermarks.timers_fired_to[case.key[0]])
    try:
        merging.give_up(state, case, observations)
        settle(state, case, evaluate(case, state.number, now, state.rules), observations)
        for clock in case.fold.clocks:
            if clock.is_open:
                row = clock_row(case, clock, state.number, now)
                state.pending.put_last_clock(row)
    except Exception as error:
        isolation.report(state, [isolation.failure("eviction", error)], now, observations)
    depart(state, case)


def evict(state: PartitionState, case: Case) -> None:
    """Drop a case from the state. What was emitted of it stands."""
    evaluation = case.evaluation
    state.cases.remove(case)
    state.customers.move(case.key, evaluation.customer_id, "")
    state.links.move(case.key, evaluation.links, ())
    count_gauges(state, evaluation, -1)
    count_open(state, evaluation.incidents, -1, evaluation.imported)
    count_lacking(state, evaluation, -1)
    drop_carry_over(state, case.key, evaluation)
    for pattern_id, membership in evaluation.memberships.items():
        _leave(state, pattern_id, membership, case.key)


def _leave(state: PartitionState, pattern_id: str, membership: Membership, case: CaseKey) -> None:
    """Take a case out of a history: what is left of it counts as if it had been so always.

    What was emitted stands, but that what was open, and would not be any more, has nobody left to end it: it ends now.
    """
    pattern, subject = registry.SUBJECT_PATTERNS[pattern_id], membership.subject
    history = state.subjects.leave(pattern_id, membership, case)
    before, left = history.incidents, NO_PATTERN.incidents
    count_open(state, before, -1, history.imported)
    if history.cases:
        now = state.watermarks.timers_fired_to[pattern.topic]
        after = evaluate_subject(pattern, subject, history, state.cases.__getitem__, state.number, now, state.rules)
        if not isinstance(after, Failure):
            history.incidents, history.imported = after.incidents, after.imported
        left = history.incidents
        count_open(state, left, 1, history.imported)
    else:
        note_failed(state, pattern_id, history, failed=False)
        del state.subjects[pattern_id, subject]
    for key, incident in before.items():
        if incident.state == "open" and key not in left:
            state.pending.put_incident(_evicted(incident, state.watermarks.max_timestamp.get(case[0], 0)))


def keep_cases(state: PartitionState, topic: str, observations: Observations) -> None:
    """Keep the bound of the cases of a topic, one of which was just given a record."""
    excess = state.cases.of_topic[topic] - state.rules.cases_max
    expired_to = state.watermarks.max_timestamp[topic] - state.rules.case_retention_ms
    while excess > 0 and (case := state.leaving[topic].pop(state.cases, expired_to)) is not None:
        _settle_subjects(state, case, observations)
        if state.expired(case):
            _depart_settled(state, case, observations)
        else:
            state.dropped["cases"] += 1
            state.retention.note_early(topic, case.moved_at)
            _decide(state, case, observations)
            depart(state, case)
        excess -= 1
    if excess > 0:
        _evict_open(state, topic, excess + state.rules.cases_max // _AT_ONCE, observations)


def _decide(state: PartitionState, case: Case, observations: Observations) -> None:
    """Let what time alone would still decide of a case that is over count: of its waits, and of its merge."""
    given_up = merging.give_up(state, case, observations)
    final = max(case.settled_at, waits.settled_at(case.fold))
    if given_up or (case.fold.waits and final >= state.watermarks.timers_fired_to[case.key[0]]):
        evaluation = evaluate(case, state.number, final + 1, state.rules)
        settle(state, case, evaluation, observations)


def _evict_open(state: PartitionState, topic: str, count: int, observations: Observations) -> None:
    """Let the open cases leave that were moved the longest ago: nothing else is left that could."""
    at = state.watermarks.max_timestamp[topic]
    leaving = nsmallest(count, (case for case in state.cases.values() if case.key[0] == topic), key=_last_moved)
    for case in leaving:
        state.retention.note_early(topic, case.moved_at)
        _end(state, case, at, observations)
        _settle_subjects(state, case, observations)
        depart(state, case)
    state.dropped["cases"] += len(leaving)
    state.dropped["open_cases"] += len(leaving)
    _report(state, leaving, at, observations)


def _last_moved(case: Case) -> tuple[int, CaseKey]:
    return case.moved_at, case.key


def _end(state: PartitionState, case: Case, at: int, observations: Observations) -> None:
    """Emit the last of an open case, for which there is no room."""
    fold = case.fold
    if not fold.is_over:
        fold.state = "evicted"
    merging.give_up(state, case, observations)
    settle_for_good(state, case, at, observations, "eviction")
    for incident in case.evaluation.incidents.values():
        # What had ended before ended by itself.
        if incident.state == "open" or incident.closed_at == at:
            closed = _evicted(incident, at)
            state.pending.put_incident(closed)
            observations.incident(closed, "closed")
    state.pending.mark_dirty(case)


def _settle_subjects(state: PartitionState, case: Case, observations: Observations) -> None:
    """Emit what has ended by itself about the subjects of a case by now, before it leaves them."""
    topic = case.key[0]
    now = max(state.watermarks.max_timestamp[topic], state.watermarks.timers_fired_to[topic])
    for pattern_id, membership in case.evaluation.memberships.items():
        pattern, subject = registry.SUBJECT_PATTERNS[pattern_id], membership.subject
        history = state.subjects[pattern_id, subject]
        if history.incidents:
            after = evaluate_subject(pattern, subject, history, state.cases.__getitem__, state.number, now, state.rules)
            if not isinstance(after, Failure):
                emit_history(state, history, after, observations)


def _evicted(incident: IncidentRow, at: int) -> IncidentRow:
    """An incident of which nobody is left to say when it ends."""
    at = max(at, incident.updated_at)
    return incident._replace(state="closed", close_reason="evicted", updated_at=at, closed_at=at)


# The incident of ours


def _report(state: PartitionState, cases: list[Case], at: int, observations: Observations) -> None:
    """Count and name open cases that left in the incident that says so."""
    _end_report(state, at, observations)
    before, known = own_incidents(state), state.retention.evicted
    named = (*(known.named if known else ()), *(":".join(case.key[1:]) for case in cases))[:NAMED]
    counted = (known.cases if known else 0) + len(cases)
    state.retention.evicted = Evicted(known.opened_at if known else at, at, counted, named)
    emit_incidents(state, before, own_incidents(state), observations)


def _end_report(state: PartitionState, now: int, observations: Observations) -> None:
    """Close that incident when no open case has left for an hour."""
    evicted = state.retention.evicted
    if evicted is None or now <= evicted.updated_at + _QUIET_MS:
        return
    closed = own_incidents(state, closed_at=evicted.updated_at + _QUIET_MS)
    emit_incidents(state, own_incidents(state), closed, observations)
    state.retention.evicted = None


def own_incidents(state: PartitionState, closed_at: int | None = None) -> Mapping[str, IncidentRow]:
    """The incident that says which open cases had to leave, by its id; nothing when none had."""
    evicted = state.retention.evicted
    if evicted is None:
        return {}
    row = own_incident_row(
        "evicted_cases",
        state.number,
        severity="critical",
        opened_at=evicted.opened_at,
        summary=f"{evicted.cases} open cases of partition {state.number} had to leave: nobody watches them",
        evidence={"cases": evicted.cases, "cases_max": state.rules.cases_max, "named": evicted.named},
    )
    if closed_at is None:
        row = row._replace(updated_at=evicted.updated_at)
    else:
        row = row._replace(state="closed", close_reason="quiet", updated_at=closed_at, closed_at=closed_at)
    return {row.incident_id: row}


def keep_bounds(state: PartitionState, observations: Observations) -> None:
    """Let KPI minutes that are final leave, and what is too much."""
    _end_report(state, state.now, observations)
    for topic, partials in state.partials.items():
        partials.evict_before(state.watermarks.closed_before(topic))
        state.dropped["dimension_values"] += partials.drain_overflow()
    if sum(partials.count_at_most for partials in state.partials.values()) <= state.rules.partials_max:
        return
    total = sum(partials.count for partials in state.partials.values())
    if total > state.rules.partials_max:
        largest = max(state.partials.values(), key=lambda partials: partials.count)
        state.dropped["partials"] += largest.evict_oldest(largest.count - (total - state.rules.partials_max))
