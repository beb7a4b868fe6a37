"""Kafka is restored to an older moment under a database that went on: it is said, and the way back works as told."""

import json
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deploy.local.kafka.server import LocalKafka
from deploy.local.stack import Service, fetch
from deploy.traffic.messages import Message
from processors.settings import Settings
from schemas.topics import CONTACTS
from tests.attacks.installation import event, opened, resolved
from tests.stack.running import READY_SECONDS, Installation, command, installed, until

pytestmark = pytest.mark.stack

SETTINGS = {"partitions": 1, "checkpoint_interval": 0.1}
CASES = 5
ROUNDS = 10
"""Checkpoints that the snapshot does not know: more than come before somebody reads what is said."""


def publish(oidor: Installation, make: Callable[[str, str], dict[str, Any]]) -> None:
    bodies = [make(f"A{number}", f"c{number}") for number in range(CASES)]
    oidor.publish(
        Message(CONTACTS, body["customer"]["id"], json.dumps(body).encode(), time.time_ns() // 1_000_000)
        for body in bodies
    )


def replied(entity_id: str, customer: str) -> dict[str, Any]:
    return event("contact.customer_replied", entity_id, customer)


def events(oidor: Installation) -> int:
    ((count,),) = oidor.ask("SELECT count() FROM feedback_events FINAL")
    return int(count)


def resolutions(oidor: Installation) -> int:
    ((count,),) = oidor.ask("SELECT countIf(state = 'resolved') FROM v_cases")
    return int(count)


def problems(service: Service) -> str:
    status, page = fetch(service.ready_url)
    return "" if status == 200 else str(json.loads(page)["problems"])


def start(oidor: Installation) -> tuple[Service, Service]:
    worker, warehouse = oidor.launch("worker"), oidor.launch("warehouse")
    worker.wait_ready(READY_SECONDS)
    warehouse.wait_ready(READY_SECONDS)
    return worker, warehouse


def test_rows_that_lose_to_newer_ones_are_named_by_all_and_win_once_versions_are_raised(
    settings: Settings, kafka: LocalKafka, tmp_path: Path
) -> None:
    logs, snapshot = kafka.home / "data0", tmp_path / "snapshot"
    with installed(settings, tmp_path) as oidor:
        worker, warehouse = start(oidor)
        publish(oidor, opened)
        until(lambda: events(oidor) == CASES, 30, "the cases are stored")
        kafka.stop()
        shutil.copytree(logs, snapshot)
        kafka.start()
        for _ in range(ROUNDS):
            publish(oidor, replied)
            time.sleep(0.2)
        until(lambda: events(oidor) == CASES * (1 + ROUNDS), 30, "the replies are stored")
        worker.terminate(10)
        warehouse.terminate(10)

        kafka.kill(0)
        shutil.rmtree(logs)
        snapshot.rename(logs)
        kafka.start()
        worker, warehouse = start(oidor)
        publish(oidor, resolved)
        # The groups of the snapshot still have the members of then: who comes waits until their sessions are over.
        until(lambda: "newer rows are stored of partitions [0]" in problems(warehouse), 60, "the warehouse says so")
        assert resolutions(oidor) == 0, "what is stored is newer"

        worker.terminate(10)
        done = command(settings, "migrate")
        assert done.returncode == 0, done.stderr
        assert "warning: newer rows are stored of partitions [0] than Kafka knows of" in done.stderr
        (way,) = re.findall(r"`oidor (inputs accept --from \w+)`", done.stderr)
        accepted = command(settings, *way.split())
        assert "partitions [0]: rows get versions beyond those that are stored" in accepted.stdout, accepted.stderr
        publish(oidor, resolved)
        oidor.launch("worker")
        until(lambda: resolutions(oidor) == CASES, 30, "new rows win")
        until(lambda: problems(warehouse) == "", 10, "the warehouse is well again")
        until(lambda: oidor.open_differences() == 0, 30, "nothing differs")
        assert events(oidor) == CASES * (1 + ROUNDS) + CASES, "none of those that were lost was replaced"
