"""What a checkpoint writes of clocks: those whose row changed, and those that are no more."""

from typing import Any

from tests.processors.cases.journey import contact, opened
from tests.processors.feed import HOUR, MINUTE, Feed, Happening


def clocks_written(feed: Feed, *log: Happening) -> dict[str, int]:
    """Metric -> whether it is void, of the rows that a checkpoint after the log writes."""
    feed.feed(*log)
    rows: Any = feed.checkpoint().rows.get("sla_clocks", ())
    return {row.metric: row.void for row in rows}


def reply(at: int, **fields: Any) -> Happening:
    return contact("agent_replied", at, actor={"kind": "human"}, **fields)


def test_a_clock_is_written_when_its_row_changed_and_not_again() -> None:
    feed = Feed()
    assert clocks_written(feed, opened()) == {"first_response": 0, "resolve": 0}
    assert clocks_written(feed, contact("assigned", MINUTE, owner="ana")) == {}
    assert clocks_written(feed, reply(HOUR)) == {"first_response": 0}


def test_what_an_event_that_came_late_leaves_as_it_was_is_not_written_again() -> None:
    feed = Feed()
    clocks_written(feed, opened(), reply(2 * HOUR))
    assert clocks_written(feed, contact("assigned", MINUTE, owner="ana", arrives=3 * HOUR)) == {}
    assert clocks_written(feed, reply(HOUR, arrives=3 * HOUR)) == {"first_response": 0}


QUEUED = contact("queued", MINUTE, queue="q", event_id="slip")
SLIP = contact("voided", 2 * MINUTE, voids_event_id="slip", event_id="undo")
AFTER_ALL = contact("voided", 3 * MINUTE, voids_event_id="undo")


def test_a_clock_that_is_no_more_is_written_as_void() -> None:
    feed = Feed()
    assert "answer" in clocks_written(feed, opened(channel="phone"), QUEUED)
    assert clocks_written(feed, SLIP) == {"answer": 1, "resolve": 0}, "and the other was never in that queue"
    assert clocks_written(feed, AFTER_ALL) == {"answer": 0, "resolve": 0}, "and is back, when the slip was none"


def test_a_clock_that_is_no_more_and_is_back_before_a_checkpoint_is_not_void() -> None:
    feed = Feed()
    clocks_written(feed, opened(channel="phone"), QUEUED)
    assert clocks_written(feed, SLIP, AFTER_ALL) in ({}, {"answer": 0})


def test_after_a_restart_a_case_that_changes_is_written_whole() -> None:
    feed = Feed()
    clocks_written(feed, opened())
    feed.restart()
    assert clocks_written(feed) == {}
    assert clocks_written(feed, contact("assigned", MINUTE, owner="ana")) == {"first_response": 0, "resolve": 0}
