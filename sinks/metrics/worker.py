"""The metrics of `oidor worker`, and how what a step observes moves them.

Counters of events move before the checkpoint commits: exact without faults, approximate after one; ClickHouse is exact.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, get_args

from schemas import observations
from schemas.observations import Observations, is_recent
from schemas.taxonomy import REASONS, ClockMetric, Priority, Severity
from schemas.topics import INPUTS
from sinks.metrics import durability, events, promises
from sinks.metrics.census import COUNTED, Census, CensusCollector
from sinks.metrics.family import Family, Gauge, Histogram
from sinks.metrics.registry import Metrics
from sinks.metrics.shared import ISOLATED_ERRORS

OBSERVED: Final[
    Mapping[observations.Counter | observations.Moment | observations.Duration | observations.Score, Family]
] = {
    "events": events.EVENTS,
    "rejections": events.REJECTIONS,
    "events_rejected": events.EVENTS_REJECTED,
    "event_warnings": events.EVENT_WARNINGS,
    "records_behind_frontier": events.BEHIND_FRONTIER,
    "processing_errors": events.PROCESSING_ERRORS,
    "isolated_errors": ISOLATED_ERRORS,
    "contacts": events.CONTACTS,
    "complaints": events.COMPLAINTS,
    "surveys": events.SURVEYS,
    "time_set_back": events.TIME_SET_BACK,
    "sla_outcomes": promises.SLA_OUTCOMES,
    "sla_withdrawn": promises.SLA_WITHDRAWN,
    "sla_retractions": promises.SLA_RETRACTIONS,
    "sla_unmatched": promises.SLA_UNMATCHED,
    "survey_box": events.SURVEY_BOX,
    "survey_score": events.SURVEY_SCORE,
    "wait": promises.WAIT,
    "first_response": promises.FIRST_RESPONSE,
    "resolution": promises.RESOLUTION,
}
"""What a step observes -> the family that it moves."""

REPLAY_ACTIVE: Final = Gauge("replay_active", "1 in a worker that reads old records again, as `oidor replay` does.")

MOVED: Final = (*events.FAMILIES, *promises.FAMILIES, REPLAY_ACTIVE)
FAMILIES: Final = (*MOVED, *durability.FAMILIES, *COUNTED)


@dataclass(frozen=True)
class Known:
    """What a worker knows before anything happens: of it series begin at 0, or `increase()` would miss the first."""

    promises: Collection[tuple[str, ClockMetric]] = ()
    """(policy, metric) that some target is of."""
    attainment: Mapping[tuple[str, ClockMetric], float] = field(default_factory=dict)
    """Of these the share that is to be met, where the pack says one."""
    targets: Mapping[ClockMetric, Collection[float]] = field(default_factory=dict)
    """Seconds that are promised: histograms tell apart what is up to them."""
    patterns: Collection[str] = ()
    sources: Collection[str] = ()
    oldest_case: Mapping[tuple[str, Priority], float] = field(default_factory=dict)
    """(policy, priority) -> seconds that a case may be open, where the pack says it."""


_PROMISED: Final[Mapping[Histogram, tuple[ClockMetric, ...]]] = {
    promises.WAIT: ("answer",),
    promises.FIRST_RESPONSE: ("first_response",),
    promises.RESOLUTION: ("resolve", "final_response"),
}


class WorkerMetrics(Metrics):
    """The metrics of a worker."""

    def __init__(self, known: Known = Known()) -> None:
        promised = {family: _at_targets(family, metrics, known.targets) for family, metrics in _PROMISED.items()}
        super().__init__((*MOVED, *durability.FAMILIES), promised)
        self._known = known
        self._begin(known)

    def count_at_scrapes(self, census: Callable[[], Census]) -> None:
        """Lets every scrape take a census of the states."""
        self.registry.register(CensusCollector(census, self, self._known.promises, self._known.patterns))

    def _begin(self, known: Known) -> None:
        for policy, metric in known.promises:
            self.begin(promises.SLA_RETRACTIONS, policy, metric)
            self.begin(promises.SLA_WARNINGS, policy, metric)
            for priority in get_args(Priority):
                self.begin(promises.SLA_WITHDRAWN, policy, metric, priority)
                for outcome in ("met", "breached"):
                    self.begin(promises.SLA_OUTCOMES, policy, metric, priority, outcome)
        for (policy, metric), share in known.attainment.items():
            self.set(promises.SLA_TARGET, share, policy, metric)
        for (policy, of_priority), seconds in known.oldest_case.items():
            self.set(promises.OLDEST_CASE_TARGET, seconds, policy, of_priority)
        self.begin(events.TIME_SET_BACK)
        self.set(REPLAY_ACTIVE, 0)
        for topic in INPUTS:
            self.begin(promises.SLA_UNMATCHED, topic)
            self.begin(events.BEHIND_FRONTIER, topic)
            self.begin(events.PROCESSING_ERRORS, topic)
            for reason in REASONS:
                self.begin(events.REJECTIONS, topic, reason)
                for source in known.sources:
                    self.begin(events.EVENTS_REJECTED, topic, source, reason)
        for pattern in known.patterns:
            self.begin(ISOLATED_ERRORS, pattern)
            for severity in get_args(Severity):
                for transition in get_args(observations.Transition):
                    self.begin(promises.INCIDENTS, pattern, severity, transition)

    def rejected_by_source(self) -> dict[str, int]:
        """Records rejected since the process began, by source."""
        totals: dict[str, int] = {}
        for sample in self._metrics[events.EVENTS_REJECTED].collect()[0].samples:
            if sample.name.endswith("_total") and sample.value:
                source = sample.labels["source"]
                totals[source] = totals.get(source, 0) + round(sample.value)
        return totals

    def observe(self, observed: Observations, wall: int, page_window_ms: int) -> None:
        """Moves what a step observed. `wall` is the wall clock, ms: what is of no recent moment moves no counter.

        It never raises: what fails is counted, and the record that it tells of is none the worse for it.
        """
        for counter, amount in observed.counts.items():
            self._move(counter, amount)
        for at, moment in observed.moments:
            if is_recent(at, wall, page_window_ms):
                self._move(moment, 1)
        for at, duration, seconds in observed.durations:
            if is_recent(at, wall, page_window_ms):
                self._move(duration, seconds)
        for incident, transition in observed.incidents:
            if is_recent(incident.updated_at, wall, page_window_ms):
                self.increase(promises.INCIDENTS, incident.pattern, incident.severity, transition)
                if transition == "opened" and incident.pattern == WARNING_PATTERN:
                    self.increase(promises.SLA_WARNINGS, incident.policy_id, incident.metric)

    def _family(self, name: Any) -> Family:
        return name if isinstance(name, Family) else OBSERVED[name]


WARNING_PATTERN: Final = "P01"
"""Of which an incident opens when a clock passes its first warning."""


def _at_targets(
    family: Histogram, metrics: Iterable[ClockMetric], targets: Mapping[ClockMetric, Collection[float]]
) -> Histogram:
    """A histogram that tells apart what is promised, too: by as many of its targets as there is room for."""
    wanted = sorted({seconds for metric in metrics for seconds in targets.get(metric, ())} - {*family.buckets})
    bounds = sorted((*family.buckets, *wanted[: promises.BUCKETS_MAX - len(family.buckets)]))
    return replace(family, buckets=tuple(bounds))
