"""`Pending`: what the next checkpoint publishes, but for KPI minutes and progress, which their tables know."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

from processors.cases.case import Case
from processors.cases.events import CaseKey
from processors.cases.rows import case_row, clock_id, clock_row
from schemas.outputs import ClockRow, EventRow, IncidentRow, RejectedRecord
from schemas.topics import SURVEYS


@dataclass(slots=True)
class Pending:
    """What happened since the last checkpoint."""

    events: list[EventRow] = field(default_factory=list)
    rejected: list[RejectedRecord] = field(default_factory=list)
    incidents: dict[str, IncidentRow] = field(default_factory=dict)
    """By incident id."""
    dirty: dict[CaseKey, Case] = field(default_factory=dict)
    """Cases whose rows changed, those that have left included, as they were."""
    void_clocks: dict[str, ClockRow] = field(default_factory=dict)
    """By clock id: the last rows of clocks that no case knows any more."""
    last_clocks: dict[str, ClockRow] = field(default_factory=dict)
    """By clock id: open clocks of cases that left, as they read then."""

    def mark_dirty(self, case: Case) -> None:
        """The rows of a case changed: they are written at the next checkpoint."""
        self.dirty[case.key] = case

    def rows(self, partition: int, fired_to: Mapping[str, int]) -> dict[str, list[tuple[Any, ...]]]:
        """Table -> rows. `fired_to`: input topic -> the moment up to which its timers fired, ms."""
        dirty = self.dirty.values()
        clocks: list[tuple[Any, ...]] = [
            row for case in dirty for row in _changed_clocks(case, partition, fired_to[case.key[0]])
        ]
        if self.void_clocks:
            known = {clock_id(case, clock) for case in dirty for clock in case.fold.clocks}
            clocks += (row for key, row in self.void_clocks.items() if key not in known)
        if self.last_clocks:
            clocks = [row for row in clocks if row[0] not in self.last_clocks] + [*self.last_clocks.values()]
        return {
            "feedback_events": [*self.events],
            "cases": [case_row(case, partition) for case in dirty if case.key[0] != SURVEYS],
            "sla_clocks": clocks,
            "incidents": [*self.incidents.values()],
            "rejected_events": [record.row for record in self.rejected],
        }


def _changed_clocks(case: Case, partition: int, now: int) -> list[ClockRow]:
    """Of the clocks of a case the rows that are not as they were last written: most events move one clock of three."""
    rows = [clock_row(case, clock, partition, now) for clock in case.fold.clocks]
    hashes = tuple(map(hash, rows))
    before, case.written = case.written, hashes
    return [row for row, is_now, was in zip_longest(rows, hashes, before) if row is not None and is_now != was]
