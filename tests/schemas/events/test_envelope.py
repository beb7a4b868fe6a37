"""What a record adds to its event, what one event alone shows, and what is stored of it."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.events.contacts import ContactOpened
from schemas.events.decoding import admit, decode, occurred_ms, payload, to_ms, warnings_of
from schemas.events.envelope import Customer, Event
from schemas.topics import COMPLAINTS, CONTACTS, SURVEYS
from tests.schemas.events.samples import ABSENT, OPENED, event_of

DAY_MS = 86_400_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# The record


@pytest.mark.parametrize(
    ("age_ms", "reason"),
    [
        (0, None),
        (-300_000, None),
        (-300_001, "future_timestamp"),
        (400 * DAY_MS, None),
        (400 * DAY_MS + 1, "too_old"),
    ],
)
def test_an_event_is_measured_against_its_record(age_ms: int, reason: str | None) -> None:
    event = event_of()
    rejection = admit(event, occurred_ms(event), b"c_9f2", occurred_ms(event) + age_ms)
    assert (rejection and rejection.reason) == reason


@pytest.mark.parametrize(
    ("customer", "key", "accepted"),
    [
        ({"id": "c_9f2"}, b"c_9f2", True),
        ({"id": "c_9f2"}, b"C-4711", True),
        (None, b"C-4711", True),
        ({"id": "ñandú"}, "ñandú".encode(), True),
        ({"id": "c_9f2"}, b"c_9f3", False),
        (None, b"c_9f2", False),
        ({"id": "c_9f2"}, None, False),
        ({"id": "c_9f2"}, b"", False),
        ({"id": "c_9f2"}, b"\xff\xfe", False),
    ],
)
def test_the_key_is_the_customer_or_the_entity(customer: Any, key: bytes | None, accepted: bool) -> None:
    event = event_of(customer=customer)
    rejection = admit(event, occurred_ms(event), key, occurred_ms(event))
    assert (rejection and (rejection.reason, rejection.field)) == (None if accepted else ("key_mismatch", "key"))


# Time


offsets = st.integers(-839, 839).map(lambda minutes: timezone(timedelta(minutes=minutes)))
years = st.integers(1901, 2298)


@given(st.datetimes(timezones=offsets), years)
def test_milliseconds_are_exact_and_rounded_down(moment: datetime, year: int) -> None:
    moment = moment.replace(year=year, day=min(moment.day, 28))
    milliseconds = occurred_ms(event_of(occurred_at=moment.isoformat()))
    assert milliseconds == to_ms(moment)
    assert 0 <= (moment - EPOCH) / timedelta(milliseconds=1) - milliseconds < 1


# Warnings and what is stored


@pytest.mark.parametrize(
    ("topic", "changes", "warnings"),
    [
        (CONTACTS, {}, ()),
        (CONTACTS, {"unheard": 1}, ("unknown_field",)),
        (CONTACTS, {"from_": "x"}, ("unknown_field",)),
        (CONTACTS, {"customer": {"id": "c", "unheard": 1}}, ("unknown_field",)),
        (CONTACTS, {"event_type": "contact.corrected", "direction": ABSENT, "corrects_event_id": "e",
                    "values": {"x": 1}}, ("unknown_field",)),
        (SURVEYS, {"kind": "mystery_shopper", "score": ABSENT, "visit_id": "v",
                   "sections": [{"code": "a", "earned": 1, "possible": 2, "unheard": 1}]}, ("unknown_field",)),
        (CONTACTS, {"published_at": "2026-11-23T10:00:00+01:00"}, ()),
        (CONTACTS, {"published_at": "2026-11-23T09:59:59.999+01:00"}, ("clock_skew",)),
        (CONTACTS, {"published_at": "2026-11-23T08:59:00Z", "unheard": 1}, ("unknown_field", "clock_skew")),
    ],
)  # fmt: skip
def test_what_one_event_alone_shows(topic: str, changes: dict[str, Any], warnings: tuple[str, ...]) -> None:
    assert warnings_of(event_of(topic, **changes)) == warnings


def test_unknown_fields_are_not_stored_and_stay_in_the_event() -> None:
    sections = [{"code": "a", "earned": 1, "possible": 2, "secret": "s"}]
    event = event_of(
        SURVEYS,
        kind="mystery_shopper",
        visit_id="v",
        sections=sections,
        customer={"id": "c", "secret": "s"},
        secret="s",
    )
    stored = payload(event)
    assert "secret" not in stored
    assert warnings_of(event) == ("unknown_field",)
    again = decode(SURVEYS, stored.encode())
    assert isinstance(again, Event)
    assert warnings_of(again) == ()


def test_what_is_stored_is_what_was_said_and_no_defaults() -> None:
    stored = json.loads(payload(event_of(product=None, links={"order_ref": None})))
    assert stored == {**OPENED, "product": None, "links": {"order_ref": None}}


def test_a_changed_copy_is_stored_as_changed() -> None:
    event = event_of(text="Soy Ana", unheard=1)
    stored = json.loads(payload(event.model_copy(update={"text": "Soy [name]", "category": "saludo"})))
    assert (stored["text"], stored["category"]) == ("Soy [name]", "saludo")


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
