"""Gauges of what a worker's states hold, counted at a scrape: a partition that moved away leaves no stale series."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from schemas import observations
from sinks.metrics.family import Family, Gauge, Label, one_of
from sinks.metrics.labels import AREA, CLOCK_METRIC, KIND, PATTERN, POLICY, PRIORITY, QUEUE, SEVERITY
from sinks.metrics.registry import Metrics

_CLOCK: Final = (POLICY, CLOCK_METRIC, AREA)

_IMPORTED_STATE: Final = Label("state", one_of(("open", "paused", "at_risk", "overdue")))

OPEN: Final[Mapping[observations.Gauge, Gauge]] = {
    "backlog_cases": Gauge("backlog_cases", "Cases that are not over.", (KIND, AREA, PRIORITY)),
    "waits_open": Gauge("waits_open", "Waits for a person that last, and are in no ratio yet.", (QUEUE, AREA)),
    "sla_open": Gauge("sla_open", "Clocks that run, with no warning passed.", _CLOCK),
    "sla_paused": Gauge("sla_paused", "Clocks that wait for the customer or a third party.", _CLOCK),
    "sla_at_risk": Gauge("sla_at_risk", "Clocks that run and have passed a warning.", _CLOCK),
    "sla_overdue": Gauge("sla_overdue", "Clocks that run past their deadline.", _CLOCK),
    "pattern_incidents_open": Gauge("pattern_incidents_open", "Open incidents.", (PATTERN, SEVERITY, AREA)),
    "imported_cases": Gauge(
        "imported_cases",
        "Cases that are not over of which all was told later than `OIDOR_PAGE_WINDOW`; not in `backlog_cases`.",
        (KIND, AREA, PRIORITY),
    ),
    "imported_sla_clocks": Gauge(
        "imported_sla_clocks",
        "Clocks that had been as they are for `OIDOR_PAGE_WINDOW` when we heard of them; in no `sla_...`.",
        (_IMPORTED_STATE, *_CLOCK),
    ),
    "imported_pattern_incidents": Gauge(
        "imported_pattern_incidents",
        "Open incidents told later than `OIDOR_PAGE_WINDOW`: nobody was paged; not in `pattern_incidents_open`.",
        (PATTERN, SEVERITY, AREA),
    ),
}
"""An alarm on a gauge of what is told in time cannot be set off by an import; the sum of both is what there is."""

WAITS_OPEN_SINCE: Final = Gauge(
    "waits_open_since", "Queueing of the longest wait that lasts, Unix time.", (QUEUE, AREA), unit="seconds"
)

_HELD: Final = (Label("kind", "the bounded tables of the state"),)
BY_KIND: Final = (
    Gauge("state_entries", "Entries of the fullest partition.", _HELD),
    Gauge("state_bound", "Entries that a partition may have.", _HELD),
    Gauge("state_dropped", "What left or was not counted because of a bound.", _HELD),
)
DEDUP_SPAN: Final = Gauge("dedup_span", "How far back duplicates are recognised, where it is least.", unit="hours")
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
    *OPEN.values(),
    WAITS_OPEN_SINCE,
    *BY_KIND,
    DEDUP_SPAN,
    CASE_RETENTION,
    DEPARTED_SPAN,
)


@dataclass(frozen=True)
class Census:
    """What one process holds in its states, at the moment of a scrape."""

    open: Mapping[tuple[str, ...], int] = field(default_factory=dict)
    """(gauge, labels...) -> how many; the gauges are those of `OPEN`. Those of `waits_open` also say since when, ms."""
    entries: Mapping[str, int] = field(default_factory=dict)
    """What is bounded -> entries of the fullest partition."""
    bounds: Mapping[str, int] = field(default_factory=dict)
    dropped: Mapping[str, int] = field(default_factory=dict)
    """What a bound made leave early, since the state began."""
    dedup_hours: float | None = None
    """Hours that the shortest duplicate span reaches back; None while nothing was forgotten."""
    case_retention_seconds: float | None = None
    """None where no state is held."""
    departed_seconds: float | None = None
    """How far the shortest memory of keys that left reaches back; None while nothing was forgotten."""


class CensusCollector(Collector):
    """Takes a census at every scrape. When that fails, its gauges are missing, and no others."""

    def __init__(self, census: Callable[[], Census], metrics: Metrics) -> None:
        self._census, self._metrics = census, metrics

    def describe(self) -> Iterator[GaugeMetricFamily]:
        return iter(())

    def collect(self) -> Iterator[GaugeMetricFamily]:
        try:
            gauges = list(self._gauges(self._census()))
        except Exception as error:
            self._metrics.failed("census", error)
            return
        yield from gauges

    def _gauges(self, census: Census) -> Iterator[GaugeMetricFamily]:
        for name, gauge in OPEN.items():
            totals: dict[tuple[str, ...], int] = {}
            for (counted, *values), amount in census.open.items():
                if counted == name:
                    labels = self._metrics.bounded(gauge, values[: len(gauge.labels)])
                    totals[labels] = totals.get(labels, 0) + amount
            yield _exported(gauge, totals)
        yield _exported(WAITS_OPEN_SINCE, self._longest_waits(census))
        for gauge, held in zip(BY_KIND, (census.entries, census.bounds, census.dropped), strict=True):
            yield _exported(gauge, {(kind,): amount for kind, amount in held.items()})
        for span, reaches in (
            (DEDUP_SPAN, census.dedup_hours),
            (CASE_RETENTION, census.case_retention_seconds),
            (DEPARTED_SPAN, census.departed_seconds),
        ):
            if reaches is not None:
                yield _exported(span, {(): reaches})

    def _longest_waits(self, census: Census) -> Mapping[tuple[str, ...], float]:
        since: dict[tuple[str, ...], float] = {}
        for name, *values in census.open:
            if name == "waits_open":
                *told, queued_at = values
                labels = self._metrics.bounded(WAITS_OPEN_SINCE, told)
                since[labels] = min(since.get(labels, math.inf), int(queued_at) / 1000)
        return since


def _exported(gauge: Gauge, amounts: Mapping[tuple[str, ...], float]) -> GaugeMetricFamily:
    labels = [label.name for label in gauge.labels]
    family = GaugeMetricFamily(gauge.exported_name, gauge.meaning, labels=labels)
    for values, amount in amounts.items():
        family.add_metric(values, amount)
    return family
