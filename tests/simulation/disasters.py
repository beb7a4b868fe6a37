"""What happens to topics and not to processes: one is deleted and made again, the log of a state is cut.

None of it can be undone by going on, so a run after one is not compared with an undisturbed one: it must say so.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

from faust.types import TP

from processors.durability.changelog import decisive
from processors.durability.inspection import look_before_joining
from processors.durability.provenance import Fingerprint, told
from schemas.topics import CONTACTS, INPUTS, NO_ID, TopicIdentity
from tests.simulation.broker import Broker, PartitionLog
from tests.simulation.clients import APP, STATE

_NAMES: Final[dict[str, str]] = {topic: topic for topic in INPUTS}


class SimulatedCluster:
    """`processors.durability.cluster.Cluster` on the simulated broker."""

    def __init__(self, broker: Broker, partitions: int) -> None:
        self._broker, self._partitions = broker, partitions

    async def topics(self, names: Collection[str]) -> Mapping[str, TopicIdentity]:
        return {name: TopicIdentity(self._broker.ids.get(name, NO_ID), self._partitions) for name in names}

    async def committed(self, tps: Collection[TP]) -> Mapping[TP, int]:
        return {tp: offset for tp, offset in self._broker.groups[APP].offsets.items() if tp in tps}

    async def ends(self, tps: Collection[TP]) -> Mapping[TP, int]:
        return {tp: self._broker.log(*tp).stable for tp in tps}

    async def begins(self, topic: str, numbers: Iterable[int]) -> Mapping[int, int]:
        return {number: self._broker.log(topic, number).low for number in numbers}

    async def first(self, topic: str, numbers: Iterable[int]) -> Mapping[int, bytes]:
        return {number: messages[0] for number, messages in self._messages(topic, numbers) if messages}

    async def last(self, topic: str, numbers: Iterable[int]) -> Mapping[int, bytes]:
        found = {number: decisive(messages) for number, messages in self._messages(topic, numbers)}
        return {number: message for number, message in found.items() if message is not None}

    async def records_at(self, offsets: Mapping[TP, int]) -> Mapping[TP, Fingerprint | None]:
        logs = {tp: self._broker.log(*tp) for tp in offsets}
        reached = {tp: log for tp, log in logs.items() if log.low <= offsets[tp] < log.stable}
        next_ones = {tp: log.read(offsets[tp], 1)[0] for tp, log in reached.items()}
        return {
            tp: Fingerprint.of(records[0]) if records and records[0].offset == offsets[tp] else None
            for tp, records in next_ones.items()
        }

    async def compacted(self, names: Collection[str]) -> frozenset[str]:
        return frozenset(self._broker.compacted & set(names))

    async def retention(self, topic: str) -> Mapping[str, str]:
        return {}

    async def close(self) -> None: ...

    def _messages(self, topic: str, numbers: Iterable[int]) -> Iterator[tuple[int, list[bytes]]]:
        for number in numbers:
            yield number, [record.value for record in self._broker.log(topic, number).committed()]


def recreate(broker: Broker, topic: str, partitions: int) -> None:
    """Delete a topic and make it again: empty, under another id where ids are known."""
    for number in range(partitions):
        broker.logs[TP(topic, number)] = PartitionLog(TP(topic, number))
    if topic in broker.ids:
        broker.ids[topic] = bytes(reversed(broker.ids[topic]))


def cut(broker: Broker, number: int, messages: int) -> None:
    """Delete so many committed messages from the beginning of a state's log, as retention does."""
    log = broker.log(STATE, number)
    log.low = log.committed()[messages].offset


async def said_before_joining(broker: Broker, partitions: int) -> list[str]:
    """What a worker says that is about to join."""
    return told(await look_before_joining(SimulatedCluster(broker, partitions), _NAMES, partitions, STATE))


def skipped(broker: Broker, durable: Mapping[int, Mapping[str, int]], before: Mapping[int, int]) -> int:
    """Records of `CONTACTS` that lie where states take them for read, and were published after they were.

    `before`: partition number -> next offset when the topic was made again.
    """
    return sum(
        record.offset < min(before[number], durable[number][CONTACTS])
        for number in before
        for record in broker.log(CONTACTS, number).committed()
    )
