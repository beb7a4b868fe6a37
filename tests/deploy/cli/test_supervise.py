"""Workers that die are started again, those that refuse end it all, and nobody is left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy.cli.supervise import Backoff, ports
from deploy.local.processes import python_environment, python_module
from processors.settings import Settings

SUPERVISED = """
import sys
from deploy.local.processes import Child
from deploy.cli.supervise import Slot, Supervisor

children = [Child(f"worker {n}", [sys.executable, "-c", sys.argv[1], str(n)]) for n in (1, 2)]
sys.exit(Supervisor([Slot(child) for child in children], 2).run())
"""
LIVES = "import os, time; print('lives', os.getpid(), flush=True); time.sleep(60)"
SECOND_REFUSES = (
    "import sys, time; print('no topic', file=sys.stderr); sys.exit(2) if sys.argv[1] == '2' else time.sleep(60)"
)
DEAF = "import signal; signal.signal(15, signal.SIG_IGN); " + LIVES


def test_pauses_double_up_to_half_a_minute_and_begin_anew_after_a_minute_of_health() -> None:
    backoff = Backoff()

    assert [backoff.after(uptime=1) for _ in range(7)] == [1, 2, 4, 8, 16, 30, 30]
    assert backoff.after(uptime=61) == 1
    assert backoff.after(uptime=1) == 2


@pytest.mark.parametrize(
    ("worker", "warehouse", "expected"),
    [(7000, 6067, [7000, 7001, 7002]), (6066, 6067, [6066, 6069, 6070]), (0, 6067, [0, 0, 0])],
)
def test_pages_get_consecutive_ports_and_leave_warehouse_and_board_their_own(
    worker: int, warehouse: int, expected: list[int]
) -> None:
    assert ports(Settings(worker_port=worker, warehouse_port=warehouse), 3) == expected


@contextmanager
def supervised(program: str, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], Callable[[], str]]]:
    said = tmp_path / "said"
    with said.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", SUPERVISED, program], env=python_environment(), stderr=file, stdout=file
        )
        try:
            yield process, said.read_text
        finally:
            process.kill()
            process.wait()


def lives(said: str) -> list[int]:
    return [int(line.split()[1]) for line in said.splitlines() if line.startswith("lives")]


def until(holds: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.05)


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_one_that_is_killed_is_started_again_and_sigterm_ends_all(tmp_path: Path) -> None:
    with supervised(LIVES, tmp_path) as (process, said):
        until(lambda: len(lives(said())) == 2)
        victim, other = lives(said())

        os.kill(victim, signal.SIGKILL)
        until(lambda: len(lives(said())) == 3)
        process.send_signal(signal.SIGTERM)

        assert process.wait(5) == 0
        assert f"(process {victim}) was killed by signal 9: started again in 1 s" in said()
        until(lambda: gone(other) and gone(lives(said())[2]))


def test_one_that_refuses_ends_all_with_exit_code_two_and_its_reason(tmp_path: Path) -> None:
    with supervised(SECOND_REFUSES, tmp_path) as (process, said):
        assert process.wait(15) == 2
        assert "no topic\noidor: worker 2 refuses, for the reason above: all are stopped" in said()
        assert "started again" not in said()


@pytest.mark.parametrize(
    ("variables", "last_words"),
    [
        ({"OIDOR_POLICIES": "no-such-pack.yaml"}, "no-such-pack.yaml"),
        ({"OIDOR_PARTITIONS": "none"}, "OIDOR_PARTITIONS"),
    ],
    ids=["policies", "partitions"],
)
def test_wrong_settings_end_all_with_exit_code_two_also_while_the_broker_is_away(
    variables: dict[str, str], last_words: str
) -> None:
    with commanded("worker", "--processes", "2", **variables) as process:
        _, said = process.communicate(timeout=30)
        assert process.returncode == 2
        assert last_words in said


def test_a_broker_that_is_away_is_waited_for_by_supervised_workers_and_told_by_one_that_is_alone() -> None:
    with commanded("worker", OIDOR_WORKER_PORT="0") as alone, commanded("worker", "--processes", "1") as supervised:
        _, said = alone.communicate(timeout=60)
        assert alone.returncode == 2
        assert said.splitlines() == [said.strip()]
        assert "cannot reach Kafka at 127.0.0.1:1;" in said

        assert supervised.stderr is not None
        for line in supervised.stderr:
            if "found no broker: started again in 2 s" in line:
                break
        assert supervised.poll() is None
        supervised.terminate()
        assert supervised.wait(10) == 0


@contextmanager
def commanded(*command: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """`oidor` with these arguments, and a broker that nobody has."""
    process = subprocess.Popen(
        [*python_module("deploy.cli"), *command],
        env=python_environment() | {"OIDOR_BROKERS": "127.0.0.1:1"} | variables,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_those_that_do_not_listen_are_killed_when_their_budget_is_over(tmp_path: Path) -> None:
    with supervised(DEAF, tmp_path) as (process, said):
        until(lambda: len(lives(said())) == 2)
        began = time.monotonic()

        process.send_signal(signal.SIGINT)

        assert process.wait(10) == 0
        assert 2 <= time.monotonic() - began < 4
        assert all(gone(pid) for pid in lives(said()))


def test_nobody_is_left_when_the_supervisor_itself_is_killed(tmp_path: Path) -> None:
    with supervised(LIVES, tmp_path) as (process, said):
        until(lambda: len(lives(said())) == 2)

        process.kill()

        until(lambda: all(gone(pid) for pid in lives(said())))
