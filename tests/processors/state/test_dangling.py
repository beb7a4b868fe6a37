"""Survey events that wait for the case that they name: bounded, in order of time, and the same after a restart."""

import pytest

from processors.state import dangling
from processors.state.dangling import DANGLING_AFTER_MS, Dangling, Named
from schemas.outputs import EventRow
from tests.processors.feed import Feed, event

NAMED = (("contact-events", "C1"), ("complaint-events", "R1"))


def rows(*seconds: int) -> list[EventRow]:
    """The rows of answers that arrived at T0 + so many seconds."""
    feed = Feed()
    for at in seconds:
        feed.feed(event("survey.answered", f"S{at}", at * 1_000, kind="nps", mode="app", score=9))
    return feed.state.pending.events


def test_they_are_due_in_the_order_in_which_they_arrived_and_once() -> None:
    waiting = Dangling()
    later, earlier = rows(7, 3)
    for row in (later, earlier):
        waiting.add(row, NAMED)
    due = later.record_at + DANGLING_AFTER_MS
    assert [*waiting.pop_due(due)] == [earlier], "what arrives at that very moment is still in time"
    assert [*waiting.pop_due(due + 1)] == [later]
    assert [*waiting.pop_due(due + 1)] == []


@pytest.mark.parametrize("named", NAMED)
def test_it_waits_until_something_of_one_case_that_it_names_arrived_in_time(named: Named) -> None:
    waiting = Dangling()
    (row,) = rows(1)
    due = row.record_at + DANGLING_AFTER_MS
    waiting.add(row, NAMED)
    waiting.arrived(("contact-events", "C2"), due)
    waiting.arrived(named, due + 1)
    assert len(waiting) == 1
    waiting.arrived(named, due)
    assert len(waiting) == 0
    assert [*waiting.pop_due(2**60)] == []


def test_what_was_due_by_a_wrong_clock_waits_again_when_it_is_set_back_and_is_told_when_its_case_had_come() -> None:
    waiting = Dangling()
    first, second = rows(1, 2)
    for row in (first, second):
        waiting.add(row, NAMED)
    due = second.record_at + DANGLING_AFTER_MS
    assert [*waiting.pop_due(2**60)] == [first, second]
    assert waiting.set_back(due) == [second]
    assert [*waiting.pop_due(due)] == []
    assert [*waiting.pop_due(due + 1)] == [second]
    assert waiting.arrived(NAMED[0], due) == [second], "it was warned, and what it names had come in time"
    assert len(waiting) == 1


def test_beyond_their_bounds_none_waits_and_the_oldest_that_is_warned_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dangling, "DANGLING_MAX", 2)
    monkeypatch.setattr(dangling, "WARNED_MAX", 1)
    waiting = Dangling()
    first, second, third = rows(1, 2, 3)
    for row in (first, second, third):
        waiting.add(row, NAMED)
    assert len(waiting) == 2
    assert [*waiting.pop_due(2**60)] == [first, second]
    assert waiting.arrived(NAMED[0], 0) == [second]


def test_it_is_read_back_as_it_was_written() -> None:
    waiting, again, last = Dangling(), Dangling(), Dangling()
    first, second, third = rows(1, 2, 3)
    for row in (first, second, third):
        waiting.add(row, NAMED)
    [*waiting.pop_due(first.record_at + DANGLING_AFTER_MS + 1)]
    waiting.arrived(NAMED[0], first.record_at)  # in time for all three
    for row in (second, third):
        waiting.add(row, NAMED)
    [*waiting.pop_due(second.record_at + DANGLING_AFTER_MS + 1)]
    for change in waiting.changes():
        again.apply(change, Dangling.version)
    whole = [change for key in waiting.all_keys() for change in waiting.whole(key) or ()]
    for change in whole:
        last.apply(change, Dangling.version)
    for each in (again, last):
        assert each.set_back(0) == [second]
        assert [*each.pop_due(2**60)] == [second, third]
        assert each.arrived(NAMED[1], 0) == [second, third]
        assert [change.content for change in each.changes()] == [None, None]
