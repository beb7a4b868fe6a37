"""Reading a topic from its beginning, all of it, for as long as the board runs: no group shares it out."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from mode.utils.logging import get_logger

from processors.runtime.security import KafkaClient
from processors.runtime.timeouts import CONSUMER_SECONDS, own_cancellation_only, wall_ms

logger = get_logger(__name__)

Take = Callable[[Any], None]
"""Takes a record in, as aiokafka has it. Never raises."""

_PAUSE_SECONDS: Final = 2.0
_WAIT_MS: Final = 500


class MissingTopicError(Exception):
    """There is no such topic, or this account may not see it."""


class TopicReader:
    """Hands over every committed record of a topic, the old ones first, and goes on after every outage."""

    def __init__(self, client: KafkaClient, topic: str, take: Take) -> None:
        self.topic, self._client, self._take = topic, client, take
        self._offsets: dict[TopicPartition, int] = {}
        self._ends: dict[TopicPartition, int] = {}
        self.answered_at = 0
        """When Kafka has answered last, ms of the wall clock."""
        self.trouble = ""
        """What is wrong with the topic, in words; '' while it is read."""

    @property
    def caught_up(self) -> bool:
        """Whether everything was read that was there when reading began."""
        return bool(self._ends) and all(self._offsets.get(tp, 0) >= end for tp, end in self._ends.items())

    async def run(self) -> None:
        """Reads for ever."""
        while True:
            try:
                with own_cancellation_only():
                    await self._read()
            except MissingTopicError as missing:
                self.trouble = str(missing)
            except (KafkaError, OSError, TimeoutError) as error:
                self.trouble = f"{self.topic} cannot be read: {error or type(error).__name__}"
            logger.warning("%s; next attempt in %g s", self.trouble, _PAUSE_SECONDS)
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _read(self) -> None:
        consumer = AIOKafkaConsumer(
            **self._client,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
        )
        try:
            await consumer.start()
            assigned = await self._assign(consumer)
            self.trouble = ""
            while True:
                await self._take_some(consumer, assigned)
        finally:
            await asyncio.wait_for(consumer.stop(), CONSUMER_SECONDS)

    async def _assign(self, consumer: Any) -> list[TopicPartition]:
        await consumer._client.add_topic(self.topic)
        numbers = consumer.partitions_for_topic(self.topic)
        if not numbers:
            raise MissingTopicError(f"{self.topic} does not exist, or may not be read: run `oidor topics create`")
        assigned = [TopicPartition(self.topic, number) for number in sorted(numbers)]
        consumer.assign(assigned)
        for tp in assigned:
            if tp in self._offsets:
                consumer.seek(tp, self._offsets[tp])
        self._ends = self._ends or await consumer.end_offsets(assigned)
        earliest = await consumer.beginning_offsets(assigned)
        for tp in assigned:
            self._offsets.setdefault(tp, earliest[tp])
        self.answered_at = wall_ms()
        return assigned

    async def _take_some(self, consumer: Any, assigned: list[TopicPartition]) -> None:
        slices = await consumer.getmany(timeout_ms=_WAIT_MS)
        for records in slices.values():
            for record in records:
                self._take(record)
        for tp in assigned:
            # Beyond what was handed over: markers of transactions, and what compaction left out, have offsets, too.
            self._offsets[tp] = await consumer.position(tp)
            self.answered_at = max(self.answered_at, consumer.last_poll_timestamp(tp) or 0)
