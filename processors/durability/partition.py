"""Durable partitions: state that lives in memory and whose truth is in Kafka.

A checkpoint is one transaction of the partition's own producer. What it writes, in order: rows, incidents, rejections,
then the state's delta, which carries the next input offsets. All of it happened, or none of it.

- *Open*: starting the producer fences every earlier owner and aborts what it left open. Then the state topic is read to
  its end, and the inputs are read again from the offsets in the state.
- *Take*: a slice is a step of the state. Which slice is next is decided by readings and offsets, never by Faust.
- *Commit*: drain the state, one transaction. If it fails, memory is ahead of the log: the partition is thrown away and
  opened again.
- *Lose*: a last commit within its budget, then gone. The next owner fences whatever still hangs.
"""

import asyncio
import enum
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Protocol

from aiokafka.errors import MessageSizeTooLargeError

from processors.durability.changelog import StateError
from processors.runtime.slices import Missing, Slice
from processors.runtime.timeouts import loop_time, own_cancellation_only, wall_ms
from schemas.outputs import Checkpoint
from schemas.taxonomy import Reason
from schemas.topics import INPUTS

COMMIT_SECONDS: Final = 25
"""A transaction that takes longer has failed: the partition is opened again, and the log decides."""

_FORGOTTEN_CHECKPOINTS: Final = 50
_FORGOTTEN_BYTES: Final = 4_000_000
"""So much is deleted from the log together, one or the other, for a deletion costs a connection..."""
_FORGOTTEN_PARTS: Final = 8
"""... and of a log that is long: one part of so many..."""
_FORGOTTEN_WITHIN: Final = 1_000
"""... but after so many checkpoints whatever is not needed."""


class Outgoing(Protocol):
    """One message of a transaction, for the partition of the log that sends it."""

    @property
    def topic(self) -> str: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes: ...
    @property
    def headers(self) -> tuple[tuple[str, bytes], ...]: ...


class Log(Protocol):
    """What a durable partition asks of Kafka, and no more."""

    async def open(self) -> None:
        """Fence every earlier owner, and abort what it left open."""

    def read(self) -> AsyncIterator[Sequence[bytes]]:
        """The state's committed messages, oldest first, up to the end as it is now; none at all says: still at it."""

    async def transaction(self, outputs: Iterable[Outgoing], delta: Sequence[bytes]) -> int:
        """All of it or none; returns the offset of the first message of the delta. An error decides nothing."""

    async def forget(self, offset: int) -> None:
        """Delete the state's messages before an offset."""

    async def close(self) -> None:
        """Never raises, never takes long."""


class State(Protocol):
    """The part of `PartitionState` that durability needs."""

    number: int
    offsets: dict[str, int]
    partitions: int

    @property
    def changed(self) -> bool: ...
    @property
    def now(self) -> int: ...
    def initialise(self, generation: int, partitions: int) -> None: ...
    def apply(self, message: bytes) -> None: ...
    def checkpoint(self, recorded_at: int) -> Checkpoint: ...
    def advance_watermark(self, topic: str, timestamp: int) -> None: ...
    def advance_watermark_at_end(self, topic: str, wall: int) -> None: ...


@dataclass(frozen=True)
class Operator:
    """What is done with records: the pipeline, or a toy in a test."""

    create: Callable[[int], Any]
    """An empty state for a partition number."""
    step: Callable[[Any, Any, int], object]
    """step(state, slice, now): never raises for a record."""
    reject: Callable[[Any, Slice, Reason], object]
    """reject(state, slice of one record, reason): account for it without looking into it."""
    recover: Callable[[Any], object]
    """recover(state): derive what is not written, once all of its log is applied."""
    empty: Any
    """The slice of a timer's step."""
    outputs: Callable[[Checkpoint], Iterable[Outgoing]]
    """A checkpoint as messages, without the state's delta."""


class Admission(enum.Enum):
    """What a slice means to a partition."""

    NEXT = "next"
    STALE = "stale"
    """Fetched before the last seek, or to a partition that is not ready: it comes again."""
    GAP = "gap"
    """Records before it were skipped: read again from the state's offset."""
    FULL = "full"
    """Too much waits for a commit: read again once it is through."""


class Record(NamedTuple):
    """Where a record lies."""

    topic: str
    offset: int


class _Start(NamedTuple):
    """Where a checkpoint of this process begins in the log of the state."""

    sequence: int
    offset: int
    written_before: int
    """Bytes of the checkpoints before it."""


@dataclass
class PoisonTracker:
    """Failures of a partition that are our own fault, over its reopenings; an absent broker is nobody's.

    After three at the same offsets the records up to where the last attempt got are taken one by one, with a commit
    each; the one that fails is rejected the next time.
    """

    at: dict[str, int] = field(default_factory=dict)
    taken_to: dict[str, int] = field(default_factory=dict)
    times: int = 0
    poisoned: set[Record] = field(default_factory=set)

    ISOLATING_AFTER: Final = 3

    def note(self, durable: Mapping[str, int], taken_to: Mapping[str, int], suspect: Record | None) -> None:
        """A failure: of the state that had been durable up to `durable` and had taken all before `taken_to`."""
        if suspect is not None:
            self.poisoned.add(suspect)
        elif self.at == dict(durable):
            self.times += 1
        else:
            self.at, self.times = dict(durable), 1
            self.poisoned.clear()
        self.taken_to = {topic: max(offset, self.taken_to.get(topic, 0)) for topic, offset in taken_to.items()}

    def isolating(self, topic: str, offset: int) -> bool:
        return self.times >= self.ISOLATING_AFTER and offset < self.taken_to.get(topic, 0)


class DurablePartition:
    """One partition number: its state, and the log that makes it durable."""

    def __init__(
        self, number: int, process: Operator, log: Log, *, partitions: int, poison: PoisonTracker, pending_max: int
    ) -> None:
        self.number = number
        self.state: State = process.create(number)
        self.ready = False
        self.broken: BaseException | None = None
        self.fault = False
        """Whether what broke it came from what we did with the records, and not from the broker or the network."""
        self.epochs: dict[str, int] = dict.fromkeys(INPUTS, 0)
        self.durable: dict[str, int] = {}
        self.taken_to: dict[str, int] = {}
        self.refused: set[str] = set()
        self.suspect: Record | None = None
        self.pending = 0
        """Records taken since the last commit began."""
        self.committed_at = loop_time()
        self.waiting_since: float | None = None
        """When the oldest change that is not durable yet was seen, monotonic seconds."""
        self.heartbeat_at: float | None = None
        """When its task came around last; None while it waits for its turn, or for a commit: that has a limit."""
        self.wake = asyncio.Event()
        self._process, self._log, self._partitions = process, log, partitions
        self._poison, self._pending_max = poison, pending_max
        self._lock = asyncio.Lock()
        self._starts: deque[_Start] = deque()
        self._written = self._forgot_at = 0
        self._missing: defaultdict[str, Missing] = defaultdict(Missing)

    async def open(self) -> bool:
        """Fence, recover; False when there was no state. Raises StateError when this process must not touch it."""
        await self._log.open()
        self.heartbeat()
        initialise = False
        async for messages in self._log.read():
            self.heartbeat()
            for message in messages:
                self.state.apply(message)
                initialise = True
                self.heartbeat()
                await asyncio.sleep(0)
        if initialise and self.state.partitions != self._partitions:
            raise StateError(
                f"partition {self.number}: its state was written with {self.state.partitions} partitions, the topics "
                f"have {self._partitions}: a new OIDOR_APP_ID on a new database, and a replay"
            )
        if not initialise:
            self.state.initialise(int(time.time()), self._partitions)
        self._process.recover(self.state)
        self._is_durable()
        self.committed_at = loop_time()
        return initialise

    def heartbeat(self) -> None:
        self.heartbeat_at = loop_time()

    def held_up(self, topic: str) -> bool:
        """Whether records of a topic cannot be taken now, because others wait for their commit."""
        return topic in self.refused or self.pending >= self._pending_max or self.suspect is not None

    def begin(self, offsets: Mapping[str, int]) -> None:
        """A new state does not begin with the first records, but there: what lies before is none of its business."""
        self.state.offsets.update(offsets)
        self._is_durable()

    def _is_durable(self) -> None:
        self.durable = dict(self.state.offsets)
        self.taken_to = dict(self.durable)

    def admit(self, batch: Slice) -> Admission:
        """What to do with a slice; decides nothing else."""
        topic = batch.topic
        if not self.ready or self.broken or batch.epoch < self.epochs[topic]:
            return Admission.STALE
        if topic in self.refused or self.pending >= self._pending_max:
            return Admission.FULL
        return Admission.GAP if batch.begin > self.state.offsets.get(topic, 0) else Admission.NEXT

    async def take(self, batch: Slice) -> None:
        """Process the next slice: what the state has of it already is left out. A failure breaks the partition."""
        news = batch.since(self.state.offsets.get(batch.topic, 0))
        try:
            if news and self._poison.isolating(batch.topic, news[0].offset):
                await self._take_one_by_one(news)
            elif news:
                self._step(news)
        except Exception as error:  # whatever it is, memory can no longer be trusted
            self._break(error)

    def overdue(self, topic: str, outstanding: bool) -> bool:
        """Whether the same records of a topic have been outstanding for too long."""
        return self._missing[topic].overdue(outstanding and self.ready, self.state.offsets.get(topic, 0), loop_time())

    def tick(self) -> None:
        """A step without records: deadlines fire."""
        try:
            self._process.step(self.state, self._process.empty, self.state.now)
        except Exception as error:  # as above
            self._break(error)
            raise
        self._note_changes()

    async def commit(self) -> None:
        """Make everything taken so far durable. Whatever is raised, the partition is broken then."""
        async with self._lock:
            if self.broken:
                raise self.broken
            await self._commit()

    async def close(self) -> None:
        self.ready = False
        self.broken = self.broken or RuntimeError("closed")
        await self._log.close()

    def _step(self, batch: Slice) -> None:
        topic, end = batch.topic, batch.end
        self.taken_to[topic] = max(end, self.taken_to.get(topic, 0))
        self._process.step(self.state, batch, self.state.now)
        self._taken(batch)

    def _taken(self, batch: Slice) -> None:
        topic, state = batch.topic, self.state
        state.offsets[topic] = max(batch.end, state.offsets.get(topic, 0))
        state.advance_watermark(topic, max(record.timestamp for record in batch))
        self.pending += len(batch)
        self._note_changes()
        if self.pending * 2 >= self._pending_max:
            self.wake.set()

    async def _take_one_by_one(self, batch: Slice) -> None:
        for one in batch.cut(1):
            async with self._lock:
                if self.broken:
                    return
                self.suspect = Record(one.topic, one[0].offset)
                if self.suspect in self._poison.poisoned:
                    self._process.reject(self.state, one, "processing_error")
                    self._taken(one)
                else:
                    self._step(one)
                async with asyncio.timeout(COMMIT_SECONDS):
                    await self._commit()
                self.suspect = None

    async def _commit(self) -> None:
        if not self.state.changed:
            return
        try:
            checkpoint = self.state.checkpoint(wall_ms())
            outputs = list(self._process.outputs(checkpoint))
        except Exception as error:
            self._break(error)
            raise
        self.pending, self.waiting_since = 0, None
        try:
            with own_cancellation_only():
                start = await self._log.transaction(outputs, checkpoint.delta)
        except BaseException as error:  # cancelled, too: memory is ahead of the log
            self._break(error, ours=isinstance(error, MessageSizeTooLargeError))
            raise
        self.durable = dict(checkpoint.offsets)
        self.committed_at = loop_time()
        await self._forget(checkpoint, start)

    async def _forget(self, checkpoint: Checkpoint, start: int) -> None:
        """Delete what the state has rewritten since, now and then: a deletion costs a connection."""
        self._starts.append(_Start(checkpoint.sequence, start, self._written))
        self._written += sum(map(len, checkpoint.delta))
        unneeded = checkpoint.needed_from - self._starts[0].sequence
        if unneeded <= 0:
            return
        if checkpoint.sequence - self._forgot_at < _FORGOTTEN_WITHIN:
            length = self._starts[unneeded].written_before - self._starts[0].written_before
            is_much = unneeded >= _FORGOTTEN_CHECKPOINTS or length >= _FORGOTTEN_BYTES
            if not is_much or unneeded * _FORGOTTEN_PARTS < len(self._starts):
                return
        self._forgot_at = checkpoint.sequence
        for _ in range(unneeded):
            self._starts.popleft()
        await self._log.forget(self._starts[0].offset)

    def _note_changes(self) -> None:
        if self.state.changed and self.waiting_since is None:
            self.waiting_since = loop_time()

    def _break(self, error: BaseException, *, ours: bool = True) -> None:
        if self.broken is None:
            # It is raised again to others who wait: to them a cancellation would say that they are cancelled.
            self.broken = error if isinstance(error, Exception) else ConnectionAbortedError("a commit was cut short")
            self.fault = ours
            self.ready = False
            if ours:
                self._poison.note(self.durable, self.taken_to, self.suspect)
        self.wake.set()
