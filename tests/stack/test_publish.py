"""What is published is in Kafka: all of it, with its own times, a key's messages in one partition and in order."""

import asyncio
from collections import defaultdict
from datetime import UTC, datetime, timedelta

import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from deploy.cli.topics import create
from deploy.local.kafka.server import LocalKafka
from deploy.traffic.messages import Message
from deploy.traffic.publish import PublishError, publish
from deploy.traffic.readers import cfpb, servicenow
from deploy.traffic.scenarios import STORM_LOG, journeys
from schemas.topics import CONTACTS, INPUTS
from tests.stack.conftest import Fresh

pytestmark = pytest.mark.stack


async def stored(brokers: str, prefix: str, partitions: int) -> list[ConsumerRecord]:
    """Every record of the input topics, by topic, partition and offset."""
    consumer = AIOKafkaConsumer(bootstrap_servers=brokers, enable_auto_commit=False)
    await consumer.start()
    try:
        places = [TopicPartition(prefix + topic, number) for topic in INPUTS for number in range(partitions)]
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        left = sum((await consumer.end_offsets(places)).values())
        records: list[ConsumerRecord] = []
        while len(records) < left:
            fetched = await consumer.getmany(timeout_ms=1000)
            records += [record for batch in fetched.values() for record in batch]
        return sorted(records, key=lambda record: (record.topic, record.partition, record.offset))
    finally:
        await consumer.stop()


def test_real_logs_and_generated_traffic_arrive_as_they_are(kafka: LocalKafka, fresh: Fresh) -> None:
    settings = fresh.settings(brokers=kafka.bootstrap, input_retention_days=-1)
    create(settings)
    sent = [*servicenow(), *cfpb(), *journeys(STORM_LOG, 7, datetime.now(UTC) - timedelta(days=1), limit=5000)]
    told: list[int] = []

    count = publish(sent, settings.brokers, prefix=settings.topic_prefix, progress=told.append)
    records = asyncio.run(stored(settings.brokers, settings.topic_prefix, settings.partitions))

    assert count == len(sent) == told[-1]
    received: dict[tuple[str, str], list[Message]] = defaultdict(list)
    partitions: dict[str, set[int]] = defaultdict(set)
    for record in records:
        topic, key = record.topic.removeprefix(settings.topic_prefix), record.key.decode()
        received[topic, key].append(Message(topic, key, record.value, record.timestamp))
        partitions[key].add(record.partition)
    expected: dict[tuple[str, str], list[Message]] = defaultdict(list)
    for message in sent:
        expected[message.topic, message.key].append(message)
    assert received == expected
    assert all(len(numbers) == 1 for numbers in partitions.values())
    assert len(set.union(*partitions.values())) == settings.partitions


def test_a_topic_that_is_missing_is_said_in_one_line(kafka: LocalKafka, fresh: Fresh) -> None:
    with pytest.raises(PublishError, match=r"no topic .*contact-events .*oidor topics create"):
        publish([Message(CONTACTS, "k", b"{}", 0)], kafka.bootstrap, prefix=fresh.topic_prefix)


def test_a_time_in_the_future_of_the_broker_is_refused_and_said(kafka: LocalKafka, fresh: Fresh) -> None:
    settings = fresh.settings(brokers=kafka.bootstrap)
    create(settings)
    tomorrow = journeys(STORM_LOG, 7, datetime.now(UTC) + timedelta(days=1), limit=10)
    with pytest.raises(PublishError, match="in its future: begin earlier"):
        publish(tomorrow, settings.brokers, prefix=settings.topic_prefix)
