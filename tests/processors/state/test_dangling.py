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


def test_beyond_its_bound_none_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dangling, "DANGLING_MAX", 2)
    waiting = Dangling()
    for row in rows(1, 2, 3):
        waiting.add(row, NAMED)
    assert len(waiting) == 2


def test_it_is_read_back_as_it_was_written() -> None:
    waiting, again = Dangling(), Dangling()
    first, second = rows(1, 2)
    for row in (first, second):
        waiting.add(row, NAMED)
    for change in waiting.changes():
        again.apply(change, Dangling.version)
    assert [*again.pop_due(2**60)] == [first, second]
    [*waiting.pop_due(first.record_at + DANGLING_AFTER_MS + 1)]
    for change in waiting.changes():
        assert change.content is None
    whole = [change.content for key in waiting.all_keys() for change in waiting.whole(key) or ()]
    assert whole == [(second, NAMED)]
    for change in waiting.changes():
        assert change.content is None
