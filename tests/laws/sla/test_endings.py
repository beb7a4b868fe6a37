"""Rules 11 and 12: reopened, withdrawn; merges have a file of their own."""

from itertools import permutations

import pytest

from tests.laws.sla.office import (
    CLASSES,
    HUMAN,
    PAUSABLE,
    RESPONSES,
    WAITS,
    Promising,
    clocks_of,
    contact,
    opened,
)
from tests.processors.feed import HOUR, MINUTE, SECOND, T0, Happening

REOPENED = [contact("resolved", HOUR), contact("reopened", 100 * HOUR)]
REOPENING = [
    ("closed time is added", "continue", REOPENED, [("met", 4), ("breached_open", 103)]),
    ("all of it again", "restart", REOPENED, [("met", 4), ("breached_open", 104)]),
    ("reopened clocks that nobody asked for", "none", REOPENED, [("met", 4)]),
    ("a breach stays a breach", "continue", [contact("resolved", 5 * HOUR), contact("reopened", 6 * HOUR)],
     [("breached", 4)]),
    ("a breach stays one, and the next try has its own", "restart",
     [contact("resolved", 5 * HOUR), contact("reopened", 6 * HOUR)], [("breached", 4), ("breached_open", 10)]),
    ("twice", "continue", [*REOPENED, contact("resolved", 102 * HOUR), contact("reopened", 200 * HOUR)],
     [("met", 4), ("met", 103), ("breached_open", 201)]),
]  # fmt: skip


@pytest.mark.parametrize(("complaint", "setting", "log", "clocks"), REOPENING, ids=[case[0] for case in REOPENING])
def test_rule_11_reopening(
    promising: Promising, complaint: str, setting: str, log: list[Happening], clocks: list[tuple[str, int]]
) -> None:
    views = promising(f"  resolve: [{{target: 4h, on_reopen: {setting}}}]\n").after([opened(), *log])
    assert [(row["state"], (row["due_at"] - T0) // HOUR) for row in clocks_of(views, "resolve")] == clocks


def test_rule_11_what_was_paused_before_is_not_counted_after(promising: Promising) -> None:
    log = [opened(), WAITS, contact("resumed", 3 * HOUR), contact("resolved", 4 * HOUR), contact("reopened", 50 * HOUR)]
    first, second = clocks_of(promising(PAUSABLE).after(log), "resolve")
    assert (first["paused_ms"], second["paused_ms"]) == (2 * HOUR, 0)
    assert (second["target_ms"], second["due_at"]) == (2 * HOUR, T0 + 52 * HOUR)


# What was over before it began

EVERYTHING = """\
  answer: [{target: 20s}]
  acknowledge: [{target: 1h}]
  first_response: [{target: 2h}]
  next_response: [{target: 2h}]
  update_every: [{target: 1d}]
  human_on_request: [{target: 180s}]
  resolve: [{target: 4h, on_reopen: continue}]
"""
SKEWED = [
    ("closed before it was opened, by the clocks of two systems", [contact("resolved", 0), opened(5 * SECOND)]),
    ("closed a minute before", [contact("closed", 0), opened(MINUTE)]),
    ("given up before", [contact("abandoned", 0), opened(SECOND)]),
    ("queued when it was over", [opened(), contact("resolved", HOUR), contact("queued", HOUR + SECOND, queue="q")]),
    (
        "a person was asked for when it was over",
        [opened(), contact("resolved", HOUR), contact("human_requested", 2 * HOUR)],
    ),
    ("reopened when it was void", [opened(), contact("voided", HOUR), contact("reopened", 2 * HOUR)]),
    ("the milliseconds were cut off", [opened(412), contact("resolved", 0)]),
    ("so were those of the opening", [opened(), contact("resolved", 999), contact("customer_replied", 1)]),
]


@pytest.mark.parametrize(("name", "log"), SKEWED, ids=[case[0] for case in SKEWED])
def test_nothing_runs_on_in_a_case_that_is_over(promising: Promising, name: str, log: list[Happening]) -> None:
    for order in permutations(log):
        views = promising(EVERYTHING).after(order)
        assert not [row for row in views.clocks() if row["state"] == "breached_open"], name
        assert not [row for row in views.incidents() if row["pattern"] == "P02"]


def test_what_was_over_before_it_began_has_all_of_its_time_when_it_is_reopened(promising: Promising) -> None:
    log = [contact("resolved", 0), opened(MINUTE), contact("reopened", HOUR)]
    (clock,) = clocks_of(promising("  resolve: [{target: 4h}]\n").after(log), "resolve")
    assert (clock["started_at"], clock["due_at"]) == (T0 + HOUR, T0 + 5 * HOUR)


def test_who_was_answered_before_it_was_opened_is_owed_no_first_response(promising: Promising) -> None:
    log = [contact("agent_replied", 0, actor=HUMAN), opened(5 * SECOND)]
    assert clocks_of(promising("  first_response: [{target: 4h}]\n").after(log), "first_response") == []


# 12: void, spam


@pytest.mark.parametrize(
    "end", [contact("voided", 9 * HOUR), contact("resolved", 9 * HOUR, resolution="spam")], ids=["void", "spam"]
)
def test_rule_12_what_never_was_counts_nowhere(promising: Promising, end: Happening) -> None:
    views = promising(RESPONSES + CLASSES).after([opened(), end])
    assert {row["state"] for row in views.clocks()} == {"cancelled"}
    assert not any(row["resolve_breached"] or row["first_response_breached"] for row in views.kpis())
