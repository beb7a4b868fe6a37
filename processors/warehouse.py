"""`oidor warehouse`: the second Faust app, which carries packs of rows from `feedback-rows` to ClickHouse.

Gather, insert, then commit offsets: never the other way round. While an insert is under way the next one is gathered;
when that is full too, no more slices are taken, and Kafka is the buffer. Heartbeats come from another thread, so an
insert may take as long as it needs. What cannot be stored goes to `feedback-rejected`, and the rest goes on.
"""

import asyncio
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from faust.types import TP
from mode.utils.logging import get_logger

from processors.durability.assignment import STALLED_SECONDS
from processors.runtime.membership import Group, KafkaLedger
from processors.runtime.seam import BatchConsumer, batching_app
from processors.runtime.service import Shutdown, StatusServer, datadir, run_app
from processors.runtime.slices import FetchProgress, Slice
from processors.runtime.symptoms import (
    Leaders,
    Stretch,
    Symptoms,
    of_inserting,
    of_membership,
    of_reading,
    of_timer,
    unfetched,
)
from processors.runtime.timeouts import bounded, wall_ms
from processors.runtime.watchdog import Watchdog
from processors.settings import Settings
from schemas.outputs import COLUMNS, RejectedRecord, RowBatch
from schemas.topics import REJECTED, ROWS
from sinks import metrics
from sinks.clickhouse import Address, Attempt, Batch, ClickHouseWriter
from sinks.gathering import Gathered, refused_row
from sinks.messages import rejection

logger = get_logger(__name__)

SINK: Final = "clickhouse"

SLICE_PACKS: Final = 16
"""Packs that the agent takes at a time: each may have 900 KB."""

CHANNEL_SLICES: Final = 4
LAST_INSERT_SECONDS: Final = 2.0
WAITING_SECONDS: Final = 60.0
"""Rows that wait so long for ClickHouse make the warehouse not ready."""

_RETRY_SECONDS: Final = 1.0
_ASK_SECONDS: Final = 5.0
_COMMIT_SECONDS: Final = 12.0
_PUBLISH_SECONDS: Final = 20.0


def run(settings: Settings) -> int:
    """Run the warehouse until a signal; returns the exit code."""
    return Warehouse(settings).run()


@dataclass
class Part:
    """An open partition of `feedback-rows`: where it is read, and what is next."""

    number: int
    next: int
    epoch: int = 0
    _missing: tuple[int, float] | None = None

    def overdue(self, missing: bool) -> bool:
        """Whether the same records have been missing for so long."""
        now = time.monotonic()
        if not missing or self._missing is None or self._missing[0] != self.next:
            self._missing = (self.next, now) if missing else None
            return False
        if now - self._missing[1] < STALLED_SECONDS:
            return False
        self._missing = self.next, now
        return True


class Warehouse:
    """The Faust app, its agent, and the loop that inserts."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._rows = settings.topic_prefix + ROWS
        self._shutdown = Shutdown(settings.shutdown_budget)
        self.app, streams = batching_app(
            settings,
            group=f"{settings.app_id}-warehouse",
            topics={self._rows: ROWS},
            slice_records=SLICE_PACKS,
            channel_slices=CHANNEL_SLICES,
            datadir=datadir(),
        )
        self._writer = ClickHouseWriter(
            Address.of(settings), settings.warehouse_attempt_timeout, self._attempted, self._within
        )
        self._producer: AIOKafkaProducer | None = None
        self._status_server = StatusServer(
            settings.web_host, settings.warehouse_port, self.readiness, self._shutdown.refuse
        )
        self._parts: dict[int, Part] = {}
        self._gathered = Gathered()
        self._inserting: Gathered | None = None
        self._inserted_at = time.monotonic()
        self._joined = self._stopping = False
        self._news, self._room = asyncio.Event(), asyncio.Event()
        self._round = asyncio.Lock()
        self._reached: Mapping[TP, FetchProgress] = {}
        self._ticked_at = float("inf")
        self._due = time.monotonic()
        """When the loop that inserts must have come around: what it asks has a limit, and is asked again then."""
        self._leaders = Leaders(self._suspects, lambda tps: self._consumer.ends(tps))
        group = KafkaLedger(settings.brokers, f"{settings.app_id}-warehouse")
        self._group = Group(group, lambda: self._consumer.member())
        self._watchdog = Watchdog(self.symptoms, lambda: self._consumer.pulse())
        self._wire(streams[ROWS])

    def run(self) -> int:
        side_tasks = (self._status_server.start, self._watchdog.run, self._leaders.run, self._group.run)
        return run_app(self.app, self._settings, self._shutdown, side_tasks)

    def readiness(self) -> tuple[bool, dict[str, Any]]:
        """What `/ready` shows: everything assigned is read, and what was read gets into ClickHouse."""
        now = time.monotonic()
        assigned = sorted(self._assigned()) if self._joined else []
        missing = [number for number in assigned if number not in self._parts]
        oldest = self._inserting or self._gathered
        waiting = now - oldest.since if oldest.done else 0.0
        problems = [
            *(["not a member of the consumer group yet"] if not self._joined else []),
            *(["a rebalance is going on"] if self.app.rebalancing else []),
            *([f"partitions not open: {missing}"] if missing else []),
            *(
                [f"ClickHouse has taken nothing for {waiting:.0f} s: rows wait in Kafka"]
                if waiting > WAITING_SECONDS
                else []
            ),
            *self._watchdog.problems(),
        ]
        return not problems, {
            "problems": problems,
            "assignment": {ROWS: assigned},
            "offsets": {str(part.number): part.next for part in self._parts.values()},
            "waiting_seconds": round(waiting, 1),
            "last_insert_age_seconds": round(now - self._inserted_at, 1),
        }

    def symptoms(self) -> Symptoms:
        """What is wrong now, for the watchdog. That ClickHouse takes nothing is not: it is asked again and again."""
        now = time.monotonic()
        found = of_membership(self._group.standing, not self._idle(), self._settings.session_timeout)
        if self._gathered.done or self._inserting:
            found |= of_inserting(self._due, now)
        if not self._idle():
            found |= of_timer(self._ticked_at, now) | of_reading(self._stretches(), self._leaders.answered)
        return found

    def _idle(self) -> bool:
        return not self._joined or self.app.rebalancing

    def _stretches(self) -> list[Stretch]:
        full = self._gathered.full(self._settings.warehouse_rows)
        return [
            Stretch(tp, part.next, self._reached.get(tp), held_up=full)
            for part in self._parts.values()
            if (tp := TP(self._rows, part.number))
        ]

    def _suspects(self) -> Iterable[TP]:
        """Partitions whose leaders are asked whether the broker is there at all."""
        return () if self._idle() else unfetched(self._stretches(), wall_ms())

    def _wire(self, stream: Any) -> None:
        app = self.app
        app.agent(stream, name=f"agent-{ROWS}", concurrency=1)(self._take)
        app.timer(1.0, name="tick")(self._tick)
        app.task()(self._insert_for_ever)
        app.on_partitions_assigned.connect(self._assignment, weak=False)
        app.on_partitions_revoked.connect(self._revoked, weak=False)
        app.on_before_shutdown.connect(self._before_shutdown, weak=False)

    # Gathering

    async def _take(self, stream: Any) -> None:
        async for batch in stream.noack():
            try:
                await self.deliver(batch)
            except Exception:  # an exception would stop the agent; what was not taken is found missing, and read again
                logger.exception("A slice was not taken: %s[%d]@%d", batch.topic, batch.partition, batch.begin)

    async def deliver(self, batch: Slice) -> None:
        """Take in a slice, as room comes; what was read before the last seek, or before a rebalance, is left."""
        part = self._parts.get(batch.partition)
        if part is None or batch.epoch < part.epoch:
            return
        if batch.begin > part.next:
            part.epoch = await self._seek_back(part)
            return
        for record in batch.since(part.next):
            while self._gathered.full(self._settings.warehouse_rows) and self._parts.get(part.number) is part:
                self._room.clear()
                await self._room.wait()
            if self._parts.get(part.number) is not part:
                return
            self._gathered.add(part, record, time.monotonic())
            part.next = record.offset + 1
            self._news.set()
            await asyncio.sleep(0)

    async def _tick(self) -> None:
        self._ticked_at = time.monotonic()
        try:
            if not (self._stopping or self.app.rebalancing):
                await self._open_assigned()
                async with asyncio.timeout(_ASK_SECONDS):
                    self._reached = progress = await self._consumer.progress()
                await self._seek_back_missing(progress)
                self._show(progress)
        except (KafkaError, OSError) as error:
            logger.warning("The consumer does not answer, next attempt in a second: %r", error)

    async def _open_assigned(self) -> None:
        """Open what is assigned and not here, at the group's offsets."""
        mine = self._assigned()
        for number in self._parts.keys() - mine:
            del self._parts[number]
        if new := {TP(self._rows, number) for number in mine - self._parts.keys()}:
            async with asyncio.timeout(_ASK_SECONDS):
                committed, earliest = await self._consumer.committed(new), await self._consumer.earliest(new)
            for tp in new & {TP(self._rows, number) for number in self._assigned()}:
                part = Part(tp.partition, committed.get(tp) or earliest.get(tp, 0))
                part.epoch = await self._seek_back(part)
                self._parts[tp.partition] = part

    async def _seek_back_missing(self, progress: Mapping[TP, FetchProgress]) -> None:
        """Everything was handed over, and not all of it came: Faust dropped a slice, and none followed to show it."""
        full = self._gathered.full(self._settings.warehouse_rows)
        for part in list(self._parts.values()):
            reached = progress.get(TP(self._rows, part.number))
            missing = reached is not None and reached.at_end and not _at_end(part, reached)
            if part.overdue(missing and not full):
                part.epoch = await self._seek_back(part)

    def _show(self, progress: Mapping[TP, FetchProgress]) -> None:
        metrics.CONSUMER_LAG.labels(ROWS).set(
            sum(
                max(0, progress[tp].high_watermark - part.next)
                for part in self._parts.values()
                if (tp := TP(self._rows, part.number)) in progress and not _at_end(part, progress[tp])
            )
        )
        metrics.SINK_PENDING.labels(SINK).set(self._gathered.rows + (self._inserting.rows if self._inserting else 0))

    async def _seek_back(self, part: Part) -> int:
        return await self._consumer.seek_back(TP(self._rows, part.number), part.next)

    # Inserting

    async def _insert_for_ever(self) -> None:
        interval = self._settings.warehouse_interval
        while not self._stopping:
            self._within(interval)
            await self._news.wait()
            waited = time.monotonic() - self._gathered.since if self._gathered.done else 0
            if self._gathered.done and (waited >= interval or self._gathered.full(self._settings.warehouse_rows)):
                await self._insert()
            elif self._gathered.done:
                await asyncio.sleep(min(0.05, interval - waited))
            else:
                self._news.clear()

    async def _insert(self) -> None:
        """One round: insert everything gathered, tell what was refused, commit the offsets."""
        async with self._round:
            gathered, self._gathered = self._gathered, Gathered()
            self._inserting = gathered
            self._room.set()
            try:
                for batch in gathered.batches.values():
                    number = gathered.done[0][0].number
                    refused = await self._writer.write(batch)
                    gathered.rejected += [refused_row(row, number, wall_ms()) for row in refused]
                if gathered.rejected:
                    await self._reject(gathered.rejected)
                await self._commit(gathered)
                self._inserted_at = time.monotonic()
            finally:
                self._inserting = None

    async def _commit(self, gathered: Gathered) -> None:
        """Partitions that were lost meanwhile are left out: their rows come again to whoever has them now."""
        offsets = {
            TP(self._rows, part.number): following
            for part, following in gathered.done
            if self._parts.get(part.number) is part
        }
        if offsets:
            self._within(_COMMIT_SECONDS)
            await self._consumer.commit_durable(offsets)

    async def _reject(self, records: list[RejectedRecord]) -> None:
        """Until it is on `feedback-rejected` and in `rejected_events`: nothing that was refused is silent."""
        for record in records:
            metrics.SINK_REFUSED.labels(record.row.field.split(".")[0] or "pack").inc()
            logger.error("ClickHouse refuses %s: expected %s, got %s", record.row.field or "a pack", *record.row[6:8])
        while True:
            try:
                self._within(_PUBLISH_SECONDS)
                async with asyncio.timeout(_PUBLISH_SECONDS):
                    await self._publish(records)
                break
            except (KafkaError, OSError) as error:
                logger.warning("Refused rows cannot be published, next attempt in %g s: %r", _RETRY_SECONDS, error)
                await self._close_producer()
                await asyncio.sleep(_RETRY_SECONDS)
        rows = msgspec.Raw(msgspec.msgpack.encode([record.row for record in records]))
        wall = wall_ms()
        pack = RowBatch("rejected_events", COLUMNS["rejected_events"], wall // 1000 << 32, wall, 0, rows)
        batch = Batch.like(pack)
        batch.add(pack)
        for refused in await self._writer.write(batch):
            logger.error("A rejection is on %s only, ClickHouse refuses it: %s", REJECTED, refused)

    async def _publish(self, records: list[RejectedRecord]) -> None:
        if self._producer is None:
            self._producer = AIOKafkaProducer(
                bootstrap_servers=self._settings.brokers, enable_idempotence=True, acks="all"
            )
            await self._producer.start()
        messages = [(rejection(record, self._settings.topic_prefix), record.row.partition) for record in records]
        sent = [
            await self._producer.send(
                message.topic,
                message.value,
                key=message.key,
                partition=partition % self._settings.partitions,
                headers=list(message.headers),
            )
            for message, partition in messages
        ]
        await asyncio.gather(*sent)

    # Coming and going

    def _assigned(self) -> set[int]:
        return {tp.partition for tp in self._consumer.assignment() if tp.topic == self._rows}

    async def _assignment(self, *_: Any, **__: Any) -> None:
        self._joined = True
        self._ticked_at = min(self._ticked_at, time.monotonic())

    async def _revoked(self, *_: Any, **__: Any) -> None:
        """What was gathered comes again, here or elsewhere; what is being inserted comes again too, and counts once."""
        self._parts.clear()
        self._gathered = Gathered()
        self._room.set()

    async def _before_shutdown(self, *_: Any, **__: Any) -> None:
        self._shutdown.begin()
        self._watchdog.stop()
        self._stopping = True
        self._news.set()
        if self._gathered.done or self._inserting:
            try:
                await bounded(self._insert(), min(LAST_INSERT_SECONDS, self._settings.shutdown_budget / 2))
            except Exception as error:
                logger.warning("Left without a last insert, the rows wait in Kafka: %r", error)
        self._writer.close()
        await self._close_producer()
        await self._status_server.stop()

    async def _close_producer(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            try:
                await bounded(producer.stop(), 1)
            except (KafkaError, OSError):
                logger.info("The producer of rejections was left behind")

    def _within(self, seconds: float) -> None:
        self._due = time.monotonic() + seconds

    def _attempted(self, attempt: Attempt) -> None:
        metrics.SINK_BATCHES.labels(SINK, attempt.result).inc()
        metrics.SINK_WRITE.labels(SINK).observe(attempt.seconds)
        if attempt.result == "inserted":
            metrics.SINK_ROWS.labels(attempt.table).inc(attempt.rows)
            metrics.SINK_LAST_INSERT.labels(SINK).set(time.time())

    @property
    def _consumer(self) -> BatchConsumer:
        return cast("BatchConsumer", self.app.consumer)


def _at_end(part: Part, progress: FetchProgress) -> bool:
    return progress.at_end and progress.end is not None and part.next >= progress.end
