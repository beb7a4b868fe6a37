"""The contract of `feedback-actions`: what people do about an incident, and what they plan for a source.

One JSON object a record, keyed by the id of what it is about. What is read again counts once, by its `action_id`.
"""

from typing import Annotated, Any, Final, Literal, get_args

from pydantic import AfterValidator, Field, StringConstraints, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from schemas.events.decoding import FUTURE_MS, MAX_BYTES, to_ms
from schemas.events.fields import NAME_LENGTH, EventId, Record, SchemaVersion, Slug, Timestamp
from schemas.events.identifiers import looks_personal, masked
from schemas.events.rejection import explain
from schemas.outputs import ActionRow, Rejection
from schemas.taxonomy import ActionKind
from schemas.topics import ACTIONS

NOTE_LENGTH: Final = 1_000
"""Characters of a note at most."""
ACTION_KINDS: Final[tuple[ActionKind, ...]] = get_args(ActionKind)


def _not_personal(name: str) -> str:
    if looks_personal(name):
        raise PydanticCustomError("pii_in_id", "a user name, no e-mail address and no number of a person")
    return name


Who = Annotated[str, StringConstraints(min_length=1, max_length=NAME_LENGTH), AfterValidator(_not_personal)]
"""A user name of ours, as colleagues know it: they see who has taken over an incident."""
Note = Annotated[str, StringConstraints(min_length=1, max_length=NOTE_LENGTH), AfterValidator(masked)]
"""What a person writes for others; numbers and addresses of persons in it are masked."""


class PersonsAction(Record):
    """Who did something, and when; `action_id` is what repetitions are recognised by."""

    action_id: EventId
    schema_version: SchemaVersion
    who: Who
    at: Timestamp
    note: Note | None = None


class Acknowledged(PersonsAction):
    """Somebody looks after an incident."""

    action: Literal["acknowledged"]
    incident_id: EventId


class Acted(PersonsAction):
    """Somebody did something about an incident; the note says what."""

    action: Literal["acted"]
    incident_id: EventId
    note: Note


class Dismissed(PersonsAction):
    """An incident is none, or needs nothing; the note says why. It reads closed from then on, and pages nobody."""

    action: Literal["dismissed"]
    incident_id: EventId
    note: Note


class MaintenancePlanned(PersonsAction):
    """A source will be silent, or odd, for a while, and nobody need be called for it.

    The last plan under one `maintenance_id` holds; one that ends when it begins calls it off.
    """

    action: Literal["maintenance_planned"]
    maintenance_id: EventId
    source: Slug
    begins_at: Timestamp
    ends_at: Timestamp


Action = Annotated[Acknowledged | Acted | Dismissed | MaintenancePlanned, Field(discriminator="action")]
IncidentAction = Acknowledged | Acted | Dismissed
AnyAction = IncidentAction | MaintenancePlanned

ADAPTER: Final[TypeAdapter[Any]] = TypeAdapter(Action)


def decode_action(value: bytes, record_at: int) -> AnyAction | Rejection:
    """Validate the value of a record that the broker appended at a moment (ms) as an action."""
    if len(value) > MAX_BYTES:
        return Rejection("too_large", "", f"at most {MAX_BYTES} bytes", f"{len(value)} bytes")
    try:
        action: AnyAction = ADAPTER.validate_json(value)
    except ValidationError as invalid:
        return explain(ACTIONS, value, invalid)
    if to_ms(action.at) - record_at > FUTURE_MS:
        return Rejection("future_timestamp", "at", "at most 5 min after the record's timestamp", action.at.isoformat())
    if isinstance(action, MaintenancePlanned) and action.ends_at < action.begins_at:
        return Rejection("bad_timestamp", "ends_at", "no moment before begins_at", action.ends_at.isoformat())
    return action


def encode_action(action: AnyAction) -> bytes:
    """The value of the record that publishes an action."""
    return action.model_dump_json(exclude_none=True).encode()


def subject_id(action: AnyAction) -> str:
    """What an action is about, which is the key of its record: an incident, or a planned maintenance."""
    return action.maintenance_id if isinstance(action, MaintenancePlanned) else action.incident_id


def action_row(action: AnyAction, record_at: int, offset: int) -> ActionRow:
    """The row that stores an action, read at an offset."""
    planned = action if isinstance(action, MaintenancePlanned) else None
    return ActionRow(
        action_id=action.action_id,
        action=action.action,
        incident_id="" if isinstance(action, MaintenancePlanned) else action.incident_id,
        maintenance_id=planned.maintenance_id if planned else "",
        source=planned.source if planned else "",
        begins_at=to_ms(planned.begins_at) if planned else None,
        ends_at=to_ms(planned.ends_at) if planned else None,
        at=to_ms(action.at),
        who=action.who,
        note=action.note or "",
        record_at=record_at,
        offset=offset,
    )
