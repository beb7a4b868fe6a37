"""The pages of a process, as a browser and Prometheus see them."""

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable

from aiohttp import ClientSession
from prometheus_client import CollectorRegistry, Counter

from processors.runtime.status import Readiness, StatusServer


def registry() -> CollectorRegistry:
    of_one_process = CollectorRegistry()
    Counter("ours", "Ours.", registry=of_one_process).inc(3)
    Counter("others", "Others.", registry=of_one_process)
    return of_one_process


def served(
    visit: Callable[[ClientSession, str], Awaitable[None]], readiness: Callable[[], Readiness], port: int = 0
) -> list[str]:
    """What was refused, after a visit at the address of the pages."""

    async def scene() -> list[str]:
        refused: list[str] = []
        server = StatusServer("127.0.0.1", port, readiness=readiness, registry=registry(), refuse=refused.append)
        await server.start()
        async with ClientSession() as session:
            await visit(session, f"http://127.0.0.1:{server.port}")
        await server.stop()
        return refused

    return asyncio.run(scene())


def test_ready_says_so_with_its_status_and_why_not() -> None:
    states = iter([Readiness(False, {"problems": ["a rebalance is going on"]}), Readiness(True, {"problems": []})])

    async def visit(session: ClientSession, url: str) -> None:
        for ready in (False, True):
            async with session.get(f"{url}/ready") as page:
                assert page.status == (200 if ready else 503)
                assert json.loads(await page.text())["ready"] is ready

    assert served(visit, lambda: next(states)) == []


def test_metrics_are_those_of_the_process_and_all_or_the_one_that_was_asked_for() -> None:
    async def visit(session: ClientSession, url: str) -> None:
        async with session.get(f"{url}/metrics") as page:
            text = await page.text()
        assert "ours_total 3.0" in text
        assert "others_total" in text
        assert "python_info" not in text, "the registry of the process, and no other"
        async with session.get(f"{url}/metrics?name[]=ours_total") as page:
            assert "others_total" not in await page.text()

    assert served(visit, lambda: Readiness(True, {})) == []


def test_an_address_that_somebody_else_has_is_refused_with_what_to_do() -> None:
    async def visit(session: ClientSession, url: str) -> None: ...

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (why,) = served(visit, lambda: Readiness(True, {}), port)

    assert f"127.0.0.1:{port}" in why
    assert "choose another port" in why
