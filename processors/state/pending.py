"""`Pending`: what the next checkpoint publishes, but for KPI minutes and progress, which their tables know."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

from processors.cases.case import Case
from processors.cases.events import CaseKey
from processors.cases.rows import case_row, clock_id, clock_row
from schemas.outputs import ClockRow, ErasureRow, EventRow, IncidentRow, RejectedRecord, StaleMinuteRow
from schemas.policies.texts import PolicyText
from schemas.taxonomy import StaleReason
from schemas.topics import SURVEYS


@dataclass(slots=True)
class Pending:
    """What happened since the last checkpoint."""

    events: list[EventRow] = field(default_factory=list)
    rejected: list[RejectedRecord] = field(default_factory=list)
    erasures: list[ErasureRow] = field(default_factory=list)
    incidents: dict[str, IncidentRow] = field(default_factory=dict)
    """By incident id."""
    dirty: dict[CaseKey, Case] = field(default_factory=dict)
    """Cases whose rows changed, those that have left included, as they were."""
    void_clocks: dict[str, ClockRow] = field(default_factory=dict)
    """By clock id: the last rows of clocks that no case knows any more."""
    last_clocks: dict[str, ClockRow] = field(default_factory=dict)
    """By clock id: open clocks of cases that left, as they read then."""
    texts: list[PolicyText] = field(default_factory=list)
    """Texts of rules that came into force."""
    stale_minutes: dict[tuple[int, str, StaleReason], None] = field(default_factory=dict)
    """KPI minutes that are to be counted anew: when they begin, ms, their input topic, and why."""
    _of_customer: defaultdict[str, dict[str, None]] = field(default_factory=lambda: defaultdict(dict))
    """Customer -> ids of incidents and clocks that were put here about them, and may name somebody else since."""

    def replace_events(self, rows: Iterable[EventRow]) -> None:
        """Write rows of events again; one that is still to be written is written once."""
        waiting = {(row.topic, row.incarnation, row.offset): index for index, row in enumerate(self.events)}
        for row in rows:
            index = waiting.get((row.topic, row.incarnation, row.offset))
            if index is None:
                self.events.append(row)
            else:
                self.events[index] = row

    def mark_dirty(self, case: Case) -> None:
        """The rows of a case changed: they are written at the next checkpoint."""
        self.dirty[case.key] = case

    def put_incident(self, incident: IncidentRow) -> None:
        """An incident as it stands now."""
        self.incidents[incident.incident_id] = incident
        if incident.customer_id:
            self._of_customer[incident.customer_id][incident.incident_id] = None

    def put_void_clock(self, row: ClockRow) -> None:
        """The last row of a clock that never was, or whose case is no more."""
        self._put_clock(self.void_clocks, row)

    def put_last_clock(self, row: ClockRow) -> None:
        """The last row of an open clock of a case that left."""
        self._put_clock(self.last_clocks, row)

    def _put_clock(self, rows: dict[str, ClockRow], row: ClockRow) -> None:
        rows[row.clock_id] = row
        if row.customer_id:
            self._of_customer[row.customer_id][row.clock_id] = None

    def incidents_of(self, customer_id: str) -> list[IncidentRow]:
        """The incidents that name a customer."""
        ids = self._of_customer.get(customer_id, ())
        named = [self.incidents[key] for key in ids if key in self.incidents]
        return [incident for incident in named if incident.customer_id == customer_id]

    def mask_clocks_of(self, customer_id: str) -> None:
        """The last rows of clocks name a customer no more."""
        for key in self._of_customer.get(customer_id, ()):
            for rows in (self.void_clocks, self.last_clocks):
                if key in rows and rows[key].customer_id == customer_id:
                    rows[key] = rows[key]._replace(customer_id="", erased=1)

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
            "erasures": [*self.erasures],
            "kpi_stale_minutes": [
                StaleMinuteRow(minute, topic, partition, reason, 0) for minute, topic, reason in self.stale_minutes
            ],
        }


def _changed_clocks(case: Case, partition: int, now: int) -> list[ClockRow]:
    """Of the clocks of a case the rows that are not as they were last written: most events move one clock of three."""
    rows = [clock_row(case, clock, partition, now) for clock in case.fold.clocks]
    hashes = tuple(map(hash, rows))
    before, case.written = case.written, hashes
    return [row for row, is_now, was in zip_longest(rows, hashes, before) if row is not None and is_now != was]
