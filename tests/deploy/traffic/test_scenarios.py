"""Generated traffic is valid, repeatable and as its scenario says."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice, pairwise
from typing import Any

import pytest

from deploy.traffic.messages import Message
from deploy.traffic.scenarios import DEMO, SCENARIOS, STEADY, STORM_LOG, Scenario, Window, journeys
from processors.enrichment.personal_fields import mask_event
from schemas.events.decoding import payload, warnings_of
from schemas.events.envelope import Event
from schemas.outputs import Rejection
from schemas.topics import COMPLAINTS, CONTACTS, INPUTS
from tests.deploy.traffic.published import bodies, by_entity, judged

TOLD_BY_OTHERS = ("contact.absorbed", "complaint.absorbed")
START = datetime(2026, 11, 16, tzinfo=UTC)
NO_FAULTS: dict[str, Any] = dict.fromkeys(("duplicates", "late", "malformed", "repeated", "reused"), 0)
CLEAN = replace(DEMO, **NO_FAULTS)


@cache
def some_days() -> list[Message]:
    return list(journeys(CLEAN, 7, START, limit=40_000))


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
    messages = list(journeys(replace(scenario, **NO_FAULTS), 3, START, limit=8000, rate=0.2))
    events = [judged(message) for message in messages]
    assert [event for event in events if isinstance(event, Rejection)] == []
    assert len({event.event_id for event in events if isinstance(event, Event)}) == len(messages)
    assert all(warnings_of(event) == () for event in events if isinstance(event, Event))


def test_faults_come_in_the_shares_of_the_scenario() -> None:
    messages = list(journeys(replace(STORM_LOG, repeated=0, reused=0), 7, START, limit=30_000))
    verdicts = [judged(message) for message in messages]
    rejected = Counter(verdict.reason for verdict in verdicts if isinstance(verdict, Rejection))
    ids = Counter(verdict.event_id for verdict in verdicts if isinstance(verdict, Event))
    late = 0
    newest: dict[str, int] = dict.fromkeys(INPUTS, 0)
    for message, verdict in zip(messages, verdicts, strict=True):
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


def test_what_is_told_twice_and_ids_that_are_used_again_come_as_the_scenario_says() -> None:
    scenario = replace(STORM_LOG, late=0, duplicates=0, malformed=0)
    told = bodies(journeys(scenario, 7, START, limit=12_000))
    ids = Counter((body["source"], body["event_id"]) for body in told)
    assert sum(count - 1 for count in ids.values()) / len(told) == pytest.approx(STORM_LOG.reused, rel=0.35)
    openings = Counter(body["entity_id"] for body in told if body["event_type"].endswith(".opened"))
    assert sum(count - 1 for count in openings.values()) / len(openings) == pytest.approx(STORM_LOG.repeated, rel=0.3)


def test_who_asks_to_be_forgotten_has_been_a_customer_of_one_contact() -> None:
    """What is erased while its other topics are read has no order in which all must read it."""
    messages = list(journeys(replace(STORM_LOG, **NO_FAULTS), 7, START, limit=15_000, rate=2))
    erased = {
        message.key
        for message, body in zip(messages, bodies(messages), strict=True)
        if body["event_type"] == "customer.erased"
    }
    assert len(erased) > 20
    for key in erased:
        theirs = [message for message in messages if message.key == key]
        assert {message.topic for message in theirs} == {CONTACTS}
        assert bodies(theirs)[-1]["event_type"] == "customer.erased"


def test_a_customer_has_one_key_and_an_anonymous_case_its_own() -> None:
    for message, body in zip(keyed := list(islice(journeys(CLEAN, 7, START), 8000)), bodies(keyed), strict=True):
        customer = body.get("customer")
        assert message.key == body["entity_id"] or (customer and message.key == customer["id"])


def test_cases_go_forward_in_time_and_begin_with_their_opening() -> None:
    for topic, first in ((CONTACTS, "contact.opened"), (COMPLAINTS, "complaint.opened")):
        messages = [message for message in journeys(CLEAN, 7, START, limit=20_000) if message.topic == topic]
        for events in by_entity(messages).values():
            assert events[0]["event_type"] == first
            numbered = [event["seq"] for event in events if event["event_type"] not in TOLD_BY_OTHERS]
            assert numbered == list(range(1, len(numbered) + 1))
            moments = [datetime.fromisoformat(event["occurred_at"]) for event in events]
            assert moments == sorted(moments)


def test_journeys_have_what_the_patterns_look_for() -> None:
    messages = some_days()
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
    waits: dict[str, float] = {}
    for event in bodies(messages):
        if event["event_type"] == "contact.answered" and event["source"] == "telephony" and "wait_seconds" in event:
            waits.setdefault(event["entity_id"], event["wait_seconds"])
    scores: dict[bool, list[int]] = {True: [], False: []}
    for event in bodies(messages):
        about = event.get("links", {}).get("contact_id")
        if event["event_type"] == "survey.answered" and event.get("scale_max") == 5 and about in waits:
            scores[waits[about] > 60].append(event["score"])
    assert sum(scores[True]) / len(scores[True]) < sum(scores[False]) / len(scores[False]) - 0.3


def test_generated_personal_data_is_redacted_and_there_is_some() -> None:
    redacted = Counter[str]()
    for message in journeys(replace(CLEAN, personal=1.0), 7, START, limit=3000):
        event = judged(message)
        assert isinstance(event, Event)
        text = mask_event(event).text
        if text:
            redacted.update(mask for mask in ("[email]", "[phone]", "[iban]", "[dni]", "[card]") if mask in text)
            assert "[" in text, text
            assert "@" not in payload(mask_event(event))
    assert set(redacted) == {"[email]", "[phone]", "[iban]", "[dni]", "[card]"}


def test_a_day_is_like_that_of_a_real_desk() -> None:
    messages = some_days()
    told = bodies(messages)
    of_type: dict[str, list[dict[str, Any]]] = {}
    for body in told:
        of_type.setdefault(body["event_type"], []).append(body)
    opened = of_type["contact.opened"]
    demand = Counter(body["demand_type"] for body in opened)
    assert 0.4 < demand["failure"] / len(opened) < 0.7
    assert 0.15 < demand["value"] / len(opened) < 0.4
    assert all(body["cause"]["element"] and body["cause"]["origin_area"] for body in opened)
    assert {"Facturación", "Soporte técnico", "Segundo nivel", "Chat"} <= {
        body["queue"] for body in of_type["contact.queued"]
    }
    assert all("promised_at" in body for body in of_type["contact.callback_requested"])

    machines = [body for body in told if body.get("actor", {}).get("kind") == "system"]
    assert {body["event_type"] for body in machines} == {"contact.customer_replied", "contact.reopened"}
    named = {body["event_id"]: body for body in told}
    for body in of_type["contact.corrected"]:
        assert named[body["corrects_event_id"]]["event_type"] == "contact.resolved"
    assert of_type["contact.voided"]
    assert of_type["complaint.corrected"]

    keys = {(body["topic"], body["entity_id"]): body["key"] for body in _keyed(messages)}
    across = [
        keys[message.topic, body["into"]] != message.key
        for message, body in zip(messages, told, strict=True)
        if body["event_type"] == "contact.merged"
    ]
    assert True in across
    assert False in across
    assert len(of_type["contact.absorbed"]) < across.count(True), "some desks do not tell"
    assert of_type["complaint.merged"]

    answers = [body for body in of_type["survey.answered"] if body["source"] == "surveys"]
    assert all("org_unit" not in body for body in answers), "the tool knows the case only"
    assert {name for body in answers for name in body["links"]} == {"contact_id", "complaint_id"}
    assert 0.04 < sum("score" not in body for body in answers) / len(answers) < 0.12
    assert any(count > 1 for count in Counter(body["entity_id"] for body in answers).values()), "a changed rating"
    assert {(body.get("scale_min", 1), body["scale_max"]) for body in answers if "scale_max" in body} == {
        (1, 5), (0, 1), (1, 7),
    }  # fmt: skip


def _keyed(messages: Iterable[Message]) -> Iterator[dict[str, Any]]:
    for message in messages:
        yield {**bodies([message])[0], "topic": message.topic, "key": message.key}


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
