"""`oidor replay` beside an installation: the same views come of the same log, and a difference has a name."""

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from kafka import KafkaAdminClient, KafkaConsumer

from deploy.compare import compare
from deploy.local.children import python_environment, python_module
from deploy.local.scenarios import STORM_LOG, journeys
from processors.settings import Settings
from tests.stack.running import Installation, installed

pytestmark = pytest.mark.stack

EVENTS = 4_000
SETTINGS = {"partitions": 4}
LONG_AGO = datetime.now(UTC) - timedelta(days=20)


def replay(settings: Settings, home: Path, *options: str) -> subprocess.CompletedProcess[str]:
    said = {f"OIDOR_{name.upper()}": str(value) for name, value in settings.model_dump(exclude_unset=True).items()}
    return subprocess.run(
        [*python_module("deploy.cli"), "replay", *options, "--home", str(home)],
        env=python_environment() | said,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_a_replay_of_everything_shows_the_same_and_one_altered_row_is_named(settings: Settings, tmp_path: Path) -> None:
    with installed(settings, tmp_path) as oidor:
        oidor.start("worker")
        oidor.start("warehouse")
        oidor.publish(journeys(STORM_LOG, 5, LONG_AGO, limit=EVENTS, rate=EVENTS / 86_400))
        oidor.settle(EVENTS)
        here, there = settings.clickhouse_database, f"{settings.clickhouse_database}_replay"

        done = replay(settings, tmp_path, "--diff")

        assert done.returncode == 0, done.stdout + done.stderr
        assert f"{EVENTS} records" in done.stdout
        assert "the views show the same" in done.stdout
        assert f"OIDOR_CLICKHOUSE_DATABASE={there}" in done.stdout
        assert not _pages(oidor, f"{settings.topic_prefix}replay-")

        again = replay(settings, tmp_path)
        assert (again.returncode, "holds an earlier replay: drop it" in again.stderr) == (2, True)

        oidor.ask(
            f"INSERT INTO {there}.incidents SELECT * REPLACE (version + 1 AS version, 'another' AS summary) "
            f"FROM {there}.v_incidents ORDER BY incident_id LIMIT 1"
        )
        differing = [one for one in compare(oidor.client(), here, there) if one.any]
        assert [(one.view, one.only_here, one.only_there) for one in differing] == [("v_incidents", 1, 1)]
        assert "another" in differing[0].examples_there[0]


def test_a_replay_from_a_time_begins_with_the_records_of_that_time(settings: Settings, tmp_path: Path) -> None:
    with installed(settings, tmp_path) as oidor:
        oidor.publish(journeys(STORM_LOG, 5, LONG_AGO, limit=EVENTS, rate=EVENTS / 86_400))
        moment = LONG_AGO + timedelta(hours=12)

        done = replay(
            settings, tmp_path, "--from", moment.isoformat(), "--into", f"{settings.clickhouse_database}_late"
        )

        assert done.returncode == 0, done.stdout + done.stderr
        database = f"{settings.clickhouse_database}_late"
        ((read,),) = oidor.ask(f"SELECT sum(records_read) FROM {database}.v_reconciliation")
        assert EVENTS * 0.3 < read < EVENTS * 0.7
        firsts = oidor.ask(
            f"SELECT min((offset, record_at)).2 FROM (SELECT topic, partition, offset, record_at "
            f"FROM {database}.feedback_events UNION ALL SELECT topic, partition, offset, record_at "
            f"FROM {database}.rejected_events) GROUP BY topic, partition"
        )
        assert firsts
        assert min(first for (first,) in firsts) >= moment - timedelta(milliseconds=1)


def _pages(oidor: Installation, prefix: str) -> list[bytes]:
    """The incidents that a replay wrote and that ask for a person."""
    admin = KafkaAdminClient(bootstrap_servers=oidor.settings.brokers)
    topics = [topic for topic in admin.list_topics() if topic.startswith(prefix) and topic.endswith("incidents")]
    admin.close()
    assert len(topics) == 1
    consumer = KafkaConsumer(
        *topics,
        bootstrap_servers=oidor.settings.brokers,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        consumer_timeout_ms=4_000,
    )
    incidents = [record.value for record in consumer]
    consumer.close()
    assert incidents
    return [incident for incident in incidents if b'"page":true' in incident]
