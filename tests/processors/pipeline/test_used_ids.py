"""Ids that are used again: another event under the same id is taken in and warned, the same event is a duplicate."""

from typing import Any

import pytest

from schemas.topics import CONTACTS
from tests.processors.feed import DAY, HOUR, MINUTE, Feed, Happening, event, rules
from tests.processors.views import Views, differences, views_after

CALL: dict[str, Any] = {"direction": "inbound", "channel": "phone"}


def opened(at: int = 0, entity_id: str = "T1", **fields: Any) -> Happening:
    return event("contact.opened", entity_id, at, event_id="T1", **CALL, **fields)


def warned(feed: Feed) -> list[tuple[str, ...]]:
    return [row.warnings for row in feed.state.pending.events]


OTHERS = {
    "another type": event("contact.resolved", "T1", 0, event_id="T1"),
    "another moment": event("contact.customer_replied", "T1", HOUR, event_id="T1"),
    "another entity": opened(entity_id="T2"),
    "another type and entity": event("contact.assigned", "T2", 0, event_id="T1", owner="ana"),
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS.keys())
def test_another_event_under_the_same_id_is_taken_in_and_its_publisher_is_told(other: Happening) -> None:
    feed = Feed()
    feed.feed(opened(), other)
    assert "id_reused" not in warned(feed)[0]
    assert "id_reused" in warned(feed)[1]
    feed.feed(other, opened(), other)
    (progress,) = feed.state.progress.values()
    assert (progress.accepted, progress.duplicate) == (2, 3), "and each of them once"


@pytest.mark.parametrize("restarted", [False, True])
def test_a_publisher_who_takes_the_ticket_for_the_id_gets_right_cases(restarted: bool) -> None:
    feed, views = Feed(), Views()
    tickets = [
        event(f"contact.{kind}", f"T{number}", number * MINUTE + at, event_id=f"T{number}", **fields)
        for number in range(20)
        for kind, at, fields in (
            ("opened", 0, CALL),
            ("assigned", 1_000, {"owner": "ana"}),
            ("agent_replied", 2_000, {"actor": {"kind": "human"}}),
            ("resolved", 3_000, {}),
        )
    ]
    for ticket in tickets:
        feed.feed(ticket)
        views.insert(feed.checkpoint())
        if restarted:
            feed.restart()
    feed.feed(*tickets)
    (progress,) = feed.state.progress.values()
    assert (progress.accepted, progress.duplicate) == (80, 80)
    assert {row["state"] for row in views.cases()} == {"resolved"}
    assert sum("id_reused" in row["warnings"] for row in views.table("feedback_events")) == 60


def test_the_order_of_arrival_does_not_matter() -> None:
    log = [opened(), *OTHERS.values()]
    assert differences(views_after(log), views_after(log[::-1])) == []


def test_an_id_that_is_forgotten_but_known_to_its_case_is_told_apart_too() -> None:
    feed = Feed(rules(dedup_max_ids=2))
    feed.feed(opened(), *(opened(0, f"X{number}", customer="c2") for number in range(4)))
    feed.feed(event("contact.assigned", "T1", MINUTE, event_id="a", owner="ana"))
    feed.feed(opened(), event("contact.resolved", "T1", HOUR, event_id="T1"))
    assert "id_reused" in warned(feed)[-1]
    assert [one.type for one in feed.state.cases[CONTACTS, "crm", "T1"].events] == ["opened", "assigned", "resolved"]


def test_a_correction_means_the_first_of_the_events_that_share_an_id() -> None:
    resolved = event("contact.resolved", "T1", HOUR, event_id="T1", resolution="solved")
    correction = event(
        "contact.corrected", "T1", DAY, event_id="c", corrects_event_id="T1", values={"priority": "urgent"}
    )
    row = views_after([opened(), resolved, correction]).case("T1")
    assert (row["priority"], row["state"], row["resolution"]) == ("urgent", "resolved", "solved")
