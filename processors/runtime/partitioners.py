"""Partitioners: the partition that a client gives a key.

All events of a customer meet in one partition only when all who publish agree on this.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final
from zlib import crc32

from aiokafka.partitioner import DefaultPartitioner, murmur2

Partitioner = Callable[[bytes, int], int]
"""(key, number of partitions) -> number of the partition"""


def murmur2_partition(key: bytes, partitions: int) -> int:
    """The partition by Kafka's own default: Java, kafka-python, aiokafka, KafkaJS, franz-go."""
    return int(murmur2(key) & 0x7FFF_FFFF) % partitions


def crc32_partition(key: bytes, partitions: int) -> int:
    """The partition by librdkafka's default, `consistent_random`."""
    return crc32(key) % partitions


PARTITIONERS: Final[Mapping[str, Partitioner]] = {"murmur2": murmur2_partition, "crc32": crc32_partition}
"""What the setting may name beside `any`."""


def placement(partitioner: str, partitions: int) -> Callable[[bytes], int] | None:
    """The function from a key to the number of its partition; None where the setting says that it may be any."""
    known = PARTITIONERS.get(partitioner)
    return None if known is None else lambda key: known(key, partitions)


def of_client(partitioner: str) -> Callable[[bytes | None, Sequence[int], Sequence[int]], int]:
    """What aiokafka asks a producer for: (key, all partitions, those that answer) -> partition."""
    by_default, place = DefaultPartitioner(), PARTITIONERS.get(partitioner, murmur2_partition)

    def choose(key: bytes | None, every: Sequence[int], answering: Sequence[int]) -> int:
        return int(by_default(key, every, answering)) if not key else every[place(key, len(every))]

    return choose
