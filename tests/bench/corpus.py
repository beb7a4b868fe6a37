"""What the benchmark is fed with: generated journeys, as messages for a broker or as records for `step`."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from aiokafka.partitioner import murmur2

from deploy.traffic.messages import Message
from deploy.traffic.scenarios import STEADY, journeys
from processors.runtime.slices import Slice

SEED: Final = 7
PARTITIONS: Final = 12
LOG_RATE: Final = 20.0
"""Events a second of the log's own time: 200,000 events span nearly three hours, so that contacts get resolved."""

LIVE: Final = replace(STEADY, name="live", duplicates=0.0, late=0.0, malformed=0.0)
"""Every record is a row: counts in ClickHouse can be compared with counts sent."""


class Record(NamedTuple):
    """What `step` reads of aiokafka's `ConsumerRecord`; `timestamp` in ms."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


def log_of(events: int) -> list[Message]:
    """A log that ends now; what is late, doubled or malformed in it is as `STEADY` has it."""
    start = datetime.now(UTC) - timedelta(seconds=1.02 * events / LOG_RATE + 60)
    return list(journeys(STEADY, SEED, start, limit=events, rate=LOG_RATE))


def rounds_of(messages: Sequence[Message], window: int) -> Iterator[list[Slice]]:
    """The slices that a worker gets of each `window` messages, in order: one of each topic-partition with news."""
    offsets: dict[tuple[str, int], int] = {}
    for first in range(0, len(messages), window):
        slices: dict[tuple[str, int], list[Record]] = {}
        for topic, key, value, timestamp in messages[first : first + window]:
            number = (murmur2(key.encode()) & 0x7FFF_FFFF) % PARTITIONS
            offset = offsets[topic, number] = offsets.get((topic, number), -1) + 1
            slices.setdefault((topic, number), []).append(Record(topic, number, offset, timestamp, key.encode(), value))
        yield [
            Slice(records, topic=topic, partition=number, begin=records[0].offset, epoch=0)
            for (topic, number), records in slices.items()
        ]
