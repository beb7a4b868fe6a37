"""Server-Sent Events: what was rendered once goes to everybody who looks, the same bytes to all."""

import asyncio
from typing import Final

from aiohttp import web

HEARTBEAT_SECONDS: Final = 15.0
"""Without news for so long a comment goes out: proxies end connections on which nothing comes."""
SLOW_SECONDS: Final = 5.0
"""A client that takes nothing for so long is let go; it comes again by itself."""
RETRY_MS: Final = 2_000

_HEADERS: Final = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
}
_BEGINNING: Final = f"retry: {RETRY_MS}\n\n".encode()
_HEARTBEAT: Final = b": heartbeat\n\n"


class Broadcast:
    """The last event, for those who come, and the next one, for those who wait."""

    def __init__(self) -> None:
        self.streams = 0
        """How many are open."""
        self._last = b""
        self._next: asyncio.Future[None] | None = None
        self._ended = False

    def publish(self, document: bytes) -> None:
        """Sends one line of JSON to all; who is slow is shown the newest only."""
        self._last = b"data: " + document + b"\n\n"
        self._wake()

    def end(self) -> None:
        """Lets all streams end."""
        self._ended = True
        self._wake()

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answers a request with events until the client leaves."""
        response = web.StreamResponse(headers=_HEADERS)
        self.streams += 1
        try:
            await response.prepare(request)
            await self._send(response, _BEGINNING + self._last)
            while not self._ended:
                await self._send(response, self._last if await self._news() else _HEARTBEAT)
        except (ConnectionError, TimeoutError):
            if request.transport is not None:
                request.transport.abort()
        finally:
            self.streams -= 1
        return response

    async def _send(self, response: web.StreamResponse, event: bytes) -> None:
        async with asyncio.timeout(SLOW_SECONDS):
            await response.write(event)

    async def _news(self) -> bool:
        """Whether there was any, within the time of a heartbeat."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
        done, _ = await asyncio.wait({self._next}, timeout=HEARTBEAT_SECONDS)
        return bool(done)

    def _wake(self) -> None:
        if self._next is not None:
            self._next.set_result(None)
            self._next = None
