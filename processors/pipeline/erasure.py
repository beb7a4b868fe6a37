"""Erasure: a customer who is to be forgotten leaves the state, and what is written of them names them no more.

`customer.erased` takes effect when it is read, on all cases of the customer in its partition. What is open ends then:
clocks are cancelled, or broken when their deadline was past, and incidents close as `erased`. What was counted stays
counted, and event ids stay known, so that nothing old comes back as new. Other input topics may be read later: an event
from before the erasure that comes after it is accepted, written without the customer, and folded into nothing.

Rows of single events cannot be taken back by another row: `oidor erase` masks them in the database.
"""

from collections.abc import Mapping

from processors.cases.case import Case, Failure
from processors.cases.rows import clock_row
from processors.patterns import registry
from processors.pipeline import eviction, merging
from processors.pipeline.evaluation import evaluate_subject
from processors.pipeline.folding import settle_for_good
from processors.state.partition import PartitionState
from schemas.erasure import customer_hash, masked_subject
from schemas.events.contacts import ERASED
from schemas.events.envelope import Event
from schemas.observations import Observations
from schemas.outputs import ErasureRow, EventRow, IncidentRow, RejectedRecord, Rejection


def concerns(state: PartitionState, event: Event, occurred_at: int) -> bool:
    """Is an event an erasure, or about a customer who was erased since it happened?"""
    if event.event_type == ERASED:
        return True
    return bool(state.erased) and event.customer is not None and state.erased.covers(event.customer.id, occurred_at)


def not_allowed(state: PartitionState, event: Event) -> Rejection | None:
    """Why an event is rejected: it erases somebody, and its source may not."""
    allowed = state.rules.erase_sources
    if not allowed or event.event_type != ERASED or event.source in allowed:
        return None
    return Rejection("erasure_not_allowed", "source", f"one of OIDOR_ERASE_SOURCES: {', '.join(sorted(allowed))}")


def warnings_of(event: Event) -> tuple[str, ...]:
    """What is odd about an event that `concerns` finds."""
    return () if event.event_type == ERASED else ("erased_customer",)


def apply(state: PartitionState, event: Event, record_at: int, observations: Observations) -> None:
    """Apply an event that `concerns` finds, read at record time `record_at`, ms. One that is a test erases nobody."""
    if event.event_type == ERASED and event.customer is not None and not event.test:
        erase(state, event.customer.id, record_at, observations)


def masked(row: EventRow) -> EventRow:
    """The row of such an event, without who it is about and what they said."""
    entity_id = "" if row.entity_id == row.customer_id else row.entity_id
    return row._replace(customer_id="", entity_id=entity_id, payload="", erased=1)


def masked_rejection(state: PartitionState, rejected: RejectedRecord, record_at: int) -> RejectedRecord:
    """A record that is rejected; without its original when its key is a customer who was erased after it was sent."""
    if not len(state.erased) or not rejected.key:
        return rejected
    if not state.erased.covers(rejected.key.decode(errors="replace"), record_at):
        return rejected
    return RejectedRecord(rejected.row._replace(got="", event_id="", source=""), None, b"")


def erase(state: PartitionState, customer_id: str, at: int, observations: Observations) -> None:
    """Forget a customer as of `at`, ms."""
    state.erased.add(customer_id, at)
    state.pending.erasures.append(ErasureRow(customer_hash(customer_id), state.number, at))
    state.dangling.forget(customer_id)
    last = _of_subjects(state, customer_id, at)
    open_before = _open(last)
    for case in map(state.cases.__getitem__, state.customers.cases_of(customer_id)):
        open_before |= _open(case.evaluation.incidents)
        _end(state, case, at, observations)
        last |= case.evaluation.incidents
        eviction.evict(state, case)
    waiting = {incident.incident_id: incident for incident in state.pending.incidents_of(customer_id)}
    for key, incident in (waiting | last).items():
        closed = _closed(incident, customer_id, at)
        state.pending.put_incident(closed)
        if key in open_before:
            observations.incident(closed, "closed")
    state.pending.mask_clocks_of(customer_id)


def _open(incidents: Mapping[str, IncidentRow]) -> set[str]:
    return {key for key, incident in incidents.items() if incident.state == "open"}


def _of_subjects(state: PartitionState, customer_id: str, at: int) -> dict[str, IncidentRow]:
    """The incidents of the customer over several cases, as they stand at that moment, noticed already or not."""
    found: dict[str, IncidentRow] = {}
    for (pattern_id, subject), history in state.subjects.of_customer(customer_id):
        pattern = registry.SUBJECT_PATTERNS[pattern_id]
        now = evaluate_subject(pattern, subject, history, state.cases.__getitem__, state.number, at, state.rules)
        found |= history.incidents if isinstance(now, Failure) else now.incidents
    return found


def _end(state: PartitionState, case: Case, at: int, observations: Observations) -> None:
    """The last that is emitted of a case, whatever becomes of its key afterwards."""
    merging.give_up(state, case, observations)
    fold = case.fold
    del fold.facts["customer_id"]
    fold.erased = True
    if not fold.is_over:
        fold.state = "erased"
    settle_for_good(state, case, at, observations, "erasure")
    for clock in fold.clocks:
        row = clock_row(case, clock, state.number, state.watermarks.timers_fired_to[case.key[0]])
        state.pending.put_void_clock(row)
    state.pending.mark_dirty(case)


def _closed(incident: IncidentRow, customer_id: str, at: int) -> IncidentRow:
    masked = incident._replace(customer_id="", subject=masked_subject(incident.subject, customer_id))
    if incident.state == "open":
        at = max(at, incident.updated_at)
        return masked._replace(state="closed", close_reason="erased", updated_at=at, closed_at=at)
    return masked._replace(close_reason="erased") if incident.closed_at == at else masked
