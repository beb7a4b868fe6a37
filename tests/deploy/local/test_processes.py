"""No child outlives its parent, and stopping one takes what it says."""

import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.processes import Child, ChildError, orderly_exit

SLEEP = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]
DEAF = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(60)",
]


@contextlib.contextmanager
def running(argv: list[str], log: Path) -> Iterator[Child]:
    child = Child("sleeper", argv, log=log)
    child.start()
    try:
        until(lambda: "up" in child.tail())
        yield child
    finally:
        child.kill()


def until(condition: object, seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.02)


def state(pid: int) -> str:
    """The letter of `ps`: S asleep, T stopped, Z not yet collected; empty when it is gone."""
    return subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout[:1]


def gone(pid: int) -> bool:
    return state(pid) in ("", "Z")


def test_a_terminated_child_ends_at_once_and_a_deaf_one_after_its_time(tmp_path: Path) -> None:
    with running(SLEEP, tmp_path / "log") as child:
        assert child.terminate(10) < 5
        assert child.exit_code == -signal.SIGTERM
    with running(DEAF, tmp_path / "deaf") as child:
        assert 0.3 <= child.terminate(0.3) < 5
        assert child.exit_code == -signal.SIGKILL


def test_a_paused_child_is_alive_and_can_still_be_terminated(tmp_path: Path) -> None:
    with running(SLEEP, tmp_path / "log") as child:
        assert child.pid
        child.pause()
        until(lambda: state(child.pid or 0) == "T")
        assert child.alive
        assert child.terminate(10) < 5


def test_a_child_can_be_started_again_but_not_twice(tmp_path: Path) -> None:
    with running(SLEEP, tmp_path / "log") as child:
        with pytest.raises(ChildError, match="already runs"):
            child.start()
        first = child.pid
        child.kill()
        child.start()
        assert child.alive
        assert child.pid != first


def test_the_failure_of_a_child_shows_the_end_of_its_log(tmp_path: Path) -> None:
    child = Child("broker", [sys.executable, "-c", "raise SystemExit('the port is taken')"], log=tmp_path / "log")
    child.start()
    assert child.wait(10) == 1
    assert "broker ended badly" in str(child.failure("ended badly"))
    assert "the port is taken" in str(child.failure("ended badly"))


def test_a_program_that_does_not_exist_is_an_exit_code_and_a_line_in_the_log(tmp_path: Path) -> None:
    child = Child("nothing", ["/nonexistent/program"], log=tmp_path / "log")
    child.start()
    assert child.wait(10) in (126, 127)
    assert "/nonexistent/program" in child.tail()


PARENT = """
import json, signal, sys, threading, time
from pathlib import Path
from deploy.local.processes import Child, orderly_exit

home = Path(sys.argv[1])
sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored by whatever a shell starts in the background
children = [Child(f"child{n}", sleep, log=home / f"{n}.log") for n in range(3)]
starters = [threading.Thread(target=child.start) for child in children]  # they end, their children do not
with orderly_exit():
    try:
        for starter in starters: starter.start()
        for starter in starters: starter.join()
        children[2].pause()  # at once: it may not have become its program yet
        print(json.dumps([child.pid for child in children]), flush=True)
        time.sleep(60)
    finally:
        if sys.argv[2] == "orderly":
            print([child.terminate(5) < 5 for child in children], flush=True)
"""


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGKILL, -9), (signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, -2)]
)
def test_no_child_outlives_its_parent(number: signal.Signals, code: int, tmp_path: Path) -> None:
    # Given a parent whose children were started by threads that have ended, one of them paused
    orderly = "no" if number == signal.SIGKILL else "orderly"
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path), orderly],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert parent.stdout
    pids = json.loads(parent.stdout.readline())
    assert not any(gone(pid) for pid in pids)
    # When it is ended
    parent.send_signal(number)
    # Then it ends as one expects of that signal, and within five seconds no child is there
    assert parent.wait(10) == code
    until(lambda: all(gone(pid) for pid in pids))
    assert orderly == "no" or parent.stdout.read().strip() == "[True, True, True]"
    parent.stdout.close()


def test_handlers_are_as_before_after_an_orderly_exit() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit, match="143"), orderly_exit():
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) == before
