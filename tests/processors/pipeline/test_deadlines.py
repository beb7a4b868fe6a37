"""Many deadlines at one moment fire a few at a time, and count as if they had fired at once."""

from collections.abc import Callable, Iterator

import pytest

from processors.pipeline import deadlines
from processors.pipeline.step import EMPTY, never, step
from processors.state.partition import PartitionState
from schemas.topics import CONTACTS, INPUTS
from tests.processors.feed import HOUR, MINUTE, SECOND, T0, Feed, Happening, event, rules
from tests.processors.views import Views, differences

RULES = rules()
CASES = 20
LATER = 6 * HOUR
"""Behind the deadlines of an urgent contact."""


def opened(number: int, at: int = 0) -> Happening:
    said = {"direction": "inbound", "channel": "email", "priority": "urgent"}
    return event("contact.opened", f"C{number}", at, customer=f"c{number}", arrives=None, **said)


def fed(apart: int = 0) -> Feed:
    """Open cases; the deadlines of each lie `apart` ms from those of the next."""
    feed = Feed(RULES)
    feed.feed(*(opened(number, number * apart) for number in range(CASES)))
    return feed


def pass_time(feed: Feed, spent: Callable[[], bool] = never) -> Iterator[PartitionState]:
    """Let time pass in as many steps as it takes, and see the state after each."""
    for topic in INPUTS:
        feed.state.advance_watermark(topic, T0 + LATER)
    finished = False
    while not finished:
        finished = step(feed.state, EMPTY, feed.state.now, spent).finished
        yield feed.state


def shown(feed: Feed) -> object:
    views = Views()
    views.insert(feed.checkpoint())
    return views.shown()


def test_a_step_stops_between_two_deadlines_of_one_moment_and_is_no_state_to_write_meanwhile() -> None:
    feed = fed()
    feed.checkpoint()
    states = [(state.consistent, state.watermarks.timers_fired_to[CONTACTS]) for state in pass_time(feed, lambda: True)]
    assert len(states) >= CASES
    assert {moment for consistent, moment in states if not consistent} == {T0 + LATER}
    assert states[-1][0]


def test_between_two_moments_the_state_may_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadlines, "PHASE", 1)
    feed = fed(apart=SECOND)
    states = [(state.consistent, state.watermarks.timers_fired_to[CONTACTS]) for state in pass_time(feed, lambda: True)]
    assert all(consistent for consistent, _ in states)
    assert len({moment for _, moment in states}) >= CASES


@pytest.mark.parametrize("steps", [1, 7, CASES - 1])
def test_after_a_crash_between_them_all_of_them_fire(steps: int) -> None:
    undisturbed, crashed = fed(), fed()
    list(pass_time(undisturbed))
    crashed.checkpoint()
    for _, _ in zip(range(steps), pass_time(crashed, lambda: True), strict=False):
        pass
    crashed.restart()
    list(pass_time(crashed))
    assert len(crashed.checkpoint().rows["sla_clocks"]) == len(undisturbed.checkpoint().rows["sla_clocks"]) > CASES


@pytest.mark.parametrize("phase", [1, 3, 256])
@pytest.mark.parametrize("apart", [0, SECOND])
def test_neither_cuts_nor_phases_change_what_is_written(
    phase: int, apart: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, cut = fed(apart), fed(apart)
    list(pass_time(whole))
    monkeypatch.setattr(deadlines, "PHASE", phase)
    list(pass_time(cut, lambda: True))
    assert shown(cut) == shown(whole)


def test_a_record_that_makes_many_deadlines_final_waits_until_they_have_fired() -> None:
    feed = fed()
    late = feed.append(opened(CASES, RULES.kpi_memory_ms + LATER))
    before = sum(progress.read for progress in feed.state.progress.values())
    processed: list[int] = []

    def between() -> None:
        processed.append(sum(progress.read for progress in feed.state.progress.values()) - before)

    feed.take_in_parts(CONTACTS, [late], lambda: True, between)
    assert len(processed) >= CASES
    assert processed[:-2] == [0] * (len(processed) - 2)
    assert sum(progress.read for progress in feed.state.progress.values()) == before + 1


def test_a_first_deadline_always_fires_however_little_time_there_is() -> None:
    feed = fed(apart=MINUTE)
    assert len(list(pass_time(feed, lambda: True))) < 20 * CASES


def test_a_state_written_between_two_deadlines_of_one_moment_would_take_those_for_fired_that_have_not() -> None:
    """Why `consistent` is asked before a checkpoint."""
    undisturbed, hasty = fed(), fed()
    list(pass_time(undisturbed))
    hasty.checkpoint()
    for state in pass_time(hasty, lambda: True):
        if len(state.pending.dirty) == CASES // 2:
            break
    assert not hasty.state.consistent
    written = Views()
    written.insert(hasty.checkpoint())
    hasty.restart()
    list(pass_time(hasty))
    written.insert(hasty.checkpoint())
    expected = Views()
    expected.insert(undisturbed.checkpoint())
    assert differences(written, expected) != []
