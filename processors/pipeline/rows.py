"""Rows of the warehouse from a record: one function a table."""

from hashlib import sha256
from typing import Any

from schemas.events.envelope import Event
from schemas.events.rejection import Claimed
from schemas.outputs import EventRow, RejectedRow, Rejection


def event_row(
    event: Event,
    record: Any,
    *,
    topic: str,
    occurred_at: int,
    late: int,
    warnings: tuple[str, ...],
    category: str,
    topics: tuple[str, ...],
    payload: str,
) -> EventRow:
    said = event.__dict__
    customer, cause = event.customer, event.cause
    unit = event.org_unit or ""
    path = unit.split("/")
    score = said.get("score")
    return EventRow(
        topic, record.partition, record.offset, record.timestamp, event.event_id, event.source, event.event_type,
        event.schema_version, event.entity_id, -1 if event.seq is None else event.seq,
        customer.id if customer else "", occurred_at, late, int(event.test), warnings, event.channel or "", unit,
        path[0], path[2] if len(path) > 2 else "", event.priority or "",
        said.get("kind") or said.get("direction") or "", category, event.category_raw or "", event.product or "",
        event.process or "", event.journey_stage or "",
        event.otc_stage or "", (cause.element or "") if cause else "", (cause.origin_area or "") if cause else "",
        event.demand_type or "", (customer.relationship or "") if customer else "",
        (customer.segment or "") if customer else "", (customer.value_band or "") if customer else "",
        (customer.country or "") if customer else "", event.language or "", topics,
        None if score is None else float(score), payload,
    )  # fmt: skip


def rejected_row(record: Any, topic: str, rejection: Rejection, identity: Claimed) -> RejectedRow:
    value = record.value or b""
    return RejectedRow(
        topic, record.partition, record.offset, record.timestamp, rejection.reason, rejection.field,
        rejection.expected, rejection.got, identity.source, identity.event_id, identity.event_type, len(value),
        sha256(value).hexdigest(),
    )  # fmt: skip
