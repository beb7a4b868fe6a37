"""Throttles what a library logs again and again: a line of a kind passes once in a while, with how many were held back.

While a broker is away, aiokafka logs each attempt of each connection: hundreds of lines a second, in which nobody finds
what matters.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

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
