"""The fields of an event that may hold personal data: what is masked of an event before anything is made of it."""

from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar, get_args

from processors.enrichment.redaction import redact
from schemas.events.envelope import Event
from schemas.events.fields import Attributes, Record, Text

AnyRecord = TypeVar("AnyRecord", bound=Record)
EventT = TypeVar("EventT", bound=Event)
Redactor = Callable[[Any], Any]


def redact_event(event: EventT) -> EventT:
    """The event with its free text redacted; the same object when there was nothing to mask.

    Free text is what the contract types as `Text`, at any depth, the values of attributes, and the source's own words
    for its category. Identifiers, enums and the org unit are not.
    """
    return _redact_record(event)


def _redact_record(record: AnyRecord) -> AnyRecord:
    fields = record.__dict__
    changes = {}
    for name, redactor in _free_text(type(record)):
        value = fields[name]
        if value is not None and (redacted := redactor(value)) is not value:
            changes[name] = redacted
    return record.model_copy(update=changes) if changes else record


def _redact_text(text: str) -> str:
    redacted = redact(text)
    return text if redacted == text else redacted


def _redact_values(attributes: dict[str, str]) -> dict[str, str]:
    redacted = {key: redact(value) for key, value in attributes.items()}
    return attributes if redacted == attributes else redacted


def _redact_records(records: tuple[AnyRecord, ...]) -> tuple[AnyRecord, ...]:
    redacted = tuple(map(_redact_record, records))
    return records if all(new is old for new, old in zip(redacted, records, strict=True)) else redacted


@cache
def _free_text(kind: type[Record]) -> tuple[tuple[str, Redactor], ...]:
    """The fields of a record that may hold free text, and how each is redacted: read from their types, once a class."""
    redactors = ((name, _redactor(name, field.annotation)) for name, field in kind.model_fields.items())
    return tuple((name, redactor) for name, redactor in redactors if redactor is not None)


def _redactor(name: str, annotation: Any) -> Redactor | None:
    for kind in (annotation, *get_args(annotation)):
        if kind == Text or name == "category_raw":
            return _redact_text
        if kind == Attributes:
            return _redact_values
        if isinstance(kind, type) and issubclass(kind, Record) and _free_text(kind):
            return _redact_record
        if any(isinstance(entry, type) and issubclass(entry, Record) and _free_text(entry) for entry in get_args(kind)):
            return _redact_records
    return None
