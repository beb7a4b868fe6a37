"""What a case waits for: for whom, and since when, is the same thing in `v_cases` and `v_sla`."""

from typing import Any

import pytest

from tests.laws.sla.office import HUMAN, Promising, claim, complaint, contact, opened
from tests.processors.feed import HOUR, MINUTE, T0, Happening
from tests.processors.views import Row

ON_CUSTOMER = "  resolve: [{target: 8h, pausable: true, pause_on: [waiting_customer], pause_reasons: [info, other]}]\n"
ON_BOTH = "  resolve: [{target: 8h, pausable: true}]\n"
CUSTOMER = contact("waiting_customer", HOUR, reason="info")
VENDOR = contact("waiting_third_party", HOUR)


def shown(case: Row, clock: Row) -> tuple[Any, ...]:
    since = case["waiting_since"]
    return (
        case["state"], case["waiting_on"], since and (since - T0) / HOUR,
        clock["state"], clock["waiting_on"], clock["paused_since"] and (clock["paused_since"] - T0) / HOUR,
        clock["paused_ms"] / HOUR,
    )  # fmt: skip


FOR_CUSTOMER = ("waiting_customer", "customer", 1)
FOR_VENDOR = ("waiting_third_party", "third_party", 2)
PAUSED = ("paused", "customer", 1, 0)
WAITS: list[tuple[str, list[Happening], tuple[Any, ...], tuple[Any, ...]]] = [
    ("nothing else", [CUSTOMER], (*FOR_CUSTOMER, *PAUSED), (*FOR_CUSTOMER, *PAUSED)),
    ("somebody gets it", [CUSTOMER, contact("assigned", 2 * HOUR, owner="ana")], (*FOR_CUSTOMER, *PAUSED),
     (*FOR_CUSTOMER, *PAUSED)),
    ("an agent writes", [CUSTOMER, contact("agent_replied", 2 * HOUR, actor=HUMAN)], (*FOR_CUSTOMER, *PAUSED),
     (*FOR_CUSTOMER, *PAUSED)),
    ("it is queued, answered, handed on",
     [CUSTOMER, contact("queued", 2 * HOUR, queue="q"), contact("answered", 2 * HOUR + 1, actor=HUMAN),
      contact("transferred", 2 * HOUR + 2, **{"from": "a", "to": "b"})], (*FOR_CUSTOMER, *PAUSED),
     (*FOR_CUSTOMER, *PAUSED)),
    ("told again", [CUSTOMER, contact("waiting_customer", 2 * HOUR, reason="info")], (*FOR_CUSTOMER, *PAUSED),
     (*FOR_CUSTOMER, *PAUSED)),
    ("for another reason, of which the pack pauses on one",
     [contact("waiting_customer", HOUR), contact("waiting_customer", 2 * HOUR, reason="schedule")],
     ("waiting_customer", "customer", 2, "running", "", None, 1),
     ("waiting_customer", "customer", 2, "paused", "customer", 2, 1)),
    ("then for a third party", [CUSTOMER, contact("waiting_third_party", 2 * HOUR)],
     (*FOR_VENDOR, "running", "", None, 1), (*FOR_VENDOR, "paused", "third_party", 2, 1)),
    ("then for the customer", [VENDOR, contact("waiting_customer", 2 * HOUR, reason="info")],
     ("waiting_customer", "customer", 2, "paused", "customer", 2, 0),
     ("waiting_customer", "customer", 2, "paused", "customer", 2, 1)),
    ("resumed", [CUSTOMER, contact("resumed", 2 * HOUR)], ("in_progress", "", None, "running", "", None, 1),
     ("in_progress", "", None, "running", "", None, 1)),
    ("the customer speaks while it waits for others", [VENDOR, contact("customer_replied", 2 * HOUR)],
     ("in_progress", "", None, "running", "", None, 0), ("in_progress", "", None, "running", "", None, 1)),
    ("reopened", [CUSTOMER, contact("reopened", 2 * HOUR)], ("in_progress", "", None, "running", "", None, 1),
     ("in_progress", "", None, "running", "", None, 1)),
    ("resolved", [CUSTOMER, contact("resolved", 2 * HOUR)], ("resolved", "", None, "met", "", None, 1),
     ("resolved", "", None, "met", "", None, 1)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "log", "on_customer", "on_both"), WAITS, ids=[case[0] for case in WAITS])
def test_a_case_and_its_clock_wait_for_the_same(
    promising: Promising, name: str, log: list[Happening], on_customer: tuple[Any, ...], on_both: tuple[Any, ...]
) -> None:
    for pack, expected in ((ON_CUSTOMER, on_customer), (ON_BOTH, on_both)):
        views = promising(pack).after([opened(), *log], until=3 * HOUR)
        assert shown(views.case("C1"), views.clock("C1", "resolve")) == expected, name


def test_who_was_asked_outside_is_a_third_party(promising: Promising) -> None:
    views = promising(ON_BOTH).after([claim(), complaint("forwarded_external", 2 * HOUR, to="bank")], until=3 * HOUR)
    assert shown(views.case("R1"), views.clock("R1", "resolve")) == (*FOR_VENDOR, "paused", "third_party", 2, 0)


def test_what_begins_while_the_case_waits_waits_too(promising: Promising) -> None:
    office = promising("  update_every: [{target: 2h, pausable: true}]\n")
    log = [opened(), CUSTOMER, contact("agent_replied", 2 * HOUR, actor=HUMAN)]
    first, second = sorted(office.after(log, until=9 * HOUR).clocks(), key=lambda row: int(row["instance"]))
    assert (first["state"], second["state"], second["paused_since"]) == ("met", "paused", T0 + 2 * HOUR)


@pytest.mark.parametrize(
    ("name", "to", "state", "paused", "due"),
    [
        ("the new promise does not pause", "low", "running", 1, 9),
        ("the new promise pauses too: as before", "high", "paused", 0, 8 + 120),
    ],
)
def test_another_promise_that_waits_otherwise(
    promising: Promising, name: str, to: str, state: str, paused: int, due: int
) -> None:
    rules = "  resolve:\n    - {when: {priority: [low]}, target: 8h}\n    - {target: 8h, pausable: true}\n"
    changed = contact("priority_changed", 2 * HOUR, **{"from": "normal", "to": to})
    row = promising(rules).after([opened(), CUSTOMER, changed], until=3 * HOUR).clock("C1", "resolve")
    assert (row["state"], row["paused_ms"] / HOUR, (row["due_at"] - T0) / HOUR) == (state, paused, due), name


def test_a_promise_that_pauses_now_does_so_from_now_on(promising: Promising) -> None:
    rules = "  resolve:\n    - {when: {priority: [low]}, target: 8h, pausable: true}\n    - {target: 8h}\n"
    changed = contact("priority_changed", 2 * HOUR, **{"from": "normal", "to": "low"})
    row = promising(rules).after([opened(), CUSTOMER, changed], until=3 * HOUR).clock("C1", "resolve")
    assert (row["state"], row["paused_since"]) == ("paused", T0 + 2 * HOUR)


def test_a_pause_that_has_lasted_its_longest_leaves_the_case_waiting(promising: Promising) -> None:
    office = promising("  resolve: [{target: 8h, pausable: true, max_pause: 2h}]\n")
    views = office.after([opened(), CUSTOMER], until=4 * HOUR)
    assert shown(views.case("C1"), views.clock("C1", "resolve")) == (*FOR_CUSTOMER, "running", "", None, 2)


def test_every_metric_pauses_that_a_pack_lets_pause(promising: Promising) -> None:
    office = promising("  first_response: [{target: 4h}]\n  next_response: [{target: 2h, pausable: true}]\n")
    log = [opened(), contact("agent_replied", MINUTE, actor=HUMAN), contact("customer_replied", 2 * MINUTE), VENDOR]
    assert office.after(log, until=3 * HOUR).clock("C1", "next_response")["state"] == "paused"
