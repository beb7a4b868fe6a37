"""The board in a real browser, beside a real stack: as operations see it."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median
from typing import Any, Final

import pytest
from aiohttp import ClientSession, ClientTimeout, TCPConnector

from deploy.local.clickhouse.server import LocalClickHouse
from deploy.local.kafka.server import LocalKafka
from deploy.local.stack import Service
from deploy.traffic.messages import Message, encode, rfc3339
from processors.settings import Settings
from schemas.topics import CONTACTS
from tests.stack.browser import CHROMIUM, Page, browser
from tests.stack.conftest import Fresh, lacking
from tests.stack.running import Installation, installed

pytestmark = [pytest.mark.stack, pytest.mark.alone]

BOARDS: Final = 20
CORE_SHARE: Final = 0.05
SEEN_SECONDS: Final = 2.0
PICTURES: Final = os.environ.get("OIDOR_BOARD_PICTURES")
"""A folder for pictures of the page, desk and phone, as docs/ has them."""
PACK: Final = """\
policy_id: board
version: "1"
clocks:
  first_response: [{target: 4s, grace: 1s, warn_at: [0.5]}]
  resolve: [{target: 4h, warn_at: [0.8]}]
"""


@pytest.fixture
def settings(kafka: LocalKafka, clickhouse: LocalClickHouse, fresh: Fresh, tmp_path: Path) -> Settings:
    if CHROMIUM is None:
        lacking("chromium is not installed")
    pack = tmp_path / "board.yaml"
    pack.write_text(PACK, encoding="utf-8")
    return fresh.settings(
        brokers=kafka.bootstrap,
        clickhouse_host=clickhouse.host,
        clickhouse_port=clickhouse.port,
        policies=(pack,),
        session_timeout=6,
        heartbeat_interval=1,
    )


def opened(name: str, area: str = "sales") -> Message:
    now = time.time_ns() // 1_000_000
    event = {
        "event_id": f"e-{name}", "event_type": "contact.opened", "schema_version": "1.0", "occurred_at": rfc3339(now),
        "source": "crm", "entity_id": name, "customer": {"id": f"c-{name}"}, "direction": "inbound",
        "channel": "email", "org_unit": f"{area}/support", "priority": "urgent",
    }  # fmt: skip
    return Message(CONTACTS, f"c-{name}", encode(event), now)


def address(service: Service) -> str:
    return service.ready_url.removeprefix("http://").removesuffix("/ready")


def started(oidor: Installation) -> tuple[Service, Service]:
    worker, warehouse = oidor.start("worker"), oidor.start("warehouse")
    return worker, oidor.start("board", board_processes=(address(worker), address(warehouse)))


def watched(board: Service, home: Path, scene: Callable[[Page], Awaitable[None]]) -> None:
    async def watch() -> None:
        async with browser(home / "browser") as page:
            await page.open(f"http://{address(board)}/?lang=en", 1440, 900)
            await page.until("document.getElementById('health')?.dataset.level === 'good'", 30)
            await scene(page)

    asyncio.run(watch())


async def publish(oidor: Installation, *messages: Message) -> None:
    await asyncio.to_thread(oidor.publish, list(messages))


def text_has(text: str) -> str:
    return f"document.body?.innerText.includes({text!r})"  # while a page is left there is no body


async def acknowledged(page: Page, who: str) -> None:
    """Somebody acknowledges the first incident of the list, as a person would."""
    await page.evaluate("document.querySelector('#incidents li button').click()")
    await page.evaluate(f"document.querySelector('#acting input').value = {who!r}")
    await page.evaluate("document.querySelector('[data-action=acknowledged]').click()")


def test_an_event_is_seen_within_two_seconds_and_an_incident_with_its_sentence_and_who_looks_after_it(
    settings: Settings, tmp_path: Path
) -> None:
    with installed(settings, tmp_path) as oidor:
        _, board = started(oidor)

        async def scene(page: Page) -> None:
            took = []
            for number in range(5):
                await publish(oidor, opened(f"B{number}", f"area-{number}"))
                took.append(await page.until(text_has(f"area-{number}"), 10))
            assert median(took) < SEEN_SECONDS, took
            await page.until("document.querySelector('#incidents li.critical, #incidents li.warning')", 20)
            sentence = await page.evaluate("document.querySelector('#incidents .summary').textContent")
            assert len(sentence) > len("first_response"), sentence
            await acknowledged(page, "ana.lopez")
            await page.until(text_has("ana.lopez looks after it"), 10)
            await page.until("document.querySelector('#overdue .figure')?.textContent === '5'", 30)
            assert await page.evaluate("document.querySelectorAll('#deadlines li').length") == 5
            await pictures(page, board)

        watched(board, tmp_path, scene)


async def pictures(page: Page, board: Service) -> None:
    url = f"http://{address(board)}/?lang="
    for name, language, width, height, dark in (("desk", "en", 1280, 1150, False), ("phone", "es", 360, 1150, True)):
        await page.open(url + language, width, height, dark=dark)
        await page.until("document.querySelector('#overdue .figure')?.textContent === '5'", 10)
        assert await page.evaluate("document.documentElement.scrollWidth") == width, "nothing is wider than the window"
        if PICTURES:
            (Path(PICTURES) / f"board-{name}.png").write_bytes(await page.picture())


def test_figures_stay_while_a_worker_starts_again_and_the_page_says_of_when_they_are(
    settings: Settings, tmp_path: Path
) -> None:
    with installed(settings, tmp_path) as oidor:
        worker, board = started(oidor)
        port = int(address(worker).rpartition(":")[2])

        async def scene(page: Page) -> None:
            await publish(oidor, opened("R1", "returns"))
            await page.until(text_has("returns"), 10)
            worker.kill()
            await page.until("document.getElementById('health')?.dataset.level === 'bad'", 30)
            assert "has not answered for" in await page.text()
            assert "returns" in await page.text(), "what was known is still shown"
            oidor.launch("worker", worker_port=port)
            await page.until("document.getElementById('health')?.dataset.level === 'good'", 60)
            assert "returns" in await page.text()
            assert board.pid is not None
            os.kill(board.pid, signal.SIGSTOP)
            try:
                await page.until("document.body.classList.contains('stale')", 15)
                assert "Stale: nothing heard from the board" in await page.text()
            finally:
                os.kill(board.pid, signal.SIGCONT)
            await page.until("!document.body.classList.contains('stale')", 15)

        watched(board, tmp_path, scene)


def test_a_case_is_told_and_without_the_database_its_page_says_so_and_the_board_goes_on(
    settings: Settings, tmp_path: Path
) -> None:
    with installed(settings, tmp_path) as oidor:
        worker, board = started(oidor)
        oidor.publish([opened("W1")])
        oidor.settle(1)
        alone = oidor.start("board", board_processes=(address(worker),), clickhouse_port=1)

        async def scene(page: Page) -> None:
            await page.open(f"http://{address(board)}/case/contact-events/crm/W1?lang=es", 800, 800)
            await page.until("document.querySelector('article.why[lang=es]')", 30)
            assert "W1" in await page.text()
            await page.open(f"http://{address(alone)}/case/contact-events/crm/W1", 800, 800)
            await page.until(text_has("ClickHouse at"), 30)
            await page.open(f"http://{address(alone)}/?lang=en", 800, 800)
            await page.until(text_has("Reading live"), 15)

        watched(board, tmp_path, scene)


def test_twenty_open_boards_cost_next_to_nothing(settings: Settings, tmp_path: Path) -> None:
    with installed(settings, tmp_path) as oidor:
        _, board = started(oidor)
        oidor.publish([opened(f"L{number}", f"area-{number % 10}") for number in range(200)])
        asyncio.run(_look_on(board, 8))  # incidents come

        used = asyncio.run(_look_on(board, 15))

        assert used / 15 < CORE_SHARE, f"{used:.2f} s of CPU in 15 s"
        print(f"\n{BOARDS} boards: {100 * used / 15:.1f} % of a core")


async def _look_on(board: Service, seconds: float) -> float:
    """Seconds of CPU that the board uses while so many look on."""
    heard: list[int] = []

    async def look(session: ClientSession) -> None:
        bytes_heard = 0
        try:
            async with asyncio.timeout(seconds), session.get(f"http://{address(board)}/events") as events:
                async for some in events.content.iter_any():
                    bytes_heard += len(some)
        except TimeoutError:
            heard.append(bytes_heard)

    before = _cpu(board.pid)
    how: Any = {"timeout": ClientTimeout(total=None), "connector": TCPConnector(limit=BOARDS)}
    async with ClientSession(**how) as session:
        await asyncio.gather(*(look(session) for _ in range(BOARDS)))
    assert len(heard) == BOARDS
    assert min(heard) > 1_000 * (seconds - 3), heard
    return _cpu(board.pid) - before


def _cpu(pid: int | None) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
