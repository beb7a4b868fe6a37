"""What a real broker says of logs of states: the promises that clusters in memory keep, too."""

from collections.abc import Sequence

import pytest

from deploy.cli.topics import create
from deploy.local.kafka.server import LocalKafka
from processors.durability.cluster import Cluster
from processors.settings import Settings
from processors.worker import kafka_cluster, kafka_log
from schemas.topics import state_topic
from tests.processors.durability.cluster_contract import ClusterContract, Holding
from tests.stack.conftest import Fresh

pytestmark = pytest.mark.stack


class TestKafkaCluster(ClusterContract):
    @pytest.fixture
    def settings(self, kafka: LocalKafka, fresh: Fresh) -> Settings:
        found = fresh.settings(brokers=kafka.bootstrap, partitions=2)
        create(found)
        return found

    @pytest.fixture
    def state(self, settings: Settings) -> str:
        return state_topic(settings.app_id)

    @pytest.fixture
    def holding(self, settings: Settings) -> Holding:
        async def made(transactions: Sequence[Sequence[bytes]]) -> Cluster:
            log = kafka_log(0, settings)
            await log.open()
            for messages in transactions:
                await log.transaction([], messages)
            await log.close()
            return kafka_cluster(settings)

        return made
