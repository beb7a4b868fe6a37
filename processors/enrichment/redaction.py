"""Redaction: masks personal data in the free text of an event before the event is stored or shown."""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any, Final, TypeVar, get_args

from schemas.events.check_digits import IBAN_LENGTHS, card_checks, dni_checks, iban_checks
from schemas.events.envelope import Event
from schemas.events.fields import Attributes, Record, Text


def redact(text: str) -> str:
    """`text` with e-mail addresses, IBANs, DNI/NIE, payment cards and telephone numbers masked: `[email]`, `[iban]`...

    IBAN, DNI/NIE and cards are masked only when their check digits hold, so that references survive. Idempotent.
    """
    for _ in range(_PASSES):
        masked = _masked_once(text)
        if masked == text:
            return text
        text = masked  # a mask can bare the edge of what stood beside it
    return _DIGIT.sub("*", text)


_PASSES: Final = 4
"""Numbers that stand edge to edge by the dozen are no sentence: to mask them one by one would cost their square."""
_DIGIT: Final = re.compile("[0-9]")
_NOT_DIGITS: Final = bytes(byte for byte in range(256) if not 0x30 <= byte <= 0x39)
_FEWEST_DIGITS: Final = 7  # a NIE
_FEWEST_CARD_DIGITS: Final = 13


def _masked_once(text: str) -> str:
    digits = len(text.encode("utf-8", "replace").translate(None, _NOT_DIGITS))
    if "@" in text:
        text = _EMAIL.sub("[email]", text)
    if digits < _FEWEST_DIGITS:
        return text
    text = _mask_spans(text, _ibans(text), "[iban]")
    text = _IDENTITY.sub(_mask_identity, text)
    if digits >= _FEWEST_CARD_DIGITS:
        text = _mask_spans(text, _cards(text), "[card]")
    return _PHONE.sub(_mask_phone, text)


Span = tuple[int, int]


def _mask_spans(text: str, spans: Iterator[Span], mask: str) -> str:
    parts, end = [], 0
    for start, stop in spans:
        parts += [text[end:start], mask]
        end = stop
    return "".join([*parts, text[end:]]) if parts else text


# Possessive, and only from the beginning of a run: else a long run of letters costs its square.
_EMAIL: Final = re.compile(r"(?<![\w.+%'-])[\w.+%'-]++@[\w-]++(?:\.[\w-]++)+")

_IBAN: Final = re.compile(r"(?<![A-Za-z0-9])([A-Za-z]{2})[0-9]{2}(?:[ .\u00a0-]?[A-Za-z0-9]){11,30}")


_WITHOUT_SEPARATORS: Final = str.maketrans("", "", " .\u00a0-")


def _ibans(text: str) -> Iterator[Span]:
    """Where an IBAN stands. The words after it may look like more of it: its country says how long it is."""
    position = 0
    while found := _IBAN.search(text, position):
        length = IBAN_LENGTHS.get(found[1].upper(), 0)
        number = found[0].translate(_WITHOUT_SEPARATORS)[:length]
        if length and len(number) == length and iban_checks(number):
            position = [place for place in range(*found.span()) if text[place].isalnum()][length - 1] + 1
            yield found.start(), position
        else:
            position = found.start() + 2


_IDENTITY: Final = re.compile(
    r"(?<![A-Za-z0-9])(?:([XYZxyz])[-. ]?)?([0-9]{1,2}\.[0-9]{3}\.[0-9]{3}|[0-9]{7,8})"
    r"(?:[-.]?([A-Za-z])|\s([A-Z]))(?![A-Za-z0-9])"
)


def _mask_identity(found: re.Match[str]) -> str:
    """A DNI (eight digits and a letter) or a NIE (X, Y or Z, seven digits and a letter) whose letter is right."""
    number = (found[1] or "").upper() + found[2].replace(".", "")
    letter = (found[3] or found[4]).upper()
    return "[dni]" if len(number) == 8 and dni_checks(number, letter) else found[0]


_DIGIT_GROUPS: Final = re.compile(r"(?<![0-9])(?<![0-9][.,])[0-9]+(?:[ .\u00a0-]{1,3}[0-9]+)*")
_DIGITS: Final = re.compile(r"[0-9]+")
_CARD_PREFIX: Final = re.compile(r"[3-6]|8[12]|2[2-7]")


def _cards(text: str) -> Iterator[Span]:
    """Where a card number stands: whole groups of digits, 13 to 19 together, at least four in each but the last."""
    for run in _DIGIT_GROUPS.finditer(text):
        groups = [group.span() for group in _DIGITS.finditer(text, *run.span())]
        first = 0
        while first < len(groups):
            last = _card_end(text, groups, first)
            if last is None:
                first += 1
            else:
                yield groups[first][0], groups[last][1]
                first = last + 1


def _card_end(text: str, groups: Sequence[Span], first: int) -> int | None:
    """The group that ends the longest card number beginning with group `first`."""
    digits, end = "", None
    if not _CARD_PREFIX.match(text, groups[first][0]):
        return None
    for place in range(first, len(groups)):
        start, stop = groups[place]
        digits += text[start:stop]
        if len(digits) > 19:
            break
        if len(digits) >= _FEWEST_CARD_DIGITS and card_checks(digits):
            end = place
        if stop - start < 4:
            break
    return end


_PHONE: Final = re.compile(
    r"""(?<![A-Za-z0-9])(?<![0-9][.,:-])(?<![A-Z]-)           # inside a reference, a decimal, a time: not a phone
    (?:
      \(?(?:\+|00)[ ]?[1-9](?:\)?[ .\u00a0()-]{0,2}[0-9]){8,13}   # with a country code
    | [6-9][0-9]{2}S?[0-9]{3}S?[0-9]{3}                      # Spanish, as it is written: 3-3-3
    | [6-9][0-9]{2}S[0-9]{2}S[0-9]{2}S[0-9]{2}               # 3-2-2-2
    | [6-9][0-9]S[0-9]{3}S?[0-9]{2}S?[0-9]{2}                # 2-3-2-2
    | \([0-9]{2,3}\)[ ]?[0-9]{3}S?[0-9]{2}S?[0-9]{2}         # (91) 123 45 67, (555) 123-4567
    | [2-9][0-9]{2}[.-][0-9]{3}[.-][0-9]{4}                  # 555-123-4567
    )
    (?![A-Za-z0-9]|[.,:-][0-9])""".replace("S", r"[ .\u00a0-]"),
    re.VERBOSE,
)
_REFERENCE_BEFORE: Final = re.compile(
    r"(?:pedidos?|order|ref(?:erencia|erence)?|factura|invoice|expediente|incidencia|ticket|caso|case|contrato|contract"
    r"|reclamaci[oó]n|complaint|albar[aá]n|seguimiento|tracking|localizador|booking|p[oó]liza|policy)"
    r"[\s.:#-]{0,3}(?:n(?:[uú]m(?:ero)?|umber|[ºo°])?|id|code|c[oó]digo)?[\s.:#º°-]{0,3}$|(?:#|n[º°]\.?)\s?$",
    re.IGNORECASE,
)
_MONEY_BEFORE: Final = re.compile(r"[€$£]\s?$")
_MONEY_AFTER: Final = re.compile(r"\s?(?:€|\$|£|eur\b|euros?\b|usd\b|d[oó]lares\b|dollars\b|pounds\b)", re.IGNORECASE)


def _mask_phone(found: re.Match[str]) -> str:
    before = found.string[max(0, found.start() - 32) : found.start()]
    is_money = _MONEY_BEFORE.search(before) or _MONEY_AFTER.match(found.string, found.end())
    return found[0] if is_money or _REFERENCE_BEFORE.search(before) else "[phone]"


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
