"""What lies where its customer's other events do not is taken in, and its publisher is told."""

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from processors.pipeline.placement import SOURCES_LOGGED_MAX
from processors.rules import Rules
from processors.runtime.partitioners import PARTITIONERS, placement
from schemas.observations import Observations
from schemas.topics import CONTACTS
from tests.processors.feed import MINUTE, Feed, Happening, event, rules
from tests.schemas.events import examples

CALL: dict[str, Any] = {"direction": "inbound", "channel": "phone"}
ANSWER: dict[str, Any] = {"actor": {"kind": "human"}}
RULES = rules()


def placing(partition_of: Callable[[bytes], int] | None) -> Rules:
    return replace(RULES, partition_of=partition_of)


HERE = placing(lambda _: 0)
ELSEWHERE = placing(lambda _: 7)


def opened(entity_id: str = "T1", at: int = 0, **fields: Any) -> Happening:
    return event("contact.opened", entity_id, at, **CALL, **fields)


def answered(entity_id: str = "T1", at: int = MINUTE, **fields: Any) -> Happening:
    return event("contact.answered", entity_id, at, **ANSWER, **fields)


def publish(feed: Feed, happening: Happening, key: bytes | None = None) -> Observations:
    value = json.dumps(happening.event).encode()
    return feed.raw(happening.topic, value, key=key or happening.key, record_at=happening.record_at)


def told(feed: Feed) -> list[set[str]]:
    """Of each accepted event, what was said of where it lies."""
    return [{"wrong_partition", "key_not_customer"} & {*row.warnings} for row in feed.state.pending.events]


# The partition


def test_the_first_event_of_a_case_in_another_partition_is_warned_once_and_taken_in() -> None:
    feed = Feed(ELSEWHERE)
    feed.feed(opened(), answered(), opened("T2"))
    assert told(feed) == [{"wrong_partition"}, set(), {"wrong_partition"}]
    assert [case.fold.state for case in feed.state.cases.values()] == ["in_progress", "open"]


def test_what_follows_in_another_partition_than_the_opening_is_warned_there() -> None:
    feed = Feed(ELSEWHERE)
    feed.feed(answered(), event("contact.resolved", "T1", 2 * MINUTE))
    assert told(feed) == [{"wrong_partition"}, set()]


@pytest.mark.parametrize("rules_", [HERE, placing(None), placing(placement("any", 12)), placing(placement("crc32", 1))])
def test_nothing_is_said_in_the_right_partition_or_where_any_or_the_only_one_is_right(rules_: Rules) -> None:
    feed = Feed(rules_)
    feed.feed(opened(), answered())
    assert told(feed) == [set(), set()]


def test_nothing_is_said_where_the_number_of_partitions_is_not_known() -> None:
    assert RULES.partition_of is None


def test_it_is_counted_by_source() -> None:
    feed = Feed(ELSEWHERE)
    publish(feed, opened("T1"))
    counted = publish(feed, opened("T2", source="telephony")).counts
    assert counted["event_warnings", CONTACTS, "telephony", "wrong_partition"] == 1
    assert ("event_warnings", CONTACTS, "crm", "wrong_partition") not in counted


def test_the_log_names_each_source_once_and_not_without_end(caplog: pytest.LogCaptureFixture) -> None:
    feed = Feed(ELSEWHERE)
    with caplog.at_level(logging.WARNING):
        feed.feed(opened("T1"), opened("T2"), opened("T3", source="telephony"))
        assert [record.getMessage().split(" sends")[0] for record in caplog.records] == [
            "partition 0: source crm",
            "partition 0: source telephony",
        ]
        feed.feed(*(opened("T1", source=f"junk-{number}") for number in range(SOURCES_LOGGED_MAX + 10)))
    assert len(caplog.records) == SOURCES_LOGGED_MAX


def test_it_is_the_key_that_is_placed_and_not_the_customer() -> None:
    keys: list[bytes] = []
    feed = Feed(placing(lambda key: keys.append(key) or 0))  # type: ignore[func-returns-value]
    publish(feed, opened(), b"T1")
    publish(feed, opened("T2"))
    assert keys == [b"T1", b"c1"]


# The key


def test_a_key_that_is_not_the_customer_is_warned_each_time() -> None:
    feed = Feed(HERE)
    publish(feed, opened(), b"T1")
    publish(feed, answered(), b"T1")
    publish(feed, opened("T2"))
    assert told(feed) == [{"key_not_customer"}, {"key_not_customer"}, set()]


def test_what_follows_under_another_key_than_the_opening_is_warned_where_it_arrives() -> None:
    feed = Feed(HERE)
    publish(feed, answered(), b"T1")
    assert told(feed) == [{"key_not_customer"}]


def anonymous(happening: Happening) -> Happening:
    return Happening(happening.topic, {**happening.event, "customer": None}, happening.record_at)


def test_a_case_that_was_opened_by_nobody_known_keeps_its_key() -> None:
    feed = Feed(HERE)
    publish(feed, anonymous(opened()))
    publish(feed, event("contact.identified", "T1", MINUTE), b"T1")
    publish(feed, answered("T1", 2 * MINUTE), b"T1")
    assert told(feed) == [set(), set(), set()]


def test_a_record_without_a_key_lies_anywhere_and_is_rejected() -> None:
    feed = Feed(HERE)
    feed.raw(CONTACTS, json.dumps(opened().event).encode(), key=None, record_at=opened().record_at)
    (rejected,) = feed.state.pending.rejected
    assert (rejected.row.reason, rejected.row.got) == ("key_mismatch", "no key")


# Every warned example of the contract


@pytest.mark.parametrize("example", examples.warned(), ids=str)
def test_a_warned_example_is_accepted_with_the_warnings_that_it_names(example: examples.Warned) -> None:
    feed = Feed(placing(placement("murmur2", example.partitions)))
    feed.state.number = example.partition
    record = example.record
    feed.raw(record.topic, record.value, key=record.key, record_at=record.timestamp)
    (row,) = feed.state.pending.events
    assert row.warnings == example.warnings


@pytest.mark.parametrize("example", examples.warned(), ids=str)
def test_a_warned_example_says_which_client_would_have_sent_it(example: examples.Warned) -> None:
    key = example.record.key or b""
    assert PARTITIONERS[example.partitioner](key, example.partitions) == example.partition
