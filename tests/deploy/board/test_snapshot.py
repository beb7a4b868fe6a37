"""What is added up over all partitions, and what stands first."""

import json

from deploy.board.actions import ActionBook
from deploy.board.health import KafkaStanding
from deploy.board.incidents import IncidentBook
from deploy.board.processes import Floor
from deploy.board.rejections import RejectionWatch
from deploy.board.snapshot import DEADLINES_SHOWN, Snapshot, snapshot
from schemas.floor import Clocks, Deadline, PartitionFloor, ProcessFloor
from tests.deploy.board.test_incidents import row, told

NOW = 1_764_000_000_000


def taken(*partitions: PartitionFloor, book: IncidentBook | None = None, actions: ActionBook | None = None) -> Snapshot:
    floor = Floor()
    floor.answer("w", ProcessFloor("worker", "a", NOW, (), len(partitions), partitions), NOW)
    return snapshot(
        floor, book or IncidentBook(), actions or ActionBook(), RejectionWatch(NOW), KafkaStanding(NOW, True), NOW
    )


def due(at: int, entity: str) -> Deadline:
    return Deadline(at, False, "contact-events", "crm", entity, "resolve", "default", "sales", "high", "")


def test_clocks_of_all_partitions_add_up_and_what_is_worst_stands_first() -> None:
    shown = taken(
        PartitionFloor(0, NOW, (Clocks("sales", "answer", "on_track", 5), Clocks("sales", "resolve", "overdue", 1))),
        PartitionFloor(1, NOW, (Clocks("sales", "answer", "on_track", 2), Clocks("ops", "resolve", "at_risk", 3))),
    )
    assert [(one.area, one.metric, one.overdue, one.at_risk, one.on_track) for one in shown.rows] == [
        ("sales", "resolve", 1, 0, 0),
        ("ops", "resolve", 0, 3, 0),
        ("sales", "answer", 0, 0, 7),
    ]
    numbers = shown.numbers
    assert (numbers.overdue, numbers.at_risk, numbers.on_track, numbers.paused) == (1, 3, 7, 0)


def test_the_next_deadlines_are_the_next_of_all_partitions() -> None:
    shown = taken(
        PartitionFloor(0, NOW, deadlines=tuple(due(NOW + n * 2_000, f"a{n}") for n in range(20))),
        PartitionFloor(1, NOW, deadlines=(due(NOW + 1_000, "b"),)),
    )
    assert [one.entity_id for one in shown.deadlines][:3] == ["a0", "b", "a1"]
    assert len(shown.deadlines) == DEADLINES_SHOWN
    assert shown.numbers.next_due_at == NOW


def test_shares_are_of_the_counts_of_all_partitions_and_the_longest_wait_is_the_longest() -> None:
    hour, day = {"waits_in_target": 4, "waits_promised": 5}, {"csat_positive": 3, "csat_answered": 4}
    parts = (
        PartitionFloor(0, NOW, waiting=1, longest_wait_since=NOW - 9_000, hour=hour, day=day),
        PartitionFloor(1, NOW, waiting=2, longest_wait_since=NOW - 30_000, hour=hour, day=day),
    )
    shown = taken(*parts)
    assert (shown.numbers.answered.value, shown.numbers.answered.n) == (0.8, 10)
    assert (shown.numbers.waiting, shown.numbers.longest_wait_since) == (3, NOW - 30_000)
    assert (shown.voice.csat.value, shown.voice.csat.n) == (0.75, 8)


def test_an_incident_is_shown_with_its_sentence_its_case_and_what_was_expected_where_it_says_so() -> None:
    book = IncidentBook()
    told(
        book,
        row(
            topic="contact-events",
            source="crm",
            entity_id="E/1",
            severity="critical",
            evidence='{"n":9,"expected":2.5}',
        ),
    )
    shown = taken(PartitionFloor(0, NOW), book=book)
    (incident,) = shown.incidents
    assert incident.case == ("contact-events", "crm", "E/1")
    assert (incident.n, incident.expected) == (9, 2.5)
    assert shown.numbers.critical == 1


def test_an_incident_of_ours_has_no_case() -> None:
    book = IncidentBook()
    told(book, row(pattern="missed_pages"))
    assert taken(PartitionFloor(0, NOW), book=book).incidents[0].case is None


def about(incident_id: str, what: str, **said: str) -> bytes:
    return json.dumps(
        {"action_id": f"{incident_id}{what}", "action": what, "schema_version": "1.0", "who": "ana",
         "at": "2025-11-24T16:00:00Z", "incident_id": incident_id} | said
    ).encode()  # fmt: skip


def test_what_somebody_looks_after_stands_last_and_what_was_dismissed_is_not_open() -> None:
    book, actions = IncidentBook(), ActionBook()
    for incident_id in ("looked-after", "dismissed"):
        told(book, row(incident_id, severity="critical"))
    told(book, row("new"))
    actions.read(about("looked-after", "acknowledged"), NOW)
    actions.read(about("dismissed", "dismissed", note="a test call"), NOW)
    shown = taken(PartitionFloor(0, NOW), book=book, actions=actions)

    assert [(one.id, one.handling.acknowledged_by) for one in shown.incidents] == [("new", ""), ("looked-after", "ana")]
    assert (shown.numbers.critical, shown.numbers.unacknowledged, shown.numbers.incidents) == (1, 0, 2)
