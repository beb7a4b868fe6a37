"""Real logs become events that tell the same story; generated traffic is valid, repeatable and as its scenario says."""

import csv
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from deploy.traffic.messages import Message, rfc3339, shifted
from deploy.traffic.publish import PublishError, publish
from deploy.traffic.readers import SAMPLES, LogError, cfpb, servicenow
from deploy.traffic.scenarios import DEMO, SCENARIOS, STEADY, STORM_LOG, Scenario, Window, journeys
from processors.enrichment.redaction import redact_event
from schemas.events.decoding import admit, decode, occurred_ms, payload, warnings_of
from schemas.events.envelope import Event
from schemas.outputs import Rejection
from schemas.topics import COMPLAINTS, CONTACTS, INPUTS, SURVEYS

START = datetime(2026, 11, 16, tzinfo=UTC)
CLEAN = replace(DEMO, duplicates=0, late=0, malformed=0)


def judged(message: Message) -> Event | Rejection:
    event = decode(message.topic, message.value)
    if isinstance(event, Rejection):
        return event
    return admit(event, occurred_ms(event), message.key.encode(), message.timestamp_ms) or event


def bodies(messages: Iterable[Message]) -> list[dict[str, Any]]:
    return [msgspec.json.decode(message.value) for message in messages]


def by_entity(messages: Iterable[Message]) -> dict[str, list[dict[str, Any]]]:
    entities: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for body in bodies(messages):
        entities[body["entity_id"]].append(body)
    return entities


# Real logs


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


# Generated traffic


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
def test_the_same_seed_and_start_give_the_same_bytes(scenario: Scenario) -> None:
    first = list(journeys(scenario, 7, START, limit=2000))
    assert first == list(journeys(scenario, 7, START, limit=2000))
    assert list(islice(journeys(scenario, 7, START), 500)) == list(islice(journeys(scenario, 7, START), 500))
    assert first != list(journeys(scenario, 8, START, limit=2000))
    assert not {m.value for m in first} & {m.value for m in journeys(scenario, 7, START + timedelta(1), limit=2000)}


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
def test_messages_come_in_order_of_arrival_and_reach_all_topics(scenario: Scenario) -> None:
    messages = list(journeys(scenario, 7, START, limit=20_000, rate=1))
    assert len(messages) == 20_000
    assert {message.topic for message in messages} == set(INPUTS)
    assert all(before.timestamp_ms <= after.timestamp_ms for before, after in pairwise(messages))
    assert messages[0].timestamp_ms >= START.timestamp() * 1000


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
def test_without_faults_every_generated_message_is_a_valid_event_once(scenario: Scenario) -> None:
    messages = list(journeys(replace(scenario, duplicates=0, late=0, malformed=0), 3, START, limit=8000, rate=0.2))
    events = [judged(message) for message in messages]
    assert [event for event in events if isinstance(event, Rejection)] == []
    assert len({event.event_id for event in events if isinstance(event, Event)}) == len(messages)
    assert all(warnings_of(event) == () for event in events if isinstance(event, Event))


def test_faults_come_in_the_shares_of_the_scenario() -> None:
    messages = list(journeys(STORM_LOG, 7, START, limit=30_000))
    rejected = Counter(verdict.reason for verdict in map(judged, messages) if isinstance(verdict, Rejection))
    ids = Counter(body_id(message) for message in messages if isinstance(judged(message), Event))
    late = 0
    newest: dict[str, int] = dict.fromkeys(INPUTS, 0)
    for message in messages:
        verdict = judged(message)
        if isinstance(verdict, Event):
            late += newest[message.topic] - verdict.occurred_at.timestamp() * 1000 > 60_000
        newest[message.topic] = max(newest[message.topic], message.timestamp_ms)
    of_events = len(messages) / (1 + STORM_LOG.duplicates + STORM_LOG.malformed)
    assert sum(rejected.values()) / of_events == pytest.approx(STORM_LOG.malformed, rel=0.15)
    assert sum(count - 1 for count in ids.values()) / of_events == pytest.approx(STORM_LOG.duplicates, rel=0.15)
    assert late / of_events > 0.8 * STORM_LOG.late
    assert set(rejected) >= {
        "not_json", "not_utf8", "missing_field", "wrong_type", "bad_enum", "bad_timestamp", "naive_timestamp",
        "too_old", "future_timestamp", "schema_unsupported", "topic_mismatch", "key_mismatch", "pii_in_id",
    }  # fmt: skip


def body_id(message: Message) -> str:
    event = decode(message.topic, message.value)
    assert isinstance(event, Event)
    return event.event_id


def test_a_customer_has_one_key_and_an_anonymous_case_its_own() -> None:
    for message, body in zip(keyed := list(islice(journeys(CLEAN, 7, START), 8000)), bodies(keyed), strict=True):
        customer = body.get("customer")
        assert message.key == body["entity_id"] or (customer and message.key == customer["id"])


def test_cases_go_forward_in_time_and_begin_with_their_opening() -> None:
    for topic, first in ((CONTACTS, "contact.opened"), (COMPLAINTS, "complaint.opened")):
        messages = [message for message in journeys(CLEAN, 7, START, limit=20_000) if message.topic == topic]
        for events in by_entity(messages).values():
            assert events[0]["event_type"] == first
            assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
            moments = [datetime.fromisoformat(event["occurred_at"]) for event in events]
            assert moments == sorted(moments)


def test_journeys_have_what_the_patterns_look_for() -> None:
    messages = list(journeys(CLEAN, 7, START, limit=40_000))
    entities = by_entity(messages)
    paths = [
        [event["to"] for event in events if event["event_type"] == "contact.transferred"]
        for events in entities.values()
    ]
    contacts = Counter(
        (event["customer"]["id"], event["product"])
        for event in bodies(messages)
        if event["event_type"] == "contact.opened" and "customer" in event
    )
    kinds = {event["kind"] for event in bodies(messages) if event["event_type"] == "survey.answered"}
    found = {event["event_type"] for event in bodies(messages)}
    assert any(len(path) >= 3 for path in paths), "ping-pong"
    assert any(count >= 3 for count in contacts.values()), "repeat contact"
    assert kinds == {"csat", "nps", "ces", "mystery_shopper", "floor_walk"}
    assert found >= {
        "contact.abandoned", "contact.reopened", "contact.human_requested", "contact.priority_changed",
        "contact.outcome", "contact.identified", "complaint.acknowledged", "complaint.cause_set", "complaint.appealed",
        "complaint.customer_lost", "survey.expired", "survey.followup_closed",
    }  # fmt: skip
    assert {event["language"] for event in bodies(messages)} == {"es", "en"}


def test_unhappy_surveys_follow_long_waits() -> None:
    messages = list(journeys(replace(CLEAN, burst=Window(0, 12 * 3600)), 7, START, limit=40_000))
    waits = {
        event["entity_id"]: event["wait_seconds"]
        for event in bodies(messages)
        if event["event_type"] == "contact.answered" and event["source"] == "telephony"
    }
    scores: dict[bool, list[int]] = {True: [], False: []}
    for event in bodies(messages):
        about = event.get("links", {}).get("contact_id")
        if event["event_type"] == "survey.answered" and event["kind"] == "csat" and about in waits:
            scores[waits[about] > 60].append(event["score"])
    assert sum(scores[True]) / len(scores[True]) < sum(scores[False]) / len(scores[False]) - 0.3


def test_generated_personal_data_is_redacted_and_there_is_some() -> None:
    redacted = Counter[str]()
    for message in journeys(replace(CLEAN, personal=1.0), 7, START, limit=3000):
        event = judged(message)
        assert isinstance(event, Event)
        text = redact_event(event).text
        if text:
            redacted.update(mask for mask in ("[email]", "[phone]", "[iban]", "[dni]", "[card]") if mask in text)
            assert "[" in text, text
            assert "@" not in payload(redact_event(event))
    assert set(redacted) == {"[email]", "[phone]", "[iban]", "[dni]", "[card]"}


def hours(messages: Iterable[Message]) -> Counter[int]:
    return Counter(int((message.timestamp_ms / 1000 - START.timestamp()) // 3600) for message in messages)


def test_the_day_has_a_shape_a_burst_and_a_silent_hour() -> None:
    scenario = replace(CLEAN, burst=Window(13 * 3600, 1800), silence=Window(15 * 3600, 3600))
    an_hour = hours(journeys(scenario, 7, START, limit=9000, rate=0.1))
    assert an_hour[9] > 5 * an_hour[2], "office hours and night"
    assert an_hour[13] > 1.5 * an_hour[11], "the burst"
    assert an_hour[15] == 0, "silence"
    assert an_hour[16] > 0


def test_in_a_burst_many_come_about_the_same() -> None:
    scenario = replace(CLEAN, day_shape=False, burst=Window(3600, 1800), silence=None)
    opened: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    for body in bodies(journeys(scenario, 7, START, limit=5000, rate=0.5)):
        if body["event_type"] == "contact.opened":
            at = (datetime.fromisoformat(body["occurred_at"]) - START).total_seconds()
            opened[3600 <= at < 5400][body["cause"]["origin_area"]] += 1
    assert opened[True]["facturacion"] / opened[True].total() > 0.6
    assert opened[False]["facturacion"] / opened[False].total() < 0.5


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
@pytest.mark.parametrize("start_hour", [4, 12])
@pytest.mark.parametrize("rate", [0.05, 0.35, 500])
def test_the_rate_says_how_long_so_many_messages_take(scenario: Scenario, start_hour: int, rate: float) -> None:
    start = START + timedelta(hours=start_hour)
    ends = [message.timestamp_ms for message in journeys(scenario, 7, start, limit=5_000, rate=rate)]
    span = ends[-1] / 1000 - start.timestamp()
    assert 0.75 * 5_000 / rate < span < 5_000 / rate + max(60, 100 / rate)


@pytest.mark.parametrize(
    ("start", "rate"), [(START.replace(tzinfo=None), 1.0), (START, 0.0), (START, -1.0), (START, float("nan"))]
)
def test_a_naive_start_or_a_rate_that_is_none_is_refused(start: datetime, rate: float) -> None:
    with pytest.raises(ValueError, match=r"time zone|more than 0"):
        list(journeys(STEADY, 7, start, limit=1, rate=rate))


# Sending


def test_shifted_messages_are_the_same_events_at_another_time() -> None:
    original = list(journeys(CLEAN, 7, START, limit=500))
    day = 86_400_000
    moved = list(shifted(original, day))
    for before, after in zip(original, moved, strict=True):
        old, new = judged(before), judged(after)
        assert isinstance(old, Event)
        assert isinstance(new, Event)
        assert new.occurred_at == old.occurred_at + timedelta(days=1)
        assert new.occurred_at.utcoffset() == old.occurred_at.utcoffset()
        assert after.timestamp_ms == before.timestamp_ms + day
    assert list(shifted(moved, -day)) == original


@pytest.mark.parametrize("options", [{"speed": 0}, {"rate": -1.0}])
def test_a_pace_that_never_sends_is_refused(options: dict[str, float]) -> None:
    with pytest.raises(PublishError, match="must be more than 0"):
        publish([], "127.0.0.1:1", **options)  # type: ignore[arg-type]


def test_a_broker_that_is_not_there_is_said_in_one_line() -> None:
    with pytest.raises(PublishError, match=r"no Kafka at 127\.0\.0\.1:1: start it, or set OIDOR_BROKERS") as error:
        publish([Message(SURVEYS, "k", b"{}", 0)], "127.0.0.1:1")
    assert "\n" not in str(error.value)
