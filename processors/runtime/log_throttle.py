"""What a library says again and again: once in a while, with how often it was said meanwhile.

While a broker is away, aiokafka tells of each attempt of each connection: hundreds of lines a second, in which nobody
finds what matters.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_KINDS_MAX: Final = 1_000
"""Kinds of lines that are told apart; beyond it all begin anew."""


@dataclass(slots=True)
class _Told:
    at: float
    since: int = 0
    """How often it was said since."""


class Repeats(logging.Filter):
    """Lets a line of one of some loggers through when its kind was not told for so many seconds.

    A kind is a logger and a text before its values are put in.
    """

    def __init__(self, loggers: Iterable[str], seconds: float) -> None:
        super().__init__()
        self._loggers, self._seconds = tuple(loggers), seconds
        self._told: dict[tuple[str, str], _Told] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.name.startswith(self._loggers):
            return True
        kind = record.name, str(record.msg)
        told = self._told.get(kind)
        if told is not None and record.created - told.at < self._seconds:
            told.since += 1
            return False
        if told is not None and told.since:
            record.msg = f"{record.getMessage()} (and {told.since} more like this in {record.created - told.at:.0f} s)"
            record.args = None
        if len(self._told) >= _KINDS_MAX:
            self._told.clear()
        self._told[kind] = _Told(record.created)
        return True
