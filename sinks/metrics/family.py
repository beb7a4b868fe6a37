"""How a metric is declared: once, with its kind, what it means, its labels and what bounds them, and its unit."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, NamedTuple

import prometheus_client as prometheus

NAMESPACE: Final = "feedback"
VALUES_MAX: Final = 100
"""Values that one label takes; the rest reads `other`, so that no publisher can make series without end."""
OTHER: Final = "other"
FROM_EVENTS: Final = f"from events: the first {VALUES_MAX}, then `{OTHER}`"
"""The bound of a label whose values publishers choose."""


class Label(NamedTuple):
    """A label, and in words where its values come from: that is what bounds them."""

    name: str
    values: str


def one_of(values: Iterable[str]) -> str:
    """The bound of a label with a closed vocabulary."""
    return ", ".join(f"`{value}`" for value in values)


@dataclass(frozen=True, eq=False)
class Family:
    """A metric as it is declared: its name without prefix and unit, what it means, its labels, and its base unit."""

    name: str
    meaning: str
    labels: tuple[Label, ...] = ()
    unit: str = ""

    kind: ClassVar[str]
    metric: ClassVar[Callable[..., Any]]
    """What Prometheus' client calls such a metric."""
    move: ClassVar[str]
    """The method that moves a series of it."""

    @property
    def exported_name(self) -> str:
        """The name on `/metrics`, without the suffix of a kind, such as `_total`."""
        return "_".join(filter(None, (NAMESPACE, self.name, self.unit)))

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


@dataclass(frozen=True, eq=False)
class Histogram(Family):
    """How many values were at most each of its buckets."""

    buckets: tuple[float, ...] = prometheus.Histogram.DEFAULT_BUCKETS

    kind, metric, move = "histogram", prometheus.Histogram, "observe"

    def options(self) -> Mapping[str, Any]:
        return {"buckets": self.buckets}
