"""Time: what a log says does not depend on when it is looked at, and a breach needs no event."""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.pipeline.step import EMPTY, LATEST_MS, reject, step
from schemas.observations import Observations
from schemas.topics import COMPLAINTS, CONTACTS, SURVEYS
from sinks.metrics.worker import WorkerMetrics
from tests.laws.journeys import logs
from tests.processors.feed import DAY, HOUR, MINUTE, SECOND, T0, FakeRecord, Feed, Happening, event, rules
from tests.processors.views import Views, differences

RULES = rules()
CALL: dict[str, Any] = {"direction": "inbound", "channel": "phone", "priority": "urgent"}
HUMAN = {"kind": "human"}
ANSWER_DUE, ANSWER_GRACE = 20 * SECOND, 5 * SECOND


def waiting_caller(entity_id: str = "C1", at: int = 0, *, arrives: int | None = None) -> list[Happening]:
    return [
        event("contact.opened", entity_id, at, arrives=arrives, seq=0, **CALL),
        event("contact.queued", entity_id, at, arrives=arrives, seq=1, queue="q"),
    ]


def state_of(feed: Feed, entity_id: str = "C1") -> str:
    views = Views()
    views.insert(feed.checkpoint())
    return str(views.clock(entity_id, "answer")["state"])


def lateness(feed: Feed) -> list[int]:
    return [row.late for row in feed.state.pending.events]


# A breach needs no event


@pytest.mark.parametrize(
    ("name", "at", "state"),
    [
        ("before the deadline", ANSWER_DUE, "running"),
        ("within the grace", ANSWER_DUE + ANSWER_GRACE, "running"),
        ("a millisecond after the grace", ANSWER_DUE + ANSWER_GRACE + 1, "breached_open"),
    ],
)
def test_a_deadline_fires_with_no_traffic_and_not_before_its_grace_is_over(name: str, at: int, state: str) -> None:
    feed = Feed(RULES)
    feed.feed(*waiting_caller())
    feed.until(at)
    assert state_of(feed) == state, name


def test_a_breach_is_dated_at_its_deadline_however_late_it_is_noticed() -> None:
    feed = Feed(RULES)
    feed.feed(*waiting_caller())
    outputs = feed.until(3 * HOUR)
    (opened_at,) = [row.opened_at for row, _ in outputs.incidents if row.pattern == "P02" and row.metric == "answer"]
    assert opened_at == T0 + ANSWER_DUE


def test_what_fired_once_does_not_fire_again() -> None:
    feed = Feed(RULES)
    feed.feed(*waiting_caller())
    feed.until(MINUTE)
    assert feed.until(2 * MINUTE).incidents == []


# The watermark


def test_an_unread_topic_holds_every_deadline_back() -> None:
    feed = Feed(RULES)
    feed.feed(*waiting_caller())
    for topic, at in ((CONTACTS, DAY), (COMPLAINTS, DAY), (SURVEYS, 10 * SECOND)):
        feed.state.advance_watermark(topic, T0 + at)
    step(feed.state, EMPTY, feed.state.now)
    assert state_of(feed) == "running"
    feed.state.advance_watermark(SURVEYS, T0 + MINUTE)
    step(feed.state, EMPTY, feed.state.now)
    assert state_of(feed) == "breached_open"


def test_what_lies_behind_the_lateness_cutoff_of_its_own_topic_is_decided_while_another_topic_is_unread() -> None:
    feed = Feed(RULES)
    feed.feed(*waiting_caller())
    feed.feed(event("contact.opened", "C2", DAY + ANSWER_DUE + ANSWER_GRACE + 1, **CALL))
    assert feed.state.now == 0
    assert state_of(feed) == "breached_open"


def test_what_does_not_lie_beyond_it_yet_waits() -> None:
    feed = Feed(RULES)
    feed.feed(*waiting_caller())
    feed.feed(event("contact.opened", "C2", DAY + ANSWER_DUE + ANSWER_GRACE, **CALL))
    assert state_of(feed) == "running"


# Late


@pytest.mark.parametrize(
    ("name", "behind", "late"),
    [
        ("as far behind as the disorder allows", MINUTE, 0),
        ("a little more", MINUTE + 1, 1),
        ("at the KPI memory", DAY, 1),
        ("beyond it", DAY + 1, 1),
        ("as far behind as is accepted at all", 400 * DAY, 1),
    ],
)
def test_an_event_is_folded_however_late_it_is(name: str, behind: int, late: int) -> None:
    feed = Feed(RULES)
    feed.feed(event("contact.opened", "C1", 0, **CALL))
    feed.feed(event("contact.opened", "C2", -behind, arrives=0, **CALL))
    assert lateness(feed) == [0, late], name
    assert (CONTACTS, "crm", "C2") in feed.state.cases
    (progress,) = feed.state.progress.values()
    assert (progress.read, progress.accepted, progress.late) == (2, 2, int(late > 0))


def test_lateness_is_measured_against_the_events_own_topic() -> None:
    feed = Feed(RULES)
    feed.feed(event("complaint.opened", "R1", DAY, kind="claim", channel="post"))
    feed.feed(event("contact.opened", "C1", 0, **CALL))
    assert lateness(feed) == [0, 0]


def test_an_event_of_the_past_is_in_time_in_a_log_of_the_past() -> None:
    feed = Feed(RULES)
    feed.until(300 * DAY)
    feed.feed(event("contact.opened", "C1", 0, **CALL))
    assert lateness(feed) == [0]


@pytest.mark.parametrize(
    ("name", "arrives", "reason"),
    [
        ("five minutes ahead of its record: clocks differ", -5 * MINUTE, None),
        ("more than that", -5 * MINUTE - 1, "future_timestamp"),
        ("400 days before its record", 400 * DAY, None),
        ("more than that", 400 * DAY + 1, "too_old"),
    ],
)
def test_what_cannot_have_happened_then_is_rejected(name: str, arrives: int, reason: str | None) -> None:
    feed = Feed(RULES)
    feed.feed(event("contact.opened", "C1", 0, arrives=arrives, **CALL))
    assert [record.row.reason for record in feed.state.pending.rejected] == ([reason] if reason else []), name


@pytest.mark.parametrize("timestamp", [T0 + 59 * MINUTE, T0 + 400 * DAY, 2**63 - 1])
def test_a_record_from_the_future_is_accounted_for_and_moves_no_time(timestamp: int) -> None:
    feed = Feed(RULES)
    feed.feed(*waiting_caller())
    times = deepcopy(feed.state.watermarks.meta())
    record = FakeRecord(CONTACTS, 0, 2, timestamp, b"c1", b"{}")

    reject(feed.state, CONTACTS, record, "record_from_future")

    assert feed.state.watermarks.meta() == times
    (row,) = (record.row for record in feed.state.pending.rejected)
    assert (row.reason, row.field, row.offset) == ("record_from_future", "timestamp", 2)
    assert row.record_at == min(timestamp, LATEST_MS)
    assert sum(day.rejected for (_, _, at), day in feed.state.progress.items() if at == row.record_at // DAY * DAY) == 1


# Content does not depend on now


@settings(max_examples=60)
@given(logs(), st.integers(1, 5))
def test_the_same_log_says_the_same_whether_time_ran_with_it_or_behind_it(log: list[Happening], every: int) -> None:
    shown = []
    for with_it in (True, False):
        feed, views = Feed(RULES), Views()
        for number, happening in enumerate(log):
            feed.feed(happening)
            if with_it and number % every == 0:
                feed.until(happening.record_at - T0)
        for day in range(0, 40, 1 if with_it else 40):
            feed.until(max(7, day) * DAY)
        feed.until(40 * DAY)
        views.insert(feed.checkpoint())
        shown.append(views)
    assert differences(*shown) == []


def test_a_breach_that_was_never_open_in_a_log_read_late_is_the_same_breach() -> None:
    """Live, the deadline passes before the answer comes; read later, the answer is there already."""
    answer = event("contact.answered", "C1", 50 * SECOND, actor=HUMAN)
    live, later = Feed(RULES), Feed(RULES)
    live.feed(*waiting_caller())
    live.until(49 * SECOND)
    live.feed(answer)
    later.feed(*waiting_caller(), answer)
    shown = []
    for feed in (live, later):
        feed.until(HOUR)
        views = Views()
        views.insert(feed.checkpoint())
        shown.append(views)
    assert differences(*shown) == []
    assert shown[0].clock("C1", "answer")["state"] == "breached"


# A replay pages nobody


def breaches(outputs: list[Observations], wall: int) -> float | None:
    """How far the live counter moves; None when it does not."""
    metrics = WorkerMetrics()
    for each in outputs:
        metrics.observe(each, wall, 10 * MINUTE)
    labels = {"policy": "default", "metric": "answer", "priority": "urgent", "outcome": "breached"}
    return metrics.registry.get_sample_value("feedback_sla_outcomes_total", labels)


def read_at(lag: int) -> tuple[list[Observations], Views, int]:
    """A log with one breach, read `lag` ms after it happened."""
    feed, views = Feed(RULES), Views()
    feed.state.wall = T0 + MINUTE + lag
    outputs = [feed.feed(*waiting_caller()), feed.until(MINUTE)]
    views.insert(feed.checkpoint(T0 + lag))
    return outputs, views, T0 + MINUTE + lag


def test_a_replay_of_last_year_gives_the_same_rows_and_moves_no_breach_counter() -> None:
    live, rows, wall = read_at(0)
    replayed, rows_again, a_year_later = read_at(365 * DAY)
    assert breaches(live, wall) == 1
    assert breaches(replayed, a_year_later) is None
    assert differences(rows, rows_again) == []
    assert rows.clock("C1", "answer")["state"] == "breached_open"
