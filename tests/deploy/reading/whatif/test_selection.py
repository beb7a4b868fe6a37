"""Which cases are asked about, and which are left out of both sides."""

from typing import Any

import pytest

from processors.rules import Rules
from tests.deploy.conftest import Warehouse
from tests.deploy.reading.desks import Desk
from tests.deploy.reading.whatif.desk import ask, position_of
from tests.processors.feed import DAY, HOUR, Happening, event, rules

RULES = rules()
"""The default pack: 8 h for the first response to an email, 24 h for its resolution."""
pytestmark = pytest.mark.stack


def opened(name: str, at: int, **said: Any) -> Happening:
    said = {"direction": "inbound", "channel": "email", "org_unit": "es/a/n1", "priority": "normal"} | said
    return event("contact.opened", name, at, customer=f"k-{name}", **said)


def step(kind: str, name: str, at: int, **said: Any) -> Happening:
    return event(f"contact.{kind}", name, at, customer=f"k-{name}", **said)


def resolved(name: str, at: int) -> Happening:
    return step("resolved", name, at, resolution="solved")


def desk_of(warehouse: Warehouse, *log: Happening, by: Rules = RULES, until: int = 60 * DAY) -> Desk:
    desk = Desk(warehouse, by)
    for happening in log:
        desk.hear(happening)
    desk.until(until)
    return desk


def test_a_case_is_asked_about_from_its_opening_when_it_was_open_at_the_beginning(warehouse: Warehouse) -> None:
    desk_of(
        warehouse,
        opened("over", 0),
        opened("open", HOUR),
        resolved("over", 2 * HOUR),
        opened("new", 31 * DAY),
        resolved("open", 32 * DAY),
    )

    answer = ask(warehouse, RULES, RULES, 30 * DAY)

    assert (answer.compared.cases, answer.events, answer.left_out.total()) == (2, 3, 0)
    # Of `open` both deadlines lie before the span; of `new` first response and resolution broke in it.
    assert answer.compared.was == {
        (("n1", "first_response"), "breached"): 1,
        (("n1", "resolve"), "breached"): 1,
    }


def test_one_that_had_to_leave_while_open_is_left_out(warehouse: Warehouse) -> None:
    small = rules(cases_max=3)
    desk_of(warehouse, *(opened(f"C{number}", number * HOUR) for number in range(6)), by=small)

    answer = ask(warehouse, small, small)

    assert (answer.left_out, answer.compared.cases) == ({"evicted": 3}, 3)


def test_one_whose_later_events_were_folded_into_nothing_is_left_out(warehouse: Warehouse) -> None:
    short = rules(case_retention_days=2)
    desk_of(
        warehouse,
        opened("C1", 0), resolved("C1", HOUR), opened("C2", 0), step("customer_replied", "C1", 20 * DAY),
        by=short, until=21 * DAY,
    )  # fmt: skip

    answer = ask(warehouse, short, short)

    assert (answer.left_out, answer.compared.cases) == ({"beyond_retention": 1}, 1)


def test_what_is_written_after_the_partition_was_asked_where_it_is_is_left_out(warehouse: Warehouse) -> None:
    desk = desk_of(warehouse, opened("C1", 0), opened("C2", 0), until=DAY // 2)
    position = position_of(warehouse)
    desk.hear(resolved("C1", DAY))

    answer = ask(warehouse, RULES, RULES, position=position)

    assert (answer.left_out["changed_meanwhile"], answer.compared.cases) == (1, 1)


def test_one_of_which_this_release_rejects_an_event_is_left_out(warehouse: Warehouse) -> None:
    desk_of(warehouse, opened("C1", 0), opened("C2", 0))
    (row,) = warehouse.query("SELECT topic, partition, incarnation, offset FROM feedback_events WHERE entity_id = 'C1'")
    columns = ", ".join(name for name, *_ in warehouse.query("DESCRIBE TABLE feedback_events"))
    warehouse.engine.execute(
        f"INSERT INTO {warehouse.name}.feedback_events ({columns}) SELECT {columns} FROM (SELECT * REPLACE ('{{}}' AS"
        f" payload, version + 1 AS version) FROM {warehouse.name}.feedback_events WHERE offset = {row[3]})"
    )

    answer = ask(warehouse, RULES, RULES)

    assert (answer.left_out["unreadable"], answer.rejected.total(), answer.compared.cases) == (1, 1, 1)


def test_with_a_case_that_is_left_out_go_those_that_are_merged_with_it(warehouse: Warehouse) -> None:
    desk_of(
        warehouse,
        opened("C1", 0), opened("C2", 0), opened("C3", 0),
        step("merged", "C1", HOUR, into="C2"),
        event("customer.erased", "erase-1", DAY, source="privacy", customer="k-C1"),
    )  # fmt: skip

    answer = ask(warehouse, RULES, RULES)

    assert (answer.left_out, answer.compared.cases) == ({"erased": 2}, 1)


def test_a_test_counts_nowhere(warehouse: Warehouse) -> None:
    desk_of(warehouse, opened("C1", 0, test=True))
    answer = ask(warehouse, RULES, RULES)
    assert (answer.compared.cases, answer.left_out.total(), answer.compared.was.total()) == (0, 0, 0)
