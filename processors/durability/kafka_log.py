"""`KafkaLog`: the log of one partition on Kafka: its transactional producer, and its partition of the state topic."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.errors import KafkaError

from processors.durability.log import CLOSE_SECONDS, SEND_SECONDS, Appended, Outgoing, longest_message
from processors.runtime.security import KafkaClient
from processors.runtime.timeouts import ANSWER_SECONDS, loop_time, monotonic_ms, own_cancellation_only

_LOG_APPEND_TIME: Final = 1
"""The type of a timestamp that is the broker's."""


class KafkaLog:
    """`processors.durability.log.Log` on the topic of the state; made on a running event loop."""

    def __init__(
        self,
        number: int,
        *,
        client: KafkaClient,
        app_id: str,
        topic: str,
        transaction_timeout: float,
        message_bytes: int,
    ) -> None:
        """`transaction_timeout`: seconds after which the broker aborts what is open, more than `COMMIT_SECONDS`."""
        self._at = TopicPartition(topic, number)
        self._client = client
        self._producer = AIOKafkaProducer(
            **client,
            transactional_id=f"{app_id}-{number}",
            transaction_timeout_ms=round(transaction_timeout * 1000),
            enable_idempotence=True,
            acks="all",
            compression_type="zstd",
            request_timeout_ms=round(SEND_SECONDS * 1000),
            max_request_size=longest_message(message_bytes),
        )

    async def open(self) -> None:
        async with asyncio.timeout(ANSWER_SECONDS):
            await self._producer.start()

    async def read(self) -> AsyncIterator[Sequence[bytes]]:
        reader = AIOKafkaConsumer(
            **self._client,
            isolation_level="read_committed",
            enable_auto_commit=False,
            max_partition_fetch_bytes=4 << 20,
        )
        async with asyncio.timeout(ANSWER_SECONDS):
            await reader.start()
        try:
            yield []
            reader.assign([self._at])
            async with asyncio.timeout(ANSWER_SECONDS):
                await reader.seek_to_beginning(self._at)
                end = (await reader.end_offsets([self._at]))[self._at]
            yield []
            # Transaction markers take offsets: only the position says that the end is reached.
            progressed_at = loop_time()
            while (position := await reader.position(self._at)) < end:
                records = (await reader.getmany(self._at, timeout_ms=200)).get(self._at, [])
                if records or await reader.position(self._at) > position:
                    progressed_at = loop_time()
                    yield [record.value for record in records]
                elif loop_time() - progressed_at > ANSWER_SECONDS:
                    raise TimeoutError(f"{self._at.topic}[{self._at.partition}] cannot be read to its end {end}")
        finally:
            await _stopped(reader)

    async def transaction(self, outputs: Iterable[Outgoing], delta: Sequence[bytes]) -> Appended:
        async with self._producer.transaction():
            sent = [
                await self._send(message.topic, message.value, key=message.key, headers=list(message.headers))
                for message in outputs
            ]
            states = [await self._send(self._at.topic, message) for message in delta]
            await asyncio.gather(*sent, *states)
            answered_at = monotonic_ms()
        first = states[0].result()
        by_broker = first.timestamp_type == _LOG_APPEND_TIME
        return Appended(int(first.offset), first.timestamp + monotonic_ms() - answered_at if by_broker else None)

    async def _send(self, topic: str, value: bytes, **others: Any) -> "asyncio.Future[Any]":
        sending: asyncio.Future[Any] = await self._producer.send(topic, value, partition=self._at.partition, **others)
        sending.add_done_callback(_retrieve)  # when one fails, nobody waits for the others
        return sending

    async def truncate(self, offset: int) -> None:
        admin = AIOKafkaAdminClient(**self._client)
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                try:
                    await admin.start()
                    await admin.delete_records({self._at: RecordsToDelete(before_offset=offset)})
                finally:
                    await admin.close()
        except (KafkaError, OSError):
            pass  # what is deleted next time lies behind it

    async def close(self) -> None:
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._producer.stop()
        except (KafkaError, OSError):
            pass  # fenced, or the broker is gone: the next owner's producer ends what is left open


async def _stopped(reader: AIOKafkaConsumer) -> None:
    try:
        with own_cancellation_only():
            async with asyncio.timeout(CLOSE_SECONDS):
                await reader.stop()
    except (KafkaError, OSError):
        pass  # left behind: it holds nothing that anybody waits for


def _retrieve(sending: "asyncio.Future[Any]") -> None:
    if not sending.cancelled():
        sending.exception()
