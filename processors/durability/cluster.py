"""`Cluster`: what the topics of an installation are like now: ids, partitions, ends, retention, and logs of states.

Asked before a process joins its group, and every now and then while it runs; nothing of it is in any transaction.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, Protocol

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import GroupCoordinatorNotAvailableError, GroupLoadInProgressError, NotCoordinatorForGroupError
from faust.types import TP

from processors.durability.changelog import decisive
from processors.durability.provenance import Fingerprint
from processors.runtime.security import KafkaClient
from processors.runtime.timeouts import ANSWER_SECONDS, own_cancellation_only
from processors.runtime.topic_ids import identities_of
from schemas.topics import TopicIdentity

RETENTION: Final = ("retention.ms", "retention.bytes")
KEPT: Final = "-1"

_TAIL: Final = 8
"""Offsets at the end of a log that are read first: a checkpoint of one message, and its marker, are two."""
_COORDINATOR_PAUSE: Final = 0.2
_FETCH_BYTES: Final = 256 << 10
_RECORD_BYTES: Final = 16 << 10
"""Fetched for the sake of one record; of a longer batch the broker gives the whole."""
_CLEANUP: Final = "cleanup.policy"


class Cluster(Protocol):
    """Every question raises KafkaError, OSError or TimeoutError when it has no answer."""

    async def topics(self, names: Collection[str]) -> Mapping[str, TopicIdentity]:
        """Those that exist, by name."""

    async def committed(self, tps: Collection[TP]) -> Mapping[TP, int]:
        """What the group has committed; without those of which it has committed nothing."""

    async def ends(self, tps: Collection[TP]) -> Mapping[TP, int]:
        """Where the logs end: their last stable offsets, beyond which nobody has read."""

    async def begins(self, topic: str, numbers: Iterable[int]) -> Mapping[int, int]:
        """The first offsets that there are."""

    async def first(self, topic: str, numbers: Iterable[int]) -> Mapping[int, bytes]:
        """The first committed messages of logs of states, whoever can read them; without those that are empty."""

    async def last(self, topic: str, numbers: Iterable[int]) -> Mapping[int, bytes]:
        """The `decisive` messages of logs of states: what ends the last checkpoint, or cannot be read here."""

    async def records_at(self, offsets: Mapping[TP, int]) -> Mapping[TP, Fingerprint | None]:
        """The committed records at these offsets; None where there is none, nothing where a log does not reach."""

    async def compacted(self, names: Collection[str]) -> frozenset[str]:
        """Those of some topics, by name, that compaction may have made holes in."""

    async def retention(self, topic: str) -> Mapping[str, str]:
        """What would delete messages of a topic, by Kafka's own names; nothing when nothing would."""

    async def close(self) -> None: ...


class KafkaCluster:
    """`Cluster` over connections of its own, which are made when something is asked."""

    def __init__(self, kafka: KafkaClient, group: str) -> None:
        self._kafka, self._group = kafka, group
        self._client: AIOKafkaAdminClient | None = None
        self._consumer: AIOKafkaConsumer | None = None
        self._starting = asyncio.Lock()

    async def topics(self, names: Collection[str]) -> Mapping[str, TopicIdentity]:
        async with self._admin() as admin:
            return await identities_of(admin, names)

    async def committed(self, tps: Collection[TP]) -> Mapping[TP, int]:
        partitions = [TopicPartition(*tp) for tp in tps]
        async with self._admin() as admin:
            while True:
                try:
                    found = await admin.list_consumer_group_offsets(self._group, partitions=partitions)
                    break
                except (GroupCoordinatorNotAvailableError, GroupLoadInProgressError, NotCoordinatorForGroupError):
                    await asyncio.sleep(_COORDINATOR_PAUSE)  # the first group of a cluster waits for its topic
        return {TP(*tp): answer.offset for tp, answer in found.items() if answer.offset >= 0}

    async def ends(self, tps: Collection[TP]) -> Mapping[TP, int]:
        async with self._offsets() as reader:
            found = await reader.end_offsets([TopicPartition(*tp) for tp in tps])
        return {TP(*tp): offset for tp, offset in found.items()}

    async def begins(self, topic: str, numbers: Iterable[int]) -> Mapping[int, int]:
        async with self._offsets() as reader:
            found = await reader.beginning_offsets([TopicPartition(topic, number) for number in numbers])
        return {tp.partition: offset for tp, offset in found.items()}

    async def first(self, topic: str, numbers: Iterable[int]) -> Mapping[int, bytes]:
        numbers = list(numbers)
        if not numbers:  # a consumer that never got an assignment does not stop in peace
            return {}
        async with self._reading() as reader:
            low, ends = await _span(reader, topic, numbers)
            found: dict[int, bytes] = {}
            left = {tp: low[tp] for tp in ends if low[tp] < ends[tp]}
            async for tp, messages in _messages(reader, left, ends):
                found.setdefault(tp.partition, messages[0])
                reader.pause(tp)
                left.pop(tp, None)
            return found

    async def last(self, topic: str, numbers: Iterable[int]) -> Mapping[int, bytes]:
        numbers = list(numbers)
        if not numbers:
            return {}
        async with self._reading() as reader:
            low, ends = await _span(reader, topic, numbers)
            found: dict[int, bytes] = {}
            left, reach = {tp for tp in ends if low[tp] < ends[tp]}, _TAIL
            while left:
                begins = {tp: max(low[tp], ends[tp] - reach) for tp in left}
                async for tp, messages in _messages(reader, dict(begins), ends):
                    if (telling := decisive(messages)) is not None:
                        found[tp.partition] = telling
                left = {tp for tp in left if tp.partition not in found and begins[tp] > low[tp]}
                reach *= _TAIL
            return found

    async def records_at(self, offsets: Mapping[TP, int]) -> Mapping[TP, Fingerprint | None]:
        if not offsets:
            return {}
        # That a log is cut while it is read is an error: none of its records is taken for another.
        async with self._reading(auto_offset_reset="none", max_partition_fetch_bytes=_RECORD_BYTES) as reader:
            asked = {TopicPartition(*tp): offset for tp, offset in offsets.items()}
            low, ends = await reader.beginning_offsets(list(asked)), await reader.end_offsets(list(asked))
            left = {tp: offset for tp, offset in asked.items() if low[tp] <= offset < ends[tp]}
            found: dict[TP, Fingerprint | None] = {TP(*tp): None for tp in left}
            async for tp, records in _records(reader, left, {tp: offset + 1 for tp, offset in left.items()}):
                if records[0].offset == asked[tp]:
                    found[TP(*tp)] = Fingerprint.of(records[0])
                reader.pause(tp)
                left.pop(tp, None)
            return found

    async def compacted(self, names: Collection[str]) -> frozenset[str]:
        policies = {name: await self._configured(name, _CLEANUP) for name in names}
        return frozenset(name for name, policy in policies.items() if policy.get(_CLEANUP) != "delete")

    async def retention(self, topic: str) -> Mapping[str, str]:
        configured = await self._configured(topic, *RETENTION)
        return {name: value for name, value in configured.items() if value != KEPT}

    async def _configured(self, topic: str, *names: str) -> Mapping[str, str]:
        """Settings of a topic by Kafka's own names; without what nobody says."""
        asked = ConfigResource(ConfigResourceType.TOPIC, topic, dict.fromkeys(names))
        async with self._admin() as admin:
            answers = await admin.describe_configs([asked])
        entries = [entry for answer in answers for resource in answer.resources for entry in resource[4]]
        return {name: value for name, value, *_ in entries if name in names}

    async def close(self) -> None:
        client, self._client = self._client, None
        consumer, self._consumer = self._consumer, None
        if client is not None:
            await client.close()
        if consumer is not None:
            with own_cancellation_only():
                await consumer.stop()

    @asynccontextmanager
    async def _admin(self) -> AsyncIterator[Any]:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                async with self._starting:
                    if self._client is None:
                        self._client = AIOKafkaAdminClient(**self._kafka)
                        await self._client.start()
                yield self._client
        except BaseException:
            await self.close()
            raise

    @asynccontextmanager
    async def _offsets(self) -> AsyncIterator[AIOKafkaConsumer]:
        """A consumer without a group or an assignment, that is asked for offsets alone."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                async with self._starting:
                    if self._consumer is None:
                        self._consumer = self._new_consumer()
                        await self._consumer.start()
                yield self._consumer
        except BaseException:
            await self.close()
            raise

    @asynccontextmanager
    async def _reading(self, **settings: Any) -> AsyncIterator[AIOKafkaConsumer]:
        reader = self._new_consumer(**settings)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await reader.start()
                yield reader
        finally:
            with own_cancellation_only():
                await reader.stop()

    def _new_consumer(
        self, *, auto_offset_reset: str = "earliest", max_partition_fetch_bytes: int = _FETCH_BYTES
    ) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            **self._kafka,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset=auto_offset_reset,
            max_partition_fetch_bytes=max_partition_fetch_bytes,
        )


Offsets = dict[TopicPartition, int]


async def _span(reader: AIOKafkaConsumer, topic: str, numbers: Iterable[int]) -> tuple[Offsets, Offsets]:
    tps = [TopicPartition(topic, number) for number in numbers]
    return await reader.beginning_offsets(tps), await reader.end_offsets(tps)


async def _messages(
    reader: AIOKafkaConsumer, left: Offsets, ends: Offsets
) -> AsyncIterator[tuple[TopicPartition, list[bytes]]]:
    async for tp, records in _records(reader, left, ends):
        yield tp, [record.value for record in records]


async def _records(
    reader: AIOKafkaConsumer, left: Offsets, ends: Offsets
) -> AsyncIterator[tuple[TopicPartition, list[Any]]]:
    """Read each partition of `left` from its offset to its end; whoever has enough of one takes it out of `left`."""
    reader.assign(list(left))
    for tp, offset in left.items():
        reader.seek(tp, offset)
    while left:
        for tp, records in (await reader.getmany(timeout_ms=100)).items():
            if records:
                yield tp, records
        for tp in list(left):
            if await reader.position(tp) >= ends[tp]:
                del left[tp]
