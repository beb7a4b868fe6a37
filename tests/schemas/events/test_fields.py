"""What a field may hold: moments, structure, taxonomies, scores and amounts."""

from typing import Any

import pytest

from schemas.events.decoding import warnings_of
from schemas.events.surveys import CsatAnswered
from schemas.outputs import Rejection
from schemas.topics import SURVEYS
from tests.schemas.events.samples import event_of, outcome, reason_of


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
        ({"score": 2, "scale_max": 2}, True),
        ({"score": 11, "scale_max": 11}, True),
        ({"score": 0, "scale_max": 4, "scale_min": 0}, True),
        ({"score": 5, "scale_max": 4, "scale_min": 0}, False),
        ({"score": 0, "scale_max": 4, "scale_min": 1}, False),
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


def test_a_csat_scale_is_one_to_five_unless_said() -> None:
    event = event_of(SURVEYS)
    assert isinstance(event, CsatAnswered)
    assert (event.scale_min, event.scale_max) == (1, 5)


@pytest.mark.parametrize("scale_min", [0, 1])
def test_a_scale_has_two_to_eleven_points(scale_min: int) -> None:
    accepted = [
        scale_max - scale_min + 1
        for scale_max in range(-1, 20)
        if reason_of(outcome(SURVEYS, score=1, scale_min=scale_min, scale_max=scale_max)) is None
    ]
    assert accepted == list(range(2, 12))


@pytest.mark.parametrize("kind", ["csat", "nps", "ces"])
@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"text": "as it was"}, None),
        ({"text": " "}, "missing_field"),
        ({}, "missing_field"),
        ({"text": 1}, "wrong_type"),
    ],
)
def test_without_a_rating_the_text_is_the_answer(kind: str, said: dict[str, Any], reason: str | None) -> None:
    assert reason_of(outcome(SURVEYS, kind=kind, score=None, **said)) == reason


def test_effort_that_is_rated_has_a_direction() -> None:
    assert reason_of(outcome(SURVEYS, kind="ces", score=None, text="hard", direction="effort")) is None
    assert reason_of(outcome(SURVEYS, kind="ces", score=3, text="hard")) == "missing_field"
    assert reason_of(outcome(SURVEYS, kind="ces", score=3, direction="up")) == "bad_enum"


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
