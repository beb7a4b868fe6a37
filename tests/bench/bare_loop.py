"""The yardstick: one aiokafka consumer and a loop, without Faust. Run as `python -m tests.bench.bare_loop`.

It reads the same settings as `oidor worker`, and everything but Faust is the worker's own: the same `step` and metrics,
`DurablePartition` and `KafkaLog` for the same checkpoints, the same slices, fetch settings, pages and event loop.
What it lacks is what Faust gives: a group, assignments that move, seeks. It reads every partition, from where its
states end.
"""

import asyncio
import contextlib
import signal
import sys
from collections.abc import Iterator
from itertools import chain, zip_longest
from typing import Any, cast

import uvloop
from aiokafka import AIOKafkaConsumer, TopicPartition

from deploy.cli.settings import load_settings
from processors.durability.assignment import next_commit
from processors.durability.failures import PoisonTracker
from processors.durability.partition import DurablePartition
from processors.durability.process import COMMIT_TO_GROUP_SECONDS
from processors.durability.progress import IN_FLIGHT_MS
from processors.runtime.slices import Slice
from processors.runtime.status import Readiness, StatusServer
from processors.runtime.timeouts import loop_time, others_turn, wall_ms
from processors.runtime.tuning import tune_gc
from processors.settings import Settings
from processors.state.partition import PartitionState
from processors.worker import census, durability, feedback, kafka_log
from schemas.topics import INPUTS
from sinks.metrics.durability import DurabilityWatch
from sinks.metrics.worker import WorkerMetrics


class BareLoop:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._names = {settings.input_prefix + topic: topic for topic in INPUTS}
        self._parts: list[DurablePartition] = []
        self._metrics = WorkerMetrics()
        self._watch = DurabilityWatch(self._metrics)
        self._open = False
        self._status_server = StatusServer(
            settings.web_host,
            settings.worker_port,
            readiness=lambda: Readiness(self._open, {}),
            registry=self._metrics.registry,
            refuse=sys.exit,
        )

    async def run(self) -> None:
        settings = self._settings
        self._metrics.count_at_scrapes(
            lambda: census([cast("PartitionState", part.state) for part in self._parts], wall_ms())
        )
        await self._status_server.start()
        operator, config = feedback(settings, self._metrics), durability(settings)
        self._parts = [
            DurablePartition(number, operator, kafka_log(number, settings), config, PoisonTracker())
            for number in range(settings.partitions)
        ]
        await asyncio.gather(*(part.open() for part in self._parts))
        consumer = AIOKafkaConsumer(
            bootstrap_servers=settings.brokers,
            group_id=settings.app_id,
            enable_auto_commit=False,
            isolation_level="read_committed",
            fetch_min_bytes=settings.fetch_min_bytes,
            fetch_max_wait_ms=settings.fetch_max_wait_ms,
            auto_offset_reset="earliest",
        )
        await consumer.start()
        consumer.assign([TopicPartition(name, part.number) for name in self._names for part in self._parts])
        for part in self._parts:
            part.ready = True
            for name, topic in self._names.items():
                consumer.seek(TopicPartition(name, part.number), part.offsets[topic])
        self._open = True
        tasks = [asyncio.create_task(self._commit(part, consumer)) for part in self._parts]
        tasks.append(asyncio.create_task(self._commit_to_group(consumer)))
        try:
            await self._read(consumer)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*(part.close() for part in self._parts), consumer.stop(), self._status_server.stop())

    async def _read(self, consumer: AIOKafkaConsumer) -> None:
        while True:
            fetched: dict[TopicPartition, list[Any]] = await consumer.getmany(timeout_ms=1000)
            # A slice of each in turn, as Faust's scheduler has it: so the same partitions change between checkpoints.
            for batch in chain.from_iterable(zip_longest(*(self._slices(tp, found) for tp, found in fetched.items()))):
                if batch is not None:
                    part = self._parts[batch.partition]
                    await part.apply_slice(batch)
                    await others_turn(len(batch))
                    if part.broken:
                        raise part.broken

    def _slices(self, tp: TopicPartition, records: list[Any]) -> Iterator[Slice]:
        whole = Slice(records, topic=self._names[tp.topic], partition=tp.partition, begin=records[0].offset, epoch=0)
        return whole.cut(self._settings.slice_records)

    async def _commit(self, part: DurablePartition, consumer: AIOKafkaConsumer) -> None:
        """Once an interval, each partition at a moment of its own, as the worker has it."""
        share = part.number / self._settings.partitions
        while True:
            planned = next_commit(self._settings.checkpoint_interval, share, self._waiting(part, consumer))
            await asyncio.sleep(planned - loop_time())
            self._advance_watermarks(part, consumer)
            part.fire_timers()
            began, changed = loop_time(), part.state.changed
            await part.commit()
            if changed:
                self._watch.committed(loop_time() - began, part.delta_bytes)

    def _waiting(self, part: DurablePartition, consumer: AIOKafkaConsumer) -> int:
        ends = {topic: consumer.highwater(TopicPartition(name, part.number)) for name, topic in self._names.items()}
        return sum(max(0, end - part.offsets[topic]) for topic, end in ends.items() if end is not None)

    def _advance_watermarks(self, part: DurablePartition, consumer: AIOKafkaConsumer) -> None:
        """Of what is read to its end; nobody writes to these inputs in transactions, so offsets say it."""
        for name, topic in self._names.items():
            end = consumer.highwater(TopicPartition(name, part.number))
            if end is not None and part.offsets[topic] >= end:
                part.state.advance_watermark(topic, wall_ms() - IN_FLIGHT_MS)

    async def _commit_to_group(self, consumer: AIOKafkaConsumer) -> None:
        while True:
            await asyncio.sleep(COMMIT_TO_GROUP_SECONDS)
            durable = {
                TopicPartition(self._settings.input_prefix + topic, part.number): offset
                for part in self._parts
                for topic, offset in part.durable.items()
                if offset
            }
            if durable:
                await consumer.commit(durable)


async def _until_signal() -> None:
    running = asyncio.ensure_future(BareLoop(load_settings()).run())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await running


if __name__ == "__main__":
    tune_gc()
    uvloop.run(_until_signal())
