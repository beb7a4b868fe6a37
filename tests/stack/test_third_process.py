"""A third process on a real broker, and what each process exports: its own families, and no others."""

from pathlib import Path

import pytest
from kafka import KafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic

from deploy.local.clickhouse.server import LocalClickHouse
from deploy.local.kafka.server import LocalKafka
from deploy.local.stack import Service, fetch
from sinks.metrics import warehouse, worker
from sinks.metrics.family import Family
from sinks.metrics.shared import SHARED
from tests.processors.runtime import toy
from tests.stack.conftest import Fresh
from tests.stack.running import installed, until

pytestmark = pytest.mark.stack

FAMILIES: dict[str, tuple[Family, ...]] = {
    "worker": worker.FAMILIES,
    "warehouse": warehouse.FAMILIES,
    "toy": toy.FAMILIES,
}


def exported(service: Service) -> set[str]:
    """The names of our families on its page, without suffixes."""
    _, page = fetch(service.ready_url.removesuffix("/ready") + "/metrics")
    names = (line.split()[2] for line in page.splitlines() if line.startswith("# TYPE feedback_"))
    return {name.removesuffix("_total").removesuffix("_created") for name in names}


def test_a_third_process_needs_no_copy_and_each_exports_its_own_families_only(
    kafka: LocalKafka, clickhouse: LocalClickHouse, fresh: Fresh, tmp_path: Path
) -> None:
    settings = fresh.settings(
        brokers=kafka.bootstrap, clickhouse_host=clickhouse.host, clickhouse_port=clickhouse.port, partitions=2
    )
    topic = settings.topic_prefix + toy.TOPIC
    KafkaAdminClient(bootstrap_servers=kafka.bootstrap).create_topics([NewTopic(topic, 2, 1)])
    with installed(settings, tmp_path) as oidor:
        services = {
            "worker": oidor.start("worker"),
            "warehouse": oidor.start("warehouse"),
            "toy": oidor.launch("worker", module="tests.stack.toy_process"),
        }
        services["toy"].wait_ready(40)
        with_records = KafkaProducer(bootstrap_servers=kafka.bootstrap)
        for number in range(200):
            with_records.send(topic, b"x", partition=number % 2)
        with_records.flush()

        until(lambda: oidor.metric("feedback_toy_records_total") == 200, 20, "all records are counted")

        shared = {family.exported_name for family in SHARED}
        for process, service in services.items():
            own = {family.exported_name for family in FAMILIES[process]}
            assert exported(service) <= own | shared, process
            assert shared <= exported(service), process
        assert services["toy"].terminate(10) < 5
        assert services["toy"].exit_code == 0
