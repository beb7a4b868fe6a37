"""Where rows that the database refused go: to `feedback-rejected`, beside the records that no worker accepted."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, Final

from aiokafka import AIOKafkaProducer

from schemas.outputs import RejectedRecord
from sinks.messages import rejection

_STOP_SECONDS: Final = 1.0
_REQUEST_BYTES: Final = 16 << 20
"""The broker's limit is the one that holds: it is of what was compressed."""


class RejectionPublisher:
    """Publishes rejections over a producer that it makes when it is first needed.

    What was refused goes out whole, however long it is: rows that came out of a worker are nowhere else for long.
    """

    def __init__(self, client: Mapping[str, Any], *, prefix: str, partitions: int) -> None:
        """`client`: the arguments of any client of Kafka; `prefix` and `partitions`: of the topic."""
        self._client, self._prefix, self._partitions = client, prefix, partitions
        self._producer: AIOKafkaProducer | None = None

    async def publish(self, records: Iterable[RejectedRecord]) -> None:
        """Returns once all of them are acknowledged. Raises KafkaError or OSError; then some may be published."""
        if self._producer is None:
            self._producer = AIOKafkaProducer(
                **self._client,
                enable_idempotence=True,
                acks="all",
                max_request_size=_REQUEST_BYTES,
                compression_type="gzip",
            )
            await self._producer.start()
        messages = [(rejection(record, self._prefix, original_bytes=None), record.row.partition) for record in records]
        sent = [
            await self._producer.send(
                message.topic,
                message.value,
                key=message.key,
                partition=partition % self._partitions,
                headers=list(message.headers),
            )
            for message, partition in messages
        ]
        await asyncio.gather(*sent)

    async def close(self) -> None:
        """Ends the producer, or leaves it behind: it holds nothing that anybody waits for."""
        producer, self._producer = self._producer, None
        if producer is not None:
            stopping = asyncio.ensure_future(producer.stop())
            stopping.add_done_callback(_retrieve)
            await asyncio.wait({stopping}, timeout=_STOP_SECONDS)


def _retrieve(stopping: "asyncio.Future[None]") -> None:
    if not stopping.cancelled():
        stopping.exception()
