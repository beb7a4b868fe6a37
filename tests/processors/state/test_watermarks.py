"""The times of a partition: they follow from its inputs, and go back only where the broker's time says so."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.kpis.partials import MINUTE_MS
from processors.state.watermarks import Watermarks

A, B = "a-events", "b-events"
HOUR = 60 * MINUTE_MS
MOMENTS = st.lists(st.tuples(st.sampled_from([A, B]), st.integers(0, 10 * HOUR)), max_size=30)


def watermarks() -> Watermarks:
    return Watermarks([A, B], allowed_lateness_ms=HOUR, longest_grace_ms=2 * MINUTE_MS)


def test_now_is_nothing_while_an_input_was_never_read_and_then_the_least_of_them() -> None:
    time = watermarks()
    time.advance(A, HOUR)
    assert time.now == 0
    time.advance(B, 2 * HOUR)
    assert time.now == HOUR
    time.advance(A, 3 * HOUR)
    assert time.now == 2 * HOUR


@given(MOMENTS)
def test_no_time_goes_back_by_what_comes(moments: list[tuple[str, int]]) -> None:
    time, seen = watermarks(), list[tuple[int, ...]]()
    for topic, moment in moments:
        time.advance(topic, moment)
        time.observe(topic, moment)
        seen.append((time.now, *(of(one) for one in (A, B) for of in (time.lateness_cutoff, time.closed_before))))
    assert all([*times] == sorted(times) for times in zip(*seen, strict=True))


def test_what_is_late_and_final_follows_from_the_records_of_its_own_input_alone() -> None:
    time = watermarks()
    time.observe(A, 5 * HOUR + 30_000)
    time.advance(B, 9 * HOUR)
    assert time.lateness_cutoff(A) == 4 * HOUR + 30_000
    assert time.closed_before(A) == 4 * HOUR - 2 * MINUTE_MS, "a whole minute, and no timer behind it is undecided"
    assert time.lateness_cutoff(B) == -HOUR


@given(MOMENTS)
def test_a_restart_goes_on_from_what_a_checkpoint_wrote(moments: list[tuple[str, int]]) -> None:
    time, again = watermarks(), watermarks()
    for topic, moment in moments:
        time.observe(topic, moment)
        time.advance(topic, moment)
        time.timers_fired_to[topic] = time.now
    again.restore(time.meta())
    assert again.meta() == time.meta()
    assert again.inputs == time.inputs


# Setting it back


def stood_at(*moments: int) -> Watermarks:
    time = watermarks()
    for moment in moments:
        for topic in (A, B):
            time.advance(topic, moment)
    time.timers_fired_to = dict.fromkeys((A, B), time.now)
    return time


RIGHT = 100 * HOUR


@pytest.mark.parametrize(
    ("now", "ahead"), [(RIGHT, False), (RIGHT + MINUTE_MS, False), (RIGHT + MINUTE_MS + 1, True), (0, False)]
)
def test_a_time_that_lies_over_a_minute_ahead_is_wrong(now: int, ahead: bool) -> None:
    assert stood_at(now).lie_ahead_of(RIGHT) is ahead


def test_a_record_may_lie_five_minutes_further_ahead() -> None:
    time = stood_at(RIGHT)
    time.observe(A, RIGHT + 6 * MINUTE_MS)
    assert not time.lie_ahead_of(RIGHT)
    time.observe(A, RIGHT + 6 * MINUTE_MS + 1)
    assert time.lie_ahead_of(RIGHT)


STOOD = {
    "it jumped: to where it jumped from, for what came since may be unread": (
        (RIGHT - HOUR, RIGHT + HOUR),
        RIGHT - HOUR,
    ),
    "it ran ahead: it has been at this moment before": (
        tuple(range(RIGHT - HOUR, RIGHT + HOUR, MINUTE_MS)),
        RIGHT,
    ),
    "it never stood at an earlier moment: what records say": ((RIGHT + HOUR,), RIGHT - 2 * HOUR),
}


@pytest.mark.parametrize(("moments", "now"), STOOD.values(), ids=STOOD.keys())
def test_it_goes_back_to_the_last_moment_for_which_all_was_read(moments: tuple[int, ...], now: int) -> None:
    time = stood_at(*moments)
    time.observe(A, RIGHT + HOUR)
    time.observe(B, RIGHT - HOUR)
    time.set_back(RIGHT, {A: RIGHT - 30_000, B: RIGHT - 2 * HOUR})
    assert time.now == now
    assert time.timers_fired_to == {A: max(now, RIGHT - HOUR - 30_000), B: max(now, RIGHT - 2 * HOUR)}
    assert time.max_timestamp == {A: RIGHT - 30_000, B: RIGHT - HOUR}, "a record that may be right counts on"
    assert not time.lie_ahead_of(RIGHT)
    for topic in (A, B):
        time.advance(topic, RIGHT - 500)
    assert time.now == max(now, RIGHT - 500), "and goes on"


@given(MOMENTS, st.integers(0, 10 * HOUR))
def test_set_back_twice_is_set_back_once_and_nothing_lies_ahead(moments: list[tuple[str, int]], right: int) -> None:
    time, again = watermarks(), watermarks()
    for topic, moment in moments:
        time.observe(topic, moment)
        time.advance(topic, moment)
        time.timers_fired_to[topic] = max(time.now, time.lateness_cutoff(topic), 0)
    time.set_back(right, {})
    assert not time.lie_ahead_of(right)
    again.restore(time.meta())
    again.set_back(right, {})
    assert again.meta() == time.meta()
