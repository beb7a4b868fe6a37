"""Child processes that never outlive their parent.

The kernel can tie a child to its parent only on Linux, and there to the parent's *thread*, which may end earlier. So
one process (reaper.py) holds the reading end of a pipe; when the parent is gone, for whatever reason, it kills all that
is left. A child announces itself in that pipe before it becomes its program, so there is no moment at which it runs
unwatched.
"""

import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType, MappingProxyType
from typing import Any

from pydantic import SecretStr

log = logging.getLogger(__name__)

# The standard output of the shell is the reaper's pipe until the program takes its place: same process, same pid.
_LAUNCH = 'echo "+$$"; log=$1; shift; exec "$@" >>"$log" 2>&1'
_LAUNCH_ALOUD = 'echo "+$$"; shift; exec "$@" >&2'


class ChildError(RuntimeError):
    """A child process that did not do what it was started for; the text ends with the tail of its log."""


class Child:
    """One program in a session of its own, its output appended to a log file; without one it goes to our stderr.

    A stopped one can be started again.
    """

    def __init__(
        self, name: str, argv: Sequence[str], *, log: Path | None = None, env: Mapping[str, str] | None = None
    ) -> None:
        self.name, self.argv, self.log, self.env = name, list(argv), log and log.resolve(), env
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; returns at once. `env` replaces the environment. Raises ChildError when it already runs."""
        if self.alive:
            raise ChildError(f"{self.name} already runs, process {self.pid}")
        if self.log:
            self.log.parent.mkdir(parents=True, exist_ok=True)
            self.log.touch()
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", _LAUNCH if self.log else _LAUNCH_ALOUD, "sh", str(self.log), *self.argv],
            stdin=subprocess.DEVNULL,
            stdout=_reaper.pipe(),
            stderr=subprocess.DEVNULL if self.log else None,
            env=None if self.env is None else dict(self.env),
            start_new_session=True,  # Ctrl-C in the terminal is for the parent, which stops its children in order
        )
        _reaper.add(self._process.pid)

    @property
    def pid(self) -> int | None:
        """Of the program itself; None before the first start."""
        return self._process.pid if self._process else None

    @property
    def alive(self) -> bool:
        """Running or paused."""
        if self._process is None:
            return False
        if self._process.poll() is None:
            return True
        _reaper.forget(self._process.pid)
        return False

    @property
    def exit_code(self) -> int | None:
        """As subprocess has it: None while it runs or before the first start, -9 after SIGKILL."""
        return self._process.poll() if self._process else None

    def wait(self, timeout: float) -> int:
        """Wait until it ends; returns its exit code. Kills it and raises ChildError after `timeout` seconds."""
        try:
            self._wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise self.failure(f"did not end within {timeout:g} s") from None
        return self.exit_code or 0

    def kill(self) -> None:
        """Send SIGKILL; returns when it is gone."""
        self._signal(signal.SIGKILL)
        self._wait(None)

    def terminate(self, timeout: float = 10) -> float:
        """Send SIGTERM, and SIGKILL after `timeout` seconds; returns the seconds that it took."""
        began = time.monotonic()
        self.ask_to_stop()
        try:
            self._wait(timeout)
        except subprocess.TimeoutExpired:
            log.warning("%s did not stop within %.1f s of SIGTERM: killed", self.name, timeout)
            self.kill()
        return time.monotonic() - began

    def ask_to_stop(self) -> None:
        """Send SIGTERM without waiting, also to a paused one: to several at once, before `terminate` of each."""
        self._signal(signal.SIGCONT)
        self._signal(signal.SIGTERM)

    def pause(self) -> None:
        """Send SIGSTOP and wait until it holds: the process and its connections stay, nothing moves."""
        self._signal(signal.SIGSTOP)
        if self._process and self.alive and hasattr(os, "waitid"):  # macOS has it from Python 3.13 on
            with contextlib.suppress(ChildProcessError):
                os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def resume(self) -> None:
        """Send SIGCONT."""
        self._signal(signal.SIGCONT)

    def tail(self, lines: int = 15) -> str:
        """Return the last lines of its log; nothing without one."""
        if self.log is None:
            return ""
        with contextlib.suppress(OSError), self.log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 65_536))
            return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])
        return ""

    def failure(self, what: str) -> ChildError:
        """Make an error that says what happened to this child and shows the tail of its log."""
        if self.log is None:
            return ChildError(f"{self.name} {what}")
        return ChildError(f"{self.name} {what}; its log {self.log} ends with:\n{self.tail() or '(nothing)'}")

    def _signal(self, number: int) -> None:
        if self._process and self.alive:
            os.killpg(self._process.pid, number)

    def _wait(self, timeout: float | None) -> None:
        if self._process:
            self._process.wait(timeout)
            _reaper.forget(self._process.pid)


class _Reaper:
    """Our end of the pipe to the one reaper of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._owner = 0
        self._watched: set[int] = set()

    def pipe(self) -> int:
        """Return the descriptor to announce children on; starts the reaper when there is none."""
        with self._lock:
            if self._owner != os.getpid():  # the first use, or we are a fork: the other reaper is our parent's
                self._watched.clear()
            elif self._process and self._process.poll() is None:
                return self._descriptor()
            script = Path(__file__).with_name("reaper.py")
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(script), str(os.getpid())],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=server_environment(),
                text=True,
                start_new_session=True,
            )
            self._owner = os.getpid()
            for pid in self._watched:
                self._announce("+", pid)
            return self._descriptor()

    def add(self, pid: int) -> None:
        """The child says so itself, but it may be stopped before it can."""
        with self._lock:
            self._watched.add(pid)
            self._announce("+", pid)

    def forget(self, pid: int) -> None:
        """To be called once the child is reaped: its number may belong to another process from then on."""
        with self._lock:
            if pid in self._watched:
                self._watched.remove(pid)
                self._announce("-", pid)

    def _announce(self, sign: str, pid: int) -> None:
        with contextlib.suppress(BrokenPipeError):
            os.write(self._descriptor(), f"{sign}{pid}\n".encode())

    def _descriptor(self) -> int:
        assert self._process is not None
        assert self._process.stdin is not None
        return self._process.stdin.fileno()


_reaper = _Reaper()


def python_module(module: str) -> list[str]:
    """Return the command that runs a module of this project, from any directory, in `python_environment()`."""
    return [sys.executable, "-P", "-m", module]


def python_environment(settings: Mapping[str, Any] = MappingProxyType({})) -> dict[str, str]:
    """Return our environment, with this project importable, and with these settings of it, by name."""
    paths = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
    variables = {f"OIDOR_{name.upper()}": _as_text(value) for name, value in settings.items()}
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))} | variables


def server_environment() -> dict[str, str]:
    """Return our environment without settings of this project: who needs none must not see its passwords."""
    return {name: value for name, value in python_environment().items() if not name.startswith("OIDOR_")}


def _as_text(value: object) -> str:
    if isinstance(value, tuple | list):
        return ",".join(map(str, value))
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return "" if value is None else str(value)


@contextlib.contextmanager
def orderly_exit() -> Iterator[None]:
    """Let SIGTERM and SIGHUP raise SystemExit, as Ctrl-C raises KeyboardInterrupt: `with` blocks clean up.

    Does nothing outside the main thread, where signal handlers cannot be set.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number: int, _: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
