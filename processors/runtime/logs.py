"""How a process logs: lines for people or JSON for machines, with times in UTC, and with little of what libraries say.

While a broker is away, aiokafka logs each attempt of each connection: hundreds of lines a second. A line of a kind
passes once in a while, with how many were held back. What a library calls an error although it happens at every healthy
start does not pass at all, so that a line with ERROR is a reason to look.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

import msgspec
from aiokafka.errors import GroupCoordinatorNotAvailableError

Format = Literal["text", "json"]

MACHINERY: Final = ("aiokafka", "faust", "mode", "aiohttp", "processors.runtime.seam")
"""What these say at INFO is about their own machinery."""
_THROTTLED_SECONDS: Final = 10.0
_LEVELS: Final = {"debug": "DEBUG", "info": "INFO", "warning": "WARNING", "error": "ERROR"}

_EXPECTED: Final[tuple[tuple[str, str, type[object]], ...]] = (
    # A broker answers so until it has made the topic of the groups' offsets, and while it loads it.
    ("aiokafka.consumer.group_coordinator", "Group Coordinator Request failed: %s", GroupCoordinatorNotAvailableError),
    # A timer that runs for longer than its interval: `feedback_timer_delay_seconds` says when that matters.
    ("mode.timers", "Timer %s is overlapping (interval=%r runtime=%r)", str),
)
"""Lines of libraries that say nothing to anybody: logger, text, and the type of its first value."""
_GIVEN_UP: Final = "GroupCoordinator._do_commit_offsets"
"""A commit to the group for which nobody waits any more: asyncio tells of its error with a traceback."""

_KINDS_MAX: Final = 1_000
"""Kinds of lines that are told apart; beyond it all begin anew."""


@dataclass(slots=True)
class _Passed:
    at: float
    held_back: int = 0


class LogThrottle(logging.Filter):
    """Lets a line of one of some loggers through when none of its kind has passed for so many seconds.

    A kind is a logger and a text before its values are put in.
    """

    def __init__(self, loggers: Iterable[str], seconds: float) -> None:
        super().__init__()
        self._loggers, self._seconds = tuple(loggers), seconds
        self._passed: dict[tuple[str, str], _Passed] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.name.startswith(self._loggers):
            return True
        kind = record.name, str(record.msg)
        last = self._passed.get(kind)
        if last is not None and record.created - last.at < self._seconds:
            last.held_back += 1
            return False
        if last is not None and last.held_back:
            seconds = record.created - last.at
            record.msg = f"{record.getMessage()} (and {last.held_back} more like this in {seconds:.0f} s)"
            record.args = None
        if len(self._passed) >= _KINDS_MAX:
            self._passed.clear()
        self._passed[kind] = _Passed(record.created)
        return True


def expected(record: logging.LogRecord) -> bool:
    """Whether a line tells of what happens when all is well, or of what was told already."""
    if record.name == "asyncio":
        return _GIVEN_UP in str(record.msg)
    first = record.args[0] if isinstance(record.args, tuple) and record.args else None
    return any(record.name == name and record.msg == text and isinstance(first, kind) for name, text, kind in _EXPECTED)


def _moment(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


class TextFormatter(logging.Formatter):
    """A line: when, in UTC; which process; the level; who says it, and what."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s [%(process)d] %(levelname)s %(name)s: %(message)s")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802
        return _moment(record)


class JsonFormatter(logging.Formatter):
    """The same as one JSON object a line, a traceback included."""

    def format(self, record: logging.LogRecord) -> str:
        said: dict[str, Any] = {
            "time": _moment(record),
            "process": record.process,
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            said["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(said, enc_hook=str).decode()


def logging_config(level: str, form: Format) -> dict[str, Any]:
    """The configuration for `logging.config.dictConfig`; `level` as OIDOR_LOG_LEVEL says it."""
    at = _LEVELS[level.lower()]
    formatters = {"text": TextFormatter, "json": JsonFormatter}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {form: {"()": formatters[form]}},
        "filters": {
            "expected": {"()": lambda: lambda record: not expected(record)},
            "throttle": {"()": LogThrottle, "loggers": MACHINERY, "seconds": _THROTTLED_SECONDS},
        },
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "formatter": form,
                "filters": ["expected", "throttle"],
                "stream": "ext://sys.stderr",
            }
        },
        "root": {"handlers": ["stderr"], "level": at},
        "loggers": {name: {"level": "WARNING"} for name in MACHINERY},
    }
