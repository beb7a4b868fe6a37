"""Why a record is rejected: the one reason, the field, what was expected and what came.

A rejection is a value, `schemas.outputs.Rejection`; a record has at most one. Who decides it, in this order:

    decoding.decode    too_large
    explain, here      not_utf8, not_json, schema_unsupported, topic_mismatch, and what is wrong with a field
    decoding.decode    pii_in_id, of an event that is well-formed otherwise
    decoding.admit     future_timestamp, too_old, key_mismatch: what only the record shows
    pipeline.erasure   erasure_not_allowed, of `customer.erased` from a source that may not erase
    pipeline.step      processing_error: a fault of ours, never of the publisher
    sinks.clickhouse   sink_refused: ClickHouse does not take the row of an accepted record

Where it goes: `feedback-rejected` (reason and place in headers, the record as it was), the table `rejected_events`, and
the counter `feedback_events_rejected_total` by topic, source and reason.

Of several things that are wrong with the fields the most fundamental is told, because the rest often follows from it:
the first in `_PRECEDENCE`, and of two alike the one that the contract names first. Of a list or an object with a limit
that is the first bad entry. For rejected records only: slow, but no slower the more is wrong.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple, cast, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails, from_json

from schemas.events.envelope import Links
from schemas.events.identifiers import looks_personal, masked
from schemas.outputs import Rejection
from schemas.taxonomy import REASONS, Reason, SurveyKind
from schemas.topics import EVENT_PREFIX

PSEUDONYM: Final = "a pseudonym, no personal data"

_SHOWN: Final = 80
"""Characters of a value that a rejection shows."""
_CHOICES_SHOWN: Final = 160
_LOOKED_AT: Final = 400
"""Characters of a value in which personal data is looked for: more than are shown, and than an identifier may have."""
_EXPLAINED: Final = 50
"""Errors of one record that are looked at, in the order of the contract."""
_READ: Final = 256 * 1024
"""Bytes in which a record's identity is looked for."""

_PRECEDENCE: Final[tuple[Reason, ...]] = (
    "missing_field", "wrong_type", "bad_enum", "bad_timestamp", "naive_timestamp", "score_out_of_range", "bad_amount",
    "pii_in_id",
)  # fmt: skip

_IDENTIFIERS: Final = frozenset(
    {"event_id", "entity_id", "customer.id", "into", *(f"links.{name}" for name in Links.model_fields)}
)
_KINDS: Final = frozenset(get_args(SurveyKind))
_VERSION: Final = re.compile(r"([0-9]{1,4})\.[0-9]{1,4}")
_NAIVE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?")
_EXPECTED: Final[Mapping[str, str]] = {
    "string_type": "string",
    "string_too_short": "string of at least {min_length} character",
    "string_too_long": "string of at most {max_length} characters",
    "int_type": "integer",
    "int_from_float": "integer",
    "float_type": "number",
    "bool_type": "true or false",
    "tuple_type": "array",
    "dict_type": "object",
    "model_type": "object",
    "finite_number": "finite number",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than_equal": "at most {le}",
    "too_short": "at least {min_length} entry",
    "too_long": "at most {max_length} entries",
}


class Claimed(NamedTuple):
    """What a rejected record says that it is; '' where it says nothing usable."""

    source: str = ""
    event_id: str = ""
    event_type: str = ""


def explain(topic: str, value: bytes, invalid: ValidationError) -> Rejection:
    """Explain why `value` is no event, or no action, of `topic`, given how its validation failed."""
    try:
        value.decode()
    except UnicodeDecodeError as error:
        return Rejection("not_utf8", "", "UTF-8", f"byte 0x{value[error.start]:02x} at {error.start}")
    errors = invalid.errors(include_url=False)
    if errors[0]["type"] == "json_invalid":
        return Rejection("not_json", "", "one JSON object", _clipped(errors[0]["ctx"]["error"]))
    fields = _object(value)
    if fields is None:
        return Rejection("not_json", "", "one JSON object", shown(errors[0]["input"]))
    causes = [error for error in errors[:_EXPLAINED] if not _is_consequence(error)]
    return _not_ours(topic, fields) or min((_field_rejection(fields, error) for error in causes), key=_rank)


def claimed(value: bytes) -> Claimed:
    """Read the identity of a record that is rejected, as far as it goes; what looks personal is masked."""
    fields = _object(value[:_READ], partial=True)
    return Claimed() if fields is None else Claimed(*(_claim(fields.get(name)) for name in Claimed._fields))


def _claim(said: object) -> str:
    claim = said[:128] if isinstance(said, str) else ""
    return masked(claim) if looks_personal(claim) else claim


def _not_ours(topic: str, fields: Mapping[str, Any]) -> Rejection | None:
    """Another version or another topic's: its fields are not worth a look."""
    version = fields.get("schema_version")
    if isinstance(version, str) and (well_formed := _VERSION.fullmatch(version)) and well_formed[1] != "1":
        return Rejection("schema_unsupported", "schema_version", "major version 1", shown(version))
    event_type = fields.get("event_type")
    prefixes = EVENT_PREFIX.get(topic)
    if prefixes and isinstance(event_type, str) and not event_type.startswith(prefixes):
        begins = " or ".join(f"{prefix}*" for prefix in prefixes)
        return Rejection("topic_mismatch", "event_type", f"{begins} on {topic}", shown(event_type))
    return None


def _is_consequence(error: ErrorDetails) -> bool:
    """Too few entries are left because an entry is bad: that has errors of its own, before this one."""
    return error["type"] == "too_short" and len(error["input"]) >= error["ctx"]["min_length"]


def _field_rejection(fields: Mapping[str, Any], error: ErrorDetails) -> Rejection:
    """What is wrong with one field, in our words."""
    path = _path(fields, error["loc"])
    got: Any = error["input"]
    if error["type"].startswith("union_tag"):
        discriminator = error["ctx"]["discriminator"].strip("'")
        path, got = discriminator, fields.get(discriminator)
    reason, expected = _reason(error, got)
    if path in _IDENTIFIERS and isinstance(got, str) and looks_personal(got[:_LOOKED_AT]):
        return Rejection("pii_in_id", path, PSEUDONYM, shown(got))
    if reason == "missing_field":
        return Rejection(reason, path, expected)
    if error["type"] == "string_too_long":
        return Rejection(reason, path, expected, f"{len(got)} characters")
    return Rejection(reason, path, expected, shown(got))


def _reason(error: ErrorDetails, got: object) -> tuple[Reason, str]:
    """The reason and what was expected, from pydantic's error and from what came."""
    context = error.get("ctx", {})
    match error["type"]:
        case "missing" | "union_tag_not_found":
            return "missing_field", "a value: the field is required"
        case "union_tag_invalid" if context["discriminator"] == "'event_type'":
            return "bad_enum" if isinstance(got, str) else "wrong_type", "an event_type that the contract names"
        case "union_tag_invalid":
            return "bad_enum" if isinstance(got, str) else "wrong_type", _choices(context["expected_tags"])
        case "literal_error":
            of_strings = "'" in context["expected"]
            return "bad_enum" if isinstance(got, str) is of_strings else "wrong_type", _choices(context["expected"])
        case "bad_timestamp":
            return "naive_timestamp" if _is_naive(got) else "bad_timestamp", error["msg"]
        case "schema_unsupported":  # another well-formed version was told before
            return "wrong_type", error["msg"]
        case kind if kind in REASONS:
            return cast("Reason", kind), error["msg"]
        case kind:
            return "wrong_type", _EXPECTED[kind].format_map(context) if kind in _EXPECTED else _clipped(error["msg"])


def _choices(quoted: str) -> str:
    return "one of " + _clipped(quoted.replace("'", ""), _CHOICES_SHOWN)


def _is_naive(got: object) -> bool:
    if not isinstance(got, str) or _NAIVE.fullmatch(got) is None:
        return False
    try:
        datetime.fromisoformat(got)
    except ValueError:
        return False
    return True


def _rank(rejection: Rejection) -> int:
    return _PRECEDENCE.index(rejection.reason)


def _path(fields: Mapping[str, Any], location: tuple[int | str, ...]) -> str:
    """`customer.id`, `sections.0.earned`: without the tags that unions put before a field's name.

    A key of a map is the publisher's own text.
    """
    tags = 1 if location and location[0] in (fields.get("event_type"), fields.get("action")) else 0
    if len(location) > tags and location[tags] in _KINDS:
        tags += 1
    path = ".".join(str(part)[:_LOOKED_AT] for part in location[tags:])
    return _clipped(masked(path[:_LOOKED_AT]))


def _object(value: bytes, partial: bool = False) -> dict[str, Any] | None:
    """The object in the bytes; `partial`: as far as it goes, when the end is missing."""
    try:
        parsed = from_json(value, allow_partial=partial)
    except ValueError:
        return None
    return parsed if isinstance(parsed, dict) else None


def shown(value: object) -> str:
    """What came, fit to be shown: short, without personal data, and of objects no content."""
    match value:
        case str():
            return _clipped(masked(value[:_LOOKED_AT]))
        case datetime():
            return value.isoformat()
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return _clipped(masked(repr(value) if abs(value) < 1e300 else "a number beyond all bounds"))
        case dict():
            return "an object"
        case _:
            return "an array"


def _clipped(text: str, length: int = _SHOWN) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
