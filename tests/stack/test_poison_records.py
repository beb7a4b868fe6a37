"""Eight megabytes of wrong JSON are rejected in passing: nobody waits for them, and no worker ends over them."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from kafka import KafkaProducer

from deploy.local.clickhouse.server import LocalClickHouse
from deploy.local.kafka.server import LocalKafka
from schemas.topics import CONTACTS
from tests.stack import probed_worker
from tests.stack.conftest import Fresh
from tests.stack.running import installed, until

pytestmark = pytest.mark.stack

RECORDS: Final = 30
BYTES: Final = 256 * 1024 - 600
WRONG: Final[dict[str, Any]] = {"customer": {"id": "c1", "aliases": [1] * (BYTES // 3)}}
SECONDS: Final = 30
PAUSE_SECONDS: Final = 0.2


def opened(entity_id: str, **fields: Any) -> bytes:
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    event = {
        "event_id": entity_id, "event_type": "contact.opened", "schema_version": "1.0", "occurred_at": now,
        "source": "crm", "entity_id": entity_id, "customer": {"id": "c1"}, "direction": "inbound", "channel": "email",
    }  # fmt: skip
    return json.dumps(event | fields).encode()


def test_thirty_records_built_to_be_slow_hold_up_nobody(
    kafka: LocalKafka, clickhouse: LocalClickHouse, fresh: Fresh, tmp_path: Path
) -> None:
    settings = fresh.settings(
        brokers=kafka.bootstrap,
        clickhouse_host=clickhouse.host,
        clickhouse_port=clickhouse.port,
        partitions=2,
        session_timeout=6,
        heartbeat_interval=1,
    )
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap, acks="all", max_request_size=2_000_000)
    topic = settings.input_prefix + CONTACTS
    with installed(settings, tmp_path) as oidor:
        oidor.start("warehouse")
        pauses_in = tmp_path / "pauses"
        worker = oidor.launch("worker", module="tests.stack.probed_worker", env={"PAUSES": str(pauses_in)})
        worker.wait_ready(40)
        pid, began = worker.pid, len(pauses_in.read_text().splitlines()) if pauses_in.exists() else 0

        producer.send(topic, opened("before"), b"c1", partition=0)
        for number in range(RECORDS):
            producer.send(topic, opened(f"Q{number}", **WRONG), b"c1", partition=0)
        producer.send(topic, opened("after"), b"c1", partition=0)
        producer.send(topic, opened("other"), b"c1", partition=1)
        producer.flush(30)

        until(lambda: oidor.read() == RECORDS + 3, SECONDS, "all records read")
        time.sleep(probed_worker.WRITTEN_EVERY)
        pauses = sorted(map(float, pauses_in.read_text().splitlines()[began:]))
        oidor.settle(RECORDS + 3)
        assert {name for (name,) in oidor.ask("SELECT entity_id FROM v_cases")} == {"before", "after", "other"}
        reasons = oidor.ask("SELECT reason, field, count() FROM rejected_events FINAL GROUP BY ALL")
        assert reasons == [("wrong_type", "customer.aliases.0", RECORDS)]
        assert (worker.pid, worker.alive) == (pid, True)
        p99 = pauses[int(0.99 * len(pauses))]
        print(
            f"pauses of the event loop, ms: p99 {p99 * 1000:.0f}, longest {pauses[-1] * 1000:.0f}, {len(pauses)} in all"
        )
        assert p99 < PAUSE_SECONDS
