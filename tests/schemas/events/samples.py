"""Events made in a test: one good contact and one good answer, and what a change makes of them."""

import json
from typing import Any

from schemas.events.decoding import decode
from schemas.events.envelope import Event
from schemas.outputs import Rejection
from schemas.topics import CONTACTS, SURVEYS

OPENED: dict[str, Any] = {
    "event_id": "01JDB6M3",
    "event_type": "contact.opened",
    "schema_version": "1.0",
    "occurred_at": "2026-11-23T10:05:00+01:00",
    "source": "crm-madrid",
    "entity_id": "C-4711",
    "customer": {"id": "c_9f2"},
    "direction": "inbound",
    "channel": "phone",
}
ANSWERED = {
    **{name: value for name, value in OPENED.items() if name != "direction"},
    "event_type": "survey.answered",
    "kind": "csat",
    "mode": "email",
    "score": 4,
}
ABSENT = object()
"""A field with this value is left out."""


def event_of(topic: str = CONTACTS, /, **changes: Any) -> Event:
    event = outcome(topic, **changes)
    assert isinstance(event, Event), event
    return event


def outcome(topic: str = CONTACTS, /, **changes: Any) -> Event | Rejection:
    base = {CONTACTS: OPENED, SURVEYS: ANSWERED}.get(topic, OPENED)
    fields = {name: value for name, value in {**base, **changes}.items() if value is not ABSENT}
    return decode(topic, json.dumps(fields).encode())


def reason_of(result: Event | Rejection) -> str | None:
    return result.reason if isinstance(result, Rejection) else None
