"""Rule 16: an erased customer is owed nothing, and what was counted stays counted."""

import pytest

from tests.laws.sla.office import WAITS, Promising, contact, opened
from tests.processors.feed import HOUR, MINUTE, T0, Happening, event

ERASED = event("customer.erased", "E1", 3 * HOUR)
ERASURES = [
    ("an open clock goes on for nobody", [], "cancelled", 3),
    ("paused for someone who is gone", [WAITS], "cancelled", 3),
    ("kept promises stay kept", [contact("resolved", HOUR)], "met", 1),
    ("a breach is a breach, though nobody may be named", [contact("priority_changed", MINUTE, **{"from": "normal",
     "to": "urgent"})], "breached", 3),
    ("broken and done with before", [contact("priority_changed", MINUTE, **{"from": "normal", "to": "urgent"}),
     contact("resolved", 150 * MINUTE)], "breached", 2.5),
]  # fmt: skip


@pytest.mark.parametrize(("complaint", "log", "state", "stopped"), ERASURES, ids=[case[0] for case in ERASURES])
def test_rule_16_erasure_ends_clocks_and_names_nobody(
    promising: Promising, complaint: str, log: list[Happening], state: str, stopped: float
) -> None:
    office = promising(
        "  resolve: [{when: {priority: [urgent]}, target: 2h}, {target: 4h, pausable: true, pause_reasons: [info]}]\n"
    )
    views = office.after([opened(), *log, ERASED])
    row = views.clock("C1", "resolve")
    assert (row["state"], (row["stopped_at"] - T0) / HOUR) == (state, stopped)
    assert all(row["customer_id"] == "" for row in (*views.clocks(), *views.cases(), *views.incidents()))
    assert all(incident["state"] == "closed" for incident in views.incidents())


@pytest.mark.parametrize(("complaint", "log", "state", "stopped"), ERASURES, ids=[case[0] for case in ERASURES])
def test_rule_16_erasure_leaves_the_aggregates(
    promising: Promising, complaint: str, log: list[Happening], state: str, stopped: float
) -> None:
    office = promising("  resolve: [{when: {priority: [urgent]}, target: 2h}, {target: 4h, pausable: true}]\n")
    before = office.after([opened(), *log], until=3 * HOUR)
    assert office.after([opened(), *log, ERASED]).kpis() == before.kpis()
    assert before.kpis()
