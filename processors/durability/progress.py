"""`InputProgress`: how far the inputs of the open partitions are read, and what follows from it.

Watermarks that may move although nothing arrives, the lag, records that were dropped on their way to us, and records
that retention deleted before they were read.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, Protocol

from aiokafka.errors import KafkaError
from faust.types import TP
from mode.utils.logging import get_logger

from processors.durability.partition import DurablePartition
from processors.durability.retention import RetentionGaps
from processors.runtime.slices import OPEN_TRANSACTION_MS, FetchProgress, Missing, Slice
from processors.runtime.timeouts import ANSWER_SECONDS, CONSUMER_SECONDS, loop_time

logger = get_logger(__name__)

IN_FLIGHT_MS: Final = 500
"""A record may reach the broker so long after its time stamp was taken."""


class Reader(Protocol):
    """What is asked of the consumer."""

    def assignment(self) -> Iterable[TP]: ...
    async def earliest(self, tps: Iterable[TP]) -> Mapping[TP, int]: ...
    async def notes(self, tps: Iterable[TP]) -> Mapping[TP, str]: ...
    async def seek_back(self, tp: TP, offset: int) -> int: ...
    async def progress(self) -> Mapping[TP, FetchProgress]: ...


class InputProgress:
    """What the consumer said last of each input of this process."""

    def __init__(
        self, inputs: Mapping[str, str], reader: Callable[[], Reader], deleted: Callable[[str, int], None]
    ) -> None:
        """`inputs`: logical -> Kafka's. `deleted` is told a topic, and how many offsets of it were never read."""
        self.fetched: Mapping[TP, FetchProgress] = {}
        self._inputs, self._reader = inputs, reader
        self._retention_gaps = RetentionGaps(deleted)
        self._missing: defaultdict[TP, Missing] = defaultdict(Missing)

    async def refresh(self) -> None:
        """Ask the consumer's thread; without an answer the last one stands."""
        try:
            async with asyncio.timeout(CONSUMER_SECONDS):
                self.fetched = await self._reader().progress()
        except TimeoutError:
            logger.warning("The consumer's thread does not answer: watermarks stand still")

    # Lag

    def lag(self, parts: Iterable[DurablePartition]) -> dict[str, int]:
        """Input topic -> records that wait; markers of transactions count while unread."""
        waiting = dict.fromkeys(self._inputs, 0)
        for part in parts:
            for topic, progress in self._of(part):
                waiting[topic] += _unread(part, topic, progress)
        return waiting

    def unread(self, part: DurablePartition) -> int:
        """Records that a partition has still to read, as far as is known."""
        return sum(_unread(part, topic, progress) for topic, progress in self._of(part))

    def held_open(self, parts: Iterable[DurablePartition]) -> dict[str, bool]:
        """Input topic -> whether an open upstream transaction holds back one of its partitions for too long."""
        held = dict.fromkeys(self._inputs, False)
        for part in parts:
            for topic, progress in self._of(part):
                held[topic] |= progress.held_ms >= OPEN_TRANSACTION_MS
        return held

    def ends_early(self, part: DurablePartition) -> bool:
        """Whether a log seems to end before what was read of it; for a moment that may be so after an election."""
        return any(progress.high_watermark < part.offsets[topic] for topic, progress in self._of(part))

    def doubts(self, part: DurablePartition) -> dict[str, int]:
        """Input topic -> the number of the last reason to look whether its log is still the same."""
        return {topic: progress.doubt for topic, progress in self._of(part)}

    # Watermarks

    def advance_watermarks(self, part: DurablePartition) -> None:
        """Let time go on in the inputs that are processed to their end, while our clock counts."""
        time = part.clock.time
        if time is None:
            return
        for topic, progress in self._of(part):
            # What lies ahead was sent before our clock was put right.
            if progress.asked_at <= time and _confirmed(part, topic, progress):
                part.state.advance_watermark(topic, progress.asked_at - IN_FLIGHT_MS)

    def stalled(self, part: DurablePartition) -> list[str]:
        """Input topics whose records were handed over and never came: they are to be read again."""
        may_come = part.ready and not part.waits
        return [
            topic
            for topic, progress in self._of(part)
            if self._missing[self._tp(part, topic)].overdue(
                may_come and progress.at_end and not _confirmed(part, topic, progress), part.offsets[topic], loop_time()
            )
        ]

    # Retention

    async def note_opening(self, part: DurablePartition) -> None:
        """A partition is read again from its durable offsets; what is not there any more is told of at once."""
        durable = {self._tp(part, topic): (topic, part.durable[topic]) for topic in self._inputs}
        for tp in durable:
            self._missing.pop(tp, None)
        async with asyncio.timeout(ANSWER_SECONDS):
            await self._retention_gaps.resumed(durable, self._reader().earliest)

    def note_slice(self, part: DurablePartition, batch: Slice) -> None:
        """A slice is about to be applied; its first record may lie behind a hole."""
        if batch:
            expected = max(batch.begin, part.offsets[batch.topic])
            self._retention_gaps.passed_over(self._tp(part, batch.topic), batch.topic, expected, batch[0].offset)

    async def look_for_gaps(self, parts: Iterable[DurablePartition]) -> None:
        """Look into the holes that were noted, and at ends of logs behind which no record tells of one."""
        for part in parts:
            for topic, progress in self._of(part):
                if part.ready and _confirmed(part, topic, progress):
                    end, tp = progress.high_watermark, self._tp(part, topic)
                    self._retention_gaps.ends_before(tp, topic, part.offsets[topic], end)
        try:
            async with asyncio.timeout(CONSUMER_SECONDS):
                await self._retention_gaps.look(self._reader().earliest)
        except (KafkaError, OSError):
            pass  # the next look asks again

    def _tp(self, part: DurablePartition, topic: str) -> TP:
        return TP(self._inputs[topic], part.number)

    def _of(self, part: DurablePartition) -> Iterator[tuple[str, FetchProgress]]:
        for topic, name in self._inputs.items():
            progress = self.fetched.get(TP(name, part.number))
            if progress is not None:
                yield topic, progress


def _confirmed(part: DurablePartition, topic: str, progress: FetchProgress) -> bool:
    """Whether the partition has processed everything up to the end that `progress` saw."""
    return (
        progress.at_end
        and progress.end is not None
        and progress.epoch >= part.epochs[topic]
        and part.offsets[topic] >= progress.end
    )


def _unread(part: DurablePartition, topic: str, progress: FetchProgress) -> int:
    """Offsets that the partition has still to read; markers of transactions count until they are passed."""
    return 0 if _confirmed(part, topic, progress) else max(0, progress.high_watermark - part.offsets[topic])
