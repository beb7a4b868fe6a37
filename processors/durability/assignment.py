"""Which partitions this process has open: each in a task of its own, so that a hung commit holds up no other.

Only `tick()` opens, and only what is assigned: a stray slice must never open a partition, that would fence its new
owner. Slices of a partition that is not ready are ignored; opening it reads its inputs again from where the state ends.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from aiokafka.errors import (
    KafkaError,
    MessageSizeTooLargeError,
    ProducerFenced,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)
from faust.types import TP
from mode.utils.logging import get_logger

from processors.durability.changelog import StateError
from processors.durability.partition import COMMIT_SECONDS, Admission, DurablePartition, Log, Operator, PoisonTracker
from processors.durability.retention import RetentionGaps
from processors.runtime.slices import OPEN_TRANSACTION_MS, FetchProgress, Slice
from processors.runtime.timeouts import (
    ANSWER_SECONDS,
    CONSUMER_SECONDS,
    LAST_COMMIT_SECONDS,
    REOPENING_SECONDS,
    bounded,
    loop_time,
    others_turn,
    own_cancellation_only,
    until,
)
from schemas.topics import INPUTS

logger = get_logger(__name__)

OPENINGS: Final = 4
"""Partitions that recover at the same time."""

TICK_SECONDS: Final = 0.2
"""Between two looks at how far the inputs are read, and between two steps that no record causes."""
IN_FLIGHT_MS: Final = 500
"""A record may reach the broker so long after its time stamp was taken."""

FAR_BEHIND: Final = 1_000
"""Records of a partition that wait, from which on it makes its checkpoints less often..."""
CATCHING_UP: Final = 5
"""... once in so many intervals: rows and transactions are then shared by more records, and all of them are old."""

_ADVICE: Final[Mapping[type[BaseException], str]] = {
    TransactionalIdAuthorizationFailed: "allow this account to write transactional ids that begin with OIDOR_APP_ID",
    TopicAuthorizationFailedError: "allow this account to read the inputs, and to read and write all topics of Oidor",
    MessageSizeTooLargeError: "raise max.message.bytes of Oidor's topics above OIDOR_MESSAGE_BYTES, or lower that",
    ProducerFenced: "another process has it now, or had it in between",
}
"""What to do about failures that do not heal by themselves, or need nothing done."""

_NOT_YET: Final = 2**62
"""A reading later than any: until the seek is through, nothing is of it."""


class Reader(Protocol):
    """What the owner asks of the consumer."""

    def assignment(self) -> Iterable[TP]: ...
    async def earliest(self, tps: Iterable[TP]) -> Mapping[TP, int]: ...
    async def seek_back(self, tp: TP, offset: int) -> int: ...
    async def progress(self) -> Mapping[TP, FetchProgress]: ...


class Watch(Protocol):
    """Who is told what happens, for metrics."""

    def timer_delayed(self, seconds: float) -> None: ...
    def committed(self, seconds: float) -> None: ...
    def opened(self, seconds: float) -> None: ...
    def failed(self, ours: bool) -> None: ...
    def seek_back(self, topic: str, why: str) -> None: ...
    def deleted(self, topic: str, offsets: int) -> None: ...


@dataclass(frozen=True)
class Pace:
    """How often, in seconds."""

    checkpoint: float
    timer: float = TICK_SECONDS


class Assignment:
    """The open partitions of this process, by number."""

    def __init__(
        self,
        process: Operator,
        log: Callable[[int], Log],
        reader: Callable[[], Reader],
        *,
        kafka_names: Mapping[str, str],
        partitions: int,
        pace: Pace,
        pending_max: int,
        watch: Watch,
        refuse: Callable[[str], None],
        beginning: Callable[[Iterable[TP]], Awaitable[Mapping[TP, int]]] | None = None,
    ) -> None:
        """`kafka_names`: logical -> Kafka's. `refuse` is told, in one line, why this process must not go on.

        `beginning` says at which offsets a partition begins that has no state yet; without it, at the first.
        """
        self.partitions: dict[int, DurablePartition] = {}
        self.progress: Mapping[TP, FetchProgress] = {}
        self.split: frozenset[int] = frozenset()
        """Partition numbers of which this process was assigned some inputs, but not all."""
        self.assigned_at: float | None = None
        self._process, self._log, self._reader, self.kafka_names = process, log, reader, kafka_names
        self._count, self._pace, self._pending_max, self._watch, self._refuse = (
            partitions,
            pace,
            pending_max,
            watch,
            refuse,
        )
        self._beginning = beginning
        self._retention_gaps = RetentionGaps(watch.deleted)
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._poison_trackers: dict[int, PoisonTracker] = {}
        self._openings = asyncio.Semaphore(OPENINGS)
        self._background: set[asyncio.Task[Any]] = set()
        self._shutdown = False
        self._revocations = 0

    # What Faust tells

    async def deliver(self, batch: Slice) -> None:
        """A slice from Faust. Never raises for what is in it."""
        part = self.partitions.get(batch.partition)
        if part is None:
            return
        match part.admit(batch):
            case Admission.STALE:
                return
            case Admission.GAP:
                await self._seek_back(part, batch.topic, "gap")
            case Admission.FULL:
                part.refused.add(batch.topic)
                part.wake.set()
            case Admission.NEXT:
                self._note_hole(part, batch)
                await part.take(batch)
                await others_turn(len(batch))

    async def tick(self) -> None:
        """Open what is assigned and not here, leave what is not assigned any more."""
        if self._shutdown:
            return
        mine, losses = self.colocated(), self._revocations
        try:
            async with asyncio.timeout(CONSUMER_SECONDS):
                self.progress = await self._reader().progress()
        except TimeoutError:
            logger.warning("The consumer's thread does not answer: watermarks stand still")
        if self._revocations != losses:
            return  # partitions were lost meanwhile: to open them again would fence their new owner
        for number in mine - self._tasks.keys():
            self._tasks[number] = asyncio.create_task(self._run_partition(number), name=f"partition-{number}")
        if gone := self._tasks.keys() - mine:
            await self.revoke(gone, LAST_COMMIT_SECONDS)
        self._note_ends()
        await self._resolve_retention_gaps()

    def colocated(self) -> set[int]:
        """The assigned partition numbers; none at all when the inputs of one of them went to different processes."""
        inputs: dict[int, set[str]] = {}
        logical = {name: topic for topic, name in self.kafka_names.items()}
        for tp in self._reader().assignment():
            if tp.topic in logical:
                inputs.setdefault(tp.partition, set()).add(logical[tp.topic])
        split = frozenset(number for number, topics in inputs.items() if len(topics) < len(INPUTS))
        if split and split != self.split:
            logger.error(
                "Partitions %s of the input topics are assigned to different workers: nothing is processed. Give the "
                "input topics equal partition counts (`oidor topics check`) and all workers the same version.",
                sorted(split),
            )
        self.split = split
        return set() if split else set(inputs)

    async def revoke(self, numbers: Iterable[int], seconds: float) -> None:
        """A last commit of each within `seconds`, then they are gone; closing goes on behind."""
        self._revocations += 1
        await asyncio.gather(*(self._revoke(number, seconds) for number in list(numbers)))

    async def shutdown(self, seconds: float) -> None:
        """The process ends: lose everything, open nothing."""
        self._shutdown = True
        await self.revoke(list(self._tasks), seconds)
        if self._background:
            await asyncio.wait(self._background, timeout=seconds / 2)

    # What others ask

    def durable(self) -> dict[TP, int]:
        """The next offsets of the last commits."""
        return {
            TP(self.kafka_names[topic], part.number): offset
            for part in self.partitions.values()
            if part.ready
            for topic, offset in part.durable.items()
            if offset and topic in self.kafka_names
        }

    def lag(self) -> dict[str, int]:
        """Logical topic -> records that wait, over all open partitions; markers of transactions count while unread."""
        waiting = dict.fromkeys(self.kafka_names, 0)
        for part in self.partitions.values():
            for topic, name in self.kafka_names.items():
                progress = self.progress.get(TP(name, part.number))
                if progress is not None:
                    waiting[topic] += _unread(part, topic, progress)
        return waiting

    def dead(self) -> set[int]:
        """Partition numbers whose task has ended, though nobody took them away."""
        return {number for number, task in self._tasks.items() if task.done()}

    def held(self) -> dict[str, bool]:
        """Logical topic -> whether an open upstream transaction holds one of its partitions back for too long."""
        return {
            topic: any(
                (progress := self.progress.get(TP(name, number))) is not None
                and progress.held_ms >= OPEN_TRANSACTION_MS
                for number in self.partitions
            )
            for topic, name in self.kafka_names.items()
        }

    # One partition

    async def _run_partition(self, number: int) -> None:
        failures = 0
        while True:
            began = loop_time()
            part = self._new(number)
            try:
                with own_cancellation_only():
                    await self._open(part)
                    self._watch.opened(loop_time() - began)
                    await self._serve(part)
            except StateError as error:
                self._refuse(str(error))
                return
            except Exception as error:
                # A partition that worked for a while is not failing in a row.
                failures = 1 if loop_time() - began > COMMIT_SECONDS else failures + 1
                self._failed(part, error)
            finally:
                part.ready, part.heartbeat_at = False, None
                self._spawn(part.close())
            await asyncio.sleep(REOPENING_SECONDS[min(failures, len(REOPENING_SECONDS)) - 1])

    def _new(self, number: int) -> DurablePartition:
        poison = self._poison_trackers.setdefault(number, PoisonTracker())
        part = self.partitions[number] = DurablePartition(
            number,
            self._process,
            self._log(number),
            partitions=self._count,
            poison=poison,
            pending_max=self._pending_max,
        )
        return part

    async def _open(self, part: DurablePartition) -> None:
        async with self._openings:
            part.heartbeat()
            found = await part.open()
        part.heartbeat()
        if not found and self._beginning is not None:
            topics = {TP(name, part.number): topic for topic, name in self.kafka_names.items()}
            async with asyncio.timeout(ANSWER_SECONDS):
                beginning = await self._beginning(topics)
            part.begin({topics[tp]: offset for tp, offset in beginning.items()})
            part.heartbeat()
        await self._report_retention_gaps(part)
        part.heartbeat()
        # Ready before the seeks: what is read after the first of them comes while the others are under way.
        part.epochs = dict.fromkeys(INPUTS, _NOT_YET)
        part.ready = True
        for topic in INPUTS:
            part.epochs[topic] = await self._seek(part, topic)
        logger.info("Partition %d is open at %s", part.number, part.durable)

    async def _report_retention_gaps(self, part: DurablePartition) -> None:
        durable = {
            TP(name, part.number): (topic, part.durable.get(topic, 0)) for topic, name in self.kafka_names.items()
        }
        async with asyncio.timeout(ANSWER_SECONDS):
            await self._retention_gaps.resumed(durable, self._reader().earliest)

    def _note_hole(self, part: DurablePartition, batch: Slice) -> None:
        if batch:
            expected = max(batch.begin, part.state.offsets.get(batch.topic, 0))
            self._retention_gaps.passed_over(
                TP(self.kafka_names[batch.topic], part.number), batch.topic, expected, batch[0].offset
            )

    def _note_ends(self) -> None:
        for part in self.partitions.values():
            for topic, name in self.kafka_names.items():
                tp = TP(name, part.number)
                progress = self.progress.get(tp)
                if part.ready and progress is not None and _confirmed(part, topic, progress):
                    self._retention_gaps.ends_before(
                        tp, topic, part.state.offsets.get(topic, 0), progress.high_watermark
                    )

    async def _resolve_retention_gaps(self) -> None:
        try:
            async with asyncio.timeout(CONSUMER_SECONDS):
                await self._retention_gaps.look(self._reader().earliest)
        except (KafkaError, OSError):
            pass  # the next tick asks again

    async def _serve(self, part: DurablePartition) -> None:
        """Timer steps and commits until something fails."""
        share = part.number / self._count
        tick_at = _next_slot(self._pace.timer, share)
        commit_at = next_commit(self._pace.checkpoint, share, self._waiting(part))
        while True:
            part.heartbeat()
            await until(part.wake, min(tick_at, commit_at))
            part.wake.clear()
            if part.broken:
                raise part.broken
            if loop_time() >= tick_at:
                self._watch.timer_delayed(loop_time() - tick_at)
                await self._advance_watermarks(part)
                part.tick()
                tick_at = _next_slot(self._pace.timer, share)
            if loop_time() >= commit_at or part.refused or part.pending * 2 >= self._pending_max:
                await self._commit(part)
                commit_at = next_commit(self._pace.checkpoint, share, self._waiting(part))

    def _waiting(self, part: DurablePartition) -> int:
        """Records that a partition has still to read, as far as is known."""
        return sum(
            _unread(part, topic, progress)
            for topic, name in self.kafka_names.items()
            if (progress := self.progress.get(TP(name, part.number))) is not None
        )

    async def _advance_watermarks(self, part: DurablePartition) -> None:
        """Move the watermarks of what is read to its end; read again what Faust has dropped."""
        for topic, name in self.kafka_names.items():
            progress = self.progress.get(TP(name, part.number))
            if progress is None:
                continue
            if _confirmed(part, topic, progress):
                part.state.advance_watermark_at_end(topic, progress.asked_at - IN_FLIGHT_MS)
            if part.overdue(topic, _outstanding(part, topic, progress)):
                await self._seek_back(part, topic, "stalled")

    async def _commit(self, part: DurablePartition) -> None:
        began = loop_time()
        changed = part.state.changed
        part.heartbeat_at = None  # it may hang as long as it is allowed to
        await bounded(part.commit(), COMMIT_SECONDS)
        part.heartbeat()
        if changed:
            self._watch.committed(loop_time() - began)
        while part.refused:
            await self._seek_back(part, part.refused.pop(), "full")

    async def _revoke(self, number: int, seconds: float) -> None:
        part, task = self.partitions.get(number), self._tasks.get(number)
        if part is not None and part.ready:
            part.ready = False
            try:
                await bounded(part.commit(), seconds)
            except Exception as error:
                logger.warning("Partition %d was left without a last commit: %r", number, error)
        # Only what was here when this began: a tick may have opened it anew.
        if self._tasks.get(number) is task and task is not None:
            del self._tasks[number]
            task.cancel()
        if self.partitions.get(number) is part and part is not None:
            del self.partitions[number]

    async def _seek_back(self, part: DurablePartition, topic: str, why: str) -> None:
        self._watch.seek_back(topic, why)
        part.epochs[topic] = await self._seek(part, topic)

    async def _seek(self, part: DurablePartition, topic: str) -> int:
        return await self._reader().seek_back(
            TP(self.kafka_names[topic], part.number), part.state.offsets.get(topic, 0)
        )

    def _failed(self, part: DurablePartition, error: BaseException) -> None:
        own = part.fault
        self._watch.failed(own)
        advice = next((advice for kind, advice in _ADVICE.items() if isinstance(error, kind)), "")
        if own and not advice:
            logger.error("Partition %d is opened again after an error of ours", part.number, exc_info=error)
        else:
            logger.warning("Partition %d is opened again: %r%s", part.number, error, advice and f": {advice}")

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


def _next_slot(period: float, share: float) -> float:
    """The next moment of a period that is a partition's own: twelve transactions should not come at once."""
    moment = (loop_time() // period + share) * period
    return moment if moment > loop_time() else moment + period


def next_commit(interval: float, share: float, waiting: int) -> float:
    """When a partition that has so many records to read makes its next checkpoint."""
    return _next_slot(interval * (CATCHING_UP if waiting > FAR_BEHIND else 1), share)


def _confirmed(part: DurablePartition, topic: str, progress: FetchProgress) -> bool:
    """Whether the partition has processed everything up to the end that `progress` saw."""
    return (
        progress.at_end
        and progress.end is not None
        and progress.epoch >= part.epochs[topic]
        and part.state.offsets.get(topic, 0) >= progress.end
    )


def _unread(part: DurablePartition, topic: str, progress: FetchProgress) -> int:
    """Offsets that the partition has still to read; markers of transactions count until they are passed."""
    return (
        0 if _confirmed(part, topic, progress) else max(0, progress.high_watermark - part.state.offsets.get(topic, 0))
    )


def _outstanding(part: DurablePartition, topic: str, progress: FetchProgress) -> bool:
    """Everything was handed over, but this partition has not got it."""
    return progress.at_end and not _confirmed(part, topic, progress)
