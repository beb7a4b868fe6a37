"""Timers: each fires once, in order, and those that nobody awaits do not pile up."""

from hypothesis import given
from hypothesis import strategies as st

from processors.state.timers import Timer, Timers

MOMENTS = st.lists(st.integers(0, 50), max_size=40)


def timers_at(moments: list[int]) -> Timers:
    timers = Timers()
    for number, moment in enumerate(moments):
        timers.register(moment, "case", (str(number),))
    return timers


@given(MOMENTS, st.integers(0, 60))
def test_what_lies_before_a_moment_is_due_in_order_and_the_rest_stays(moments: list[int], now: int) -> None:
    timers = timers_at(moments)
    assert [timer.at for timer in timers.pop_due(now)] == sorted(moment for moment in moments if moment < now)
    assert timers.next() == min((moment for moment in moments if moment >= now), default=None)


def test_what_is_registered_meanwhile_is_due_as_well() -> None:
    timers, fired = timers_at([1, 5]), []
    for timer in timers.pop_due(10):
        fired.append(timer.at)
        if timer.at == 1:
            timers.register(3, "case", ("x",))
            timers.register(10, "case", ("y",))
    assert (fired, timers.next()) == ([1, 3, 5], 10)


def test_what_nobody_awaits_is_pruned_once_it_is_much() -> None:
    timers = timers_at([*range(5_000)])

    def is_awaited(timer: Timer) -> bool:
        return timer.at % 100 == 0

    assert not timers.outnumber(2_000), "five thousand may belong to two thousand cases"
    assert timers.outnumber(50)
    timers.prune(is_awaited)
    assert [timer.at for timer in timers.pop_due(10_000)] == [*range(0, 5_000, 100)]


@given(MOMENTS, st.integers(0, 45))
def test_the_soonest_are_seen_in_order_and_stay(moments: list[int], count: int) -> None:
    timers = timers_at(moments)
    assert [timer.at for timer, _ in zip(timers.soonest(), range(count), strict=False)] == sorted(moments)[:count]
    assert [timer.at for timer in timers.pop_due(100)] == sorted(moments)
