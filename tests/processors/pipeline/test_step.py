"""`step`: every record is accepted, duplicate or rejected; nothing stops a batch; what is odd is said."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.cases.case import Case, apply_event
from processors.cases.conversion import case_event
from processors.cases.events import CaseKey
from processors.pipeline import step
from processors.pipeline.folding import evaluated
from processors.pipeline.rows import event_row
from processors.state.partition import PartitionState
from schemas.events.decoding import decode
from schemas.events.envelope import Event
from schemas.events.warning_fields import fields_of
from schemas.observations import Observations
from schemas.taxonomy import WARNINGS
from schemas.topics import CONTACTS
from tests.laws.journeys import logs
from tests.processors.feed import DAY, HOUR, MINUTE, SECOND, FakeRecord, Feed, Happening, event, recovered, rules
from tests.processors.views import Views, differences
from tests.schemas.events import examples

RULES = rules()
CALL: dict[str, Any] = {"direction": "inbound", "channel": "phone"}
HUMAN = {"kind": "human"}


def outcomes(state: PartitionState) -> dict[str, int]:
    read, accepted, late, duplicate, rejected, _ = map(
        sum, zip(*(progress.counts() for progress in state.progress.values()), strict=True)
    )
    return {"read": read, "accepted": accepted, "late": late, "duplicate": duplicate, "rejected": rejected}


# Every example of the contract


def fed(record: examples.Record, times: int) -> Feed:
    feed = Feed(RULES)
    for offset in range(times):
        feed.take(record.topic, [FakeRecord(record.topic, 0, offset, record.timestamp, record.key, record.value)])
    return feed


@pytest.mark.parametrize("example", examples.valid(), ids=str)
def test_a_valid_example_is_accepted_and_twice_is_once(example: examples.Record) -> None:
    once, twice = fed(example, 1), fed(example, 2)
    assert outcomes(once.state) == {"read": 1, "accepted": 1, "late": 0, "duplicate": 0, "rejected": 0}
    assert outcomes(twice.state) == {"read": 2, "accepted": 1, "late": 0, "duplicate": 1, "rejected": 0}
    views = []
    for feed in (once, twice):
        shown = Views()
        shown.insert(feed.checkpoint())
        views.append(shown)
    assert differences(*views) == []
    assert views[0].table("feedback_events") == views[1].table("feedback_events")
    (row,) = views[0].table("feedback_events")
    if row["event_type"] == "customer.erased":
        assert (row["customer_id"], row["payload"]) == ("", "")
    else:
        assert json.loads(row["payload"])["event_id"] == row["event_id"]


@pytest.mark.parametrize("example", examples.invalid(), ids=str)
def test_an_invalid_example_is_rejected_for_its_reason_each_time(example: examples.Record) -> None:
    feed = fed(example, 2)
    rejected = feed.state.pending.rejected
    assert outcomes(feed.state) == {"read": 2, "accepted": 0, "late": 0, "duplicate": 0, "rejected": 2}
    assert {(record.row.reason, record.row.field) for record in rejected} == {(example.reason, example.field)}
    assert {record.value for record in rejected} == {example.value}, "the original bytes go along"
    assert feed.state.cases == {}


@given(st.lists(st.sampled_from([*examples.valid(), *examples.invalid()]), max_size=40))
def test_read_is_accepted_and_duplicate_and_rejected(records: list[examples.Record]) -> None:
    feed = Feed(RULES)
    for offset, record in enumerate(records):
        feed.take(record.topic, [FakeRecord(record.topic, 0, offset, record.timestamp, record.key, record.value)])
    if not records:
        return
    found = outcomes(feed.state)
    assert found["read"] == len(records) == found["accepted"] + found["duplicate"] + found["rejected"]
    assert found["accepted"] == len({id(record) for record in records if not record.reason})
    assert found["accepted"] == len(feed.state.pending.events)
    assert found["rejected"] == len(feed.state.pending.rejected)


# Duplicates


def opened(at: int = 0, entity_id: str = "C1", **fields: Any) -> Happening:
    return event("contact.opened", entity_id, at, **{**CALL, **fields})


def test_the_same_id_from_another_source_is_another_event() -> None:
    feed = Feed(RULES)
    feed.feed(opened(event_id="1"), opened(event_id="1", source="pbx"))
    assert outcomes(feed.state)["accepted"] == 2


def test_a_case_knows_its_own_events_when_the_partition_has_forgotten_their_ids() -> None:
    feed = Feed(rules(dedup_max_ids=4))
    first = opened()
    feed.feed(first, *(opened(number, f"X{number}") for number in range(1, 10)))
    feed.checkpoint()
    for state in (feed.state, recovered(feed.messages, feed.rules)):
        feed.state = state
        assert feed.feed(first).counts["events", CONTACTS, "contact.opened", "crm", "duplicate"] == 1
        assert len(state.cases[CONTACTS, "crm", "C1"].events) == 1


# Our own errors


class PoisonError(Exception):
    pass


def poisoned_stage(monkeypatch: pytest.MonkeyPatch, stage: str) -> None:
    """Let one stage fail whenever it meets the event or the case that is called poison."""
    if stage == "facts":

        def failing_facts(each: Any, *rest: Any) -> Any:
            if each.event_id == "poison":
                raise PoisonError
            return case_event(each, *rest)

        monkeypatch.setattr("processors.pipeline.step.case_event", failing_facts)
    elif stage == "fold":

        def failing_fold(case: Case, each: Any, book: Any) -> Any:
            result = apply_event(case, each, book)
            if each.event_id == "poison":
                case.events.remove(each)
                raise PoisonError
            return result

        monkeypatch.setattr("processors.pipeline.folding.apply_event", failing_fold)
    elif stage == "row":

        def failing_row(each: Any, *rest: Any, **named: Any) -> Any:
            if each.event_id == "poison":
                raise PoisonError
            return event_row(each, *rest, **named)

        monkeypatch.setattr("processors.pipeline.step.event_row", failing_row)
    else:

        def failing_evaluation(state: PartitionState, case: Case) -> Any:
            if case.events_of("poison"):
                raise PoisonError
            return evaluated(state, case)

        for module in ("folding", "deadlines", "recovery"):
            monkeypatch.setattr(f"processors.pipeline.{module}.evaluated", failing_evaluation)


N1_TO_N2: dict[str, Any] = {"from": "n1", "to": "n2"}
N2_TO_N1: dict[str, Any] = {"from": "n2", "to": "n1"}
STAGES = ["facts", "fold", "row", "evaluation"]


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("poison_at", [0, 2, 1], ids=["first of its case", "last of its case", "before the last"])
def test_an_error_of_ours_rejects_the_record_and_leaves_its_case_as_it_was(
    monkeypatch: pytest.MonkeyPatch, stage: str, poison_at: int
) -> None:
    log = [
        opened(),
        event("contact.transferred", "C1", 2 * SECOND, **N1_TO_N2),
        opened(9 * SECOND, "C2"),
        event("contact.transferred", "C1", 10 * SECOND, **N2_TO_N1),
        event("contact.resolved", "C1", 20 * SECOND, resolution="solved", talk_seconds=9),
    ]
    at = {0: -1, 1: 1, 2: 5}[poison_at] * SECOND
    poison = event("contact.queued", "C1", at, queue="q", channel="phone", event_id="poison", arrives=5 * SECOND)
    position = 0 if poison_at == 0 else 2
    poisoned, clean = Feed(RULES), Feed(RULES)
    poisoned_stage(monkeypatch, stage)
    for feed, happenings in ((poisoned, [*log[:position], poison, *log[position:]]), (clean, log)):
        outputs = feed.feed(*happenings)
        if feed is poisoned:
            assert outputs.counts["processing_errors", CONTACTS] == 1
    assert outcomes(poisoned.state) == {"read": 6, "accepted": 5, "late": 0, "duplicate": 0, "rejected": 1}
    (refused,) = poisoned.state.pending.rejected
    assert (refused.row.reason, refused.row.event_id) == ("processing_error", "poison")
    assert states_of(poisoned.state) == states_of(clean.state)
    views = []
    for feed in (poisoned, clean):
        feed.until(DAY)
        shown = Views()
        shown.insert(feed.checkpoint())
        views.append(shown)
    assert differences(*views) == []
    assert [row["event_id"] for row in views[0].table("feedback_events")] == [
        row["event_id"] for row in views[1].table("feedback_events")
    ]


def states_of(state: PartitionState) -> dict[CaseKey, tuple[Any, ...]]:
    return {key: (case.events, case.fold.state, case.evaluation) for key, case in state.cases.items()}


def test_what_was_rejected_for_an_error_of_ours_is_accepted_when_it_comes_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    feed = Feed(RULES)
    with monkeypatch.context() as broken:
        poisoned_stage(broken, "evaluation")
        feed.feed(opened(event_id="poison", channel="email"))
    feed.feed(opened(event_id="poison", channel="email"))
    assert outcomes(feed.state) == {"read": 2, "accepted": 1, "late": 0, "duplicate": 0, "rejected": 1}


def test_an_error_of_ours_at_a_deadline_holds_up_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    feed = Feed(RULES)
    feed.feed(opened(event_id="poison", priority="urgent"), opened(entity_id="C2", priority="urgent"))
    poisoned_stage(monkeypatch, "evaluation")
    outputs = feed.until(5 * HOUR)
    assert outputs.counts["isolated_errors", "deadline"] >= 1
    assert [row.entity_id for row, _ in outputs.incidents if row.pattern == "P02"] == ["C2"]
    feed.checkpoint()
    again = recovered(feed.messages, RULES)
    assert len(again.cases) == 2, "it opens again all the same"


@given(logs(), st.lists(st.tuples(st.integers(0, 60), st.binary(max_size=80)), max_size=8))
def test_poison_never_stops_what_is_around_it(log: list[Happening], poison: list[tuple[int, bytes]]) -> None:
    clean, poisoned = Feed(RULES), Feed(RULES)
    for number, happening in enumerate(log):
        clean.feed(happening)
        for at, value in poison:
            if at == number:
                poisoned.raw(happening.topic, value, record_at=happening.record_at)
        poisoned.feed(happening)
    shown = []
    for feed in (clean, poisoned):
        feed.until(40 * DAY)
        views = Views()
        views.insert(feed.checkpoint())
        shown.append(views)
    assert differences(*shown) == []


def test_a_record_without_value_is_rejected_as_no_json() -> None:
    feed = Feed(RULES)
    feed.raw(CONTACTS, None)
    assert [record.row.reason for record in feed.state.pending.rejected] == ["not_json"]


def test_one_record_can_be_rejected_unseen() -> None:
    feed = Feed(RULES)
    record = feed.append(opened())
    outputs: Observations = step.reject(feed.state, CONTACTS, record, "processing_error", "three attempts")
    assert outcomes(feed.state)["rejected"] == 1
    assert outputs.counts["rejections", CONTACTS, "processing_error"] == 1


# What is odd

ODD: list[tuple[str, list[Happening], str | None]] = [
    ("nothing", [opened(seq=0), event("contact.queued", "C1", SECOND, queue="q", seq=1)], None),
    ("a source that is not registered", [opened(source="excel")], "unknown_source"),
    ("a category that is not ours", [opened(category="zorbing")], "unknown_taxonomy"),
    ("a category that is", [opened(category="facturacion")], None),
    ("a field nobody knows", [opened(colour="red")], "unknown_field"),
    ("published before it happened", [opened(MINUTE, published_at="2025-11-23T23:00:00Z")], "clock_skew"),
    ("a number left out", [opened(seq=0), event("contact.queued", "C1", SECOND, queue="q", seq=2)], "seq_gap"),
    ("no numbers at all", [opened(), event("contact.queued", "C1", SECOND, queue="q", seq=2)], None),
    ("an event from before", [opened(), event("contact.queued", "C1", -SECOND, queue="q", arrives=1)], "out_of_order"),
    ("nobody opened it", [event("contact.queued", "C1", 0, queue="q")], "missing_open"),
    ("nobody opened it, and it is resolved", [event("contact.resolved", "C1", 0)], "impossible_transition"),
    ("opened twice", [opened(), opened(SECOND)], "repeated"),
    ("resolved before it was opened", [event("contact.resolved", "C1", 0), opened(SECOND)], "impossible_transition"),
    (
        "a wait of 30 s that the source calls 24.9 s",
        [opened(), event("contact.answered", "C1", 30 * SECOND, actor=HUMAN, wait_seconds=24.9)],
        "self_reported_duration_differs",
    ),
    (
        "a wait of 30 s that the source calls 25 s",
        [opened(), event("contact.answered", "C1", 30 * SECOND, actor=HUMAN, wait_seconds=25)],
        None,
    ),
    ("a survey that nobody invited", [event("survey.answered", "S1", 0, kind="nps", mode="sms", score=9)], None),
]


@pytest.mark.parametrize(("name", "log", "warning"), ODD, ids=[case[0] for case in ODD])
def test_what_is_odd_is_accepted_and_said(name: str, log: list[Happening], warning: str | None) -> None:
    feed = Feed(rules(sources=("crm",)))
    outputs = feed.feed(*log)
    said = {warning for row in feed.state.pending.events for warning in row.warnings}
    assert outcomes(feed.state)["accepted"] == len(log)
    if warning is None:
        assert said == set(), name
    else:
        assert warning in said, name
        source = log[-1].event["source"]
        assert outputs.counts["event_warnings", log[0].topic, source, warning] >= 1


NAMED_OTHERWISE: dict[str, Any] = {"Mail of ana@example.com": 1}
MERGED = event("contact.merged", "C1", MINUTE, into="Z", event_id="m")
FIELDS: list[tuple[str, list[Happening], str, str]] = [
    ("a source", [opened(source="excel")], "unknown_source", "source"),
    ("a category", [opened(category="zorbing")], "unknown_taxonomy", "category"),
    ("a category by the name that its source has for it", [opened(category_raw="zorbing")], "unknown_taxonomy",
     "category_raw"),
    ("an unknown field", [opened(colour="red")], "unknown_field", "colour"),
    ("an unknown field within another", [opened(cause={"code": "x", "depth": 3})], "unknown_field", "cause.depth"),
    ("an unknown field that is named as none is", [opened(**NAMED_OTHERWISE)], "unknown_field", "*"),
    ("a number left out", [opened(seq=0), event("contact.queued", "C1", SECOND, queue="q", seq=2)], "seq_gap", "seq"),
    ("a name with personal data", [opened(product="ana@example.com")], "personal_data_masked", "product"),
    ("one within the cause", [opened(cause={"code": "4111111111111111"})], "personal_data_masked", "cause.code"),
    ("a merge into nowhere", [opened(), MERGED], "dangling_reference", "into"),
    ("a correction of nothing", [opened(), event("contact.corrected", "C1", 1, corrects_event_id="e", values={})],
     "dangling_reference", "corrects_event_id"),
    ("a withdrawal of nothing", [opened(), event("contact.voided", "C1", 1, voids_event_id="e")],
     "dangling_reference", "voids_event_id"),
    ("told twice", [opened(), opened(SECOND)], "repeated", "event_type"),
    ("an id that is used again", [opened(event_id="e"), event("contact.queued", "C1", 1, queue="q", event_id="e")],
     "id_reused", "event_id"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "log", "warning", "field"), FIELDS, ids=[case[0] for case in FIELDS])
def test_each_warning_names_the_field_that_it_is_about(
    name: str, log: list[Happening], warning: str, field: str
) -> None:
    feed = Feed(rules(sources=("crm",)))
    feed.feed(*log)
    row = feed.state.pending.events[-1]
    assert (warning, field) in [*zip(row.warnings, row.warning_fields, strict=True)], name


def test_a_survey_that_names_what_never_came_is_told_by_its_links() -> None:
    feed, views = Feed(RULES), Views()
    feed.feed(event("survey.answered", "S1", 0, kind="nps", mode="sms", score=9, links={"contact_id": "C9"}))
    feed.until(HOUR)
    views.insert(feed.checkpoint())
    (row,) = views.table("feedback_events")
    assert (row["warnings"], row["warning_fields"]) == (("dangling_reference",), ("links",))


def test_every_warning_has_a_field() -> None:
    told = decode(CONTACTS, json.dumps(opened(colour="red").event).encode())
    assert isinstance(told, Event)
    assert all(fields_of(WARNINGS, told, masked="product"))


def test_personal_data_leaves_no_sink() -> None:
    feed = Feed(RULES)
    feed.feed(opened(text="Escribid a ana.garcia@example.com", subject="IBAN ES9121000418450200051332"))
    (row,) = feed.state.pending.events
    assert "ana.garcia" not in row.payload
    assert "ES91" not in row.payload


# Time and nothing else


def test_a_timer_on_an_empty_state_changes_nothing() -> None:
    feed = Feed(RULES)
    feed.checkpoint()
    feed.until(DAY)
    assert not feed.state.changed
