"""What we take for granted of an Alertmanager, of the real one and of the one that other tests use."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from deploy.board.paging import Alert, Alertmanager, HttpAlertmanager, RefusedAlertsError
from deploy.local.ports import free_ports
from deploy.local.processes import Child
from tests.deploy.board.fake_alertmanager import FakeAlertmanager

BINARY = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
CONFIG = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"
HOUR = 3_600_000
MINE = {"alertname": "OidorIncident", "installation": "here"}


def now() -> int:
    return time.time_ns() // 1_000_000


def labels(name: str, **more: str) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((MINE | {"incident_id": name} | more).items()))


def alert(name: str, **more: str) -> Alert:
    return Alert(labels(name, **more), (("summary", "Two calls wait."),), now() - HOUR)


@asynccontextmanager
async def in_memory(_: Path) -> AsyncIterator[Alertmanager]:
    yield FakeAlertmanager(now)


@asynccontextmanager
async def behind_http(_: Path) -> AsyncIterator[Alertmanager]:
    async with TestServer(FakeAlertmanager(now).app()) as server, aiohttp.ClientSession() as session:
        yield HttpAlertmanager(session, str(server.make_url("/")))


@asynccontextmanager
async def real(home: Path) -> AsyncIterator[Alertmanager]:
    if BINARY is None:
        pytest.skip("no Alertmanager is installed: apt-get install prometheus-alertmanager")
    (home / "alertmanager.yml").write_text(CONFIG)
    (port,) = free_ports(1)
    argv = [BINARY, f"--config.file={home / 'alertmanager.yml'}", f"--storage.path={home / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="]  # fmt: skip
    child = Child("alertmanager", argv, log=home / "log", env={"PATH": "/usr/bin:/bin"})
    child.start()
    try:
        async with aiohttp.ClientSession() as session:
            found = HttpAlertmanager(session, f"http://127.0.0.1:{port}")
            await _until_answered(found)
            yield found
    finally:
        child.terminate(5)


async def _until_answered(alertmanager: Alertmanager) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            await alertmanager.standing(MINE)
            return
        except (OSError, aiohttp.ClientError):
            assert time.monotonic() < deadline, "Alertmanager does not start"
            await asyncio.sleep(0.1)


async def an_alert_stands_with_its_labels_since_it_began(alertmanager: Alertmanager) -> None:
    one = alert("a")
    await alertmanager.post([one.as_json(now(), now() + HOUR)])
    assert await alertmanager.standing(MINE) == [(one.labels, one.starts_at)]


async def an_alert_that_is_sent_again_stands_once(alertmanager: Alertmanager) -> None:
    one = alert("a")
    for _ in range(3):
        await alertmanager.post([one.as_json(now(), now() + HOUR)])
    assert len(await alertmanager.standing(MINE)) == 1


async def an_alert_that_is_over_stands_no_more(alertmanager: Alertmanager) -> None:
    one = alert("a")
    await alertmanager.post([one.as_json(now(), now() + HOUR), alert("b").as_json(now(), now() + HOUR)])
    await alertmanager.post([one.as_json(now(), now())])
    assert [found for found, _ in await alertmanager.standing(MINE)] == [labels("b")]


async def an_alert_that_is_not_sent_again_is_forgotten(alertmanager: Alertmanager) -> None:
    await alertmanager.post([alert("a").as_json(now(), now() + 400)])
    assert len(await alertmanager.standing(MINE)) == 1
    await asyncio.sleep(0.6)
    assert await alertmanager.standing(MINE) == []


async def alerts_of_another_installation_are_not_ours(alertmanager: Alertmanager) -> None:
    await alertmanager.post([alert("a", installation="elsewhere").as_json(now(), now() + HOUR)])
    assert await alertmanager.standing(MINE) == []


async def of_alerts_that_are_sent_together_the_good_ones_are_taken(alertmanager: Alertmanager) -> None:
    bad = Alert((), (), now()).as_json(now(), now() + HOUR)
    with pytest.raises(RefusedAlertsError):
        await alertmanager.post([alert("a").as_json(now(), now() + HOUR), bad])
    assert [found for found, _ in await alertmanager.standing(MINE)] == [labels("a")]


async def an_alert_of_another_owner_is_another_one(alertmanager: Alertmanager) -> None:
    await alertmanager.post([alert("a", owner=who).as_json(now(), now() + HOUR) for who in ("ana", "luis")])
    assert len(await alertmanager.standing(MINE)) == 2


CONTRACT: tuple[Callable[[Alertmanager], Awaitable[None]], ...] = (
    an_alert_stands_with_its_labels_since_it_began,
    an_alert_that_is_sent_again_stands_once,
    an_alert_that_is_over_stands_no_more,
    an_alert_that_is_not_sent_again_is_forgotten,
    alerts_of_another_installation_are_not_ours,
    of_alerts_that_are_sent_together_the_good_ones_are_taken,
    an_alert_of_another_owner_is_another_one,
)
each_kind = pytest.mark.parametrize(
    "kind", [in_memory, behind_http, pytest.param(real, marks=pytest.mark.stack)], ids=lambda kind: kind.__name__
)


@each_kind
@pytest.mark.parametrize("clause", CONTRACT, ids=lambda clause: clause.__name__)
def test_an_alertmanager_keeps_the_contract(
    kind: Callable[[Path], AsyncIterator[Alertmanager]],
    clause: Callable[[Alertmanager], Awaitable[None]],
    tmp_path: Path,
) -> None:
    async def play() -> None:
        async with kind(tmp_path) as alertmanager:  # type: ignore[attr-defined]
            await clause(alertmanager)

    asyncio.run(play())
