"""Overtime: the work that the other promises would have wanted earlier than it was done, by hour of the week.

    staff hours of an hour of the week = sum of the handling time of the cases whose new deadline falls in it,
                                         and that would be breached there though they were not

A case counts once, at the earliest of its new deadlines: by then somebody would have had to work on it who did
something else, or was not there. Handling time is what the events of a case state, talk + hold + wrap; where they state
none it is an assumption that whoever asks makes, or the case is counted without hours. It is the work, not the wait:
an answer that came two days late took ten minutes all the same. Hours are local, those of the staffing calendar, and a
deadline is outside when that calendar is closed just before it.

It is a lower bound of nothing and an upper bound of nothing: what moves one case forward may hold up another, and who
would have had time anyway is not known.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from deploy.reading.whatif.comparison import Flip
from processors.cases.case import Case
from processors.sla.business_time import BeyondCalendarError, Calendar

HOURS_A_WEEK: Final = 168


@dataclass(frozen=True, slots=True)
class Staffing:
    """When people are there, and how long they work on a case that does not say so."""

    calendar: Calendar | None = None
    """None: at any time, as far as is known, and hours are UTC."""
    handling_ms: int | None = None
    """Of a case that states none; None: it has no hours."""

    @property
    def zone(self) -> str:
        return "UTC" if self.calendar is None else self.calendar.zone

    def is_outside(self, due_at: int) -> bool:
        """Is nobody there just before a deadline?"""
        try:
            return self.calendar is not None and not self.calendar.count(due_at - 1, due_at)
        except BeyondCalendarError:
            return False


@dataclass(slots=True)
class Overtime:
    """What is to be done earlier. An hour of the week is a number: 0 is Monday from 00:00 to 01:00, local."""

    cases: Counter[int] = field(default_factory=Counter)
    """Hour of the week -> cases that are due in it."""
    handling_ms: Counter[int] = field(default_factory=Counter)
    outside_cases: int = 0
    """Of them those that are due when nobody is there."""
    outside_ms: int = 0
    stated: int = 0
    """Cases that state their handling time."""
    assumed: int = 0
    unknown: int = 0
    """Cases without hours."""
    late_ms: int = 0
    """Elapsed from the new deadline until it was done."""
    undone: int = 0
    """Cases of which it never was: they are in no lateness."""

    def update(self, other: "Overtime") -> None:
        """Add that of other cases."""
        self.cases.update(other.cases)
        self.handling_ms.update(other.handling_ms)
        self.outside_cases += other.outside_cases
        self.outside_ms += other.outside_ms
        self.stated += other.stated
        self.assumed += other.assumed
        self.unknown += other.unknown
        self.late_ms += other.late_ms
        self.undone += other.undone

    def add(self, case: Case, flips: Iterable[Flip], staffing: Staffing) -> None:
        """Count a case with the clocks of it that flip."""
        late = [flip.would_be for flip in flips if flip.gained and flip.would_be is not None]
        if not late:
            return
        first = min(late, key=lambda reading: reading.due_at)
        hour, outside = _hour_of_week(first.due_at, staffing.zone), staffing.is_outside(first.due_at)
        handling_ms = self._handling(case, staffing)
        self.cases[hour] += 1
        self.handling_ms[hour] += handling_ms
        if outside:
            self.outside_cases += 1
            self.outside_ms += handling_ms
        if first.state == "breached" and first.stopped_at is not None:
            self.late_ms += first.stopped_at - first.due_at
        else:
            self.undone += 1

    def _handling(self, case: Case, staffing: Staffing) -> int:
        stated = handling_of(case)
        if stated is not None:
            self.stated += 1
            return stated
        if staffing.handling_ms is not None:
            self.assumed += 1
            return staffing.handling_ms
        self.unknown += 1
        return 0


def handling_of(case: Case) -> int | None:
    """The time that was worked on a case as its events state it, ms; None: they state none."""
    parts = [
        event.facts.get("talk_ms", 0) + event.facts.get("hold_ms", 0) + event.facts.get("wrap_ms", 0)
        for event in case.events
        if not event.facts.keys().isdisjoint(_PARTS)
    ]
    return sum(parts) if parts else None


_PARTS: Final = frozenset({"talk_ms", "hold_ms", "wrap_ms"})


def _hour_of_week(at_ms: int, zone: str) -> int:
    local = datetime.fromtimestamp(at_ms // 1000, ZoneInfo(zone))
    return local.weekday() * 24 + local.hour
