"""The writer against peers that are no ClickHouse: every attempt ends in time, and the event loop goes on."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable

import msgspec
import pytest

from schemas.outputs import RowBatch
from sinks.clickhouse import Address, Attempt, Batch, ClickHouseWriter

Peer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def a_batch() -> Batch:
    rows = msgspec.Raw(msgspec.msgpack.encode([("a", 1)]))
    batch = Batch("cases", ("entity_id", "events"))
    batch.add(RowBatch("cases", ("entity_id", "events"), 1, 5, 0, rows))
    return batch


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
        writer = ClickHouseWriter(Address("127.0.0.1", port, "default", "", "oidor"), deadline, attempts.append)
        writing = asyncio.create_task(writer.write(a_batch()))
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
        writer = ClickHouseWriter(Address("127.0.0.1", unused_tcp_port_number, "default", "", "oidor"), 1)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await writer.write(a_batch())

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


def test_an_empty_batch_needs_no_database() -> None:
    async def scenario() -> list[object]:
        writer = ClickHouseWriter(Address("127.0.0.1", 1, "default", "", "oidor"), 1)
        return [*await writer.write(Batch("cases", ("entity_id",)))]

    assert asyncio.run(scenario()) == []
