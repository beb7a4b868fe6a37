"""`oidor worker --processes 2`: two real workers share the partitions; one that dies is replaced, SIGTERM ends all."""

import json
import os
import re
import signal
import time
from pathlib import Path

import pytest

from deploy.local.children import Child, python_environment, python_module
from deploy.local.kafka import LocalKafka
from deploy.local.ports import free_ports
from deploy.local.stack import fetch
from deploy.topics import create
from tests.stack.conftest import Fresh
from tests.stack.running import until

pytestmark = pytest.mark.stack


def pids(log: Path, port: int) -> list[int]:
    """Who has had its pages on a port, in order: each line of a log begins with time and process."""
    found = re.findall(rf"\[(\d+)\] INFO processors.runtime: Pages on http://127.0.0.1:{port}/", log.read_text())
    return [int(pid) for pid in found]


def assigned(port: int) -> set[int]:
    status, page = fetch(f"http://127.0.0.1:{port}/ready")
    return set(json.loads(page)["assignment"]["contact-events"]) if status == 200 else set()


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_two_processes_share_the_partitions_and_one_that_dies_is_replaced(
    kafka: LocalKafka, fresh: Fresh, tmp_path: Path
) -> None:
    (port,) = free_ports(1)
    settings = fresh.settings(brokers=kafka.bootstrap, partitions=6, session_timeout=6, heartbeat_interval=1)
    create(settings)
    said = settings.model_dump(exclude_unset=True) | {"worker_port": port}
    log = tmp_path / "workers.log"
    workers = Child(
        "workers",
        [*python_module("deploy.cli"), "worker", "--processes", "2"],
        log=log,
        env=python_environment() | {f"OIDOR_{name.upper()}": str(value) for name, value in said.items()},
    )
    workers.start()
    try:
        until(lambda: assigned(port) | assigned(port + 1) == set(range(6)), 60, "all partitions are assigned")
        until(lambda: bool(assigned(port)) and bool(assigned(port + 1)), 60, "both have some")
        (first,), (second,) = pids(log, port), pids(log, port + 1)

        os.kill(first, signal.SIGKILL)
        until(lambda: len(pids(log, port)) == 2, 20, "another in its place")
        until(lambda: len(assigned(port)) == len(assigned(port + 1)) == 3, 60, "half of the partitions each")

        began = time.monotonic()
        workers.ask_to_stop()
        assert workers.wait(10) == 0
        assert time.monotonic() - began <= 5
        assert all(gone(pid) for pid in (*pids(log, port), second))
    finally:
        workers.terminate(6)
