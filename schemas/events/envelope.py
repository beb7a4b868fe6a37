"""The envelope: what every event says, whatever it is about."""

from typing import Annotated

from schemas.events.fields import (
    Attributes,
    Country,
    Entries,
    EventId,
    Language,
    Level,
    Name,
    OrgUnit,
    Owner,
    Person,
    Record,
    Reference,
    SchemaVersion,
    Sequence,
    Slug,
    Text,
    Timestamp,
)
from schemas.taxonomy import (
    ActorKind,
    Channel,
    DemandType,
    Element,
    JourneyStage,
    OtcStage,
    Priority,
    Relationship,
    ValueBand,
)


class Customer(Record):
    """Who it is about. `id` is a pseudonym, never an e-mail address, a telephone number or a document number."""

    id: Reference
    aliases: Annotated[tuple[Person, ...], Entries(0, 20)] = ()
    relationship: Relationship | None = None
    segment: Name | None = None
    value_band: ValueBand | None = None
    vulnerable: bool | None = None
    country: Country | None = None


class Cause(Record):
    """Why it happened: which element of the service chain, which area of the company it comes from."""

    element: Element | None = None
    origin_area: Name | None = None
    code: Name | None = None


class Links(Record):
    """What else it belongs to."""

    journey_id: Reference | None = None
    contact_id: Reference | None = None
    complaint_id: Reference | None = None
    order_ref: Reference | None = None
    incident_id: Reference | None = None
    parent_id: Reference | None = None


class Actor(Record):
    """Who did it."""

    kind: ActorKind | None = None
    id: Person | None = None
    level: Level | None = None


class Identity(Record):
    """Which event it is, of what, and when it happened."""

    event_id: EventId
    """Unique per source; what duplicates are recognised by."""
    event_type: str
    schema_version: SchemaVersion
    occurred_at: Timestamp
    published_at: Timestamp | None = None
    source: Slug
    seq: Sequence | None = None
    """Orders events of one entity that occurred at the same moment; without it they have their natural order."""
    entity_id: Reference


class Circumstances(Record):
    """What any event may say of its case, and a correction may put right. None: the publisher did not say.

    A field that is added here is taken over by its name: into `feedback_events` when `schemas.outputs.EventRow` has it,
    into the case when `processors.cases.events.Stated` has it, and into `cases` when `schemas.outputs.CaseRow` has it.
    """

    customer: Customer | None = None
    org_unit: OrgUnit | None = None
    channel: Channel | None = None
    language: Language | None = None
    priority: Priority | None = None
    category: Name | None = None
    category_raw: Name | None = None
    product: Name | None = None
    process: Name | None = None
    journey_stage: JourneyStage | None = None
    otc_stage: OtcStage | None = None
    cause: Cause | None = None
    demand_type: DemandType | None = None
    links: Links | None = None
    actor: Actor | None = None


class Event(Circumstances, Identity):
    """One thing that happened to a contact, a complaint or a survey."""

    text: Text | None = None
    attributes: Attributes | None = None
    test: bool = False


class Redated(Record):
    """When an earlier event happened after all."""

    occurred_at: Timestamp | None = None


class CorrectedValues(Circumstances, Redated):
    """The right values of an earlier event; None leaves a value as it was."""

    owner: Owner | None = None
    text: Text | None = None
    test: bool | None = None
