"""What another promise would have changed: clocks that count in the span, by team and metric, and those that flip.

A clock counts in the span when it is decided there, met at its end or breached at its deadline: so what was is what the
KPIs of the span say. A clock of one side is that of the other which promises the same from the same moment on.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import NamedTuple

from deploy.reading.stored import CaseKey
from deploy.reading.whatif.readings import Reading, Readings
from processors.sla.clocks import NEVER

Unit = tuple[str, str]
"""Team and metric."""


@dataclass(frozen=True, slots=True)
class Span:
    """Milliseconds since the epoch: [begin, end)."""

    begin: int
    end: int = NEVER

    def outcome(self, reading: Reading | None) -> str:
        """The outcome with which a clock counts in the span: met or breached; '' when it does not."""
        if reading is None or not reading.outcome:
            return ""
        return reading.outcome if self.begin <= reading.decided_at < self.end else ""


class Flip(NamedTuple):
    """One clock that would have been breached in the span, and was not; or the other way round."""

    case: CaseKey
    metric: str
    team: str
    """To which it counts on the side that breaches."""
    gained: bool
    """Whether the breach is one more."""
    was: Reading | None
    """None: nothing was promised."""
    would_be: Reading | None


@dataclass(slots=True)
class Compared:
    """What cases come to on both sides, added up."""

    cases: int = 0
    was: Counter[tuple[Unit, str]] = field(default_factory=Counter)
    """Unit and outcome -> clocks that count."""
    would_be: Counter[tuple[Unit, str]] = field(default_factory=Counter)
    gained: Counter[Unit] = field(default_factory=Counter)
    """Breaches that are none as it was: of each unit would_be = was + gained - lost."""
    lost: Counter[Unit] = field(default_factory=Counter)
    flips: list[Flip] = field(default_factory=list)

    @property
    def units(self) -> list[Unit]:
        """Those in which anything counts, in order."""
        return sorted({unit for unit, _ in (*self.was, *self.would_be)})

    def update(self, other: "Compared") -> None:
        """Add what other cases come to."""
        self.cases += other.cases
        self.was.update(other.was)
        self.would_be.update(other.would_be)
        self.gained.update(other.gained)
        self.lost.update(other.lost)
        self.flips += other.flips

    def compare(self, case: CaseKey, was: Readings, would_be: Readings, span: Span) -> list[Flip]:
        """Count the clocks of one case; returns those of it that flip."""
        self.cases += 1
        flips: list[Flip] = []
        for before, after in _pairs(was, would_be):
            broke_before = _count(self.was, before, span)
            broke_after = _count(self.would_be, after, span)
            if broke_before == broke_after:
                continue
            if broke_after is not None:
                self.gained[broke_after] += 1
            if broke_before is not None:
                self.lost[broke_before] += 1
            unit = broke_after or broke_before
            if unit is not None and None in (broke_after, broke_before):
                flips.append(Flip(case, unit[1], unit[0], broke_after is not None, before, after))
        self.flips += flips
        return flips


def _count(counts: Counter[tuple[Unit, str]], reading: Reading | None, span: Span) -> Unit | None:
    """Count a clock where it counts in the span; returns its unit when it is breached there."""
    outcome = span.outcome(reading)
    if reading is None or not outcome:
        return None
    unit = reading.team, reading.metric
    counts[unit, outcome] += 1
    return unit if outcome == "breached" else None


def _pairs(was: Readings, would_be: Readings) -> Iterator[tuple[Reading | None, Reading | None]]:
    """The clocks of both sides that promise the same from the same moment on, in order; one that has no other, alone.

    Their numbers say nothing of that: what promises less has fewer instances.
    """
    before, after = _by_beginning(was), _by_beginning(would_be)
    for beginning in sorted(before.keys() | after.keys()):
        yield from zip_longest(before.get(beginning, ()), after.get(beginning, ()))


def _by_beginning(readings: Readings) -> defaultdict[tuple[str, int], list[Reading]]:
    found: defaultdict[tuple[str, int], list[Reading]] = defaultdict(list)
    for reading in readings:
        found[reading.metric, reading.started_at].append(reading)
    return found
