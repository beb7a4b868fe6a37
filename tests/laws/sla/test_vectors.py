"""The nineteen vectors of due times: split shifts, holidays, clock changes, pauses, working days."""

import pytest

from tests.laws.sla.office import SPLIT, Promising, at, clocks_of, contact, local, opened
from tests.processors.feed import HOUR, T0

DUE = [
    (1, "2026-11-24 10:00", f"target: 2h, {SPLIT}", "2026-11-24 12:00"),
    (2, "2026-11-24 13:30", f"target: 1h, {SPLIT}", "2026-11-24 16:30"),
    (3, "2026-11-27 18:00", f"target: 1h, {SPLIT}", "2026-11-30 09:30"),
    (4, "2026-11-25 07:00", f"target: 2h, {SPLIT}", "2026-11-25 11:00"),
    (5, "2026-11-24 14:30", f"target: 30min, {SPLIT}", "2026-11-24 16:30"),
    (6, "2026-12-07 18:00", f"target: 2h, {SPLIT}", "2026-12-09 10:30"),
    (7, "2026-11-24 17:30", f"target: 1h, {SPLIT}", "2026-11-24 18:30"),
    (8, "2026-11-24 18:30", f"target: 1h, {SPLIT}", "2026-11-25 10:00"),
    (9, "2026-11-28 12:00", f"target: 1h, {SPLIT}", "2026-11-30 10:00"),
    (10, "2026-10-25 00:30", "target: 4h, calendar: always", "2026-10-25 03:30"),
    (11, "2027-03-28 00:30", "target: 4h, calendar: always", "2027-03-28 05:30"),
    (12, "2026-10-24 23:00", "target: 4h, calendar: night", "2026-10-25 02:00"),
    (17, "2026-11-23 10:00", f"working_days: 15, {SPLIT}", "2026-12-15 23:59"),
    (18, "2026-11-27 23:50", f"working_days: 15, {SPLIT}", "2026-12-21 23:59"),
    (18, "2026-11-28 10:00", f"working_days: 15, {SPLIT}", "2026-12-21 23:59"),
    (19, "2026-12-15 10:00", f"working_days: 15, {SPLIT}", "2027-01-08 23:59"),
]


@pytest.mark.parametrize(("vector", "start", "target", "due"), DUE, ids=[f"{case[0]} {case[1]}" for case in DUE])
def test_vectors_without_pauses(promising: Promising, vector: int, start: str, target: str, due: str) -> None:
    row = promising(f"  resolve: [{{{target}}}]\n").after([opened(at(start))]).clock("C1", "resolve")
    assert local(row["due_at"]) == due, vector
    assert row["state"] == "breached_open"


def test_vector_12_is_the_second_two_o_clock(promising: Promising) -> None:
    row = promising("  resolve: [{target: 4h, calendar: night}]\n").after([opened(at("2026-10-24 23:00"))])
    assert row.clock("C1", "resolve")["due_at"] - T0 - at("2026-10-24 23:00") == 4 * HOUR


def test_vector_13_what_is_left_after_a_weekend_is_business_time(promising: Promising) -> None:
    start, end, again = at("2026-11-27 18:00"), at("2026-11-30 10:00"), at("2026-12-01 09:00")
    log = [opened(start), contact("resolved", end), contact("reopened", again)]
    rows = clocks_of(promising(f"  resolve: [{{target: 4h, {SPLIT}}}]\n").after(log), "resolve")
    assert [row["target_ms"] for row in rows] == [4 * HOUR, 2.5 * HOUR]


@pytest.mark.parametrize(
    ("vector", "reply", "due"),
    [(14, "2026-11-25 09:30", "2026-11-25 12:30"), (15, "2026-11-28 20:00", "2026-11-30 12:00")],
)
def test_vectors_with_a_pause(promising: Promising, vector: int, reply: str, due: str) -> None:
    log = [
        opened(at("2026-11-24 10:00")),
        contact("waiting_customer", at("2026-11-24 11:00"), reason="info"),
        contact("customer_replied", at(reply)),
    ]
    row = promising(f"  resolve: [{{target: 4h, {SPLIT}, pausable: true}}]\n").after(log).clock("C1", "resolve")
    assert local(row["due_at"]) == due, vector
    assert row["paused_ms"] == at(reply) - at("2026-11-24 11:00"), "elapsed, as the customer felt it"


def test_vector_16_a_deadline_that_is_past_when_the_priority_is_raised(promising: Promising) -> None:
    office = promising(f"  resolve: [{{when: {{priority: [urgent]}}, target: 2h, {SPLIT}}}, {{target: 8h, {SPLIT}}}]\n")
    start, raised = opened(at("2026-11-24 10:00")), at("2026-11-24 12:30")
    row = office.after([start]).clock("C1", "resolve")
    assert (local(row["due_at"]), row["retroactive"]) == ("2026-11-25 10:30", 0)
    change = contact("priority_changed", raised, **{"from": "normal", "to": "urgent"})
    row = office.after([start, change]).clock("C1", "resolve")
    assert (local(row["due_at"]), row["retroactive"]) == ("2026-11-24 12:45", 1)
