"""Lines that repeat: the first passes, and later one with how many were held back."""

import logging

from processors.runtime.log_throttle import LogThrottle


def said(throttle: LogThrottle, at: float, name: str, text: str, *values: object) -> str | None:
    """What the log has of it."""
    record = logging.LogRecord(name, logging.ERROR, "", 0, text, values, None)
    record.created = at
    return record.getMessage() if throttle.filter(record) else None


def test_a_line_that_repeats_passes_once_in_a_while_with_how_many_were_held_back() -> None:
    throttle = LogThrottle(["aiokafka"], 30)

    lines = [said(throttle, at, "aiokafka.conn", "no way to %s", at) for at in (0, 1, 2, 29, 31, 32, 90)]

    assert lines == [
        "no way to 0",
        *[None] * 3,
        "no way to 31 (and 3 more like this in 31 s)",
        None,
        "no way to 90 (and 1 more like this in 59 s)",
    ]


def test_lines_of_another_kind_and_of_our_own_all_pass() -> None:
    throttle = LogThrottle(["aiokafka"], 30)

    assert said(throttle, 0, "aiokafka", "one") == "one"
    assert said(throttle, 0, "aiokafka", "two") == "two"
    assert said(throttle, 0, "aiokafka.consumer", "one") == "one"
    assert [said(throttle, at, "processors.worker", "ours") for at in (0, 0, 0)] == ["ours"] * 3


def test_however_many_kinds_there_are_memory_is_bounded() -> None:
    throttle = LogThrottle(["aiokafka"], 30)

    for number in range(10_000):
        assert said(throttle, 0, "aiokafka", f"kind {number}")

    assert len(throttle._passed) <= 1_000
