"""Rules 1 to 5: deadlines are data, time alone breaks them, and the moment counts, whatever the order of arrival."""

import pytest

from processors.pipeline.step import EMPTY, step
from schemas.topics import CONTACTS, INPUTS, SURVEYS
from tests.laws.sla.office import Promising, clocks_of, contact, opened
from tests.processors.feed import DAY, HOUR, MINUTE, SECOND, T0, Feed, Happening
from tests.processors.views import Views

URGENT = "  resolve: [{target: 4h, grace: 60s}]\n"


def test_rules_1_2_quiet_sunday_a_clock_breaches_within_a_second_and_the_grace_with_no_traffic(
    promising: Promising,
) -> None:
    feed, views = Feed(promising(URGENT).rules), Views()
    feed.feed(opened())
    feed.until(4 * HOUR + MINUTE)
    views.insert(feed.checkpoint())
    assert views.clock("C1", "resolve")["state"] == "running", "within the grace"
    told = feed.until(4 * HOUR + MINUTE + SECOND)
    views.insert(feed.checkpoint())
    assert views.clock("C1", "resolve")["state"] == "breached_open"
    assert [(incident.pattern, state) for incident, state in told.incidents if incident.pattern == "P02"] == [
        ("P02", "opened")
    ]
    again = feed.until(4 * HOUR + 2 * MINUTE)
    assert not [incident for incident, _ in again.incidents], "told once"


DEADLINES = [
    ("as soon as it starts", [], 4.0),
    ("raised", [contact("priority_changed", HOUR, **{"from": "normal", "to": "urgent"})], 2.0),
    ("paused: as if nobody ever ended it", [contact("waiting_customer", HOUR, reason="info")], 124.0),
    ("resumed", [contact("waiting_customer", HOUR, reason="info"), contact("resumed", 90 * MINUTE)], 4.5),
]


@pytest.mark.parametrize(("complaint", "log", "due"), DEADLINES, ids=[case[0] for case in DEADLINES])
def test_rule_1_the_deadline_is_written_when_it_changes_long_before_it_passes(
    promising: Promising, complaint: str, log: list[Happening], due: float
) -> None:
    office = promising("  resolve: [{when: {priority: [urgent]}, target: 2h}, {target: 4h, pausable: true}]\n")
    row = office.after([opened(), *log], until=100 * MINUTE).clock("C1", "resolve")
    assert (row["due_at"] - T0) / HOUR == due, complaint


def test_rule_2_a_pause_that_nobody_ended_ends_and_then_breaches_with_no_traffic(promising: Promising) -> None:
    feed, views = Feed(promising("  resolve: [{target: 4h, pausable: true, max_pause: 2d}]\n").rules), Views()
    feed.feed(opened(), contact("waiting_customer", HOUR, reason="info"))
    for until, state in [
        (HOUR + 2 * DAY + MINUTE, "paused"),
        (HOUR + 2 * DAY + MINUTE + SECOND, "running"),
        (4 * HOUR + 2 * DAY + MINUTE, "running"),
        (4 * HOUR + 2 * DAY + MINUTE + SECOND, "breached_open"),
    ]:
        feed.until(until)
        views.insert(feed.checkpoint())
        assert views.clock("C1", "resolve")["state"] == state
    assert views.clock("C1", "resolve")["paused_ms"] == 2 * DAY


@pytest.mark.parametrize(
    ("complaint", "read", "state"),
    [
        ("everything is read, and the wall clock holds", INPUTS, "breached_open"),
        ("a topic that nobody has read yet holds time back", (CONTACTS, SURVEYS), "running"),
        ("a lagging consumer declares no breach", (), "running"),
    ],
)
def test_rule_3_which_now(promising: Promising, complaint: str, read: tuple[str, ...], state: str) -> None:
    feed, views = Feed(promising(URGENT).rules), Views()
    feed.feed(opened())
    for topic in read:
        feed.state.advance_watermark(topic, T0 + 9 * HOUR)
    step(feed.state, EMPTY, feed.state.now)
    views.insert(feed.checkpoint())
    assert views.clock("C1", "resolve")["state"] == state, complaint


def test_rule_3_no_breach_is_told_of_a_case_that_the_unread_log_has_solved(promising: Promising) -> None:
    feed = Feed(promising(URGENT).rules)
    told = [*feed.feed(opened()).incidents, *feed.feed(contact("resolved", 3 * HOUR)).incidents]
    told += feed.until(9 * DAY).incidents
    assert {(incident.pattern, transition) for incident, transition in told} <= {("P01", "opened"), ("P01", "closed")}


@pytest.mark.parametrize(
    ("complaint", "arrives", "state", "retracted"),
    [
        ("in time, heard of in time", 4 * HOUR, "met", 0),
        ("in time, heard of within the grace", 4 * HOUR + MINUTE, "met", 0),
        ("in time, heard of when it was announced", 4 * HOUR + MINUTE + 1, "met", 1),
    ],
)
def test_rule_4_the_moment_counts_not_the_arrival(
    promising: Promising, complaint: str, arrives: int, state: str, retracted: int
) -> None:
    row = promising(URGENT).after([opened(), contact("resolved", 4 * HOUR, arrives=arrives)]).clock("C1", "resolve")
    assert (row["state"], row["retracted"]) == (state, retracted), complaint


RESOLVED = contact("resolved", HOUR, seq=1)
ORDERS = [
    ("the stop was read first", [RESOLVED, opened(arrives=HOUR + SECOND)], ["met"]),
    ("the opening came a day late", [RESOLVED, opened(arrives=20 * HOUR)], ["met"]),
    ("a stop that has no start promises nothing", [RESOLVED], []),
    ("read twice", [opened(), opened(), RESOLVED, RESOLVED], ["met"]),
    ("at one moment the sequence number decides",
     [opened(), contact("reopened", HOUR, seq=2, reason="not_fixed"), RESOLVED], ["met", "breached_open"]),
    ("at one moment, in the other order",
     [opened(), RESOLVED, contact("reopened", HOUR, seq=2, reason="not_fixed")], ["met", "breached_open"]),
]  # fmt: skip


@pytest.mark.parametrize(("complaint", "log", "states"), ORDERS, ids=[case[0] for case in ORDERS])
def test_rule_5_out_of_order(promising: Promising, complaint: str, log: list[Happening], states: list[str]) -> None:
    assert [row["state"] for row in clocks_of(promising(URGENT).after(log), "resolve")] == states, complaint
