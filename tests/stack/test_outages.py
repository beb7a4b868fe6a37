"""An outage of Kafka, and one of ClickHouse: `/ready` says which, since when and what it means, and the log once."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from deploy.local.clickhouse.server import LocalClickHouse
from deploy.local.kafka.server import LocalKafka
from deploy.local.stack import Service, fetch
from processors.settings import Settings
from processors.warehouse import WAITING_SECONDS
from tests.attacks.installation import Target, ready
from tests.stack.running import until

pytestmark = pytest.mark.stack

SETTINGS = {"partitions": 2}


def _until_told(service: Service, what: str, seconds: float) -> Mapping[str, str]:
    """Wait for a problem that begins so; returns it as `/ready` shows it."""
    found: list[Mapping[str, str]] = []

    def told() -> bool:
        found[:] = [problem for problem in ready(service)[1]["problems"] if problem["what"].startswith(what)]
        return bool(found)

    until(told, seconds, f"{service.name} says: {what}")
    return found[0]


def _lines(service: Service, text: str) -> list[str]:
    assert service.log is not None
    return [line for line in service.log.read_text(errors="replace").splitlines() if text in line]


def test_each_is_told_while_it_lasts_and_once_in_the_log_and_ends_nobody(
    kafka: LocalKafka, clickhouse: LocalClickHouse, settings: Settings, tmp_path: Path
) -> None:
    target = Target(settings, tmp_path / "logs")
    try:
        worker, warehouse = services = target.start("worker"), target.start("warehouse")
        target.open_cases("A", 10)
        target.wait_until_read(10)
        assert [_lines(service, " ERROR ") for service in services] == [[], []], "a healthy start"

        kafka.pause(0)
        try:
            for service in services:
                said = _until_told(service, "no answer of Kafka", 16)
                assert said["since"].endswith("+00:00")
                assert "nothing is lost" in said["means"]
                assert ready(service)[0] == 503
                assert fetch(service.ready_url.replace("/ready", "/live"))[0] == 200
        finally:
            kafka.resume(0)
        for service in services:
            service.wait_ready(30)

        clickhouse.pause()
        try:
            target.open_cases("B", 10)
            _until_told(warehouse, "ClickHouse has taken nothing", WAITING_SECONDS + 8)
            assert ready(worker)[0] == 200, "detection goes on"
        finally:
            clickhouse.resume()
        target.wait_until_read(20)
        warehouse.wait_ready(15)

        assert [service.alive for service in services] == [True, True]
        for service, outage in (
            (worker, "no answer of Kafka"),
            (warehouse, "no answer of Kafka"),
            (warehouse, "ClickHouse has taken nothing"),
        ):
            begun = [line for line in _lines(service, "Not ready since") if outage in line]
            over = [line for line in _lines(service, "Over after") if outage in line]
            assert (len(begun), len(over)) == (1, 1), (begun, over)
        _, page = fetch(warehouse.ready_url.replace("/ready", "/metrics"))
        assert "feedback_broker_last_answer_timestamp_seconds 1" in page
        assert "feedback_state_recovered" not in page, "what the worker measures"
    finally:
        target.installation.stop()
