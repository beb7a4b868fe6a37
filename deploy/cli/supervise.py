"""`oidor worker --processes N`: N workers on one machine, each started again when it dies.

A worker that refuses (exit code 2) would refuse again: then all are stopped, and what it said is the last word. That no
broker answers is no refusal here, though it is one to who starts a worker by hand: brokers come back, so a supervised
worker says it with another exit code, and is started again. However this process ends, no worker stays: see
`deploy.local.processes`.
"""

import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Final

from deploy.local.processes import Child, python_environment, python_module
from processors.runtime.shutdown import EXIT_NO_BROKER, EXIT_REFUSED, EXIT_STUCK
from processors.settings import Settings

FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 30.0
HEALTHY_SECONDS: Final = 60.0
"""Who has lived so long is not dying in a row."""

_LOOK_SECONDS: Final = 0.1
_OVER_BUDGET_SECONDS: Final = 0.5
"""A worker cuts itself short at the end of its budget; who has not by then is killed."""


def run(settings: Settings, processes: int) -> int:
    """Run workers until SIGTERM or SIGINT; returns the exit code: 0, or 2 when one of them refused."""
    workers = [
        Worker(
            Child(
                f"worker {number}",
                [*python_module("deploy.cli"), "worker", "--supervised"],
                env=python_environment({"worker_port": port}),
            )
        )
        for number, port in enumerate(ports(settings, processes), 1)
    ]
    return Supervisor(workers, settings.shutdown_budget).run()


def ports(settings: Settings, processes: int) -> list[int]:
    """Consecutive ones from OIDOR_WORKER_PORT, without the warehouse's; 0 lets each take a free one."""
    if not settings.worker_port:
        return [0] * processes
    following = (port for port in range(settings.worker_port, 65_536) if port != settings.warehouse_port)
    return [port for _, port in zip(range(processes), following, strict=False)]


@dataclass
class Restarts:
    """How long to wait before a worker that died is started again: 1 s, doubling to 30 s while it dies in a row."""

    pause: float = FIRST_PAUSE

    def after(self, lived: float) -> float:
        """The pause after a life of so many seconds."""
        if lived >= HEALTHY_SECONDS:
            self.pause = FIRST_PAUSE
        now, self.pause = self.pause, min(2 * self.pause, LONGEST_PAUSE)
        return now


@dataclass
class Worker:
    """One place for a worker: who runs there, since when, and when the next one starts if nobody does."""

    child: Child
    restarts: Restarts = field(default_factory=Restarts)
    started: float = 0.0
    due: float | None = 0.0


class Supervisor:
    """Keeps workers running; `budget` is what each takes at most to leave, in seconds."""

    def __init__(self, workers: Sequence[Worker], budget: float) -> None:
        self._workers, self._budget = workers, budget
        self._asked = False

    def run(self) -> int:
        with self._signals():
            try:
                while not self._asked:
                    if self._look():
                        return EXIT_REFUSED
                    time.sleep(_LOOK_SECONDS)
                return 0
            finally:
                self._stop()

    def _look(self) -> bool:
        """Start who is due, see who died; whether one of them refused."""
        for worker in self._workers:
            child, now = worker.child, time.monotonic()
            if worker.due is not None and now >= worker.due:
                child.start()
                worker.started, worker.due = now, None
            elif worker.due is None and not child.alive:
                if child.exit_code == EXIT_REFUSED:
                    _say(f"{child.name} refuses, for the reason above: all are stopped")
                    return True
                pause = worker.restarts.after(now - worker.started)
                worker.due = now + pause
                _say(f"{child.name} (process {child.pid}) {_ending(child.exit_code)}: started again in {pause:g} s")
        return False

    def _stop(self) -> None:
        for worker in self._workers:
            worker.child.ask_to_stop()
        deadline = time.monotonic() + self._budget + _OVER_BUDGET_SECONDS
        for worker in self._workers:
            worker.child.terminate(max(0.0, deadline - time.monotonic()))

    @contextmanager
    def _signals(self) -> Iterator[None]:
        def ask(number: int, _: FrameType | None) -> None:
            self._asked = True

        before: Mapping[int, signal.Handlers | object] = {
            number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)  # type: ignore[arg-type]


def _ending(code: int | None) -> str:
    if code == EXIT_STUCK:
        return "was stuck and ended itself"
    if code == EXIT_NO_BROKER:
        return "found no broker"
    return f"was killed by signal {-code}" if code is not None and code < 0 else f"ended with code {code}"


def _say(line: str) -> None:
    print(f"oidor: {line}", file=sys.stderr, flush=True)
