"""What grows without end costs no more, and loses nothing that matters."""

import time
from collections.abc import Callable
from typing import Any

from processors.pipeline.step import EMPTY, step
from processors.rules import ERASED_CUSTOMERS_MAX
from processors.runtime.timeouts import STEP_SECONDS
from processors.state.erased import Erased
from schemas.outputs import Change
from schemas.topics import INPUTS
from tests.collector import collected_as_in_a_worker
from tests.processors.feed import HOUR, MINUTE, SECOND, T0, Feed, event, rules
from tests.processors.views import Views

RULES = rules()
SLICE = 500
TICK_SECONDS = 0.02
"""What the clock of the CPU may be off by on a machine that others use."""


def cpu_seconds(work: Callable[[], Any]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def opened(number: int, at: int = 0, **fields: Any) -> Any:
    usual = {"direction": "inbound", "channel": "email", "category": "billing", "customer": f"c{number}"}
    return event("contact.opened", f"C{number}", at, **usual | fields)


def fed(cases: int, **fields: Any) -> Feed:
    """A state with so many open cases, each of another customer."""
    feed = Feed(RULES)
    for start in range(0, cases, SLICE):
        feed.feed(*(opened(number, **fields) for number in range(start, min(start + SLICE, cases))))
    return feed


def test_a_customer_who_opens_case_after_case_costs_the_same_each_time() -> None:
    feed = Feed(RULES)

    def open_some(start: int) -> float:
        contacts = [opened(number, number * SECOND, customer="c1") for number in range(start, start + SLICE)]
        return cpu_seconds(lambda: feed.feed(*contacts))

    first = min(open_some(start) for start in (0, SLICE))
    last = min(open_some(start) for start in range(4 * SLICE, 7 * SLICE, SLICE))
    assert last < 3 * first


def test_a_case_of_more_events_than_are_kept_can_still_be_resolved() -> None:
    feed, views = Feed(RULES), Views()
    feed.feed(opened(1, customer="c1", priority="urgent"))
    feed.feed(*(event("contact.customer_replied", "C1", (n + 1) * SECOND) for n in range(RULES.case_events_max + 5)))
    feed.feed(event("contact.resolved", "C1", 10 * MINUTE, resolution="solved"))
    feed.until(6 * HOUR)
    views.insert(feed.checkpoint())
    assert views.case("C1")["state"] == "resolved"
    assert views.clock("C1", "resolve")["state"] == "met"
    assert not [row for row in views.incidents() if (row["pattern"], row["state"]) == ("P02", "open")]


def test_deadlines_of_one_moment_do_not_hold_the_event_loop() -> None:
    """A hundred thousand at a moment would keep it from running for longer than the watchdog waits."""
    feed = fed(5_000, priority="urgent")
    for topic in INPUTS:
        feed.state.advance_watermark(topic, T0 + 4 * HOUR + 2 * MINUTE)
    longest, steps, finished = 0.0, 0, False
    with collected_as_in_a_worker():
        while not finished:
            began = time.process_time()
            end = began + STEP_SECONDS
            finished = step(feed.state, EMPTY, feed.state.now, lambda: time.process_time() >= end).finished  # noqa: B023
            longest, steps = max(longest, time.process_time() - began), steps + 1
    assert steps > 5
    assert longest < 2 * STEP_SECONDS


def test_an_erasure_costs_the_same_whatever_else_the_state_holds() -> None:
    def erase_some(cases: int) -> float:
        feed = fed(cases)
        erased = [event("customer.erased", f"x{n}", HOUR, customer=f"c{n}") for n in range(100)]
        return cpu_seconds(lambda: feed.feed(*erased))

    assert erase_some(6_000) < 3 * erase_some(600) + TICK_SECONDS


def test_an_erasure_beyond_those_that_are_remembered_costs_the_same() -> None:
    def add_some(remembered: int) -> float:
        erased = Erased()
        erased.apply(Change((), [(number, number) for number in range(1, remembered + 1)]), 1)

        def add() -> None:
            for number in range(20):
                erased.add(f"z{number}", T0 + number)

        return cpu_seconds(add)

    assert add_some(ERASED_CUSTOMERS_MAX) < 20 * add_some(ERASED_CUSTOMERS_MAX - 100) + TICK_SECONDS
