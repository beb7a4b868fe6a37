"""The loop that inserts: while one round is inserted the next is gathered, and when that is full too, no more is taken.

A round stores its rows, publishes what was refused, and only then commits its offsets: never the other way round.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from aiokafka.errors import KafkaError

from schemas.outputs import COLUMNS, RejectedRecord, RowBatch
from schemas.topics import REJECTED
from sinks.clickhouse import Address, InsertBlock
from sinks.gathering import PendingInsert, Source, refused_row
from sinks.metrics import warehouse as families
from sinks.metrics.warehouse import WarehouseMetrics
from sinks.rejections import RejectionPublisher
from sinks.writer import Attempt, ClickHouseWriter

logger = logging.getLogger(__name__)

SINK: Final = "clickhouse"

_RETRY_SECONDS: Final = 1.0
_PUBLISH_SECONDS: Final = 20.0
_POLL_SECONDS: Final = 0.05


@dataclass(frozen=True)
class InsertLimits:
    """How much is inserted together, and how long it may take, in seconds."""

    rows: int
    """Of one table: so many are not kept waiting for others."""
    interval: float
    """Rows that are fewer wait so long for others."""
    attempt: float
    commit: float


Commit = Callable[[Sequence[tuple[Source, int]]], Awaitable[None]]
"""Commits offsets: of each source the next one, in order. An error says nothing: a later commit covers these too."""


class Inserter:
    """Gathers row batches, and inserts them for ever. Belongs to one event loop."""

    def __init__(
        self,
        address: Address,
        publisher: RejectionPublisher,
        commit: Commit,
        metrics: WarehouseMetrics,
        *,
        limits: InsertLimits,
        wall_ms: Callable[[], int],
    ) -> None:
        self.pending = PendingInsert()
        """What is gathered for the next round."""
        self.inserting: PendingInsert | None = None
        self.inserted_at: float | None = None
        """When a round has ended last, in seconds of the loop's clock."""
        self.due = float("inf")
        """When the loop must have come around: what it asks has a limit, and is asked again then."""
        self._publisher, self._commit, self._metrics = publisher, commit, metrics
        self._limits, self._wall_ms = limits, wall_ms
        self._writer = ClickHouseWriter(address, limits.attempt, self._attempted, self._allow)
        self._news, self._room = asyncio.Event(), asyncio.Event()
        self._round = asyncio.Lock()
        self._stopping = False

    @property
    def full(self) -> bool:
        """Whether nothing more may be added now."""
        return self.pending.full(self._limits.rows)

    @property
    def rows(self) -> int:
        """Rows that are gathered and not inserted yet."""
        return self.pending.rows + (self.inserting.rows if self.inserting else 0)

    @property
    def busy(self) -> bool:
        """Whether anything is gathered and not inserted yet."""
        return bool(self.pending.done or self.inserting)

    @property
    def refusing(self) -> Mapping[str, str]:
        """Table -> how it is out of order, in one line: nothing is inserted until it is mended."""
        return self._writer.refusing

    @property
    def stored_versions(self) -> Mapping[int, int]:
        """Partition -> the greatest version of its rows that was stored before this process inserted any of it."""
        return self._writer.stored_versions

    def waiting_seconds(self) -> float:
        """For how long the oldest of what is gathered has waited."""
        oldest = self.inserting or self.pending
        return _now() - oldest.since if oldest.done else 0.0

    def lag_seconds(self) -> float:
        """How long ago the oldest of what is gathered was recorded; 0 when nothing is."""
        recorded = [one.oldest for one in (self.inserting, self.pending) if one is not None and one.oldest is not None]
        return max(0.0, (self._wall_ms() - min(recorded)) / 1000) if recorded else 0.0

    def add(self, source: Source, record: Any) -> int | None:
        """Gathers a message of `feedback-rows`; returns the version of its rows, if it has any.

        Raises `NewerReleaseError`, and has not gathered it then.
        """
        version = self.pending.add(source, record, _now())
        self._news.set()
        return version

    def add_rejected(self, source: Source, offset: int, record: RejectedRecord) -> None:
        """Gathers what cannot be stored as what it should be, read at an offset: it is rejected with the next round."""
        self.pending.reject(source, offset, record, _now())
        self._news.set()

    async def room(self) -> None:
        """Returns when there may be room again, or when what was gathered is dropped."""
        self._room.clear()
        await self._room.wait()

    def drop(self) -> None:
        """Drops what was gathered, and not what is being inserted."""
        self.pending = PendingInsert()
        self._writer.reload()
        self._room.set()

    async def run(self) -> None:
        """Inserts until `stop`, a round once an interval, or as soon as it is full."""
        while not self._stopping:
            self._allow(self._limits.interval)
            await self._news.wait()
            waited = _now() - self.pending.since if self.pending.done else 0.0
            if self.pending.done and (waited >= self._limits.interval or self.full):
                await self.insert()
            elif self.pending.done:
                await asyncio.sleep(min(_POLL_SECONDS, self._limits.interval - waited))
            else:
                self._news.clear()

    async def insert(self) -> None:
        """One round: inserts everything gathered, publishes what was refused, commits the offsets."""
        async with self._round:
            gathered, self.pending = self.pending, PendingInsert()
            self.inserting = gathered
            self._room.set()
            try:
                for block in gathered.blocks.values():
                    self._writer.erasures.learn_from(block)
                for block in sorted(gathered.blocks.values(), key=_says_how_far):
                    refused = await self._writer.write(block)
                    gathered.rejected += [refused_row(row, self._wall_ms()) for row in refused]
                if gathered.rejected:
                    await self._reject(gathered.rejected)
                self._allow(self._limits.commit)
                await self._commit(gathered.done)
                self.inserted_at = _now()
            finally:
                self.inserting = None

    def stop(self) -> None:
        """Begins no more rounds."""
        self._stopping = True
        self._news.set()

    async def close(self) -> None:
        """Ends the connections, with what is under way on them."""
        self._writer.close()
        await self._publisher.close()

    async def _reject(self, records: list[RejectedRecord]) -> None:
        """Until it is on `feedback-rejected` and in `rejected_events`: nothing that was refused is silent."""
        for record in records:
            row = record.row
            if row.reason != "sink_refused":
                logger.warning("Rejected from %s: %s %s, expected %s", row.topic, row.field, row.reason, row.expected)
                continue
            self._metrics.increase(families.SINK_REFUSED, row.table or "row_batch")
            logger.error(
                "ClickHouse refuses %s: expected %s, got %s", row.field or "a row batch", row.expected, row.got
            )
        while not await self._published(records):
            pass
        rows = msgspec.Raw(msgspec.msgpack.encode([record.row for record in records]))
        wall = self._wall_ms()
        batch = RowBatch("rejected_events", COLUMNS["rejected_events"], wall // 1000 << 32, wall, 0, rows)
        block = InsertBlock.like(batch)
        block.add(batch)
        for refused in await self._writer.write(block):
            logger.error("A rejection is on %s only, ClickHouse refuses it: %s", REJECTED, refused)

    async def _published(self, records: list[RejectedRecord]) -> bool:
        self._allow(_PUBLISH_SECONDS)
        try:
            async with asyncio.timeout(_PUBLISH_SECONDS):
                await self._publisher.publish(records)
        except (KafkaError, OSError) as error:
            logger.warning("Refused rows cannot be published, next attempt in %g s: %r", _RETRY_SECONDS, error)
            await self._publisher.close()
            await asyncio.sleep(_RETRY_SECONDS)
            return False
        return True

    def _allow(self, seconds: float) -> None:
        self.due = _now() + seconds

    def _attempted(self, attempt: Attempt) -> None:
        metrics = self._metrics
        metrics.increase(families.SINK_ATTEMPTS, SINK, attempt.result)
        metrics.record(families.SINK_WRITE, attempt.seconds, SINK)
        if attempt.result == "inserted":
            metrics.increase(families.SINK_ROWS, attempt.table, by=attempt.rows)
            metrics.set(families.SINK_LAST_INSERT, self._wall_ms() / 1000, SINK)


def _says_how_far(block: InsertBlock) -> bool:
    """Whether rows are stored last, for what they say of a checkpoint is so once its other rows are here."""
    return block.table == "watermarks"


def _now() -> float:
    return asyncio.get_running_loop().time()
