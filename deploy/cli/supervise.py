"""`oidor worker --processes N`: N workers on one machine, each started again when it dies.

A worker that refuses (exit code 2) would refuse again, so all are stopped, and its reason is the last line. A broker
that does not answer is no refusal: brokers come back, so a supervised worker then ends with another exit code and is
started again. However this process ends, no worker stays: see `deploy.local.processes`.
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
"""A worker that ran so long is not crashing in a loop."""

_POLL_SECONDS: Final = 0.1
_OVER_BUDGET_SECONDS: Final = 0.5
"""A worker ends itself at the end of its budget; one that has not by then is killed."""


def run(settings: Settings, processes: int) -> int:
    """Run workers until SIGTERM or SIGINT; returns the exit code: 0, or 2 when a worker refused."""
    slots = [
        Slot(
            Child(
                f"worker {number}",
                [*python_module("deploy.cli"), "worker", "--supervised"],
                env=python_environment({"worker_port": port}),
            )
        )
        for number, port in enumerate(ports(settings, processes), 1)
    ]
    return Supervisor(slots, settings.shutdown_budget).run()


def ports(settings: Settings, processes: int) -> list[int]:
    """Give out consecutive ports from OIDOR_WORKER_PORT, without those of others; 0 lets each take a free one."""
    if not settings.worker_port:
        return [0] * processes
    following = (
        port
        for port in range(settings.worker_port, 65_536)
        if port not in {settings.warehouse_port, settings.board_port}
    )
    return [port for _, port in zip(range(processes), following, strict=False)]


@dataclass
class Backoff:
    """The pause before a worker that died is started again: 1 s, doubling to 30 s while it crashes in a loop."""

    pause: float = FIRST_PAUSE

    def after(self, uptime: float) -> float:
        """Return the pause after an uptime, both in seconds."""
        if uptime >= HEALTHY_SECONDS:
            self.pause = FIRST_PAUSE
        now, self.pause = self.pause, min(2 * self.pause, LONGEST_PAUSE)
        return now


@dataclass
class Slot:
    """A place for one worker: its process, since when it runs, and when it is started next if it does not."""

    child: Child
    backoff: Backoff = field(default_factory=Backoff)
    started: float = 0.0
    due: float | None = 0.0


class Supervisor:
    """Keeps workers running; `budget` is how long each takes at most to shut down, seconds."""

    def __init__(self, slots: Sequence[Slot], budget: float) -> None:
        self._slots, self._budget = slots, budget
        self._stopping = False

    def run(self) -> int:
        with self._signals():
            try:
                while not self._stopping:
                    if self._poll():
                        return EXIT_REFUSED
                    time.sleep(_POLL_SECONDS)
                return 0
            finally:
                self._stop()

    def _poll(self) -> bool:
        """Start workers that are due and notice those that died; returns whether one refused."""
        for slot in self._slots:
            child, now = slot.child, time.monotonic()
            if slot.due is not None and now >= slot.due:
                child.start()
                slot.started, slot.due = now, None
            elif slot.due is None and not child.alive:
                if child.exit_code == EXIT_REFUSED:
                    _say(f"{child.name} refuses, for the reason above: all are stopped")
                    return True
                pause = slot.backoff.after(now - slot.started)
                slot.due = now + pause
                _say(f"{child.name} (process {child.pid}) {_ending(child.exit_code)}: started again in {pause:g} s")
        return False

    def _stop(self) -> None:
        for slot in self._slots:
            slot.child.ask_to_stop()
        deadline = time.monotonic() + self._budget + _OVER_BUDGET_SECONDS
        for slot in self._slots:
            slot.child.terminate(max(0.0, deadline - time.monotonic()))

    @contextmanager
    def _signals(self) -> Iterator[None]:
        def stop(number: int, _: FrameType | None) -> None:
            self._stopping = True

        before: Mapping[int, signal.Handlers | object] = {
            number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
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
