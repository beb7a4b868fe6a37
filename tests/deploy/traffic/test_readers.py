"""Real logs become events that tell the same story."""

import csv
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deploy.traffic.messages import rfc3339
from deploy.traffic.readers import SAMPLES, LogError, cfpb, servicenow
from schemas.events.decoding import warnings_of
from schemas.events.envelope import Event
from schemas.outputs import Rejection
from tests.deploy.traffic.published import bodies, by_entity, judged


@pytest.mark.parametrize("log", [servicenow, cfpb])
def test_every_message_of_a_real_log_is_accepted_with_its_own_time_and_without_warning(log: Any) -> None:
    messages = list(log())
    events = [judged(message) for message in messages]
    assert [event for event in events if isinstance(event, Rejection)] == []
    assert {warning for event in events if isinstance(event, Event) for warning in warnings_of(event)} == set()
    assert [rfc3339(message.timestamp_ms) for message in messages] == [body["occurred_at"] for body in bodies(messages)]
    assert [message.timestamp_ms for message in messages] == sorted(message.timestamp_ms for message in messages)


@pytest.mark.parametrize("log", [servicenow, cfpb])
def test_reading_a_log_twice_gives_the_same_bytes(log: Any) -> None:
    assert list(log()) == list(log())


@pytest.mark.parametrize("log", [servicenow, cfpb])
def test_events_of_a_case_are_in_the_order_of_seq_and_share_a_key(log: Any) -> None:
    messages = list(log())
    assert len({body["event_id"] for body in bodies(messages)}) == len(messages)
    for events in by_entity(messages).values():
        assert [event["seq"] for event in events] == list(range(len(events)))
        assert events[0]["event_type"].endswith(".opened")
    keys = defaultdict(set)
    for message, body in zip(messages, bodies(messages), strict=True):
        keys[body["entity_id"]].add(message.key)
    assert all(len(found) == 1 for found in keys.values())


def last_updates() -> dict[str, dict[str, str]]:
    """What the log itself says last of each incident."""
    with (SAMPLES / "servicenow_incidents.csv").open(newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: (minute(row["sys_updated_at"]), int(row["sys_mod_count"])))
    return {row["number"]: row for row in rows}


def minute(text: str) -> datetime:
    day, month, year, hour, minutes = int(text[:2]), int(text[3:5]), int(text[6:10]), int(text[11:13]), int(text[14:16])
    return datetime(year, month, day, hour, minutes, tzinfo=UTC)


def test_every_incident_ends_in_the_state_that_the_log_has_last() -> None:
    states = {
        "contact.opened": "New", "contact.resumed": "Active", "contact.reopened": "Active",
        "contact.waiting_customer": "Awaiting User Info", "contact.resolved": "Resolved", "contact.closed": "Closed",
    }  # fmt: skip
    incidents = by_entity(servicenow())
    ended = {
        number: [states[event["event_type"]] for event in events if event["event_type"] in states][-1]
        for number, events in incidents.items()
    }
    assert ended == {number: row["incident_state"] for number, row in last_updates().items()}


def test_every_incident_is_reassigned_and_reopened_as_often_as_the_log_counts() -> None:
    counted = {
        number: (int(row["reassignment_count"]), int(row["reopen_count"])) for number, row in last_updates().items()
    }
    found = {}
    for number, events in by_entity(servicenow()).items():
        kinds = Counter(event["event_type"] for event in events)
        found[number] = (kinds["contact.transferred"], kinds["contact.reopened"])
    assert found == counted
    assert sum(transfers for transfers, _ in found.values()) == 449
    assert sum(reopened for _, reopened in found.values()) == 5


def test_every_incident_opens_and_is_last_resolved_when_the_log_says() -> None:
    incidents = by_entity(servicenow())
    resaved = []
    for number, row in last_updates().items():
        events = incidents[number]
        assert events[0]["occurred_at"] == rfc3339(round(minute(row["opened_at"]).timestamp()) * 1000)
        resolved = [event["occurred_at"] for event in events if event["event_type"] == "contact.resolved"][-1]
        if row["resolved_at"] != "?" and resolved != rfc3339(round(minute(row["resolved_at"]).timestamp()) * 1000):
            resaved.append(number)
    # Saved again as resolved later: the log moves resolved_at, the first time is when it became so.
    assert len(resaved) == 6


def test_waiting_ends_by_resuming_or_by_resolution() -> None:
    for events in by_entity(servicenow()).values():
        waiting = False
        for event in events:
            kind = event["event_type"]
            if kind.startswith("contact.waiting"):
                waiting = True
            elif kind == "contact.resumed":
                assert waiting
                waiting = False
            elif kind == "contact.resolved":
                waiting = False
            elif kind == "contact.closed":
                assert not waiting


def incident(tmp_path: Path, *updates: dict[str, str]) -> list[dict[str, Any]]:
    """The events of one incident with these updates, each of them a change to the one before."""
    row = dict.fromkeys(next(iter(last_updates().values())), "?") | {
        "number": "INC1", "incident_state": "New", "priority": "3 - Moderate", "caller_id": "Caller 1",
        "category": "Category 1", "reassignment_count": "0", "reopen_count": "0", "opened_at": "01-03-2016 10:00",
        "assignment_group": "Group 1",
    }  # fmt: skip
    path = tmp_path / "log.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, row)
        writer.writeheader()
        for number, update in enumerate(updates):
            row |= {"sys_updated_at": f"01-03-2016 10:{number:02}", "sys_mod_count": str(number)} | update
            writer.writerow(row)
    return bodies(servicenow(path))


def test_a_jump_of_the_reassignment_count_is_as_many_transfers_through_unknown_groups(tmp_path: Path) -> None:
    events = incident(tmp_path, {}, {"reassignment_count": "3", "assignment_group": "Group 2"})
    assert [(event["from"], event["to"]) for event in events if event["event_type"] == "contact.transferred"] == [
        ("group-1", "unknown"), ("unknown", "unknown"), ("unknown", "group-2"),
    ]  # fmt: skip


def test_an_update_says_what_changed_and_then_the_state(tmp_path: Path) -> None:
    events = incident(
        tmp_path,
        {"assigned_to": "Resolver 7"},
        {"incident_state": "Awaiting Vendor", "priority": "1 - Critical"},
        {"incident_state": "Active", "assigned_to": "Resolver 8"},
        {"incident_state": "Resolved"},
        {"incident_state": "Active", "reopen_count": "1"},
    )
    assert [event["event_type"].removeprefix("contact.") for event in events] == [
        "opened", "assigned", "priority_changed", "waiting_third_party", "assigned", "resumed", "resolved", "reopened",
    ]  # fmt: skip
    assert (events[2]["from"], events[2]["to"]) == ("normal", "urgent")
    assert [event["owner"] for event in events if "owner" in event] == ["resolver-7", "resolver-8"]


def test_an_update_before_the_opening_is_taken_at_the_opening(tmp_path: Path) -> None:
    events = incident(tmp_path, {"sys_updated_at": "01-03-2016 09:00", "assigned_to": "Resolver 7"})
    assert [event["occurred_at"] for event in events] == ["2016-03-01T10:00:00Z"] * 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read"),
        ("a,b\n1,2\n", "no column"),
    ],
)
def test_a_log_that_is_none_is_said_in_one_line(tmp_path: Path, content: str | None, said: str) -> None:
    path = tmp_path / "log.csv"
    if content is not None:
        path.write_text(content)
    for log in (servicenow, cfpb):
        with pytest.raises(LogError, match=said) as error:
            list(log(path))
        assert "\n" not in str(error.value)


def test_a_bad_time_in_a_log_is_said_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(LogError, match="INC1: sys_updated_at '2016-03-01'"):
        incident(tmp_path, {"sys_updated_at": "2016-03-01"})


def test_every_consumer_complaint_is_opened_sent_on_and_ends_as_the_company_answered() -> None:
    with (SAMPLES / "cfpb_complaints.csv").open(newline="") as file:
        rows = {f"cfpb-{row['complaint_id']}": row for row in csv.DictReader(file)}
    outcomes = {
        "Closed with monetary relief": "upheld", "Closed with non-monetary relief": "partly_upheld",
        "Closed with explanation": "rejected", "Closed": "rejected",
    }  # fmt: skip
    complaints = by_entity(cfpb())
    assert complaints.keys() == rows.keys()
    for number, row in rows.items():
        opened, sent, *rest = complaints[number]
        assert opened["occurred_at"] == f"{row['date_received']}T00:00:00Z"
        assert sent["event_type"] == "complaint.forwarded_external"
        assert sent["to"] == row["company"]
        assert sent["occurred_at"][:10] == row["date_sent_to_company"]
        assert [event["outcome"] for event in rest if event["event_type"] == "complaint.resolved"] == [
            outcomes[answer] for answer in (row["company_response_to_consumer"],) if answer in outcomes
        ]
        assert ("complaint.appealed" in {event["event_type"] for event in rest}) == (row["consumer_disputed"] == "Yes")
    assert min(opened["occurred_at"] for opened, *_ in complaints.values()) == "2012-05-17T00:00:00Z"


def test_a_response_is_dated_so_that_the_timely_flag_of_the_log_holds() -> None:
    with (SAMPLES / "cfpb_complaints.csv").open(newline="") as file:
        timely = {f"cfpb-{row['complaint_id']}": row["timely_response"] == "true" for row in csv.DictReader(file)}
    for number, (_, sent, *rest) in by_entity(cfpb()).items():
        for event in rest:
            taken = datetime.fromisoformat(event["occurred_at"]) - datetime.fromisoformat(sent["occurred_at"])
            assert (taken <= timedelta(days=15)) == timely[number]
