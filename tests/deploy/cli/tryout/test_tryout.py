"""Trying a ticket gives what a worker would have shown and emitted, had it taken the records in as they arrived."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from deploy.cli.tryout import outcome as shown
from deploy.cli.tryout.outcome import Row, Tryout
from deploy.cli.tryout.rules import rules_of
from deploy.cli.tryout.ticket import Arrival, read_ticket
from deploy.cli.tryout.tryout import tryout
from processors.rules import Rules
from tests.deploy.cli.tryout.tickets import PACK, event, lines, opened, resolved
from tests.processors.feed import T0, Feed, Happening
from tests.processors.views import Views

TICKETS = sorted((Path(__file__).parents[3] / "tickets").glob("*.jsonl"))


def tried(*content: Any, until: str | None = None) -> Tryout:
    about = [] if until is None else [{"case": "c", "until": f"2026-11-23T{until}Z"}]
    ticket = read_ticket("t", lines(*about, {"pack": PACK}, *content))
    rules = rules_of(ticket, (), None)
    return tryout(ticket.arrivals, rules.rules, until=ticket.until, page_window_ms=rules.page_window_ms)


def emitted(outcome: Tryout, pattern: str = "P02") -> list[tuple[str, bool, int]]:
    """Of one pattern: transition, whether it pages, and seconds between the breach and its emission."""
    return [
        (row["transition"], row["page"], (row["recorded_at"] - row["opened_at"]) // 1000)
        for row in outcome.emitted
        if row["pattern"] == pattern
    ]


def test_a_breach_pages_at_its_deadline_though_the_next_record_comes_days_later() -> None:
    outcome = tried(opened(), {"event": opened("C2", "10:00:00"), "record_at": "2026-11-26T10:00:00Z"})
    assert emitted(outcome)[0] == ("opened", True, 60)


def test_what_was_over_before_its_deadline_emits_no_breach() -> None:
    outcome = tried(opened(), resolved(at="13:59:59"), until="20:00:00")
    assert emitted(outcome) == []
    assert [row["state"] for row in outcome.views.clocks()] == ["met"]


def test_a_late_proof_closes_what_had_paged() -> None:
    outcome = tried(opened(), {"event": resolved(at="13:00:00"), "record_at": "2026-11-23T15:00:00Z"})
    assert emitted(outcome) == [("opened", True, 60), ("closed", False, 3600)]
    assert outcome.views.clocks()[0]["retracted"] == 1


def test_last_months_breaches_page_nobody() -> None:
    imported = opened() | {"occurred_at": "2026-11-22T12:00:00Z"}
    outcome = tried({"event": imported, "record_at": "2026-11-23T10:00:00Z"})
    assert [page for _, page, _ in emitted(outcome)] == [False]


def test_without_a_word_time_ends_with_the_last_record() -> None:
    assert emitted(tried(opened(), opened("C2", "14:00:30"))) == []
    assert emitted(tried(opened(), opened("C2", "14:01:30"))) != []


def test_what_arrives_later_has_not_arrived() -> None:
    outcome = tried(opened(), resolved(at="12:00:00"), until="11:00:00")
    assert outcome.views.records()["records_read"] == 1
    assert [row["state"] for row in outcome.views.cases()] == ["open"]


def test_records_end_as_accepted_late_duplicate_or_rejected() -> None:
    out_of_order = {"event": opened("C2", "10:00:00"), "record_at": "2026-11-23T12:30:00Z"}
    wrong = resolved("C3", "12:40:00") | {"actor": 3}
    outcome = tried(opened(), opened(at="10:00:00"), out_of_order, resolved(at="12:00:00"), wrong)
    assert outcome.views.records() == {"records_read": 5, "accepted": 3, "late": 1, "duplicate": 1, "rejected": 1}
    assert [(row["event_id"], row["reason"]) for row in outcome.views.rejected()] == [
        ("C3-resolved-12:40:00", "wrong_type")
    ]


def test_topics_meet_in_the_order_of_their_records() -> None:
    complaint = event("complaint.opened", "P1", "10:00:00", kind="claim", channel="email")
    survey = event("survey.answered", "S1", "10:30:00", mode="email", kind="nps", score=9)
    outcome = tried(survey, complaint, opened("C1", "11:00:00"))
    assert {row["topic"]: row["offset"] for row in outcome.views.events()} == {
        "complaint-events": 0, "survey-events": 0, "contact-events": 0,
    }  # fmt: skip


def at_once(arrivals: Sequence[Arrival], rules: Rules, until: int) -> dict[str, list[Row]]:
    """The same records in one go, and one jump of time at the end."""

    feed, views = Feed(rules), Views()
    feed.feed(*(Happening(one.topic, json.loads(one.value), one.record_at) for one in arrivals))
    feed.until(until - T0)
    checkpoint, as_shown = feed.checkpoint(until), shown.Views()
    views.insert(checkpoint)
    as_shown.insert(checkpoint.rows)
    return {name: sorted(rows, key=str) for name, rows in (views.shown() | {"clocks": as_shown.clocks()}).items()}


@pytest.mark.parametrize("path", TICKETS, ids=lambda path: path.stem)
def test_the_views_are_those_of_a_worker_that_takes_everything_in_at_once(path: Path) -> None:
    ticket = read_ticket(str(path), path.read_text(encoding="utf-8"))
    rules = rules_of(ticket, (), None)
    assert ticket.until is not None
    views = tryout(ticket.arrivals, rules.rules, until=ticket.until, page_window_ms=rules.page_window_ms).views
    expected = at_once(ticket.arrivals, rules.rules, ticket.until)
    assert sorted(views.cases(), key=str) == expected["cases"]
    assert sorted(views.clocks(), key=str) == expected["clocks"]
    assert sorted(views.incidents(), key=str) == expected["incidents"]
    assert sorted(views.kpi_minutes(), key=str) == expected["kpis"]
