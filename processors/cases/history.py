"""The cases of one subject over time, for patterns that look at more than one case: all of a customer, say."""

from bisect import bisect_left, insort
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from processors.cases.events import CaseKey
from processors.sla.clocks import NEVER
from schemas.outputs import IncidentRow

Subject = tuple[str, ...]
"""Whom a subject-scoped pattern watches: a customer id, then what else it tells apart, such as a category."""

CASES_CONSIDERED: Final = 50
"""A subject with more cases is judged by the first 49 and the last."""

_NONE: Final[frozenset[str]] = frozenset()


class Membership(NamedTuple):
    """That a case belongs to a subject, in the eyes of one pattern."""

    subject: Subject
    at: int
    """Milliseconds: its place among the cases of the subject."""
    shows: tuple[Any, ...]
    """All that incidents show of the case: while it stays, and time stands, so do they."""


class History:
    """The cases of one subject that one pattern considers, and what was emitted of them."""

    __slots__ = ("cases", "failed", "imported", "incidents", "next_timer")

    def __init__(self) -> None:
        self.cases: list[tuple[int, CaseKey]] = []
        """In order of time, ms."""
        self.incidents: Mapping[str, IncidentRow] = {}
        """By incident id, as last emitted."""
        self.imported = _NONE
        """Ids of those that nobody could be called for when they opened."""
        self.next_timer = NEVER
        """The moment, ms, of the timer that waits for it; `NEVER`: none does."""
        self.failed = False
        """Whether the pattern raised when it was evaluated last: the incidents are then those from before."""

    def add(self, at: int, key: CaseKey) -> None:
        insort(self.cases, (at, key))

    def remove(self, at: int, key: CaseKey) -> None:
        index = bisect_left(self.cases, (at, key))
        if self.cases[index : index + 1] == [(at, key)]:
            del self.cases[index]

    def considered(self) -> list[tuple[int, CaseKey]]:
        if len(self.cases) <= CASES_CONSIDERED:
            return self.cases
        return [*self.cases[: CASES_CONSIDERED - 1], self.cases[-1]]
