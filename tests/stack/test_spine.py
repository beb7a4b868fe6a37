"""The main job through real servers and processes: nothing lost, nothing twice, whatever dies in the middle."""

import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deploy.local.clickhouse.server import LocalClickHouse
from deploy.local.kafka.server import LocalKafka
from deploy.traffic.messages import Message
from deploy.traffic.readers import cfpb, servicenow
from deploy.traffic.scenarios import STEADY, STORM_LOG, journeys
from processors.settings import Settings
from tests.laws.servicenow_by_hand import incidents, resolution_clocks
from tests.stack.conftest import Fresh
from tests.stack.running import Installation, installed, until

pytestmark = pytest.mark.stack

EVENTS = 20_000
LONG_AGO = datetime.now(UTC) - timedelta(days=20)
"""So long that every deadline has passed before the first run begins: two runs compare at different moments."""


def again(settings: Settings) -> Settings:
    """The same log, under another application id, into another database."""
    return settings.model_copy(
        update={
            "app_id": f"{settings.app_id}-again",
            "topic_prefix": f"{settings.topic_prefix}again-",
            "clickhouse_database": f"{settings.clickhouse_database}_again",
        }
    )


def a_log(seed: int, events: int = EVENTS) -> list[Message]:
    """With duplicates, late and malformed events, over a day."""
    return list(journeys(STORM_LOG, seed, LONG_AGO, limit=events, rate=events / 86_400))


def assert_as_undisturbed(disturbed: Installation, home: Path, records: int) -> None:
    """Row for row what a calm run over the same log shows."""
    with installed(again(disturbed.settings), home) as calm:
        calm.start("worker")
        calm.start("warehouse")
        calm.settle(records)
        assert disturbed.differences(calm) == []


@pytest.mark.parametrize("victim", ["worker", "warehouse"])
def test_a_process_killed_in_the_middle_of_twenty_thousand_events_changes_no_view(
    victim: str, settings: Settings, tmp_path: Path
) -> None:
    log = a_log(seed=11)
    with installed(settings, tmp_path) as oidor:
        oidor.publish(log)
        running = {command: oidor.start(command) for command in ("worker", "warehouse")}
        until(lambda: oidor.read() >= EVENTS // 10, 60, "a tenth of the events stored")
        assert oidor.read() < EVENTS, "all was over before the kill: give it more events"
        running[victim].kill()
        oidor.start(victim)
        oidor.settle(EVENTS)
        assert_as_undisturbed(oidor, tmp_path, EVENTS)


def test_without_clickhouse_for_a_minute_detection_goes_on_and_every_row_arrives(
    kafka: LocalKafka, fresh: Fresh, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    log = list(journeys(STEADY, 5, now - timedelta(minutes=40), limit=30_000, rate=30_000 / 2_400))
    with LocalClickHouse(tmp_path / "clickhouse") as clickhouse:
        settings = fresh.settings(
            brokers=kafka.bootstrap, clickhouse_host=clickhouse.host, clickhouse_port=clickhouse.port
        )
        with installed(settings, tmp_path) as oidor:
            oidor.start("worker")
            oidor.start("warehouse")
            half = len(log) // 2
            oidor.publish(log[:half])
            until(lambda: oidor.read() > 0, 60, "first rows stored")
            clickhouse.stop()
            stopped = time.monotonic()
            before = oidor.metric("feedback_pattern_incidents_total")
            oidor.publish(log[half:], rate=400)
            until(lambda: oidor.metric("feedback_events_total") == len(log), 60, "all events counted")
            assert oidor.metric("feedback_pattern_incidents_total") > before
            time.sleep(max(0.0, 60 - (time.monotonic() - stopped)))
            clickhouse.start()
            oidor.settle(len(log))
            stored = oidor.ask("SELECT count(), uniqExact(topic, partition, offset) FROM feedback_events FINAL")
            accepted = oidor.ask("SELECT sum(accepted) FROM v_reconciliation")
            assert stored[0] == (accepted[0][0], accepted[0][0])


@pytest.mark.alone
def test_sigterm_ends_worker_and_warehouse_within_five_seconds(settings: Settings, tmp_path: Path) -> None:
    with installed(settings, tmp_path) as oidor:
        oidor.publish(a_log(seed=3, events=2_000))
        for service in (oidor.start("worker"), oidor.start("warehouse")):
            assert service.terminate(10) <= 5
            assert service.exit_code == 0


@pytest.mark.alone
def test_sigterm_ends_them_within_five_seconds_with_the_broker_gone(
    clickhouse: LocalClickHouse, fresh: Fresh, tmp_path: Path
) -> None:
    with LocalKafka(tmp_path / "kafka") as kafka:
        settings = fresh.settings(
            brokers=kafka.bootstrap, clickhouse_host=clickhouse.host, clickhouse_port=clickhouse.port
        )
        with installed(settings, tmp_path) as oidor:
            services = [oidor.start("worker"), oidor.start("warehouse")]
            oidor.publish(a_log(seed=4, events=2_000))
            kafka.kill(0)
            time.sleep(2)
            for service in services:
                assert service.terminate(10) <= 5


@pytest.fixture(scope="module")
def real_logs(
    kafka: LocalKafka, clickhouse: LocalClickHouse, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    fresh = Fresh("real-logs", "real-logs-", "real_logs")
    settings = fresh.settings(
        brokers=kafka.bootstrap,
        clickhouse_host=clickhouse.host,
        clickhouse_port=clickhouse.port,
        input_retention_days=-1,
    )
    with installed(settings, tmp_path_factory.mktemp("real")) as oidor:
        oidor.start("worker")
        oidor.start("warehouse")
        records = oidor.publish(servicenow()) + oidor.publish(cfpb())
        oidor.settle(records)
        yield oidor


TO_WHO_HAD_IT = ("INC0000722", "INC0001252")
"""One hand-over of each is from a group to itself, by what the log says: from Group 49 to Group 49, from ? to ?."""


class TestTheRealLogs:
    def test_every_record_is_accepted_in_time_with_its_own_moment(self, real_logs: Installation) -> None:
        ((read, accepted, late, rejected),) = real_logs.ask(
            "SELECT sum(records_read), sum(accepted), sum(late), sum(rejected) FROM v_reconciliation"
        )
        assert (accepted, late, rejected) == (read, 0, 0)
        years = real_logs.ask("SELECT DISTINCT toYear(occurred_at) FROM v_events WHERE source = 'servicenow-demo'")
        assert years == [(2016,)]

    def test_every_case_has_its_final_state_and_its_counts(self, real_logs: Installation) -> None:
        states = {"Closed": "closed", "Resolved": "resolved"}
        last = {row["number"]: row for row in incidents()}
        expected = {
            (
                number,
                states[row["incident_state"]],
                int(row["reopen_count"]),
                int(row["reassignment_count"]) - (number in TO_WHO_HAD_IT),
            )
            for number, row in last.items()
        }
        found = real_logs.ask(
            "SELECT entity_id, state, reopens, transfers FROM v_cases WHERE source = 'servicenow-demo'"
        )
        assert set(found) == expected

    def test_every_resolution_clock_agrees_with_an_independent_computation(self, real_logs: Installation) -> None:
        found = real_logs.ask(
            "SELECT entity_id, instance, outcome, toUnixTimestamp64Milli(started_at), toUnixTimestamp64Milli(due_at), "
            "toUnixTimestamp64Milli(assumeNotNull(stopped_at)) FROM v_sla "
            "WHERE source = 'servicenow-demo' AND metric = 'resolve'"
        )
        assert Counter(found) == Counter(resolution_clocks(pausing=False))

    def test_they_page_nobody_and_move_no_breach_counter(self, real_logs: Installation) -> None:
        assert real_logs.metric("feedback_sla_outcomes_total", outcome="breached") == 0
        told = real_logs.incidents()
        assert len(told) > 100
        assert not [incident for incident in told if incident["page"]]
