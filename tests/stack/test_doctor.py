"""`oidor doctor` against real servers: well, and with one thing wrong at a time."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource

from deploy.local.clickhouse.server import LocalClickHouse
from deploy.local.kafka.server import LocalKafka
from deploy.traffic.scenarios import STEADY, journeys
from processors.settings import Settings
from schemas.topics import SURVEYS, state_topic
from tests.stack.conftest import Fresh
from tests.stack.running import command, installed, until

pytestmark = pytest.mark.stack

EVENTS = 1_000


def doctor(settings: Settings) -> tuple[int, str]:
    """Exit code, and what it says, in one line."""
    done = command(settings, "doctor")
    cells = (line.replace("│", " ") for line in done.stdout.splitlines())
    return done.returncode, " ".join(" ".join(cells).split()) + done.stderr


@pytest.fixture
def settings(kafka: LocalKafka, clickhouse: LocalClickHouse, fresh: Fresh) -> Settings:
    return fresh.settings(
        brokers=kafka.bootstrap,
        clickhouse_host=clickhouse.host,
        clickhouse_port=clickhouse.port,
        partitions=4,
        session_timeout=6,
        heartbeat_interval=1,
    )


def test_each_thing_that_is_wrong_is_named_and_nothing_is_when_it_is_put_right(
    settings: Settings, tmp_path: Path
) -> None:
    log = list(journeys(STEADY, 3, datetime.now(UTC) - timedelta(minutes=20), limit=2 * EVENTS, rate=5))
    with installed(settings, tmp_path) as oidor:
        oidor.start("worker")
        warehouse = oidor.start("warehouse")
        oidor.publish(log[:EVENTS])
        oidor.settle(EVENTS)
        until(lambda: doctor(settings)[0] == 0, 30, "a healthy installation that the doctor finds healthy")

        with _short_retention(settings):
            code, said = doctor(settings)
            assert (code, "retention.ms=60000" in said) == (1, True), said

        with _open_transaction(settings):
            code, said = doctor(settings)
            assert (code, f"{settings.app_id}-upstream has left" in said) == (1, True), said

        warehouse.terminate(6)
        oidor.publish(log[EVENTS:])
        time.sleep(3)
        code, said = doctor(settings)
        assert (code, "no warehouse runs" in said, "start oidor warehouse" in said) == (1, True, True), said

        oidor.start("warehouse")
        oidor.settle(len(log))
        until(lambda: doctor(settings)[0] == 0, 30, "healthy again")


def test_a_database_that_cannot_be_reached_ends_with_exit_code_two(kafka: LocalKafka, fresh: Fresh) -> None:
    code, said = doctor(fresh.settings(brokers=kafka.bootstrap, clickhouse_port=1))

    assert code == 2
    assert "cannot work with ClickHouse at 127.0.0.1:1" in said
    assert "run oidor topics create" in said.replace("`", "")


@contextmanager
def _short_retention(settings: Settings) -> Iterator[None]:
    admin = KafkaAdminClient(bootstrap_servers=settings.brokers)
    try:
        topic = state_topic(settings.app_id)
        admin.alter_configs([ConfigResource("TOPIC", topic, {"retention.ms": "60000"})])
        yield
        admin.alter_configs([ConfigResource("TOPIC", topic, {"retention.ms": "-1"})])
    finally:
        admin.close()


@contextmanager
def _open_transaction(settings: Settings) -> Iterator[None]:
    async def begin() -> AIOKafkaProducer:
        producer = AIOKafkaProducer(bootstrap_servers=settings.brokers, transactional_id=f"{settings.app_id}-upstream")
        await producer.start()
        await producer.begin_transaction()
        ago = round(time.time() * 1000) - 90_000
        await producer.send_and_wait(settings.input_prefix + SURVEYS, b"{}", partition=0, timestamp_ms=ago)
        return producer

    async def end(producer: AIOKafkaProducer) -> None:
        await producer.abort_transaction()
        await producer.stop()

    with asyncio.Runner() as runner:
        producer = runner.run(begin())
        yield
        runner.run(end(producer))
