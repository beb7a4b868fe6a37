"""Rows of the warehouse from what the pipeline knows: one function a table."""

import json
from collections.abc import Mapping
from hashlib import blake2b, sha256
from typing import Any

from processors.cases.case import Case
from processors.cases.fold import Fold
from processors.sla import clocks
from processors.sla.clocks import Clock
from schemas.events.envelope import Event
from schemas.events.rejection import Claimed
from schemas.kpis import DIMENSIONS
from schemas.outputs import CaseRow, ClockRow, EventRow, IncidentRow, RejectedRow, Rejection
from schemas.taxonomy import IncidentState, Pattern, Severity


def clock_id(case: Case, clock: Clock) -> str:
    return f"{':'.join(case.key)}:{clock.metric}:{clock.instance}"


def incident_id(pattern: Pattern, subject: str, opened_at: int) -> str:
    """The same incident found again, after a crash or in another order, has the same id."""
    return blake2b(f"{pattern}|{subject}|{opened_at}".encode(), digest_size=12).hexdigest()


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


def case_row(case: Case, partition: int) -> CaseRow:
    fold, (topic, source, entity_id) = case.fold, case.key
    get = fold.facts.get
    return CaseRow(
        topic, source, entity_id, partition, get("customer_id", ""), get("kind", ""), fold.state, get("channel", ""),
        get("org_unit", ""), fold.area, fold.current_team, fold.owner, fold.facts["priority"], get("category", ""),
        get("product", ""), get("element", ""), get("origin_area", ""), get("otc_stage", ""), get("relationship", ""),
        get("demand_type", ""), fold.opened_at, fold.first_response_at, fold.answered_at, fold.first_resolved_at,
        fold.resolved_at, fold.closed_at, case.last_event_at, fold.resolution, len(case.events), fold.assignments,
        fold.transfers, fold.reopens, int(fold.incomplete), int(fold.test),
    )  # fmt: skip


def clock_row(case: Case, clock: Clock, partition: int, now: int) -> ClockRow:
    topic, source, entity_id = case.key
    _, channel, area, team, priority, kind, *_ = clock.attribution or case.fold.attribution()
    target = clock.target
    paused_ms, illegitimate_ms = clocks.paused_ms(clock, now)
    return ClockRow(
        clock_id(case, clock), topic, source, entity_id, partition, clock.metric, clock.instance,
        target.policy_id, target.policy_version, case.fold.facts.get("customer_id", ""), channel, area, team, priority,
        kind, clock.started_at, target.written, target.calendar_id, int(target.legal), clock.allotted_ms, clock.due_at,
        None if clock.is_open else clock.ended_at, clocks.outcome(clock, now), clocks.overdue_ms(clock), paused_ms,
        illegitimate_ms, int(clocks.retroactive(clock)), int(clocks.retracted(clock)), 0,
    )  # fmt: skip


def incident_row(
    case: Case,
    pattern: Pattern,
    subject: str,
    *,
    partition: int,
    severity: Severity,
    opened_at: int,
    updated_at: int,
    closed_at: int | None,
    close_reason: str,
    attribution: tuple[str, ...] | None,
    summary: str,
    evidence: Mapping[str, Any],
    policy_id: str = "",
    metric: str = "",
    entity_id: str | None = None,
) -> IncidentRow:
    """An incident that the case `case` stands for; rule versions change when a pattern's definition does."""
    fold: Fold = case.fold
    names = dict(zip(DIMENSIONS, attribution or fold.attribution(), strict=True))
    state: IncidentState = "open" if closed_at is None else "closed"
    return IncidentRow(
        incident_id(pattern, subject, opened_at), pattern, subject, severity, state, close_reason, opened_at,
        updated_at, closed_at, case.key[0], partition, case.key[1], case.key[2] if entity_id is None else entity_id,
        fold.facts.get("customer_id", ""), names["area"], names["team"], fold.owner, policy_id, metric, summary,
        json.dumps(evidence, ensure_ascii=False, separators=(",", ":")), "1",
    )  # fmt: skip


def rejected_row(record: Any, topic: str, rejection: Rejection, identity: Claimed) -> RejectedRow:
    value = record.value or b""
    return RejectedRow(
        topic, record.partition, record.offset, record.timestamp, rejection.reason, rejection.field,
        rejection.expected, rejection.got, identity.source, identity.event_id, identity.event_type, len(value),
        sha256(value).hexdigest(),
    )  # fmt: skip
