"""The seam to Faust: one event of a stream is one fetched slice of one partition.

Why: Faust hands an agent one message at a time, which costs twenty times the work that is done with it. Here the
consumer's thread marks what it fetched as `Slice`s, and the scheduler hands each slice to the agent as one message.

Faust's acks and its notion of what was read are not used (`stream.noack()`): they take a hole for "not done yet", and
drop, silently, what lies before the last offset delivered, also after a seek back. What a slice means, and how far
reading has come, is decided from the marks alone (`slices`). Agents keep `concurrency=1`.
"""

import asyncio
import os
import tempfile
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, cast

import faust
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.client import ConnectionGroup
from aiokafka.consumer.fetcher import FetchResult
from aiokafka.errors import KafkaError
from faust.transport.drivers import aiokafka as driver
from faust.transport.utils import DefaultSchedulingStrategy
from faust.types import TP
from mode.utils.logging import get_logger

from processors.runtime.membership import Member
from processors.runtime.security import faust_credentials
from processors.runtime.slices import FetchEpochs, FetchProgress, Slice
from processors.runtime.timeouts import (
    GROUP_COMMIT_SECONDS,
    REBALANCE_SECONDS,
    REQUEST_SECONDS,
    monotonic_ms,
    own_cancellation_only,
    wall_ms,
)
from processors.settings import Settings

logger = get_logger(__name__)

CHANNEL_SLICES: Final = 16
"""Slices that wait for an agent: with the fetch before them the bound of what is in memory unprocessed."""

NEVER_IDLE_SECONDS: Final = 1_000_000.0


class _ConsumerThread(driver.AIOKafkaConsumerThread):
    """The marks are touched in the consumer's thread only, in order with its fetches."""

    def __init__(self, consumer: Any, **kwargs: Any) -> None:
        super().__init__(consumer, **kwargs)
        self._marks = FetchEpochs(consumer.logical)
        self._assignment: Any = None

    def _create_consumer(self, loop: asyncio.AbstractEventLoop) -> AIOKafkaConsumer:
        # Faust hard-codes what aiokafka takes as arguments; before start() they can still be set.
        consumer = super()._create_consumer(loop)
        for name, value in self.consumer.fetching.items():  # type: ignore[attr-defined]
            setattr(consumer, f"_{name}", value)
        return consumer

    async def on_start(self) -> None:
        await super().on_start()
        fetcher = self._ensure_consumer()._fetcher
        fetcher._proc_fetch_request = self._timed(fetcher._proc_fetch_request)

    def _timed(self, fetch: Callable[..., Awaitable[bool]]) -> Callable[..., Awaitable[bool]]:
        async def timed(assignment: Any, node: int, request: Any) -> bool:
            asked = wall_ms()
            news = await fetch(assignment, node, request)
            # It lasts no longer than the broker, and the lead of a partition goes over to another one's.
            connection = self._ensure_consumer()._client._conns.get((node, ConnectionGroup.DEFAULT))
            for topic, partitions in request.topics:
                for number, *_ in partitions:
                    tp = TP(topic, number)
                    state = assignment.state_value(tp)
                    # A response that aiokafka discards, or an error, leaves the partition's time stamp as it was.
                    if state is not None and (state.timestamp or 0) >= asked:
                        self._marks.asked(tp, asked, connection)
            return news

        return timed

    async def _fetch_records(
        self,
        consumer: AIOKafkaConsumer,
        active_partitions: set[TP],
        timeout: float | None = None,  # noqa: ASYNC109 -- Faust's signature
        max_records: int | None = None,
    ) -> dict[TP, Slice]:
        """What waits, of each partition as much as a slice takes.

        One answer of the broker, compressed, may hold minutes of work of a partition: handed over whole, it would keep
        all the others waiting. What was taken is marked before anything else can happen in this thread: after a seek
        the same records would be of another epoch.
        """
        waiting, take = consumer._fetcher._records, super()._fetch_records
        size = self.consumer.slice_records  # type: ignore[attr-defined]
        for tp in [tp for tp, found in waiting.items() if tp in active_partitions and not _is_data(found)]:
            await take(consumer, {tp}, timeout=0)  # raises; first of all, for what was taken before would be lost
        slices = self._marked(consumer, await take(consumer, active_partitions, timeout=timeout, max_records=size))
        for tp in [tp for tp in waiting if tp in active_partitions and tp not in slices]:
            if _is_data(waiting.get(tp)):
                slices |= self._marked(consumer, await take(consumer, {tp}, timeout=0, max_records=size))
        return slices

    def _marked(self, consumer: AIOKafkaConsumer, fetched: Mapping[TP, Any]) -> dict[TP, Slice]:
        self._note_assignment(consumer)
        return {tp: self._marks.mark(TP(*tp), records) for tp, records in fetched.items() if records}

    def _note_assignment(self, consumer: AIOKafkaConsumer) -> None:
        """Before any mark is made: noticed later, a new assignment would take back the marks of its own seeks."""
        subscription = consumer._subscription.subscription
        if subscription is not None and subscription.assignment is not self._assignment:
            self._assignment = subscription.assignment
            self._marks.start_over()

    async def seek_to_committed(self) -> Any:
        async def seek() -> Any:
            self._marks.start_over()
            try:
                return await self._ensure_consumer().seek_to_committed()
            finally:
                self._marks.start_over()

        return await self.call_thread(seek)

    async def _in_thread(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Runs work in the consumer's thread, at once: Faust's own queue may be busy with two fetches for a second."""
        with own_cancellation_only():
            return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self.thread_loop))

    async def seek_back(self, tp: TP, offset: int) -> int:
        async def seek() -> int:
            consumer = self._ensure_consumer()
            self._note_assignment(consumer)
            consumer.seek(TopicPartition(*tp), offset)
            return self._marks.seek(tp, offset)

        return int(await self._in_thread(seek()))

    async def progress(self) -> dict[TP, FetchProgress]:
        async def look() -> dict[TP, FetchProgress]:
            consumer = self._ensure_consumer()
            subscription = consumer._subscription.subscription
            if subscription is None or subscription.assignment is not self._assignment or self._assignment is None:
                return {}
            tps = [TP(*tp) for tp in consumer.assignment()]
            return {tp: progress for tp in tps if (progress := self._progress_of(tp)) is not None}

        return dict(await self._in_thread(look()))

    def _progress_of(self, tp: TP) -> FetchProgress | None:
        state = self._assignment.state_value(TopicPartition(*tp))
        if state is None or not state.has_valid_position or state.highwater is None or state.lso is None:
            return None
        progress = self._marks.progress(
            tp, position=state.position, stable=state.lso, high=state.highwater, at=monotonic_ms()
        )
        return progress._replace(buffered=TopicPartition(*tp) in self._ensure_consumer()._fetcher._records)

    async def committed(self, tps: Iterable[TP]) -> dict[TP, int | None]:
        async def ask() -> dict[TP, int | None]:
            consumer = self._ensure_consumer()
            return {tp: await consumer.committed(TopicPartition(*tp)) for tp in tps}

        return dict(await self._in_thread(ask()))

    async def earliest(self, tps: Iterable[TP]) -> dict[TP, int]:
        async def ask() -> dict[TP, int]:
            consumer = self._ensure_consumer()
            offsets = await consumer.beginning_offsets([TopicPartition(*tp) for tp in tps])
            return {TP(*tp): offset for tp, offset in offsets.items()}

        return dict(await self._in_thread(ask()))

    def member(self) -> Member:
        coordinator = self._consumer._coordinator if self._consumer is not None else None
        return Member(getattr(coordinator, "member_id", ""), getattr(coordinator, "generation", -1))

    async def pulse(self) -> None:
        async def nothing() -> None:
            pass

        await self._in_thread(nothing())

    async def ends(self, tps: Iterable[TP]) -> dict[TP, int]:
        async def ask() -> dict[TP, int]:
            found = await self._ensure_consumer().end_offsets([TopicPartition(*tp) for tp in tps])
            return {TP(*tp): offset for tp, offset in found.items()}

        return dict(await self._in_thread(ask()))

    async def since(self, tps: Iterable[TP], moment: int) -> dict[TP, int]:
        async def ask() -> dict[TP, int]:
            consumer = self._ensure_consumer()
            partitions = [TopicPartition(*tp) for tp in tps]
            found = await consumer.offsets_for_times(dict.fromkeys(partitions, moment))
            ends = await consumer.end_offsets(partitions)
            return {TP(*tp): found[tp].offset if found.get(tp) else ends[tp] for tp in partitions}

        return dict(await self._in_thread(ask()))

    async def notes(self, tps: Iterable[TP]) -> dict[TP, str]:
        async def ask() -> dict[TP, str]:
            coordinator = self._ensure_consumer()._coordinator
            found = await coordinator.fetch_committed_offsets([TopicPartition(*tp) for tp in tps])
            return {TP(*tp): offset.metadata or "" for tp, offset in found.items()}

        return dict(await self._in_thread(ask()))

    def note(self, tp: TP, offset: int, text: str) -> "Future[bool]":
        return asyncio.run_coroutine_threadsafe(self._commit({TopicPartition(*tp): (offset, text)}), self.thread_loop)

    async def commit_quietly(self, offsets: Mapping[TP, int], mark: str) -> bool:
        marked = {TopicPartition(*tp): (at, mark) for tp, at in offsets.items()}
        return bool(await self._in_thread(self._commit(marked)))

    async def _commit(self, offsets: Mapping[TopicPartition, Any]) -> bool:
        """To the group: offsets, or offsets with metadata."""
        try:
            consumer = self._ensure_consumer()
            mine = {tp: offset for tp, offset in offsets.items() if tp in consumer.assignment()}
            async with asyncio.timeout(GROUP_COMMIT_SECONDS):
                await consumer.commit(mine)
        except (KafkaError, TimeoutError) as error:
            logger.info("Offsets were not committed, the next commit covers them: %r", error)
            return False
        return True


def _is_data(buffered: Any) -> bool:
    """Whether aiokafka has records of a partition, and no error."""
    return isinstance(buffered, FetchResult)


class _NoOffsets(dict[TP, Any]):
    """Faust drops what lies before the last offset it delivered: it must not remember one."""

    def __getitem__(self, tp: TP) -> None:
        return None

    def __setitem__(self, tp: TP, offset: Any) -> None:
        pass

    def update(self, *_: Any, **__: Any) -> None:
        pass


class BatchConsumer(driver.Consumer):
    """Faust's consumer, with epochs of reading. What stands here without a value is set by `_transport`."""

    fetching: Mapping[str, Any]
    logical: Mapping[str, str]
    slice_records: int
    _thread: _ConsumerThread

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._read_offset = _NoOffsets()

    def _new_consumer_thread(self) -> _ConsumerThread:
        return _ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    @property
    def rebalancing(self) -> bool:
        """Whether a rebalance is going on, as far as Faust knows."""
        return bool(self.app.rebalancing)

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Faust's livelock warnings look at its own commits, which are not used."""

    async def _seek(self, partition: TP, offset: int) -> None:
        # Faust calls aiokafka's seek from its own thread while a fetch runs in the consumer's thread: that race ends
        # in a KeyError in the fetcher and a crash of the worker.
        await self._thread.seek_back(partition, offset)

    async def seek_back(self, tp: TP, offset: int) -> int:
        """Reads again from an offset; returns the new epoch."""
        return await self._thread.seek_back(tp, offset)

    async def progress(self) -> dict[TP, FetchProgress]:
        """How far every assigned partition has been read; without those of which nothing was fetched yet."""
        return await self._thread.progress()

    async def committed(self, tps: Iterable[TP]) -> dict[TP, int | None]:
        """The group's next offsets; None where it has committed nothing."""
        return await self._thread.committed(tps)

    async def notes(self, tps: Iterable[TP]) -> dict[TP, str]:
        """What stands beside the group's offsets: '' where it has committed nothing, or nothing was noted."""
        return await self._thread.notes(tps)

    def note(self, tp: TP, offset: int, text: str) -> "Future[bool]":
        """Commits an offset to the group with a note beside it, from any thread: needs nothing of the event loop."""
        return self._thread.note(tp, offset, text)

    async def earliest(self, tps: Iterable[TP]) -> dict[TP, int]:
        """The first offset that exists of each partition."""
        return await self._thread.earliest(tps)

    async def pulse(self) -> None:
        """Answers as soon as the consumer's thread runs; asks nothing of the broker."""
        await self._thread.pulse()

    def member(self) -> Member:
        """What this consumer takes itself for in its group."""
        return self._thread.member()

    async def ends(self, tps: Iterable[TP]) -> dict[TP, int]:
        """The last stable offset of each partition, from its leader."""
        return await self._thread.ends(tps)

    async def since(self, tps: Iterable[TP], moment: int) -> dict[TP, int]:
        """The first offset of each partition whose record is of `moment`, ms, or later; its end when none is."""
        return await self._thread.since(tps, moment)

    async def commit_durable(self, offsets: Mapping[TP, int], mark: str = "") -> bool:
        """Commits next offsets to the group, each with a mark. False when it did not work: the next time covers it."""
        return await self._thread.commit_quietly(offsets, mark)


class _SliceSchema(faust.Schema):  # type: ignore[type-arg]
    """Hands a slice over as it is: no key, no codec, so no malformed message can stop an agent."""

    def loads_key(self, *_: Any, **__: Any) -> None:
        return None

    def loads_value(self, app: Any, message: Any, **_: Any) -> Any:
        return message.value


def _scheduler(size: int) -> type[DefaultSchedulingStrategy]:
    class SliceBySlice(DefaultSchedulingStrategy):
        def iterate(self, records: Mapping[TP, Any]) -> Iterator[tuple[TP, Any]]:
            return super().iterate({tp: [_message(part) for part in whole.cut(size)] for tp, whole in records.items()})

    return SliceBySlice


def _message(part: Slice) -> Any:
    return replace(part[-1], key=None, value=part)


@dataclass(frozen=True)
class Inputs:
    """What a process reads, and as which consumer group."""

    group: str
    topics: Mapping[str, str]
    """Logical name -> Kafka's."""
    slice_records: int
    """Records that an agent takes at a time, at most."""
    channel_slices: int = CHANNEL_SLICES


class BatchingApp:
    """A Faust app whose streams yield `Slice`s, by the logical names of its inputs.

    Reading is `read_committed`, in fetches that wait for `fetch_min_bytes`.
    """

    def __init__(self, settings: Settings, inputs: Inputs) -> None:
        self.inputs = inputs
        self.faust = _faust_app(settings, inputs)
        self.faust.transport = _transport(self.faust, settings, inputs)
        self.streams = {
            logical: self.faust.topic(name, schema=_SliceSchema(), maxsize=inputs.channel_slices)
            for logical, name in inputs.topics.items()
        }

    def consumer(self) -> BatchConsumer:
        """The consumer of this app: there is one once the app runs."""
        return cast("BatchConsumer", self.faust.consumer)


def _faust_app(settings: Settings, inputs: Inputs) -> faust.App:
    return faust.App(
        inputs.group,
        broker=[f"kafka://{address.strip()}" for address in settings.brokers.split(",")],
        broker_credentials=faust_credentials(settings),
        store="memory://",
        datadir=_datadir(),
        web_enabled=False,
        topic_partitions=settings.partitions,
        topic_disable_leader=True,
        topic_allow_declare=False,
        table_standby_replicas=1,  # else partition p of the topics falls apart: the co-partitioning assignor needs it
        consumer_auto_offset_reset="earliest",
        broker_session_timeout=settings.session_timeout,
        broker_heartbeat_interval=settings.heartbeat_interval,
        broker_rebalance_timeout=REBALANCE_SECONDS,
        broker_request_timeout=max(REQUEST_SECONDS, settings.session_timeout),
        broker_max_poll_interval=NEVER_IDLE_SECONDS,  # a warehouse that waits for its database does not read
        producer_linger=0.05,
        stream_wait_empty=False,  # else stop and rebalance wait, for ever, for acks that nobody gives
        worker_redirect_stdouts=False,
        ConsumerScheduler=_scheduler(inputs.slice_records),
    )


def _datadir() -> str:
    """Where Faust keeps what it insists on keeping: nothing of ours. One for all processes, so that none piles up."""
    return str(Path(tempfile.gettempdir()) / f"oidor-faust-{getattr(os, 'getuid', int)()}")


def _transport(app: faust.App, settings: Settings, inputs: Inputs) -> driver.Transport:
    class Consumer(BatchConsumer):
        fetching = MappingProxyType(
            {
                "fetch_min_bytes": settings.fetch_min_bytes,
                "fetch_max_wait_ms": settings.fetch_max_wait_ms,
                "isolation_level": "read_committed",
            }
        )
        logical = MappingProxyType({name: logical for logical, name in inputs.topics.items()})
        slice_records = inputs.slice_records

    class Transport(driver.Transport):
        pass

    Transport.Consumer = Consumer
    return Transport(app.conf.broker_consumer, app)
