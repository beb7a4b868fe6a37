"""Requests that never end cost a worker neither its files nor its partitions."""

import contextlib
import os
import resource
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from deploy.local.stack import fetch
from processors.runtime.status import CONNECTIONS_MAX
from processors.settings import Settings
from tests.stack.running import READY_SECONDS, installed, until
from tests.stack.test_spine import a_log

pytestmark = pytest.mark.stack
SETTINGS = {"partitions": 2}
REQUESTS: Final = 600
FILES: Final = 256


def test_six_hundred_half_requests_leave_a_worker_the_files_that_a_rebalance_needs(
    settings: Settings, tmp_path: Path
) -> None:
    with installed(settings, tmp_path) as oidor:
        with few_files():
            worker = oidor.launch("worker")
        worker.wait_ready(READY_SECONDS)
        before = len(os.listdir(f"/proc/{worker.pid}/fd"))
        held = half_requests(int(worker.ready_url.rpartition(":")[2].removesuffix("/ready")))
        files = len(os.listdir(f"/proc/{worker.pid}/fd"))
        assert files <= before + CONNECTIONS_MAX + 10, f"{files} files, {before} before"
        assert fetch(worker.ready_url)[0] == 200

        other = oidor.start("worker")  # a rebalance needs new connections
        other.terminate()
        until(lambda: fetch(worker.ready_url)[0] == 200, 30, "ready again, with all partitions")
        oidor.start("warehouse")
        published = oidor.publish(a_log(seed=31, events=40))
        until(lambda: oidor.read() == published, 30, "everything read")
        assert worker.alive
        print(f"{len(held)} half requests: {before} files before, {files} with them")


@contextlib.contextmanager
def few_files() -> Iterator[None]:
    """What is started in this block may open so many files."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def half_requests(port: int) -> list[socket.socket]:
    """Connections with a request whose headers do not end."""
    connections = []
    for _ in range(REQUESTS):
        connection = socket.create_connection(("127.0.0.1", port), timeout=2)
        with contextlib.suppress(OSError):  # those that end already
            connection.send(b"GET /metrics HTTP/1.1\r\nHost: x\r\nX: ")
        connections.append(connection)
    return connections
