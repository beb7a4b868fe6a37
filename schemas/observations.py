"""What a step hands over for live metrics, beside what it must write: counts, moments, durations, incidents.

The names of metrics are types: mypy catches a wrong one, and a test holds that each has its family in `sinks.metrics`.
A key is a metric's name, without prefix and unit, and then its labels in the order in which the family declares them.
"""

from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from schemas.outputs import IncidentRow

CLOCKS_AGREE_MS: Final = 60_000
"""What clocks of different machines may differ by and still be right, as far as we care."""


def is_recent(moment: int, wall: int, window_ms: int) -> bool:
    """Whether what is of a moment may page, and move live counters: neither history, nor still to come. All in ms.

    A publisher whose clock is a little ahead of ours pages all the same.
    """
    return -CLOCKS_AGREE_MS <= wall - moment < window_ms


Counter = Literal[
    "events",
    "rejections",
    "events_rejected",
    "event_warnings",
    "processing_errors",
    "isolated_errors",
    "contacts",
    "complaints",
    "surveys",
    "time_set_back",
    "sla_outcomes",
    "sla_withdrawn",
]
"""Moved whenever the records came."""
Moment = Literal["sla_retractions", "sla_unmatched", "survey_box", "records_behind_frontier"]
"""Counters moved only while the moment that they tell of is recent, so that a replay pages nobody."""
Duration = Literal["wait", "first_response", "resolution"]
"""Histograms of seconds, moved only while they ended recently."""
Score = Literal["survey_score"]
"""A sum of ratings, moved only while they are recent."""
Gauge = Literal[
    "backlog_cases", "queue_length", "sla_on_track", "sla_paused", "sla_at_risk", "sla_overdue", "incidents_open",
    "imported_cases", "imported_sla_clocks", "imported_incidents",
]  # fmt: skip
"""What a state counts while it lasts; `imported_...`: what was told so late that nobody could be called for it."""
Transition = Literal["opened", "updated", "closed", "withdrawn"]
"""Of an incident."""

CounterKey = tuple[Counter, *tuple[str, ...]]
MomentKey = tuple[Moment, *tuple[str, ...]]
DurationKey = tuple[Duration | Score, *tuple[str, ...]]
GaugeKey = tuple[Gauge, *tuple[str, ...]]


class IsolatedErrors(NamedTuple):
    """What is known of a part that failed by itself, and cost its own result only."""

    errors: int
    last_error: str
    last_error_at: int
    """Ms since the epoch: of the record that it failed at, or of the wall clock where no record is known."""


class BehindRecords(NamedTuple):
    """Records of one source and topic that came so late that deadlines they could have met had been decided."""

    records: int
    since: int
    """Timestamp of the first of them, ms."""
    last_at: int
    """The greatest timestamp of them, ms."""
    furthest_ms: int
    """The most that one of them lay behind what was decided."""


ROLLING_MINUTES: Final = {"5m": 5, "1h": 60, "24h": 1440}
"""Rolling window -> minutes, the one that goes on included."""


class WindowCounts(NamedTuple):
    """What a rolling window amounts to in one area: what is decided in it, and which of its waits are not."""

    waits_promised: int = 0
    waits_in_target: int = 0
    waits_undecided: int = 0
    promises_met: int = 0
    promises_breached: int = 0
    csat_answered: int = 0
    csat_positive: int = 0
    nps_answered: int = 0
    nps_promoters: int = 0
    nps_detractors: int = 0

    def plus(self, other: "WindowCounts") -> "WindowCounts":
        """Both together."""
        return WindowCounts(*[mine + theirs for mine, theirs in zip(self, other, strict=True)])


@dataclass(slots=True)
class Observations:
    """What one step observed. It may be lost with the process: rows say the same, exactly."""

    processed: int = 0
    """Records of the batch that were."""
    finished: bool = False
    """Whether all of the batch was processed, and all deadlines fired; if not, a step with the rest goes on."""
    counts: dict[CounterKey, int] = field(default_factory=dict)
    moments: list[tuple[int, MomentKey]] = field(default_factory=list)
    """(moment in ms since the epoch, key)"""
    durations: list[tuple[int, DurationKey, float]] = field(default_factory=list)
    """(moment in ms since the epoch, key, seconds)"""
    incidents: list[tuple[IncidentRow, Transition]] = field(default_factory=list)

    def count(self, *key: *CounterKey) -> None:
        """Adds one to a counter: its name, then its labels."""
        self.counts[key] = self.counts.get(key, 0) + 1

    def moment(self, at: int, *key: *MomentKey) -> None:
        """Adds one to a counter for what happened at a moment, ms."""
        self.moments.append((at, key))

    def duration(self, at: int, seconds: float, *key: *DurationKey) -> None:
        """Adds a duration that ended at a moment, ms, to a histogram."""
        self.durations.append((at, key, seconds))

    def incident(self, incident: IncidentRow, transition: Transition) -> None:
        """Adds what became of an incident."""
        self.incidents.append((incident, transition))
