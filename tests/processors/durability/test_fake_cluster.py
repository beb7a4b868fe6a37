"""The clusters in memory keep the promises of the one on Kafka."""

from collections.abc import Sequence
from itertools import chain

import pytest

from processors.durability.cluster import Cluster
from tests.processors.durability.cluster_contract import ClusterContract, Holding
from tests.processors.durability.fake_cluster import STATE, FakeCluster
from tests.simulation import clients
from tests.simulation.broker import Broker
from tests.simulation.disasters import SimulatedCluster


class TestFakeCluster(ClusterContract):
    @pytest.fixture
    def state(self) -> str:
        return STATE

    @pytest.fixture
    def holding(self) -> Holding:
        async def made(transactions: Sequence[Sequence[bytes]]) -> Cluster:
            return FakeCluster(messages={0: [*chain(*transactions)], 1: []})

        return made


class TestSimulatedCluster(ClusterContract):
    @pytest.fixture
    def state(self) -> str:
        return clients.STATE

    @pytest.fixture
    def holding(self) -> Holding:
        async def made(transactions: Sequence[Sequence[bytes]]) -> Cluster:
            broker = Broker()
            for messages in transactions:
                epoch = broker.begin("a state")
                transaction = broker.transaction("a state", epoch)
                for message in messages:
                    broker.log(clients.STATE, 0).append(0, None, message, transaction=transaction)
                broker.finish("a state", epoch, "committed")
            return SimulatedCluster(broker, 2)

        return made
