"""`oidor replay` beside an installation: the same views come of the same log, and a difference has a name."""

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaAdminClient

from deploy.cli.replay.compare import compare
from deploy.traffic.scenarios import STORM_LOG, journeys
from processors.settings import Settings
from tests.stack.running import Installation, command, incidents_on, installed
from tests.stack.test_spine import assert_as_undisturbed

pytestmark = pytest.mark.stack

EVENTS = 4_000
SETTINGS = {"partitions": 4}
LONG_AGO = datetime.now(UTC) - timedelta(days=20)
LAST_MONTH = datetime.now(UTC) - timedelta(days=30)


def replay(settings: Settings, home: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return command(settings, "replay", *options, "--home", str(home))


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
        assert not _status_server(oidor, f"{settings.topic_prefix}replay-")

        again = replay(settings, tmp_path)
        assert (again.returncode, "holds an earlier replay: drop it" in again.stderr) == (2, True)

        oidor.ask(
            f"INSERT INTO {there}.incidents SELECT * REPLACE (version + 1 AS version, 'another' AS summary) "
            f"FROM {there}.incidents FINAL ORDER BY incident_id LIMIT 1"
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


def test_last_month_processed_now_pages_nobody_moves_no_breach_counter_and_writes_the_same_rows(
    settings: Settings, tmp_path: Path
) -> None:
    with installed(settings, tmp_path) as oidor:
        oidor.publish(journeys(STORM_LOG, 6, LAST_MONTH, limit=EVENTS, rate=EVENTS / 86_400))
        oidor.start("worker")
        oidor.start("warehouse")
        oidor.settle(EVENTS)

        ((breached, first, last),) = oidor.ask(
            "SELECT count(), min(due_at), max(due_at) FROM v_sla WHERE outcome = 'breached'"
        )
        assert breached > 50, "too few to show anything"
        assert LAST_MONTH <= first < last < LAST_MONTH + timedelta(days=5)
        told = oidor.incidents()
        assert {incident["pattern"] for incident in told} >= {"P01", "P02"}
        assert not [incident for incident in told if incident["page"]]
        assert oidor.metric("feedback_events_total") == EVENTS
        for silent in ("feedback_sla_outcomes_total", "feedback_sla_retractions_total"):
            assert oidor.metric(silent) == 0
        assert oidor.metric("feedback_pattern_incidents_total", transition="opened") == 0

        assert_as_undisturbed(oidor, tmp_path, EVENTS)


def _status_server(oidor: Installation, prefix: str) -> list[dict[str, Any]]:
    """The incidents that a replay wrote and that ask for a person."""
    admin = KafkaAdminClient(bootstrap_servers=oidor.settings.brokers)
    topics = [topic for topic in admin.list_topics() if topic.startswith(prefix) and topic.endswith("incidents")]
    admin.close()
    assert len(topics) == 1
    told = incidents_on(topics[0], oidor.settings.brokers)
    assert told
    return [incident for incident in told if incident["page"]]
