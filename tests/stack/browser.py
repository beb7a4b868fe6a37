"""A headless Chromium, driven over its DevTools protocol: opens a page, evaluates, and takes pictures of it."""

import asyncio
import base64
import contextlib
import itertools
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

from aiohttp import ClientSession, ClientWebSocketResponse

CHROMIUM: Final = shutil.which("chromium")
_START_SECONDS: Final = 60
_ANSWER_SECONDS: Final = 30
_OPTIONS: Final = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage", "--hide-scrollbars",
    "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--remote-debugging-port=0",
)  # fmt: skip


class Page:
    """One page of the browser."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self._socket, self._numbers = socket, itertools.count(1)

    async def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Sends a command, and waits for its answer; what the browser tells meanwhile is left."""
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        async with asyncio.timeout(_ANSWER_SECONDS):
            while True:
                message = await self._socket.receive_json()
                if message.get("id") == number:
                    assert "error" not in message, message
                    answer: dict[str, Any] = message["result"]
                    return answer

    async def open(self, url: str, width: int, height: int, *, dark: bool = False) -> None:
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        await self.ask("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.ask("Emulation.setEmulatedMedia", features=[scheme])
        await self.ask("Page.navigate", url=url)

    async def evaluate(self, expression: str) -> Any:
        """The value of an expression, a promise's when it is kept."""
        answer = await self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def until(self, expression: str, seconds: float) -> float:
        """Waits until an expression holds; returns how many seconds that took."""
        clock = asyncio.get_running_loop().time
        began = clock()
        while not await self.evaluate(f"Boolean({expression})"):
            if clock() - began > seconds:
                text = await self.evaluate("document.body?.innerText")
                raise AssertionError(f"not within {seconds:g} s: {expression}\n{text}")
            await asyncio.sleep(0.05)
        return clock() - began

    async def text(self) -> str:
        return str(await self.evaluate("document.body?.innerText"))

    async def picture(self) -> bytes:
        """A picture of the window, PNG."""
        answer = await self.ask("Page.captureScreenshot", format="png")
        return base64.b64decode(answer["data"])


@contextlib.asynccontextmanager
async def browser(home: Path) -> AsyncIterator[Page]:
    """Runs a browser with one page; ends it."""
    assert CHROMIUM is not None
    process = await asyncio.create_subprocess_exec(
        CHROMIUM,
        *_OPTIONS,
        f"--user-data-dir={home}",
        "about:blank",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stderr is not None
        port = await asyncio.wait_for(_port(process.stderr), _START_SECONDS)
        async with ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json") as listed:
                pages = json.loads(await listed.text())
            url = next(page["webSocketDebuggerUrl"] for page in pages if page["type"] == "page")
            async with session.ws_connect(url, max_msg_size=0) as socket:
                yield Page(socket)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


async def _port(errors: asyncio.StreamReader) -> int:
    async for line in errors:
        if b"DevTools listening on" in line:
            return int(line.split(b"127.0.0.1:")[1].split(b"/")[0])
    raise AssertionError("the browser ended")
