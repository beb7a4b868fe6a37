"""The metrics of one process: in a registry of its own, bounded, and guarded, so that none of them breaks anything."""

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

import prometheus_client as prometheus

from schemas.observations import IsolatedErrors
from sinks.metrics.family import OTHER, Counter, Family, Gauge, Histogram, Summary
from sinks.metrics.shared import BUILD, ISOLATED_ERRORS, SHARED, build

logger = logging.getLogger(__name__)

_SERIES_REMEMBERED: Final = 20_000

# When a series began is of no use in the text format, and would be as many series again as counters have.
prometheus.disable_created_metrics()  # type: ignore[no-untyped-call]


class Metrics:
    """The metrics of one process. Moving one never raises: one that fails is counted, and its figure is missing."""

    def __init__(self, families: Iterable[Family], made_as: Mapping[Any, Family] = MappingProxyType({})) -> None:
        """`families`: beside those of every process, and what Python tells of itself (CPU, memory, collections).

        `made_as`: of some of them what they are made as here, with other buckets for one.
        """
        self.registry = prometheus.CollectorRegistry()
        self._failures: dict[str, IsolatedErrors] = {}
        for collector in (prometheus.ProcessCollector, prometheus.PlatformCollector, prometheus.GCCollector):
            collector(registry=self.registry)
        self._metrics = {family: made_as.get(family, family).create(self.registry) for family in (*SHARED, *families)}
        self._moves: dict[tuple[Any, ...], Callable[[float], object]] = {}
        self._values: dict[tuple[Family, int], set[str]] = {}
        self._sets: dict[Family, set[tuple[str, ...]]] = {}
        self.set(BUILD, 1, *build())

    def increase(self, counter: Counter, *labels: str, by: float = 1) -> None:
        """Adds to a counter."""
        self._move((counter, *labels), by)

    def set(self, gauge: Gauge, value: float, *labels: str) -> None:
        """Sets a gauge."""
        self._move((gauge, *labels), value)

    def record(self, histogram: Histogram | Summary, value: float, *labels: str) -> None:
        """Adds a value to a histogram, or a summary."""
        self._move((histogram, *labels), value)

    def begin(self, counter: Counter, *labels: str) -> None:
        """Exports a series before it moves for the first time: else `increase()` misses that."""
        self._move((counter, *labels), 0)

    def bounded(self, family: Family, labels: Iterable[str]) -> tuple[str, ...]:
        """Labels, with `other` in place of a value for which its label or its family has no room."""
        values = tuple(self._bounded(family, position, value) for position, value in enumerate(labels))
        if family.room is None:
            return values
        sets = self._sets.setdefault(family, set())
        if values not in sets:
            if len(sets) >= family.room:
                told = zip(family.labels, values, strict=True)
                return tuple(value if label.vocabulary else OTHER for label, value in told)
            sets.add(values)
        return values

    def failed(self, name: str, error: Exception) -> None:
        """Notes that a metric raised. The first time is logged: each time would be a line a record."""
        known = self._failures.get(name)
        errors = known.errors + 1 if known else 1
        self._failures[name] = IsolatedErrors(errors, repr(error), time.time_ns() // 1_000_000)
        if errors == 1:
            logger.error("The metric %s fails, and is not exact from here on", name, exc_info=error)
        if name != ISOLATED_ERRORS.exported_name:
            self.increase(ISOLATED_ERRORS, f"metric {name}")

    def isolated_errors(self) -> dict[str, IsolatedErrors]:
        """The metrics that raised, by the names under which they are counted."""
        return {f"metric {name}": errors for name, errors in self._failures.items()}

    def _move(self, key: tuple[Any, ...], amount: float) -> None:
        """Moves the series of a key by an amount: a family, or what `_family` knows one by, and then its labels."""
        try:
            move = self._moves.get(key) or self._series(key)
            move(amount)
        except Exception as error:
            self.failed(self._exported_name(key[0]), error)

    def _series(self, key: tuple[Any, ...]) -> Callable[[float], object]:
        """How to move the series of a key: remembered by the labels as they came."""
        family = self._family(key[0])
        child = self._metrics[family]
        if labels := self.bounded(family, key[1:]):
            child = child.labels(*labels)
        move: Callable[[float], object] = getattr(child, family.move)
        if len(self._moves) < _SERIES_REMEMBERED:
            self._moves[key] = move
        return move

    def _family(self, name: Any) -> Family:
        assert isinstance(name, Family)
        return name

    def _exported_name(self, name: Any) -> str:
        try:
            return self._family(name).exported_name
        except LookupError:
            return str(name)

    def _bounded(self, family: Family, position: int, value: str) -> str:
        taken = self._values.setdefault((family, position), set())
        return family.labels[position].bounded(value, taken)
