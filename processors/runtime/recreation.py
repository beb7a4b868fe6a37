"""`TopicIncarnation`: whether a topic that a process reads is still the one whose offsets its group has committed.

A topic that is deleted and made again has other records at the same offsets, and a consumer whose topic was gone for a
moment may stay without an assignment for ever. So each commit carries the topic's id, and who commits ends when the id
changes: started again, it reads the new topic from its first record.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping
from typing import Final

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from faust.types import TP
from mode.utils.logging import get_logger

from processors.runtime.security import KafkaClient
from processors.runtime.timeouts import CONSUMER_SECONDS
from processors.runtime.topic_ids import identities_of
from schemas.topics import NO_ID

logger = get_logger(__name__)

LOOK_EVERY_SECONDS: Final = 20.0
"""Between two looks: that the topic is another one shows within a minute, the time that answers take included."""


class TopicIncarnation:
    """The id of one topic, as this process first saw it."""

    def __init__(self, client: KafkaClient, group: str, topic: str, ended: Callable[[str], None]) -> None:
        """`ended` is told, in one line, that the topic is another one."""
        self.missing = False
        """Whether there was no such topic when it was last looked for."""
        self._kafka, self._group, self._topic, self._ended = client, group, topic, ended
        self._id = NO_ID
        self._admin: AIOKafkaAdminClient | None = None

    @property
    def mark(self) -> str:
        """What commits carry, and what those of another topic do not."""
        return "" if self._id == NO_ID else self._id.hex()

    @property
    def number(self) -> int:
        """The same as long as it is the same topic; 0 while that is not known."""
        return int.from_bytes(self._id[:4], "big")

    async def committed(self, tps: Collection[TP]) -> Mapping[TP, int]:
        """What the group has committed of this topic; not what it had committed of an earlier one of the name.

        Raises KafkaError, OSError or TimeoutError.
        """
        async with asyncio.timeout(CONSUMER_SECONDS):
            await self._look()
            admin = await self._connected()
            found = await admin.list_consumer_group_offsets(self._group, partitions=[TopicPartition(*tp) for tp in tps])
        mine = {
            TP(*tp): committed.offset
            for tp, committed in found.items()
            if committed.offset >= 0 and ("" in (self.mark, committed.metadata) or committed.metadata == self.mark)
        }
        if len(mine) < sum(committed.offset >= 0 for committed in found.values()):
            logger.warning("%s was made again: it is read from its first record, not from former offsets", self._topic)
        return mine

    async def run(self) -> None:
        """Look every now and then, for ever. That nobody answers is no finding."""
        try:
            while True:
                try:
                    async with asyncio.timeout(CONSUMER_SECONDS):
                        await self._look()
                except (KafkaError, OSError):
                    await self.close()
                await asyncio.sleep(LOOK_EVERY_SECONDS)
        finally:
            await self.close()

    async def close(self) -> None:
        admin, self._admin = self._admin, None
        if admin is not None:
            await admin.close()

    async def _connected(self) -> AIOKafkaAdminClient:
        if self._admin is None:
            admin = AIOKafkaAdminClient(**self._kafka)
            await admin.start()
            self._admin = admin
        return self._admin

    async def _look(self) -> None:
        found = (await identities_of(await self._connected(), [self._topic])).get(self._topic)
        self.missing = found is None
        if found is None or found.id == NO_ID:
            return
        if self._id not in (NO_ID, found.id):
            self._ended(
                f"{self._topic} was deleted and made again: this process ends, and reads the new one from its "
                "first record when it is started again"
            )
        elif self._id == NO_ID:
            self._id = found.id
