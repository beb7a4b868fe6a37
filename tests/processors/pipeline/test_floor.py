"""What a partition tells the board: counted as cases change, and the next deadlines read off the timers."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from processors.pipeline.floor import floor_of, next_deadlines
from schemas.floor import DEADLINES_MAX, Deadline, ProcessFloor, decode, encode
from tests.processors.feed import HOUR, MINUTE, SECOND, T0, Feed, Happening, event, rules

RULES = rules()


def opened(number: int, at: int, priority: str = "normal", **fields: Any) -> Happening:
    return event("contact.opened", f"E{number}", at, channel="email", direction="inbound", priority=priority, **fields)


def every_deadline(feed: Feed) -> list[tuple[int, str, str]]:
    """By a walk over all cases, which the board must not make."""
    return sorted(
        (clock.due_at, case.key[2], clock.metric)
        for case in feed.state.cases.values()
        for clock, state in zip(case.evaluation.clocks, case.evaluation.states, strict=True)
        if state == "running" and not case.fold.test
    )


def told(deadlines: list[Deadline]) -> list[tuple[int, str, str]]:
    return [(one.due_at, one.entity_id, one.metric) for one in deadlines]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 20 * HOUR), st.sampled_from(["low", "normal", "urgent"])), max_size=40))
def test_the_next_deadlines_are_those_that_a_walk_over_all_cases_finds(made: list[tuple[int, str]]) -> None:
    feed = Feed(RULES)
    feed.feed(*(opened(number, at, priority) for number, (at, priority) in enumerate(sorted(made))))
    for passed in (0, HOUR, 5 * HOUR):
        feed.until(20 * HOUR + passed)
        assert [one.due_at for one in next_deadlines(feed.state)] == [
            due for due, _, _ in every_deadline(feed)[:DEADLINES_MAX]
        ]


def test_a_deadline_says_whose_it_is_and_whether_a_warning_has_passed() -> None:
    feed = Feed(RULES)
    feed.feed(opened(1, 0, "urgent", area="sales"))
    feed.until(MINUTE)
    (first, *_) = next_deadlines(feed.state)
    assert (first.topic, first.source, first.entity_id, first.metric) == ("contact-events", "crm", "E1", "resolve")
    assert (first.due_at, first.priority, first.policy, first.warned) == (T0 + 4 * HOUR, "urgent", "default", False)
    feed.until(3 * HOUR + 50 * MINUTE)
    assert next_deadlines(feed.state)[0].warned


def test_nothing_of_tests_and_of_what_is_over_is_told() -> None:
    feed = Feed(RULES)
    feed.feed(
        opened(1, 0, test=True),
        opened(2, 0),
        event("contact.resolved", "E2", SECOND, resolution="solved"),
    )
    feed.until(MINUTE)
    assert [one.entity_id for one in next_deadlines(feed.state)] == []
    assert floor_of(feed.state, T0 + MINUTE).clocks == ()


def test_open_clocks_are_counted_by_area_promise_and_standing() -> None:
    feed = Feed(RULES)
    feed.feed(*(opened(number, 0, "urgent") for number in range(3)))
    feed.until(MINUTE)
    before = {(one.metric, one.standing): one.count for one in floor_of(feed.state, T0).clocks}
    assert before == {("first_response", "on_track"): 3, ("resolve", "on_track"): 3}
    feed.until(4 * HOUR + 2 * MINUTE)
    after = {(one.metric, one.standing): one.count for one in floor_of(feed.state, T0).clocks}
    assert after == {("first_response", "at_risk"): 3, ("resolve", "overdue"): 3}


def test_waits_are_told_while_they_last_and_counted_in_the_last_hour_once_they_are_decided() -> None:
    feed = Feed(RULES)
    for number, answered_at in ((1, 5 * SECOND), (2, 0)):
        feed.feed(event("contact.opened", f"P{number}", 0, channel="phone", direction="inbound"))
        feed.feed(event("contact.queued", f"P{number}", 0, queue="main"))
        if answered_at:
            feed.feed(event("contact.answered", f"P{number}", answered_at, actor={"kind": "human", "id": "a1"}))
    feed.until(MINUTE)
    feed.checkpoint()
    told_now = floor_of(feed.state, T0 + MINUTE)
    assert (told_now.waiting, told_now.longest_wait_since) == (1, T0)
    assert told_now.hour == {"waits_in_target": 1, "waits_promised": 2}
    assert floor_of(feed.state, T0 + 2 * HOUR).hour == {"waits_in_target": 0, "waits_promised": 0}


def test_what_a_process_says_is_read_as_it_was_said() -> None:
    feed = Feed(RULES)
    feed.feed(opened(1, 0))
    feed.until(MINUTE)
    said = ProcessFloor("worker", "a", T0, ("why",), 12, (floor_of(feed.state, T0),), {"crm": 2})
    assert decode(encode(said)) == said
