"""Gauges of what a worker's states hold, counted at a scrape: a partition that moved away leaves no stale series."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from operator import add
from typing import Final, get_args

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from schemas import observations
from schemas.observations import ROLLING_MINUTES, WindowCounts
from schemas.taxonomy import Priority, Severity
from sinks.metrics import rolling
from sinks.metrics.family import Counter, Family, Gauge, Label, closed
from sinks.metrics.labels import AREA, CLOCK_METRIC, KIND, PATTERN, POLICY, PRIORITY, QUEUE, SEVERITY, SOURCE
from sinks.metrics.registry import Metrics

_CLOCK: Final = (POLICY, CLOCK_METRIC, AREA)

_CASE: Final = (KIND, AREA, PRIORITY)
_INCIDENT: Final = (PATTERN, SEVERITY, AREA)
_IMPORTED_STATE: Final = closed("state", ("on_track", "paused", "at_risk", "overdue"))
_ROOM: Final = 160

OPEN: Final[Mapping[observations.Gauge, Gauge]] = {
    "backlog_cases": Gauge("backlog_cases", "Cases that are not over.", _CASE, room=_ROOM),
    "queue_length": Gauge(
        "queue_length", "Waits for a person that last, and are in no ratio yet.", (QUEUE, AREA), room=_ROOM
    ),
    "sla_on_track": Gauge("sla_on_track", "Clocks that run, with no warning passed.", _CLOCK, room=_ROOM),
    "sla_paused": Gauge("sla_paused", "Clocks that wait for the customer or a third party.", _CLOCK, room=_ROOM),
    "sla_at_risk": Gauge("sla_at_risk", "Clocks that run and have passed a warning.", _CLOCK, room=_ROOM),
    "sla_overdue": Gauge("sla_overdue", "Clocks that run past their deadline.", _CLOCK, room=_ROOM),
    "incidents_open": Gauge(
        "incidents_open",
        "Open incidents; `page`: whether somebody was to be called when it opened, so never for an import.",
        (*_INCIDENT, closed("page", ("true", "false"))),
        room=_ROOM,
    ),
    "imported_cases": Gauge(
        "imported_cases",
        "Cases that are not over of which all was told later than `OIDOR_PAGE_WINDOW`; not in `backlog_cases`.",
        _CASE,
        room=_ROOM,
    ),
    "imported_sla_clocks": Gauge(
        "imported_sla_clocks",
        "Clocks that had been as they are for `OIDOR_PAGE_WINDOW` when we heard of them; in no `sla_...`.",
        (_IMPORTED_STATE, *_CLOCK),
        room=_ROOM,
    ),
    "imported_incidents": Gauge(
        "imported_incidents",
        "Open incidents told later than `OIDOR_PAGE_WINDOW`: nobody was paged; not in `incidents_open`.",
        _INCIDENT,
        room=_ROOM,
    ),
}
"""An alarm on a gauge of what is told in time cannot be set off by an import; the sum of both is what there is.

A set of labels that was ever counted here stays, at 0.
"""

SLA_OPEN: Final = Gauge(
    "sla_open", "Clocks that are open: on track, at risk, overdue, paused.", _CLOCK, room=_ROOM
)  # fmt: skip
OLDEST_CASE: Final = Gauge(
    "oldest_case_age", "Since the oldest case of `backlog_cases` was opened; 0 without any.", _CASE, unit="seconds",
    room=_ROOM,
)  # fmt: skip
LONGEST_WAIT: Final = Gauge(
    "queue_longest_wait", "For how long the longest wait of `queue_length` lasts; 0 without any.", (QUEUE, AREA),
    unit="seconds", room=_ROOM,
)  # fmt: skip
SOURCE_LAST_ARRIVAL: Final = Gauge(
    "source_last_arrival_timestamp", "Unix time of the last accepted record of a source, by its record timestamp.",
    (SOURCE,), unit="seconds",
)  # fmt: skip

_HELD: Final = (Label("kind", "the bounded tables of the state", 12),)
STATE_ENTRIES: Final = Gauge("state_entries", "Entries of the fullest partition.", _HELD)
STATE_BOUND: Final = Gauge("state_bound", "Entries that a partition may have.", _HELD)
STATE_DROPPED: Final = Counter("state_dropped", "What left or was not counted because of a bound.", _HELD)
DEDUP_SPAN: Final = Gauge(
    "dedup_span", "How far back duplicates are recognised, where it is least; absent while none was forgotten.",
    unit="seconds",
)  # fmt: skip
CASE_RETENTION: Final = Gauge(
    "case_retention",
    "How long cases that are over are kept, where it is least: as configured, or as far as there is room.",
    unit="seconds",
)
DEPARTED_SPAN: Final = Gauge(
    "departed_span",
    "How far back keys of cases that left are remembered, where it is least; absent while none was forgotten.",
    unit="seconds",
)

COUNTED: Final[tuple[Family, ...]] = (
    *OPEN.values(), SLA_OPEN, OLDEST_CASE, LONGEST_WAIT, SOURCE_LAST_ARRIVAL, *rolling.FAMILIES,
    STATE_ENTRIES, STATE_BOUND, STATE_DROPPED, DEDUP_SPAN, CASE_RETENTION, DEPARTED_SPAN,
)  # fmt: skip


@dataclass(frozen=True)
class Census:
    """What one process holds in its states, at the moment of a scrape."""

    open: Mapping[tuple[str, ...], int] = field(default_factory=dict)
    """(gauge, labels...) -> how many; the gauges are those of `OPEN`."""
    oldest_seconds: Mapping[tuple[str, ...], float] = field(default_factory=dict)
    """Of `backlog_cases` and `queue_length`, by the same keys: for how long the oldest is there."""
    windows: Mapping[tuple[str, str], WindowCounts] = field(default_factory=dict)
    """By window and area."""
    last_arrivals: Mapping[str, float] = field(default_factory=dict)
    """Source -> Unix time of the last accepted record."""
    entries: Mapping[str, int] = field(default_factory=dict)
    """What is bounded -> entries of the fullest partition."""
    bounds: Mapping[str, int] = field(default_factory=dict)
    dropped: Mapping[tuple[int, str], int] = field(default_factory=dict)
    """(partition, what a bound made leave early) -> how much since the state began."""
    dedup_seconds: float | None = None
    """How far the shortest duplicate span reaches back; None while nothing was forgotten."""
    case_retention_seconds: float | None = None
    """None where no state is held."""
    departed_seconds: float | None = None
    """How far the shortest memory of keys that left reaches back; None while nothing was forgotten."""


_OLDEST: Final = {"backlog_cases": OLDEST_CASE, "queue_length": LONGEST_WAIT}


class CensusCollector(Collector):
    """Takes a census at every scrape. When that fails, its gauges are missing, and no others.

    A set of labels that was counted once stays at 0: a series that ends is no figure, and never equals 0.
    """

    def __init__(
        self,
        census: Callable[[], Census],
        metrics: Metrics,
        promises: Iterable[tuple[str, str]] = (),
        patterns: Iterable[str] = (),
    ) -> None:
        """`promises`, (policy, metric), and `patterns`: of them there are gauges from the first scrape on."""
        self._census, self._metrics = census, metrics
        self._shown: dict[Gauge, dict[tuple[str, ...], float]] = {
            gauge: dict.fromkeys(sets, 0) for gauge, sets in _begun(promises, patterns).items()
        }
        self._windows_shown: dict[tuple[str, ...], WindowCounts] = {
            (window, ""): WindowCounts() for window in ROLLING_MINUTES
        }
        self._dropped: Mapping[tuple[int, str], int] = {}
        self._dropped_here: dict[tuple[str, ...], float] = {}

    def describe(self) -> Iterator[Metric]:
        return iter(())

    def collect(self) -> Iterator[Metric]:
        try:
            families = list(self._families(self._census()))
        except Exception as error:
            self._metrics.failed("census", error)
            return
        yield from families

    def _families(self, census: Census) -> Iterator[Metric]:
        yield from self._open(census)
        for gauge, counted in rolling.gauges(self._windows(census)):
            yield _exported(gauge, counted)
        arrivals = (((source,), at) for source, at in census.last_arrivals.items())
        yield _exported(SOURCE_LAST_ARRIVAL, self._bounded(SOURCE_LAST_ARRIVAL, arrivals, max))
        for gauge, held in ((STATE_ENTRIES, census.entries), (STATE_BOUND, census.bounds)):
            yield _exported(gauge, {(kind,): amount for kind, amount in held.items()})
        yield self._state_dropped(census)
        for span, reaches in (
            (DEDUP_SPAN, census.dedup_seconds),
            (CASE_RETENTION, census.case_retention_seconds),
            (DEPARTED_SPAN, census.departed_seconds),
        ):
            if reaches is not None:
                yield _exported(span, {(): reaches})

    def _open(self, census: Census) -> Iterator[Metric]:
        of_gauge: dict[str, dict[tuple[str, ...], int]] = {name: {} for name in OPEN}
        for (name, *values), amount in census.open.items():
            of_gauge[name][tuple(values)] = amount
        for name, gauge in OPEN.items():
            yield self._lasting(gauge, of_gauge[name])
        clocks = [(of, amount) for name in _OPEN_CLOCKS for of, amount in of_gauge[name].items()]
        yield self._lasting(SLA_OPEN, clocks)
        for name, gauge in _OLDEST.items():
            ages = {tuple(of): age for (counted, *of), age in census.oldest_seconds.items() if counted == name}
            yield self._lasting(gauge, ages, max)

    def _lasting(
        self,
        gauge: Gauge,
        counted: Mapping[tuple[str, ...], float] | Iterable[tuple[tuple[str, ...], float]],
        merge: Callable[[float, float], float] = add,
    ) -> Metric:
        """A gauge with every set of labels that it ever had."""
        shown = self._shown.setdefault(gauge, {})
        shown.update(dict.fromkeys(shown, 0))
        shown.update(self._bounded(gauge, counted, merge))
        return _exported(gauge, shown)

    def _bounded(
        self,
        gauge: Gauge,
        counted: Mapping[tuple[str, ...], float] | Iterable[tuple[tuple[str, ...], float]],
        merge: Callable[[float, float], float] = add,
    ) -> dict[tuple[str, ...], float]:
        totals: dict[tuple[str, ...], float] = {}
        for values, amount in counted.items() if isinstance(counted, Mapping) else counted:
            labels = self._metrics.bounded(gauge, values)
            totals[labels] = merge(totals[labels], amount) if labels in totals else amount
        return totals

    def _windows(self, census: Census) -> Mapping[tuple[str, ...], WindowCounts]:
        windows = self._windows_shown
        windows.update(dict.fromkeys(windows, WindowCounts()))
        for of, counts in census.windows.items():
            labels = self._metrics.bounded(rolling.SERVICE_LEVEL_DECIDED, of)
            windows[labels] = windows.get(labels, WindowCounts()).plus(counts)
        return windows

    def _state_dropped(self, census: Census) -> Metric:
        """What was dropped while this process had the partition: what it had dropped before counted elsewhere."""
        for (partition, kind), amount in census.dropped.items():
            before = self._dropped.get((partition, kind), amount)
            self._dropped_here[kind,] = self._dropped_here.get((kind,), 0) + max(0, amount - before)
        self._dropped = census.dropped
        return _exported(STATE_DROPPED, self._dropped_here)


_OPEN_CLOCKS: Final[tuple[observations.Gauge, ...]] = ("sla_on_track", "sla_paused", "sla_at_risk", "sla_overdue")


def _begun(promises: Iterable[tuple[str, str]], patterns: Iterable[str]) -> dict[Gauge, list[tuple[str, ...]]]:
    """The sets of labels that there are before anything is open: of no area."""
    clocks: list[tuple[str, ...]] = [(*promise, "") for promise in promises]
    cases: list[tuple[str, ...]] = [("", "", priority) for priority in get_args(Priority)]
    begun = dict.fromkeys((SLA_OPEN, *(OPEN[name] for name in _OPEN_CLOCKS)), clocks)
    begun |= {OPEN["backlog_cases"]: cases, OLDEST_CASE: cases}
    begun |= {OPEN["queue_length"]: [("", "")], LONGEST_WAIT: [("", "")]}
    found = [(pattern, severity, "") for pattern in patterns for severity in get_args(Severity)]
    begun[OPEN["incidents_open"]] = [(*incident, page) for incident in found for page in ("true", "false")]
    return begun


def _exported(family: Gauge | Counter, amounts: Mapping[tuple[str, ...], float]) -> Metric:
    labels = [label.name for label in family.labels]
    made = CounterMetricFamily if isinstance(family, Counter) else GaugeMetricFamily
    exported = made(family.exported_name, family.meaning, labels=labels)
    for values, amount in amounts.items():
        exported.add_metric(values, amount)
    return exported
