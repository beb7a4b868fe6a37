"""Whose clock counts: ours while it agrees with the broker's, and between two answers with the monotonic one."""

from collections.abc import Iterator

import pytest

from processors.durability.wall_clock import WallClock
from tests.processors.durability.clocks import START, Clocks, set_by_hand

MINUTE, DAY = 60_000, 86_400_000


@pytest.fixture
def clocks() -> Iterator[Clocks]:
    with set_by_hand() as clocks:
        yield clocks


@pytest.mark.parametrize(
    ("broker_ahead", "counts"), [(0, True), (MINUTE, True), (-MINUTE, True), (MINUTE + 1, False), (-DAY, False)]
)
def test_our_clock_counts_while_it_agrees_with_the_brokers_within_a_minute(
    broker_ahead: int, counts: bool, clocks: Clocks
) -> None:
    clock = WallClock()
    clock.answered(START + broker_ahead)
    clocks.passes(3_000)
    assert clock.time == (START + 3_000 if counts else None)
    assert clock.best == START + 3_000 + (0 if counts else broker_ahead), "what cannot wait goes by the broker's"
    assert clock.ahead_ms == -broker_ahead


def test_nobody_knows_the_time_before_the_broker_was_asked(clocks: Clocks) -> None:
    clock = WallClock()
    assert clock.time is None
    assert clock.broker is None
    clock.answered(None)
    assert clock.time is None
    assert clock.not_ahead(START + DAY) == START + DAY


@pytest.mark.parametrize(
    ("jump", "counts"), [(5_000, True), (-5_000, True), (5_001, False), (DAY, False), (-DAY, False)]
)
def test_a_clock_that_was_set_between_two_answers_does_not_count(jump: int, counts: bool, clocks: Clocks) -> None:
    clock = WallClock()
    clock.answered(START)
    clocks.passes(10_000)
    clocks.wall += jump
    assert (clock.time is not None) is counts


def test_it_counts_again_once_it_is_right_or_the_broker_agrees_with_it(clocks: Clocks) -> None:
    clock = WallClock()
    clock.answered(START)
    clocks.wall += DAY
    assert clock.time is None
    clocks.wall -= DAY
    assert clock.time == START
    clocks.wall += DAY
    clock.answered(START + DAY + 200)
    assert clock.time == START + DAY


def test_no_record_is_believed_to_come_from_a_moment_that_is_still_to_come(clocks: Clocks) -> None:
    clock = WallClock()
    clock.answered(START)
    clocks.passes(1_000)
    assert clock.not_ahead(START + MINUTE) == START + 1_000
    assert clock.not_ahead(START) == START
