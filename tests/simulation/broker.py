"""Kafka as far as Oidor can tell: partitioned logs with transactions, fencing, and consumer groups that rebalance.

Everything here happens at once; that calls take their time, fail, or get no answer is the business of `clients.py`.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from aiokafka.errors import ProducerFenced
from faust.types import TP

Headers = tuple[tuple[str, bytes], ...]


class Record(NamedTuple):
    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes
    headers: Headers = ()


@dataclass(eq=False)
class Transaction:
    state: Literal["open", "committed", "aborted"] = "open"
    logs: dict["PartitionLog", int] = field(default_factory=dict)
    """What it wrote to, and the offset of the first record there."""


class PartitionLog:
    """Records and markers, each at its offset."""

    def __init__(self, tp: TP) -> None:
        self.tp = tp
        self.low = 0
        """Where it begins: what lies before was deleted."""
        self._entries: list[tuple[Record | None, Transaction | None]] = []
        self._open: dict[Transaction, int] = {}

    @property
    def end(self) -> int:
        return len(self._entries)

    @property
    def stable(self) -> int:
        """The last stable offset: `read_committed` readers get no further."""
        return min(self._open.values(), default=self.end)

    def append(
        self,
        timestamp: int,
        key: bytes | None,
        value: bytes,
        headers: Headers = (),
        transaction: Transaction | None = None,
    ) -> int:
        offset = self.end
        if transaction is not None and self not in transaction.logs:
            transaction.logs[self] = self._open[transaction] = offset
        self._entries.append((Record(*self.tp, offset, timestamp, key, value, headers), transaction))
        return offset

    def mark(self, transaction: Transaction) -> None:
        """The marker that ends a transaction takes an offset."""
        self._entries.append((None, None))
        del self._open[transaction]

    def read(self, position: int, most: int) -> tuple[list[Record], int]:
        """Up to `most` committed records from a position, and the position after them."""
        found: list[Record] = []
        position = max(position, self.low)
        while position < self.stable and len(found) < most:
            record, transaction = self._entries[position]
            if record is not None and (transaction is None or transaction.state == "committed"):
                found.append(record)
            position += 1
        return found, position

    def committed(self) -> list[Record]:
        """All that a `read_committed` reader gets."""
        return self.read(self.low, self.end)[0]

    def last(self) -> int:
        """One past the last committed record: markers behind it are nothing to read."""
        records = self.committed()
        return records[-1].offset + 1 if records else 0


@dataclass
class _Producer:
    epoch: int = 0
    transaction: Transaction | None = None


class Broker:
    """What survives every crash of ours."""

    def __init__(self) -> None:
        self.logs: dict[TP, PartitionLog] = {}
        self.groups: dict[str, Group] = defaultdict(Group)
        self.ids: dict[str, bytes] = {}
        """Ids of topics, where they are known."""
        self.compacted: set[str] = set()
        self.fenced = 0
        self._producers: dict[str, _Producer] = defaultdict(_Producer)

    def log(self, topic: str, number: int) -> PartitionLog:
        tp = TP(topic, number)
        if tp not in self.logs:
            self.logs[tp] = PartitionLog(tp)
        return self.logs[tp]

    def begin(self, transactional_id: str) -> int:
        """Fence whoever had this id, abort what they left open; returns the new epoch."""
        producer = self._producers[transactional_id]
        if producer.transaction is not None:
            self.end(producer.transaction, "aborted")
        producer.epoch += 1
        producer.transaction = None
        return producer.epoch

    def transaction(self, transactional_id: str, epoch: int) -> Transaction:
        """The transaction that a producer has open, begun if there is none. Raises ProducerFenced."""
        producer = self._producers[transactional_id]
        if producer.epoch != epoch:
            self.fenced += 1
            raise ProducerFenced(f"{transactional_id}: epoch {epoch}, there is {producer.epoch}")
        if producer.transaction is None:
            producer.transaction = Transaction()
        return producer.transaction

    def finish(self, transactional_id: str, epoch: int, state: Literal["committed", "aborted"]) -> None:
        """End the open transaction of a producer. Raises ProducerFenced."""
        self.end(self.transaction(transactional_id, epoch), state)
        self._producers[transactional_id].transaction = None

    def end(self, transaction: Transaction, state: Literal["committed", "aborted"]) -> None:
        transaction.state = state
        for log in transaction.logs:
            log.mark(transaction)


@dataclass
class _Member:
    heard_at: float
    ready: bool = False


class Group:
    """A consumer group: who is silent for a session loses its partitions, and all stop for a moment."""

    SESSION = 10.0
    """Seconds."""

    def __init__(self) -> None:
        self.offsets: dict[TP, int] = {}
        self.generation = 0
        self.assigned: dict[str, set[int]] = {}
        self._members: dict[str, _Member] = {}
        self._settled = True

    def join(self, name: str, now: float) -> None:
        self._members[name] = _Member(now)
        self.rebalance()

    def leave(self, name: str) -> None:
        if self._members.pop(name, None) is not None:
            self.rebalance()

    def rebalance(self) -> None:
        """Everybody gives back what they have, and gets a new share."""
        self.generation += 1
        self.assigned = {}
        self._settled = False
        for member in self._members.values():
            member.ready = False

    def heartbeat(self, name: str, now: float) -> int:
        """Returns the generation; who was thrown out is a new member."""
        if name not in self._members:
            self.join(name, now)
        self._members[name].heard_at = now
        return self.generation

    def ready(self, name: str) -> None:
        """A member has given back what it had."""
        if name in self._members:
            self._members[name].ready = True

    def watch(self, now: float, numbers: Iterable[int]) -> None:
        """Throw out who is silent; share out once all are ready."""
        silent = [name for name, member in self._members.items() if now - member.heard_at > self.SESSION]
        for name in silent:
            self.leave(name)
        if not self._settled and self._members and all(member.ready for member in self._members.values()):
            names = sorted(self._members)
            self.assigned = {name: set() for name in names}
            for number in numbers:
                self.assigned[names[(number + self.generation) % len(names)]].add(number)
            self._settled = True

    def commit(self, name: str, generation: int, offsets: Mapping[TP, int]) -> bool:
        """Offsets of who is not a member of this generation are refused."""
        if generation != self.generation or name not in self._members:
            return False
        self.offsets.update(offsets)
        return True
