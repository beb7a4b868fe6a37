"""ClickHouse on this machine, for development, demonstration and tests: not for production.

The engine is chDB, the same code as ClickHouse itself, in a process of its own behind the native TCP and the HTTP
protocol, on 127.0.0.1 only, with the user `default` and no password. It has no replication, no access control and no
quotas.

    with LocalClickHouse(Path(".oidor/clickhouse")) as clickhouse:
        clickhouse_driver.Client(clickhouse.host, clickhouse.port)

    python -m deploy.local.clickhouse FOLDER --tcp 9000 --http 8123     # runs until Ctrl-C
"""

import argparse
import fcntl
import os
import signal
import threading
import time
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from deploy.local.ports import free_ports, listens
from deploy.local.processes import Child, ChildError, python_module, server_environment

READY_SECONDS: Final = 30.0
_STOP_SECONDS: Final = 5.0
_STOP = {signal.SIGINT, signal.SIGTERM}


class LocalClickHouse:
    """The server as a child process; its data stays in `home` from run to run, after SIGKILL too."""

    def __init__(self, home: Path, *, port: int | None = None, http_port: int | None = None) -> None:
        self.home = home.resolve()
        self.host = "127.0.0.1"
        self.port = port or free_ports(1)[0]
        self.http_port = http_port or free_ports(1)[0]
        ports = ["--tcp", str(self.port), "--http", str(self.http_port)]
        argv = [*python_module("deploy.local.clickhouse.server"), str(self.home / "data"), *ports]
        self._child = Child(
            "embedded ClickHouse", argv, log=self.home / "server.log", env=server_environment() | {"TZ": "UTC"}
        )

    @property
    def pid(self) -> int | None:
        return self._child.pid

    def start(self, *, wait: float = READY_SECONDS) -> None:
        """Start it and wait until it answers a query; `wait=0` does not wait. Raises ChildError."""
        if not find_spec("chdb"):
            raise ChildError(
                "chdb is not installed, the embedded ClickHouse: `pip install chdb-core` (or `oidor[local]`), "
                "or use a server that runs already (OIDOR_CLICKHOUSE_HOST)"
            )
        self._child.start()
        if wait:
            self.wait_ready(wait)

    def wait_ready(self, seconds: float = READY_SECONDS) -> None:
        """Until a query is answered. Raises ChildError when the server ends or does not answer in time."""
        deadline = time.monotonic() + seconds
        while not self._answers():
            if not self._child.alive:
                raise self._child.failure(f"ended with code {self._child.exit_code}")
            if time.monotonic() > deadline:
                raise self._child.failure(f"does not answer on {self.host}:{self.port}")
            time.sleep(0.05)

    def stop(self) -> None:
        """SIGTERM, and SIGKILL after 5 s. A statement in progress is cut as by `kill`: stop its clients first."""
        self._child.terminate(_STOP_SECONDS)

    def kill(self) -> None:
        """SIGKILL; returns when it is gone."""
        self._child.kill()

    def pause(self) -> None:
        """SIGSTOP: connections stay open, nothing is answered."""
        self._child.pause()

    def resume(self) -> None:
        """SIGCONT."""
        self._child.resume()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.stop()

    def _answers(self) -> bool:
        if not listens(self.host, self.port):
            return False
        from clickhouse_driver import Client
        from clickhouse_driver.errors import Error

        client = Client(self.host, self.port, connect_timeout=1, send_receive_timeout=2)
        try:
            answered = client.execute("SELECT 1") == [(1,)]
            return bool(answered and client.connection.server_info.display_name == str(self.home / "data"))
        except (Error, OSError, EOFError):
            return False
        finally:
            client.disconnect()


def serve(folder: Path, tcp: int, http: int) -> None:
    """Answer on both ports until SIGINT or SIGTERM. Raises SystemExit when the folder is in use or a port is taken."""
    # Before the engine starts its threads, which inherit it: `sigwait` must be the one to get these signals.
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP)
    folder.mkdir(parents=True, exist_ok=True)
    lock = (folder.parent / f"{folder.name}.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise SystemExit(f"{folder} is in use by another process: two engines on one folder would destroy it") from None

    from deploy.local.clickhouse.chdb_engine import Session
    from deploy.local.clickhouse.http_protocol import HttpServer
    from deploy.local.clickhouse.native_protocol import NativeServer

    engine = Session(folder)  # kept open: the engine ends with its last session
    said, timezone = engine.query("SELECT version(), timezone()", "TabSeparated").decode().split()
    major, minor, patch = (int(part) for part in said.split(".")[:3])
    try:
        servers = [NativeServer(tcp, folder, (major, minor, patch), timezone), HttpServer(http, folder)]
    except OSError as error:
        raise SystemExit(f"cannot listen on 127.0.0.1:{tcp} and {http}: {error}") from None
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"ClickHouse {said} (chDB), for development and demonstration only", flush=True)
    print(f"native 127.0.0.1:{tcp}, http://127.0.0.1:{http}, data in {folder}", flush=True)
    signal.sigwait(_STOP)
    os._exit(0)  # every finished statement is in its files already; the clean way would wait for idle clients


def main() -> None:
    """Command line of the server."""
    parser = argparse.ArgumentParser(
        prog="python -m deploy.local.clickhouse.server",
        description="ClickHouse for development and demonstration, on 127.0.0.1.",
    )
    parser.add_argument("folder", type=Path, help="where the data is kept")
    parser.add_argument("--tcp", type=int, default=9000, help="port of the native protocol")
    parser.add_argument("--http", type=int, default=8123, help="port of the HTTP interface")
    arguments = parser.parse_args()
    serve(arguments.folder.resolve(), arguments.tcp, arguments.http)


if __name__ == "__main__":
    main()
