"""The image that `make image` built, at work: `python -m tests.stack.image`. Ends with code 1 when it does not work.

A container of it checks the policies, makes topics and tables, and runs a worker, a warehouse and a board, as nobody,
beside the servers of this machine. buildah runs containers by chroot: with the network of the machine, and a file
system that only its rights protect.
"""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from deploy.local.ports import free_ports
from deploy.local.processes import Child
from deploy.local.stack import Stack, fetch
from sinks.clickhouse import Address, connect

USER: Final = 10001
PROCESSES: Final = ("worker", "warehouse", "board")
MESSAGES: Final = 2_000
_BUILDAH: Final = ("buildah", "--storage-driver", "vfs")
_READY_SECONDS: Final = 90
_STORED_SECONDS: Final = 60


class NotWorkingError(Exception):
    """What the image does not do, in one line."""


class Container:
    """One container of the image; each command in it is a process of this machine."""

    def __init__(self, name: str, environment: Mapping[str, str]) -> None:
        self.name = name
        self._environment = [part for pair in environment.items() for part in ("--env", "=".join(pair))]

    def run(self, *command: str) -> str:
        """Run to its end; returns what it printed."""
        done = subprocess.run(self.command(*command), capture_output=True, text=True, check=False, timeout=120)
        if done.returncode:
            raise NotWorkingError(f"{' '.join(command)} ended with {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def command(self, *command: str) -> list[str]:
        run = (*_BUILDAH, "run", "--isolation", "chroot", "--user", str(USER), *self._environment)
        return [*run, self.name, "--", *command]


@contextlib.contextmanager
def container(environment: Mapping[str, str]) -> Iterator[Container]:
    name = subprocess.run((*_BUILDAH, "from", "oidor:local"), capture_output=True, text=True, check=True).stdout.strip()
    try:
        yield Container(name, environment)
    finally:
        subprocess.run((*_BUILDAH, "rm", name), capture_output=True, check=False)


def works(home: Path) -> None:
    """Raises NotWorkingError."""
    ports = dict(zip(PROCESSES, free_ports(len(PROCESSES)), strict=True))
    with Stack(home / "stack") as stack:
        settings = stack.settings()
        environment = {
            "OIDOR_BROKERS": settings.brokers,
            "OIDOR_CLICKHOUSE_HOST": settings.clickhouse_host,
            "OIDOR_CLICKHOUSE_PORT": str(settings.clickhouse_port),
            "OIDOR_WEB_HOST": "127.0.0.1",
            "OIDOR_BOARD_PROCESSES": f"127.0.0.1:{ports['worker']},127.0.0.1:{ports['warehouse']}",
            **{f"OIDOR_{name.upper()}_PORT": str(port) for name, port in ports.items()},
        }
        with container(environment) as oidor:
            _say("policies", oidor.run("oidor", "policies", "check"))
            _nothing_but_tmp_can_be_written(oidor)
            oidor.run("oidor", "topics", "create")
            _say("migrate", f"{len(oidor.run('oidor', 'migrate').splitlines())} migrations applied")
            with contextlib.ExitStack() as running:
                for name, port in ports.items():
                    process = Child(name, oidor.command("oidor", name), log=home / f"{name}.log")
                    process.start()
                    running.callback(process.terminate, 20)
                    _ready(process, port)
                    _say(name, f"ready, as uid {_user_of(f'oidor {name}')}")
                oidor.run("oidor", "publish", "--scenario", "steady", "--limit", str(MESSAGES), "--hours", "1")
                client = connect(Address.of(settings), 30, database=settings.clickhouse_database)
                _stored(client.execute)
                _say("stored", f"{MESSAGES} published messages are accounted for in ClickHouse")


def _nothing_but_tmp_can_be_written(oidor: Container) -> None:
    oidor.run("sh", "-c", "touch /tmp/mine && rm /tmp/mine")
    found = oidor.run(
        "sh", "-c", "find /opt /usr /etc -writable -not -type l -print -quit 2> /dev/null || true"
    ).strip()
    if found:
        raise NotWorkingError(f"{found} can be written by uid {USER}")


def _ready(process: Child, port: int) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    status, answer = 0, "nothing"
    while time.monotonic() < deadline and process.alive:
        status, answer = fetch(f"http://127.0.0.1:{port}/ready")
        if status == 200:
            return
        time.sleep(0.2)
    raise NotWorkingError(f"{process.name} is not ready, /ready says {answer!r}; its log ends with:\n{process.tail()}")


def _user_of(command: str) -> int:
    """The user that runs a command, as the kernel says; who started its container has the same words as arguments."""
    users = set()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (folder / "cmdline").read_bytes().decode().split("\0")
            if Path(words[0]).name.startswith("python") and command in " ".join(Path(word).name for word in words[1:]):
                users.add(os.stat(folder).st_uid)
    if users != {USER}:
        raise NotWorkingError(f"{command} runs as {sorted(users) or 'nobody'}, not as {USER}")
    return users.pop()


def _stored(execute: object) -> None:
    assert callable(execute)
    deadline = time.monotonic() + _STORED_SECONDS
    query = (
        "SELECT sum(records_read), sum(abs(difference_read) + abs(difference_stored) + abs(difference_rejected))"
        " FROM v_reconciliation"
    )
    row = (0, 0)
    while time.monotonic() < deadline:
        (row,) = execute(query)
        if row == (MESSAGES, 0):
            return
        time.sleep(0.5)
    raise NotWorkingError(f"of {MESSAGES} messages {row[0]} are read, with a difference of {row[1]}")


def _say(what: str, line: str) -> None:
    print(f"{what:10}", " ".join(line.split()), flush=True)


def main() -> int:
    with TemporaryDirectory(prefix="oidor-image-") as home:
        try:
            works(Path(home))
        except NotWorkingError as error:
            print(f"image: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
