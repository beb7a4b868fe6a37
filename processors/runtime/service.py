"""What every process is: a Faust app, an agent a topic, a tick, pages, a watchdog, one budget to end in.

A process says only what is its own: see `Process`. All that runs for ever, and all that must never raise, is here.
"""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Protocol

import faust
from aiokafka.errors import KafkaError
from faust.types import TP
from mode.utils.logging import get_logger
from prometheus_client import CollectorRegistry

from processors.runtime import symptoms
from processors.runtime.answers import BrokerAnswers
from processors.runtime.logs import logging_config
from processors.runtime.membership import KafkaCoordinator, MembershipMonitor
from processors.runtime.problems import Problem, ProblemJournal
from processors.runtime.seam import BatchingApp
from processors.runtime.security import aiokafka_client
from processors.runtime.shutdown import Shutdown
from processors.runtime.slices import Slice
from processors.runtime.status import Document, Readiness, StatusServer
from processors.runtime.suspects import Work, WorkWatch
from processors.runtime.symptoms import LeaderMonitor, Progress, Symptoms
from processors.runtime.timeouts import LAST_COMMIT_SECONDS, loop_time, wall_ms
from processors.runtime.tuning import tuned_event_loop
from processors.runtime.watchdog import Watchdog
from processors.settings import Settings

logger = get_logger(__name__)

Background = Callable[[], Coroutine[Any, Any, None]]

_JOURNAL_SECONDS: Final = 1.0
_LEVELS: Final = {"debug": "DEBUG", "info": "INFO", "warning": "WARNING", "error": "ERROR"}


class Process(Protocol):
    """What one kind of process does with what it reads."""

    @property
    def tick_seconds(self) -> float:
        """Between two calls of `tick`."""

    @property
    def background(self) -> Sequence[Background]:
        """What runs for ever, beside, once the process has joined its group."""

    async def deliver(self, batch: Slice) -> None:
        """Takes a slice. What it raises is logged: a slice that was not taken must be found missing, and read again."""

    async def tick(self) -> None:
        """Does what no slice causes, as opening what is assigned; not called during a rebalance.

        May raise KafkaError or OSError: the next tick tries again.
        """

    def update_gauges(self) -> None:
        """Shows how it stands, after every tick."""

    async def revoked(self, numbers: Collection[int], seconds: float) -> None:
        """Gives up partitions: whatever is to be durable of them has so many seconds."""

    async def shutdown(self, seconds: float) -> None:
        """Ends, within so many seconds. Never raises."""

    def opened(self) -> Collection[int]:
        """The partition numbers that it takes slices of."""

    def progress(self) -> Sequence[Progress]:
        """How far each open topic-partition has come, for the watchdog."""

    def in_hand(self) -> Work | None:
        """What a step of it is doing now; asked from another thread, while the event loop may hang in that step."""

    def symptoms(self, working: bool, answered: bool) -> Symptoms:
        """What else is not as it should be.

        `working`: it has joined its group, and no rebalance is going on. `answered`: Kafka answers.
        """

    def problems(self) -> Sequence[Problem]:
        """Why it is not ready."""

    def details(self) -> Mapping[str, Any]:
        """What else `/ready` shows, as JSON."""


class Service:
    """A process on its app: runs it, watches it, shows how it stands, ends it."""

    def __init__(
        self,
        settings: Settings,
        app: BatchingApp,
        process: Process,
        shutdown: Shutdown,
        *,
        port: int,
        registry: CollectorRegistry,
        answered: Callable[[float], object],
        documents: Mapping[str, Document] = MappingProxyType({}),
    ) -> None:
        """`port` and `registry`: of the pages, and of the metrics on them. `documents`: more pages, by path.

        `answered` is told each second when Kafka has answered last, a Unix time.
        """
        self._settings, self._app, self._process, self._shutdown = settings, app, process, shutdown
        self._status_server = StatusServer(
            settings.web_host,
            port,
            readiness=self.readiness,
            registry=registry,
            refuse=shutdown.refuse,
            token=settings.pages_token.get_secret_value(),
            documents=documents,
        )
        self._leaders = LeaderMonitor(self._unfetched, lambda tps: app.consumer().ends(tps))
        coordinator = KafkaCoordinator(aiokafka_client(settings), app.inputs.group)
        self._monitor = MembershipMonitor(coordinator, lambda: app.consumer().member())
        work = WorkWatch(process.in_hand, lambda tp, offset, text: app.consumer().note(tp, offset, text))
        self._watchdog = Watchdog(self.symptoms, lambda: app.consumer().pulse(), each_second=work.look)
        self._answers, self._answered = BrokerAnswers(), answered
        self._journal = ProblemJournal()
        self._joined = self._ending = False
        self._ticked_at = float("inf")
        self._wire()

    def run(self) -> int:
        """Runs until a signal; returns the exit code: 0, or 2 when it must not go on."""
        watching = (self._watchdog.run, self._leaders.run, self._monitor.run, self._keep_journal)
        return _run_app(self._app.faust, self._settings, self._shutdown, (self._status_server.start, *watching))

    def readiness(self) -> Readiness:
        """What `/ready` shows: a process is ready when it works on everything that is assigned to it."""
        shown = [problem._asdict() for problem in self._journal.look(self.problems(), wall_ms())]
        return Readiness(not shown, {"problems": shown, "assignment": self._assigned(), **self._process.details()})

    def problems(self) -> list[Problem]:
        """Why this process is not ready now."""
        assigned = {number for numbers in self._assigned().values() for number in numbers}
        problems = []
        if not self._joined:
            means = "nothing is assigned to this process: its first rebalance has not ended"
            problems.append(Problem("member", "not a member of the consumer group yet", means))
        if self._app.faust.rebalancing:
            means = "the group is sharing out its partitions: this process reads nothing until that ends"
            problems.append(Problem("rebalance", "a rebalance is going on", means))
        if closed := sorted(assigned - set(self._process.opened())):
            means = "their records wait in Kafka until they are open"
            problems.append(Problem("closed", f"partitions not open: {closed}", means))
        stuck = "if it lasts, this process ends itself, and works when it is started again"
        watched = (Problem(f"watchdog: {symptom}", symptom, stuck) for symptom in self._watchdog.problems())
        outages = self._answers.problems(self._reading(), wall_ms())
        return [*outages, *problems, *self._process.problems(), *watched]

    async def _keep_journal(self) -> None:
        """Looks though nobody asks: the log tells of what lasts. Outlives whatever a look raises."""
        while not self._ending:
            try:
                self._look()
            except Exception:
                logger.exception("What is wrong cannot be told")
            await asyncio.sleep(_JOURNAL_SECONDS)

    def _look(self) -> None:
        self._answers.listen(self._monitor.answered_at, self._reading(), loop_time())
        if self._answers.at:
            self._answered(self._answers.at / 1000)
        self._journal.look(self.problems(), wall_ms())

    def symptoms(self) -> Symptoms:
        """What is wrong now, for the watchdog."""
        working = self._working()
        found = symptoms.of_membership(self._monitor.membership, working, self._settings.session_timeout)
        found |= self._process.symptoms(working, not self._answers.silent)
        if working:
            found |= symptoms.of_timer(self._ticked_at, loop_time())
            found |= symptoms.of_reading(self._reading(), self._leaders.answered)
        return found

    def _working(self) -> bool:
        return self._joined and not self._app.faust.rebalancing

    def _unfetched(self) -> Collection[TP]:
        return symptoms.unfetched(self._reading(), wall_ms())

    def _reading(self) -> Sequence[Progress]:
        """How far what is read has come; nothing is read during a rebalance."""
        return self._process.progress() if self._working() else ()

    def _assigned(self) -> dict[str, list[int]]:
        """Logical topic -> partition numbers; nothing before this process has joined."""
        if not self._joined:
            return {}
        assignment = list(self._app.consumer().assignment())
        return {
            topic: sorted(tp.partition for tp in assignment if tp.topic == name)
            for topic, name in self._app.inputs.topics.items()
        }

    def _wire(self) -> None:
        app = self._app.faust
        for topic, stream in self._app.streams.items():
            app.agent(stream, name=f"agent-{topic}", concurrency=1)(self._deliver)
        app.timer(self._process.tick_seconds, name="tick")(self._tick)
        for work in self._process.background:
            app.task()(work)
        app.on_partitions_assigned.connect(self._on_assigned, weak=False)
        app.on_partitions_revoked.connect(self._on_revoked, weak=False)
        app.on_before_shutdown.connect(self._before_shutdown, weak=False)

    async def _deliver(self, stream: Any) -> None:
        async for batch in stream.noack():
            try:
                await self._process.deliver(batch)
            except Exception:  # an exception would stop the agent; what was not taken is found missing, and read again
                logger.exception("A slice was not taken: %s[%d]@%d", batch.topic, batch.partition, batch.begin)

    async def _tick(self) -> None:
        self._ticked_at = loop_time()
        try:
            if not (self._ending or self._app.faust.rebalancing):
                await self._process.tick()
        except (KafkaError, OSError) as error:
            logger.warning("The consumer does not answer, next attempt at the next tick: %r", error)
        self._process.update_gauges()

    async def _on_assigned(self, *_: Any, **__: Any) -> None:
        self._joined = True
        self._ticked_at = min(self._ticked_at, loop_time())

    async def _on_revoked(self, *arguments: Any, **_: Any) -> None:
        _app, revoked = arguments
        await self._process.revoked({tp.partition for tp in revoked}, LAST_COMMIT_SECONDS)

    async def _before_shutdown(self, *_: Any, **__: Any) -> None:
        self._ending = True
        self._shutdown.begin()
        self._watchdog.stop()
        await self._process.shutdown(min(LAST_COMMIT_SECONDS, self._settings.shutdown_budget / 2))
        await self._status_server.stop()


class _FaustWorker(faust.Worker):
    """Runs an app; `side_tasks` from the first moment on.

    Faust's own tasks begin after the first rebalance has ended, and until then nobody would see that it does not.
    """

    shutdown: Shutdown
    side_tasks: Sequence[Background]

    async def on_first_start(self) -> None:
        await super().on_first_start()
        for work in self.side_tasks:
            self.add_future(work())

    def _schedule_shutdown(self, number: Any) -> None:
        self.shutdown.begin()
        super()._schedule_shutdown(number)


def _run_app(app: faust.App, settings: Settings, shutdown: Shutdown, side_tasks: Sequence[Background]) -> int:
    loop = tuned_event_loop()
    config = logging_config(settings.log_level, settings.log_format)
    worker = _FaustWorker(app, loop=loop, loglevel=config["root"]["level"], logging_config=config)
    worker.shutdown, worker.side_tasks = shutdown, side_tasks
    worker.spinner = None
    try:
        worker.execute_from_commandline()
    except SystemExit as exit_:
        code = exit_.code if isinstance(exit_.code, int) else 1
        return shutdown.code or code
    return shutdown.code
