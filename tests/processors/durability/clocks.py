"""Clocks that a test sets."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from unittest.mock import patch

from processors.runtime import timeouts

START = 1_764_000_000_000


@dataclass
class Clocks:
    """In place of the module `time` where the clocks of a process are read; all in ms."""

    wall: int = START
    monotonic: int = 5_000

    def time_ns(self) -> int:
        return self.wall * 1_000_000

    def monotonic_ns(self) -> int:
        return self.monotonic * 1_000_000

    def passes(self, ms: int) -> None:
        self.wall += ms
        self.monotonic += ms


@contextmanager
def set_by_hand() -> Iterator[Clocks]:
    clocks = Clocks()
    with patch.object(timeouts, "time", clocks):
        yield clocks
