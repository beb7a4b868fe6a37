"""Three copies of everything, two of which must agree: one broker less is a hiccup, two less is a pause."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deploy.local.clickhouse.server import LocalClickHouse
from deploy.local.kafka.server import LocalKafka
from deploy.traffic.scenarios import STORM_LOG, journeys
from tests.stack import naive
from tests.stack.conftest import Fresh
from tests.stack.running import Installation, installed, until
from tests.stack.test_spine import assert_as_undisturbed

pytestmark = pytest.mark.stack

EVENTS = 9_000
GOES_ON_SECONDS = 40


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[LocalKafka]:
    with LocalKafka(tmp_path / "kafka", 3) as kafka:
        yield kafka


@pytest.fixture
def oidor(cluster: LocalKafka, clickhouse: LocalClickHouse, fresh: Fresh, tmp_path: Path) -> Iterator[Installation]:
    settings = fresh.settings(
        brokers=cluster.bootstrap,
        clickhouse_host=clickhouse.host,
        clickhouse_port=clickhouse.port,
        replication=3,
        input_retention_days=-1,
        session_timeout=6,
        heartbeat_interval=1,
    )
    with installed(settings, tmp_path) as installation:
        yield installation


def test_without_one_broker_work_goes_on_without_two_it_waits_for_one_and_nothing_is_lost_or_doubled(
    cluster: LocalKafka, oidor: Installation, tmp_path: Path
) -> None:
    start = datetime.now(UTC) - timedelta(days=20)
    log = list(journeys(STORM_LOG, 12, start, limit=EVENTS, rate=EVENTS / 14_400))
    third = EVENTS // 3
    workers = [oidor.start("worker"), oidor.start("worker")]
    warehouse = oidor.start("warehouse")
    oidor.publish(log[:third])
    until(lambda: oidor.read() >= third // 2, 60, "the first events stored")

    cluster.kill(0)
    killed = time.monotonic()
    oidor.publish(log[third : 2 * third])
    until(lambda: oidor.read() == 2 * third, GOES_ON_SECONDS - (time.monotonic() - killed), "all stored without one")

    cluster.kill(1)
    time.sleep(10)
    assert all(service.alive for service in (*workers, warehouse)), "waiting is no reason to end"

    cluster.start(0)
    oidor.publish(log[2 * third :])
    oidor.settle(EVENTS)
    assert naive.of_log(oidor.settings).differences(naive.of_views(oidor)) == (0, 0, [])
    cluster.start(1)
    assert_as_undisturbed(oidor, tmp_path, EVENTS)
