"""Durable partitions on a real broker with a state that only counts: what it says can be checked record by record."""

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from kafka import KafkaProducer

from deploy.cli.topics import create
from deploy.local.kafka.server import LocalKafka
from deploy.local.stack import Service, fetch
from processors.durability.changelog import Changelog
from processors.settings import Settings
from schemas.topics import INPUTS, state_topic
from tests.processors.durability.counting import LIMITS, Counting
from tests.stack.conftest import Fresh

pytestmark = pytest.mark.stack

PARTITIONS = 6


class Fleet:
    """Counting workers of one application, and what was published to them."""

    def __init__(self, settings: Settings, home: Path) -> None:
        self.settings, self.home = settings, home
        self.workers: list[Service] = []
        self.truth: Counter[str] = Counter()
        self._started = 0
        self._dice = random.Random(7)
        self._producer = KafkaProducer(bootstrap_servers=settings.brokers, linger_ms=20)

    def join(self) -> Service:
        self._started += 1
        name = f"counting-{self._started}"
        said = self.settings.model_dump(exclude_unset=True)
        worker = Service.of("worker", name, said, self.home / f"{name}.log", module="tests.stack.counting_worker")
        worker.start()
        self.workers.append(worker)
        return worker

    def gone(self, worker: Service) -> None:
        self.workers.remove(worker)

    def publish(self, seconds: float) -> None:
        """About 2,000 records a second."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for _ in range(200):
                number = self._dice.randrange(600)
                topic = self.settings.input_prefix + self._dice.choice(INPUTS)
                self._producer.send(topic, f"v{number}".encode(), partition=number % PARTITIONS)
                self.truth[f"v{number}"] += 1
            time.sleep(0.1)
        self._producer.flush()

    def read(self, topic: str) -> dict[int, list[bytes]]:
        return asyncio.run(_committed(self.settings.brokers, topic))

    def states(self) -> list[Counting]:
        """What the log says, partition by partition; a gap in the sequence fails."""
        states = []
        for number, messages in self.read(state_topic(self.settings.app_id)).items():
            state = Counting(number)
            changelog = Changelog(state, INPUTS, LIMITS)
            for sequence, message in enumerate(messages, 1):
                changelog.apply(message)
                assert changelog.sequence == sequence, f"partition {number}"
            states.append(state)
        return states

    def settled(self, seconds: float) -> list[Counting]:
        deadline = time.monotonic() + seconds
        while True:
            states = self.states()
            taken = sum(sum(state.totals.values()) for state in states)
            if taken >= self.truth.total() or time.monotonic() > deadline:
                return states
            time.sleep(1)


async def _committed(brokers: str, topic: str) -> dict[int, list[bytes]]:
    reader = AIOKafkaConsumer(bootstrap_servers=brokers, isolation_level="read_committed", enable_auto_commit=False)
    await reader.start()
    try:
        partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
        reader.assign(partitions)
        await reader.seek_to_beginning(*partitions)
        ends = await reader.end_offsets(partitions)
        found: dict[int, list[bytes]] = {number: [] for number in range(PARTITIONS)}
        while not all([await reader.position(partition) >= ends[partition] for partition in partitions]):
            for partition, records in (await reader.getmany(timeout_ms=300)).items():
                found[partition.partition] += [record.value for record in records]
        return found
    finally:
        await reader.stop()


@contextmanager
def fleet(settings: Settings, home: Path) -> Iterator[Fleet]:
    create(settings)
    workers = Fleet(settings, home)
    try:
        yield workers
    finally:
        for worker in workers.workers:
            worker.kill()


def test_another_partition_count_is_refused_in_one_line_with_exit_code_two(
    kafka: LocalKafka, fresh: Fresh, tmp_path: Path
) -> None:
    settings = fresh.settings(brokers=kafka.bootstrap, partitions=PARTITIONS, checkpoint_interval=0.5)
    with fleet(settings, tmp_path) as workers:
        worker = workers.join()
        workers.publish(1)
        assert sum(sum(state.totals.values()) for state in workers.settled(30)) == workers.truth.total()
        worker.terminate(6)
        workers.gone(worker)

        workers.settings = settings.model_copy(update={"partitions": PARTITIONS + 1})
        refusing = workers.join()

        assert refusing.wait(30) == 2
        assert "the state was written with 6 partitions, OIDOR_PARTITIONS is 7" in refusing.tail(200)
        assert "Traceback" not in refusing.tail(200)


def test_inputs_that_are_written_in_transactions_hold_neither_time_nor_lag_back(
    kafka: LocalKafka, fresh: Fresh, tmp_path: Path
) -> None:
    settings = fresh.settings(brokers=kafka.bootstrap, partitions=PARTITIONS, checkpoint_interval=0.5)
    with fleet(settings, tmp_path) as workers:
        worker = workers.join()
        worker.wait_ready(30)
        topic = settings.input_prefix + INPUTS[0]
        asyncio.run(_in_transactions(settings.brokers, topic, [(b"kept", True), (b"undone", False)]))

        counted = _until_counted(workers, "kept")
        began = now_of(worker)
        time.sleep(4)
        _, metrics = fetch(worker.ready_url.removesuffix("ready") + "metrics")

        assert counted == {"kept": 1}
        assert now_of(worker) >= began + 2_000  # markers and undone records lie behind the last one
        assert f'feedback_consumer_lag_events{{topic="{INPUTS[0]}"}} 0.0' in metrics


async def _in_transactions(brokers: str, topic: str, records: list[tuple[bytes, bool]]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=brokers, transactional_id=f"upstream-{topic}")
    await producer.start()
    try:
        for value, kept in records:
            await producer.begin_transaction()
            await producer.send_and_wait(topic, value, partition=0)
            await (producer.commit_transaction() if kept else producer.abort_transaction())
    finally:
        await producer.stop()


def _until_counted(workers: Fleet, value: str) -> dict[str, int]:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        totals = workers.states()[0].totals
        if value in totals:
            return totals
        time.sleep(0.5)
    raise AssertionError(f"{value} was never counted")


def now_of(worker: Service) -> int:
    """`now` of the slowest partition, ms."""
    _, page = fetch(worker.ready_url)
    return min(int(part["now"]) for part in json.loads(page)["partitions"].values())
