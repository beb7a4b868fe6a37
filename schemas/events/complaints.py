"""Complaint events: from a query to an appeal, on the record until it is answered."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.events.envelope import Cause, CorrectedValues, Event
from schemas.events.fields import Amount, Currency, EventId, Grade, Name, Owner, Reference, Text, Timestamp
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
    """A customer complains, asks, suggests or praises, on the record."""

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
    """The customer was told that the complaint has arrived."""

    event_type: Literal["complaint.acknowledged"]
    reference_given: bool | None = None
    durable_copy: bool | None = None


class ComplaintAssigned(Event):
    """Somebody answers for the complaint from now on."""

    event_type: Literal["complaint.assigned"]
    owner: Owner


class ComplaintTransferred(Event):
    """The complaint is handed on from one team or person to another."""

    event_type: Literal["complaint.transferred"]
    from_: Owner = Field(alias="from")
    to: Owner


class ComplaintForwardedExternal(Event):
    """The complaint lies with somebody outside, whom we wait for."""

    event_type: Literal["complaint.forwarded_external"]
    to: Owner


class ComplaintWaitingCustomer(Event):
    """We wait for the customer; without a reason it is `other`."""

    event_type: Literal["complaint.waiting_customer"]
    reason: WaitReason | None = None


class ComplaintWaitingThirdParty(Event):
    """We wait for somebody else; without a reason it is `other`."""

    event_type: Literal["complaint.waiting_third_party"]
    reason: WaitReason | None = None


class ComplaintResumed(Event):
    """We wait for nobody any more."""

    event_type: Literal["complaint.resumed"]


class ComplaintProgressSent(Event):
    """The customer was told how the complaint stands."""

    event_type: Literal["complaint.progress_sent"]


class ComplaintHoldingResponseSent(Event):
    """The customer was told that the final response takes longer."""

    event_type: Literal["complaint.holding_response_sent"]
    new_due_at: Timestamp | None = None


class ComplaintCauseSet(Event):
    """The cause is known now."""

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
    """The complaint is taken up again."""

    event_type: Literal["complaint.reopened"]
    reason: ReopenReason | None = None
    to: EscalationBody | None = None


class ComplaintAppealed(Event):
    """The customer contests the final response."""

    event_type: Literal["complaint.appealed"]
    to: EscalationBody | None = None


class ComplaintEscalated(Event):
    """The complaint went to a higher body."""

    event_type: Literal["complaint.escalated"]
    to: EscalationBody | None = None


class ComplaintServiceSuspended(Event):
    """The supply was cut while the complaint is open."""

    event_type: Literal["complaint.service_suspended"]


class ComplaintCustomerRecovered(Event):
    """The customer stayed, and there is evidence of it."""

    event_type: Literal["complaint.customer_recovered"]
    amount: Amount | None = None
    currency: Currency | None = None
    evidence: RecoveryEvidence | None = None


class ComplaintCustomerLost(Event):
    """The customer left, and there is evidence of it."""

    event_type: Literal["complaint.customer_lost"]
    amount: Amount | None = None
    currency: Currency | None = None
    evidence: RecoveryEvidence | None = None


class ComplaintPriorityChanged(Event):
    """The complaint has another priority: other targets may hold."""

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
    """The complaint is part of another one, which keeps its place."""

    event_type: Literal["complaint.merged"]
    into: Reference
    """The entity that survives."""


class ComplaintAbsorbed(Event):
    """Another complaint is part of this one, and its customer waits since then. It is for a merge across customers,
    whose events lie in different partitions: what is merged within one is known without it.
    """

    event_type: Literal["complaint.absorbed"]
    from_: Reference = Field(alias="from")
    """The entity that was merged into this one."""
    opened_at: Timestamp
    """When that was opened."""


class ComplaintClosed(Event):
    """Nothing is left to be done. It is no final response."""

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
    from_: Owner | None = Field(None, alias="from")
    to: Owner | None = None
    reason: Literal[WaitReason, ReopenReason] | None = None
    new_due_at: Timestamp | None = None
    method: Name | None = None
    outcome: ComplaintOutcome | None = None
    reasoned: bool | None = None
    redress_amount: Amount | None = None
    amount: Amount | None = None
    currency: Currency | None = None
    evidence: RecoveryEvidence | None = None
    into: Reference | None = None
    opened_at: Timestamp | None = None


class ComplaintCorrected(Event):
    """An earlier event of the complaint was wrong: these are its right values."""

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
    | ComplaintAbsorbed
    | ComplaintClosed
    | ComplaintCorrected
    | ComplaintVoided,
    Field(discriminator="event_type"),
]
