"""Our processes, without Faust: a worker around the real owner of partitions, and the real warehouse."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final, cast

from deploy.cli.settings import ShippedSettings
from processors.durability.assignment import Assignment
from processors.durability.changelog import LogLimits
from processors.durability.inspection import Inspection
from processors.durability.operator import DurabilityConfig, Operator, Pace
from processors.patterns import registry
from processors.pipeline import missed_pages, step
from processors.pipeline.deadlines import Spent
from processors.pipeline.recovery import recover
from processors.pipeline.set_back import set_back
from processors.rules import Rules
from processors.runtime.partitioners import placement
from processors.runtime.seam import BatchConsumer
from processors.runtime.timeouts import LAST_COMMIT_SECONDS
from processors.state.partition import PartitionState
from processors.warehouse import Warehouse
from schemas.observations import CLOCKS_AGREE_MS, Observations
from schemas.outputs import Checkpoint, RejectedRecord
from schemas.topics import INPUTS, ROWS
from sinks import messages
from sinks.metrics.warehouse import WarehouseMetrics
from sinks.rejections import RejectionPublisher
from tests.simulation.clients import APP, STATE, Consumer, SimulatedLog
from tests.simulation.database import Writer
from tests.simulation.disasters import SimulatedCluster

if TYPE_CHECKING:
    from tests.simulation.world import World

_SETTINGS: Final = ShippedSettings(
    _env_file=None, app_id=APP, partitions=3, message_bytes=20_000, log_to_state=0, warehouse_rows=200
)
_RULES: Final = Rules.of(_SETTINGS, registry.DECLARED, placement("murmur2", 3))
"""By which many a key of this traffic lies elsewhere: that is warned, and warned again after a crash."""
_PENDING_MAX: Final = 20
_OCCURRED_AHEAD_MS: Final = 600_000
"""What an event may lie ahead of its record, and that of the clock, together."""
_CUT: Final = 0.05
"""The chance that a step has taken long enough, after each record and each timer."""


class Worker:
    """What `processors.worker.Worker` does, without Faust."""

    def __init__(self, world: World, name: str) -> None:
        self.process = world.process(name)
        self._world = world
        self.consumer = Consumer(world.broker, world.weather, name, APP, INPUTS, world.wall, self._revoked)
        self.assignment = Assignment(
            _processing(world),
            self._log,
            lambda: self.consumer,
            DurabilityConfig(
                inputs={topic: topic for topic in INPUTS},
                partitions=world.traffic.partitions,
                pending_max=_PENDING_MAX,
                log_limits=LogLimits(_SETTINGS.message_bytes, _SETTINGS.log_to_state),
                pace=Pace(1.0, timer=1.0),
            ),
            watch=_Watch(world, name),
            refuse=lambda why: world.anomaly(f"{name} refuses: {why}"),
            inspection=Inspection(
                SimulatedCluster(world.broker, world.traffic.partitions),
                {topic: topic for topic in INPUTS},
                world.traffic.partitions,
                STATE,
            ),
        )

    def start(self) -> None:
        tasks = {
            "belong": self.consumer.belong(),
            "fetch": self.consumer.fetch(),
            "tick": self._tick(),
            "group": self._commit_to_group(),
            "inspect": self.assignment.inspect(),
            **{f"agent-{topic}": self._take(topic) for topic in INPUTS},
        }
        for name, work in tasks.items():
            self.process.start(self._world.guarded(work, f"{self.process.name}/{name}"), name)

    async def leave(self) -> None:
        """SIGTERM: done or not, it ends within its budget."""
        try:
            async with asyncio.timeout(4):
                await self.assignment.shutdown(2)
                self.consumer.leave()
        finally:
            self.process.kill()

    def _log(self, number: int) -> SimulatedLog:
        if number not in self.consumer.numbers:
            self._world.anomaly(f"{self.process.name} opens partition {number}, which is not assigned to it")
        return SimulatedLog(self._world.broker, self._world.weather, number, self._world.broker_time)

    async def _take(self, topic: str) -> None:
        while True:
            batch = await self.consumer.channels[topic].get()
            await self._world.guarded(self.assignment.deliver(batch), f"{self.process.name} delivers {topic}")

    async def _tick(self) -> None:
        while True:
            if not self.consumer.rebalancing:
                await self._world.guarded(self.assignment.tick(), f"{self.process.name} ticks")
            self._look_at_time()
            await asyncio.sleep(1)

    def _look_at_time(self) -> None:
        """Where two clocks agree, nothing lies ahead of them."""
        for part in self.assignment.partitions.values():
            if not part.ready or part.clock.time is None:
                continue
            state, time = cast("PartitionState", part.state), self._world.broker_time()
            if state.now - time > CLOCKS_AGREE_MS:
                self._world.anomaly(f"{self.process.name}: partition {part.number} is {state.now - time} ms ahead")
            opened = [row.opened_at for case in state.cases.values() for row in case.evaluation.incidents.values()]
            if max(opened, default=0) - time > _OCCURRED_AHEAD_MS:
                self._world.anomaly(f"{self.process.name}: partition {part.number} knows incidents of times to come")

    async def _commit_to_group(self) -> None:
        while True:
            await asyncio.sleep(5)
            if (offsets := self.assignment.durable()) and not self.consumer.rebalancing:
                await self.consumer.commit_durable(offsets)

    async def _revoked(self, numbers: set[int]) -> None:
        await self.assignment.revoke(numbers, 2)


def _processing(world: World) -> Operator:
    def outputs(told: Checkpoint) -> Iterator[messages.Message]:
        return messages.messages(told, prefix="", wall=told.recorded_at, page_window_ms=600_000, message_bytes=20_000)

    dice = random.Random(len(world.workers))

    def often_cut_short(state: PartitionState, batch: step.Batch, now: int, spent: Spent) -> Observations:
        observations = step.step(state, batch, now, lambda: spent() or dice.random() < _CUT)
        if not observations.finished:
            world.count("steps cut short", f"partition {state.number}")
        return observations

    return Operator(
        create=lambda number: PartitionState(number, _RULES),
        step=often_cut_short,
        reject=lambda state, one, reason: step.reject(state, one.topic, one[0], reason),
        note_time=lambda state, time: missed_pages.look(state, time, 600_000),
        recover=recover,
        set_back=lambda state, broker_time: set_back(state, broker_time) is not None,
        empty=step.EMPTY,
        outputs=outputs,
    )


class _Watch:
    def __init__(self, world: World, name: str) -> None:
        self._world, self._name = world, name

    def timer_delayed(self, seconds: float) -> None: ...
    def committed(self, seconds: float, delta_bytes: int) -> None: ...

    def opened(self, seconds: float) -> None:
        self._world.count("opened", self._name)

    def failed(self, ours: bool) -> None:
        self._world.count("failed", self._name)
        if ours:
            self._world.anomaly(f"{self._name}: an error of ours broke a partition")

    def seek_back(self, topic: str, why: str) -> None:
        self._world.count(f"reread: {why}", f"{self._name} {topic}")

    def deleted(self, topic: str, offsets: int) -> None:
        self._world.anomaly(f"{self._name}: {offsets} offsets of {topic} were deleted before they were read")


class WarehouseProcess:
    """The real warehouse, with a simulated consumer and database in place of Faust's and the driver's."""

    def __init__(self, world: World, name: str) -> None:
        self.process = world.process(name)
        self._world = world
        self.consumer = Consumer(
            world.broker, world.weather, name, f"{APP}-warehouse", (ROWS,), world.wall, self._revoked
        )
        self.warehouse = Warehouse(_SETTINGS, WarehouseMetrics(), lambda: cast("BatchConsumer", self.consumer))
        self.warehouse.inserter._writer = Writer(world.database, world.weather)
        self.warehouse.inserter._publisher = _NothingIsRefused({}, prefix="", partitions=3)

    def start(self) -> None:
        tasks = {
            "belong": self.consumer.belong(),
            "fetch": self.consumer.fetch(),
            "agent": self._take(),
            "tick": self._tick(),
            "insert": self.warehouse.inserter.run(),
        }
        for name, work in tasks.items():
            self.process.start(self._world.guarded(work, f"{self.process.name}/{name}"), name)

    async def _take(self) -> None:
        while True:
            batch = await self.consumer.channels[ROWS].get()
            await self._world.guarded(self.warehouse.deliver(batch), f"{self.process.name} delivers")

    async def _tick(self) -> None:
        while True:
            if not self.consumer.rebalancing:
                await self._world.guarded(self.warehouse.tick(), f"{self.process.name} ticks")
            await asyncio.sleep(1)

    async def _revoked(self, numbers: set[int]) -> None:
        await self.warehouse.revoked(numbers, LAST_COMMIT_SECONDS)


class _NothingIsRefused(RejectionPublisher):
    async def publish(self, records: Iterable[RejectedRecord]) -> None:
        raise AssertionError(f"the database refuses nothing: {[record.row for record in records]}")
