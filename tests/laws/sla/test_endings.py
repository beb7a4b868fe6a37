"""Rules 11 and 12: reopened, merged, withdrawn."""

import pytest

from tests.laws.sla.office import (
    CLASSES,
    PAUSABLE,
    RESPONSES,
    WAITS,
    Promising,
    clocks_of,
    contact,
    opened,
    shown,
)
from tests.processors.feed import HOUR, T0, Happening

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


# 12: merge, void, spam

MERGED = [
    opened(0, "C1"),
    opened(2 * HOUR, "C2"),
    contact("merged", 3 * HOUR, "C1", into="C2"),
]


def test_rule_12_the_survivor_keeps_the_earliest_start(promising: Promising) -> None:
    views = promising("  resolve: [{target: 8h}]\n").after(MERGED)
    assert views.clock("C1", "resolve")["state"] == "cancelled"
    assert shown(views.clock("C2", "resolve"), "started_at", "due_at", "retroactive") == {
        "started_at": T0,
        "due_at": T0 + 8 * HOUR,
        "retroactive": 0,
    }


@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)])
def test_rule_12_in_whatever_order_the_three_are_read(promising: Promising, order: tuple[int, ...]) -> None:
    office = promising("  resolve: [{target: 8h}]\n")
    log = [Happening(one.topic, one.event, T0 + 3 * HOUR) for one in MERGED]
    read = office.after([log[index] for index in order])
    assert read.clocks() == office.after(log).clocks()
    assert read.clock("C2", "resolve")["started_at"] == T0


@pytest.mark.parametrize(
    ("complaint", "log", "state", "started", "due"),
    [
        ("past already: as with a promotion", [contact("merged", 9 * HOUR, "C1", into="C2")], "breached_open", 0, 9.8),
        ("into itself", [contact("merged", 3 * HOUR, "C2", into="C2")], "cancelled", 2, 10),
        ("into one that nobody knows", [contact("merged", 3 * HOUR, "C1", into="C9")], "breached_open", 2, 10),
        ("a mistake, taken back",
         [contact("merged", 3 * HOUR, "C1", into="C2", event_id="oops"),
          contact("voided", 4 * HOUR, "C1", voids_event_id="oops")], "breached_open", 2, 10),
        ("what was withdrawn gives nothing", [contact("merged", 3 * HOUR, "C1", into="C2"),
         contact("voided", 4 * HOUR, "C1")], "breached_open", 2, 10),
        ("solved before", [contact("resolved", 2 * HOUR + 1, "C2"), contact("merged", 3 * HOUR, "C1", into="C2")],
         "met", 2, 10),
    ],
)  # fmt: skip
def test_rule_12_merges(
    promising: Promising, complaint: str, log: list[Happening], state: str, started: int, due: float
) -> None:
    office = promising("  resolve: [{target: 8h}]\n")
    row = office.after([opened(0, "C1"), opened(2 * HOUR, "C2"), *log]).clock("C2", "resolve")
    assert (row["state"], (row["started_at"] - T0) / HOUR) == (state, started), complaint
    assert (row["due_at"] - T0) / HOUR == due


@pytest.mark.parametrize(
    "end", [contact("voided", 9 * HOUR), contact("resolved", 9 * HOUR, resolution="spam")], ids=["void", "spam"]
)
def test_rule_12_what_never_was_counts_nowhere(promising: Promising, end: Happening) -> None:
    views = promising(RESPONSES + CLASSES).after([opened(), end])
    assert {row["state"] for row in views.clocks()} == {"cancelled"}
    assert not any(row["resolve_breached"] or row["first_response_breached"] for row in views.kpis())
