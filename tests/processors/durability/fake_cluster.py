"""A cluster in memory: whatever a test says that its topics are like."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

import msgspec
from faust.types import TP

from processors.durability.changelog import ENCODING, decisive
from processors.durability.provenance import Fingerprint, Position, Provenance
from schemas.topics import INPUTS, TopicIdentity
from tests.processors.durability.counting import Record

STATE = "oidor-state"
PARTITIONS = 2
NAMES: dict[str, str] = {topic: topic for topic in INPUTS}


def id_of(name: str, incarnation: int = 1) -> bytes:
    return f"{name[:14]:14}{incarnation:2}".encode()


def recording(provenance: Provenance) -> bytes:
    """A message that ends a checkpoint."""
    meta = provenance._asdict() | {"generation": 0, "raised": 0, "state": {}}
    entry = msgspec.Raw(msgspec.msgpack.encode(("meta", meta)))
    return msgspec.msgpack.encode((ENCODING, provenance.version, 0, [entry]))


def standing_at(position: Position) -> bytes:
    """A message that ends no checkpoint."""
    entry = msgspec.Raw(msgspec.msgpack.encode(("totals", 1, ["a"], 1, True)))
    return msgspec.msgpack.encode((ENCODING, *position, [entry]))


def of_release(encoding: int, sequence: int = 1) -> bytes:
    """A message of a release with this encoding."""
    return msgspec.msgpack.encode((encoding, sequence, {"anything": []}))


@dataclass
class FakeCluster:
    """`processors.durability.cluster.Cluster`; every log ends at 100 unless it is said otherwise."""

    identities: dict[str, TopicIdentity] = field(
        default_factory=lambda: {name: TopicIdentity(id_of(name), PARTITIONS) for name in (*INPUTS, STATE)}
    )
    offsets: dict[TP, int] = field(default_factory=dict)
    ended: dict[TP, int] = field(default_factory=dict)
    begun: dict[TP, int] = field(default_factory=dict)
    held: dict[TP, list[Record]] = field(default_factory=dict)
    """The records of inputs; offsets between them have none."""
    holed: set[str] = field(default_factory=set)
    """Topics with compaction."""
    low: dict[int, int] = field(default_factory=dict)
    firsts: dict[int, Position] = field(default_factory=dict)
    emptied: set[int] = field(default_factory=set)
    lasts: dict[int, Provenance] = field(default_factory=dict)
    messages: dict[int, list[bytes]] = field(default_factory=dict)
    """The logs of states of which every message is said; of the others the first and the last checkpoint are."""
    retained: dict[str, str] = field(default_factory=dict)
    closed: bool = False

    def recreate(self, name: str) -> None:
        self.identities[name] = TopicIdentity(id_of(name, 2), self.identities[name].partitions)

    async def topics(self, names: Collection[str]) -> Mapping[str, TopicIdentity]:
        return {name: found for name, found in self.identities.items() if name in names}

    async def committed(self, tps: Collection[TP]) -> Mapping[TP, int]:
        return {tp: offset for tp, offset in self.offsets.items() if tp in tps}

    async def ends(self, tps: Collection[TP]) -> Mapping[TP, int]:
        return {tp: self.ended.get(tp, 100) for tp in tps}

    async def begins(self, topic: str, numbers: Iterable[int]) -> Mapping[int, int]:
        return {number: self.low.get(number, 0) for number in numbers}

    async def first(self, topic: str, numbers: Iterable[int]) -> Mapping[int, bytes]:
        return {number: messages[0] for number in numbers if (messages := self._log(number))}

    async def last(self, topic: str, numbers: Iterable[int]) -> Mapping[int, bytes]:
        found = {number: decisive(self._log(number)) for number in numbers}
        return {number: message for number, message in found.items() if message is not None}

    def _log(self, number: int) -> list[bytes]:
        if number in self.messages or number in self.emptied:
            return self.messages.get(number, [])
        first = standing_at(self.firsts.get(number, Position(1, 0)))
        return [first, recording(self.lasts[number])] if number in self.lasts else [first]

    async def records_at(self, offsets: Mapping[TP, int]) -> Mapping[TP, Fingerprint | None]:
        reached = {
            tp: offset for tp, offset in offsets.items() if self.begun.get(tp, 0) <= offset < self.ended.get(tp, 100)
        }
        return {tp: self._record_at(tp, offset) for tp, offset in reached.items()}

    def _record_at(self, tp: TP, offset: int) -> Fingerprint | None:
        there = (Fingerprint.of(record) for record in self.held.get(tp, ()) if record.offset == offset)
        return next(there, None)

    async def compacted(self, names: Collection[str]) -> frozenset[str]:
        return frozenset(self.holed & set(names))

    async def retention(self, topic: str) -> Mapping[str, str]:
        return self.retained

    async def close(self) -> None:
        self.closed = True
