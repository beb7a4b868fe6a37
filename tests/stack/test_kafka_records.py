"""What a real broker says of records: the contract, by a publisher with transactions."""

import asyncio
from collections.abc import Callable

import pytest
from aiokafka import AIOKafkaProducer
from faust.types import TP
from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import ConfigResource

from deploy.cli.topics import create
from deploy.local.kafka.server import LocalKafka
from processors.settings import Settings
from processors.worker import kafka_cluster
from schemas.topics import CONTACTS
from tests.processors.durability.counting import Record
from tests.processors.durability.records_contract import Play, RecordsContract, World
from tests.stack.conftest import Fresh

pytestmark = pytest.mark.stack


class KafkaWorld:
    def __init__(self, settings: Settings) -> None:
        self.tp, self.cluster = TP(settings.input_prefix + CONTACTS, 0), kafka_cluster(settings)
        self._brokers = settings.brokers

    async def write(self, *records: Record) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=self._brokers, transactional_id=f"{self.tp.topic}-publisher")
        await producer.start()
        async with producer.transaction():
            for one in records:
                await producer.send_and_wait(self.tp.topic, one.value, one.key, 0, one.timestamp)
        await producer.stop()

    async def delete_before(self, offset: int) -> None:
        admin = KafkaAdminClient(bootstrap_servers=self._brokers)
        await asyncio.to_thread(admin.delete_records, {TopicPartition(*self.tp): offset})
        admin.close()

    async def compact(self) -> None:
        admin = KafkaAdminClient(bootstrap_servers=self._brokers)
        compacted = ConfigResource("TOPIC", self.tp.topic, {"cleanup.policy": "compact"})
        await asyncio.to_thread(admin.alter_configs, [compacted])
        admin.close()


class TestKafkaCluster(RecordsContract):
    @pytest.fixture
    def play(self) -> Play:
        return asyncio.run

    @pytest.fixture
    def new_world(self, kafka: LocalKafka, fresh: Fresh) -> Callable[[], World]:
        settings = fresh.settings(brokers=kafka.bootstrap, partitions=1, input_retention_days=-1)
        create(settings)
        return lambda: KafkaWorld(settings)
