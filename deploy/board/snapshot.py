"""All that the page shows at one moment, put together from what was read: the same for everybody who looks."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from deploy.board.actions import ActionBook, Handling
from deploy.board.health import Health, KafkaStanding, health
from deploy.board.incidents import Incident, IncidentBook
from deploy.board.intervals import Estimate, net_promoter_score, share
from deploy.board.processes import Floor
from deploy.board.rejections import RejectionWatch
from schemas.events.decoding import to_ms
from schemas.floor import Deadline, PartitionFloor

DEADLINES_SHOWN: Final = 10
INCIDENTS_SHOWN: Final = 60
ROWS_SHOWN: Final = 60
SOURCES_SHOWN: Final = 12


class Row(msgspec.Struct, frozen=True):
    """Open clocks of one area and one kind of promise."""

    area: str
    metric: str
    overdue: int
    at_risk: int
    on_track: int
    paused: int


class Numbers(msgspec.Struct, frozen=True):
    """What is to be seen from across the room."""

    overdue: int
    at_risk: int
    on_track: int
    paused: int
    next_due_at: int | None
    critical: int
    unacknowledged: int
    """Of the critical ones: nobody looks after them."""
    incidents: int
    answered: Estimate
    """Waits of the last hour that ended in their target, of those that are decided."""
    waiting: int
    longest_wait_since: int | None
    imported_clocks: int
    imported_incidents: int


class Shown(msgspec.Struct, frozen=True):
    """An open incident."""

    id: str
    pattern: str
    severity: str
    opened_at: int
    summary: str
    case: tuple[str, str, str] | None
    area: str
    team: str
    owner: str
    n: float | None
    expected: float | None
    handling: Handling
    """What people did about it."""


class Planned(msgspec.Struct, frozen=True):
    """Maintenance of a source that somebody planned, and that has not ended. Moments are ms."""

    source: str
    begins_at: int
    ends_at: int
    who: str


class Voice(msgspec.Struct, frozen=True):
    """What customers said in the last 24 h."""

    csat: Estimate
    nps: Estimate


class Rejected(msgspec.Struct, frozen=True):
    """Records that were not accepted, by source, since a moment of the last hour, ms."""

    since: int
    sources: tuple[tuple[str, int], ...]
    total: int


class Snapshot(msgspec.Struct, frozen=True):
    """The page at a moment, ms."""

    at: int
    health: Health
    numbers: Numbers
    rows: tuple[Row, ...]
    rows_more: int
    deadlines: tuple[Deadline, ...]
    incidents: tuple[Shown, ...]
    voice: Voice
    rejected: Rejected
    maintenance: tuple[Planned, ...]


def snapshot(
    floor: Floor,
    book: IncidentBook,
    actions: ActionBook,
    rejections: RejectionWatch,
    kafka: KafkaStanding,
    now: int,
) -> Snapshot:
    """Everything at `now`, ms of the wall clock. What was dismissed is not open to anybody who looks."""
    partitions = [known.floor for known in floor.partitions.values()]
    incidents = [(one, done) for one in book.open() if not (done := actions.of(one.incident_id)).dismissed]
    incidents.sort(key=lambda each: each[1].acknowledged_at is not None)
    deadlines, rows = _deadlines(partitions), _rows(partitions)
    by_source = rejections.since_then(now).most_common()
    return Snapshot(
        now,
        health(floor, kafka, now),
        _numbers(partitions, incidents, book.told_late, deadlines),
        tuple(rows[:ROWS_SHOWN]),
        max(0, len(rows) - ROWS_SHOWN),
        tuple(deadlines[:DEADLINES_SHOWN]),
        tuple(_shown(one, done) for one, done in incidents[:INCIDENTS_SHOWN]),
        _voice(partitions),
        Rejected(rejections.since(now), tuple(by_source[:SOURCES_SHOWN]), sum(count for _, count in by_source)),
        tuple(
            Planned(one.source, to_ms(one.begins_at), to_ms(one.ends_at), one.who) for one in actions.maintenance(now)
        ),
    )


def _numbers(
    partitions: Sequence[PartitionFloor],
    incidents: Sequence[tuple[Incident, Handling]],
    told_late: int,
    deadlines: Sequence[Deadline],
) -> Numbers:
    standing: Counter[str] = Counter()
    for one in partitions:
        for clocks in one.clocks:
            standing[clocks.standing] += clocks.count
    critical = [done for one, done in incidents if one.severity == "critical"]
    hour = _sum(one.hour for one in partitions)
    waits = [one.longest_wait_since for one in partitions if one.longest_wait_since is not None]
    return Numbers(
        standing["overdue"],
        standing["at_risk"],
        standing["on_track"],
        standing["paused"],
        deadlines[0].due_at if deadlines else None,
        len(critical),
        sum(done.acknowledged_at is None for done in critical),
        len(incidents),
        share(hour["waits_in_target"], hour["waits_promised"]),
        sum(one.waiting for one in partitions),
        min(waits, default=None),
        sum(one.imported_clocks for one in partitions),
        told_late,
    )


def _rows(partitions: Iterable[PartitionFloor]) -> list[Row]:
    """What is worst stands first."""
    counts: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for one in partitions:
        for clocks in one.clocks:
            counts[clocks.area, clocks.metric][clocks.standing] += clocks.count
    rows = [
        Row(area, metric, of["overdue"], of["at_risk"], of["on_track"], of["paused"])
        for (area, metric), of in counts.items()
    ]
    return sorted(rows, key=lambda row: (-row.overdue, -row.at_risk, -row.on_track, row.area, row.metric))


def _deadlines(partitions: Iterable[PartitionFloor]) -> list[Deadline]:
    return sorted((deadline for one in partitions for deadline in one.deadlines), key=lambda one: one.due_at)


def _voice(partitions: Iterable[PartitionFloor]) -> Voice:
    day = _sum(one.day for one in partitions)
    return Voice(
        share(day["csat_positive"], day["csat_answered"]),
        net_promoter_score(day["nps_promoters"], day["nps_detractors"], day["nps_answered"]),
    )


def _sum(counts: Iterable[object]) -> Counter[str]:
    total: Counter[str] = Counter()
    for each in counts:
        assert isinstance(each, dict)
        total.update(each)
    return total


def _shown(incident: Incident, handling: Handling) -> Shown:
    evidence = incident.evidence
    return Shown(
        incident.incident_id,
        incident.pattern,
        incident.severity,
        incident.opened_at,
        incident.summary,
        (incident.topic, incident.source, incident.entity_id) if incident.entity_id else None,
        incident.area,
        incident.team,
        incident.owner,
        _number(evidence.get("n")),
        _number(evidence.get("expected")),
        handling,
    )


def _number(value: object) -> float | None:
    return value if isinstance(value, int | float) else None
