"""Personal data in the fields of an event: masked, or a pseudonym in its place, before anything is made of the event.

What happens to a field is said by its type, `schemas.events.fields`: `Text` and attributes are what people wrote, and
masked; a `Name` becomes a KPI's value and a label, and is masked; an `Owner` and a `Person` become pseudonyms, so that
they can be told apart; a `Reference` with personal data rejected the event before.
"""

from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from hashlib import blake2b
from typing import Annotated, Any, Final, TypeVar, get_args, get_origin, get_type_hints

from processors.enrichment.redaction import redact
from schemas.events.envelope import Event
from schemas.events.fields import (
    NAME_LENGTH,
    Attributes,
    Name,
    OrgUnit,
    Owner,
    Person,
    Record,
    Text,
)
from schemas.events.identifiers import looks_personal
from schemas.events.normalisation import normalised

AnyRecord = TypeVar("AnyRecord", bound=Record)
EventT = TypeVar("EventT", bound=Event)
Masking = Callable[[Any, bytes], Any]
"""Of a value and the key of pseudonyms: what is kept of it."""


def mask_event(event: EventT, pseudonym_key: bytes = b"") -> EventT:
    """The event without personal data in its text, attributes and names; the same object when there was none."""
    return _mask_record(event, pseudonym_key)


def masked_field(sent: Record, masked: Record) -> str:
    """The path of the first field but free text that was masked: what its publisher should send otherwise; '': none."""
    for name, masking in _fields(type(sent)):
        before, after = sent.__dict__[name], masked.__dict__[name]
        if before is after or masking is _mask_text:
            continue
        pairs = _pairs(before, after)
        if not pairs:
            return name
        within = next(filter(None, (masked_field(one, other) for one, other in pairs)), "")
        if within:
            return f"{name}.{within}"
    return ""


def pseudonym(name: str, key: bytes) -> str:
    """What a person is called who must not be named: `p_` and 20 letters, the same for all ways of writing the name.

    BLAKE2b, keyed (RFC 7693), 80 bits: only who has the key can find out whose it is by trying names. Without a key
    everybody can.
    """
    person = "".join(normalised(name).text.split()).casefold()
    digest = blake2b(person.encode("utf-8", "replace"), key=key, digest_size=10).hexdigest()
    return "p_" + digest.translate(_LETTERS)


def mask_name(name: str) -> str:
    """A name without personal data. One without a space is a code, masked only when nothing else looks like it."""
    is_code = not any(map(str.isspace, name))
    if is_code and not looks_personal(name):
        return name
    masked = redact(name)
    return "*" * len(name) if masked == name and looks_personal(name) else masked


_LETTERS: Final = str.maketrans("0123456789abcdef", "abcdefghijklmnop")
"""No digits: a pseudonym must look like nobody's number."""


def _mask_text(text: str, key: bytes) -> str:
    return redact(text)


# The same few names come again and again.
@lru_cache(maxsize=16_384)
def _mask_name(name: str, key: bytes) -> str:
    return mask_name(name)


@lru_cache(maxsize=16_384)
def _mask_org_unit(path: str, key: bytes) -> str:
    return "/".join([mask_name(level) for level in path.split("/")])


@lru_cache(maxsize=16_384)
def _mask_owner(name: str, key: bytes) -> str:
    return name if mask_name(name) == name else pseudonym(name, key)


@lru_cache(maxsize=16_384)
def _mask_person(name: str, key: bytes) -> str:
    """Without a key there is no pseudonym, for a customer's telephone number is found by trying all there are."""
    return _mask_owner(name, key) if key else mask_name(name)


def _mask_attributes(attributes: dict[str, str], key: bytes) -> dict[str, str]:
    return {name: redact(value) for name, value in _mask_keys(attributes, key).items()}


def _mask_keys(entries: dict[str, Any], key: bytes) -> dict[str, Any]:
    masked: dict[str, Any] = {}
    for name, value in entries.items():
        shown = first = _mask_name(name, key)
        while shown in masked:
            shown = f"{first[: NAME_LENGTH - 4]} {len(masked)}"
        masked[shown] = value
    return masked


def _mask_record(record: AnyRecord, key: bytes) -> AnyRecord:
    fields = record.__dict__
    changes = {}
    for name, masking in _fields(type(record)):
        value = fields[name]
        if value and (masked := masking(value, key)) is not value and masked != value:
            changes[name] = masked
    return record.model_copy(update=changes) if changes else record


def _each(masking: Masking) -> Masking:
    def mask(values: tuple[Any, ...], key: bytes) -> tuple[Any, ...]:
        masked = tuple([masking(value, key) for value in values])
        return values if all(new is old for new, old in zip(masked, values, strict=True)) else masked

    return mask


def _pairs(before: Any, after: Any) -> list[tuple[Record, Record]]:
    """The records of a field, before and after; none where it holds no records."""
    if isinstance(before, Record):
        return [(before, after)]
    if isinstance(before, tuple) and isinstance(before[0], Record):
        return list(zip(before, after, strict=True))
    return []


_MASKINGS: Final[tuple[tuple[Any, Masking], ...]] = (
    (Text, _mask_text),
    (Name, _mask_name),
    (Owner, _mask_owner),
    (Person, _mask_person),
    (OrgUnit, _mask_org_unit),
    (Attributes, _mask_attributes),
)


@cache
def _fields(kind: type[Record]) -> tuple[tuple[str, Masking], ...]:
    """The fields of a record that may hold personal data, and how each is masked: by their types, once a class."""
    hints = get_type_hints(kind, include_extras=True)
    maskings = ((name, _masking(hints[name])) for name in kind.model_fields)
    return tuple((name, masking) for name, masking in maskings if masking is not None)


def _masking(hint: Any) -> Masking | None:
    known = next((masking for annotated, masking in _MASKINGS if annotated == hint), None)
    if known is not None:
        return known
    if isinstance(hint, type) and issubclass(hint, Record):
        return _mask_record if _fields(hint) else None
    return next((masking for masking in _of_arguments(hint) if masking is not None), None)


def _of_arguments(hint: Any) -> Iterator[Masking | None]:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        yield _masking(arguments[0])
    elif origin is tuple:
        of_entry = _masking(arguments[0])
        yield None if of_entry is None else _each(of_entry)
    elif origin is dict:
        yield None if _masking(arguments[0]) is None else _mask_keys
    else:
        yield from map(_masking, arguments)
