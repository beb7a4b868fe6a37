"""Decoding: from the bytes of a record to an event, or to the one reason why it is none.

Nothing here raises for what others sent. Which reason goes before which is said in `schemas.events.rejection`.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import reduce
from itertools import chain
from operator import or_
from typing import Any, Final, TypeVar, get_args, get_type_hints

import msgspec
from pydantic import TypeAdapter, ValidationError

from schemas.events.complaints import ComplaintEvent
from schemas.events.contacts import ERASED, ContactEvent
from schemas.events.envelope import Event
from schemas.events.fields import PersonalData, Record
from schemas.events.identifiers import looks_personal
from schemas.events.rejection import PSEUDONYM, explain, shown
from schemas.events.surveys import SurveyEvent
from schemas.outputs import Rejection
from schemas.taxonomy import Warning_
from schemas.topics import COMPLAINTS, CONTACTS, SURVEYS

MAX_BYTES: Final = 256 * 1024
FUTURE_MS: Final = 5 * 60_000
"""How far `occurred_at` may lie after the record's timestamp: clocks differ."""
OLDEST_MS: Final = 400 * 86_400_000
SKEW: Final = timedelta(minutes=5)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)

ADAPTERS: Final[Mapping[str, TypeAdapter[Any]]] = {
    CONTACTS: TypeAdapter(ContactEvent),
    COMPLAINTS: TypeAdapter(ComplaintEvent),
    SURVEYS: TypeAdapter(SurveyEvent),
}
"""The events of each input topic: one tagged union, validated in one call."""


def _event_types(union: object) -> Iterator[str]:
    if isinstance(union, type) and issubclass(union, Event):
        yield from get_args(union.model_fields["event_type"].annotation)
    for part in get_args(union):
        yield from _event_types(part)


EVENT_TYPES: Final = frozenset(chain(*map(_event_types, (ContactEvent, ComplaintEvent, SurveyEvent))))
"""All event types of the contract."""
_VALIDATE: Final = {topic: adapter.validator.validate_json for topic, adapter in ADAPTERS.items()}
_PARSE: Final = msgspec.json.Decoder().decode
_WRITE: Final = msgspec.json.Encoder().encode

AnyRecord = TypeVar("AnyRecord", bound=Record)


def decode(topic: str, value: bytes) -> Event | Rejection:
    """Validate a record's value as an event of `topic`: one of `schemas.topics.INPUTS`, without a prefix."""
    if len(value) > MAX_BYTES:
        return Rejection("too_large", "", f"at most {MAX_BYTES} bytes", f"{len(value)} bytes")
    try:
        event: Event = _VALIDATE[topic](value)
    except ValidationError as invalid:
        return explain(topic, value, invalid)
    return event if (personal := _personal_identifier(event)) is None else personal


def admit(event: Event, occurred_at: int, key: bytes | None, record_at: int) -> Rejection | None:
    """Reject an event for what only its record shows. `record_at`: the record's Kafka timestamp, milliseconds."""
    age = record_at - occurred_at
    if age < -FUTURE_MS:
        when = event.occurred_at.isoformat()
        return Rejection("future_timestamp", "occurred_at", "at most 5 min after the record's timestamp", when)
    if age > OLDEST_MS:
        when = event.occurred_at.isoformat()
        return Rejection("too_old", "occurred_at", "at most 400 days before the record's timestamp", when)
    customer = event.customer
    if customer is not None and key == customer.id.encode():
        return None
    erased = event.event_type == ERASED
    if key == event.entity_id.encode() and not erased:
        return None
    expected = "customer.id" if erased else "customer.id or entity_id"
    return Rejection("key_mismatch", "key", expected, "no key" if key is None else shown(key.decode(errors="replace")))


def warnings_of(event: Event) -> tuple[Warning_, ...]:
    """Name the defects that one event alone shows, and that do not stop it from being accepted."""
    unknown = _has_unknown(event)
    skewed = event.published_at is not None and event.published_at < event.occurred_at - SKEW
    if not unknown and not skewed:
        return ()
    return (*(("unknown_field",) if unknown else ()), *(("clock_skew",) if skewed else ()))


def occurred_ms(event: Event) -> int:
    """When an event happened: milliseconds since the epoch."""
    return to_ms(event.occurred_at)


def to_ms(moment: datetime) -> int:
    """Milliseconds since the epoch, rounded down; exact, which `timestamp()` is not."""
    return (moment - _EPOCH) // _MILLISECOND


def payload_as_sent(value: bytes) -> str:
    """Write the JSON to store of an event that has no unknown field and in which nothing was masked: it decodes to it.

    A field that was sent twice is there once, with the value that the event has: the other one was never looked at.
    """
    return _WRITE(_PARSE(value)).decode()


def payload(event: Event) -> str:
    """Write the JSON to store of any event: its known fields, as far as the publisher set them. It decodes to it."""
    known = _without_unknown(event) if _has_unknown(event) else event
    return known.__pydantic_serializer__.to_json(known, by_alias=True, exclude_unset=True).decode()


def _personal_identifier(event: Event) -> Rejection | None:
    identifiers: list[str] = []
    _gather_identifiers(event, identifiers)
    if not looks_personal("\n".join(identifiers)):
        return None
    named = ((path, identifier) for path, identifier in _named_identifiers(event) if looks_personal(identifier))
    return next((Rejection("pii_in_id", path, PSEUDONYM, shown(identifier)) for path, identifier in named), None)


def _gather_identifiers(record: Record, found: list[str]) -> None:
    """Gather what an event refers to, at any depth: identifiers of events, entities, customers, orders."""
    fields, kind = record.__dict__, type(record)
    for name in _REFERENCES[kind]:
        identifier = fields[name]
        if identifier:
            found.append(identifier)
    for name in _BEARERS[kind]:
        value = fields[name]
        if value:
            for part in value if type(value) is tuple else (value,):
                _gather_identifiers(part, found)


def _named_identifiers(record: Record, path: str = "") -> Iterator[tuple[str, str]]:
    """The same, each with its path."""
    fields = record.__dict__
    for name in _REFERENCES[type(record)]:
        if identifier := fields[name]:
            yield path + name, identifier
    for name in _BEARERS[type(record)]:
        value = fields[name]
        if type(value) is tuple:
            for place, part in enumerate(value):
                yield from _named_identifiers(part, f"{path}{name}.{place}.")
        elif value is not None:
            yield from _named_identifiers(value, f"{path}{name}.")


def _holds_records(annotation: Any) -> bool:
    if isinstance(annotation, type) and issubclass(annotation, Record):
        return True
    return any(_holds_records(argument) for argument in get_args(annotation))


def _nested_fields(model: type[Record]) -> dict[type[Record], tuple[str, ...]]:
    """Of a model and those below it: the names of the fields that hold records, or tuples of them."""
    own = {model: tuple(name for name, field in model.model_fields.items() if _holds_records(field.annotation))}
    return reduce(or_, map(_nested_fields, model.__subclasses__()), own)


def _records_within(annotation: Any) -> Iterator[type[Record]]:
    """The records that a field may hold, and those within them."""
    if isinstance(annotation, type) and issubclass(annotation, Record):
        yield annotation
        for field in annotation.model_fields.values():
            yield from _records_within(field.annotation)
    else:
        for argument in get_args(annotation):
            yield from _records_within(argument)


def _is_reference(annotation: Any) -> bool:
    refused = any(isinstance(one, PersonalData) and one.handling == "refused" for one in get_args(annotation))
    return refused or any(map(_is_reference, get_args(annotation)))


def _references(model: type[Record]) -> dict[type[Record], tuple[str, ...]]:
    """Of a model and those below it: the names of the fields in which personal data is refused."""
    hints = get_type_hints(model, include_extras=True)
    own = {model: tuple(name for name in model.model_fields if _is_reference(hints[name]))}
    return reduce(or_, map(_references, model.__subclasses__()), own)


def _bears_references(annotation: Any) -> bool:
    return any(_REFERENCES[record] for record in _records_within(annotation))


_NESTED: Final[Mapping[type[Record], tuple[str, ...]]] = _nested_fields(Record)
_REFERENCES: Final[Mapping[type[Record], tuple[str, ...]]] = _references(Record)
_BEARERS: Final[Mapping[type[Record], tuple[str, ...]]] = {
    model: tuple(name for name in nested if _bears_references(model.model_fields[name].annotation))
    for model, nested in _NESTED.items()
}
"""The names of the fields that hold records which refer to something."""


def _has_unknown(record: Record) -> bool:
    if record.__pydantic_extra__:
        return True
    nested = _NESTED[type(record)]
    if not nested:
        return False
    fields = record.__dict__
    for name in nested:
        value = fields[name]
        if value is not None and (any(map(_has_unknown, value)) if type(value) is tuple else _has_unknown(value)):
            return True
    return False


def unknown_field(event: Event) -> str:
    """The path of the first unknown field; of one that is not named as fields are, only where it stands."""
    return next(_unknown_fields(event), "")


def _unknown_fields(record: Record, path: str = "") -> Iterator[str]:
    for name in record.__pydantic_extra__ or ():
        yield path + name if _FIELD_NAME.fullmatch(name) and not looks_personal(name) else f"{path}*"
    for nested in _NESTED[type(record)]:
        value = getattr(record, nested)
        for one in value if isinstance(value, tuple) else () if value is None else (value,):
            yield from _unknown_fields(one, f"{path}{nested}.")


_FIELD_NAME: Final = re.compile(r"[a-z_][a-z0-9_]{0,63}", re.ASCII)


def _without_unknown(record: AnyRecord) -> AnyRecord:
    parts = {name: part for name in _NESTED[type(record)] if (part := getattr(record, name))}
    known = record.model_copy(
        update={
            name: tuple(map(_without_unknown, part)) if isinstance(part, tuple) else _without_unknown(part)
            for name, part in parts.items()
        }
    )
    if known.__pydantic_extra__:
        known.__pydantic_extra__.clear()
    return known
