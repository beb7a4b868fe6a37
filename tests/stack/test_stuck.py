"""A worker that is stuck ends itself within half a minute and is started again; one that waits for a peer does not."""

import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deploy.local.clickhouse.server import LocalClickHouse
from deploy.local.kafka.server import LocalKafka
from deploy.local.processes import python_environment, python_module
from deploy.traffic.scenarios import STEADY, journeys
from tests.stack.conftest import Fresh
from tests.stack.running import installed, until
from tests.stack.test_worker_durability import PARTITIONS, Fleet, fleet

pytestmark = pytest.mark.stack

SUPERVISED = """
import sys
from deploy.local.processes import Child
from deploy.cli.supervise import Slot, Supervisor

sys.exit(Supervisor([Slot(Child("worker 1", sys.argv[1:]))], 4).run())
"""


SESSION_SECONDS = 6


@pytest.mark.parametrize(("what", "unnoticed"), [("loop", 0), ("thread", 0), ("member", SESSION_SECONDS)])
def test_a_stuck_worker_ends_itself_within_thirty_seconds_and_its_successor_counts_everything(
    what: str, unnoticed: int, kafka: LocalKafka, fresh: Fresh, tmp_path: Path
) -> None:
    settings = fresh.settings(
        brokers=kafka.bootstrap,
        partitions=PARTITIONS,
        session_timeout=SESSION_SECONDS,
        heartbeat_interval=1,
        worker_port=0,
    )
    mark, said = tmp_path / "was-stuck", tmp_path / "said"
    with fleet(settings, tmp_path) as workers, said.open("wb") as log:
        supervisor = subprocess.Popen(
            [sys.executable, "-c", SUPERVISED, *python_module("tests.stack.stuck_worker"), what, str(mark)],
            env=python_environment(settings.model_dump(exclude_unset=True)),
            stderr=log,
        )
        try:
            until(mark.exists, 40, "the worker is stuck")
            began = time.monotonic()
            workers.publish(1)

            until(lambda: "was stuck and ended itself" in said.read_text(), 30 + unnoticed, "the worker ends itself")
            ended = time.monotonic() - began
            assert "most recent call first" in said.read_text()
            assert counted(workers) == workers.truth.total()
        finally:
            supervisor.terminate()
            assert supervisor.wait(6) == 0
    print(f"stuck in its {what}: ended after {ended:.0f} s")


def counted(workers: Fleet) -> int:
    return sum(sum(state.totals.values()) for state in workers.settled(60))


def test_a_broker_that_stands_still_for_a_minute_ends_nobody(
    clickhouse: LocalClickHouse, fresh: Fresh, tmp_path: Path
) -> None:
    log = list(journeys(STEADY, 3, datetime.now(UTC) - timedelta(minutes=20), limit=1_000, rate=5))
    with LocalKafka(tmp_path / "kafka") as kafka:
        settings = fresh.settings(
            brokers=kafka.bootstrap,
            clickhouse_host=clickhouse.host,
            clickhouse_port=clickhouse.port,
            partitions=PARTITIONS,
        )
        with installed(settings, tmp_path) as oidor:
            services = [oidor.start("worker"), oidor.start("warehouse")]
            oidor.publish(log[:500])
            before = [service.pid for service in services]

            kafka.pause(0)
            paused = time.monotonic()
            newcomer = oidor.launch("worker", module="tests.stack.counting_worker")
            assert newcomer.wait(50) == 2, newcomer.tail(20)  # who comes now can compare its topics with nothing
            assert "Kafka did not say what its topics are like" in newcomer.tail(20)
            time.sleep(65 - (time.monotonic() - paused))
            kafka.resume(0)

            oidor.publish(log[500:])
            oidor.settle(len(log))
            assert [(service.pid, service.alive) for service in services] == [(pid, True) for pid in before]
