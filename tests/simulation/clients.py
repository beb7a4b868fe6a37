"""The broker as a process sees it: calls take time, fail, and fail to say whether they worked."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextvars import Context
from dataclasses import dataclass, field
from typing import Final, Literal

from aiokafka.errors import KafkaConnectionError, KafkaError
from faust.types import TP

from processors.durability.log import Appended, Outgoing
from processors.runtime.slices import FetchEpochs, FetchProgress, Slice
from processors.runtime.timeouts import monotonic_ms
from schemas.topics import state_topic
from tests.simulation.broker import Broker
from tests.simulation.virtual import here

APP: Final = "oidor"
STATE: Final = state_topic(APP)

Mishap = Literal["refused", "lost", "aborted", "unanswered", "hangs", "killed", "stopped"]
"""What happens to a transaction: nothing of it arrives; it stays open; it is aborted; it is committed and nobody
hears of it; no answer ever; its process is killed, or stopped, in the middle of it."""


@dataclass
class Weather:
    """How bad things are at the moment; the probabilities are per transaction, slice, insert."""

    dice: random.Random = field(repr=False)
    mishap: float = 0.0
    mishaps: Sequence[Mishap] = ()
    dropped: float = 0.0
    """Slices that get lost between the consumer and the agent."""
    repeated: float = 0.0
    slice_records: int = 500
    insert_failed: float = 0.0
    insert_unanswered: float = 0.0
    database_away: bool = False
    refusing: set[str] = field(default_factory=set)
    """Tables of the database that are out of order: they refuse every row."""
    broker_away: bool = False
    held: set[TP] = field(default_factory=set)
    """Input topic-partitions whose publisher does not get on: transactions stay open."""

    def strikes(self, chance: float) -> bool:
        return chance > 0 and self.dice.random() < chance

    def mishap_now(self) -> Mishap | None:
        return self.dice.choice(self.mishaps) if self.mishaps and self.strikes(self.mishap) else None

    def clear_up(self) -> None:
        """Everything heals, but that slices get lost."""
        self.mishap = self.repeated = self.insert_failed = self.insert_unanswered = 0
        self.database_away = self.broker_away = False
        self.held.clear()
        self.refusing.clear()
        self.slice_records = 500

    async def released(self, tp: TP) -> None:
        """Until a publisher may end its transaction."""
        while tp in self.held:  # noqa: ASYNC110 - so many reasons may come and go that an event would say less
            await asyncio.sleep(0.1)

    async def travel(self) -> None:
        """One way over the network. Raises KafkaError."""
        await asyncio.sleep(self.dice.uniform(0.001, 0.01))
        if self.broker_away:
            raise KafkaConnectionError("no broker")


class SimulatedLog:
    """`processors.durability.log.Log` of one partition."""

    def __init__(self, broker: Broker, weather: Weather, number: int, wall: Callable[[], int]) -> None:
        self._broker, self._weather, self._number, self._wall = broker, weather, number, wall
        self._id = f"{APP}-{number}"
        self._epoch = 0

    async def open(self) -> None:
        await self._weather.travel()
        self._epoch = self._broker.begin(self._id)
        await self._weather.travel()

    async def read(self) -> AsyncIterator[Sequence[bytes]]:
        log = self._broker.log(STATE, self._number)
        position, end = log.low, log.stable
        while position < end:
            await self._weather.travel()
            records, position = log.read(position, 50)
            yield [record.value for record in records]

    async def transaction(self, outputs: Iterable[Outgoing], delta: Sequence[bytes]) -> Appended:
        weather, sent = self._weather, list(outputs)
        mishap = weather.mishap_now()
        await weather.travel()
        if mishap == "refused":
            raise KafkaConnectionError("connection refused")
        for message in sent:
            self.send(message)
        await weather.travel()
        if mishap == "lost":
            raise KafkaConnectionError("connection reset")
        start = [self._append(STATE, None, value) for value in delta]
        process = here()
        if process is not None and mishap == "killed":
            process.fuse = weather.dice.randint(0, 6)
        elif process is not None and mishap == "stopped":
            asyncio.get_running_loop().call_later(weather.dice.uniform(5, 25), process.go_on, context=Context())
            process.stop()
        elif mishap == "hangs" and weather.dice.random() < 0.5:
            await asyncio.sleep(1_000_000)
        await weather.travel()
        if mishap == "aborted":
            self._broker.finish(self._id, self._epoch, "aborted")
            raise KafkaConnectionError("aborted")
        self._broker.finish(self._id, self._epoch, "committed")
        if mishap == "hangs":
            await asyncio.sleep(1_000_000)
        await weather.travel()
        if mishap == "unanswered":
            raise KafkaConnectionError("timed out")
        return Appended(start[0], self._wall())

    def send(self, message: Outgoing) -> None:
        self._append(message.topic, message.key, message.value, message.headers)

    def _append(self, topic: str, key: bytes | None, value: bytes, headers: tuple[tuple[str, bytes], ...] = ()) -> int:
        transaction = self._broker.transaction(self._id, self._epoch)
        return self._broker.log(topic, self._number).append(self._wall(), key, value, headers, transaction)

    async def truncate(self, offset: int) -> None:
        try:
            await self._weather.travel()
        except KafkaError:
            return
        log = self._broker.log(STATE, self._number)
        log.low = max(log.low, offset)

    async def close(self) -> None:
        await asyncio.sleep(0.01)


class Consumer:
    """A group member: `processors.durability.progress.Reader`, and what the warehouse asks of its own."""

    HEARTBEAT = 2.0
    POLL = 0.2
    CHANNEL_SLICES = 16

    def __init__(
        self,
        broker: Broker,
        weather: Weather,
        name: str,
        group: str,
        topics: Sequence[str],
        wall: Callable[[], int],
        revoked: Callable[[set[int]], Awaitable[None]],
    ) -> None:
        self.name = name
        self.rebalancing = True
        self.channels: dict[str, asyncio.Queue[Slice]] = {topic: asyncio.Queue(self.CHANNEL_SLICES) for topic in topics}
        self.numbers: set[int] = set()
        self._broker, self._weather, self._group, self._wall = broker, weather, broker.groups[group], wall
        self._revoked = revoked
        self._generation = -1
        self._connection = 0
        self._marks = FetchEpochs({})
        self._positions: dict[TP, int] = {}
        self._ends: dict[TP, tuple[int, int]] = {}
        """What the last fetch said: (last stable offset, high watermark)."""

    def leave(self) -> None:
        self._group.leave(self.name)

    async def belong(self) -> None:
        """Heartbeats, and rebalances, for ever."""
        while True:
            await asyncio.sleep(self.HEARTBEAT)
            if self._weather.broker_away:
                continue
            generation = self._group.heartbeat(self.name, _now())
            if generation == self._generation:
                continue
            self.rebalancing = True
            await self._revoked(set(self.numbers))
            self.numbers = set()
            self._generation = self._group.heartbeat(self.name, _now())
            self._group.ready(self.name)
            while self._group.generation == self._generation and self.name not in self._group.assigned:
                await asyncio.sleep(0.1)
                self._group.heartbeat(self.name, _now())
            if self._group.generation == self._generation:
                self._assign(self._group.assigned[self.name])
                self.rebalancing = False

    def _assign(self, numbers: set[int]) -> None:
        self.numbers = set(numbers)
        self._marks.start_over()
        self._ends.clear()
        self._positions = {
            tp: self._group.offsets.get(tp, 0)
            for number in sorted(numbers)
            for tp in (TP(topic, number) for topic in self.channels)
        }
        if self._weather.dice.random() < 0.5:  # else what lies in the channels strays in later
            for topic in self.channels:
                while not self.channels[topic].empty():
                    self.channels[topic].get_nowait()

    async def fetch(self) -> None:
        """Slices into the channels, for ever; some get lost on the way, some come twice."""
        weather = self._weather
        while True:
            await asyncio.sleep(self.POLL)
            asked = self._wall()
            sent = {tp: position for tp, position in self._positions.items() if not self.channels[tp.topic].full()}
            try:
                await weather.travel()
            except KafkaError:
                self._connection += 1
                continue
            for tp, position in sent.items():
                if self._positions.get(tp) == position:
                    self._answered(tp, position, asked)

    def _answered(self, tp: TP, position: int, asked: int) -> None:
        weather, log, channel = self._weather, self._broker.log(*tp), self.channels[tp.topic]
        position = position if position <= log.end else log.low
        records, self._positions[tp] = log.read(position, weather.dice.randint(1, weather.slice_records))
        self._ends[tp] = log.stable, log.end
        self._marks.asked(tp, asked, (log, self._connection))
        if not records:
            return
        batch = self._marks.mark(tp, records)
        for part in batch.cut(weather.dice.randint(1, weather.slice_records)):
            for _ in range(0 if weather.strikes(weather.dropped) else 2 if weather.strikes(weather.repeated) else 1):
                if not channel.full():
                    channel.put_nowait(part)

    # What the owner and the warehouse ask

    def assignment(self) -> list[TP]:
        return [TP(topic, number) for topic in self.channels for number in sorted(self.numbers)]

    async def earliest(self, tps: Iterable[TP]) -> Mapping[TP, int]:
        await self._weather.travel()
        return {tp: self._broker.log(*tp).low for tp in tps}

    async def ends(self, tps: Iterable[TP]) -> Mapping[TP, int]:
        await self._weather.travel()
        return {tp: self._broker.log(*tp).end for tp in tps}

    async def committed(self, tps: Iterable[TP]) -> dict[TP, int | None]:
        await self._weather.travel()
        return {tp: self._group.offsets.get(tp) for tp in tps}

    async def notes(self, tps: Iterable[TP]) -> Mapping[TP, str]:
        return {}

    async def seek_back(self, tp: TP, offset: int) -> int:
        await asyncio.sleep(0.001)
        if tp in self._positions:
            self._positions[tp] = offset
        return self._marks.seek(tp, offset)

    async def progress(self) -> Mapping[TP, FetchProgress]:
        await asyncio.sleep(0.001)
        return {
            tp: self._marks.progress(tp, position=position, stable=ends[0], high=ends[1], at=monotonic_ms())
            for tp, position in self._positions.items()
            if (ends := self._ends.get(tp)) is not None
        }

    async def commit_durable(self, offsets: Mapping[TP, int], mark: str = "") -> bool:
        try:
            await self._weather.travel()
        except KafkaError:
            return False
        return self._group.commit(self.name, self._generation, offsets)


def _now() -> float:
    return asyncio.get_running_loop().time()
