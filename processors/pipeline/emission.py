"""What is written and observed of a case: the differences between one evaluation and the next, in one place.

KPI samples, incidents, void clocks, gauges, the histories that the case stands in, its timer, and what it carries over
to the case that survives a merge. Nothing here decides, and nothing here can fail: patterns that look at a subject are
asked here, and isolated.
"""

from collections.abc import Container, Iterable, Mapping
from functools import partial
from typing import Any, Final, NamedTuple

from processors.cases.case import Case, Evaluation, Failure, Labels
from processors.cases.events import CaseEvent, CaseKey
from processors.cases.history import History, Subject
from processors.cases.rows import clock_id, clock_row
from processors.patterns import registry
from processors.patterns.pattern import SubjectPattern
from processors.pipeline import isolation, live, outcomes
from processors.pipeline.counting import count_outcomes
from processors.pipeline.evaluation import SubjectEvaluation, evaluate_subject
from processors.sla.clocks import NEVER
from processors.state.partition import PartitionState
from processors.state.timers import Timer
from schemas.observations import Observations, Transition
from schemas.outputs import IncidentRow
from schemas.topics import SURVEYS

CASE_TIMER: Final = "case"
"""The kind of the timer of a case; that of a subject is the id of its pattern."""


class Carried(NamedTuple):
    """What a merged case gives to the one that survives, and what it takes back from it."""

    survivor: CaseKey
    given: tuple[CaseEvent, ...]
    withdrawn: tuple[CaseEvent, ...]


def emit(state: PartitionState, case: Case, after: Evaluation, observations: Observations) -> list[Carried]:
    """Write how an evaluation differs from the one before it, which it replaces; returns what other cases are given."""
    before = case.evaluation
    if after.failures or before.failures:
        after = _isolated(state, case, before, after, observations)
    case.evaluation = after
    topic = case.key[0]
    if after.customer_id != before.customer_id:
        state.customers.move(case.key, before.customer_id, after.customer_id)
    if after.links != before.links:
        state.links.move(case.key, before.links, after.links)
    if after.outcomes != before.outcomes:
        count_outcomes(state, case, before.outcomes, after.outcomes)
        if after.states != before.states or case.live_breaches:
            outcomes.observe(state, case, before, after, observations)
        live.observe_waits(observations, case, before.outcomes, after.outcomes)
    if after.incidents or before.incidents:
        imported = before.imported, after.imported
        emit_incidents(state, before.incidents, after.incidents, observations, imported)
    if before.clocks != after.clocks[: len(before.clocks)]:
        _void_clocks(state, case, before, after)
    if after.gauges != before.gauges:
        _move_gauges(state, before.gauges, after.gauges)
    if after.memberships != before.memberships:
        _move(state, case, before, after, observations)
    if after.next_timer != before.next_timer and after.next_timer != NEVER:
        register_timer(state, topic, after.next_timer, CASE_TIMER, case.key)
    if (not after.gauges or topic == SURVEYS) and after.settled_at is not None:
        state.leaving[topic].note(case, after.settled_at, state.cases)
    return [] if after.carry_over == before.carry_over else _carry(state, case.key, before, after)


def _isolated(
    state: PartitionState, case: Case, before: Evaluation, after: Evaluation, observations: Observations
) -> Evaluation:
    """What patterns that raised said last stands; nobody takes it back because they raised."""
    topic = case.key[0]
    isolation.report(state, after.failures, state.watermarks.max_timestamp.get(topic, 0), observations)
    count_lacking(state, before, -1)
    count_lacking(state, after, 1)
    failed = {one.part for one in after.failures}
    kept = {key: row for key, row in before.incidents.items() if row.pattern in failed}
    stays = {pattern: one for pattern, one in before.memberships.items() if pattern in failed}
    return after._replace(
        incidents={**after.incidents, **kept},
        memberships={**after.memberships, **stays},
        imported=after.imported | before.imported.intersection(kept),
    )


def count_lacking(state: PartitionState, evaluation: Evaluation, change: int) -> None:
    for part in {one.part for one in evaluation.failures}:
        state.health.lack(part, change)


def emit_incidents(
    state: PartitionState,
    before: Mapping[str, IncidentRow],
    after: Mapping[str, IncidentRow],
    observations: Observations,
    imported: tuple[Container[str], Container[str]] = ((), ()),
) -> None:
    """Write incidents that are new or changed, and withdraw those that are no more.

    `imported` are the ids, before and after, of those that nobody could be called for when they opened.
    """
    for key, incident in after.items():
        known = before.get(key)
        if known != incident or (key in imported[0]) != (key in imported[1]):
            if known is not None:
                _count_open(state, known, -1, key in imported[0])
            _count_open(state, incident, 1, key in imported[1])
        if known != incident:
            state.pending.put_incident(incident)
            changed: Transition = "closed" if incident.state == "closed" else "updated"
            observations.incident(incident, "opened" if known is None else changed)
    for key, incident in before.items():
        if key not in after:
            _count_open(state, incident, -1, key in imported[0])
            withdrawn = incident._replace(state="withdrawn", close_reason="retracted")
            state.pending.put_incident(withdrawn)
            observations.incident(withdrawn, "withdrawn")


def count_open(
    state: PartitionState, incidents: Mapping[str, IncidentRow], change: int, imported: Container[str] = ()
) -> None:
    """Count open incidents in, +1, or out, -1; `imported` are ids of those that nobody could be called for."""
    for key, incident in incidents.items():
        _count_open(state, incident, change, key in imported)


def _count_open(state: PartitionState, incident: IncidentRow, change: int, imported: bool) -> None:
    if incident.state != "open":
        return
    if imported:
        state.gauges.add(("imported_incidents", incident.pattern, incident.severity, incident.area), change)
    else:
        labels = "incidents_open", incident.pattern, incident.severity, incident.area
        state.gauges.add_since(labels, incident.opened_at, change)


def count_gauges(state: PartitionState, evaluation: Evaluation, change: int) -> None:
    """Count what is open of a case in, +1, or out, -1."""
    for gauge in evaluation.gauges:
        state.gauges.add(gauge, change)


def _move_gauges(state: PartitionState, before: Iterable[Labels], after: Iterable[Labels]) -> None:
    """Count out what is open no more, and in what is new: most of what a case counts among stays as it is."""
    closed = [*before]
    for gauge in after:
        if gauge in closed:
            closed.remove(gauge)
        else:
            state.gauges.add(gauge, 1)
    for gauge in closed:
        state.gauges.add(gauge, -1)


def _void_clocks(state: PartitionState, case: Case, before: Evaluation, after: Evaluation) -> None:
    """A clock that the fold no longer knows, because an earlier event came, is void."""
    ids = {clock_id(case, clock) for clock in after.clocks}
    for clock in before.clocks:
        if clock_id(case, clock) not in ids:
            row = clock_row(case, clock, state.number, state.watermarks.timers_fired_to[case.key[0]])
            state.pending.put_void_clock(row._replace(void=1))


# Histories of subjects


def _move(state: PartitionState, case: Case, before: Evaluation, after: Evaluation, observations: Observations) -> None:
    """Let the case stand in the histories that it belongs to, and emit what that changes."""
    for pattern in registry.SUBJECT_PATTERNS.values():
        was, now = before.memberships.get(pattern.id), after.memberships.get(pattern.id)
        if was == now:
            continue
        stays = was is not None and now is not None and was.at == now.at and was.subject == now.subject
        if was is not None and not stays:
            left = state.subjects.leave(pattern.id, was, case.key)
            emit_subject(state, pattern, was.subject, left, observations)
        if now is not None:
            joined = state.subjects[pattern.id, now.subject] if stays else None
            history = joined or state.subjects.join(pattern.id, now, case.key)
            emit_subject(state, pattern, now.subject, history, observations)


def emit_subject(
    state: PartitionState,
    pattern: SubjectPattern[Any],
    subject: Subject,
    history: History,
    observations: Observations,
) -> None:
    """Evaluate a subject and write how its incidents differ from those before; with no case left, it is forgotten."""
    now = state.watermarks.timers_fired_to[pattern.topic]
    after = evaluate_subject(pattern, subject, history, state.cases.__getitem__, state.number, now, state.rules)
    if isinstance(after, Failure):
        note_failed(state, pattern.id, history, failed=True)
        isolation.report(state, [after], state.watermarks.max_timestamp.get(pattern.topic, 0), observations)
        return
    note_failed(state, pattern.id, history, failed=False)
    emit_history(state, history, after, observations)
    if not history.cases:
        del state.subjects[pattern.id, subject]
    elif now <= after.next_timer < NEVER and after.next_timer != history.next_timer:
        history.next_timer = after.next_timer
        register_timer(state, pattern.topic, after.next_timer, pattern.id, subject)


def emit_history(state: PartitionState, history: History, after: SubjectEvaluation, observations: Observations) -> None:
    """Write how the incidents of a history differ from those emitted before, which they replace."""
    if after.incidents or history.incidents:
        imported = history.imported, after.imported
        emit_incidents(state, history.incidents, after.incidents, observations, imported)
        history.incidents, history.imported = after.incidents, after.imported


def note_failed(state: PartitionState, pattern_id: str, history: History, *, failed: bool) -> None:
    """Keep count of the histories that lack what their pattern says of them."""
    if failed != history.failed:
        state.health.lack(pattern_id, 1 if failed else -1)
        history.failed = failed


# Timers


def register_timer(state: PartitionState, topic: str, at: int, kind: str, key: tuple[str, ...]) -> None:
    """Let a case or a subject be evaluated again at a moment, ms. Its former timer stays, and nobody awaits it."""
    timers = state.timers[topic]
    timers.register(at, kind, key)
    if timers.outnumber(len(state.cases) + len(state.subjects)):
        timers.prune(partial(is_awaited, state))


def is_awaited(state: PartitionState, timer: Timer) -> bool:
    """Is it still the timer of its case or subject?"""
    at, kind, key = timer
    if kind == CASE_TIMER:
        case = state.cases.get((key[0], key[1], key[2]))
        return case is not None and case.evaluation.next_timer == at
    history = state.subjects.get((kind, key))
    return history is not None and history.next_timer == at


# Merges


def _carry(state: PartitionState, key: CaseKey, before: Evaluation, after: Evaluation) -> list[Carried]:
    """Let the case that survives a merge know what this one gives it now, or that the merge was an error."""
    drop_carry_over(state, key, before)
    given: dict[CaseKey, tuple[CaseEvent, ...]] = {}
    withdrawn = given.copy()
    if before.carry_over is not None:
        survivor, events = before.carry_over
        withdrawn[survivor] = events
    if after.carry_over is not None:
        survivor, events = after.carry_over
        state.absorbed.setdefault(survivor, {})[key] = events
        known = withdrawn.get(survivor, ())
        given[survivor] = tuple(event for event in events if event not in known)
        if known:
            withdrawn[survivor] = tuple(event for event in known if event not in events)
    carried = [Carried(key, given.get(key, ()), withdrawn.get(key, ())) for key in withdrawn | given]
    return [each for each in carried if each.given or each.withdrawn]


def drop_carry_over(state: PartitionState, key: CaseKey, evaluation: Evaluation) -> None:
    """Forget what a case gives to another one, should that still be to come."""
    if evaluation.carry_over is not None:
        survivor, _ = evaluation.carry_over
        waiting = state.absorbed.get(survivor, {})
        waiting.pop(key, None)
        if not waiting:
            state.absorbed.pop(survivor, None)
