"""A long backlog on a machine that is busy with other work: everything is slow, and nobody is stuck.

`BACKLOG_NICE=0 BACKLOG_EVENTS=100000 pytest tests/stack/test_busy_machine.py` is the long one, of some minutes.
"""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from deploy.local.stack import Service
from deploy.traffic.scenarios import STEADY, journeys
from processors.settings import Settings
from tests.stack.running import installed, until

pytestmark = [pytest.mark.stack, pytest.mark.alone]

EVENTS: Final = int(os.environ.get("BACKLOG_EVENTS", "10000"))
SECONDS: Final = 30 + EVENTS / 500
"""How long the machine is busy, at most."""
LOOPS: Final = 2
LOW: Final = int(os.environ.get("BACKLOG_NICE", "10"))
"""Priority of our own processes: at 10 the loops get nine tenths of the machine."""


def prioritise(pid: int, nice: int) -> None:
    """Set the priority of a process: of its threads, and of its session where the kernel shares by sessions."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.setpriority(os.PRIO_PROCESS, int(thread.name), nice)
    if (session := Path(f"/proc/{pid}/autogroup")).exists():
        session.write_text(str(nice))


@contextlib.contextmanager
def busy() -> Iterator[None]:
    """Other work, for as long as it lasts."""
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"], start_new_session=True) for _ in range(LOOPS)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def test_a_backlog_on_a_busy_machine_ends_no_process(settings: Settings, tmp_path: Path) -> None:
    log = list(journeys(STEADY, 7, datetime.now(UTC) - timedelta(hours=3), limit=EVENTS, rate=EVENTS / 7_200))
    with installed(settings, tmp_path) as oidor:
        services: list[Service] = [oidor.start("worker"), oidor.start("warehouse")]
        before = [service.pid for service in services if service.pid is not None]
        for pid in before:
            prioritise(pid, LOW)
        with busy():
            oidor.publish(log)
            deadline = time.monotonic() + SECONDS
            while time.monotonic() < deadline and all(service.alive for service in services) and oidor.read() < EVENTS:
                time.sleep(1)
            read, load = oidor.read(), os.getloadavg()[0]
        print(f"{read} of {EVENTS} events in {time.monotonic() - deadline + SECONDS:.0f} s, load {load:.1f}")
        assert [(service.pid, service.alive) for service in services] == [(pid, True) for pid in before]
        for pid in before:
            prioritise(pid, 0)
        until(lambda: oidor.read() == EVENTS, 60, "all is read")
        assert [(service.pid, service.alive) for service in services] == [(pid, True) for pid in before]
