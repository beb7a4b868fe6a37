"""What the events of a case do to its clocks: the promises of the default pack, as cases keep and break them."""

from typing import Any

import pytest

from tests.processors.feed import DAY, HOUR, MINUTE, SECOND, T0, Feed, Happening, event
from tests.processors.views import Row, Views


def after(log: list[Happening], until: int = 10 * DAY) -> Views:
    feed, views = Feed(), Views()
    feed.feed(*log)
    feed.until(until)
    views.insert(feed.checkpoint())
    return views


def opened(at: int = 0, **fields: Any) -> Happening:
    said: dict[str, Any] = {"direction": "inbound", "channel": "email", "priority": "normal", **fields}
    return event("contact.opened", "C1", at, **said)


def contact(what: str, at: int, **fields: Any) -> Happening:
    return event(f"contact.{what}", "C1", at, **fields)


HUMAN, BOT = {"kind": "human"}, {"kind": "bot"}

FIRST_RESPONSES = [
    ("a public reply of a person", [contact("agent_replied", HOUR, actor=HUMAN)], "met"),
    ("an answer of a person", [contact("answered", HOUR, actor=HUMAN)], "met"),
    ("the last millisecond", [contact("agent_replied", 8 * HOUR, actor=HUMAN)], "met"),
    ("a reply too late", [contact("agent_replied", 8 * HOUR + 1, actor=HUMAN)], "breached"),
    ("an internal note is no response", [contact("agent_replied", HOUR, actor=HUMAN, public=False)], "breached_open"),
    ("a bot is nobody", [contact("agent_replied", HOUR, actor=BOT)], "breached_open"),
    ("a bot that answers is nobody", [contact("answered", HOUR, actor=BOT)], "breached_open"),
    ("nobody at all", [], "breached_open"),
    ("the customer writes again: that hides nothing", [contact("customer_replied", 9 * HOUR)], "breached_open"),
    (
        "waiting for the customer hides nothing",
        [contact("waiting_customer", HOUR), contact("customer_replied", 2 * HOUR)],
        "breached_open",
    ),
    ("solved before anyone had to reply", [contact("resolved", HOUR, resolution="solved")], "cancelled"),
    ("solved when the reply was overdue", [contact("resolved", 9 * HOUR, resolution="solved")], "breached"),
    ("given up in time", [contact("abandoned", HOUR)], "cancelled"),
    ("given up when it was overdue", [contact("abandoned", 9 * HOUR)], "breached"),
    ("it was spam", [contact("resolved", 9 * HOUR, resolution="spam")], "cancelled"),
    ("it was part of another contact, before it was due", [contact("merged", HOUR, into="C2")], "cancelled"),
    ("it was part of another contact, and overdue by then", [contact("merged", 9 * HOUR, into="C2")], "breached"),
]


@pytest.mark.parametrize(("name", "log", "state"), FIRST_RESPONSES, ids=[case[0] for case in FIRST_RESPONSES])
def test_first_response(name: str, log: list[Happening], state: str) -> None:
    assert after([opened(), *log]).clock("C1", "first_response")["state"] == state


def test_a_next_reply_that_is_in_time_never_hides_a_first_one_that_was_not() -> None:
    log = [
        opened(),
        contact("customer_replied", 9 * HOUR),
        contact("agent_replied", 9 * HOUR + MINUTE, actor=HUMAN),
        contact("agent_replied", 9 * HOUR + 2 * MINUTE, actor=HUMAN),
    ]
    clock = after(log).clock("C1", "first_response")
    assert (clock["state"], clock["stopped_at"]) == ("breached", T0 + 9 * HOUR + MINUTE)
    assert clock["overdue_ms"] == HOUR + MINUTE


ANSWERS = [
    ("a person within 20 s", [contact("answered", 20 * SECOND, actor=HUMAN)], "met"),
    ("a person after 20 s", [contact("answered", 20 * SECOND + 1, actor=HUMAN)], "breached"),
    (
        "a bot at once, then a person too late",
        [contact("answered", 1, actor=BOT), contact("answered", 21 * SECOND, actor=HUMAN)],
        "breached",
    ),
    ("the caller leaves in time", [contact("abandoned", 19 * SECOND)], "cancelled"),
    ("the caller waited too long, then left", [contact("abandoned", 21 * SECOND)], "breached"),
    ("queued twice: one promise", [contact("queued", 15 * SECOND, queue="b")], "breached_open"),
]


@pytest.mark.parametrize(("name", "log", "state"), ANSWERS, ids=[case[0] for case in ANSWERS])
def test_answer_on_the_telephone(name: str, log: list[Happening], state: str) -> None:
    views = after([opened(channel="phone"), contact("queued", 0, queue="a", seq=1), *log])
    clock = views.clock("C1", "answer")
    assert (clock["state"], clock["due_at"]) == (state, T0 + 20 * SECOND)


@pytest.mark.parametrize(
    ("name", "log", "state"),
    [
        ("resolved in time", [contact("resolved", 4 * HOUR)], "met"),
        ("resolved late", [contact("resolved", 4 * HOUR + 1)], "breached"),
        ("closed without a resolution", [contact("closed", HOUR)], "met"),
        ("given up", [contact("abandoned", HOUR)], "cancelled"),
        ("a duplicate", [contact("resolved", HOUR, resolution="duplicate")], "cancelled"),
        ("a duplicate, overdue by then", [contact("resolved", 5 * HOUR, resolution="duplicate")], "breached"),
        ("withdrawn", [contact("voided", 5 * HOUR)], "cancelled"),
        ("waiting for the customer stops no clock of this pack", [contact("waiting_customer", HOUR)], "breached_open"),
    ],
)
def test_resolution_of_an_urgent_contact(name: str, log: list[Happening], state: str) -> None:
    clock = after([opened(priority="urgent"), *log]).clock("C1", "resolve")
    assert (clock["state"], clock["due_at"]) == (state, T0 + 4 * HOUR), name


def test_an_incident_of_a_service_desk_is_resolved_once_and_closed_later() -> None:
    """As ServiceNow does: a person resolves, the system closes five days later; the promise was the resolution."""
    log = [
        opened(priority="high"),
        contact("assigned", HOUR, owner="ana"),
        contact("resolved", 7 * HOUR, resolution="solved"),
        contact("closed", 5 * DAY + 7 * HOUR),
    ]
    clock = after(log).clock("C1", "resolve")
    assert (clock["state"], clock["stopped_at"]) == ("met", T0 + 7 * HOUR)


@pytest.mark.parametrize(
    ("name", "log", "state"),
    [
        ("in time", [event("complaint.acknowledged", "R1", 8 * HOUR)], "met"),
        ("late", [event("complaint.acknowledged", "R1", 8 * HOUR + 1)], "breached"),
        ("the decision is an acknowledgement too", [event("complaint.resolved", "R1", HOUR, outcome="upheld")], "met"),
        ("never", [], "breached_open"),
    ],
)
def test_acknowledgement_of_a_claim(name: str, log: list[Happening], state: str) -> None:
    views = after([event("complaint.opened", "R1", 0, kind="claim", channel="post"), *log])
    assert views.clock("R1", "acknowledge")["state"] == state, name


def test_a_promise_to_a_complainant_runs_from_the_day_it_was_received() -> None:
    letter = event("complaint.opened", "R1", 5 * HOUR, kind="claim", channel="post", received_at="2025-11-23T22:00:00Z")
    clock = after([letter]).clock("R1", "acknowledge")
    assert clock["due_at"] - clock["started_at"] == 8 * HOUR
    assert clock["started_at"] == T0 - 2 * HOUR


def test_what_was_opened_cannot_be_received_later() -> None:
    hasty = event("complaint.opened", "R1", 0, kind="claim", channel="post", received_at="2099-01-01T00:00:00Z")
    assert after([hasty]).clock("R1", "acknowledge")["started_at"] == T0


def test_nobody_owes_an_answer_to_praise() -> None:
    assert after([event("complaint.opened", "R1", 0, kind="praise", channel="email")]).clocks() == []


def test_nobody_owes_an_answer_to_whom_we_called() -> None:
    assert after([opened(direction="outbound")]).clocks() == []


# Reopening


def resolved_and_reopened(resolved_at: int, reopened_at: int, *more: Happening) -> list[Row]:
    views = after(
        [opened(priority="urgent"), contact("resolved", resolved_at), contact("reopened", reopened_at), *more]
    )
    mine = [row for row in views.clocks() if row["metric"] == "resolve"]
    return sorted(mine, key=lambda row: int(row["instance"]))


def test_reopened_the_rest_of_the_time_runs_as_a_new_instance() -> None:
    first, second = resolved_and_reopened(HOUR, 30 * HOUR, contact("resolved", 33 * HOUR))
    assert (first["state"], second["state"]) == ("met", "met")
    assert second["target_ms"] == 3 * HOUR, "of four hours one was used; the days in between count for nobody"
    assert second["due_at"] == T0 + 33 * HOUR


def test_reopened_and_then_too_late_is_a_breach_of_its_own() -> None:
    first, second = resolved_and_reopened(HOUR, 30 * HOUR, contact("resolved", 33 * HOUR + 1))
    assert (first["state"], second["state"]) == ("met", "breached")


def test_a_breach_stays_a_breach() -> None:
    (only,) = resolved_and_reopened(5 * HOUR, 6 * HOUR, contact("resolved", 7 * HOUR))
    assert (only["state"], only["stopped_at"]) == ("breached", T0 + 5 * HOUR)


def test_each_reopening_continues_where_the_last_resolution_stopped() -> None:
    instances = resolved_and_reopened(
        HOUR, 10 * HOUR, contact("resolved", 12 * HOUR), contact("reopened", 20 * HOUR), contact("resolved", 21 * HOUR)
    )
    assert [row["target_ms"] // HOUR for row in instances] == [4, 3, 1]
    assert [row["state"] for row in instances] == ["met", "met", "met"]


# Late news


def test_a_reply_that_came_in_time_but_was_heard_of_late_takes_the_breach_back() -> None:
    feed, views = Feed(), Views()
    feed.feed(opened())
    feed.until(8 * HOUR + 2 * MINUTE)
    views.insert(feed.checkpoint())
    assert views.clock("C1", "first_response")["state"] == "breached_open"
    feed.feed(contact("agent_replied", HOUR, arrives=9 * HOUR, actor=HUMAN))
    views.insert(feed.checkpoint())
    clock = views.clock("C1", "first_response")
    assert (clock["state"], clock["retracted"]) == ("met", 1)
    (incident,) = [row for row in views.incidents() if row["pattern"] == "P02"]
    assert (incident["state"], incident["close_reason"]) == ("closed", "retracted")


def test_a_reply_heard_of_within_the_grace_leaves_no_trace_of_a_breach() -> None:
    views = after([opened(), contact("agent_replied", HOUR, arrives=8 * HOUR + 59 * SECOND, actor=HUMAN)])
    assert views.clock("C1", "first_response")["retracted"] == 0
    assert [row for row in views.incidents() if (row["pattern"], row["metric"]) == ("P02", "first_response")] == []


def test_a_contact_heard_of_after_its_deadline_is_broken_retroactively() -> None:
    views = after([opened(arrives=9 * HOUR)])
    assert views.clock("C1", "first_response")["retroactive"] == 1
    assert views.clock("C1", "resolve")["retroactive"] == 0


def test_a_correction_that_dates_the_reply_back_retracts_the_breach_by_its_own_arrival() -> None:
    reply = contact("agent_replied", 8 * HOUR + 1, actor=HUMAN, event_id="reply")
    right = {"occurred_at": "2025-11-24T06:00:00Z"}
    fixed = contact("corrected", 20 * HOUR, corrects_event_id="reply", values=right)
    clock = after([opened(at=-HOUR), reply, fixed]).clock("C1", "first_response")
    assert (clock["state"], clock["retracted"]) == ("met", 1)


def test_no_promise_is_counted_never_silent() -> None:
    outputs = Feed().feed(event("complaint.opened", "R1", 0, kind="praise", channel="email"))
    assert outputs.moments == [(T0, ("sla_unmatched", "complaint-events"))]
