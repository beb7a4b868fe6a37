"""The clusters in memory say of records what the one on Kafka says."""

from collections.abc import Callable

import pytest

from tests.processors.durability import fake_log
from tests.processors.durability.counting import Record
from tests.processors.durability.fake_cluster import FakeCluster
from tests.processors.durability.records_contract import INPUT, Play, RecordsContract, World
from tests.simulation.broker import Broker
from tests.simulation.disasters import SimulatedCluster


class FakeWorld:
    tp = INPUT

    def __init__(self) -> None:
        self.cluster = FakeCluster(ended={INPUT: 0}, held={INPUT: []})

    async def write(self, *records: Record) -> None:
        self.cluster.held[INPUT] += records
        self.cluster.ended[INPUT] = records[-1].offset + 2

    async def delete_before(self, offset: int) -> None:
        self.cluster.begun[INPUT] = offset

    async def compact(self) -> None:
        self.cluster.holed.add(INPUT.topic)


class SimulatedWorld:
    tp = INPUT

    def __init__(self) -> None:
        self._broker = Broker()
        self.cluster = SimulatedCluster(self._broker, 1)

    async def write(self, *records: Record) -> None:
        epoch = self._broker.begin("publisher")
        transaction, log = self._broker.transaction("publisher", epoch), self._broker.log(*INPUT)
        for record in records:
            log.append(record.timestamp, record.key, record.value, (), transaction)
        self._broker.finish("publisher", epoch, "committed")

    async def delete_before(self, offset: int) -> None:
        self._broker.log(*INPUT).low = offset

    async def compact(self) -> None:
        self._broker.compacted.add(INPUT.topic)


@pytest.fixture
def play() -> Play:
    return fake_log.play


class TestFakeCluster(RecordsContract):
    @pytest.fixture
    def new_world(self) -> Callable[[], World]:
        return FakeWorld


class TestSimulatedCluster(RecordsContract):
    @pytest.fixture
    def new_world(self) -> Callable[[], World]:
        return SimulatedWorld
