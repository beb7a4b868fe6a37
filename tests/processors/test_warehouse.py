"""The warehouse as a process: what it takes, what it gives up, and what it says of itself."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, cast

import msgspec
import pytest
from faust.types import TP

from processors.runtime.seam import BatchConsumer
from processors.runtime.service import Process
from processors.runtime.slices import FetchProgress, Slice
from processors.runtime.timeouts import wall_ms
from processors.settings import Settings
from processors.warehouse import WAITING_SECONDS, Warehouse
from schemas.outputs import COLUMNS, ProgressRow, RowBatch, encode_row_batch
from schemas.topics import CONTACTS, ROWS
from sinks.clickhouse import InsertBlock
from sinks.erasures import Erasures
from sinks.metrics.warehouse import WarehouseMetrics
from tests.processors.durability.counting import Record
from tests.processors.durability.fake_log import JumpingLoop

PROGRESS = "ingest_progress"
SETTINGS = Settings(_env_file=None, warehouse_rows=3)


class Consumer:
    """A member that has two partitions, of which one was committed up to 40."""

    def __init__(self) -> None:
        self.sought: list[tuple[int, int]] = []
        self.committed_offsets: dict[TP, int] = {}
        self.end = 90

    def assignment(self) -> set[TP]:
        return {TP(ROWS, 0), TP(ROWS, 1)}

    async def committed(self, tps: Iterable[TP]) -> dict[TP, int | None]:
        return {tp: 40 if tp.partition == 0 else None for tp in tps}

    async def earliest(self, tps: Iterable[TP]) -> dict[TP, int]:
        return dict.fromkeys(tps, 7)

    async def ends(self, tps: Iterable[TP]) -> dict[TP, int]:
        return dict.fromkeys(tps, self.end)

    async def seek_back(self, tp: TP, offset: int) -> int:
        self.sought.append((tp.partition, offset))
        return len(self.sought)

    async def progress(self) -> dict[TP, FetchProgress]:
        return {
            TP(ROWS, 0): FetchProgress(
                epoch=1, end=self.end, at_end=True, asked_at=1, high_watermark=self.end, held_ms=0
            ),
        }

    async def commit_durable(self, offsets: Mapping[TP, int], mark: str = "") -> bool:
        self.committed_offsets |= offsets
        return True


class Stored:
    """In place of ClickHouse: takes what it is given, once it is there."""

    def __init__(self) -> None:
        self.rows = 0
        self.refusing: dict[str, str] = {}
        self.stored_versions: dict[int, int] = {}
        self.erasures = Erasures()
        self.there = asyncio.Event()

    async def write(self, block: InsertBlock) -> list[Any]:
        await self.there.wait()
        self.rows += len(block)
        return []

    def reload(self) -> None: ...
    def close(self) -> None: ...


def a_slice(
    number: int,
    begin: int,
    *offsets: int,
    epoch: int = 9,
    columns: tuple[str, ...] = COLUMNS[PROGRESS],
    version: int = 1,
) -> Slice:
    row = ProgressRow(CONTACTS, 3, 0, 1, 1, 1, 0, 0, 0, 1)
    value = encode_row_batch(RowBatch(PROGRESS, columns, version, 2, 3, msgspec.Raw(msgspec.msgpack.encode([row]))))
    records = [Record(offset, value) for offset in offsets]
    return Slice(records, topic=ROWS, partition=number, begin=begin, epoch=epoch)


def played(scene: Callable[[Warehouse, Consumer, Stored], Awaitable[None]]) -> None:
    async def play() -> None:
        consumer, stored = Consumer(), Stored()
        warehouse = Warehouse(SETTINGS, WarehouseMetrics(), lambda: cast("BatchConsumer", consumer))
        warehouse.inserter._writer = stored  # type: ignore[assignment]
        await warehouse.tick()
        await scene(warehouse, consumer, stored)

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        runner.run(play())


def test_partitions_are_opened_where_the_group_has_committed_or_where_they_begin() -> None:
    async def scene(warehouse: Warehouse, consumer: Consumer, stored: Stored) -> None:
        process: Process = warehouse
        assert set(process.opened()) == {0, 1}
        assert sorted(consumer.sought) == [(0, 40), (1, 7)]
        assert {one.tp.partition: one.next for one in process.progress()} == {0: 40, 1: 7}

    played(scene)


def test_a_log_that_ends_before_what_was_read_of_it_is_read_again_from_its_beginning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scene(warehouse: Warehouse, consumer: Consumer, stored: Stored) -> None:
        await warehouse.deliver(a_slice(0, 40, 40))
        consumer.end = 30
        await warehouse.tick()
        assert set(warehouse.opened()) == {1}, "it is given up"
        await warehouse.tick()
        assert consumer.sought[-1] == (0, 7)
        await warehouse.deliver(a_slice(0, 7, 7))
        await warehouse.tick()
        assert {one.tp.partition: one.next for one in warehouse.progress()} == {0: 8, 1: 7}
        assert "feedback-rows[0] ends at 30, and was read up to 40" in caplog.text

    played(scene)


def test_a_log_that_was_cut_below_what_is_committed_is_read_from_its_beginning_though_it_has_grown_again() -> None:
    """While ClickHouse is away much is taken and little committed: the log soon ends beyond the commit again."""

    async def scene(warehouse: Warehouse, consumer: Consumer, stored: Stored) -> None:
        await warehouse.deliver(a_slice(0, 40, *range(40, 43)))
        consumer.end = 41
        await warehouse.tick()
        await warehouse.tick()
        assert consumer.sought[-1] == (0, 7)

    played(scene)


def test_a_slice_is_taken_once_from_where_it_is_due_and_one_behind_a_gap_is_read_again() -> None:
    async def scene(warehouse: Warehouse, consumer: Consumer, stored: Stored) -> None:
        await warehouse.deliver(a_slice(0, 38, 38, 39, 40))
        await warehouse.deliver(a_slice(0, 45, 45))
        await warehouse.deliver(a_slice(0, 41, 41, epoch=0))
        await warehouse.deliver(a_slice(5, 0, 0))

        assert warehouse.inserter.rows == 1
        assert consumer.sought[-1] == (0, 41)

    played(scene)


def test_no_more_is_taken_than_is_inserted_next_and_what_waits_goes_on_when_there_is_room() -> None:
    async def scene(warehouse: Warehouse, consumer: Consumer, stored: Stored) -> None:
        inserting = asyncio.create_task(warehouse.inserter.run())
        taking = asyncio.create_task(warehouse.deliver(a_slice(0, 40, *range(40, 50))))
        await asyncio.sleep(100)
        assert not taking.done()
        assert all(one.held_up for one in warehouse.progress()), "the database holds it up: it is not stuck"
        stored.there.set()
        await taking
        await asyncio.sleep(10)
        assert stored.rows == 10
        assert consumer.committed_offsets == {TP(ROWS, 0): 50}
        inserting.cancel()

    played(scene)


def test_what_was_gathered_is_given_up_with_its_partitions_and_its_offsets_are_not_committed() -> None:
    async def scene(warehouse: Warehouse, consumer: Consumer, stored: Stored) -> None:
        await warehouse.deliver(a_slice(0, 40, 40))
        inserting = asyncio.create_task(warehouse.inserter.insert())
        await asyncio.sleep(1)
        await warehouse.deliver(a_slice(0, 41, 41))
        await warehouse.revoked({0, 1}, 2.0)
        stored.there.set()
        await inserting
        assert stored.rows == 1, "what was being inserted comes again, and counts once"
        assert not warehouse.inserter.busy
        assert consumer.committed_offsets == {}

    played(scene)


def test_it_is_not_ready_when_clickhouse_takes_nothing_for_a_minute_which_is_no_symptom() -> None:
    async def scene(warehouse: Warehouse, consumer: Consumer, stored: Stored) -> None:
        await warehouse.deliver(a_slice(0, 40, 40))
        assert warehouse.problems() == []
        await asyncio.sleep(WAITING_SECONDS + 1)
        (problem,) = warehouse.problems()
        assert problem.what == f"ClickHouse has taken nothing for {WAITING_SECONDS + 1:.0f} s"
        assert "rows wait in Kafka" in problem.means
        assert problem.since is not None
        assert abs(wall_ms() - problem.since - 1_000 * (WAITING_SECONDS + 1)) < 1_000
        warehouse.inserter._allow(30)
        assert warehouse.symptoms(working=True, answered=True) == {}
        await asyncio.sleep(60)
        assert list(warehouse.symptoms(working=True, answered=True)) == ["insert"], "its loop does not come around"

    played(scene)


def test_rows_of_a_newer_release_wait_with_all_behind_them_and_other_partitions_go_on() -> None:
    async def scene(warehouse: Warehouse, consumer: Consumer, stored: Stored) -> None:
        stored.there.set()
        await warehouse.deliver(a_slice(0, 40, 40))
        await warehouse.deliver(a_slice(0, 41, 41, columns=(*COLUMNS[PROGRESS], "mood")))
        await warehouse.deliver(a_slice(0, 42, 42))
        await warehouse.deliver(a_slice(1, 7, 7))
        await warehouse.inserter.insert()
        (problem,) = warehouse.problems()
        assert problem.what == (
            "feedback-rows[0] at 41 has what this release does not know: columns of ingest_progress: mood"
        )
        assert "run `oidor migrate` and the warehouse of that release" in problem.means
        assert consumer.committed_offsets == {TP(ROWS, 0): 41, TP(ROWS, 1): 8}
        assert {one.tp.partition: one.held_up for one in warehouse.progress()} == {0: True, 1: False}
        sought = len(consumer.sought)
        await asyncio.sleep(600)
        await warehouse.tick()
        assert len(consumer.sought) == sought, "nothing is read again that could not be taken"

    played(scene)


def test_a_table_that_is_out_of_order_is_a_problem_at_once_with_what_to_do() -> None:
    async def scene(warehouse: Warehouse, consumer: Consumer, stored: Stored) -> None:
        stored.refusing = {"cases": "table cases refuses even an empty row: code 469: a constraint"}
        (problem,) = warehouse.problems()
        assert problem.what == "table cases refuses even an empty row: code 469: a constraint"
        assert "undo what changed this one, and inserting goes on by itself" in problem.means
        warehouse.update_gauges()
        refuses = warehouse._metrics.registry.get_sample_value("feedback_sink_table_refuses", {"table": "cases"})
        assert refuses == 1

    played(scene)


def test_rows_that_are_older_than_stored_ones_at_the_end_of_their_log_are_a_problem_until_newer_ones_come() -> None:
    async def scene(warehouse: Warehouse, consumer: Consumer, stored: Stored) -> None:
        stored.there.set()
        stored.stored_versions = {0: 5, 1: 5}
        await warehouse.deliver(a_slice(0, 40, 40, version=4))
        await warehouse.inserter.insert()
        assert warehouse.problems() == [], "before its end, a log has what is stored already"

        await warehouse.deliver(a_slice(0, 41, 89, version=4))
        (problem,) = warehouse.problems()
        assert problem.what.startswith("newer rows are stored of partitions [0] than Kafka knows of")
        assert "`oidor inputs accept --from beginning` raises versions" in problem.means

        await warehouse.deliver(a_slice(0, 90, 90, version=6))
        assert warehouse.problems() == []

    played(scene)


def test_rows_that_are_read_again_after_a_crash_are_no_problem() -> None:
    async def scene(warehouse: Warehouse, consumer: Consumer, stored: Stored) -> None:
        stored.stored_versions = {0: 5}
        for offset, version in ((40, 3), (41, 4), (89, 5)):
            await warehouse.deliver(a_slice(0, offset, offset, version=version))
            assert warehouse.problems() == []

    played(scene)


def test_the_end_leaves_time_for_a_last_insert_and_no_more() -> None:
    async def scene(warehouse: Warehouse, consumer: Consumer, stored: Stored) -> None:
        await warehouse.deliver(a_slice(0, 40, 40))
        began = asyncio.get_running_loop().time()
        await warehouse.shutdown(2.0)
        assert asyncio.get_running_loop().time() - began < 2.1
        assert consumer.committed_offsets == {}

    played(scene)


def test_ready_shows_where_it_stands_and_what_failed_beside() -> None:
    async def scene(warehouse: Warehouse, consumer: Consumer, stored: Stored) -> None:
        warehouse.update_gauges()
        warehouse._metrics.failed("sink_rows", KeyError("cats"))
        details = warehouse.details()
        assert details["offsets"] == {"0": 40, "1": 7}
        assert details["last_insert_age_seconds"] is None
        assert details["isolated_errors"]["metric sink_rows"]["last_error"] == "KeyError('cats')"
        lag = warehouse._metrics.registry.get_sample_value("feedback_consumer_lag_events", {"topic": ROWS})
        assert lag == 50

    played(scene)
