"""Complaint events: from a query to an appeal, on the record until it is answered."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.events.envelope import Cause, CorrectedValues, Event
from schemas.events.fields import Amount, Currency, EventId, Grade, Name, Text, Timestamp
from schemas.taxonomy import (
    Channel,
    ComplaintKind,
    ComplaintOutcome,
    EscalationBody,
    Priority,
    RecoveryEvidence,
    ReopenReason,
    TopicClass,
    WaitReason,
)


class ComplaintOpened(Event):
    event_type: Literal["complaint.opened"]
    kind: ComplaintKind
    channel: Channel
    topic_class: TopicClass | None = None
    received_at: Timestamp | None = None
    """Where legal clocks start; None: at `occurred_at`."""
    severity: Grade | None = None
    """1 least, 4 most."""
    remedy_sought: Text | None = None


class ComplaintAcknowledged(Event):
    event_type: Literal["complaint.acknowledged"]
    reference_given: bool | None = None
    durable_copy: bool | None = None


class ComplaintAssigned(Event):
    event_type: Literal["complaint.assigned"]
    owner: Name


class ComplaintTransferred(Event):
    event_type: Literal["complaint.transferred"]
    from_: Name = Field(alias="from")
    to: Name


class ComplaintForwardedExternal(Event):
    event_type: Literal["complaint.forwarded_external"]
    to: Name


class ComplaintWaitingCustomer(Event):
    event_type: Literal["complaint.waiting_customer"]
    reason: WaitReason | None = None


class ComplaintWaitingThirdParty(Event):
    event_type: Literal["complaint.waiting_third_party"]
    reason: WaitReason | None = None


class ComplaintResumed(Event):
    event_type: Literal["complaint.resumed"]


class ComplaintProgressSent(Event):
    """The customer was told how the complaint stands."""

    event_type: Literal["complaint.progress_sent"]


class ComplaintHoldingResponseSent(Event):
    event_type: Literal["complaint.holding_response_sent"]
    new_due_at: Timestamp | None = None


class ComplaintCauseSet(Event):
    event_type: Literal["complaint.cause_set"]
    cause: Cause
    method: Name | None = None


class ComplaintResolved(Event):
    """The final response."""

    event_type: Literal["complaint.resolved"]
    outcome: ComplaintOutcome
    reasoned: bool | None = None
    redress_amount: Amount | None = None
    currency: Currency | None = None


class ComplaintReopened(Event):
    event_type: Literal["complaint.reopened"]
    reason: ReopenReason | None = None
    to: EscalationBody | None = None


class ComplaintAppealed(Event):
    event_type: Literal["complaint.appealed"]
    to: EscalationBody | None = None


class ComplaintEscalated(Event):
    event_type: Literal["complaint.escalated"]
    to: EscalationBody | None = None


class ComplaintServiceSuspended(Event):
    """The supply was cut while the complaint is open."""

    event_type: Literal["complaint.service_suspended"]


class ComplaintCustomerRecovered(Event):
    event_type: Literal["complaint.customer_recovered"]
    amount: Amount | None = None
    currency: Currency | None = None
    evidence: RecoveryEvidence | None = None


class ComplaintCustomerLost(Event):
    event_type: Literal["complaint.customer_lost"]
    amount: Amount | None = None
    currency: Currency | None = None
    evidence: RecoveryEvidence | None = None


class ComplaintPriorityChanged(Event):
    event_type: Literal["complaint.priority_changed"]
    from_: Priority = Field(alias="from")
    to: Priority


class ComplaintReclassified(Event):
    """What changed stands here and in the envelope: category, product, cause ..."""

    event_type: Literal["complaint.reclassified"]
    kind: ComplaintKind | None = None
    topic_class: TopicClass | None = None
    severity: Grade | None = None


class ComplaintMerged(Event):
    event_type: Literal["complaint.merged"]
    into: Name
    """The entity that survives."""


class ComplaintClosed(Event):
    event_type: Literal["complaint.closed"]


class ComplaintValues(CorrectedValues):
    """What can be corrected of a complaint event. `to` is whatever the corrected event's `to` may be."""

    kind: ComplaintKind | None = None
    topic_class: TopicClass | None = None
    received_at: Timestamp | None = None
    severity: Grade | None = None
    remedy_sought: Text | None = None
    reference_given: bool | None = None
    durable_copy: bool | None = None
    from_: Name | None = Field(None, alias="from")
    to: Name | None = None
    reason: Literal[WaitReason, ReopenReason] | None = None
    new_due_at: Timestamp | None = None
    method: Name | None = None
    outcome: ComplaintOutcome | None = None
    reasoned: bool | None = None
    redress_amount: Amount | None = None
    amount: Amount | None = None
    currency: Currency | None = None
    evidence: RecoveryEvidence | None = None
    into: Name | None = None


class ComplaintCorrected(Event):
    event_type: Literal["complaint.corrected"]
    corrects_event_id: EventId
    values: ComplaintValues


class ComplaintVoided(Event):
    """Absent `voids_event_id`: the whole complaint is withdrawn."""

    event_type: Literal["complaint.voided"]
    voids_event_id: EventId | None = None


ComplaintEvent = Annotated[
    ComplaintOpened
    | ComplaintAcknowledged
    | ComplaintAssigned
    | ComplaintTransferred
    | ComplaintForwardedExternal
    | ComplaintWaitingCustomer
    | ComplaintWaitingThirdParty
    | ComplaintResumed
    | ComplaintProgressSent
    | ComplaintHoldingResponseSent
    | ComplaintCauseSet
    | ComplaintResolved
    | ComplaintReopened
    | ComplaintAppealed
    | ComplaintEscalated
    | ComplaintServiceSuspended
    | ComplaintCustomerRecovered
    | ComplaintCustomerLost
    | ComplaintPriorityChanged
    | ComplaintReclassified
    | ComplaintMerged
    | ComplaintClosed
    | ComplaintCorrected
    | ComplaintVoided,
    Field(discriminator="event_type"),
]
