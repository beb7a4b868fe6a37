"""A ticket is read line by line; what is wrong with it is told by line."""

from typing import Any

import pytest

from deploy.cli.tryout.ticket import TicketError, read_ticket
from schemas.topics import COMPLAINTS, CONTACTS, SURVEYS
from tests.deploy.cli.tryout.tickets import PACK, event, lines, opened


def test_an_event_may_stand_alone_or_with_when_it_arrived() -> None:
    late = {"event": opened("C2"), "record_at": "2026-11-23T13:00:00+01:00"}
    ticket = read_ticket("t", lines(opened("C1", "11:30:00"), "", late))
    assert [(one.record_at, one.key) for one in ticket.arrivals] == [
        (1_795_433_400_000, b"cu1"),
        (1_795_435_200_000, b"cu1"),
    ]


def test_records_come_in_the_order_of_their_arrival_and_those_of_one_moment_in_that_of_the_file() -> None:
    ticket = read_ticket("t", lines(opened("LAST", "12:00:00"), opened("A", "11:00:00"), opened("B", "11:00:00")))
    assert [one.value.decode().partition('"entity_id": ')[2][:6] for one in ticket.arrivals] == [
        '"A", "', '"B", "', '"LAST"',
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("event_type", "topic"),
    [
        ("contact.opened", CONTACTS),
        ("customer.erased", CONTACTS),
        ("complaint.opened", COMPLAINTS),
        ("survey.answered", SURVEYS),
    ],
)
def test_the_type_of_an_event_says_its_topic(event_type: str, topic: str) -> None:
    (arrival,) = read_ticket("t", lines(event(event_type, "E", "10:00:00"))).arrivals
    assert arrival.topic == topic


def test_the_key_is_the_customer_or_the_case_unless_the_line_says_it() -> None:
    anonymous = opened()
    del anonymous["customer"]
    ticket = read_ticket("t", lines(opened(), anonymous, {"event": opened(), "key": "other"}))
    assert [one.key for one in ticket.arrivals] == [b"cu1", b"C1", b"other"]


def test_what_is_no_moment_can_be_tried_when_the_line_says_when_it_arrived() -> None:
    wrong = opened() | {"occurred_at": "yesterday"}
    ticket = read_ticket("t", lines({"event": wrong, "record_at": "2026-11-23T10:00:00Z"}))
    assert b"yesterday" in ticket.arrivals[0].value


def test_rules_expectations_and_what_it_is_about_may_stand_anywhere_between() -> None:
    ticket = read_ticket(
        "t",
        lines(
            {"expected": {"view": "rejected", "reasons": []}, "why": "nothing is wrong"},
            opened(),
            {"case": "B1", "title": "a title", "until": "2026-11-24T00:00:00Z", "anything": ["else"]},
            {"pack": PACK},
            {"settings": {"grace": 0}},
            {"calendar": "calendar_id: c"},
            {"settings": {"disorder": 5}},
        ),
    )
    assert [one.view for one in ticket.expectations] == ["rejected"]
    assert (ticket.about["title"], ticket.until) == ("a title", 1_795_478_400_000)
    assert [(one.line, one.text) for one in ticket.packs] == [(4, PACK)]
    assert [one.line for one in ticket.calendars] == [6]
    assert ticket.settings == {"grace": 0, "disorder": 5}


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("[1", "not JSON: Expecting ',' delimiter"),
        ("3", "not a JSON object"),
        ({"kind": "event"}, "neither an event (it has no event_type) nor a line of a known kind: event, case, "),
        ({"event": 1}, "event must be a JSON object"),
        ({"event": {}}, "event_type None belongs on no topic: it begins with one of contact., customer., complaint., "),
        ({"event_type": "order.opened"}, "event_type 'order.opened' belongs on no topic"),
        ({"event_type": "contact.opened"}, "occurred_at None is no moment of RFC 3339"),
        (
            {"event_type": "contact.opened", "occurred_at": "2026-11-23T10:00:00"},
            "occurred_at '2026-11-23T10:00:00' is no",
        ),
        ({"event": opened(), "record_at": "noon"}, "record_at 'noon' is no moment"),
        ({"event": opened(), "recorded_at": "noon"}, "recorded_at does not belong beside event; key, record_at may"),
        ({"pack": PACK, "why": "so"}, "why does not belong beside pack; nothing may stand there"),
        ({"pack": {"policy_id": "p"}}, "pack must be text: the YAML of it as one JSON string"),
        ({"calendar": 3}, "calendar must be text"),
        ({"settings": []}, "settings must be a JSON object"),
        ({"settings": {"kpi_memry": 1}}, "unknown setting kpi_memry"),
        ({"settings": {"kpi_memory": "long"}}, "settings.kpi_memory: Input should be a valid number"),
        ({"case": "B1", "until": "never"}, "until 'never' is no moment"),
        ({"expected": [{"view": "clok"}]}, "expected: Input tag 'clok'"),
    ],
)
def test_a_mistake_is_told_by_its_line(line: Any, says: str) -> None:
    with pytest.raises(TicketError) as caught:
        read_ticket("file.jsonl", lines(opened(), "", line))
    assert str(caught.value).startswith(f"file.jsonl:3: {says}")


def test_a_file_without_an_event_is_no_ticket() -> None:
    with pytest.raises(TicketError, match=r"^t:1: no event in it: give one JSON object a line"):
        read_ticket("t", lines({"pack": PACK}))
