"""The addresses of the board, as a browser and a program see them."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import pytest
from aiohttp import ClientSession, CookieJar
from prometheus_client import CollectorRegistry

from deploy.board import stream
from deploy.board.entrance import Entrance, local_path
from deploy.board.pages import BoardPages
from deploy.board.stream import Broadcast
from processors.runtime.status import PageServer, Readiness, StatusPages
from schemas.errors import OidorError

TOKEN: Final = "a token of these tests"
HTML: Final = {"Accept": "text/html"}

acted: list[tuple[str, ...]] = []


async def acting(*said: str) -> None:
    if not said[2]:
        raise OidorError("who: say who you are")
    acted.append(said)


Visit = Callable[[ClientSession, str, Broadcast], Awaitable[None]]


def telling(case: str, language: str) -> str:
    if case.startswith("away"):
        raise OidorError("ClickHouse at <here>: connection refused")
    return f"<article>{case} in {language} {{{{title}}}}</article>"


def served(visit: Visit, token: str = "") -> None:
    async def scene() -> None:
        broadcast = Broadcast()
        status = StatusPages(readiness=lambda: Readiness(True, {}), registry=CollectorRegistry(), token=token)
        pages = BoardPages(status, Entrance(token), broadcast, telling, acting)
        refused: list[str] = []
        server = PageServer("127.0.0.1", 0, pages.answer, refuse=refused.append)
        await server.start()
        async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as session:
            await visit(session, f"http://127.0.0.1:{server.port}", broadcast)
        broadcast.end()
        await server.stop()
        assert not refused

    asyncio.run(scene())


async def text_of(session: ClientSession, url: str, status: int = 200, **how: Any) -> str:
    async with session.get(url, **how) as page:
        assert page.status == status, await page.text()
        return await page.text()


def test_the_page_asks_nobody_else_for_anything_and_runs_no_script_but_its_own() -> None:
    async def visit(session: ClientSession, url: str, _: Broadcast) -> None:
        for name in ("", "board.css", "board.js", "words.js", "icon.svg"):
            async with session.get(f"{url}/{name}") as page:
                text = await page.text()
                assert page.status == 200
                assert "script-src 'self'" in page.headers["Content-Security-Policy"]
            elsewhere = text.replace('xmlns="http://www.w3.org/2000/svg"', "")
            assert "http://" not in elsewhere, name
            assert "https://" not in elsewhere, name

    served(visit)


def test_what_was_rendered_last_is_sent_at_once_and_what_follows_as_it_comes() -> None:
    async def visit(session: ClientSession, url: str, broadcast: Broadcast) -> None:
        broadcast.publish(b'{"at":1}')
        async with session.get(f"{url}/events") as events:
            assert events.content_type == "text/event-stream"
            assert await events.content.readuntil(b"\n\n") == b"retry: 2000\n\n"
            assert await events.content.readuntil(b"\n\n") == b'data: {"at":1}\n\n'
            assert broadcast.streams == 1
            broadcast.publish(b'{"at":2}')
            assert await events.content.readuntil(b"\n\n") == b'data: {"at":2}\n\n'

    served(visit)


def test_a_silent_board_still_has_a_heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_SECONDS", 0.05)

    async def visit(session: ClientSession, url: str, broadcast: Broadcast) -> None:
        async with session.get(f"{url}/events") as events:
            await events.content.readuntil(b"\n\n")
            assert await events.content.readuntil(b"\n\n") == b": heartbeat\n\n"

    served(visit)


def test_a_browser_that_leaves_is_forgotten() -> None:
    async def visit(session: ClientSession, url: str, broadcast: Broadcast) -> None:
        async with session.get(f"{url}/events") as events:
            await events.content.readuntil(b"\n\n")
            events.close()
        for _ in range(100):
            broadcast.publish(b"{}")
            await asyncio.sleep(0.01)
            if not broadcast.streams:
                return
        pytest.fail("it is still served")

    served(visit)


def test_a_case_is_told_in_the_language_that_is_asked_for_and_its_name_is_never_markup() -> None:
    async def visit(session: ClientSession, url: str, _: Broadcast) -> None:
        page = await text_of(session, f"{url}/case/contact-events/crm/A%2F1?lang=es")
        assert "<article>contact-events/crm/A/1 in es {{title}}</article>" in page
        assert "El tablero" in page
        page = await text_of(session, f"{url}/case/x", headers={"Accept-Language": "en-GB"})
        assert "x in en" in page
        page = await text_of(session, f"{url}/case/%3Cb%3E")
        assert "<title>&lt;b&gt;" in page

    served(visit)


def test_without_the_database_the_page_of_a_case_says_so_and_the_board_goes_on() -> None:
    async def visit(session: ClientSession, url: str, _: Broadcast) -> None:
        page = await text_of(session, f"{url}/case/away/crm/1", 503)
        assert "ClickHouse at &lt;here&gt;: connection refused" in page
        await text_of(session, url)

    served(visit)


def test_with_a_token_nothing_is_shown_to_who_does_not_bear_it() -> None:
    async def visit(session: ClientSession, url: str, _: Broadcast) -> None:
        for path in ("/", "/events", "/case/x", "/metrics", "/ready"):
            await text_of(session, url + path, 401)
            await text_of(session, url + path, 401, headers={"Authorization": "Bearer other"})
            await text_of(session, url + path, 401, headers={"Cookie": "oidor_board=other"})
        await text_of(session, f"{url}/live")
        for path in ("/", "/case/x", "/metrics", "/ready"):
            await text_of(session, url + path, headers={"Authorization": f"Bearer {TOKEN}"})

    served(visit, TOKEN)


def test_a_person_gives_the_token_once_and_comes_to_where_they_wanted_to_go() -> None:
    async def visit(session: ClientSession, url: str, _: Broadcast) -> None:
        assert 'name="next" value="/case/x%3Flang%3Des"' in await text_of(
            session, f"{url}/case/x?lang=es", 401, headers=HTML
        )
        form = {"token": "wrong", "next": "/case/x%3Flang%3Des"}
        async with session.post(f"{url}/login", data=form, allow_redirects=False) as answer:
            assert answer.status == 401
        async with session.post(f"{url}/login", data=form | {"token": TOKEN}, allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (303, "/case/x?lang=es")
            cookie = answer.headers["Set-Cookie"]
            assert "HttpOnly" in cookie
            assert "SameSite=Lax" in cookie
            assert TOKEN not in cookie
        await text_of(session, url)

    served(visit, TOKEN)


def test_a_page_of_another_site_is_answered_nothing() -> None:
    async def visit(session: ClientSession, url: str, _: Broadcast) -> None:
        await text_of(session, url, 421, headers={"Host": "evil.example:1"})
        await text_of(session, url, headers={"Host": "localhost:1"})
        async with session.post(f"{url}/login", headers={"Origin": "http://evil.example"}) as answer:
            assert answer.status == 403

    served(visit)


@pytest.mark.parametrize(
    ("path", "onward"),
    [
        ("/case/x", "/case/x"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
        ("", "/"),
    ],
)
def test_nobody_is_sent_elsewhere(path: str, onward: str) -> None:
    assert local_path(path) == onward


def test_what_a_person_does_is_published_and_why_not_is_said() -> None:
    action = {"action": "acknowledged", "incident_id": "i1", "who": "ana"}

    async def visit(session: ClientSession, url: str, _: Broadcast) -> None:
        async def sent(**how: Any) -> tuple[int, str]:
            async with session.post(f"{url}/actions", **how) as answer:
                return answer.status, await answer.text()

        acted.clear()
        assert (await sent(json=action))[0] == 401
        bearing = {"Authorization": f"Bearer {TOKEN}"}
        assert (await sent(json=action, headers=bearing))[0] == 204
        assert acted == [("acknowledged", "i1", "ana", "")]
        assert await sent(json=action | {"who": ""}, headers=bearing) == (400, "who: say who you are")
        assert (await sent(json=action | {"action": "maintenance_planned"}, headers=bearing))[0] == 400
        assert (await sent(data=action, headers=bearing))[0] == 415
        assert (await sent(json=action, headers=bearing | {"Origin": "http://evil.example"}))[0] == 403
        assert len(acted) == 1

    served(visit, TOKEN)
