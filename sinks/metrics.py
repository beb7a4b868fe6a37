"""Every Prometheus metric of Oidor: kind, meaning, labels and their bounds, in one place.

A label value comes from a closed vocabulary or from the data of publishers; of the latter each label keeps the first
`VALUES_MAX`, the rest reads `other`, so that no publisher can make series without end. Units are seconds, bytes and
ratios from 0 to 1. Counters move before the checkpoint commits: exact without faults, approximate after one; ClickHouse
is exact.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, Final

from prometheus_client import REGISTRY, Counter, Gauge, Histogram, Info
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from schemas import observations
from schemas.observations import Observations
from schemas.taxonomy import CLOCK_METRICS, REASONS
from schemas.topics import INPUTS

VALUES_MAX: Final = 100
"""Values that one label takes from the data."""

# Events, as they are read

EVENTS = Counter(
    "feedback_events", "Records read, by what became of them.", ["topic", "event_type", "source", "outcome"]
)
EVENTS_REJECTED = Counter("feedback_events_rejected", "Records not accepted, by reason.", ["topic", "source", "reason"])
EVENT_WARNINGS = Counter("feedback_event_warnings", "Oddities of accepted events.", ["topic", "source", "warning"])
PROCESSING_ERRORS = Counter("feedback_processing_errors", "Records that our own code failed on: page us.", ["error"])
ISOLATED_ERRORS = Counter(
    "feedback_isolated_errors", "Errors of a part of ours that cost its own result, and no record.", ["part"]
)
CONTACTS = Counter("feedback_contacts", "Contact events accepted.", ["event_type", "channel", "area"])
COMPLAINTS = Counter("feedback_complaints", "Complaint events accepted.", ["event_type", "kind", "channel", "area"])
SURVEYS = Counter("feedback_surveys", "Survey events accepted.", ["event_type", "kind", "area"])

# Promises; moved only while the moment that they tell of is recent

SLA_OUTCOMES = Counter(
    "feedback_sla_outcomes",
    "Clocks met and breached, breached at the deadline. A retraction does not take one back.",
    ["policy", "metric", "priority", "outcome"],
)
SLA_RETRACTIONS = Counter("feedback_sla_retractions", "Breaches that late events proved wrong.", ["policy", "metric"])
SLA_UNMATCHED = Counter("feedback_sla_unmatched", "Cases opened for which no policy has a resolve target.", ["topic"])
INCIDENTS = Counter(
    "feedback_pattern_incidents", "Transitions of incidents of failure patterns.", ["pattern", "severity", "transition"]
)
_SECONDS = (1, 5, 10, 20, 60, 180, 600, 1800, 3600, 14_400, 28_800, 86_400, 259_200, 1_296_000)
WAIT = Histogram(
    "feedback_wait_seconds",
    "From queued to answered by a person, elapsed.",
    ["channel"],
    buckets=(1, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600, 1800),
)
FIRST_RESPONSE = Histogram(
    "feedback_first_response_seconds", "From opened to the first reply of a person, elapsed.", ["channel"],
    buckets=_SECONDS,
)  # fmt: skip
RESOLUTION = Histogram(
    "feedback_resolution_seconds", "From opened to resolved, elapsed.", ["kind"], buckets=_SECONDS
)  # fmt: skip

# The worker

CONSUMER_LAG = Gauge("feedback_consumer_lag_events", "Records on the broker that were not taken in yet.", ["topic"])
WATERMARK_LAG = Gauge("feedback_watermark_lag_seconds", "Wall clock less the `now` of the slowest partition.")
TIMER_DELAY = Histogram(
    "feedback_timer_delay_seconds",
    "How much later than planned the one-second timer ran: the event loop was held.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 30),
)
PARTITIONS = Gauge("feedback_partitions", "Partitions assigned to this process, by state.", ["state"])
STATE_RECOVERED = Gauge("feedback_state_recovered", "1 when every assigned partition has its state.")
STATE_OPEN = Histogram(
    "feedback_state_open_seconds", "From beginning to open a partition until it is ready.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)  # fmt: skip
CHECKPOINTS = Counter("feedback_checkpoints", "Transactions of partitions, by result.", ["result"])
CHECKPOINT = Histogram(
    "feedback_checkpoint_seconds", "From building a checkpoint until its transaction is committed.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)  # fmt: skip
CHECKPOINT_BYTES = Counter("feedback_checkpoint_bytes", "Bytes that checkpoints wrote.", ["kind"])
REREADS = Counter("feedback_rereads", "Slices read again because records were missing before them.", ["topic"])
INPUT_DELETED = Counter(
    "feedback_input_deleted", "Offsets that retention deleted before their records were read.", ["topic"]
)
TRANSACTION_HELD_OPEN = Gauge(
    "feedback_upstream_transaction_held_open",
    "1 while an open transaction of a publisher holds a partition of the topic back for over a minute.",
    ["topic"],
)

# The warehouse

SINK_BATCHES = Counter("feedback_sink_batches", "Attempts to insert.", ["sink", "result"])
SINK_ROWS = Counter("feedback_sink_rows", "Rows inserted.", ["table"])
SINK_REFUSED = Counter("feedback_sink_refused_rows", "Rows or packs that ClickHouse or we could not take.", ["table"])
SINK_PENDING = Gauge("feedback_sink_pending_rows", "Rows gathered and not inserted yet.", ["sink"])
SINK_WRITE = Histogram(
    "feedback_sink_write_seconds", "One attempt to insert.", ["sink"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)  # fmt: skip
SINK_LAST_INSERT = Gauge("feedback_sink_last_insert_timestamp_seconds", "Unix time of the last insert.", ["sink"])

BUILD = Info("feedback_build", "The version that runs.")
BUILD.info({"version": version("oidor")})

_COUNTERS: Final[Mapping[observations.Counter | observations.Moment, Counter]] = {
    "events": EVENTS,
    "events_rejected": EVENTS_REJECTED,
    "event_warnings": EVENT_WARNINGS,
    "processing_errors": PROCESSING_ERRORS,
    "isolated_errors": ISOLATED_ERRORS,
    "contacts": CONTACTS,
    "complaints": COMPLAINTS,
    "surveys": SURVEYS,
    "sla_outcomes": SLA_OUTCOMES,
    "sla_retractions": SLA_RETRACTIONS,
    "sla_unmatched": SLA_UNMATCHED,
}
_HISTOGRAMS: Final[Mapping[observations.Duration, Histogram]] = {
    "wait": WAIT,
    "first_response": FIRST_RESPONSE,
    "resolution": RESOLUTION,
}


def observe(observed: Observations, wall: int, page_window_ms: int) -> None:
    """Move the live metrics. `wall` is the wall clock, ms: older than `page_window_ms` is history, which moves none."""
    recent = wall - page_window_ms
    for labels, amount in observed.counts.items():
        _child(labels).inc(amount)
    for at, moment in observed.moments:
        if at >= recent:
            _child(moment).inc()
    for at, duration, seconds in observed.durations:
        if at >= recent:
            _child(duration, _HISTOGRAMS).observe(seconds)
    for incident, transition in observed.incidents:
        if incident.updated_at >= recent:
            INCIDENTS.labels(incident.pattern, incident.severity, transition).inc()


_children: dict[tuple[str, ...], Any] = {}
_values: dict[tuple[str, int], set[str]] = {}
_CHILDREN_MAX: Final = 20_000


def _child(labels: tuple[str, ...], metrics: Mapping[Any, Any] = _COUNTERS) -> Any:
    """The child of a metric for bounded labels, remembered by the labels as they came."""
    child = _children.get(labels)
    if child is None:
        name, *values = labels
        bounded = [bound(name, position, value) for position, value in enumerate(values)]
        child = metrics[name].labels(*bounded)
        if len(_children) < _CHILDREN_MAX:
            _children[labels] = child
    return child


def bound(metric: str, position: int, value: str) -> str:
    """A label value from the data, or `other` when its label has its fill."""
    known = _values.setdefault((metric, position), set())
    if value in known:
        return value
    if len(known) >= VALUES_MAX:
        return "other"
    known.add(value)
    return value


def prepare(policies: Iterable[str], priorities: Iterable[str]) -> None:
    """Let what can be known beforehand begin at 0: else `increase()` misses the first breach."""
    ranks = list(priorities)
    for policy in policies:
        for metric in CLOCK_METRICS:
            SLA_RETRACTIONS.labels(policy, metric)
            for priority in ranks:
                for outcome in ("met", "breached"):
                    SLA_OUTCOMES.labels(policy, metric, priority, outcome)
    for topic in INPUTS:
        SLA_UNMATCHED.labels(topic)
        for reason in REASONS:
            EVENTS_REJECTED.labels(topic, "", reason)
    for pattern in ("P01", "P02", "P08", "P10"):
        for severity in ("info", "warning", "critical"):
            INCIDENTS.labels(pattern, severity, "opened")


@dataclass(frozen=True)
class Census:
    """What one process holds in its states, at the moment of a scrape."""

    open: Mapping[tuple[str, ...], int] = field(default_factory=dict)
    """(gauge, labels...) -> how many; the gauges are those of `_OPEN`"""
    entries: Mapping[str, int] = field(default_factory=dict)
    """What is bounded -> entries of the fullest partition"""
    bounds: Mapping[str, int] = field(default_factory=dict)
    dropped: Mapping[str, int] = field(default_factory=dict)
    """What a bound made leave early, since the state began"""
    dedup_hours: float | None = None
    """Hours that the shortest duplicate span reaches back; None while nothing was forgotten"""


_OPEN: Final = {
    "backlog_cases": ("Cases that are not over.", ("kind", "area", "priority")),
    "sla_open": ("Clocks that run, with no warning passed.", ("policy", "metric", "area")),
    "sla_paused": ("Clocks that wait for the customer or a third party.", ("policy", "metric", "area")),
    "sla_at_risk": ("Clocks that run and have passed a warning.", ("policy", "metric", "area")),
    "sla_overdue": ("Clocks that run past their deadline.", ("policy", "metric", "area")),
    "pattern_incidents_open": ("Open incidents.", ("pattern", "severity", "area")),
}


class CensusCollector(Collector):
    """Gauges of what is open, counted when asked: a partition that moved away leaves no stale series."""

    def __init__(self, census: Callable[[], Census]) -> None:
        self._census = census

    def describe(self) -> Iterator[GaugeMetricFamily]:
        return iter(())

    def collect(self) -> Iterator[GaugeMetricFamily]:
        census = self._census()
        for name, (meaning, labels) in _OPEN.items():
            totals: dict[tuple[str, ...], int] = {}
            for (gauge, *values), amount in census.open.items():
                if gauge == name:
                    bounded = tuple(bound(name, position, value) for position, value in enumerate(values))
                    totals[bounded] = totals.get(bounded, 0) + amount
            yield _gauge(f"feedback_{name}", meaning, labels, totals)
        yield _gauge("feedback_state_entries", "Entries of the fullest partition.", ("kind",), _single(census.entries))
        yield _gauge("feedback_state_bound", "Entries that a partition may have.", ("kind",), _single(census.bounds))
        yield _gauge(
            "feedback_state_dropped", "What left or was not counted because of a bound.", ("kind",),
            _single(census.dropped),
        )  # fmt: skip
        if census.dedup_hours is not None:
            family = GaugeMetricFamily("feedback_dedup_span_hours", "How far back duplicates are recognised.")
            family.add_metric([], census.dedup_hours)
            yield family


def _single(amounts: Mapping[str, int]) -> dict[tuple[str, ...], int]:
    return {(name,): amount for name, amount in amounts.items()}


def _gauge(name: str, meaning: str, labels: Sequence[str], amounts: Mapping[Any, int]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, meaning, labels=labels)
    for values, amount in amounts.items():
        family.add_metric(list(values), amount)
    return family


def register(census: Callable[[], Census]) -> None:
    """Let /metrics ask `census` at every scrape."""
    REGISTRY.register(CensusCollector(census))
