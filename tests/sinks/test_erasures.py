"""Whatever is stored is masked where it names somebody who was erased, and nowhere else."""

from typing import Any

import msgspec

from schemas.erasure import customer_hash
from schemas.outputs import COLUMNS, RowBatch
from sinks.clickhouse import InsertBlock
from sinks.erasures import Erasures
from sinks.refusals import empty_row

ERASED_AT = 5_000


def block(table: str, *rows: dict[str, Any]) -> InsertBlock:
    columns = COLUMNS[table]
    values = [tuple((dict(zip(columns, empty_row(table, columns), strict=True)) | row).values()) for row in rows]
    made = InsertBlock(table, columns)
    made.add(RowBatch(table, columns, 1, 2, 3, msgspec.Raw(msgspec.msgpack.encode(values))))
    return made


def after_erasing_a() -> Erasures:
    erasures = Erasures()
    erasures.learn_from(block("erasures", {"customer": customer_hash("a"), "erased_at": ERASED_AT}))
    return erasures


def test_events_of_an_erased_customer_lose_who_and_what_and_others_stay() -> None:
    events = block(
        "feedback_events",
        {"customer_id": "a", "occurred_at": 5_000, "payload": "{}", "entity_id": "a"},
        {"customer_id": "a", "occurred_at": 5_001, "payload": "{}", "entity_id": "C2"},
        {"customer_id": "a|b", "occurred_at": 1, "payload": "{}", "entity_id": "C3"},
    )
    token = events.token

    after_erasing_a().mask(events)

    assert events.column("customer_id") == ["", "a", "a|b"]
    assert events.column("payload") == ["", "{}", "{}"]
    assert events.column("entity_id") == ["", "C2", "C3"]
    assert events.column("erased") == [1, 0, 0]
    assert events.token != token, "they are other rows"


def test_events_that_name_nobody_are_masked_with_the_case_that_turned_out_to_be_theirs() -> None:
    erasures = after_erasing_a()
    case = {"topic": "contact-events", "source": "crm", "entity_id": "C1"}
    erasures.learn_from(block("cases", case | {"erased": 1}, case | {"entity_id": "C2"}))
    events = block("feedback_events", case | {"payload": "{}"}, case | {"entity_id": "C2", "payload": "{}"})

    erasures.mask(events)

    assert events.column("payload") == ["", "{}"]
    assert events.column("erased") == [1, 0]


def test_only_the_subject_of_the_customer_is_masked() -> None:
    incidents = block(
        "incidents",
        {"customer_id": "a", "subject": "a|billing"},
        {"customer_id": "a", "subject": "a"},
        {"customer_id": "a|b", "subject": "a|b|billing"},
        {"customer_id": "a", "subject": "contact-events:crm:C1"},
    )

    after_erasing_a().mask(incidents)

    assert incidents.column("subject") == ["|billing", "", "a|b|billing", "contact-events:crm:C1"]
    assert incidents.column("customer_id") == ["", "", "a|b", ""]


def test_cases_and_clocks_are_marked_and_what_a_rejection_quotes_is_blanked() -> None:
    cases = block("cases", {"customer_id": "a", "last_event_at": 10}, {"customer_id": "a", "last_event_at": 9_000})
    clocks = block("sla_clocks", {"customer_id": "a", "started_at": 10})
    rejected = block("rejected_events", {"got": "a"}, {"got": "abc"})

    for each in (cases, clocks, rejected):
        after_erasing_a().mask(each)

    assert (cases.column("customer_id"), cases.column("erased")) == (["", "a"], [1, 0])
    assert (clocks.column("customer_id"), clocks.column("erased")) == ([""], [1])
    assert rejected.column("got") == ["", "abc"]


def test_nothing_is_touched_while_nobody_was_erased_and_a_second_look_changes_no_token() -> None:
    events = block("feedback_events", {"customer_id": "a", "payload": "{}"})
    token = events.token
    Erasures().mask(events)
    assert events.token == token

    after_erasing_a().mask(events)
    token = events.token
    after_erasing_a().mask(events)
    assert events.token == token


def test_values_that_are_no_text_are_left_to_the_database_to_refuse() -> None:
    events = block(
        "feedback_events", {"customer_id": ["a"], "occurred_at": "x"}, {"customer_id": "a", "occurred_at": 1}
    )

    after_erasing_a().mask(events)

    assert events.column("customer_id") == [["a"], ""]
