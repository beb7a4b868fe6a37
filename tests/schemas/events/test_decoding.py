"""From bytes to an event or a rejection: never an exception, one reason, the most fundamental one."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.events.decoding import MAX_BYTES, admit, decode, occurred_ms, payload, warnings_of
from schemas.events.envelope import Event
from schemas.events.rejection import Claimed, claimed
from schemas.events.surveys import CsatAnswered
from schemas.outputs import Rejection
from schemas.taxonomy import REASONS
from schemas.topics import CONTACTS, INPUTS, SURVEYS
from tests.schemas.events.examples import Record, valid
from tests.schemas.events.samples import ABSENT, ANSWERED, OPENED, event_of, outcome, reason_of

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


# One reason


@pytest.mark.parametrize(
    ("reason", "field", "changes"),
    [
        ("schema_unsupported", "schema_version", {"schema_version": "2.1", "event_type": "survey.answered"}),
        ("topic_mismatch", "event_type", {"event_type": "survey.answered", "occurred_at": ABSENT}),
        ("bad_enum", "event_type", {"event_type": "contact.unknown", "occurred_at": ABSENT}),
        ("missing_field", "occurred_at", {"entity_id": 7, "occurred_at": ABSENT}),
        ("wrong_type", "entity_id", {"channel": "fax", "entity_id": 7}),
        ("bad_enum", "channel", {"channel": "fax", "occurred_at": "yesterday"}),
        ("bad_timestamp", "published_at", {"occurred_at": "2026-11-23T10:05:00", "published_at": "yesterday"}),
        ("naive_timestamp", "occurred_at", {"occurred_at": "2026-11-23T10:05:00", "entity_id": "a@example.com"}),
    ],
)
def test_of_several_defects_the_most_fundamental_is_told(reason: str, field: str, changes: dict[str, Any]) -> None:
    rejection = outcome(**changes)
    assert isinstance(rejection, Rejection)
    assert (rejection.reason, rejection.field) == (reason, field)


@pytest.mark.parametrize(
    ("occurred_at", "reason"),
    [
        ("2026-11-23T10:05:00+01:00", None),
        ("2026-11-23T10:05:00Z", None),
        ("2026-11-23t10:05:00.123456789z", None),
        ("2026-11-23 10:05:00-03:30", None),
        ("2026-11-23T10:05:00", "naive_timestamp"),
        ("2026-11-23T10:05:00.5", "naive_timestamp"),
        ("2026-02-30T10:05:00", "bad_timestamp"),
        ("2026-02-30T10:05:00Z", "bad_timestamp"),
        ("2026-11-23T10:05Z", "bad_timestamp"),
        ("2026-11-23", "bad_timestamp"),
        ("2026-11-23T10:05:00+25:00", "bad_timestamp"),
        ("1732352700", "bad_timestamp"),
        ("0001-01-01T00:00:00Z", "bad_timestamp"),
        ("9999-12-31T00:00:00Z", "bad_timestamp"),
        ("", "bad_timestamp"),
        (1732352700, "bad_timestamp"),
        (None, "bad_timestamp"),
        (True, "bad_timestamp"),
    ],
)
def test_a_moment_is_rfc_3339_with_its_offset(occurred_at: Any, reason: str | None) -> None:
    result = outcome(occurred_at=occurred_at)
    assert reason_of(result) == reason


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("seq", True, "wrong_type"),
        ("seq", 1.0, "wrong_type"),
        ("seq", 2**63, "wrong_type"),
        ("channel", 5, "wrong_type"),
        ("event_type", 5, "wrong_type"),
        ("event_type", None, "wrong_type"),
        ("test", "false", "wrong_type"),
        ("event_id", "", "wrong_type"),
        ("event_id", "with space", "wrong_type"),
        ("source", "CRM Madrid", "wrong_type"),
        ("schema_version", 1.0, "wrong_type"),
        ("schema_version", "v1", "wrong_type"),
        ("org_unit", "a/b/c/d/e/f", "wrong_type"),
        ("language", "spanish (es)", "wrong_type"),
        ("attributes", {str(n): "" for n in range(21)}, "wrong_type"),
        ("attributes", {"n": 1}, "wrong_type"),
        ("actor", {"level": True}, "wrong_type"),
        ("actor", {"level": 4}, "bad_enum"),
        ("customer", [], "wrong_type"),
    ],
)
def test_structure_is_strict(field: str, value: Any, reason: str) -> None:
    rejection = outcome(**{field: value})
    assert isinstance(rejection, Rejection)
    assert rejection.reason == reason
    assert rejection.field.split(".")[0] == field


@pytest.mark.parametrize("field", ["category", "product", "process", "org_unit"])
def test_taxonomies_are_lenient(field: str) -> None:
    assert getattr(event_of(**{field: "never-heard-of"}), field) == "never-heard-of"


def test_a_newer_minor_version_is_read() -> None:
    event = event_of(schema_version="1.7", new_in_seven="x")
    assert warnings_of(event) == ("unknown_field",)


@pytest.mark.parametrize(
    ("changes", "accepted"),
    [
        ({"score": 1}, True),
        ({"score": 5}, True),
        ({"score": 0}, False),
        ({"score": 6}, False),
        ({"score": 6, "scale_max": 7}, True),
        ({"kind": "nps", "score": 0}, True),
        ({"kind": "nps", "score": 10}, True),
        ({"kind": "nps", "score": -1}, False),
        ({"kind": "ces", "score": 7, "direction": "ease"}, True),
        ({"kind": "ces", "score": 8, "direction": "ease"}, False),
        ({"kind": "mystery_shopper", "visit_id": "v", "sections": [{"code": "a", "earned": 2, "possible": 2}]}, True),
        ({"kind": "mystery_shopper", "visit_id": "v", "sections": [{"code": "a", "earned": -1, "possible": 2}]}, False),
    ],
)
def test_a_score_lies_within_its_scale(changes: dict[str, Any], accepted: bool) -> None:
    result = outcome(SURVEYS, **changes)
    assert reason_of(result) == (None if accepted else "score_out_of_range")


def test_a_csat_scale_is_five_unless_said() -> None:
    event = event_of(SURVEYS)
    assert isinstance(event, CsatAnswered)
    assert event.scale_max == 5


@pytest.mark.parametrize(
    ("amount", "accepted"),
    [
        ("0", True),
        ("12.5", True),
        ("-3.00", True),
        ("1e3", False),
        ("12,50", False),
        ("NaN", False),
        ("", False),
        (12.5, False),
    ],
)
def test_an_amount_is_a_decimal_string(amount: Any, accepted: bool) -> None:
    result = outcome(event_type="contact.outcome", kind="refund", amount=amount)
    assert reason_of(result) == (None if accepted else "bad_amount")
