"""Rule 8: what pauses a clock, for how long, and what a pause may not hide."""

import pytest

from tests.laws.sla.office import (
    BOT,
    HUMAN,
    PAUSABLE,
    SPLIT,
    WAITS,
    Promising,
    at,
    claim,
    complaint,
    contact,
    local,
    opened,
)
from tests.processors.feed import DAY, HOUR, MINUTE, T0, Happening

PAUSES = [
    ("paused but ticking", [WAITS, contact("resumed", 9 * HOUR)], 12, 8, "breached_open"),
    ("resumes on the reply whatever the flag says", [WAITS, contact("customer_replied", 2 * HOUR)], 5, 1,
     "breached_open"),
    ("a reason that does not count", [contact("waiting_customer", HOUR, reason="schedule")], 4, 0, "breached_open"),
    ("no reason at all", [contact("waiting_customer", HOUR)], 4, 0, "breached_open"),
    ("a third party", [contact("waiting_third_party", HOUR, reason="evidence"), contact("resumed", 2 * HOUR)], 5, 1,
     "breached_open"),
    ("breached shown as paused", [contact("waiting_customer", 5 * HOUR, reason="info")], 4, 0, "breached_open"),
    ("paused twice at once",
     [WAITS, contact("waiting_customer", 2 * HOUR, reason="info"), contact("resumed", 3 * HOUR)], 6, 2,
     "breached_open"),
    ("a forgotten pause", [WAITS], 4 + 120, 120, "breached_open"),
    ("a reply after a forgotten pause changes nothing", [WAITS, contact("customer_replied", 122 * HOUR)], 124, 120,
     "breached_open"),
    ("paused again after a forgotten one",
     [WAITS, contact("waiting_customer", 122 * HOUR, reason="info"), contact("resumed", 123 * HOUR)], 125, 121,
     "breached_open"),
    ("resolved while it waits", [WAITS, contact("resolved", 50 * HOUR)], 53, 49, "met"),
    ("an agent's reply does not resume", [WAITS, contact("agent_replied", 2 * HOUR, actor=HUMAN),
     contact("resumed", 3 * HOUR)], 6, 2, "breached_open"),
    ("a change of priority keeps the pause",
     [WAITS, contact("priority_changed", 2 * HOUR, **{"from": "normal", "to": "low"}), contact("resumed", 3 * HOUR)],
     6, 2, "breached_open"),
]  # fmt: skip


@pytest.mark.parametrize(("complaint", "log", "due", "paused", "state"), PAUSES, ids=[case[0] for case in PAUSES])
def test_rule_8_pauses(
    promising: Promising, complaint: str, log: list[Happening], due: int, paused: int, state: str
) -> None:
    row = promising(PAUSABLE).after([opened(), *log]).clock("C1", "resolve")
    assert (row["due_at"] - T0) / HOUR == due
    assert (row["paused_ms"] / HOUR, row["state"]) == (paused, state)


def test_rule_8_a_forgotten_pause_that_ends_on_a_saturday_leaves_the_time_of_monday(promising: Promising) -> None:
    office = promising(f"  resolve: [{{target: 4h, {SPLIT}, pausable: true, max_pause: 4d}}]\n")
    log = [opened(at("2026-11-24 10:00")), contact("waiting_customer", at("2026-11-24 11:00"), reason="info")]
    row = office.after(log).clock("C1", "resolve")
    assert (local(row["due_at"]), row["paused_ms"], row["state"]) == ("2026-11-30 12:00", 4 * DAY, "breached_open")


def test_rule_8_a_paused_clock_says_so_and_a_breached_one_never_does(promising: Promising) -> None:
    office = promising(PAUSABLE)
    assert office.after([opened(), WAITS], until=2 * HOUR).clock("C1", "resolve")["state"] == "paused"
    late = contact("waiting_customer", 4 * HOUR + 1, reason="info")
    assert office.after([opened(), late], until=5 * HOUR).clock("C1", "resolve")["state"] == "breached_open"


@pytest.mark.parametrize(
    ("complaint", "log", "illegitimate"),
    [
        ("nobody waits for us", [WAITS, contact("resumed", 5 * HOUR)], 0),
        (
            "paused with a message unanswered",
            [contact("customer_replied", MINUTE), WAITS, contact("resumed", 3 * HOUR)],
            2,
        ),
        (
            "answered during the pause",
            [
                contact("customer_replied", MINUTE),
                WAITS,
                contact("agent_replied", 2 * HOUR, actor=HUMAN),
                contact("resumed", 5 * HOUR),
            ],
            1,
        ),
        (
            "answered by a bot is not answered",
            [
                contact("customer_replied", MINUTE),
                WAITS,
                contact("agent_replied", 2 * HOUR, actor=BOT),
                contact("resumed", 5 * HOUR),
            ],
            4,
        ),
        (
            "answered before the pause",
            [contact("customer_replied", MINUTE), contact("agent_replied", 2 * MINUTE, actor=HUMAN), WAITS],
            0,
        ),
        ("forgotten with a message unanswered", [contact("customer_replied", MINUTE), WAITS], 120),
    ],
)
def test_rule_8_time_paused_while_the_customer_waited_is_measured(
    promising: Promising, complaint: str, log: list[Happening], illegitimate: int
) -> None:
    row = promising(PAUSABLE).after([opened(), *log]).clock("C1", "resolve")
    assert row["illegitimate_pause_ms"] == illegitimate * HOUR, complaint


def test_rule_8_a_legal_clock_never_pauses(promising: Promising) -> None:
    office = promising("  final_response: [{working_days: 15, calendar: es-working-days, legal: true}]\n")
    plain = office.after([claim()]).clock("R1", "final_response")
    waiting = office.after([claim(), complaint("waiting_customer", HOUR, reason="info")]).clock("R1", "final_response")
    assert plain == waiting
