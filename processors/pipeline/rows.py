"""Rows of the warehouse from a record: one function a table."""

from collections.abc import Mapping
from hashlib import sha256
from operator import itemgetter
from typing import Any, Final

from processors.cases.organisation import place
from schemas.events.envelope import Cause, Customer, Event
from schemas.events.rejection import Claimed
from schemas.outputs import EventRow, RejectedRow, Rejection


def event_row(
    event: Event,
    record: Any,
    *,
    topic: str,
    incarnation: int,
    occurred_at: int,
    late: int,
    warnings: tuple[str, ...],
    warning_fields: tuple[str, ...],
    category: str,
    topics: tuple[str, ...],
    payload: str,
) -> EventRow:
    """The row of an accepted event: what is known of its record, and what it says."""
    fields = event.__dict__  # pydantic's attributes cost several times what its dictionary does
    area, team, site = place(fields["org_unit"] or "", fields.get("site") or "")
    seq, customer, score = fields["seq"], fields["customer"], fields.get("score")
    # `_make` because it is called for every record: by keyword it would take twice as long.
    return EventRow._make((
        topic,
        record.partition,
        incarnation,
        record.offset,
        record.timestamp,
        -1 if seq is None else seq,
        "" if customer is None else customer.id,
        occurred_at,
        late,
        int(fields["test"]),
        0,
        warnings,
        warning_fields,
        area,
        team,
        site,
        fields.get("kind") or fields.get("direction") or "",
        category,
        topics,
        None if score is None else float(score),
        payload,
        *_said(fields),
    ))  # fmt: skip


def _said(fields: Mapping[str, Any]) -> list[str]:
    """The values of the columns that bear the name of a field of the envelope, of its customer or of its cause."""
    customer, cause = fields["customer"], fields["cause"]
    said = _of_event(fields)
    said += _NO_CUSTOMER if customer is None else _of_customer(customer.__dict__)
    said += _NO_CAUSE if cause is None else _of_cause(cause.__dict__)
    return [value or "" for value in said]


_SAID: Final = EventRow._fields[EventRow._fields.index("payload") + 1 :]
_EVENT: Final = [name for name in _SAID if name in Event.model_fields]
_CUSTOMER: Final = [name for name in _SAID if name in Customer.model_fields]
_CAUSE: Final = [name for name in _SAID if name in Cause.model_fields]
assert [*_EVENT, *_CUSTOMER, *_CAUSE] == [*_SAID], "EventRow: columns of the event, its customer, its cause, in order"

_of_event: Final = itemgetter(*_EVENT)
_of_customer: Final = itemgetter(*_CUSTOMER)
_of_cause: Final = itemgetter(*_CAUSE)
_NO_CUSTOMER: Final = (None,) * len(_CUSTOMER)
_NO_CAUSE: Final = (None,) * len(_CAUSE)


def rejected_row(record: Any, topic: str, incarnation: int, rejection: Rejection, identity: Claimed) -> RejectedRow:
    value = record.value or b""
    return RejectedRow(
        topic, record.partition, incarnation, record.offset, "", 0, record.timestamp, rejection.reason,
        rejection.field, rejection.expected, rejection.got, identity.source, identity.event_id, identity.event_type,
        len(value), sha256(value).hexdigest(),
    )  # fmt: skip
