"""One run: our processes, the broker and the database in virtual time, from the first record to the last row."""

import asyncio
import json
import logging
import random
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final
from unittest.mock import patch

from aiokafka.errors import KafkaError
from faust.types import TP

from processors.durability import partition, truncation
from processors.runtime import timeouts
from schemas.outputs import EventRow, decode_row_batch, decode_rows
from schemas.topics import INCIDENTS, INPUTS, REJECTED, ROWS
from sinks import writer
from tests.processors.views import Row
from tests.simulation.broker import Broker, Record, Transaction
from tests.simulation.clients import APP, Weather
from tests.simulation.database import Database
from tests.simulation.members import WarehouseProcess, Worker
from tests.simulation.traffic import Publication, Traffic
from tests.simulation.virtual import Process, play

LIVE_SECONDS: Final = 45
"""In which the whole log is published, when it is not there from the beginning."""

STANDSTILL_SECONDS: Final = 150
"""After everything has healed, all must be through by then."""

_QUIET_SECONDS: Final = 4
"""So long nothing may be left to do: a commit that is under way shows nowhere."""

_HOUR, _DAY = 3_600_000, 86_400_000

Disturb = Callable[["World"], Coroutine[Any, Any, None]]


@dataclass(frozen=True)
class Outcome:
    """What anyone can see in the end, and what must not have happened."""

    tables: dict[str, list[Row]]
    incidents: dict[str, dict[str, Any]]
    """The newest message of each incident that was not withdrawn."""
    anomalies: list[str]
    counts: Counter[str]
    trace: list[str]


@dataclass
class World:
    traffic: Traffic
    weather: Weather
    live: bool
    """Whether the log is published as time goes by; else it is there from the beginning."""
    broker: Broker = field(default_factory=Broker)
    database: Database = field(default_factory=Database)
    processes: list[Process] = field(default_factory=list)
    workers: list["Worker"] = field(default_factory=list)
    warehouses: list["WarehouseProcess"] = field(default_factory=list)
    anomalies: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    trace: list[str] = field(default_factory=list)
    lasting: list["asyncio.Task[None]"] = field(default_factory=list)
    """What goes on to the end."""
    clock_ahead: int = 0
    """How far the clock of our processes is ahead of the true time, ms."""
    broker_ahead: int = 0
    _later: bool = False

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    def wall(self) -> int:
        """The clock of our processes, ms."""
        return self.true_time() + self.clock_ahead

    def broker_time(self) -> int:
        """The clock of the broker, ms."""
        return self.true_time() + self.broker_ahead

    def true_time(self) -> int:
        """What time it is, ms: it passes faster than ours while a log of days is published in a minute."""
        traffic, seconds = self.traffic, self.now()
        if self._later:
            return traffic.ends + 45 * _DAY + round(seconds * 1000)
        if not self.live:
            return traffic.ends + _HOUR + round(seconds * 1000)
        return traffic.begins - 60_000 + round(seconds * 1000 * self._speed)

    @cached_property
    def _speed(self) -> float:
        return (self.traffic.ends - self.traffic.begins + 120_000) / 1000 / LIVE_SECONDS

    def put_clocks_right(self) -> None:
        self.clock_ahead = self.broker_ahead = 0

    def note(self, what: str) -> None:
        self.trace.append(f"{self.now():8.3f}  {what}")

    def count(self, what: str, about: str = "") -> None:
        self.counts[what] += 1
        self.note(f"{what} {about}")

    def anomaly(self, what: str) -> None:
        self.anomalies.append(what)
        self.note(what)

    # Processes

    def start_worker(self) -> "Worker":
        worker = Worker(self, f"worker-{len(self.workers)}")
        self.workers.append(worker)
        worker.start()
        return worker

    def start_warehouse(self) -> "WarehouseProcess":
        started = WarehouseProcess(self, f"warehouse-{len(self.warehouses)}")
        self.warehouses.append(started)
        started.start()
        return started

    def process(self, name: str) -> Process:
        self.processes.append(Process(name))
        return self.processes[-1]

    async def guarded(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """As Faust does it, an exception that nobody expects ends a task; here it is an anomaly."""
        try:
            await work
        except KafkaError as error:
            self.note(f"{name}: {error!r}")
        except Exception as error:
            self.anomaly(f"{name}: {error!r}")

    # The run

    async def run(self, disturb: Disturb) -> None:
        coordinator = asyncio.create_task(self._coordinate())
        publishers = [asyncio.create_task(self._publish(tp, log)) for tp, log in self.traffic.logs.items()]
        await disturb(self)
        await asyncio.gather(*publishers)
        if await self._settled():
            self._later = True
            self.note("45 days pass")
            await self._settled()
        coordinator.cancel()

    async def _coordinate(self) -> None:
        while True:
            await asyncio.sleep(0.2)
            if not self.weather.broker_away:
                for group in self.broker.groups.values():
                    group.watch(self.now(), range(self.traffic.partitions))

    async def _publish(self, tp: TP, log: tuple[Publication, ...]) -> None:
        transactions: dict[int, Transaction] = {}
        for each in log:
            if self.live:
                await asyncio.sleep(max(0.0, (each.at - self.true_time()) / 1000 / self._speed))
            if each.message is None:
                await self.weather.released(tp)
                self.broker.end(transactions[each.transaction or 0], "committed" if each.committed else "aborted")
                continue
            transaction = transactions.setdefault(each.transaction, Transaction()) if each.transaction else None
            message = each.message
            self.broker.log(*tp).append(message.timestamp_ms, message.key.encode(), message.value, (), transaction)

    async def _settled(self) -> bool:
        until, quiet = self.now() + STANDSTILL_SECONDS, 0
        while quiet < _QUIET_SECONDS:
            await asyncio.sleep(1)
            why = self._unfinished()
            quiet = 0 if why else quiet + 1
            if self.now() > until:
                self.anomaly(f"standstill: {why}")
                return False
        return True

    def _unfinished(self) -> str:
        """What is still to be done; nothing when everything is through."""
        for number in range(self.traffic.partitions):
            parts = [w.assignment.partitions.get(number) for w in self.workers if not w.process.dead]
            part = next((part for part in parts if part is not None and part.ready), None)
            if part is None:
                return f"partition {number} is not open"
            for topic in INPUTS:
                if part.durable.get(topic, 0) < self.broker.log(topic, number).last():
                    return f"{topic}[{number}] is durable up to {part.durable.get(topic, 0)}"
            if part.state.changed or part.state.now < (self.traffic.ends + 40 * _DAY if self._later else 0):
                return f"partition {number} has changes, or its time stands still at {part.state.now}"
            stored = self.broker.groups[f"{APP}-warehouse"].offsets.get(TP(ROWS, number), 0)
            if stored < self.broker.log(ROWS, number).last():
                return f"{ROWS}[{number}] is stored up to {stored}"
        return ""

    # What it came to

    def outcome(self, complaints: list[str]) -> Outcome:
        rows = list(self._topic(ROWS))
        incidents = {(r.key or b"").decode(): _what_it_says(r.value) for r in self._topic(INCIDENTS)}
        tables = self.database.everything()
        self.anomalies += complaints
        self.anomalies += doubled("events", _events(rows))
        self.anomalies += doubled("rejections", (_about(record) for record in self._topic(REJECTED)))
        self.anomalies += backwards(rows)
        # Incidents of ours tell of what happened to us: they are of no topic, and the tables show none either.
        incidents = {key: said for key, said in incidents.items() if said["state"] != "withdrawn" and said["topic"]}
        stored = {row["incident_id"]: row["updated_at"] for row in tables["incidents"]}
        if stored != {key: said["updated_at"] for key, said in incidents.items()}:
            self.anomalies.append(f"incidents: {len(stored)} in the database differ from {len(incidents)} on the topic")
        self.counts["fenced"] = self.broker.fenced
        self.counts["repeated inserts"] = self.database.repetitions
        return Outcome(tables, incidents, self.anomalies, self.counts, self.trace)

    def _topic(self, topic: str) -> Iterator[Record]:
        for number in range(self.traffic.partitions):
            yield from self.broker.log(topic, number).committed()


def _events(records: Iterable[Record]) -> Iterator[tuple[Any, ...]]:
    """The key of each row of an event, and how often what it says had changed: a warning may be added later."""
    last: dict[tuple[Any, ...], tuple[int, list[Any]]] = {}
    for record in records:
        pack = decode_row_batch(record.value)
        if pack.table != "feedback_events":
            continue
        for row in decode_rows(pack):
            key = tuple(row[: EventRow._fields.index("offset") + 1])
            changes, said = last.get(key, (0, row))
            last[key] = changes + (row != said), row
            yield (*key, last[key][0])


def _about(record: Record) -> tuple[bytes, ...]:
    headers = dict(record.headers)
    return tuple(headers[name] for name in ("topic", "partition", "incarnation", "offset", "table", "row"))


def _what_it_says(value: bytes) -> dict[str, Any]:
    """An incident without what depends on when it was noticed."""
    said: dict[str, Any] = json.loads(value)
    return {name: content for name, content in said.items() if name not in ("recorded_at", "page", "transition")}


def doubled(what: str, keys: Iterator[Any]) -> list[str]:
    """A transaction that failed left nothing: no reader of our topics sees anything twice."""
    twice = [key for key, times in Counter(keys).items() if times > 1]
    return [f"{len(twice)} {what} are on their topic more than once: {twice[:3]}"] if twice else []


def backwards(rows: list[Record]) -> list[str]:
    """The versions of a partition's rows only grow."""
    versions: dict[int, int] = {}
    for record in rows:
        version = decode_row_batch(record.value).version
        if version < versions.get(record.partition, 0):
            return [f"rows of partition {record.partition} go back to version {version} at {record.offset}"]
        versions[record.partition] = version
    return []


@dataclass(frozen=True)
class _Clock:
    """In place of the module `time`."""

    world: World

    def time(self) -> float:
        return self.world.wall() / 1000

    def time_ns(self) -> int:
        return self.world.wall() * 1_000_000

    def monotonic_ns(self) -> int:
        return self.world.true_time() * 1_000_000


@contextmanager
def _in_place_of_the_real(world: World) -> Iterator[None]:
    clock = _Clock(world)
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with (
            patch.object(partition, "time", clock),
            patch.object(truncation, "_CHECKPOINTS", 1),  # lives are short here: what can be deleted is
            patch.object(timeouts, "time", clock),
            patch.object(writer, "random", random.Random(0)),
        ):
            yield
    finally:
        logging.disable(disabled)


def run(traffic: Traffic, dice: random.Random, disturb: Disturb, *, live: bool) -> Outcome:
    """One run from beginning to end."""
    world = World(traffic, Weather(dice), live)
    with _in_place_of_the_real(world):
        complaints = play(lambda: world.run(disturb), world.processes)
        return world.outcome(complaints)


async def undisturbed(world: World) -> None:
    """One worker, one warehouse, and nothing happens."""
    world.start_worker()
    world.start_warehouse()
