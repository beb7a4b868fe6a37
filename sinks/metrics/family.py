"""How a metric is declared: once, with its kind, what it means, its labels and what bounds them, and its unit."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar, Final, NamedTuple

import prometheus_client as prometheus

NAMESPACE: Final = "feedback"
VALUES_MAX: Final = 100
"""Values that a label from events takes; the rest reads `other`, so that no publisher can make series without end."""
SERIES_MAX: Final = 10_000
"""Series of a process at most, whatever comes in: what its families may have, added up."""
OTHER: Final = "other"
FROM_EVENTS: Final = f"from events: the first {VALUES_MAX}, then `{OTHER}`"
"""The bound of a label whose values publishers choose."""


class Label(NamedTuple):
    """A label, and in words where its values come from: that is what bounds them."""

    name: str
    values: str
    most: int = VALUES_MAX
    """Values that it takes; one more reads `other`."""
    vocabulary: frozenset[str] = frozenset()
    """Of one that code knows; what is none of it reads ''. Empty: it is open, as one whose values come from events."""

    @property
    def width(self) -> int:
        """How many different values it may have on `/metrics`."""
        return self.most + 1

    def bounded(self, value: str, taken: set[str]) -> str:
        """A value as it is exported; `taken` are the values that were, and gets one that is new."""
        if self.vocabulary:
            return value if value in self.vocabulary else ""
        if value not in taken:
            if len(taken) >= self.most:
                return OTHER
            taken.add(value)
        return value


def closed(name: str, vocabulary: Iterable[str]) -> Label:
    """A label with a vocabulary that code knows."""
    values = tuple(vocabulary)
    return Label(name, ", ".join(f"`{value}`" for value in values), len(values), frozenset(values))


@dataclass(frozen=True, eq=False)
class Family:
    """A metric as it is declared: its name without prefix and unit, what it means, its labels, and its base unit."""

    name: str
    meaning: str
    labels: tuple[Label, ...] = ()
    unit: str = ""
    room: int | None = None
    """Sets of labels for which there is room; of one more its open labels read `other`. None: for all there may be."""

    kind: ClassVar[str]
    metric: ClassVar[Callable[..., Any]]
    """What Prometheus' client calls such a metric."""
    move: ClassVar[str]
    """The method that moves a series of it."""

    @property
    def exported_name(self) -> str:
        """The name on `/metrics`, without the suffix of a kind, such as `_total`."""
        return "_".join(filter(None, (NAMESPACE, self.name, self.unit)))

    @property
    def series_max(self) -> int:
        """Series that it may have: its sets of labels, each as many lines on `/metrics` as its kind has."""
        sets = prod(label.width for label in self.labels)
        if self.room is not None:
            sets = min(sets, self.room + prod(label.width for label in self.labels if label.vocabulary))
        return sets * self.lines

    @property
    def lines(self) -> int:
        """Lines on `/metrics` of one set of labels."""
        return 1

    def create(self, registry: prometheus.CollectorRegistry) -> Any:
        """The metric, in a registry."""
        names = [label.name for label in self.labels]
        return type(self).metric(
            self.name, self.meaning, names, namespace=NAMESPACE, unit=self.unit, registry=registry, **self.options()
        )

    def options(self) -> Mapping[str, Any]:
        """What only its kind has."""
        return {}


class Counter(Family):
    """What only grows; its name ends with `_total`."""

    kind, metric, move = "counter", prometheus.Counter, "inc"


class Gauge(Family):
    """What goes up and down."""

    kind, metric, move = "gauge", prometheus.Gauge, "set"


class Summary(Family):
    """How many values there were, and what they add up to."""

    kind, metric, move = "summary", prometheus.Summary, "observe"

    @property
    def lines(self) -> int:
        return 2


@dataclass(frozen=True, eq=False)
class Histogram(Family):
    """How many values were at most each of its buckets."""

    buckets: tuple[float, ...] = prometheus.Histogram.DEFAULT_BUCKETS
    """Their upper bounds, rising."""
    buckets_max: int = 0
    """How many there may be, with those at what a process promises."""

    kind, metric, move = "histogram", prometheus.Histogram, "observe"

    def options(self) -> Mapping[str, Any]:
        return {"buckets": self.buckets}

    @property
    def lines(self) -> int:
        return max(len(self.buckets), self.buckets_max) + 3  # the bucket of all, the sum, the count
