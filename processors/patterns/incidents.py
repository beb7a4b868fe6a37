"""The row of an incident, and its id."""

import json
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from processors.cases.case import Case
from processors.cases.fold import Fold
from schemas.kpis import DIMENSIONS
from schemas.outputs import IncidentRow
from schemas.taxonomy import IncidentState, Pattern, Severity


def incident_id(pattern: Pattern, subject: str, opened_at: int) -> str:
    """The same incident found again, after a crash or in another order, has the same id."""
    return blake2b(f"{pattern}|{subject}|{opened_at}".encode(), digest_size=12).hexdigest()


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
