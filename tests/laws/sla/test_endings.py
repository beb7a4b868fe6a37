"""Rules 11 and 12: reopened, withdrawn; merges have a file of their own."""

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


# 12: void, spam


@pytest.mark.parametrize(
    "end", [contact("voided", 9 * HOUR), contact("resolved", 9 * HOUR, resolution="spam")], ids=["void", "spam"]
)
def test_rule_12_what_never_was_counts_nowhere(promising: Promising, end: Happening) -> None:
    views = promising(RESPONSES + CLASSES).after([opened(), end])
    assert {row["state"] for row in views.clocks()} == {"cancelled"}
    assert not any(row["resolve_breached"] or row["first_response_breached"] for row in views.kpis())
