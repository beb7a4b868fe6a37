"""Which field of an event a warning is about: where its publisher is to look."""

from collections.abc import Iterable, Mapping
from typing import Final

from schemas.events.decoding import unknown_field
from schemas.events.envelope import Event
from schemas.taxonomy import Warning_

_FIELDS: Final[Mapping[Warning_, tuple[str, ...]]] = {
    "unknown_source": ("source",),
    "unknown_taxonomy": ("category_raw", "category"),
    "clock_skew": ("published_at",),
    "out_of_order": ("occurred_at",),
    "impossible_transition": ("event_type",),
    "missing_open": ("entity_id",),
    "seq_gap": ("seq",),
    "self_reported_duration_differs": ("wait_seconds",),
    "erased_customer": ("customer.id",),
    "beyond_case_events": ("entity_id",),
    "beyond_retention": ("entity_id",),
    "maybe_repeated": ("event_id",),
    "id_reused": ("event_id",),
    "dangling_reference": ("into", "corrects_event_id", "voids_event_id", "links"),
    "merged_elsewhere": ("entity_id",),
    "repeated": ("event_type",),
    "machine_for_customer": ("actor.kind",),
    "wrong_partition": ("key",),
    "key_not_customer": ("key",),
}
"""Warning -> the field, or of several the first that an event has, as the contract names it; `key` is the record's.

The two that are missing say it of each event: `unknown_field`, and `personal_data_masked`, which masking knows.
"""


def fields_of(warnings: Iterable[str], event: Event, masked: str = "") -> tuple[str, ...]:
    """The field of each warning, in order; `masked` is the first field in which personal data was masked."""
    return tuple([_field_of(warning, event, masked) for warning in warnings])


def _field_of(warning: str, event: Event, masked: str) -> str:
    if warning == "unknown_field":
        return unknown_field(event)
    if warning == "personal_data_masked":
        return masked
    fields = _FIELDS[warning]  # type: ignore[index]
    return next((path for path in fields if _has(event, path)), fields[0])


def _has(event: Event, path: str) -> bool:
    value: object = event
    for name in path.split("."):
        value = getattr(value, name, None)
    return value is not None
