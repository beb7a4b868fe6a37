"""`DurablePartition`: state that lives in memory and whose truth is in Kafka.

- *Open*: starting the producer fences every earlier owner and aborts what it left open. Then the changelog is read to
  its end, and the inputs are read again from the offsets that stand in it.
- *Apply*: a slice is a step of the state, or several when it takes long: others have their turn in between, and so may
  a commit. Which slice is next is decided by epochs and offsets, never by Faust. Records from the future are rejected
  before they can move time: `step` knows no clock.
- *Commit*: one transaction, see `DurablePartition.commit`. If it fails, memory is ahead of the log: the partition is
  thrown away and opened again.
- *Revoke*: a last commit within its budget, then gone. The next owner fences whatever still hangs.
"""

import asyncio
import enum
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from mode.utils.logging import get_logger

from processors.durability.changelog import Changelog, StateError
from processors.durability.doubts import Doubts
from processors.durability.failures import OversizedError, PoisonTracker, RecordPosition
from processors.durability.log import COMMIT_SECONDS, Log, longest_message
from processors.durability.operator import DurabilityConfig, Operator, State, Step
from processors.durability.provenance import (
    Contradiction,
    InputTopic,
    Provenance,
    contradictions_of_settings,
    told,
)
from processors.durability.truncation import Truncation
from processors.durability.wall_clock import ASKED_SECONDS, WallClock
from processors.runtime.slices import Slice
from processors.runtime.timeouts import (
    STEP_SECONDS,
    loop_time,
    others_turn,
    own_cancellation_only,
    spent_after,
)
from schemas.observations import IsolatedErrors
from schemas.taxonomy import Reason
from schemas.topics import RECORD_AHEAD_MS

logger = get_logger(__name__)

_COMMIT_AT: Final = 0.5
"""Of the records that may wait for a commit, the share at which the next one does not wait for its turn."""


class Admission(enum.Enum):
    """What a slice means to a partition."""

    NEXT = "next"
    STALE = "stale"
    """Fetched before the last seek, or for a partition that is not ready: it comes again."""
    GAP = "gap"
    """Records before it were skipped: read again from the state's offset."""
    FULL = "full"
    """Too much waits for a commit: read again once it is through."""
    HALTED = "halted"
    """No more records are applied: they wait in Kafka for another release, another setting, or the right topics."""


class DurablePartition:
    """One partition number: its state, and the log that makes it durable."""

    def __init__(
        self, number: int, operator: Operator, log: Log, config: DurabilityConfig, poison: PoisonTracker
    ) -> None:
        self.number, self.poison = number, poison
        self.state: State = operator.create(number)
        self.ready = False
        self.broken: BaseException | None = None
        self.fault = False
        """Whether what broke it came from what we did with the records, and not from the broker or the network."""
        self.halted: str | None = None
        """Why the operator applies no more records, in one line; None: it does."""
        self.contradicted: Sequence[Contradiction] = ()
        """What the topics are, and were not when the state recorded them: no records are applied meanwhile."""
        self.doubts = Doubts()
        self.epochs: dict[str, int] = dict.fromkeys(config.inputs, 0)
        """Input topic -> the fetch epoch from which on slices count."""
        self.durable: dict[str, int] = {}
        """Input topic -> the next offset, as of the last commit."""
        self.refused: set[str] = set()
        """Input topics of which slices came while too much waited for a commit."""
        self.isolated: RecordPosition | None = None
        """The record that is being processed by itself, to see whether it is the one that breaks the partition."""
        self.in_hand: Slice | None = None
        """What the step that runs now is given."""
        self.steps = 0
        self.cautious = False
        """Whether one slice is tried before more are applied: an attempt has failed, and metrics count what repeats."""
        self.pending = 0
        """Records applied since the last commit began."""
        self.delta_bytes = 0
        """What the last commit appended to the changelog."""
        self.committed_at = loop_time()
        self.clock = WallClock()
        self.waiting_since: float | None = None
        """When the oldest change that is not durable yet was seen, on the loop's clock."""
        self.heartbeat_at: float | None = None
        """When its task came around last; None while it waits for its turn, or for a commit: that has a limit."""
        self.served_at = self.timers_at = loop_time()
        """When its task began to serve it, and when it fired timers last, on the loop's clock."""
        self.wake = asyncio.Event()
        self._operator, self._log, self._config = operator, log, config
        self._changelog = Changelog(self.state, config.inputs, config.log_limits)
        self._truncation = Truncation()
        self._lock = asyncio.Lock()
        self._taken_to: dict[str, int] = {}

    @property
    def offsets(self) -> Mapping[str, int]:
        """Input topic -> the next offset to apply."""
        return self._changelog.offsets

    @property
    def provenance(self) -> Provenance:
        """What the next checkpoint records of its inputs and its log."""
        return self._changelog.provenance

    def compute_from(self, inputs: Mapping[str, InputTopic]) -> None:
        """Record these topics, by logical name, with the next checkpoint."""
        self._changelog.inputs = dict(inputs)

    def heartbeat(self) -> None:
        self.heartbeat_at = loop_time()

    # Opening

    async def open(self) -> bool:
        """Fence, recover; False when there was no state. Raises StateError when this process must not touch it."""
        await self._log.open()
        self.heartbeat()
        found = False
        async for messages in self._log.read():
            self.heartbeat()
            for message in messages:
                self._changelog.apply(message)
                found = True
                self.heartbeat()
                await asyncio.sleep(0)
        self._changelog.check_whole()
        if found:
            self._refuse_other_settings()
        else:
            self._changelog.initialise(int(time.time()), self._config.partitions)
        self.state.incarnations = self._changelog.incarnations
        self._operator.recover(self.state)
        self._note_durable()
        self.committed_at = loop_time()
        return found

    def _refuse_other_settings(self) -> None:
        config = self._config
        for line in told(contradictions_of_settings(self.provenance, config.inputs, config.partitions)):
            raise StateError(f"partition {self.number}: {line}")

    def start_at(self, offsets: Mapping[str, int]) -> None:
        """Let a new state begin at these offsets instead of the first records."""
        self._changelog.offsets.update(offsets)
        self._note_durable()

    def _note_durable(self) -> None:
        self.durable = dict(self.offsets)
        self._taken_to = dict(self.durable)

    # Applying records

    def admit(self, batch: Slice) -> Admission:
        """What to do with a slice; decides nothing else."""
        topic = batch.topic
        if not self.ready or self.broken or batch.epoch < self.epochs[topic]:
            return Admission.STALE
        if self.waits:
            return Admission.HALTED
        if topic in self.refused or self._full:
            return Admission.FULL
        return Admission.GAP if batch.begin > self.offsets[topic] else Admission.NEXT

    def isolated_errors(self) -> Mapping[str, IsolatedErrors]:
        """What failed by itself, and cost no record."""
        return self._operator.isolated_errors(self.state)

    @property
    def waits(self) -> bool:
        """Whether no records are applied for now."""
        return self.stopped or self.doubts.open

    @property
    def stopped(self) -> bool:
        """Whether somebody has to change something before records are applied."""
        return self.halted is not None or bool(self.contradicted)

    def held_up(self, topic: str) -> bool:
        """Whether records of a topic cannot be applied now: none are, or others wait for their commit."""
        return topic in self.refused or self._full or self.isolated is not None or self.waits

    async def apply_slice(self, batch: Slice) -> None:
        """Process the next slice: what the state has of it already is left out. A failure breaks the partition."""
        news = batch.since(self.offsets[batch.topic])
        try:
            if news and self.poison.isolating(batch.topic, news[0].offset):
                await self._apply_in_isolation(news)
            elif news:
                await self._apply(news)
        except Exception as error:  # whatever it is, memory can no longer be trusted
            self._break(error)

    def fire_timers(self) -> bool:
        """Make a step without records; returns whether it had time for all timers that are due."""
        return self._step_without_records(spent_after(STEP_SECONDS))

    def _step_without_records(self, spent: Callable[[], bool]) -> bool:
        try:
            step = self._operator.step(self.state, self._operator.empty, self.state.now, spent)
            if step.finished and (time := self.clock.time) is not None:
                self._operator.note_time(self.state, time)
        except Exception as error:  # as above
            self._break(error)
            raise
        self._note_changes()
        return step.finished

    @property
    def _full(self) -> bool:
        """Whether no more may be applied before a commit."""
        return self.pending >= (1 if self.cautious else self._config.pending_max)

    @property
    def commit_is_urgent(self) -> bool:
        """Whether the next commit should not wait for its turn."""
        return bool(self.refused) or self.pending >= _COMMIT_AT * self._config.pending_max

    async def _apply(self, batch: Slice) -> None:
        """Process a slice, but for records from the future, or as far as it may be: then the rest is read again."""
        for from_future, records in self._told_apart(batch):
            if from_future:
                for one in records.cut(1):
                    self._reject(one, "record_from_future")
            elif not await self._process(records):
                return
            if self.broken or not self.ready or self.halted is not None:
                return

    def _told_apart(self, batch: Slice) -> Iterator[tuple[bool, Slice]]:
        """A slice in parts, and of each whether its records come from the future. While no clock counts none does."""
        time, verdicts = self.clock.time, self._config.verdicts
        if not verdicts and (time is None or max(record.timestamp for record in batch) <= time + RECORD_AHEAD_MS):
            yield False, batch
            return

        def from_future(record: Any) -> bool:
            ahead = time is not None and record.timestamp > time + RECORD_AHEAD_MS
            return ahead or verdicts.hold(batch.topic, batch.partition, record.offset)

        start = 0
        for verdict, records in groupby(batch, from_future):
            stop = start + len(list(records))
            yield verdict, batch.part(start, stop)
            start = stop

    async def _process(self, batch: Slice) -> bool:
        """Make steps until all of a slice is processed, or nothing may be any more; returns whether all of it was."""
        self._taken_to[batch.topic] = max(batch.end, self._taken_to[batch.topic])
        rest = batch
        while True:
            step = self._step(rest)
            if step.processed:
                processed = rest.part(0, step.processed)
                self._note_applied(processed)
                self._advance_watermark(processed)
                rest = rest.part(step.processed, len(rest))
            if step.finished:
                return True
            await others_turn(len(batch))
            if self.broken or not self.ready or self.waits:
                return False

    def _step(self, batch: Slice) -> Step:
        self.in_hand, self.steps = batch, self.steps + 1
        try:
            return self._operator.step(self.state, batch, self.state.now, spent_after(STEP_SECONDS))
        finally:
            self.in_hand = None

    def _reject(self, one: Slice, reason: Reason) -> None:
        """Reject a record; one from the future moves no time."""
        self._operator.reject(self.state, one, reason)
        self._note_applied(one)
        if reason != "record_from_future":
            self._advance_watermark(one)

    def _advance_watermark(self, batch: Slice) -> None:
        # A publisher may be minutes ahead: no deadline is over before it is over here.
        latest = self.clock.not_ahead(max(record.timestamp for record in batch))
        self.state.advance_watermark(batch.topic, latest)

    def _note_applied(self, batch: Slice) -> None:
        self._changelog.advance(batch.topic, batch[-1])
        self.pending += len(batch)
        self.halted = self._operator.halted(self.state)
        self._note_changes()
        if self.commit_is_urgent:
            self.wake.set()

    async def _apply_in_isolation(self, batch: Slice) -> None:
        for one in batch.cut(1):
            async with self._lock:
                if self.broken or self.waits:
                    return
                self.isolated = RecordPosition(one.topic, one[0].offset)
                if self.poison.to_reject(self.isolated):
                    what = "%s[%d]@%d fails or hangs whoever works on it, and is rejected"
                    logger.error(what, one.topic, self.number, one[0].offset)
                    self._reject(one, "processing_error")
                else:
                    await self._apply(one)
                async with asyncio.timeout(COMMIT_SECONDS):
                    await self._commit()
                self.isolated = None

    def _note_changes(self) -> None:
        if self.state.changed and self.waiting_since is None:
            self.waiting_since = loop_time()

    # Committing

    async def commit(self) -> None:
        """Make everything that was applied durable. Whatever is raised, the partition is broken then.

        1. A step that was cut short between two timers of one moment is finished; where nothing changed, nothing is
           written, unless it is time to ask the broker what time it is.
        2. The state drains what is to be published: rows, incidents, rejections. They get the next version.
        3. The changelog drains the tables: changes, keys that compaction rewrites, and the next input offsets.
        4. One transaction sends both, in this order. All of it happened, or none of it: which, the log decides.
        5. The offsets are durable now, and may be committed to the consumer group, where they only show the lag.
        6. By the broker's answer it shows whether our clock counts, and whether the state's time lies ahead.
        7. Now and then what the state does not need any more is deleted from the beginning of the log.
        """
        async with self._lock:
            if self.broken:
                raise self.broken
            await self._commit()

    async def ask_time(self) -> None:
        """Commit, whether anything changed or not: the broker's answer says what time it is there."""
        async with self._lock:
            await self._commit(asking=True)

    def settle(self) -> bool:
        """Go on where a step was cut short between two timers of one moment; returns whether all of them have fired."""
        if self.broken:
            raise self.broken
        if not self.state.consistent:
            spent = spent_after(STEP_SECONDS)
            self._step_without_records(lambda: self.state.consistent or spent())
        return self.state.consistent

    async def _commit(self, *, asking: bool = False) -> None:
        while not self.settle():
            await others_turn(1)
        asking = asking or self.clock.time is None or loop_time() - self.committed_at >= ASKED_SECONDS
        if not (asking or self.state.changed):
            return
        try:
            checkpoint = self.state.checkpoint(self._changelog.begin(), self.clock.best)
            delta = self._changelog.write()
            outputs = list(self._operator.outputs(checkpoint))
            self._require_size(*(message.value for message in outputs), *delta.messages)
        except Exception as error:
            self._break(error)
            raise
        offsets = dict(self.offsets)
        self.pending, self.waiting_since = 0, None
        try:
            with own_cancellation_only():
                appended = await self._log.transaction(outputs, delta.messages)
        except BaseException as error:  # cancelled, too: memory is ahead of the log
            self._break(error, ours=False)
            raise
        self.durable, self.cautious = offsets, False
        self.delta_bytes = sum(map(len, delta.messages))
        self.committed_at = loop_time()
        set_back = self._note_time(appended.broker_time)
        unneeded = self._truncation.committed(delta, appended.offset)
        if set_back:
            # At once: what is read back later must find the right time before what was counted by it.
            await self._commit(asking=True)
        if unneeded is not None:
            await self._log.truncate(unneeded)

    def _require_size(self, *messages: bytes) -> None:
        """What is longer than any message may be is our own fault; what is shorter, and refused, is a topic's limit."""
        limit, longest = longest_message(self._config.log_limits.message_bytes), max(map(len, messages))
        if longest > limit:
            raise OversizedError(f"a checkpoint leads to a message of {longest} bytes, over {limit}")

    def _note_time(self, broker_time: int | None) -> bool:
        """Take in what time it is at the broker; whether the state's was set back."""
        self.clock.answered(broker_time)
        # While two clocks contradict each other neither of them undoes what was decided.
        broker = self.clock.broker
        if broker is None or self.clock.time is None:
            return False
        try:
            return self._operator.set_back(self.state, broker)
        except Exception as error:
            self._break(error)
            raise

    # The end

    async def close(self) -> None:
        self.ready = False
        self.broken = self.broken or RuntimeError("closed")
        await self._log.close()

    def _break(self, error: BaseException, *, ours: bool = True) -> None:
        if self.broken is None:
            # It is raised again to others who wait: to them a cancellation would say that they are cancelled.
            self.broken = error if isinstance(error, Exception) else ConnectionAbortedError("a commit was cut short")
            self.fault = ours
            self.ready = False
            if ours:
                self.poison.note_failure(self.durable, self._taken_to, self.isolated)
        self.wake.set()
