"""A rejection has one reason, the most fundamental one, and shows no personal data."""

import json
from typing import Any

import pytest

from schemas.events.rejection import Claimed, claimed
from schemas.outputs import Rejection
from tests.schemas.events.samples import ABSENT, OPENED, outcome


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
    ("changes", "secret"),
    [
        ({"channel": "ana@example.com"}, "ana"),
        ({"channel": "call +34 600 111 222"}, "600"),
        ({"channel": "600 111 222"}, "111"),
        ({"channel": "4111 1111 1111 1111"}, "1111"),
        ({"entity_id": "ES91 2100 0418 4502 0005 1332"}, "2100"),
        ({"customer": {"id": "X1234567L"}}, "1234567"),
        ({"seq": "12345678"}, "12345678"),
        ({"text": "Soy Ana y " + "me duele " * 1000}, "Ana"),
        ({"customer": ["Ana"]}, "Ana"),
        ({"attributes": {"ana@example.com": 1}}, "ana"),
    ],
)
def test_a_rejection_shows_no_personal_data(changes: dict[str, Any], secret: str) -> None:
    rejection = outcome(**changes)
    assert isinstance(rejection, Rejection)
    assert not [part for part in rejection if secret in part]


def test_a_rejected_record_still_says_what_it_claims_to_be() -> None:
    broken = json.dumps({**OPENED, "channel": "fax"}).encode()
    assert claimed(broken) == Claimed("crm-madrid", "01JDB6M3", "contact.opened")
    assert claimed(broken[:-30]) == Claimed("crm-madrid", "01JDB6M3", "contact.opened")
    assert claimed(json.dumps({**OPENED, "event_id": "ana@example.com"}).encode()).event_id == "***************"
    assert claimed(b'{"source": 5}') == Claimed()
    assert claimed(b"\xff") == Claimed()
