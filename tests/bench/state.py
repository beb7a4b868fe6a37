"""`python -m tests.bench.state`: what durable state costs. A line per figure, then one line of JSON.

Every figure is of the real thing on this machine: worker processes, or a partition in this one, on Apache Kafka.
"""

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import geometric_mean, median, quantiles
from typing import Any, Final, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

from deploy.cli.topics import create
from deploy.clickhouse.migrate import migrate
from deploy.local.stack import Service, Stack
from deploy.traffic.messages import Message, encode, rfc3339
from deploy.traffic.publish import publish
from deploy.traffic.scenarios import STEADY, journeys
from processors.durability import table as tables
from processors.durability.failures import PoisonTracker
from processors.durability.partition import DurablePartition
from processors.runtime.slices import Slice
from processors.runtime.tuning import tune_gc
from processors.settings import Settings
from processors.state.partition import PartitionState
from processors.worker import durability, feedback, kafka_log
from schemas.topics import CONTACTS, INPUTS, state_topic
from sinks.metrics.worker import WorkerMetrics
from tests.bench import corpus, throughput
from tests.bench.unbounded_worker import PENDING_MAX
from tests.bench.watching import Page, cpu_seconds

NEVER: Final = 1_000_000.0
"""Seconds between checkpoints when there are to be none."""
OPEN_CASES: Final = 100_000
_HOUR: Final = 3_600
_WATCHED: Final = 100
"""Checkpoints whose pauses are measured."""
_SLICE: Final = 100


class Run(NamedTuple):
    """One reading of the log."""

    events_per_s: float
    cpu: dict[str, float]
    """Cores busy, by process."""
    cpu_us: float
    """CPU microseconds per event, of the workers."""
    state_bytes: float
    """Of deltas, per event."""


# Throughput


def run(stack: Stack, app_id: str, events: int, workers: int) -> Run:
    """Read the log with so many workers, while a warehouse takes the rows to ClickHouse.

    What is measured begins when all partitions are open.
    """
    own = {"topic_prefix": f"{app_id}-", "clickhouse_database": f"bench_{app_id}"}
    said = throughput.names(app_id) | own
    migrate(stack.settings(**said))
    create(stack.settings(**said))
    warehouse = stack.warehouse(**said)
    services = [stack.worker(module="tests.bench.unbounded_worker", **said) for _ in range(workers)]
    try:
        return _measured(stack, services, warehouse, events)
    finally:
        for service in (*services, warehouse):
            service.terminate(6)


def side_by_side(stack: Stack, number: int, events: int) -> tuple[Run, Run]:
    """One worker with checkpoints and one without, at the same time, until the first has read the log.

    A shared machine is twice as fast in one minute as in the next: runs one after the other would compare minutes.
    """
    ways: dict[str, dict[str, Any]] = {"with": {}, "without": {"checkpoint_interval": NEVER}}
    services: dict[str, Service] = {}
    for name in ways if number % 2 == 0 else reversed(ways):
        said = throughput.names(f"{name}-{number}") | ways[name]
        create(stack.settings(**said))
        services[name] = stack.worker(module="tests.bench.unbounded_worker", **said)
    try:
        for service in services.values():
            service.wait_ready(60)
        readings = {name: _Reading(service) for name, service in services.items()}
        while all(epoch.total() < events for epoch in readings.values()):
            time.sleep(0.2)
        return readings["with"].run(), readings["without"].run()
    finally:
        for service in services.values():
            service.terminate(6)


class _Reading:
    """What a worker reads from now on."""

    def __init__(self, service: Service) -> None:
        self._page, self._pid = Page(service.ready_url), service.pid or 0
        self._first, self._cpu, self._began = self.total(), cpu_seconds(self._pid), time.monotonic()

    def total(self) -> int:
        return self._page.total("feedback_events_total").total

    def run(self) -> Run:
        total, took = self.total(), time.monotonic() - self._began
        events, cpu = total - self._first, cpu_seconds(self._pid) - self._cpu
        state_bytes = self._page.total("feedback_checkpoint_bytes_total", 'kind="state"').total
        return Run(events / took, {"worker": cpu / took}, cpu / events * 1e6, state_bytes / total)


def _measured(stack: Stack, workers: Sequence[Service], warehouse: Service, events: int) -> Run:
    for service in (*workers, warehouse):
        service.wait_ready(60)
    assert stack.kafka is not None
    assert stack.clickhouse is not None
    beside = {
        "broker": stack.kafka.pids()[0],
        "warehouse": warehouse.pid or 0,
        "database": stack.clickhouse.pid or 0,
    }
    readings = [_Reading(worker) for worker in workers]
    before, began = {name: cpu_seconds(pid) for name, pid in beside.items()}, time.monotonic()
    last = 0
    while (total := sum(epoch.total() for epoch in readings)) < events:
        if total == last and time.monotonic() - began > 120:
            raise workers[0].failure(f"stands still at {total} of {events} events")
        last = total
        time.sleep(0.2)
    took = time.monotonic() - began
    cores = {name: (cpu_seconds(pid) - before[name]) / took for name, pid in beside.items()}
    done = [epoch.run() for epoch in readings]
    return Run(
        sum(one.events_per_s for one in done),
        {f"worker {number}": one.cpu["worker"] for number, one in enumerate(done, 1)} | cores,
        median(one.cpu_us for one in done),
        median(one.state_bytes for one in done),
    )


# One partition in this process


class Feed:
    """Records of partition 0, as slices with offsets that go on."""

    def __init__(self) -> None:
        self._offsets = dict.fromkeys(INPUTS, 0)

    def slices(self, messages: Sequence[Message]) -> Iterator[Slice]:
        for topic in INPUTS:
            records = []
            for message in messages:
                if message.topic == topic:
                    offset = self._offsets[topic]
                    records.append(
                        corpus.Record(topic, 0, offset, message.timestamp_ms, message.key.encode(), message.value)
                    )
                    self._offsets[topic] += 1
            if records:
                yield Slice(records, topic=topic, partition=0, begin=records[0].offset, epoch=0)


def partition(settings: Settings) -> DurablePartition:
    operator, config = feedback(settings, WorkerMetrics()), replace(durability(settings), pending_max=PENDING_MAX)
    return DurablePartition(0, operator, kafka_log(0, settings), config, PoisonTracker())


async def take(part: DurablePartition, feed: Feed, messages: Sequence[Message]) -> None:
    for batch in feed.slices(messages):
        await part.apply_slice(batch)
    if part.broken:
        raise part.broken


def opened_contacts(count: int, first: int = 0) -> list[Message]:
    """Contacts that somebody opened and nobody has answered."""
    start = round((datetime.now(UTC) - timedelta(hours=1)).timestamp() * 1000)
    return [
        Message(
            CONTACTS,
            f"c-{number}",
            encode(
                {
                    "event_id": f"open-{number}", "event_type": "contact.opened", "schema_version": "1.0",
                    "occurred_at": rfc3339(start + number // 100), "source": "crm", "entity_id": f"co-{number}",
                    "customer": {"id": f"c-{number}"}, "channel": "email", "org_unit": "es/atencion/envios",
                    "category": "delivery", "priority": "normal", "direction": "inbound",
                }
            ),
            start + number // 100,
        )
        for number in range(first, first + count)
    ]  # fmt: skip


class Opening(NamedTuple):
    open_s: float
    pauses_ms: list[float]
    """How long each checkpoint held the event loop at most at one go."""


async def opening(settings: Settings, cases: int) -> Opening:
    """Fill a partition with open cases, look at the last hundred checkpoints, and open it anew."""
    part, feed = partition(settings), Feed()
    await part.open()
    for first in range(0, cases - _WATCHED * _SLICE, _SLICE):
        await take(part, feed, opened_contacts(_SLICE, first))
        if first % 2_000 == 0:
            await part.commit()
    pauses = []
    for number in range(_WATCHED):
        await take(part, feed, opened_contacts(_SLICE, cases - (_WATCHED - number) * _SLICE))
        pauses.append(await _longest_pause(part))
    await part.close()
    again = partition(settings)
    began = time.monotonic()
    await again.open()
    took = time.monotonic() - began
    assert isinstance(again.state, PartitionState)
    assert len(again.state.cases) == cases, len(again.state.cases)
    await again.close()
    return Opening(took, pauses)


async def _longest_pause(part: DurablePartition) -> float:
    """Milliseconds that the loop was held longest at one go while a checkpoint went through."""
    longest, running = 0.0, True

    async def watch() -> None:
        nonlocal longest
        last = time.perf_counter()
        while running:
            await asyncio.sleep(0)
            now = time.perf_counter()
            longest, last = max(longest, now - last), now

    watching = asyncio.create_task(watch())
    await asyncio.sleep(0)
    await part.commit()
    running = False
    await watching
    return longest * 1000


class Size(NamedTuple):
    topic: int
    """Bytes of the state topic from the low watermark on."""
    state: int
    """Bytes of the state, written whole once."""
    low: int
    written: int
    """Messages deleted, and messages written, markers included."""
    events: int


async def hour(settings: Settings, messages: Sequence[Message]) -> Size:
    """An hour of one partition, second by second, with a checkpoint for each; then what the topic holds."""
    part, feed = partition(settings), Feed()
    await part.open()
    start = messages[0].timestamp_ms
    seconds: dict[int, list[Message]] = {}
    for message in messages:
        seconds.setdefault((message.timestamp_ms - start) // 1000, []).append(message)
    for second in range(_HOUR):
        await take(part, feed, seconds.get(second, []))
        for topic in INPUTS:
            part.state.advance_watermark(topic, start + second * 1000)
        part.fire_timers()
        await part.commit()
    assert isinstance(part.state, PartitionState)
    state = sum(
        len(tables.encode(table, change))
        for table in part.state.tables.values()
        for key in table.all_keys()
        for change in table.whole(key) or ()
    )
    await part.close()
    low, end, size = await _held(settings)
    return Size(size, state, low, end, len(messages))


async def _held(settings: Settings) -> tuple[int, int, int]:
    """(low watermark, end, bytes of the values between them) of partition 0 of the state topic."""
    tp = TopicPartition(state_topic(settings.app_id), 0)
    reader = AIOKafkaConsumer(
        bootstrap_servers=settings.brokers, isolation_level="read_committed", enable_auto_commit=False
    )
    await reader.start()
    try:
        reader.assign([tp])
        await reader.seek_to_beginning(tp)
        low, end = (await reader.beginning_offsets([tp]))[tp], (await reader.end_offsets([tp]))[tp]
        size = 0
        while await reader.position(tp) < end:
            for records in (await reader.getmany(timeout_ms=500)).values():
                size += sum(len(record.value) for record in records)
        return low, end, size
    finally:
        await reader.stop()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.state", description=__doc__)
    parser.add_argument("--events", type=int, default=150_000, help="of the log that is read at full speed; 0 does not")
    parser.add_argument("--rounds", type=int, default=4, help="even, for whoever starts first has an advantage")
    parser.add_argument("--cases", type=int, default=OPEN_CASES, help="open in one partition; 0 does not look at one")
    arguments = parser.parse_args()
    tune_gc()  # as the worker does
    with tempfile.TemporaryDirectory(prefix="oidor-state-") as home, Stack(Path(home)) as stack:
        print(json.dumps(_figures(stack, arguments.events, arguments.rounds, arguments.cases)), flush=True)


def _figures(stack: Stack, events: int, rounds: int, cases: int) -> dict[str, Any]:
    figures: dict[str, Any] = {}

    def tell(**found: Any) -> None:
        figures.update(found)
        print(", ".join(f"{name} {value}" for name, value in found.items()), flush=True)

    if cases:
        _of_one_partition(stack, cases, tell)
    if events:
        create(stack.settings(**throughput.names("bench")))
        publish(corpus.log_of(events), stack.bootstrap, prefix=throughput.PREFIX)
        _of_checkpoints(stack, events, rounds, tell)
        _of_two_workers(stack, events, tell)
    return figures


def _of_one_partition(stack: Stack, cases: int, tell: Callable[..., None]) -> None:
    start = datetime.now(UTC) - timedelta(hours=2)
    log = list(journeys(STEADY, 9, start, limit=6_000, rate=6_000 / _HOUR))
    size = asyncio.run(hour(_fresh(stack, "size"), log))
    tell(
        state_topic_bytes=size.topic,
        state_bytes=size.state,
        state_topic_to_state=round(size.topic / size.state, 2),
        state_messages_deleted=size.low,
        state_messages_written=size.written,
    )
    full = asyncio.run(opening(_fresh(stack, "open"), cases))
    tell(open_cases=cases, open_s=round(full.open_s, 2), checkpoint_pause_p99_ms=round(_p99(full.pauses_ms), 1))


def _of_checkpoints(stack: Stack, events: int, rounds: int, tell: Callable[..., None]) -> None:
    pairs = [side_by_side(stack, number, events) for number in range(rounds)]
    tell(
        with_checkpoints=[round(one.events_per_s) for one, _ in pairs],
        without_checkpoints=[round(other.events_per_s) for _, other in pairs],
        each=[round(one.events_per_s / other.events_per_s, 3) for one, other in pairs],
        with_to_without=round(geometric_mean(one.events_per_s / other.events_per_s for one, other in pairs), 3),
        cpu_us_with=round(median(one.cpu_us for one, _ in pairs), 1),
        cpu_us_without=round(median(other.cpu_us for _, other in pairs), 1),
        delta_bytes_per_event=round(pairs[0][0].state_bytes),
    )


def _of_two_workers(stack: Stack, events: int, tell: Callable[..., None]) -> None:
    alone, two = (run(stack, name, events, workers) for workers, name in ((1, "one"), (2, "two")))
    tell(
        one_worker=round(alone.events_per_s),
        two_workers=round(two.events_per_s),
        two_to_one=round(two.events_per_s / alone.events_per_s, 2),
        one_worker_cores={name: round(cores, 2) for name, cores in alone.cpu.items()},
        two_workers_cores={name: round(cores, 2) for name, cores in two.cpu.items()},
    )


def _fresh(stack: Stack, app_id: str) -> Settings:
    settings = stack.settings(app_id=app_id, input_prefix=f"{app_id}-", topic_prefix=f"{app_id}-", partitions=1)
    create(settings)
    return settings


def _p99(values: Sequence[float]) -> float:
    return quantiles(values, n=100)[98]


if __name__ == "__main__":
    main()
