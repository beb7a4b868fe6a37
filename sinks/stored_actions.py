"""`feedback-actions` into ClickHouse: what people do is stored beside what workers decide, as its other rows are.

Rows go the same way: the same inserter, its attempts without end, its tokens, offsets committed last. There are few of
them, on one partition that no group shares out: whoever reads one twice, or beside somebody else, stores it once.
"""

import asyncio
import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from schemas.actions import action_row, decode_action
from schemas.outputs import COLUMNS, RejectedRecord, RejectedRow, Rejection, RowBatch, encode_row_batch
from schemas.topics import ACTIONS
from sinks.gathering import Source
from sinks.inserter import Commit, Inserter
from sinks.metrics import warehouse as families
from sinks.metrics.warehouse import WarehouseMetrics

logger = logging.getLogger(__name__)

TABLE: Final = "actions"
_PAUSE_SECONDS: Final = 2.0
_WAIT_MS: Final = 500


class ActionReader:
    """Reads actions for ever, and hands them to an inserter of their own."""

    number: Final = 0
    incarnation: Final = 0

    def __init__(
        self,
        client: Mapping[str, Any],
        group: str,
        prefix: str,
        inserter: Callable[[Commit], Inserter],
        metrics: WarehouseMetrics,
    ) -> None:
        """`group` keeps the offset; `prefix` is the topic's; `inserter` makes one that commits as it is told."""
        self._client, self._group, self._metrics = client, group, metrics
        self._tp = TopicPartition(prefix + ACTIONS, 0)
        self._consumer: Any = None
        self.trouble = ""
        """What is wrong with the topic, in words; '' while it is read."""
        self.inserter = inserter(self._commit)
        for outcome in families.ACTION_OUTCOMES:
            metrics.begin(families.ACTIONS, outcome)

    async def run(self) -> None:
        """Reads and stores for ever; an outage of Kafka is waited for."""
        storing = asyncio.create_task(self.inserter.run())
        try:
            while True:
                try:
                    await self._read()
                except (KafkaError, OSError, TimeoutError) as error:
                    if not self.trouble:
                        logger.warning("%s cannot be read, and is tried again: %r", self._tp[0], error)
                    self.trouble = f"{self._tp[0]} cannot be read: {error or type(error).__name__}"
                await asyncio.sleep(_PAUSE_SECONDS)
        finally:
            storing.cancel()

    async def close(self) -> None:
        """Ends the connections; what was not committed is read again."""
        self.inserter.stop()
        await self.inserter.close()

    async def _read(self) -> None:
        consumer = AIOKafkaConsumer(
            **self._client,
            group_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
        )
        try:
            await consumer.start()
            consumer.assign([self._tp])
            self._consumer = consumer
            while True:
                slices = await consumer.getmany(timeout_ms=_WAIT_MS)
                self.trouble = ""
                for records in slices.values():
                    for record in records:
                        while self.inserter.full:
                            await self.inserter.room()
                        self.take(record)
        finally:
            self._consumer = None
            await consumer.stop()

    def take(self, record: Any) -> None:
        """Takes a record in: as a row, or as a rejection that says why it is no action."""
        value, appended_at = record.value or b"", max(0, record.timestamp)
        action = decode_action(value, appended_at)
        if isinstance(action, Rejection):
            self._metrics.increase(families.ACTIONS, "rejected")
            self.inserter.add_rejected(self, record.offset, _rejected(action, record, value, appended_at))
            return
        self._metrics.increase(families.ACTIONS, action.action)
        row = action_row(action, appended_at, record.offset)
        rows = msgspec.Raw(msgspec.msgpack.encode([row]))
        # Its version is when the broker appended it: the same whoever reads it, and how often.
        batch = RowBatch(TABLE, COLUMNS[TABLE], appended_at, appended_at, 0, rows)
        message = SimpleNamespace(
            value=encode_row_batch(batch), offset=record.offset, partition=0, timestamp=appended_at, key=record.key
        )
        self.inserter.add(self, message)

    async def _commit(self, done: Sequence[tuple[Source, int]]) -> None:
        consumer = self._consumer
        if consumer is None or not done:
            return  # the next one commits what follows
        try:
            await consumer.commit({self._tp: done[-1][1]})
        except (KafkaError, OSError) as error:
            logger.warning("The offset of %s is not committed: %r", self._tp[0], error)


def _rejected(why: Rejection, record: Any, value: bytes, at: int) -> RejectedRecord:
    return RejectedRecord(
        RejectedRow(
            topic=ACTIONS, partition=0, incarnation=0, offset=record.offset, table="", row=0, record_at=at,
            reason=why.reason, field=why.field, expected=why.expected, got=why.got, source="", event_id="",
            event_type="", bytes=len(value), sha256=hashlib.sha256(value).hexdigest(),
        ),
        record.key,
        value,
    )  # fmt: skip
