"""Erasure: a customer who is to be forgotten leaves the state, and what is written of them names them no more.

`customer.erased` takes effect when it is read, on all cases of the customer in its partition. What is open ends then:
clocks are cancelled, or broken when their deadline was past, and incidents close as `erased`. What was counted stays
counted, and event ids stay known, so that nothing old comes back as new. Other input topics may be read later: an event
from before the erasure that comes after it is accepted, written without the customer, and folded into nothing.

Rows of single events cannot be taken back by another row: `oidor erase` masks them in the database.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from processors.cases.rows import clock_row
from processors.patterns import repeat_contact
from processors.pipeline import emission
from processors.sla import clocks
from schemas.events.contacts import ERASED
from schemas.observations import Observations

if TYPE_CHECKING:
    from processors.cases.case import Case
    from processors.state.partition import PartitionState
    from schemas.events.envelope import Event
    from schemas.outputs import EventRow, IncidentRow


def concerns(state: PartitionState, event: Event, occurred_at: int) -> bool:
    """Is an event an erasure, or about a customer who was erased since it happened?"""
    if event.event_type == ERASED:
        return True
    return bool(state.erased) and event.customer is not None and state.erased.covers(event.customer.id, occurred_at)


def take(state: PartitionState, event: Event, record: Any, outputs: Observations) -> tuple[str, ...]:
    """Take in an event that `concerns` finds; returns what is odd about it. An erasure that is a test erases nobody."""
    if event.event_type != ERASED:
        return ("erased_customer",)
    if event.customer is not None and not event.test:
        erase(state, event.customer.id, record.timestamp, outputs)
    return ()


def masked(row: EventRow) -> EventRow:
    """The row of such an event, without who it is about and what they said."""
    entity_id = "" if row.entity_id == row.customer_id else row.entity_id
    return row._replace(customer_id="", entity_id=entity_id, payload="")


def erase(state: PartitionState, customer_id: str, at: int, outputs: Observations) -> None:
    """Forget a customer as of `at`, ms. Looks through all cases: it is asked for seldom."""
    state.erased.add(customer_id, at)
    mine = [case for case in state.cases.values() if case.fold.facts.get("customer_id") == customer_id]
    last = {incident.incident_id: incident for incident in _repeat_contacts(state, customer_id, at)}
    open_before = {key for key, incident in last.items() if incident.state == "open"}
    for case in mine:
        open_before |= {key for key, incident in case.incidents.items() if incident.state == "open"}
        _end(state, case, at, outputs)
        last |= case.incidents
        emission.evict(state, case)
    pending = state.pending
    waiting = {key: one for key, one in pending.incidents.items() if one.customer_id == customer_id}
    for key, incident in (waiting | last).items():
        closed = pending.incidents[key] = _closed(incident, customer_id, at)
        if key in open_before:
            outputs.incident(closed, "closed")
    for key, row in pending.void_clocks.items():
        if row.customer_id == customer_id:
            pending.void_clocks[key] = row._replace(customer_id="")


def _repeat_contacts(state: PartitionState, customer_id: str, at: int) -> Iterator[IncidentRow]:
    """As they stand at that moment, whether it was noticed already or not."""
    for subject, history in state.histories.items():
        if subject[0] == customer_id:
            yield from repeat_contact.incidents(
                subject, history, state.cases.__getitem__, state.number, at, state.rules
            )


def _end(state: PartitionState, case: Case, at: int, outputs: Observations) -> None:
    """The last that is said and written of a case, whatever becomes of its key afterwards."""
    fold = case.fold
    del fold.facts["customer_id"]
    if not fold.is_over:
        fold.state = "erased"
    for clock in fold.clocks:
        # What nobody could have announced by then was not broken.
        announced = at > clock.due_at + clock.target.grace_ms
        clocks.apply_signal(clock, "cancel", at if announced else min(at, clock.due_at), at)
    heard = Observations()
    emission.judge(state, case, heard)
    outputs.moments += heard.moments
    for clock in fold.clocks:
        row = clock_row(case, clock, state.number, state.timers_fired_to[case.key[0]])
        state.pending.void_clocks[row.clock_id] = row
    state.mark_dirty(case)


def _closed(incident: IncidentRow, customer_id: str, at: int) -> IncidentRow:
    who, separator, what = incident.subject.partition("|")
    subject = f"{separator}{what}" if who == customer_id else incident.subject
    masked = incident._replace(customer_id="", subject=subject)
    if incident.state == "open":
        at = max(at, incident.updated_at)
        return masked._replace(state="closed", close_reason="erased", updated_at=at, closed_at=at)
    return masked._replace(close_reason="erased") if incident.closed_at == at else masked
