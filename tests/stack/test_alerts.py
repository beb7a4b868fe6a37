"""Faults one by one beside real Prometheus and Alertmanager: the right alerts are told, with their sentence, no others.

In this order, on one installation of two workers: each test begins and ends with nothing that stands.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import pytest
from kafka import KafkaAdminClient

from deploy.cli.topics import create
from deploy.local.clickhouse.server import LocalClickHouse
from deploy.local.kafka.server import LocalKafka
from deploy.local.monitoring import Monitoring, missing
from deploy.local.ports import free_ports
from deploy.local.stack import Service
from schemas.topics import CONTACTS
from tests.attacks.installation import Target, event, opened
from tests.stack.conftest import Fresh, lacking
from tests.stack.monitored import Pager, Told, monitoring
from tests.stack.running import command, until
from tests.stack.test_import import last_month

pytestmark = [pytest.mark.stack, pytest.mark.alone]

INCIDENT: Final = "OidorIncident"
"""Sent by the board: every other alert is a rule's."""
POISON: Final = {"FAULT_SOURCES": "poison"}
FIRST_PAGE_SECONDS: Final = 60
"""From the end of a broker to the page that says so."""
OUTAGE_SECONDS: Final = 60
QUIET_SECONDS: Final = 30
"""In which an alert would have been told: a scrape, an evaluation, a wait, a group's."""
CALL: Final[dict[str, Any]] = {
    "channel": "phone", "direction": "inbound", "priority": "urgent", "org_unit": "billing",
}  # fmt: skip


@dataclass
class Watched:
    """An installation, who watches it, and who is called."""

    target: Target
    workers: list[Service]
    pager: Pager
    kafka: LocalKafka
    clickhouse: LocalClickHouse
    monitoring: Monitoring

    def quiet(self, seconds: float = 120) -> None:
        until(lambda: self.pager.standing() == set(), seconds, f"all is over, {self.pager.standing()} stand")

    def open_cases(self, letter: str, count: int, **fields: Any) -> None:
        """Publish so many openings; nobody is a customer twice, for that would be an incident."""
        for number in range(count):
            self.target.send(opened(f"{letter}{number}", f"{letter}-{number}", **fields))
        self.target.flush()

    def expect(self, names: set[str], fault: Callable[[], Any], seconds: float) -> list[Told]:
        """Cause a fault; wait until these alerts are told, each with its sentence; returns what was told."""
        mark = len(self.pager.told)
        fault()
        until(lambda: self.pager.fired(mark) >= names, seconds, f"{names} told, and not {self.pager.fired(mark)}")
        for told in self.pager.since(mark):
            assert len(told.annotations["summary"].split()) > 5, told
            if told.name != INCIDENT:
                assert told.annotations["runbook_url"].endswith(f"#{told.name.lower()}"), told
            assert "runbook" not in told.labels, told
        return self.pager.since(mark)


@pytest.fixture(scope="module")
def watched(
    kafka: LocalKafka, clickhouse: LocalClickHouse, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Watched]:
    if said := missing():
        lacking(said)
    home = tmp_path_factory.mktemp("alerts")
    ports = free_ports(4)
    fresh = Fresh("alerts", "alerts-", "alerts")
    settings = fresh.settings(
        brokers=kafka.bootstrap, clickhouse_host=clickhouse.host, clickhouse_port=clickhouse.port, partitions=4,
        session_timeout=6, heartbeat_interval=1, input_retention_days=-1,
    )  # fmt: skip
    pager, target = Pager(), Target(settings, home / "logs")
    targets = {
        "oidor-worker": [f"127.0.0.1:{port}" for port in ports[:2]],
        "oidor-warehouse": [f"127.0.0.1:{ports[2]}"],
        "oidor-board": [f"127.0.0.1:{ports[3]}"],
    }
    both = monitoring(home / "monitoring", targets, pager)
    try:
        module = "tests.stack.failing_worker"
        workers = [target.start("worker", module=module, env=POISON, worker_port=port) for port in ports[:2]]
        target.start("warehouse", warehouse_port=ports[2])
        processes = tuple(f"127.0.0.1:{port}" for port in ports[:3])
        target.start("board", board_port=ports[3], board_processes=processes, alertmanagers=(both.alerts_url,))
        target.open_cases("A", 10)
        target.wait_until_read(10)
        with both:
            yield Watched(target, workers, pager, kafka, clickhouse, both)
    finally:
        target.installation.stop()
        pager.stop()


@pytest.fixture(autouse=True)
def quiet_before_and_after(watched: Watched) -> Iterator[None]:
    watched.quiet()
    yield
    watched.quiet()


def test_an_import_of_last_month_fires_nothing(watched: Watched) -> None:
    mark = len(watched.pager.told)
    watched.target.installation.publish(message for message, _ in zip(last_month(), range(400), strict=False))
    time.sleep(QUIET_SECONDS)
    assert watched.pager.since(mark) == []


def test_a_burst_of_breaches_pages_with_each_sentence_and_a_rebalance_pages_nobody_again(watched: Watched) -> None:
    calls, begun = [f"call{number}" for number in range(6)], len(watched.pager.told)

    def burst() -> None:
        for number, call in enumerate(calls):
            watched.target.send(event("contact.opened", call, f"c{number}", seq=0, **CALL))
            watched.target.send(event("contact.queued", call, f"c{number}", seq=1, queue="q"))
        watched.target.flush()

    told = watched.expect({INCIDENT}, burst, 90)
    assert {(one.receiver, one.labels["pattern"], one.labels["area"]) for one in told} == {("pager", "P02", "billing")}
    assert {one.annotations["summary"] for one in told} == {"answer was due in 20 s and was not met"}
    time.sleep(QUIET_SECONDS)  # all six are told of
    assert len({one.labels["incident_id"] for one in watched.pager.since(begun)}) == len(calls)
    assert watched.pager.fired(begun) == {INCIDENT}, "OidorIncidentCritical and OidorUrgentBreach are muted by it"

    mark = len(watched.pager.told)
    watched.workers[0].terminate(10)
    watched.workers[0].start()
    watched.workers[0].wait_ready(60)
    time.sleep(QUIET_SECONDS)
    assert watched.pager.since(mark) == [], "neither over nor told again"

    for number, call in enumerate(calls):
        answer = event("contact.answered", call, f"c{number}", seq=2, channel="phone", actor={"kind": "human"})
        watched.target.send(answer)
    watched.target.flush()
    watched.quiet()


def test_a_worker_that_is_killed_is_missed(watched: Watched) -> None:
    told = watched.expect({"OidorWorkerDown"}, watched.workers[1].kill, 60)
    assert "1 of 2 workers do" in told[0].annotations["summary"]
    watched.workers[1].start()
    watched.workers[1].wait_ready(60)
    watched.quiet()
    assert {one.name for one in told} == {"OidorWorkerDown"}


def test_a_broker_that_is_gone_pages_within_a_minute_and_nothing_that_follows_does(watched: Watched) -> None:
    mark, began = len(watched.pager.told), time.monotonic()
    told = watched.expect({"OidorBrokerSilent"}, lambda: watched.kafka.kill(0), FIRST_PAGE_SECONDS)
    print(f"first page of a dead broker after {told[0].at - began:.1f} s")
    assert told[0].name == "OidorBrokerSilent"
    time.sleep(max(0.0, OUTAGE_SECONDS - (time.monotonic() - began)))
    watched.kafka.start(0)
    watched.quiet()
    assert watched.pager.fired(mark) == {"OidorBrokerSilent"}
    watched.target.reconnect()


def test_a_database_that_is_gone_is_told_to_those_who_run_it(watched: Watched) -> None:
    mark = len(watched.pager.told)

    def stop() -> None:
        watched.clickhouse.pause()
        watched.open_cases("D", 10)

    try:
        told = watched.expect({"OidorWarehouseBehind"}, stop, 120)
        assert {(one.receiver, one.labels["severity"]) for one in told} == {("data", "warning")}
    finally:
        watched.clickhouse.resume()
    watched.quiet()
    assert watched.pager.fired(mark) == {"OidorWarehouseBehind"}


def test_a_record_that_our_code_fails_on_pages_us(watched: Watched) -> None:
    mark = len(watched.pager.told)

    def poison() -> None:
        watched.target.send(opened("P1", "c1", source="poison"))
        watched.target.flush()

    told = watched.expect({"OidorProcessingError"}, poison, 60)
    assert "failed on 1 records of contact-events" in told[0].annotations["summary"]
    watched.quiet()
    assert watched.pager.fired(mark) == {"OidorProcessingError"}


def test_a_source_that_is_rejected_is_named_to_publishers(watched: Watched) -> None:
    mark = len(watched.pager.told)
    watched.open_cases("I", 10, source="ivr")

    def publish_wrong_ones() -> None:
        deadline = time.monotonic() + 90
        while "OidorRejections" not in watched.pager.fired(mark) and time.monotonic() < deadline:
            watched.open_cases("W", 10, source="ivr", priority="nonsense")
            time.sleep(1)

    told = watched.expect({"OidorRejections"}, publish_wrong_ones, 10)
    assert [(one.receiver, one.labels["source"]) for one in told] == [("publishers", "ivr")]
    watched.quiet()
    assert watched.pager.fired(mark) == {"OidorRejections"}


def test_a_topic_that_is_made_again_pages_once_with_the_reason(watched: Watched) -> None:
    settings = watched.target.settings
    admin, name = KafkaAdminClient(bootstrap_servers=settings.brokers), settings.input_prefix + CONTACTS

    def make_again() -> None:
        admin.delete_topics([name])
        until(lambda: name not in admin.list_topics(), 20, f"{name} is deleted")
        time.sleep(1)
        assert name in create(settings)

    told = watched.expect({"OidorTopicsContradict"}, make_again, 150)
    assert {one.name for one in told} == {"OidorTopicsContradict"}
    time.sleep(QUIET_SECONDS)
    assert watched.pager.standing() == {"OidorTopicsContradict"}, "what follows from it is muted"

    for worker in watched.workers:
        worker.terminate(10)
    until(lambda: command(settings, "inputs", "accept", "--from", "beginning").returncode == 0, 60, "accepted")
    for worker in watched.workers:
        worker.start()
    for worker in watched.workers:
        worker.wait_ready(60)
