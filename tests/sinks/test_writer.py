"""A writer whose every attempt ends in time, whatever the peer does; and when it is the table that is at fault."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from itertools import islice
from typing import Any

import msgspec
import pytest
from pydantic import SecretStr

from schemas.outputs import COLUMNS, ProgressRow, RowBatch
from sinks.clickhouse import Address, InsertBlock, RefusedError, RefusedRow
from sinks.refusals import REFUSED_ROWS, empty_row
from sinks.writer import LONGEST_PAUSE, Attempt, ClickHouseWriter
from sinks.writer import _pauses as pauses
from tests.processors.durability.fake_log import JumpingLoop

NO_PASSWORD = SecretStr("")
Peer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def test_pauses_grow_to_a_limit_and_never_end() -> None:
    longest = [max(step) for step in zip(*(islice(pauses(), 40) for _ in range(50)), strict=True)]

    assert longest[0] <= 0.2
    assert max(longest) <= LONGEST_PAUSE
    assert min(longest[10:]) > LONGEST_PAUSE / 2


def a_block() -> InsertBlock:
    rows = msgspec.Raw(msgspec.msgpack.encode([("a", 1)]))
    block = InsertBlock("cases", ("entity_id", "events"))
    block.add(RowBatch("cases", ("entity_id", "events"), 1, 5, 0, rows))
    return block


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def trickling(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A greeting whose end never comes, though every byte of it comes in time."""
    with contextlib.suppress(ConnectionError):
        writer.write(b"\x00\xff\xff\x7f")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.02)


async def hanging_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def babbling(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    writer.close()


@pytest.mark.parametrize("peer", [silent, trickling, hanging_up, babbling])
def test_an_attempt_ends_in_time_and_another_follows(peer: Peer) -> None:
    deadline = 0.3

    async def scenario() -> tuple[list[Attempt], int]:
        server = await asyncio.start_server(peer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        attempts: list[Attempt] = []
        writer = ClickHouseWriter(
            Address("127.0.0.1", port, "default", NO_PASSWORD, "oidor"), deadline, attempts.append
        )
        writing = asyncio.create_task(writer.write(a_block()))
        beats, started = 0, time.monotonic()
        while len(attempts) < 2 and time.monotonic() - started < 10:
            await asyncio.sleep(0.01)
            beats += 1
        writing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await writing
        writer.close()
        server.close()
        return attempts, beats

    attempts, beats = asyncio.run(scenario())

    assert [attempt.result for attempt in attempts] == ["failed", "failed"]
    assert all(attempt.seconds < deadline + 0.5 for attempt in attempts)
    assert beats >= 10 * sum(attempt.seconds for attempt in attempts)


def test_nothing_listens_yet(unused_tcp_port_number: int, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        writer = ClickHouseWriter(Address("127.0.0.1", unused_tcp_port_number, "default", NO_PASSWORD, "oidor"), 1)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await writer.write(a_block())

    asyncio.run(scenario())

    assert len(caplog.messages) >= 2
    assert all("has not taken 1 rows of cases: " in line and "\n" not in line for line in caplog.messages)
    assert not any(record.exc_info for record in caplog.records)


@pytest.fixture
def unused_tcp_port_number() -> int:
    async def take() -> int:
        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        port: int = server.sockets[0].getsockname()[1]
        server.close()
        return port

    return asyncio.run(take())


def test_an_empty_block_needs_no_database() -> None:
    async def scenario() -> list[object]:
        writer = ClickHouseWriter(Address("127.0.0.1", 1, "default", NO_PASSWORD, "oidor"), 1)
        return [*await writer.write(InsertBlock("cases", ("entity_id",)))]

    assert asyncio.run(scenario()) == []


# Data or table

PROGRESS = "ingest_progress"


class Table(ClickHouseWriter):
    """A writer before a table in memory, which refuses bad days, or everything while it is out of order."""

    def __init__(self) -> None:
        super().__init__(Address("", 0, "", NO_PASSWORD, ""), 30)
        self.stored: list[int] = []
        self.bad: Callable[[int], bool] = lambda day: False
        self.out_of_order = self.empty_refused = False
        self.attempts = 0

    async def _attempt(self, block: InsertBlock) -> None:
        self.attempts += 1
        days: list[int] = block.column("day")
        if self.out_of_order or any(map(self.bad, days)):
            raise RefusedError(469, "a constraint is violated")
        self.stored += [day for day in days if day not in self.stored]

    async def _attempt_empty_row(self, block: InsertBlock) -> None:
        if self.out_of_order or self.empty_refused:
            raise RefusedError(469, "a constraint is violated")


def days(*which: int) -> InsertBlock:
    rows = [ProgressRow("contact-events", 3, 0, day, 1, 1, 0, 0, 0, 1) for day in which]
    block = InsertBlock(PROGRESS, COLUMNS[PROGRESS])
    block.add(RowBatch(PROGRESS, COLUMNS[PROGRESS], 1, 2, 3, msgspec.Raw(msgspec.msgpack.encode(rows))))
    return block


def played(scene: Callable[[Table], Awaitable[None]]) -> Table:
    async def play() -> Table:
        table = Table()
        await scene(table)
        return table

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        return runner.run(play())


def refused_days(refused: Sequence[RefusedRow]) -> list[Any]:
    return [row.row[COLUMNS[PROGRESS].index("day")] for row in refused]


def test_a_bad_row_is_handed_back_and_others_are_stored_even_if_it_is_the_first_that_the_table_gets() -> None:
    async def scene(table: Table) -> None:
        table.bad = lambda day: day == 1
        assert refused_days(await table.write(days(1))) == [1]
        assert refused_days(await table.write(days(2, 1, 3))) == [1]
        assert table.stored == [2, 3]
        assert table.refusing == {}

    played(scene)


@pytest.mark.parametrize("stored_before", [True, False])
def test_a_table_that_refuses_everything_is_said_and_asked_again_until_it_is_mended(stored_before: bool) -> None:
    async def scene(table: Table) -> None:
        if stored_before:
            await table.write(days(1))
        table.out_of_order = True
        writing = asyncio.create_task(table.write(days(2, 3)))
        await asyncio.sleep(3_600)
        assert not writing.done()
        what = "its last stored row as well" if stored_before else "even an empty row"
        assert table.refusing == {PROGRESS: f"table {PROGRESS} refuses {what}: code 469: a constraint is violated"}
        assert table.attempts < 3_600, "it waits between attempts"
        table.out_of_order = False
        assert await writing == []
        assert table.stored[-2:] == [2, 3]
        assert table.refusing == {}

    played(scene)


def test_a_table_that_takes_rows_but_no_empty_one_is_in_order() -> None:
    async def scene(table: Table) -> None:
        table.empty_refused, table.bad = True, lambda day: day == 4
        assert refused_days(await table.write(days(*range(9)))) == [4]
        assert sorted(table.stored) == [0, 1, 2, 3, 5, 6, 7, 8]

    played(scene)


def test_too_many_refused_rows_are_the_fault_of_their_table_though_it_takes_others() -> None:
    async def scene(table: Table) -> None:
        await table.write(days(0))
        table.bad = lambda day: day % 2 == 1
        writing = asyncio.create_task(table.write(days(*range(1, 2 * REFUSED_ROWS + 3))))
        await asyncio.sleep(600)
        assert not writing.done()
        assert "refused 101 of its last 203 rows" in table.refusing[PROGRESS]
        table.bad = lambda day: False
        assert await writing == []
        assert sorted(table.stored) == [*range(2 * REFUSED_ROWS + 3)]

    played(scene)


def test_a_hundred_bad_rows_are_bad_rows_and_so_are_more_where_they_are_few_among_many() -> None:
    async def scene(table: Table) -> None:
        table.bad = lambda day: day < 0
        assert len(await table.write(days(5, *range(-REFUSED_ROWS, 0)))) == REFUSED_ROWS
        await table.write(days(*range(20_000)))
        for number in range(1, REFUSED_ROWS):
            assert len(await table.write(days(-number))) == 1
        assert table.refusing == {}
        await table.write(days(-100))
        writing = asyncio.create_task(table.write(days(-101)))
        await asyncio.sleep(600)
        assert "refused 101 of its last 10000 rows" in table.refusing[PROGRESS]
        writing.cancel()

    played(scene)


def test_a_table_that_goes_out_of_order_while_bad_rows_are_looked_for_costs_none() -> None:
    async def scene(table: Table) -> None:
        await table.write(days(0))

        def bad(day: int) -> bool:
            table.out_of_order = table.out_of_order or table.attempts > 4
            return day == 4

        table.bad = bad
        writing = asyncio.create_task(table.write(days(1, 2, 3, 4)))
        await asyncio.sleep(600)
        assert PROGRESS in table.refusing
        table.out_of_order, table.bad = False, lambda day: day == 4
        assert refused_days(await writing) == [4]
        assert sorted(table.stored) == [0, 1, 2, 3]

    played(scene)


@pytest.mark.parametrize("table", COLUMNS)
def test_an_empty_row_has_a_value_of_the_type_of_each_column(table: str) -> None:
    assert len(empty_row(table, COLUMNS[table])) == len(COLUMNS[table])
