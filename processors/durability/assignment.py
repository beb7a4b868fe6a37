"""`Assignment`: which partitions this process has open, each in a task of its own: a hung commit holds up no other.

Only `tick()` opens, and only what is assigned: a stray slice must never open a partition, that would fence its new
owner. Slices of a partition that is not ready are ignored; opening it reads its inputs again from where the state ends.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any, Final, Protocol

from faust.types import TP
from mode.utils.logging import get_logger

from processors.durability.changelog import StateError
from processors.durability.failures import FailingPartitions, PoisonTracker, advice
from processors.durability.inspection import Inspection
from processors.durability.log import COMMIT_SECONDS, Log
from processors.durability.operator import DurabilityConfig, Operator
from processors.durability.partition import Admission, DurablePartition
from processors.durability.progress import InputProgress, Reader
from processors.runtime.slices import Slice
from processors.runtime.suspects import Suspects, decode
from processors.runtime.timeouts import (
    ANSWER_SECONDS,
    LAST_COMMIT_SECONDS,
    REOPENING_SECONDS,
    bounded,
    loop_time,
    others_turn,
    own_cancellation_only,
    until,
)

logger = get_logger(__name__)

OPENINGS: Final = 4
"""Partitions that recover at the same time."""

FAR_BEHIND: Final = 1_000
"""Unread records of a partition from which on it commits less often."""
CATCHING_UP: Final = 5
"""How many checkpoint intervals then pass: rows and transactions are shared by more records, all of them old."""

_NOT_YET: Final = 2**62
"""An epoch later than any: until the seek is through, no slice is of it."""


class Watch(Protocol):
    """Who is told what happens, for metrics."""

    def timer_delayed(self, seconds: float) -> None: ...
    def committed(self, seconds: float, delta_bytes: int) -> None: ...
    def opened(self, seconds: float) -> None: ...
    def failed(self, ours: bool) -> None: ...
    def seek_back(self, topic: str, why: str) -> None: ...
    def deleted(self, topic: str, offsets: int) -> None: ...


class Assignment:
    """The open partitions of this process, by number."""

    def __init__(
        self,
        operator: Operator,
        log: Callable[[int], Log],
        reader: Callable[[], Reader],
        config: DurabilityConfig,
        *,
        watch: Watch,
        refuse: Callable[[str], None],
        beginning: Callable[[Iterable[TP]], Awaitable[Mapping[TP, int]]] | None = None,
        inspection: Inspection | None = None,
    ) -> None:
        """`refuse` is told, in one line, why this process must not go on.

        `inspection` compares what the states recorded with the topics; without it they are believed. `beginning` says
        at which offsets a partition begins that has no state yet; without it, at the first.
        """
        self.partitions: dict[int, DurablePartition] = {}
        self.kafka_names = config.inputs
        """Logical -> Kafka's."""
        self.progress = InputProgress(config.inputs, reader, watch.deleted)
        self.split: frozenset[int] = frozenset()
        """Partition numbers of which this process was assigned some inputs, but not all."""
        self._operator, self._log, self._reader, self._config = operator, log, reader, config
        self._watch, self._refuse, self._beginning = watch, refuse, beginning
        self._inspection = inspection
        self._logical = {name: topic for topic, name in config.inputs.items()}
        self.attempts: Counter[int] = Counter()
        """How often each partition was begun to be opened."""
        self.failing = FailingPartitions()
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
        self._doubt(part, {batch.topic: batch.doubt})
        match part.admit(batch):
            case Admission.STALE | Admission.HALTED:
                return
            case Admission.GAP:
                await self._seek_back(part, batch.topic, "gap")
            case Admission.FULL:
                part.refused.add(batch.topic)
                part.wake.set()
            case Admission.NEXT:
                self.progress.note_slice(part, batch)
                await part.apply_slice(batch)
                await others_turn(len(batch))

    async def tick(self) -> None:
        """Open what is assigned and not here, revoke what is not assigned any more."""
        if self._shutdown:
            return
        assigned, revocations = self.colocated(), self._revocations
        await self.progress.refresh()
        if self._revocations != revocations:
            return  # partitions were revoked meanwhile: to open them again would fence their new owner
        for number in assigned - self._tasks.keys():
            self._tasks[number] = asyncio.create_task(self._run_partition(number), name=f"partition-{number}")
        if gone := self._tasks.keys() - assigned:
            await self.revoke(gone, LAST_COMMIT_SECONDS)
        await self.progress.look_for_gaps(self.partitions.values())

    def colocated(self) -> set[int]:
        """The assigned partition numbers; none at all when the inputs of one of them went to different processes."""
        inputs: dict[int, set[str]] = {}
        for tp in self._reader().assignment():
            if tp.topic in self._logical:
                inputs.setdefault(tp.partition, set()).add(tp.topic)
        split = frozenset(number for number, topics in inputs.items() if len(topics) < len(self._logical))
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

    async def inspect(self) -> None:
        """Compare topics with what the states recorded, for ever; at once when a log seems to have been cut."""
        if self._inspection is not None:
            await self._inspection.run(self.partitions.values)

    async def shutdown(self, seconds: float) -> None:
        """The process ends: revoke everything, open nothing."""
        self._shutdown = True
        await self.revoke(list(self._tasks), seconds)
        if self._background:
            await asyncio.wait(self._background, timeout=seconds / 2)

    # What others ask

    def durable(self) -> dict[TP, int]:
        """The next offsets of the last commits; without those beside which a note must stay."""
        return {
            TP(self.kafka_names[topic], part.number): offset
            for part in self.partitions.values()
            if part.ready
            for topic, offset in part.durable.items()
            if offset and not part.poison.suspicious(topic, offset)
        }

    def lag(self) -> dict[str, int]:
        """Logical topic -> records that wait, over all open partitions."""
        return self.progress.lag(self.partitions.values())

    def held_open(self) -> dict[str, bool]:
        """Logical topic -> whether an open upstream transaction holds back an open partition for too long."""
        return self.progress.held_open(self.partitions.values())

    @property
    def problems(self) -> Sequence[str]:
        """What is wrong with the topics, a line each."""
        return () if self._inspection is None else self._inspection.problems

    def dead(self) -> set[int]:
        """Partition numbers whose task has ended, though nobody took them away."""
        return {number for number, task in self._tasks.items() if task.done()}

    # One partition

    async def _run_partition(self, number: int) -> None:
        failures = 0
        while True:
            began = loop_time()
            self.attempts[number] += 1
            poison = self._poison_trackers.setdefault(number, PoisonTracker())
            part = DurablePartition(number, self._operator, self._log(number), self._config, poison)
            part.cautious = number in self.failing
            self.partitions[number] = part
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

    async def _open(self, part: DurablePartition) -> None:
        async with self._openings:
            part.heartbeat()
            found = await part.open()
            part.heartbeat()
            if self._inspection is not None:
                part.doubts.settle(self.progress.doubts(part))
                await self._inspection.at_opening(part, found)
        part.heartbeat()
        if not found and self._beginning is not None:
            topics = {TP(name, part.number): topic for name, topic in self._logical.items()}
            async with asyncio.timeout(ANSWER_SECONDS):
                beginning = await self._beginning(topics)
            part.start_at({topics[tp]: offset for tp, offset in beginning.items()})
            part.heartbeat()
        await self.progress.note_opening(part)
        # Before anything is taken it is known what time it is.
        part.heartbeat_at = None
        await bounded(part.ask_time(), COMMIT_SECONDS)
        part.heartbeat()
        part.poison.noted = await self._noted(part)
        part.heartbeat()
        # Ready before the seeks: what is read after the first of them comes while the others are under way.
        part.epochs = dict.fromkeys(self.kafka_names, _NOT_YET)
        part.ready = True
        for topic in self.kafka_names:
            part.epochs[topic] = await self._seek(part, topic)
        level = logging.DEBUG if part.number in self.failing else logging.INFO
        logger.log(level, "Partition %d is open at %s", part.number, part.durable)

    async def _noted(self, part: DurablePartition) -> dict[str, Suspects]:
        """What others that had the partition were working on when they hung, and its log has not passed."""
        tps = {TP(name, part.number): topic for topic, name in self.kafka_names.items()}
        async with asyncio.timeout(ANSWER_SECONDS):
            notes = await self._reader().notes(tps)
        found = {tps[tp]: suspects for tp, text in notes.items() if (suspects := decode(text))}
        found = {topic: suspects for topic, suspects in found.items() if suspects.end > part.durable[topic]}
        for topic, suspects in found.items():
            logger.warning(
                "%s[%d]: one of the records %d to %d has hung a process, they are taken one by one",
                topic,
                part.number,
                suspects.begin,
                suspects.end - 1,
            )
        return found

    async def _serve(self, part: DurablePartition) -> None:
        """Timer steps and commits until something fails."""
        pace, share = self._config.pace, part.number / self._config.partitions
        part.served_at = part.timers_at = loop_time()
        timer_at = next_slot(pace.timer, share)
        commit_at = next_commit(pace.checkpoint, share, self.progress.unread(part))
        while True:
            part.heartbeat()
            await until(part.wake, min(timer_at, commit_at))
            part.wake.clear()
            if part.broken:
                raise part.broken
            if part.doubts.over():
                for topic in self.kafka_names:
                    await self._seek_back(part, topic, "doubt")
            if loop_time() >= timer_at:
                self._watch.timer_delayed(loop_time() - timer_at)
                self._follow(part)
                for topic in self.progress.stalled(part):
                    await self._seek_back(part, topic, "stalled")
                timer_at = next_slot(pace.timer, share) if part.fire_timers() else loop_time()
                part.timers_at = loop_time()
            if loop_time() >= commit_at or part.commit_is_urgent:
                await self._commit(part)
                commit_at = next_commit(pace.checkpoint, share, self.progress.unread(part))

    def _follow(self, part: DurablePartition) -> None:
        """Let time go on, but not by inputs that are others than those that were read."""
        if part.contradicted:
            return
        self._doubt(part, self.progress.doubts(part))
        if self._inspection is not None and self.progress.ends_early(part):
            self._inspection.suspect()
        if not part.doubts.open:
            self.progress.advance_watermarks(part)

    def _doubt(self, part: DurablePartition, raised: Mapping[str, int]) -> None:
        """Look at once, and until then take nothing, where a log may not be the one any more that was read."""
        if self._inspection is not None and part.ready:
            part.doubts.add(raised)
            if part.doubts.open and not part.contradicted:
                self._inspection.suspect()

    async def _commit(self, part: DurablePartition) -> None:
        while not part.settle():
            part.heartbeat()
            await others_turn(1)
        began = loop_time()
        changed = part.state.changed
        part.heartbeat_at = None  # it may hang as long as it is allowed to
        await bounded(part.commit(), COMMIT_SECONDS)
        part.heartbeat()
        if changed:
            self.failing.over(part.number)
            self._watch.committed(loop_time() - began, part.delta_bytes)
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
            self.failing.over(number)
            task.cancel()
        if self.partitions.get(number) is part and part is not None:
            del self.partitions[number]

    async def _seek_back(self, part: DurablePartition, topic: str, why: str) -> None:
        self._watch.seek_back(topic, why)
        part.epochs[topic] = await self._seek(part, topic)

    async def _seek(self, part: DurablePartition, topic: str) -> int:
        return await self._reader().seek_back(TP(self.kafka_names[topic], part.number), part.offsets[topic])

    def _failed(self, part: DurablePartition, error: BaseException) -> None:
        self._watch.failed(part.fault)
        if part.fault:
            logger.error("Partition %d is opened again after an error of ours", part.number, exc_info=error)
            return
        what, again = advice(error), not self.failing.note(part.number, error, loop_time())
        level = logging.DEBUG if again else logging.WARNING
        logger.log(level, "Partition %d is opened again: %r%s", part.number, error, what and f": {what}")

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


def next_slot(period: float, share: float) -> float:
    """The next moment of a partition's own in each period: the transactions of all should not come at once."""
    moment = (loop_time() // period + share) * period
    return moment if moment > loop_time() else moment + period


def next_commit(interval: float, share: float, unread: int) -> float:
    """When a partition that has so many records to read makes its next checkpoint."""
    return next_slot(interval * (CATCHING_UP if unread > FAR_BEHIND else 1), share)
