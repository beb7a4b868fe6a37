"""What people do, from the command line to the views and to whoever was paged, whatever dies on the way."""

import json
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaConsumer, KafkaProducer

from deploy.local.processes import python_environment, python_module
from processors.settings import Settings
from schemas.outputs import COLUMNS
from schemas.topics import ACTIONS, REJECTED
from sinks.clickhouse import Address, connect
from tests.stack.running import Installation, until

pytestmark = pytest.mark.stack
SETTINGS = {"partitions": 2}
Oidor = Callable[..., str]


@pytest.fixture
def installation(settings: Settings, tmp_path: Path) -> Iterator[Installation]:
    found = Installation(settings, tmp_path)
    yield found
    for service in found.services:
        service.terminate(8)


@pytest.fixture
def oidor(settings: Settings) -> Oidor:
    """The command line, as somebody types it."""

    def run(*words: str, code: int = 0) -> str:
        done = subprocess.run(
            [*python_module("deploy.cli"), *words],
            env=python_environment(settings.model_dump(exclude_unset=True)),
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    return run


def an_incident(settings: Settings, incident_id: str) -> None:
    """In the database, as a worker's row."""
    now = datetime.now(UTC)
    row: dict[str, Any] = dict.fromkeys(COLUMNS["incidents"], "") | {
        "incident_id": incident_id, "pattern": "P02", "severity": "critical", "state": "open", "opened_at": now,
        "updated_at": now, "closed_at": None, "partition": 0, "topic": "contact-events", "evidence": "{}",
        "summary": "Two calls wait.", "version": 1, "last_recorded_at": now,
    }  # fmt: skip
    with connect(Address.of(settings), 30) as client:
        client.execute(f"INSERT INTO incidents ({', '.join(row)}) VALUES", [list(row.values())])


def test_what_people_do_is_stored_once_though_the_warehouse_is_killed_and_the_log_holds_rubbish(
    installation: Installation, oidor: Oidor, settings: Settings
) -> None:
    an_incident(settings, "i1")
    warehouse = installation.start("warehouse")
    assert oidor("incident", "ack", "i1", "--who", "ana").splitlines() == [
        "acknowledged by ana: incident i1", "Two calls wait. (was open)",
    ]  # fmt: skip
    stand = "SELECT status, state, acknowledged_by, decided_state FROM v_incidents"
    until(lambda: installation.ask(stand) == [("acknowledged", "open", "ana", "open")], 20, "the acknowledgement")

    warehouse.kill()
    rubbish = KafkaProducer(bootstrap_servers=settings.brokers)
    rubbish.send(settings.topic_prefix + ACTIONS, b"not JSON").get(10)
    oidor("incident", "dismiss", "i1", "--who", "eva", "--note", "a test call")
    oidor("source", "maintenance", "pbx", "--until", "2099-01-01T00:00:00Z", "--who", "ana")
    assert "knows no incident i2" in oidor("incident", "ack", "i2", code=2)
    installation.start("warehouse")
    until(lambda: installation.ask(stand) == [("dismissed", "closed", "ana", "open")], 20, "the dismissal")
    until(lambda: installation.ask("SELECT source, called_off FROM v_maintenance") == [("pbx", 0)], 20, "the plan")
    assert installation.ask("SELECT offset, action FROM v_actions ORDER BY offset") == [
        (0, "acknowledged"), (2, "dismissed"), (3, "maintenance_planned"),
    ]  # fmt: skip
    rejected = "SELECT offset, reason FROM rejected_events FINAL"
    until(lambda: installation.ask(rejected) == [(1, "not_json")], 20, "the reason of what is no action")
    assert installation.open_differences() == 0
    reader = KafkaConsumer(
        settings.topic_prefix + REJECTED, bootstrap_servers=settings.brokers, auto_offset_reset="earliest",
        consumer_timeout_ms=5_000,
    )  # fmt: skip
    assert [(record.value, dict(record.headers)["topic"]) for record in reader] == [(b"not JSON", ACTIONS.encode())]


def test_the_topic_is_one_partition_and_has_the_brokers_time(installation: Installation, oidor: Oidor) -> None:
    oidor("incident", "ack", "i1", "--who", "ana", "--unchecked")
    topic = installation.settings.topic_prefix + ACTIONS
    reader = KafkaConsumer(
        topic, bootstrap_servers=installation.settings.brokers, auto_offset_reset="earliest", consumer_timeout_ms=5_000
    )
    (record,) = list(reader)
    assert (record.key, record.timestamp_type, json.loads(record.value)["who"]) == (b"i1", 1, "ana")
    assert reader.partitions_for_topic(topic) == {0}
