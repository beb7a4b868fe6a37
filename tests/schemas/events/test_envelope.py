"""The envelope as Python sees it."""

import json
from datetime import UTC, datetime

from schemas.events.contacts import ContactOpened
from schemas.events.decoding import decode, payload
from schemas.events.envelope import Customer
from schemas.topics import COMPLAINTS, CONTACTS
from tests.schemas.events.samples import ABSENT, event_of


def test_from_is_called_from_in_json() -> None:
    event = event_of(event_type="contact.transferred", **{"from": "n1", "to": "n2"}, direction=ABSENT)
    assert event.from_ == "n1"  # type: ignore[attr-defined]
    assert json.loads(payload(event))["from"] == "n1"


def test_an_event_can_be_built_from_python_values() -> None:
    event = ContactOpened(
        event_id="e1",
        event_type="contact.opened",
        schema_version="1.0",
        occurred_at=datetime(2026, 11, 23, 9, 5, tzinfo=UTC),
        source="crm",
        entity_id="C-1",
        customer=Customer(id="c_1"),
        direction="inbound",
        channel="phone",
    )
    assert decode(CONTACTS, payload(event).encode()) == event


def test_complaints_default_to_nothing_said() -> None:
    event = event_of(COMPLAINTS, event_type="complaint.opened", kind="claim", direction=ABSENT)
    assert (event.priority, event.test, event.severity) == (None, False, None)  # type: ignore[attr-defined]
