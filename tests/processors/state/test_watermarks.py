"""The times of a partition: they follow from its inputs, and none of them goes back."""

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
def test_no_time_ever_goes_back(moments: list[tuple[str, int]]) -> None:
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
    assert again.inputs == {topic: moment for topic, moment in time.inputs.items() if moment}
