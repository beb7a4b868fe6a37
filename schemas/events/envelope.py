"""The envelope: what every event says, whatever it is about."""

from typing import Annotated

from annotated_types import Len

from schemas.events.fields import (
    Attributes,
    Country,
    EventId,
    Language,
    Level,
    Name,
    OrgUnit,
    Record,
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

    id: Name
    aliases: Annotated[tuple[Name, ...], Len(0, 20)] = ()
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

    journey_id: Name | None = None
    contact_id: Name | None = None
    complaint_id: Name | None = None
    order_ref: Name | None = None
    incident_id: Name | None = None
    parent_id: Name | None = None


class Actor(Record):
    """Who did it."""

    kind: ActorKind | None = None
    id: Name | None = None
    level: Level | None = None


class Event(Record):
    """One thing that happened to a contact, a complaint or a survey. None: the publisher did not say."""

    event_id: EventId
    """Unique per source; what duplicates are recognised by."""
    event_type: str
    schema_version: SchemaVersion
    occurred_at: Timestamp
    published_at: Timestamp | None = None
    source: Slug
    seq: Sequence | None = None
    """Orders events of one entity that occurred at the same moment."""
    entity_id: Name
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
    text: Text | None = None
    attributes: Attributes | None = None
    test: bool = False


class CorrectedValues(Record):
    """The right values of an earlier event; None leaves a value as it was."""

    occurred_at: Timestamp | None = None
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
    owner: Name | None = None
    text: Text | None = None
    test: bool | None = None
