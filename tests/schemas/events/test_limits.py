"""What a field may hold has a limit, the contract says it, and so does the rejection of what goes beyond."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from schemas.events.decoding import ADAPTERS
from schemas.events.surveys import FINDINGS_TEXT_MAX
from schemas.outputs import Rejection
from schemas.topics import CONTACTS, INPUTS, SURVEYS
from tests.schemas.events.samples import OPENED, outcome

WALK = {
    "kind": "floor_walk", "walk_id": "w", "manager": "m", "site": "s",
    "started_at": "2026-11-23T09:00:00Z", "ended_at": "2026-11-23T09:05:00Z",
}  # fmt: skip


def unlimited(schema: Any, path: str = "") -> Iterator[str]:
    """Where a JSON Schema lets a string, an array or an object of any keys be as long as it likes."""
    if isinstance(schema, list):
        for entry in schema:
            yield from unlimited(entry, path)
    elif isinstance(schema, dict):
        kind = schema.get("type")
        if kind == "string" and not schema.keys() & {"maxLength", "pattern", "enum", "const", "format"}:
            yield path
        if kind == "array" and "maxItems" not in schema:
            yield path
        if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
            keys = schema.get("propertyNames", {}).keys()
            yield from [] if "maxProperties" in schema and keys & {"maxLength", "pattern"} else [path]
        for name, part in schema.items():
            yield from unlimited(part, f"{path}.{name}")


@pytest.mark.parametrize("topic", INPUTS)
def test_the_contract_limits_every_string_list_and_map(topic: str) -> None:
    assert list(unlimited(ADAPTERS[topic].json_schema())) == []


def test_a_field_without_a_limit_is_noticed() -> None:
    assert list(unlimited({"properties": {"a": {"type": "string"}, "b": {"type": "array"}}})) == [
        ".properties.a",
        ".properties.b",
    ]


@pytest.mark.parametrize(
    ("topic", "changes", "field", "limit"),
    [
        (CONTACTS, {"attributes": {"a": "x" * 1_001}}, "attributes.a", "string of at most 1000 characters"),
        (
            CONTACTS,
            {"attributes": {"x" * 129: "a"}},
            "attributes." + "x" * 68 + "…",
            "string of at most 128 characters",
        ),
        (CONTACTS, {"attributes": {str(n): "" for n in range(21)}}, "attributes", "at most 20 entries"),
        (
            CONTACTS,
            {"attributes": dict.fromkeys("abcde", "x" * 801)},
            "attributes",
            "at most 4000 characters in all values",
        ),
        (CONTACTS, {"customer": {"id": "c", "aliases": ["a"] * 21}}, "customer.aliases", "at most 20 entries"),
        (CONTACTS, {"entity_id": "x" * 129}, "entity_id", "string of at most 128 characters"),
        (CONTACTS, {"event_id": "x" * 65}, "event_id", "string of 1 to 64 of A-Z a-z 0-9 _ . : -"),
        (CONTACTS, {"text": "x" * 8_001}, "text", "string of at most 8000 characters"),
        (
            SURVEYS,
            {"kind": "mystery_shopper", "visit_id": "v", "sections": [{"code": "a", "possible": 1, "earned": 1}] * 101},
            "sections",
            "at most 100 entries",
        ),
        (SURVEYS, {"kind": "custom", "metrics": {str(n): 1 for n in range(101)}}, "metrics", "at most 100 entries"),
        (
            SURVEYS,
            {**WALK, "findings": [{"id": "f", "element": "people", "polarity": "positive"}] * 201},
            "findings",
            "at most 200 entries",
        ),
        (
            SURVEYS,
            {**WALK, "findings": [{"id": "f", "element": "people", "polarity": "positive", "text": "x" * 6_000}] * 3},
            "findings",
            f"at most {FINDINGS_TEXT_MAX} characters of text in all findings",
        ),
    ],
)
def test_a_rejection_says_which_limit_was_exceeded(topic: str, changes: dict[str, Any], field: str, limit: str) -> None:
    rejection = outcome(topic, **changes)
    assert isinstance(rejection, Rejection)
    assert (rejection.reason, rejection.field, rejection.expected) == ("wrong_type", field, limit)


@pytest.mark.parametrize(
    ("topic", "changes"),
    [
        (CONTACTS, {"customer": {"id": "c", "aliases": [1] * 50_000}}),
        (CONTACTS, {"attributes": {str(n): 1 for n in range(20_000)}}),
        (SURVEYS, {"kind": "mystery_shopper", "visit_id": "v", "sections": [1] * 50_000}),
        (SURVEYS, {**WALK, "findings": [{}] * 50_000}),
        (SURVEYS, {"kind": "custom", "metrics": {str(n): "x" for n in range(20_000)}}),
    ],
)
def test_errors_do_not_grow_with_what_is_wrong_in_a_list(topic: str, changes: dict[str, Any]) -> None:
    base = {**OPENED, "event_type": "survey.answered", "mode": "email"} if topic == SURVEYS else OPENED
    with pytest.raises(ValidationError) as caught:
        ADAPTERS[topic].validate_json(json.dumps({**base, **changes}))
    assert caught.value.error_count() <= 4


def test_of_a_list_the_first_bad_entry_is_told() -> None:
    rejection = outcome(customer={"id": "c", "aliases": ["a", 7, ""]})
    assert isinstance(rejection, Rejection)
    assert (rejection.field, rejection.got) == ("customer.aliases.1", "7")
