"""How a process logs: which lines pass, and what they look like."""

import json
import logging
import logging.config
import sys

import pytest
from aiokafka.errors import GroupCoordinatorNotAvailableError, KafkaConnectionError

from processors.runtime.logs import JsonFormatter, LogThrottle, TextFormatter, expected, logging_config


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


def line(name: str, text: str, *values: object, level: int = logging.ERROR) -> logging.LogRecord:
    record = logging.LogRecord(name, level, "", 0, text, values, None)
    record.created = 1_000_000_000.25
    return record


def test_what_happens_at_every_healthy_start_is_known_by_its_text_and_its_reason() -> None:
    coordinator = "aiokafka.consumer.group_coordinator", "Group Coordinator Request failed: %s"
    assert expected(line(*coordinator, GroupCoordinatorNotAvailableError()))
    assert not expected(line(*coordinator, KafkaConnectionError("refused")))
    assert expected(line("mode.timers", "Timer %s is overlapping (interval=%r runtime=%r)", "tick", 0.2, 0.3))
    assert not expected(line("mode.timers", "Timer %s is dead", "tick"))
    assert expected(
        line(
            "asyncio", "Task exception was never retrieved\nfuture: <Task coro=<GroupCoordinator._do_commit_offsets()>"
        )
    )
    assert not expected(line("asyncio", "Task exception was never retrieved\nfuture: <Task coro=<Worker.tick()>"))
    assert not expected(line("processors.worker", "Group Coordinator Request failed: %s", "x"))


def test_a_line_says_when_in_utc() -> None:
    text = TextFormatter().format(line("processors.worker", "%d records", 3))
    assert text.startswith("2001-09-09T01:46:40.250+00:00 [")
    assert text.endswith("] ERROR processors.worker: 3 records")


def test_as_json_a_line_is_one_object_with_its_traceback() -> None:
    record = line("processors.worker", "failed at %s", "noon")
    try:
        raise LookupError("no such key")
    except LookupError:
        record.exc_info = sys.exc_info()
    text = JsonFormatter().format(record)
    assert "\n" not in text
    said = json.loads(text)
    assert said["time"] == "2001-09-09T01:46:40.250+00:00"
    assert (said["level"], said["logger"], said["message"]) == ("ERROR", "processors.worker", "failed at noon")
    assert "LookupError: no such key" in said["exception"]


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_configuration_is_one_that_logging_takes(form: str) -> None:
    config = logging_config("info", form)  # type: ignore[arg-type]
    config["root"]["handlers"] = []
    config["loggers"] = {}
    levels = logging.root.level, logging.root.handlers
    try:
        logging.config.dictConfig(config)
    finally:
        logging.root.level, logging.root.handlers = levels
