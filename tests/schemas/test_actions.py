"""The contract of what people do, and its examples: `schemas/examples/feedback-actions/{valid,invalid}/*.json`."""

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import pytest
from pydantic import ValidationError

from schemas.actions import (
    ACTION_KINDS,
    Action,
    AnyAction,
    MaintenancePlanned,
    action_row,
    decode_action,
    encode_action,
    subject_id,
)
from schemas.events.decoding import to_ms
from schemas.outputs import ActionRow, Rejection
from schemas.topics import ACTIONS
from tests.schemas.events.examples import EXAMPLES, example_value

VALID = sorted((EXAMPLES / ACTIONS / "valid").glob("*.json"))
INVALID = sorted((EXAMPLES / ACTIONS / "invalid").glob("*.json"))
LATE = to_ms(datetime(2026, 12, 1, tzinfo=UTC))


def action_in(value: bytes) -> AnyAction:
    action = decode_action(value, LATE)
    assert not isinstance(action, Rejection), action
    return action


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_a_valid_example_is_an_action_and_is_named_after_it(path: Path) -> None:
    action = action_in(path.read_bytes())
    kind, number = path.stem.rsplit(".", 1)
    assert action.action == kind
    assert number.isdecimal()


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_what_is_published_of_an_action_is_the_same_action(path: Path) -> None:
    action = action_in(path.read_bytes())
    assert action_in(encode_action(action)) == action


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_an_invalid_example_is_rejected_for_its_reason(path: Path) -> None:
    example = json.loads(path.read_bytes())
    at = example.get("record", {}).get("timestamp")
    found = decode_action(example_value(example), to_ms(datetime.fromisoformat(at)) if at else LATE)
    assert isinstance(found, Rejection)
    assert (found.reason, found.field) == (example["reason"], example["field"])
    assert path.stem.split(".")[0] == found.reason


def test_every_kind_of_action_has_three_examples_and_a_model() -> None:
    assert Counter(path.stem.rsplit(".", 1)[0] for path in VALID) == dict.fromkeys(ACTION_KINDS, 3)
    models = get_args(get_args(Action)[0])
    assert tuple(get_args(model.model_fields["action"].annotation)[0] for model in models) == ACTION_KINDS


def test_an_action_is_frozen_and_what_is_unknown_in_it_goes_nowhere() -> None:
    action = action_in(json.dumps({**json.loads(VALID[0].read_bytes()), "shoe_size": 41}).encode())
    with pytest.raises(ValidationError, match="frozen"):
        setattr(action, "who", "somebody else")  # noqa: B010
    assert "shoe_size" not in action_row(action, LATE, 3)._asdict()


def test_numbers_and_addresses_of_persons_in_a_note_are_masked() -> None:
    told = json.loads(VALID[0].read_bytes()) | {"note": "called 600123456, wrote to ana@example.com"}
    note = action_in(json.dumps(told).encode()).note
    assert note is not None
    assert "600123456" not in note
    assert "ana@" not in note
    assert note.startswith("called *********")


def test_nothing_that_comes_raises() -> None:
    for value in (b"", b"null", b"\xff", b"{" * 5_000, b'{"action":"acted","note":"\\ud800"}', b"1e999", b'"acted"'):
        assert isinstance(decode_action(value, LATE), Rejection), value


def test_the_key_is_what_the_action_is_about() -> None:
    for path in VALID:
        action = action_in(path.read_bytes())
        told = json.loads(path.read_bytes())
        assert subject_id(action) == told.get("incident_id", told.get("maintenance_id"))


def test_the_row_has_what_the_action_says_in_milliseconds() -> None:
    planned = action_in((EXAMPLES / ACTIONS / "valid" / "maintenance_planned.1.json").read_bytes())
    assert isinstance(planned, MaintenancePlanned)
    assert action_row(planned, LATE, 9) == ActionRow(
        action_id="act-10", action="maintenance_planned", incident_id="", maintenance_id="mt-2026-48",
        source="pbx-madrid", begins_at=to_ms(planned.begins_at), ends_at=to_ms(planned.ends_at), at=to_ms(planned.at),
        who="ana.ruiz", note="New firmware of the switch.", record_at=LATE, offset=9,
    )  # fmt: skip
