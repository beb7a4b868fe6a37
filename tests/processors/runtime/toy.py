"""A third process, as short as one can be: it counts the records of one topic, and keeps nothing."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final, Protocol

from faust.types import TP

from processors.runtime.problems import Problem
from processors.runtime.seam import Inputs
from processors.runtime.service import Background
from processors.runtime.slices import FetchProgress, Slice
from processors.runtime.symptoms import Progress, Symptoms
from processors.runtime.watchdog import Symptom
from processors.settings import Settings
from sinks.metrics.family import Counter, Gauge
from sinks.metrics.registry import Metrics

TOPIC: Final = "toy-events"
COUNTED: Final = Counter("toy_records", "Records counted.")
OPEN: Final = Gauge("toy_partitions", "Partitions open.")
FAMILIES: Final = (COUNTED, OPEN)


def inputs(settings: Settings, prefix: str) -> Inputs:
    return Inputs(f"{settings.app_id}-toy", {TOPIC: prefix + TOPIC}, slice_records=100)


class Member(Protocol):
    """What the toy asks of the consumer."""

    def assignment(self) -> Collection[TP]: ...
    async def progress(self) -> Mapping[TP, FetchProgress]: ...


class Toy:
    """Obeys `processors.runtime.service.Process`."""

    tick_seconds = 1.0
    background: Sequence[Background] = ()

    def __init__(self, metrics: Metrics, consumer: Callable[[], Member]) -> None:
        self.metrics = metrics
        self.open: set[int] = set()
        self.next: dict[int, int] = {}
        self.ticks = 0
        self.fails: Exception | None = None
        self.happened: list[str] = []
        self._consumer = consumer
        self._fetched: Mapping[TP, FetchProgress] = {}

    async def deliver(self, batch: Slice) -> None:
        if self.fails:
            raise self.fails
        self.next[batch.partition] = batch.end
        self.metrics.increase(COUNTED, by=len(batch))

    async def tick(self) -> None:
        self.ticks += 1
        if self.fails:
            raise self.fails
        self._fetched = await self._consumer().progress()
        self.open = {tp.partition for tp in self._consumer().assignment()}

    def update_gauges(self) -> None:
        self.metrics.set(OPEN, len(self.open))

    async def revoked(self, numbers: Collection[int], seconds: float) -> None:
        self.open -= set(numbers)
        self.happened.append(f"revoked {sorted(numbers)} within {seconds:g} s")

    async def shutdown(self, seconds: float) -> None:
        self.happened.append(f"ends within {seconds:g} s")

    def opened(self) -> Collection[int]:
        return self.open

    def progress(self) -> list[Progress]:
        return [
            Progress(tp, self.next.get(tp.partition, 0), fetched)
            for tp, fetched in self._fetched.items()
            if tp.partition in self.open
        ]

    def in_hand(self) -> None: ...

    def symptoms(self, working: bool, answered: bool) -> Symptoms:
        return {"toy": Symptom(f"the toy is out of order ({working=})", 1)} if self.fails else {}

    def problems(self) -> list[Problem]:
        return [Problem("toy", str(self.fails), "nothing is counted")] if self.fails else []

    def details(self) -> dict[str, Any]:
        return {"next": self.next}
