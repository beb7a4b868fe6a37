"""The contract and its examples say the same: every example ends as it says, every type and reason has examples."""

from collections import Counter
from typing import Any, get_args

import pytest
from pydantic import BaseModel, ValidationError

from schemas.events.complaints import ComplaintEvent
from schemas.events.contacts import ContactEvent
from schemas.events.decoding import admit, decode, occurred_ms, payload, payload_as_sent, warnings_of
from schemas.events.envelope import Event
from schemas.events.surveys import SurveyEvent
from schemas.outputs import Rejection
from schemas.taxonomy import REASONS, SurveyKind
from schemas.topics import EVENT_PREFIX
from tests.schemas.events.examples import Record, invalid, valid

EXAMPLES_OF_A_TYPE = 3
NOT_MADE_BY_INPUT = {
    "processing_error": "an error of our own while a good record was processed",
    "sink_refused": "ClickHouse refused the row of an accepted record",
    "erasure_not_allowed": "a setting says whose erasures count",
    "record_from_future": "the worker rejects it by a clock, before `step` sees it",
}

each_valid = pytest.mark.parametrize("record", valid(), ids=str)
each_invalid = pytest.mark.parametrize("record", invalid(), ids=str)


def event_in(record: Record) -> Event:
    event = decode(record.topic, record.value)
    assert isinstance(event, Event), event
    return event


def outcome(record: Record) -> Event | Rejection:
    event = decode(record.topic, record.value)
    return (
        event
        if isinstance(event, Rejection)
        else admit(event, occurred_ms(event), record.key, record.timestamp) or event
    )


def event_types(union: object) -> dict[str, type[Event]]:
    """Every class of a union, nested ones too, by what tells it apart: `contact.opened`, `survey.answered csat`."""
    if isinstance(union, type) and issubclass(union, Event):
        tags = [union.model_fields[name].annotation for name in ("event_type", "kind") if name in union.model_fields]
        values = [get_args(tag) for tag in tags]
        return {" ".join(value[0] for value in values if len(value) == 1): union}
    return {tag: found for part in get_args(union) for tag, found in event_types(part).items()}


TYPES = {
    tag: model for union in (ContactEvent, ComplaintEvent, SurveyEvent) for tag, model in event_types(union).items()
}


@each_valid
def test_a_valid_example_is_accepted_without_a_warning(record: Record) -> None:
    event = outcome(record)
    assert isinstance(event, Event), event
    assert warnings_of(event) == ()


@each_valid
def test_what_is_stored_of_a_valid_example_decodes_to_the_same_event(record: Record) -> None:
    event = event_in(record)
    stored = payload(event)
    assert decode(record.topic, stored.encode()) == event
    assert payload(event_in(Record(record.path, record.topic, None, 0, stored.encode()))) == stored
    assert decode(record.topic, payload_as_sent(record.value).encode()) == event


@each_valid
def test_a_valid_example_is_named_after_its_event_type(record: Record) -> None:
    event_type, number = record.path.stem.rsplit(".", 1)
    assert event_in(record).event_type == event_type
    assert event_type.startswith(EVENT_PREFIX[record.topic])
    assert number.isdecimal()


@each_valid
def test_events_and_their_parts_are_frozen(record: Record) -> None:
    for part in parts(event_in(record)):
        name = next(iter(type(part).model_fields))
        with pytest.raises(ValidationError, match="frozen"):
            setattr(part, name, "changed")


@each_invalid
def test_an_invalid_example_is_rejected_for_its_reason_at_its_field(record: Record) -> None:
    rejection = outcome(record)
    assert isinstance(rejection, Rejection), "accepted"
    assert (rejection.reason, rejection.field) == (record.reason, record.field)


@each_invalid
def test_a_rejection_is_short_and_says_what_was_expected(record: Record) -> None:
    rejection = outcome(record)
    assert isinstance(rejection, Rejection)
    assert rejection.reason in REASONS
    assert 0 < len(rejection.expected) <= 180
    assert len(rejection.got) <= 80
    assert "{" not in rejection.expected


@each_invalid
def test_an_invalid_example_is_named_after_its_reason(record: Record) -> None:
    assert record.path.stem.split(".")[0] == record.reason


def test_every_event_type_has_three_valid_examples_and_no_example_is_of_another_type() -> None:
    examples = Counter(
        next(tag for tag, model in TYPES.items() if type(event_in(record)) is model) for record in valid()
    )
    assert {tag: examples[tag] for tag in TYPES if examples[tag] < EXAMPLES_OF_A_TYPE} == {}


def test_every_kind_of_answer_has_a_class_of_its_own() -> None:
    assert {f"survey.answered {kind}" for kind in get_args(SurveyKind)} <= set(TYPES)


def test_every_reason_that_input_can_have_has_an_invalid_example() -> None:
    assert {record.reason for record in invalid()} == set(REASONS) - set(NOT_MADE_BY_INPUT)


def test_every_field_of_the_contract_is_in_a_valid_example() -> None:
    shown: set[tuple[type[BaseModel], str]] = set()
    models: set[type[BaseModel]] = set(TYPES.values())
    for record in valid():
        for part in parts(event_in(record)):
            models.add(type(part))
            shown |= {(declared_in(type(part), name), name) for name in part.model_fields_set}
    declared = {(declared_in(model, name), name) for model in models for name in model.model_fields}
    assert {f"{model.__name__}.{name}" for model, name in declared - shown} == set()


def test_moments_keep_the_offset_they_were_told_in() -> None:
    offsets = {event_in(record).occurred_at.utcoffset() for record in valid()}
    assert len(offsets) >= 3
    assert None not in offsets


def test_occurred_ms_is_what_the_offset_makes_of_the_local_time() -> None:
    record = next(record for record in valid() if record.path.stem == "contact.opened.1")
    assert occurred_ms(event_in(record)) == 1_795_417_200_000  # 2026-11-23T07:00:00Z


def parts(value: Any) -> list[BaseModel]:
    """An event and the records in it."""
    if isinstance(value, tuple):
        return [part for entry in value for part in parts(entry)]
    if not isinstance(value, BaseModel):
        return []
    return [value, *(part for name in type(value).model_fields for part in parts(getattr(value, name)))]


def declared_in(model: type[BaseModel], name: str) -> type[BaseModel]:
    """The most general class that has the field: an example of it there stands for all below."""
    return next(base for base in reversed(model.__mro__) if issubclass(base, BaseModel) and name in base.model_fields)
