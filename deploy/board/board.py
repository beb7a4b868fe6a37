"""The process: reads, asks, and renders once a second what everybody sees."""

import asyncio
import logging.config
import signal
import time
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Final

import msgspec
from aiokafka.errors import KafkaError
from mode.utils.logging import get_logger

from deploy.board import paging
from deploy.board.actions import ActionBook, Handling
from deploy.board.entrance import Entrance
from deploy.board.health import SILENT_MS, KafkaStanding
from deploy.board.incidents import Incident, IncidentBook
from deploy.board.pages import CONNECTIONS_MAX, BoardPages, CaseTelling
from deploy.board.processes import Processes
from deploy.board.reading import TopicReader
from deploy.board.rejections import RejectionWatch
from deploy.board.snapshot import Snapshot, snapshot
from deploy.board.stream import Broadcast
from processors.runtime.logs import logging_config
from processors.runtime.problems import Problem, ProblemJournal
from processors.runtime.security import aiokafka_client
from processors.runtime.shutdown import Shutdown
from processors.runtime.status import PageServer, Readiness, StatusPages
from processors.runtime.timeouts import wall_ms
from processors.runtime.tuning import tuned_event_loop
from processors.settings import Settings
from schemas.actions import AnyAction
from schemas.errors import OidorError
from schemas.topics import ACTIONS, INCIDENTS
from sinks.actions import ActionPublisher
from sinks.metrics import board as families
from sinks.metrics.board import BoardMetrics
from sinks.metrics.shared import LAST_ANSWER

logger = get_logger(__name__)

Making = Callable[[Any, str, str, str], AnyAction]
"""Makes an action: what, about which incident, by whom, with a note. Raises OidorError."""

RENDER_SECONDS: Final = 1.0
SEND_SECONDS: Final = 8.0
_WAITS: Final = "the board shows what it knows and says how old it is: nothing else is held up"


def run(settings: Settings, telling: CaseTelling, making: Making) -> int:
    """Runs a board until a signal; returns the exit code: 0, or 2 when it must not go on.

    `telling` asks the database for a case, in a thread of its own; `making` makes what a person does an action.
    """
    logging.config.dictConfig(logging_config(settings.log_level, settings.log_format))
    shutdown = Shutdown(settings.shutdown_budget)
    with asyncio.Runner(loop_factory=tuned_event_loop) as runner:
        runner.run(_run(settings, telling, making, shutdown))
    return shutdown.code


async def _run(settings: Settings, telling: CaseTelling, making: Making, shutdown: Shutdown) -> None:
    ending = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ending.set)
    board = Board(settings, telling, making, shutdown.refuse)
    await board.start()
    await ending.wait()
    shutdown.begin()
    await board.stop()


class Board:
    """What is read and asked, and what is shown of it."""

    def __init__(self, settings: Settings, telling: CaseTelling, making: Making, refuse: Callable[[str], None]) -> None:
        token = settings.pages_token.get_secret_value()
        self._metrics, self._broadcast, self._journal = BoardMetrics(), Broadcast(), ProblemJournal()
        self._book, self._actions = IncidentBook(), ActionBook()
        self._processes = Processes(settings.board_processes, token)
        self._rejections = RejectionWatch(wall_ms())
        client = aiokafka_client(settings)
        self._readers = [
            TopicReader(client, settings.topic_prefix + INCIDENTS, lambda one: self._book.read(one.key, one.value)),
            TopicReader(
                client, settings.topic_prefix + ACTIONS, lambda one: self._actions.read(one.value, one.timestamp)
            ),
        ]
        self._making, self._publisher = making, ActionPublisher(client, prefix=settings.topic_prefix)
        self._paging = partial(paging.run, self.standing, settings, self._metrics)
        self._shown: Snapshot | None = None
        self._tasks: list[asyncio.Task[None]] = []
        status = StatusPages(readiness=self.readiness, registry=self._metrics.registry, token=token)
        pages = BoardPages(status, Entrance(token), self._broadcast, telling, self.act)
        self._server = PageServer(
            settings.web_host,
            settings.board_port,
            pages.answer,
            refuse=refuse,
            connections_max=CONNECTIONS_MAX,
        )

    async def start(self) -> None:
        """Begins to read, to ask, and to serve."""
        work: list[Coroutine[Any, Any, None]] = [
            self._render_for_ever(),
            *(one.run() for one in self._readers),
            self._paging(),
        ]
        self._tasks = [asyncio.create_task(one) for one in work]
        await self._server.start()

    async def stop(self) -> None:
        """Ends all of it."""
        self._broadcast.end()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._processes.close()
        await self._publisher.close()
        await self._server.stop()

    def standing(self) -> list[tuple[Incident, Handling]] | None:
        """The incidents that are open, with what people did about them; None while not all of that is read."""
        if not self._kafka().caught_up:
            return None
        return [(one, self._actions.of(one.incident_id)) for one in self._book.standing]

    async def act(self, what: str, incident_id: str, who: str, note: str) -> None:
        """Publishes what a person does; it is shown once it is read. Raises OidorError."""
        action = self._making(what, incident_id, who, note)
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await self._publisher.publish(action)
        except (KafkaError, OSError, TimeoutError) as error:
            raise OidorError(f"Kafka did not take it: {error or type(error).__name__}") from error

    def readiness(self) -> Readiness:
        """Ready is a board that reads its topics; what is wrong elsewhere it shows."""
        shown = [problem._asdict() for problem in self._journal.look(self._problems(), wall_ms())]
        return Readiness(not shown, {"problems": shown, "streams": self._broadcast.streams})

    def _problems(self) -> list[Problem]:
        kafka = self._kafka()
        found = [Problem(f"topic {text}", text, _WAITS) for text in kafka.troubles]
        if not kafka.caught_up:
            found.append(Problem("reading", "not all incidents are read yet", _WAITS))
        if self._shown is None:
            found.append(Problem("rendering", "nothing was rendered yet", _WAITS))
        return found

    def _kafka(self) -> KafkaStanding:
        return KafkaStanding(
            min(one.answered_at for one in self._readers),
            all(one.caught_up for one in self._readers),
            tuple(one.trouble for one in self._readers if one.trouble),
        )

    async def _render_for_ever(self) -> None:
        """Once a second; outlives whatever a rendering raises."""
        while True:
            began = time.monotonic()
            try:
                await self._processes.ask()
                self._render()
            except Exception:
                logger.exception("The board was not rendered")
            await asyncio.sleep(max(0.05, RENDER_SECONDS - (time.monotonic() - began)))

    def _render(self) -> None:
        began, now, floor, kafka = time.perf_counter(), wall_ms(), self._processes.floor, self._kafka()
        for one in floor.heard.values():
            if one.floor is not None and one.floor.role == "worker":
                self._rejections.look(one.address, one.floor.instance, one.floor.rejected, now)
        self._shown = snapshot(floor, self._book, self._actions, self._rejections, kafka, now)
        self._broadcast.publish(msgspec.json.encode(self._shown))
        silent = sum(now - one.heard_at > SILENT_MS for one in floor.heard.values())
        self._metrics.set(families.STREAMS, self._broadcast.streams)
        self._metrics.set(families.INCIDENTS, self._shown.numbers.incidents)
        self._metrics.set(families.PROCESSES_SILENT, silent)
        self._metrics.set(families.RENDERED, now / 1000)
        self._metrics.set(LAST_ANSWER, kafka.answered_at / 1000)
        self._metrics.record(families.RENDERING, time.perf_counter() - began)
        self._journal.look(self._problems(), now)
