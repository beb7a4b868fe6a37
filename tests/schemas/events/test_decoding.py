"""From bytes to an event or a rejection, never an exception; what only the record shows; and what is stored."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.events.decoding import MAX_BYTES, admit, decode, occurred_ms, payload, payload_as_sent, to_ms, warnings_of
from schemas.events.envelope import Event
from schemas.events.rejection import Claimed, claimed
from schemas.outputs import Rejection
from schemas.taxonomy import REASONS
from schemas.topics import CONTACTS, INPUTS, SURVEYS
from tests.schemas.events.examples import Record, valid
from tests.schemas.events.samples import ABSENT, ANSWERED, OPENED, event_of

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
topics = st.sampled_from(INPUTS)


def is_an_outcome(result: object) -> bool:
    """An event, or a rejection from the closed list that can be shown."""
    if isinstance(result, Rejection):
        return result.reason in REASONS and len(result.got) <= 80 and len(result.field) <= 80
    return isinstance(result, Event)


# Whatever arrives


@given(topics, st.binary(max_size=200))
def test_arbitrary_bytes_end_as_an_event_or_a_rejection(topic: str, value: bytes) -> None:
    assert is_an_outcome(decode(topic, value))
    assert isinstance(claimed(value), Claimed)


@given(topics, json_values)
def test_arbitrary_json_ends_as_an_event_or_a_rejection(topic: str, value: Any) -> None:
    assert is_an_outcome(decode(topic, json.dumps(value).encode()))


@given(topics, st.dictionaries(st.sampled_from([*OPENED, "score", "kind", "values", "sections"]), json_values))
def test_arbitrary_values_of_known_fields_end_as_an_event_or_a_rejection(topic: str, fields: dict[str, Any]) -> None:
    base = ANSWERED if topic == SURVEYS else OPENED
    assert is_an_outcome(decode(topic, json.dumps({**base, **fields}).encode()))


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(valid()), st.data())
def test_a_valid_event_that_is_tampered_with_ends_as_an_event_or_a_rejection(
    record: Record, data: st.DataObject
) -> None:
    fields = json.loads(record.value)
    holder = fields
    while True:
        name = data.draw(st.sampled_from(sorted(holder)))
        if not (isinstance(holder[name], dict) and holder[name] and data.draw(st.booleans())):
            break
        holder = holder[name]
    if data.draw(st.booleans()):
        del holder[name]
    else:
        holder[name] = data.draw(json_values)
    result = decode(record.topic, json.dumps(fields).encode())
    assert is_an_outcome(result)
    if isinstance(result, Event):
        stored = decode(record.topic, payload(result).encode())
        assert isinstance(stored, Event)
        assert payload(stored) == payload(result)
        if "unknown_field" not in warnings_of(result):
            assert decode(record.topic, payload_as_sent(json.dumps(fields).encode()).encode()) == result
        assert "unknown_field" not in warnings_of(stored)
        assert is_an_outcome(admit(result, occurred_ms(result), record.key, record.timestamp) or result)


@given(st.sampled_from(valid()), st.integers(min_value=0), st.integers(0, 255))
def test_a_valid_event_with_one_byte_changed_ends_as_an_event_or_a_rejection(
    record: Record, position: int, byte: int
) -> None:
    value = bytearray(record.value)
    value[position % len(value)] = byte
    assert is_an_outcome(decode(record.topic, bytes(value)))


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(b'{"a":' + b"[" * 50_000, id="nested too deep"),
        pytest.param(b'{"seq":' + b"9" * 100_000 + b"}", id="an endless number"),
        pytest.param(b'{"text":"\\ud800"}', id="half a surrogate pair"),
        pytest.param(b"\xef\xbb\xbf{}", id="byte order mark"),
        pytest.param(b"\x00", id="a null byte"),
    ],
)
def test_what_breaks_parsers_is_not_json(value: bytes) -> None:
    rejection = decode(CONTACTS, value)
    assert isinstance(rejection, Rejection)
    assert rejection.reason == "not_json"


def test_the_limit_of_size_is_inclusive() -> None:
    largest = json.dumps(OPENED).encode().ljust(MAX_BYTES)
    assert isinstance(decode(CONTACTS, largest), Event)
    assert decode(CONTACTS, largest + b" ") == Rejection("too_large", "", "at most 262144 bytes", "262145 bytes")


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


def test_of_a_field_that_was_sent_twice_nothing_is_stored_that_was_not_looked_at() -> None:
    sent = json.dumps(OPENED).replace('"channel"', '"text": "ana@example.com", "text": "hello", "channel"').encode()
    event = decode(CONTACTS, sent)
    assert isinstance(event, Event)
    assert event.text == "hello"
    assert json.loads(payload_as_sent(sent)) == {**OPENED, "text": "hello"}


def test_a_changed_copy_is_stored_as_changed() -> None:
    event = event_of(text="Soy Ana", unheard=1)
    stored = json.loads(payload(event.model_copy(update={"text": "Soy [name]", "category": "saludo"})))
    assert (stored["text"], stored["category"]) == ("Soy [name]", "saludo")
