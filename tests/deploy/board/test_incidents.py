"""What the board takes for open, from messages as the worker writes them."""

import json
from typing import Any

from deploy.board.incidents import TOLD_LATE_MS, IncidentBook
from schemas.outputs import IncidentRow
from sinks.messages import incident_json

NOW = 1_764_000_000_000
MINUTE = 60_000


def row(incident_id: str = "i1", **fields: Any) -> IncidentRow:
    said: dict[str, Any] = dict.fromkeys(IncidentRow._fields, "") | {
        "incident_id": incident_id, "pattern": "P01", "severity": "warning", "state": "open", "opened_at": NOW,
        "updated_at": NOW, "closed_at": None, "partition": 0, "summary": "A promise was broken", "evidence": "{}",
    }  # fmt: skip
    return IncidentRow(**(said | fields))


def told(book: IncidentBook, incident: IncidentRow, recorded_at: int = NOW) -> None:
    book.read(incident.incident_id.encode(), incident_json(incident, recorded_at, recorded_at, 10 * MINUTE))


def test_the_last_message_of_an_incident_holds() -> None:
    book = IncidentBook()
    told(book, row(summary="first"))
    told(book, row(summary="second"))

    assert [one.summary for one in book.open()] == ["second"]


def test_an_incident_that_is_closed_or_withdrawn_is_not_open() -> None:
    book = IncidentBook()
    for incident_id, state in (("i1", "closed"), ("i2", "withdrawn")):
        told(book, row(incident_id))
        told(book, row(incident_id, state=state))

    assert book.open() == []


def test_the_gravest_stand_first_and_of_these_the_newest() -> None:
    book = IncidentBook()
    told(book, row("old", opened_at=NOW - MINUTE))
    told(book, row("new"))
    told(book, row("grave", severity="critical", opened_at=NOW - 2 * MINUTE))
    told(book, row("slight", severity="info"))

    assert [one.incident_id for one in book.open()] == ["grave", "new", "old", "slight"]


def test_what_was_history_when_it_was_told_is_counted_and_not_shown() -> None:
    book = IncidentBook()
    told(book, row("import"), recorded_at=NOW + TOLD_LATE_MS)
    told(book, row("after an outage"), recorded_at=NOW + TOLD_LATE_MS - 1)

    assert [one.incident_id for one in book.open()] == ["after an outage"]
    assert book.told_late == 1


def test_what_cannot_be_read_is_counted_and_a_tombstone_takes_its_incident_away() -> None:
    book = IncidentBook()
    told(book, row())
    book.read(b"i2", b"{")
    book.read(b"i2", json.dumps({"incident_id": "i2"}).encode())
    assert book.unreadable == 2
    book.read(b"i1", None)

    assert book.open() == []
