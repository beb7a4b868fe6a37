"""What people do, to `feedback-actions`: of the command line and of the board."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from aiokafka import AIOKafkaProducer

from schemas.actions import AnyAction, encode_action, subject_id
from schemas.topics import ACTIONS

_STOP_SECONDS: Final = 1.0


class ActionPublisher:
    """Publishes actions over a producer that it makes when it is first needed."""

    def __init__(self, client: Mapping[str, Any], *, prefix: str) -> None:
        """`client`: the arguments of any client of Kafka; `prefix`: of the topic."""
        self._client, self._topic = client, prefix + ACTIONS
        self._producer: AIOKafkaProducer | None = None

    async def publish(self, action: AnyAction) -> None:
        """Returns once the broker has it. Raises KafkaError or OSError; then it may be there all the same.

        Published again it counts once, by its `action_id`.
        """
        if self._producer is None:
            producer = AIOKafkaProducer(**self._client, acks="all", enable_idempotence=True)
            await producer.start()
            self._producer = producer
        await self._producer.send_and_wait(self._topic, encode_action(action), key=subject_id(action).encode())

    async def close(self) -> None:
        """Ends the producer, or leaves it behind: it holds nothing that anybody waits for."""
        producer, self._producer = self._producer, None
        if producer is not None:
            stopping = asyncio.ensure_future(producer.stop())
            stopping.add_done_callback(lambda done: None if done.cancelled() else done.exception())
            await asyncio.wait({stopping}, timeout=_STOP_SECONDS)
