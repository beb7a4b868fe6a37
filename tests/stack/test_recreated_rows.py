"""`feedback-rows` is made again under a running warehouse, or was cut: it says so, and stores all that comes then."""

import json
import time
from pathlib import Path

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, OffsetAndMetadata, TopicPartition

from deploy.cli.topics import create
from deploy.local.stack import Service, fetch
from deploy.traffic.messages import Message
from processors.runtime.shutdown import EXIT_STUCK
from processors.settings import Settings
from schemas.topics import CONTACTS, ROWS
from tests.attacks.installation import opened
from tests.stack.running import Installation, installed, until

pytestmark = pytest.mark.stack

SETTINGS = {"partitions": 2, "checkpoint_interval": 0.2}
ROUNDS = 20
"""Checkpoints with rows before the topic goes: so far the group has committed, and the new one is shorter."""
CASES = 20
NOTICED_SECONDS = 60


def publish(oidor: Installation, letter: str) -> None:
    bodies = [opened(f"{letter}{number}", f"c{number}") for number in range(CASES)]
    oidor.publish(
        Message(CONTACTS, body["customer"]["id"], json.dumps(body).encode(), time.time_ns() // 1_000_000)
        for body in bodies
    )


def stored(oidor: Installation, letter: str) -> int:
    ((count,),) = oidor.ask(f"SELECT count() FROM v_events WHERE entity_id LIKE '{letter}%'")
    return int(count)


def until_stored(oidor: Installation, letter: str) -> None:
    until(lambda: stored(oidor, letter) == CASES, 30, f"{CASES} events {letter} are stored")


def named(warehouse: Service, name: str) -> bool:
    """Whether it says of the topic that it is another one, or none, or has ended and said so in its log."""
    if not warehouse.alive:
        return f"{name} was deleted and made again" in warehouse.tail(50)
    status, page = fetch(warehouse.ready_url)
    return status != 200 and name in page


def test_rows_that_are_made_again_are_named_within_a_minute_and_all_that_is_published_since_is_stored(
    settings: Settings, tmp_path: Path
) -> None:
    rows = settings.topic_prefix + ROWS
    with installed(settings, tmp_path) as oidor:
        oidor.start("worker")
        warehouse = oidor.start("warehouse")
        for number in range(ROUNDS):
            publish(oidor, f"A{number}x")
            time.sleep(0.3)
        until_stored(oidor, f"A{ROUNDS - 1}x")

        admin = KafkaAdminClient(bootstrap_servers=settings.brokers)
        admin.delete_topics([rows])
        until(lambda: rows not in admin.list_topics(), 20, "the topic is deleted")
        time.sleep(1)
        assert rows in create(settings)
        admin.close()
        publish(oidor, "B")

        assert warehouse.wait(NOTICED_SECONDS) == EXIT_STUCK, warehouse.tail(20)
        assert named(warehouse, rows), warehouse.tail(20)
        oidor.start("warehouse")
        until_stored(oidor, "B")
        publish(oidor, "C")
        until_stored(oidor, "C")
        until(lambda: oidor.open_differences() == 0, 30, "nothing differs")


def test_rows_that_were_cut_are_read_from_their_beginning_and_none_that_come_then_is_passed_over(
    settings: Settings, tmp_path: Path
) -> None:
    rows = settings.topic_prefix + ROWS
    with installed(settings, tmp_path) as oidor:
        oidor.start("worker")
        publish(oidor, "A")
        # What a log that lost its end looks like to a group: it has read further.
        group = KafkaConsumer(bootstrap_servers=settings.brokers, group_id=f"{settings.app_id}-warehouse")
        group.commit({TopicPartition(rows, number): OffsetAndMetadata(1_000, "", -1) for number in range(2)})
        group.close()
        warehouse = oidor.start("warehouse")
        publish(oidor, "B")
        until_stored(oidor, "A")
        until_stored(oidor, "B")
        until(lambda: oidor.open_differences() == 0, 30, "nothing differs")
        assert "and was read up to 1000 (it was cut, or restored)" in warehouse.tail(50)
