"""Sends live events at a steady pace: `python -m tests.bench.traffic SECONDS RATE FILE`, settings from the environment.

Prints `begun` with the first one. FILE gets, for each event in order, the monotonic second at which it was handed to
the producer, as doubles; the parent's clock is the same one. Nothing waits for slow receivers: an event that could not
go at its moment counts from its moment.
"""

import asyncio
import sys
import time
from array import array
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from pathlib import Path
from typing import Final

import uvloop
from aiokafka import AIOKafkaProducer

from deploy.traffic.messages import Message
from deploy.traffic.scenarios import journeys
from processors.settings import Settings
from tests.bench.corpus import LIVE, SEED

_LEAD_SECONDS: Final = 2.0
_GENERATED_A_SECOND: Final = 20_000


async def send(seconds: float, rate: float) -> "array[float]":
    """The moment of each event, in order."""
    settings = Settings()
    lead = _LEAD_SECONDS + seconds * rate / _GENERATED_A_SECOND
    start = datetime.now(UTC) + timedelta(seconds=lead)
    began_ms, began = start.timestamp() * 1000, time.monotonic() + lead
    endless = journeys(LIVE, SEED, start, rate=rate)
    messages = list(takewhile(lambda message: message.timestamp_ms < began_ms + seconds * 1000, endless))
    producer = AIOKafkaProducer(bootstrap_servers=settings.brokers, acks="all", linger_ms=20)
    await producer.start()
    try:
        return await _send_all(producer, messages, settings.input_prefix, began - began_ms / 1000)
    finally:
        await producer.stop()


async def _send_all(
    producer: AIOKafkaProducer, messages: list[Message], prefix: str, to_monotonic: float
) -> "array[float]":
    due = array("d", (message.timestamp_ms / 1000 + to_monotonic for message in messages))
    for number, message in enumerate(messages):
        if (ahead := due[number] - time.monotonic()) > 0:
            await asyncio.sleep(max(ahead, 0.001))
        if number == 0:
            print("begun", flush=True)
        await producer.send(
            prefix + message.topic, message.value, message.key.encode(), timestamp_ms=message.timestamp_ms
        )
    await producer.flush()
    return due


if __name__ == "__main__":
    Path(sys.argv[3]).write_bytes(uvloop.run(send(float(sys.argv[1]), float(sys.argv[2]))).tobytes())
