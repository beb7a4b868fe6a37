"""A TCP proxy that fails on demand: connections refused and reset, stalled, slowed, or heard by one side only.

    with FaultProxy(clickhouse.port) as proxy:
        proxy.stall()    # connections stay open, nothing passes
        proxy.heal()

It has a thread of its own. A Kafka client goes where a broker's answers send it: in front of a broker the proxy puts
its own port there, which is as long, so frames and their lengths stay valid.
"""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Callable, Coroutine
from threading import Thread
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from deploy.local.ports import free_ports

_HOST: Final = "127.0.0.1"
_RESET: Final = struct.pack("ii", 1, 0)  # linger 0: closing sends RST instead of FIN
_PATIENCE: Final = 5.0

_Chunks = Callable[[asyncio.StreamReader], AsyncIterator[bytes]]


class _Connection(NamedTuple):
    client: asyncio.StreamWriter
    server: asyncio.StreamWriter


class FaultProxy:
    """Listens on `port` and passes everything on to `target`, on 127.0.0.1. Methods return when they hold.

    With `tls` it is what clients speak TLS with, and the server hears plain text.
    """

    def __init__(self, target: int, *, kafka: bool = False, tls: ssl.SSLContext | None = None) -> None:
        (self.port,) = free_ports(1)
        self.sent = 0
        """Bytes passed from clients to the server so far."""
        self._target, self._tls = target, tls
        self._answers: _Chunks = self._frames if kafka else _pieces
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name=f"proxy-{self.port}", daemon=True)
        self._listener: asyncio.Server | None = None
        self._connections: set[_Connection] = set()
        self._cheated: set[_Connection] = set()
        self._passing = asyncio.Event()
        self._passing.set()
        self._delay = 0.0
        self._deaf = False

    def refuse(self) -> None:
        """RST to whoever is connected, and to whoever tries."""
        self._do(self._refuse())

    def reset(self) -> None:
        """RST to whoever is connected; the next attempt succeeds."""
        self._do(self._reset(self._connections))

    def stall(self) -> None:
        """Connections are accepted and stay; nothing passes in either direction."""
        self._do(self._set(passing=False))

    def slow(self, seconds: float) -> None:
        """Every piece of up to 64 KiB takes so much longer."""
        self._do(self._set(delay=seconds))

    def half_open(self) -> None:
        """The server hears everything, and its answers are lost."""
        self._do(self._set(deaf=True))

    def heal(self) -> None:
        """Pass everything again. Connections that lost something are reset."""
        self._do(self._heal())

    def __enter__(self) -> Self:
        self._thread.start()
        self._do(self._listen())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_PATIENCE)
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(_PATIENCE)

    async def _listen(self) -> None:
        self._listener = await asyncio.start_server(self._connected, _HOST, self.port, ssl=self._tls)

    async def _refuse(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        await self._reset(self._connections)

    async def _end(self) -> None:
        await self._refuse()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _reset(self, connections: set[_Connection]) -> None:
        for connection in list(connections):
            for writer in connection:
                _reset(writer)

    async def _set(self, *, passing: bool = True, delay: float = 0.0, deaf: bool = False) -> None:
        self._delay, self._deaf = delay, deaf
        (self._passing.set if passing else self._passing.clear)()

    async def _heal(self) -> None:
        await self._reset(self._cheated)
        await self._set()
        if self._listener is None:
            await self._listen()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            answers, server = await asyncio.open_connection(_HOST, self._target)
        except OSError:
            _reset(writer)
            return
        connection = _Connection(writer, server)
        self._connections.add(connection)
        try:
            await asyncio.gather(self._ask(reader, connection), self._answer(answers, connection))
        except asyncio.CancelledError:
            pass  # at the end, when asyncio would print a traceback for it
        finally:
            self._connections.discard(connection)
            self._cheated.discard(connection)

    async def _ask(self, reader: asyncio.StreamReader, connection: _Connection) -> None:
        with contextlib.suppress(OSError):
            async for data in _pieces(reader):
                await self._pass(connection.server, data)
                self.sent += len(data)
        connection.server.close()

    async def _answer(self, reader: asyncio.StreamReader, connection: _Connection) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            async for data in self._answers(reader):
                if self._deaf:
                    self._cheated.add(connection)
                else:
                    await self._pass(connection.client, data)
        connection.client.close()

    async def _pass(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        await self._passing.wait()
        if self._delay:
            await asyncio.sleep(self._delay)
        writer.write(data)
        await writer.drain()

    async def _frames(self, reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
        """Answers of a Kafka broker, each whole, with our port for its own."""
        theirs, ours = (_HOST.encode() + struct.pack(">i", port) for port in (self._target, self.port))
        while True:
            size = await reader.readexactly(4)
            yield size + (await reader.readexactly(int.from_bytes(size))).replace(theirs, ours)


async def _pieces(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while data := await reader.read(65_536):
        yield data


def _reset(writer: asyncio.StreamWriter) -> None:
    connection = writer.get_extra_info("socket")
    if connection is not None:
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
