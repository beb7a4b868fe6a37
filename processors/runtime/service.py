"""What both processes share: pages for operations, and leaving within one budget whatever hangs."""

import asyncio
import gc
import logging
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, Final

import faust
from aiohttp import web
from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.errors import KafkaConnectionError
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest

from processors.runtime.log_throttle import Repeats
from processors.settings import Settings

logger = logging.getLogger(__name__)

Readiness = Callable[[], tuple[bool, Mapping[str, Any]]]
"""Whether work is being done, and the reasons, as JSON."""

EXIT_REFUSED: Final = 2
"""Exit code when this process must not go on: someone has to change something first."""
EXIT_NO_BROKER: Final = 75
"""Exit code of a supervised worker that found no broker when it started: later there may be one (EX_TEMPFAIL)."""
EXIT_STUCK: Final = 70
"""Exit code when this process was found stuck: started again, it works."""

SWITCH_SECONDS: Final = 0.0005
"""After which a thread that computes lets another: at Python's 5 ms the consumer's thread waits for a step at each of
the many times that it needs the interpreter for one fetch.
"""

_MACHINERY: Final = ("aiokafka", "faust", "mode", "aiohttp", "processors.runtime.seam")
_REPEATED_SECONDS: Final = 10.0
_LEVELS: Final = {"debug": "DEBUG", "info": "INFO", "warning": "WARNING", "error": "ERROR"}


class StatusServer:
    """`/metrics`, `/ready` and `/live` of a process."""

    def __init__(self, host: str, port: int, readiness: Readiness, refuse: Callable[[str], None]) -> None:
        self.port = port
        self._refuse = refuse
        self._host, self._readiness = host, readiness
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen; with port 0 on a free one, which `port` says then."""
        pages = web.Application()
        pages.router.add_get("/metrics", self._metrics)
        pages.router.add_get("/ready", self._ready)
        pages.router.add_get("/live", self._live)
        self._runner = web.AppRunner(pages, access_log=None, handle_signals=False)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self.port, shutdown_timeout=0.5)
        try:
            await site.start()
        except OSError as error:
            self._refuse(f"the pages cannot have {self._host}:{self.port} ({error.strerror}): choose another port")
            return
        self.port = self._runner.addresses[0][1]
        logger.info("Pages on http://%s:%d/ready", self._host, self.port)

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _metrics(self, request: web.Request) -> web.Response:
        """All metrics, or those asked for: `/metrics?name[]=feedback_events_total`, as Prometheus clients have it."""
        names = request.query.getall("name[]", [])
        asked = REGISTRY.restricted_registry(names) if names else REGISTRY
        return web.Response(body=generate_latest(asked), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _ready(self, _: web.Request) -> web.Response:
        ready, reasons = self._readiness()
        return web.json_response({"ready": ready, **reasons}, status=200 if ready else 503)

    async def _live(self, _: web.Request) -> web.Response:
        return web.json_response({"live": True})


def datadir() -> str:
    """Where Faust keeps what it insists on keeping: nothing of ours. One for all processes, so that none piles up."""
    return str(Path(tempfile.gettempdir()) / f"oidor-faust-{getattr(os, 'getuid', int)()}")


class Shutdown:
    """One budget from the signal to the exit. Being cut short is safe: it is a crash, and crashes lose nothing."""

    def __init__(self, budget: float) -> None:
        self.code = 0
        self._budget = budget
        self._timer: threading.Timer | None = None

    def refuse(self, why: str) -> None:
        """This process must not go on: say so in one line, and leave with exit code 2."""
        logger.critical("%s", why)
        self.code = EXIT_REFUSED
        os.kill(os.getpid(), signal.SIGTERM)

    def begin(self) -> None:
        """Start the clock; a second call changes nothing."""
        if self._timer is None:
            self._timer = threading.Timer(self._budget, self._cut)
            self._timer.daemon = True
            self._timer.start()

    def _cut(self) -> None:
        logger.warning("Not done within %g s: leaving without", self._budget)
        os._exit(self.code)


class _Worker(faust.Worker):
    shutdown: Shutdown
    side_tasks: Sequence[Callable[[], Coroutine[Any, Any, None]]]

    async def on_first_start(self) -> None:
        await super().on_first_start()
        for work in self.side_tasks:
            self.add_future(work())

    def _schedule_shutdown(self, number: Any) -> None:
        self.shutdown.begin()
        super()._schedule_shutdown(number)


def run_app(
    app: faust.App,
    settings: Settings,
    shutdown: Shutdown,
    side_tasks: Sequence[Callable[[], Coroutine[Any, Any, None]]],
) -> int:
    """Run an app until a signal; returns the exit code. `shutdown.code` is what a refusal has set.

    `side_tasks` is what runs from the first moment on: Faust's own tasks begin after the first rebalance has ended, and
    until then nobody would see that it does not.
    """
    tune_gc()
    sys.setswitchinterval(SWITCH_SECONDS)
    loop = _event_loop()
    worker = _Worker(app, loop=loop, loglevel=_LEVELS[settings.log_level.lower()], logging_config=_logging(settings))
    worker.shutdown, worker.side_tasks = shutdown, side_tasks
    worker.spinner = None
    try:
        worker.execute_from_commandline()
    except SystemExit as exit_:
        code = exit_.code if isinstance(exit_.code, int) else 1
        return shutdown.code or code
    return shutdown.code


def tune_gc() -> None:
    """Tune the garbage collector to states that grow, live long and hold no cycles.

    At its defaults it looks through young objects a hundred times a second, which takes a seventh of the CPU, and now
    and then through all that is not that young, which holds everything up for as long as half a second.
    """
    gc.freeze()
    gc.set_threshold(10_000, 2, 100)
    gc.callbacks.append(_freeze_what_stays)


def _freeze_what_stays(phase: str, info: Mapping[str, int]) -> None:
    """What two collections found in use is state: never looked through again, it goes once nothing refers to it."""
    if phase == "stop" and info["generation"]:
        gc.freeze()


def _event_loop() -> asyncio.AbstractEventLoop:
    """uvloop where there is one, for the consumer's thread too: it carries a fifth more events."""
    try:
        import uvloop
    except ImportError:
        pass
    else:
        uvloop.install()
        survive_closed_connections()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    return loop


def survive_closed_connections() -> None:
    """Let aiokafka take a write to a connection that was just reset for the lost connection that it is.

    uvloop raises a RuntimeError there, asyncio nothing; aiokafka expects an OSError. Else the routine that happens to
    write, of a producer or of the group's coordination, ends for ever in a process that looks alive.
    """
    send = AIOKafkaConnection.send

    @wraps(send)
    def sending(connection: AIOKafkaConnection, *args: Any, **kwargs: Any) -> Any:
        try:
            return send(connection, *args, **kwargs)
        except RuntimeError as error:
            connection.close(reason=CloseReason.CONNECTION_BROKEN)
            raise KafkaConnectionError(f"connection to {connection.host}:{connection.port} lost: {error}") from error

    if not hasattr(send, "__wrapped__"):
        AIOKafkaConnection.send = sending


def _logging(settings: Settings) -> dict[str, Any]:
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"format": "%(asctime)s [%(process)d] %(levelname)s %(name)s: %(message)s"}},
        "filters": {"repeats": {"()": Repeats, "loggers": _MACHINERY, "seconds": _REPEATED_SECONDS}},
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "formatter": "line",
                "filters": ["repeats"],
                "stream": "ext://sys.stderr",
            }
        },
        "root": {"handlers": ["stderr"], "level": _LEVELS[settings.log_level.lower()]},
        # What these say at INFO is about their own machinery.
        "loggers": {name: {"level": "WARNING"} for name in _MACHINERY},
    }
