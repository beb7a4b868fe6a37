"""Contact events: a customer reaches us, or we reach them, over one channel. And that a customer is to be forgotten."""

from typing import Annotated, Final, Literal

from pydantic import Field

from schemas.events.envelope import Actor, CorrectedValues, Customer, Event
from schemas.events.fields import Amount, Currency, EventId, Level, Name, Owner, Reference, Seconds, Text, Timestamp
from schemas.taxonomy import (
    Channel,
    Direction,
    Priority,
    ReopenReason,
    Resolution,
    TransferKind,
    WaitReason,
)
from schemas.taxonomy import (
    ContactOutcome as OutcomeKind,
)


class ContactOpened(Event):
    """A customer reaches us, or we reach them: what is promised from the opening on begins."""

    event_type: Literal["contact.opened"]
    direction: Direction
    channel: Channel
    subject: Text | None = None


class ContactQueued(Event):
    """The contact waits for somebody to answer it."""

    event_type: Literal["contact.queued"]
    queue: Name


class ContactHumanRequested(Event):
    """The customer asked a bot for a person."""

    event_type: Literal["contact.human_requested"]


class ContactAnswered(Event):
    """Somebody, or a bot, takes the contact; only a person ends the wait."""

    event_type: Literal["contact.answered"]
    actor: Actor
    wait_seconds: Seconds | None = None


class ContactAbandoned(Event):
    """The customer gave up waiting."""

    event_type: Literal["contact.abandoned"]
    wait_seconds: Seconds | None = None
    in_ivr: bool | None = None


class ContactCallbackRequested(Event):
    """The customer asked to be called back, and waits no longer. To which number is not ours to know: none is sent."""

    event_type: Literal["contact.callback_requested"]
    promised_at: Timestamp | None = None
    """By when the customer was promised the call; where it is absent the policy says."""


class ContactAssigned(Event):
    """Somebody answers for the contact from now on."""

    event_type: Literal["contact.assigned"]
    owner: Owner


class ContactTransferred(Event):
    """The contact is handed on from one team or person to another."""

    event_type: Literal["contact.transferred"]
    from_: Owner = Field(alias="from")
    to: Owner
    kind: TransferKind | None = None


class ContactCustomerReplied(Event):
    """The customer wrote again, and waits for a reply; or a machine did for them, by `actor.kind`, and nobody waits."""

    event_type: Literal["contact.customer_replied"]
    public: bool = True


class ContactAgentReplied(Event):
    """Somebody, or a bot, replied to the customer or left a note."""

    event_type: Literal["contact.agent_replied"]
    public: bool = True
    """False: an internal note, which answers nobody."""


class ContactWaitingCustomer(Event):
    """We wait for the customer; without a reason it is `other`."""

    event_type: Literal["contact.waiting_customer"]
    reason: WaitReason | None = None


class ContactWaitingThirdParty(Event):
    """We wait for somebody else; without a reason it is `other`."""

    event_type: Literal["contact.waiting_third_party"]
    reason: WaitReason | None = None


class ContactResumed(Event):
    """We wait for nobody any more."""

    event_type: Literal["contact.resumed"]


class ContactPriorityChanged(Event):
    """The contact has another priority: other targets may hold."""

    event_type: Literal["contact.priority_changed"]
    from_: Priority = Field(alias="from")
    to: Priority


class ContactReclassified(Event):
    """What changed stands in the envelope: category, product, cause, demand_type ..."""

    event_type: Literal["contact.reclassified"]


class ContactResolved(Event):
    """The matter is dealt with, or was none; talk, hold and wrap-up are the handling time."""

    event_type: Literal["contact.resolved"]
    resolution: Resolution | None = None
    resolved_level: Level | None = None
    talk_seconds: Seconds | None = None
    hold_seconds: Seconds | None = None
    wrap_seconds: Seconds | None = None


class ContactReopened(Event):
    """The matter is not dealt with after all."""

    event_type: Literal["contact.reopened"]
    reason: ReopenReason | None = None


class ContactClosed(Event):
    """Nothing is left to be done."""

    event_type: Literal["contact.closed"]


class ContactOutcome(Event):
    """What the contact was worth."""

    event_type: Literal["contact.outcome"]
    kind: OutcomeKind
    amount: Amount | None = None
    currency: Currency | None = None


class ContactMerged(Event):
    """The contact is part of another one, which keeps its place."""

    event_type: Literal["contact.merged"]
    into: Reference
    """The entity that survives."""


class ContactAbsorbed(Event):
    """Another contact is part of this one, and its customer waits since then. It is for a merge across customers, whose
    events lie in different partitions: what is merged within one is known without it.
    """

    event_type: Literal["contact.absorbed"]
    from_: Reference = Field(alias="from")
    """The entity that was merged into this one."""
    opened_at: Timestamp
    """When that was opened."""


class ContactIdentified(Event):
    """A formerly anonymous contact turns out to be this customer's. Keeps the key that the contact was opened with."""

    event_type: Literal["contact.identified"]
    customer: Customer


class ContactValues(CorrectedValues):
    """What can be corrected of a contact event."""

    direction: Direction | None = None
    queue: Name | None = None
    wait_seconds: Seconds | None = None
    in_ivr: bool | None = None
    promised_at: Timestamp | None = None
    from_: Owner | None = Field(None, alias="from")
    to: Owner | None = None
    kind: Literal[TransferKind, OutcomeKind] | None = None
    public: bool | None = None
    reason: Literal[WaitReason, ReopenReason] | None = None
    resolution: Resolution | None = None
    resolved_level: Level | None = None
    talk_seconds: Seconds | None = None
    hold_seconds: Seconds | None = None
    wrap_seconds: Seconds | None = None
    amount: Amount | None = None
    currency: Currency | None = None
    into: Reference | None = None
    opened_at: Timestamp | None = None


class ContactCorrected(Event):
    """An earlier event of the contact was wrong: these are its right values."""

    event_type: Literal["contact.corrected"]
    corrects_event_id: EventId
    values: ContactValues


class ContactVoided(Event):
    """Absent `voids_event_id`: the whole contact is withdrawn."""

    event_type: Literal["contact.voided"]
    voids_event_id: EventId | None = None


ERASED: Final = "customer.erased"


class CustomerErased(Event):
    """The customer is to be forgotten: what is open about them ends, and who they are leaves the state and the rows.

    It comes on contact-events, keyed by `customer.id`, because the partition that holds the customer's cases must read
    it. `entity_id` is that of the request, not of a case. Aliases are other customers: each has an erasure of its own.
    What is published about the customer afterwards counts as new.
    """

    event_type: Literal["customer.erased"]
    customer: Customer


ContactEvent = Annotated[
    ContactOpened
    | ContactQueued
    | ContactHumanRequested
    | ContactAnswered
    | ContactAbandoned
    | ContactCallbackRequested
    | ContactAssigned
    | ContactTransferred
    | ContactCustomerReplied
    | ContactAgentReplied
    | ContactWaitingCustomer
    | ContactWaitingThirdParty
    | ContactResumed
    | ContactPriorityChanged
    | ContactReclassified
    | ContactResolved
    | ContactReopened
    | ContactClosed
    | ContactOutcome
    | ContactMerged
    | ContactAbsorbed
    | ContactIdentified
    | ContactCorrected
    | ContactVoided
    | CustomerErased,
    Field(discriminator="event_type"),
]
