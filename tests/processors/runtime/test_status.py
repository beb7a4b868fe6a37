"""The pages of a process, as a browser and Prometheus see them."""

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import ClientSession
from prometheus_client import CollectorRegistry, Counter

from processors.runtime import status
from processors.runtime.status import Readiness, StatusServer


def registry() -> CollectorRegistry:
    of_one_process = CollectorRegistry()
    Counter("ours", "Ours.", registry=of_one_process).inc(3)
    Counter("others", "Others.", registry=of_one_process)
    return of_one_process


def served(
    visit: Callable[[ClientSession, str], Awaitable[None]],
    readiness: Callable[[], Readiness],
    port: int = 0,
    token: str = "",
) -> list[str]:
    """What was refused, after a visit at the address of the pages."""

    async def scene() -> list[str]:
        refused: list[str] = []
        server = StatusServer(
            "127.0.0.1", port, readiness=readiness, registry=registry(), refuse=refused.append, token=token
        )
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


def test_metrics_and_readiness_are_for_who_bears_the_token_and_whether_it_lives_for_all() -> None:
    async def visit(session: ClientSession, url: str) -> None:
        async def answer(page: str, sent: str | None) -> int:
            headers = {} if sent is None else {"Authorization": sent}
            async with session.get(f"{url}{page}", headers=headers) as got:
                return got.status

        for page in ("/metrics", "/ready"):
            assert await answer(page, "Bearer s3cret") == 200
            assert [await answer(page, sent) for sent in (None, "Bearer", "Bearer s3cre", "s3cret", "Bearer ñ")] == [
                401
            ] * 5
        assert await answer("/live", None) == 200
        assert await answer("/", "Bearer s3cret") == 404

    assert served(visit, lambda: Readiness(True, {}), token="s3cret") == []


def test_hundreds_of_requests_that_never_end_take_few_connections_and_keep_nobody_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(status, "WAITING_SECONDS", 0.3)

    async def visit(session: ClientSession, url: str) -> None:
        half = [await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2])) for _ in range(300)]
        for _, writer in half:
            writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\nX: ")
        await asyncio.sleep(0.1)
        ended = [reader.at_eof() or reader.exception() is not None for reader, _ in half]
        assert ended.count(False) <= status.CONNECTIONS_MAX
        async with session.get(f"{url}/ready") as page:
            assert page.status == 200
        await asyncio.sleep(0.6)
        assert all(reader.at_eof() or reader.exception() for reader, _ in half), "a request that does not end is ended"

    assert served(visit, lambda: Readiness(True, {})) == []
