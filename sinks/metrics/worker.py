"""Families of `oidor worker`.

Counters of events move before the checkpoint commits: exact without faults, approximate after one; ClickHouse is exact.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, get_args

from schemas import observations
from schemas.observations import Observations, is_recent
from schemas.taxonomy import CLOCK_METRICS, REASONS, WARNINGS, Outcome, Severity
from schemas.topics import INPUTS
from sinks.metrics import durability
from sinks.metrics.census import COUNTED, Census, CensusCollector
from sinks.metrics.family import Counter, Family, Histogram, Label, one_of
from sinks.metrics.labels import (
    AREA,
    CHANNEL,
    CLOCK_METRIC,
    EVENT_TYPE,
    INPUT,
    KIND,
    PATTERN,
    POLICY,
    PRIORITY,
    SEVERITY,
    SOURCE,
)
from sinks.metrics.registry import Metrics
from sinks.metrics.shared import ISOLATED_ERRORS

# Events, as they are read

EVENTS: Final = Counter(
    "events", "Records read, by what became of them.",
    (INPUT, EVENT_TYPE, SOURCE, Label("outcome", one_of(get_args(Outcome)))),
)  # fmt: skip
EVENTS_REJECTED: Final = Counter(
    "events_rejected", "Records not accepted, by reason.", (INPUT, SOURCE, Label("reason", one_of(REASONS)))
)
EVENT_WARNINGS: Final = Counter(
    "event_warnings", "Oddities of accepted events.", (INPUT, SOURCE, Label("warning", one_of(WARNINGS)))
)
PROCESSING_ERRORS: Final = Counter(
    "processing_errors", "Records that our own code failed on: page us.", (Label("error", "classes of exceptions"),)
)
CONTACTS: Final = Counter("contacts", "Contact events accepted.", (EVENT_TYPE, CHANNEL, AREA))
COMPLAINTS: Final = Counter("complaints", "Complaint events accepted.", (EVENT_TYPE, KIND, CHANNEL, AREA))
SURVEYS: Final = Counter("surveys", "Survey events accepted.", (EVENT_TYPE, KIND, AREA))

TIME_SET_BACK: Final = Counter(
    "time_set_back",
    "Partitions whose time lay over a minute ahead of the broker's: what was decided since was withdrawn.",
)

# Promises, and what went wrong; moved only while the moment that they tell of is recent

SLA_OUTCOMES: Final = Counter(
    "sla_outcomes", "Clocks met and breached, breached at the deadline. A retraction does not take one back.",
    (POLICY, CLOCK_METRIC, PRIORITY, Label("outcome", one_of(("met", "breached")))),
)  # fmt: skip
SLA_RETRACTIONS: Final = Counter(
    "sla_retractions", "Breaches that late events proved wrong.", (POLICY, CLOCK_METRIC)
)  # fmt: skip
SLA_UNMATCHED: Final = Counter(
    "sla_unmatched", "Cases opened for which no policy has a resolve target.", (INPUT,)
)  # fmt: skip
INCIDENTS: Final = Counter(
    "pattern_incidents", "Transitions of incidents of failure patterns.",
    (PATTERN, SEVERITY, Label("transition", one_of(get_args(observations.Transition)))),
)  # fmt: skip

_SECONDS: Final = (1, 5, 10, 20, 60, 180, 600, 1800, 3600, 14_400, 28_800, 86_400, 259_200, 1_296_000)
WAIT: Final = Histogram(
    "wait", "From queued to answered by a person, elapsed.", (CHANNEL,), unit="seconds",
    buckets=(1, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600, 1800),
)  # fmt: skip
FIRST_RESPONSE: Final = Histogram(
    "first_response", "From opened to the first reply of a person, elapsed.", (CHANNEL,), unit="seconds",
    buckets=_SECONDS,
)  # fmt: skip
RESOLUTION: Final = Histogram(
    "resolution", "From opened to resolved, elapsed.", (KIND,), unit="seconds", buckets=_SECONDS
)  # fmt: skip

OBSERVED: Final[Mapping[observations.Counter | observations.Moment | observations.Duration, Family]] = {
    "events": EVENTS,
    "events_rejected": EVENTS_REJECTED,
    "event_warnings": EVENT_WARNINGS,
    "processing_errors": PROCESSING_ERRORS,
    "isolated_errors": ISOLATED_ERRORS,
    "contacts": CONTACTS,
    "complaints": COMPLAINTS,
    "surveys": SURVEYS,
    "sla_unmatched": SLA_UNMATCHED,
    "time_set_back": TIME_SET_BACK,
    "sla_outcomes": SLA_OUTCOMES,
    "sla_retractions": SLA_RETRACTIONS,
    "wait": WAIT,
    "first_response": FIRST_RESPONSE,
    "resolution": RESOLUTION,
}
"""What a step observes -> the family that it moves."""

MOVED: Final[tuple[Family, ...]] = (
    EVENTS, EVENTS_REJECTED, EVENT_WARNINGS, PROCESSING_ERRORS, CONTACTS, COMPLAINTS, SURVEYS,
    TIME_SET_BACK, SLA_OUTCOMES, SLA_RETRACTIONS, SLA_UNMATCHED, INCIDENTS, WAIT, FIRST_RESPONSE, RESOLUTION,
)  # fmt: skip
FAMILIES: Final = (*MOVED, *durability.FAMILIES, *COUNTED)


class WorkerMetrics(Metrics):
    """The metrics of a worker, and how observations of a step move them."""

    def __init__(self) -> None:
        super().__init__((*MOVED, *durability.FAMILIES))

    def count_at_scrapes(self, census: Callable[[], Census]) -> None:
        """Lets every scrape take a census of the states."""
        self.registry.register(CensusCollector(census, self))

    def begin_known(self, *, policies: Iterable[str], priorities: Iterable[str], patterns: Iterable[str]) -> None:
        """Exports what is known beforehand at 0: else `increase()` misses the first breach."""
        ranks = list(priorities)
        for policy in policies:
            for metric in CLOCK_METRICS:
                self.begin(SLA_RETRACTIONS, policy, metric)
                for priority in ranks:
                    for outcome in ("met", "breached"):
                        self.begin(SLA_OUTCOMES, policy, metric, priority, outcome)
        self.begin(TIME_SET_BACK)
        for topic in INPUTS:
            self.begin(SLA_UNMATCHED, topic)
            for reason in REASONS:
                self.begin(EVENTS_REJECTED, topic, "", reason)
        for pattern in patterns:
            for severity in get_args(Severity):
                self.begin(INCIDENTS, pattern, severity, "opened")

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
                self.increase(INCIDENTS, incident.pattern, incident.severity, transition)

    def _family(self, name: Any) -> Family:
        return name if isinstance(name, Family) else OBSERVED[name]
