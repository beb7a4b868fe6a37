"""A log and an input that obey the protocol of the real ones, in memory, under a clock that jumps."""

import asyncio
import math
import random
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from aiokafka.errors import KafkaConnectionError, KafkaError, ProducerFenced
from faust.types import TP

from processors.durability.log import Appended, Outgoing
from processors.runtime.slices import FetchEpochs, FetchProgress, Slice
from processors.runtime.timeouts import wall_ms
from schemas.topics import INPUTS
from tests.processors.durability.counting import Record

Fault: TypeAlias = Literal["before", "after", "hangs", "cut short"] | KafkaError
"""How a call fails: before the broker has it, after it was committed, by never answering, as `cut_short` does, or with
this error.
"""


async def cut_short() -> None:
    """As a client of aiokafka may end: it cancels a task of its own, and awaits it."""
    task = asyncio.create_task(asyncio.sleep(1))
    task.cancel()
    await task


class JumpingLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock jumps to the next timer when there is nothing else to do."""

    _moment = 0.0

    def __init__(self) -> None:
        super().__init__()
        self._clock_resolution = 0.0  # timers fire after their moment, never just before it

    def time(self) -> float:
        return self._moment

    def _run_once(self) -> None:
        loop: Any = self
        if not loop._ready:
            waiting = [timer.when() for timer in loop._scheduled if not timer.cancelled()]
            self._moment = max(self._moment, math.nextafter(min(waiting, default=0), math.inf))
        super()._run_once()  # type: ignore[misc]


def play(scene: Coroutine[Any, Any, None]) -> None:
    """Run a scene to its end, in no time."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        runner.run(scene)


@dataclass
class Broker:
    """What survives every crash: committed messages, and who may write."""

    state: dict[int, list[bytes]] = field(default_factory=dict)
    outputs: dict[int, list[Outgoing]] = field(default_factory=dict)
    epochs: dict[int, int] = field(default_factory=dict)
    truncated: dict[int, int] = field(default_factory=dict)
    fault: Callable[[int], Fault | None] = lambda number: None
    ahead_ms: int = 0
    """How far its clock lies ahead of ours."""

    def log(self, number: int) -> "MemoryLog":
        return MemoryLog(self, number)


class MemoryLog:
    """One partition's log on a `Broker`."""

    def __init__(self, broker: Broker, number: int) -> None:
        self._broker, self._number, self._epoch = broker, number, 0

    async def open(self) -> None:
        self._epoch = self._broker.epochs[self._number] = self._broker.epochs.get(self._number, 0) + 1
        await asyncio.sleep(0.05)

    async def read(self) -> AsyncIterator[Sequence[bytes]]:
        if self._broker.fault(self._number) == "cut short":
            await cut_short()
        yield self._broker.state.get(self._number, [])[self._broker.truncated.get(self._number, 0) :]

    async def transaction(self, outputs: Iterable[Outgoing], delta: Sequence[bytes]) -> Appended:
        sent = list(outputs)
        await asyncio.sleep(0.01)
        fault = self._broker.fault(self._number)
        if fault == "hangs":
            await asyncio.sleep(1_000_000)
        if fault == "cut short":
            await cut_short()
        if self._epoch != self._broker.epochs[self._number]:
            raise ProducerFenced("a newer producer has this transactional id")
        if isinstance(fault, KafkaError):
            raise fault
        if fault == "before":
            raise KafkaConnectionError("no broker")
        kept = self._broker.state.setdefault(self._number, [])
        kept += delta
        self._broker.outputs.setdefault(self._number, []).extend(sent)
        if fault == "after":
            raise KafkaConnectionError("no answer")
        return Appended(len(kept) - len(delta), wall_ms() + self._broker.ahead_ms)

    async def truncate(self, offset: int) -> None:
        self._broker.truncated[self._number] = offset

    async def close(self) -> None:
        pass


@dataclass
class Inputs:
    """The input topics of some partitions, and the one consumer that reads them."""

    partitions: int
    dice: random.Random
    topics: Sequence[str] = INPUTS
    dropped: float = 0.0
    """Share of the slices that get lost on the way, as Faust drops them in a rebalance."""
    split: bool = False
    logs: dict[TP, list[Record]] = field(default_factory=dict)
    positions: dict[TP, int] = field(default_factory=dict)
    beginnings: dict[TP, int] = field(default_factory=dict)
    """Where logs begin of which something was deleted."""
    noted: dict[TP, str] = field(default_factory=dict)
    """What stands beside the group's offsets."""
    marks: FetchEpochs = field(default_factory=lambda: FetchEpochs({}))

    def __post_init__(self) -> None:
        self.logs = {TP(topic, number): [] for topic in self.topics for number in range(self.partitions)}

    def publish(self, topic: str, number: int, *values: bytes) -> None:
        log = self.logs[TP(topic, number)]
        for value in values:
            hole = 1 if self.dice.random() < 0.1 else 0  # a transaction marker takes an offset
            log.append(Record(self.end(TP(topic, number)) + hole, value))

    def delete(self, tp: TP) -> None:
        """As retention does it, everything; who reads goes on where the log begins now."""
        self.beginnings[tp] = self.positions[tp] = self.end(tp)
        self.logs[tp].clear()

    def end(self, tp: TP) -> int:
        log = self.logs[tp]
        return log[-1].offset + 1 if log else self.beginnings.get(tp, 0)

    def fetch(self, tp: TP, size: int) -> Slice | None:
        """The next records of a partition as a slice; None when there are none."""
        ahead = [record for record in self.logs[tp] if record.offset >= self.positions.get(tp, 0)][:size]
        if not ahead:
            return None
        self.positions[tp] = ahead[-1].offset + 1
        return self.marks.mark(tp, ahead)

    async def feed(self, deliver: Callable[[Slice], Coroutine[Any, Any, None]]) -> None:
        """What the consumer and the agents do, for ever: slices of any size, some of them lost."""
        while True:
            await asyncio.sleep(0.02)
            for tp in self.assignment():
                batch = self.fetch(tp, self.dice.randint(1, 7))
                if batch is not None and self.dice.random() >= self.dropped:
                    await deliver(batch)

    def assignment(self) -> list[TP]:
        return [tp for tp in self.logs if not (self.split and tp == TP(self.topics[0], 0))]

    async def earliest(self, tps: Iterable[TP]) -> Mapping[TP, int]:
        return {tp: self.logs[tp][0].offset if self.logs[tp] else self.end(tp) for tp in tps}

    async def notes(self, tps: Iterable[TP]) -> Mapping[TP, str]:
        return {tp: self.noted[tp] for tp in tps if tp in self.noted}

    async def seek_back(self, tp: TP, offset: int) -> int:
        await asyncio.sleep(0.001)
        self.positions[tp] = offset
        return self.marks.seek(tp, offset)

    async def progress(self) -> Mapping[TP, FetchProgress]:
        wall = round(asyncio.get_running_loop().time() * 1000)
        for tp in self.logs:
            self.marks.asked(tp, wall)
        return {
            tp: self.marks.progress(
                tp, position=self.positions.get(tp, 0), stable=self.end(tp), high=self.end(tp), at=wall
            )
            for tp in self.logs
        }
