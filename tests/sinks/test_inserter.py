"""A round of the inserter: rows first, then what was refused, and only then the offsets."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

import msgspec
from aiokafka.errors import KafkaConnectionError
from pydantic import SecretStr

from schemas.outputs import COLUMNS, ProgressRow, RejectedRecord, RowBatch, WatermarkRow, encode_row_batch
from schemas.topics import CONTACTS
from sinks.clickhouse import Address, InsertBlock, Misfit, RefusedError
from sinks.gathering import Source
from sinks.inserter import Inserter, InsertLimits
from sinks.metrics.warehouse import WarehouseMetrics
from sinks.rejections import RejectionPublisher
from sinks.writer import ClickHouseWriter
from tests.processors.durability.counting import Record
from tests.processors.durability.fake_log import JumpingLoop

PROGRESS = "ingest_progress"
LIMITS = InsertLimits(rows=4, interval=1.0, attempt=30, commit=12)


class Partition:
    number = 3
    incarnation = 8


class Message(Record):
    partition = 3
    key = None


def message(offset: int, *days: int) -> Message:
    rows = [ProgressRow(CONTACTS, 3, 0, day, 1, 1, 0, 0, 0, 1) for day in days]
    batch = RowBatch(PROGRESS, COLUMNS[PROGRESS], 1, 2, 3, msgspec.Raw(msgspec.msgpack.encode(rows)))
    return Message(offset, encode_row_batch(batch))


class Outside:
    """Everything that an inserter talks to, and in which order it did."""

    def __init__(self) -> None:
        self.order: list[str] = []
        self.stored: dict[str, int] = {}
        self.bad_days: set[int] = set()
        self.unanswered = 0
        self.inserting = asyncio.Event()
        self.slow = False
        self.metrics = WarehouseMetrics()

    def inserter(self) -> Inserter:
        nowhere = Address("", 0, "", SecretStr(""), "")
        made = Inserter(
            nowhere, _Publisher(self), self.commit, self.metrics, limits=LIMITS, wall_ms=lambda: 1_764_000_000_000
        )
        made._writer = _Writer(self, made)
        return made

    async def commit(self, done: Sequence[tuple[Source, int]]) -> None:
        self.order.append(f"commit {[following for _, following in done]}")


class _Writer(ClickHouseWriter):
    """The real one, but for its attempts."""

    def __init__(self, outside: Outside, inserter: Inserter) -> None:
        super().__init__(Address("", 0, "", SecretStr(""), ""), 30, inserter._attempted, inserter._allow)
        self._outside = outside

    async def _attempt(self, block: InsertBlock) -> None:
        outside = self._outside
        outside.inserting.set()
        await asyncio.sleep(600 if outside.slow else 0.01)
        days = block.column("day") if block.table == PROGRESS else []
        if bad := {i for i, day in enumerate(days) if day in outside.bad_days}:
            raise RefusedError(53, "a day that is none", {i: Misfit("day", "Date", "many") for i in bad})
        outside.order.append(f"insert {len(block)} into {block.table}")
        outside.stored[block.table] = outside.stored.get(block.table, 0) + len(block)

    async def _attempt_empty_row(self, block: InsertBlock) -> None: ...


class _Publisher(RejectionPublisher):
    def __init__(self, outside: Outside) -> None:
        super().__init__({}, prefix="", partitions=12)
        self._outside = outside

    async def publish(self, records: Iterable[RejectedRecord]) -> None:
        if self._outside.unanswered:
            self._outside.unanswered -= 1
            raise KafkaConnectionError("gone")
        self._outside.order.append(f"publish {[record.row.field for record in records]}")


def played(scene: Callable[[Outside, Inserter], Awaitable[Any]]) -> Outside:
    async def play() -> Outside:
        outside = Outside()
        await scene(outside, outside.inserter())
        return outside

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        return runner.run(play())


def test_offsets_are_committed_after_their_rows_and_after_what_was_refused_of_them_is_said() -> None:
    async def scene(outside: Outside, inserter: Inserter) -> None:
        outside.bad_days = {2}
        inserter.add(Partition(), message(7, 1, 2))
        inserter.add(Partition(), message(8, 3))
        await inserter.insert()

    assert played(scene).order == [
        "insert 2 into ingest_progress",
        *2 * ["insert 1 into ingest_progress"],  # its last stored row, before and after the bad one is refused again
        "publish ['ingest_progress.day']",
        "insert 1 into rejected_events",
        "commit [8, 9]",
    ]


def test_how_far_a_partition_has_come_is_stored_after_the_rows_that_it_speaks_of() -> None:
    async def scene(outside: Outside, inserter: Inserter) -> None:
        watermark = WatermarkRow(3, 1, 0, {}, {})
        rows = msgspec.Raw(msgspec.msgpack.encode([watermark]))
        batch = RowBatch("watermarks", COLUMNS["watermarks"], 1, 2, 3, rows)
        inserter.add(Partition(), Message(7, encode_row_batch(batch)))
        inserter.add(Partition(), message(8, 1))
        await inserter.insert()

    assert played(scene).order == ["insert 1 into ingest_progress", "insert 1 into watermarks", "commit [8, 9]"]


def test_what_is_refused_is_published_however_often_the_broker_does_not_answer_and_is_counted_once() -> None:
    async def scene(outside: Outside, inserter: Inserter) -> None:
        outside.bad_days, outside.unanswered = {2}, 3
        inserter.add(Partition(), message(7, 2))
        await inserter.insert()

    outside = played(scene)

    assert outside.order[0] == "publish ['ingest_progress.day']"
    count = outside.metrics.registry.get_sample_value("feedback_sink_refused_rows_total", {"table": PROGRESS})
    assert count == 1


def test_rows_wait_for_others_until_the_interval_is_over_or_there_are_enough() -> None:
    async def scene(outside: Outside, inserter: Inserter) -> None:
        running = asyncio.create_task(inserter.run())
        inserter.add(Partition(), message(1, 1))
        await asyncio.sleep(0.5)
        assert outside.order == []
        await asyncio.sleep(0.6)
        assert outside.order == ["insert 1 into ingest_progress", "commit [2]"]
        inserter.add(Partition(), message(2, 1, 2, 3, 4))
        assert inserter.full
        await asyncio.sleep(0.3)
        assert outside.stored == {PROGRESS: 5}
        assert not inserter.full
        running.cancel()

    played(scene)


def test_while_one_round_is_inserted_the_next_is_gathered_and_a_full_one_makes_room_when_it_begins() -> None:
    async def scene(outside: Outside, inserter: Inserter) -> None:
        running = asyncio.create_task(inserter.run())
        outside.slow = True
        inserter.add(Partition(), message(1, 1, 2, 3, 4))
        await outside.inserting.wait()
        inserter.add(Partition(), message(2, 1, 2, 3, 4))
        assert (inserter.full, inserter.rows) == (True, 8)
        waiting = asyncio.create_task(inserter.room())
        await asyncio.sleep(300)
        assert not waiting.done()
        assert inserter.waiting_seconds() > 299
        await asyncio.sleep(400)
        assert waiting.done()
        running.cancel()

    played(scene)


def test_what_is_dropped_is_never_inserted_and_makes_room() -> None:
    async def scene(outside: Outside, inserter: Inserter) -> None:
        inserter.add(Partition(), message(1, 1, 2, 3, 4))
        waiting = asyncio.create_task(inserter.room())
        await asyncio.sleep(0)
        inserter.drop()
        await waiting
        assert not inserter.busy
        await inserter.insert()

    assert played(scene).stored == {}


def test_the_loop_ends_once_it_is_told_to() -> None:
    async def scene(outside: Outside, inserter: Inserter) -> None:
        running = asyncio.create_task(inserter.run())
        await asyncio.sleep(5)
        inserter.stop()
        await asyncio.wait_for(running, 1)
        await inserter.close()

    played(scene)
