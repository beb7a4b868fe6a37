"""What a pattern finds, and the row that it becomes."""

import json
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, Final, NamedTuple

from processors.cases.case import Case
from processors.sla.clocks import Clock
from schemas.kpis import DIMENSIONS
from schemas.outputs import IncidentRow
from schemas.taxonomy import ClockState, OwnIncident, Severity

BROKEN: Final[frozenset[ClockState]] = frozenset(("breached_open", "breached"))


class Incident(NamedTuple):
    """One finding of a pattern, as it stands now. Moments are milliseconds since the epoch."""

    case: Case
    """The case that stands for it: whose customer, owner and team it names."""
    subject: str
    """What it is about. Of one pattern there is one incident for each (subject, opened_at)."""
    severity: Severity
    opened_at: int
    updated_at: int
    closed_at: int | None
    """None while it is open."""
    known_at: int
    """When the record came that opens it: when long after `opened_at`, nobody could have been called in time."""
    close_reason: str
    summary: str
    evidence: Mapping[str, Any]
    attribution: tuple[str, ...] | None = None
    """A value per KPI dimension; None: those of the case as it stands."""
    policy_id: str = ""
    metric: str = ""


def incident_id(pattern_id: str, subject: str, opened_at: int) -> str:
    """The same incident found again, after a crash or in another order, has the same id."""
    return blake2b(f"{pattern_id}|{subject}|{opened_at}".encode(), digest_size=12).hexdigest()


def incident_row(incident: Incident, pattern_id: str, version: str, partition: int) -> IncidentRow:
    """The row of what a pattern, in that version, found in a partition."""
    case, opened_at, closed_at = incident.case, incident.opened_at, incident.closed_at
    topic, source, entity_id = case.key
    fold = case.fold
    attribution = incident.attribution or fold.attribution()
    return IncidentRow(
        incident_id=incident_id(pattern_id, incident.subject, opened_at),
        pattern=pattern_id,
        subject=incident.subject,
        severity=incident.severity,
        state="open" if closed_at is None else "closed",
        close_reason=incident.close_reason,
        opened_at=opened_at,
        updated_at=incident.updated_at,
        closed_at=closed_at,
        topic=topic,
        partition=partition,
        source=source,
        entity_id=entity_id,
        customer_id=fold.facts.get("customer_id", ""),
        area=attribution[_AREA],
        team=attribution[_TEAM],
        owner=fold.owner,
        policy_id=incident.policy_id,
        metric=incident.metric,
        summary=incident.summary,
        evidence=_as_json(incident.evidence),
        rule_version=version,
    )


def own_incident_row(
    what: OwnIncident, partition: int, *, severity: Severity, opened_at: int, summary: str, evidence: Mapping[str, Any]
) -> IncidentRow:
    """The row of an incident of ours, which opens at a moment, ms. Its subject is Oidor itself, in one partition."""
    subject = f"oidor|{partition}"
    return IncidentRow(
        incident_id=incident_id(what, subject, opened_at),
        pattern=what,
        subject=subject,
        severity=severity,
        state="open",
        close_reason="",
        opened_at=opened_at,
        updated_at=opened_at,
        closed_at=None,
        topic="",
        partition=partition,
        source="",
        entity_id="",
        customer_id="",
        area="",
        team="",
        owner="",
        policy_id="",
        metric="",
        summary=summary,
        evidence=_as_json(evidence),
        rule_version="1",
    )


_as_json: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_AREA: Final = DIMENSIONS.index("area")
_TEAM: Final = DIMENSIONS.index("team")


def clock_evidence(clock: Clock) -> dict[str, int | str]:
    """What an incident about a clock shows of it."""
    evidence: dict[str, int | str] = {
        "started_at": clock.started_at,
        "due_at": clock.due_at,
        "target": clock.target.written,
        "target_ms": clock.whole_ms,
    }
    if clock.paused_ms:
        evidence["paused_ms"] = clock.paused_ms
    if clock.escalated:
        evidence["retroactive"] = 1
    if clock.calendar is not None:
        # Whoever notifies may keep what is not urgent for the hours of this calendar.
        evidence["route_hours"] = clock.calendar.calendar_id
    return evidence
