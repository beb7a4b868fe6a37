"""A release that fails on every record must not reject a topic, and no single publisher may stop a partition."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deploy.local.clickhouse.server import LocalClickHouse
from deploy.local.kafka.server import LocalKafka
from deploy.local.stack import fetch
from deploy.traffic.messages import Message
from processors.settings import Settings
from schemas.topics import CONTACTS
from tests.stack.conftest import Fresh
from tests.stack.running import command, installed, until

pytestmark = pytest.mark.stack

SOURCES = ("desk", "phone", "shop", "web")
PARTITIONS = 2
FAILING = "tests.stack.failing_worker"


def contacts(begin: int, end: int) -> Iterator[Message]:
    """Opened contacts, each of another customer, the sources in turn."""
    for number in range(begin, end):
        now = datetime.now(UTC)
        event = {
            "event_id": f"e{number}",
            "event_type": "contact.opened",
            "schema_version": "1.0",
            "occurred_at": now.isoformat(),
            "source": SOURCES[number % len(SOURCES)],
            "entity_id": f"C{number}",
            "customer": {"id": f"c{number}"},
            "direction": "inbound",
            "channel": "email",
        }
        yield Message(CONTACTS, f"c{number}", json.dumps(event).encode(), round(now.timestamp() * 1000))


@pytest.fixture
def settings(kafka: LocalKafka, clickhouse: LocalClickHouse, fresh: Fresh) -> Settings:
    return fresh.settings(
        brokers=kafka.bootstrap,
        clickhouse_host=clickhouse.host,
        clickhouse_port=clickhouse.port,
        partitions=PARTITIONS,
        session_timeout=6,
        heartbeat_interval=1,
    )


def doctor(settings: Settings) -> tuple[int, str]:
    """Exit code, and what it says, in one line."""
    done = command(settings, "doctor")
    cells = (line.replace("│", " ") for line in done.stdout.splitlines())
    return done.returncode, " ".join(" ".join(cells).split())


def test_a_release_that_fails_on_every_record_stops_and_says_so_and_a_good_one_goes_on_from_there(
    settings: Settings, tmp_path: Path
) -> None:
    with installed(settings, tmp_path) as oidor:
        worker = oidor.start("worker")
        oidor.start("warehouse")
        oidor.publish(contacts(0, 400))
        oidor.settle(400)
        worker.terminate(6)

        bad = oidor.launch("worker", module=FAILING, env={"FAULT_SOURCES": "*"})
        oidor.publish(contacts(400, 2_400))
        until(lambda: "all failed by an error of ours (LookupError" in fetch(bad.ready_url)[1], 60, "it says why")
        status, page = fetch(bad.ready_url)
        code, said = doctor(settings)
        bad.terminate(6)

        assert (status, "OIDOR_TAKE_PROCESSING_ERRORS" in page) == (503, True)
        assert (code, "takes nothing: the last 100 records" in said) == (1, True), said
        oidor.start("worker")
        oidor.settle(2_400)
        ((rejected,),) = oidor.ask("SELECT count() FROM rejected_events FINAL WHERE reason = 'processing_error'")
        assert 100 <= rejected <= PARTITIONS * 200
        assert oidor.ask("SELECT count() FROM v_events") == [(2_400 - rejected,)]
        assert "takes nothing" not in doctor(settings)[1]


def test_a_publisher_whose_records_all_fail_stops_nobody(settings: Settings, tmp_path: Path) -> None:
    with installed(settings, tmp_path) as oidor:
        worker = oidor.start("worker")
        oidor.start("warehouse")
        oidor.publish(contacts(0, 400))
        oidor.settle(400)
        worker.terminate(6)

        worker = oidor.start("worker", module=FAILING, env={"FAULT_SOURCES": "shop"})
        oidor.publish(contacts(400, 2_400))
        oidor.settle(2_400)

        assert fetch(worker.ready_url)[0] == 200
        rejected = "SELECT source, count() FROM rejected_events FINAL WHERE reason = 'processing_error' GROUP BY source"
        assert oidor.ask(rejected) == [("shop", 500)]
        assert oidor.ask("SELECT count() FROM v_events") == [(1_900,)]
