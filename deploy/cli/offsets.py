"""How far consumer groups are, who is in them, and what is left to read: questions to a broker that change nothing."""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeVar

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.admin import OffsetSpec
from kafka.errors import CoordinatorLoadInProgressError, CoordinatorNotAvailableError, NotCoordinatorError

from processors.runtime.security import KafkaClient

_PEEK_MS: Final = 2_000
_READ_MS: Final = 5_000
_COORDINATOR_SECONDS: Final = 10
_COORDINATOR_PAUSE: Final = 0.2

_Answer = TypeVar("_Answer")
Offsets = dict[TopicPartition, int]
"""Next offsets."""


def partitions_of(topics: Mapping[str, int]) -> list[TopicPartition]:
    """List the partitions of topics, given how many each has."""
    return [TopicPartition(name, number) for name, count in topics.items() for number in range(count)]


def offsets_of(
    admin: KafkaAdminClient, parts: Iterable[TopicPartition], spec: OffsetSpec, *, committed: bool
) -> Offsets:
    """Return the offset that `spec` names in each partition; `committed` leaves open transactions out."""
    isolation = "read_committed" if committed else "read_uncommitted"
    found = admin.list_partition_offsets(dict.fromkeys(parts, spec), isolation_level=isolation)
    return {part: answer.offset for part, answer in found.items()}


def committed_by(admin: KafkaAdminClient, name: str) -> Offsets:
    """Return what a consumer group has committed; nothing of a group that never was."""
    found = _of_group(lambda: admin.list_group_offsets([name])[name])
    return {part: committed.offset for part, committed in (found or {}).items()}


def members_of(admin: KafkaAdminClient, name: str) -> int:
    """Count the members of a consumer group; a group that never was has none."""
    found = _of_group(lambda: admin.describe_groups([name])[name])
    return len(found["members"]) if found else 0


def _of_group(ask: Callable[[], _Answer]) -> _Answer | None:
    """Ask about a group, again while a broker that has just started does not know its groups; None: none ever was."""
    deadline = time.monotonic() + _COORDINATOR_SECONDS
    while True:
        try:
            return ask()
        except CoordinatorNotAvailableError:
            return None
        except (CoordinatorLoadInProgressError, NotCoordinatorError):
            if time.monotonic() >= deadline:
                raise
            time.sleep(_COORDINATOR_PAUSE)


def last_messages(client: KafkaClient, begin: Offsets, ends: Offsets) -> dict[TopicPartition, list[bytes]]:
    """Read the committed messages of each partition from `begin` to its end, in order; those that come in time."""
    messages: dict[TopicPartition, list[bytes]] = {part: [] for part in begin}
    if not begin:
        return messages
    reader = KafkaConsumer(**client, isolation_level="read_committed", enable_auto_commit=False)
    try:
        reader.assign(list(begin))
        for part, offset in begin.items():
            reader.seek(part, offset)
        deadline = time.monotonic() + _READ_MS / 1000
        while any(reader.position(part) < ends[part] for part in begin) and time.monotonic() < deadline:
            for part, records in reader.poll(timeout_ms=200).items():
                messages[part] += [record.value for record in records if record.value is not None]
        return messages
    finally:
        reader.close()


def waiting_between(client: KafkaClient, begin: Offsets, ends: Offsets) -> set[TopicPartition]:
    """Find partitions with a record between begin and end; markers of transactions and aborted records are none."""
    found: set[TopicPartition] = set()
    if not begin:
        return found
    reader = KafkaConsumer(
        **client,
        isolation_level="read_committed",
        enable_auto_commit=False,
        max_poll_records=500,
    )
    try:
        reader.assign(list(begin))
        for part, offset in begin.items():
            reader.seek(part, offset)
        deadline = time.monotonic() + _PEEK_MS / 1000 + 0.05 * len(begin)
        left = set(begin)
        while left and time.monotonic() < deadline:
            found |= {part for part, records in reader.poll(timeout_ms=200).items() if records}
            left = {part for part in left - found if reader.position(part) < ends[part]}
            reader.pause(*(set(begin) - left))
        return found | left  # what could not be read in time waits as far as we know
    finally:
        reader.close()
