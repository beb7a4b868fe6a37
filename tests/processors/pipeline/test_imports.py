"""Last month's tickets, imported beside live traffic: they are there, page nobody, and are no volume of today."""

import json
from typing import Any

import pytest

from schemas.observations import is_recent
from sinks.messages import incident_json
from tests.processors.feed import DAY, HOUR, MINUTE, Feed, Happening, event
from tests.processors.views import Views

CALL: dict[str, Any] = {"direction": "inbound", "channel": "email", "priority": "urgent"}
NOW = 40 * DAY
WINDOW = 10 * MINUTE
IMPORTED = [
    event("contact.opened", f"I{number}", number * HOUR, arrives=NOW, customer=f"i{number}", **CALL)
    for number in range(50)
]


def test_an_import_gives_cases_and_clocks_pages_nobody_and_moves_no_live_counter() -> None:
    feed, views = Feed(), Views()
    feed.feed(event("contact.opened", "LIVE", NOW, **CALL))
    feed.until(NOW)
    views.insert(feed.checkpoint())
    observed = feed.feed(*IMPORTED)
    checkpoint = feed.checkpoint()
    views.insert(checkpoint)

    assert {row["entity_id"] for row in views.cases()} == {"LIVE", *(one.event["entity_id"] for one in IMPORTED)}
    assert {row["state"] for row in views.clocks() if row["entity_id"] == "I7"} == {"breached_open"}
    assert {key[0] for key in observed.counts} <= {"events", "event_warnings"}
    wall = IMPORTED[0].record_at
    moments = [at for at, _ in observed.moments] + [at for at, _, _ in observed.durations]
    moved = [at for at in moments if is_recent(at, wall, WINDOW)]
    assert moved == []
    pages = [json.loads(incident_json(row, wall, wall, WINDOW))["page"] for row in checkpoint.incidents]
    assert len(pages) >= 50
    assert not any(pages)


@pytest.mark.parametrize("kind", ["corrected", "voided"])
def test_what_speaks_of_an_event_that_is_not_known_is_warned_of(kind: str) -> None:
    def revision(of: str, at: int) -> Happening:
        said = {"corrects_event_id": of, "values": {}} if kind == "corrected" else {"voids_event_id": of}
        return event(f"contact.{kind}", "C1", at, event_id=f"of-{of}", **said)

    feed = Feed()
    feed.feed(event("contact.opened", "C1", 0, event_id="e1", **CALL), revision("e2", HOUR), revision("e1", DAY))
    warned = {row.event_id: row.warnings for row in feed.state.pending.events}
    assert warned == {"e1": (), "of-e1": (), "of-e2": ("dangling_reference",)}
