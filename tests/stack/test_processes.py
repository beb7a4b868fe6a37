"""`oidor worker --processes N`: real workers share the partitions; one that dies is replaced, SIGTERM ends all."""

import json
import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy.cli.topics import create
from deploy.local.kafka.server import LocalKafka
from deploy.local.ports import free_ports
from deploy.local.processes import Child, python_environment, python_module
from deploy.local.stack import fetch
from processors.settings import Settings
from tests.stack.conftest import Fresh
from tests.stack.running import until
from tests.stack.tcp_proxy import FaultProxy

pytestmark = pytest.mark.stack


def pids(log: Path, port: int) -> list[int]:
    """Who has had its pages on a port, in order: each line of a log begins with time and process."""
    found = re.findall(rf"\[(\d+)\] INFO processors.runtime.status: Pages on http://127.0.0.1:{port}/", log.read_text())
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


@contextmanager
def supervised(settings: Settings, home: Path, processes: int, **others: object) -> Iterator[Child]:
    """`oidor worker --processes N`; its log is in `home`."""
    said = settings.model_dump(exclude_unset=True) | others
    workers = Child(
        "workers",
        [*python_module("deploy.cli"), "worker", "--processes", str(processes)],
        log=home / "workers.log",
        env=python_environment(said),
    )
    workers.start()
    try:
        yield workers
    finally:
        workers.terminate(6)


def test_workers_that_find_no_broker_come_when_there_is_one_and_give_up_on_unequal_topics(
    kafka: LocalKafka, fresh: Fresh, tmp_path: Path
) -> None:
    (port,) = free_ports(1)
    settings = fresh.settings(brokers=kafka.bootstrap, partitions=6, session_timeout=6, heartbeat_interval=1)
    create(settings)
    with FaultProxy(kafka.ports[0], kafka=True) as proxy:
        proxy.refuse()
        behind = {"brokers": f"127.0.0.1:{proxy.port}", "worker_port": port}
        with supervised(settings, tmp_path, 1, **behind) as workers:
            until(lambda: "found no broker: started again in 1 s" in workers.tail(), 30, "the first attempt is over")
            proxy.heal()
            until(lambda: assigned(port) == set(range(6)), 60, "all partitions are assigned")

    with supervised(settings, tmp_path, 2, partitions=5, worker_port=0) as workers:
        assert workers.wait(30) == 2
        assert "has 6 partitions, OIDOR_PARTITIONS is 5" in workers.tail()
        assert "refuses, for the reason above: all are stopped" in workers.tail()


def test_two_processes_share_the_partitions_and_one_that_dies_is_replaced(
    kafka: LocalKafka, fresh: Fresh, tmp_path: Path
) -> None:
    (port,) = free_ports(1)
    settings = fresh.settings(brokers=kafka.bootstrap, partitions=6, session_timeout=6, heartbeat_interval=1)
    create(settings)
    log = tmp_path / "workers.log"
    with supervised(settings, tmp_path, 2, worker_port=port) as workers:
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
