"""A breach needs no event: deadlines fire by the wall clock while every topic is idle."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest
from kafka import KafkaConsumer, TopicPartition

from deploy.local.clickhouse.server import LocalClickHouse
from deploy.local.kafka.server import LocalKafka
from deploy.local.stack import Service, fetch
from deploy.traffic.messages import Message, encode, rfc3339
from processors.settings import Settings
from schemas.topics import CONTACTS, INPUTS
from tests.stack.conftest import Fresh
from tests.stack.running import Installation, installed, until

pytestmark = [pytest.mark.stack, pytest.mark.alone]

TARGET: Final = 25.0
GRACE: Final = 2.0
NOTICED: Final = 1.0
"""Seconds at most until counters move: half of one that records may be in flight, a fifth between two looks at how far
the topics are read, a fifth between two timers.
"""
TOLD: Final = NOTICED + 1.0
"""Seconds at most until it is written: a checkpoint more."""
SLACK: Final = 1.0
"""Seconds for a machine that does other things as well."""
PACK: Final = f"""\
policy_id: quiet
version: "1"
clocks:
  first_response: [{{target: {TARGET:g}s, grace: {GRACE:g}s, warn_at: []}}]
"""
CONTACTS_OPENED: Final = 40
"""So many that most partitions have some: each has a timer of its own."""


@pytest.fixture
def settings(kafka: LocalKafka, clickhouse: LocalClickHouse, fresh: Fresh, tmp_path: Path) -> Settings:
    pack = tmp_path / "quiet.yaml"
    pack.write_text(PACK, encoding="utf-8")
    return fresh.settings(
        brokers=kafka.bootstrap,
        clickhouse_host=clickhouse.host,
        clickhouse_port=clickhouse.port,
        policies=(pack,),
    )


def opened(number: int, at_ms: int) -> Message:
    event = {
        "event_id": f"q{number}", "event_type": "contact.opened", "schema_version": "1.0",
        "occurred_at": rfc3339(at_ms), "source": "crm", "entity_id": f"Q{number}", "customer": {"id": f"c{number}"},
        "direction": "inbound", "channel": "email",
    }  # fmt: skip
    return Message(CONTACTS, f"c{number}", encode(event), at_ms)


def test_on_a_quiet_sunday_clocks_breach_on_time_although_nothing_arrives(settings: Settings, tmp_path: Path) -> None:
    with installed(settings, tmp_path) as oidor:
        worker = oidor.start("worker")
        oidor.start("warehouse")
        opened_at = _wall_ms()
        due = opened_at + round(TARGET * 1000)
        oidor.publish(opened(number, opened_at) for number in range(CONTACTS_OPENED))
        until(lambda: oidor.read() == CONTACTS_OPENED, TARGET / 2, "all that ever arrives is stored")

        ends, at = _ends(settings), _watermark(worker)
        until(lambda: _watermark(worker) >= at + 3_000, 8, "time goes on although every topic is idle")
        assert _wall_ms() < due, "too slow to tell: nothing was seen to be quiet before the deadline"
        assert _breached(oidor) == 0

        limit = _seconds_until(due) + GRACE + NOTICED + SLACK
        until(lambda: _breached(oidor) > 0, limit, "the first breach counted")
        assert _wall_ms() > due + GRACE * 1000, "not before the grace is over"
        limit = _seconds_until(due) + GRACE + NOTICED + SLACK
        until(lambda: _breached(oidor) == CONTACTS_OPENED, limit, "every breach counted")

        found = "SELECT count(), min(due_at), max(due_at) FROM v_sla WHERE state = 'breached_open'"
        until(lambda: oidor.ask(found)[0][0] == CONTACTS_OPENED, 10, "every breach stored")
        moment = datetime.fromtimestamp(due / 1000, UTC)
        assert oidor.ask(found) == [(CONTACTS_OPENED, moment, moment)]
        assert oidor.ask("SELECT pattern, state, min(opened_at), count() FROM v_incidents GROUP BY ALL") == [
            ("P02", "open", moment, CONTACTS_OPENED)
        ]
        told = [incident for incident in oidor.incidents() if incident["transition"] == "opened"]
        assert len(told) == CONTACTS_OPENED, "told once"
        assert all((incident["pattern"], incident["page"]) == ("P02", True) for incident in told)
        after = sorted((incident["recorded_at"] - due) / 1000 - GRACE for incident in told)
        assert 0 < after[0] <= after[-1] <= TOLD + SLACK, after

        assert _ends(settings) == ends, "it was quiet"
        assert _breached(oidor) == CONTACTS_OPENED, "counted once"


def _breached(oidor: Installation) -> float:
    return oidor.metric("feedback_sla_outcomes_total", policy="quiet", metric="first_response", outcome="breached")


def _watermark(worker: Service) -> int:
    """`now` of its slowest partition, ms."""
    _, page = fetch(worker.ready_url)
    return min(int(part["now"]) for part in json.loads(page)["partitions"].values())


def _ends(settings: Settings) -> dict[TopicPartition, int]:
    """Where the input topics end."""
    consumer = KafkaConsumer(bootstrap_servers=settings.brokers)
    try:
        parts = [
            TopicPartition(settings.input_prefix + topic, number)
            for topic in INPUTS
            for number in range(settings.partitions)
        ]
        return dict(consumer.end_offsets(parts))
    finally:
        consumer.close()


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


def _seconds_until(moment_ms: int) -> float:
    return (moment_ms - _wall_ms()) / 1000
