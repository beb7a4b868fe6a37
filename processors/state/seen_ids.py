"""Which event ids were seen: 8 bytes each, bounded, oldest half forgotten at once.

Two generations of open-addressing tables. New ids go to the young one; when it holds half of the bound, it becomes the
old one and the former old one is forgotten. So between half of the bound and all of it is remembered.

An id is kept with some bits of what was first told under it: so the same id of another event is told from a duplicate.
"""

from array import array
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from typing import Any, Final
from zlib import crc32

from processors.state.table import StateTable
from schemas.outputs import Change, Key

_EMPTY: Final = 0
_SMALLEST: Final = 1 << 10
_SNAPSHOT_SLOTS: Final = 8_192
_IDS_A_CHANGE: Final = 4_096
_ID_BYTES: Final = 8
_ID_BITS: Final = 44
_ID_MASK: Final = (1 << _ID_BITS) - 1
_CONTENT_MASK: Final = (1 << 64 - _ID_BITS) - 1


def id_hash(source: str, event_id: str) -> int:
    """64 bits of (source, event_id), never 0: equal by chance once in 10^7 partitions of a million ids."""
    return int.from_bytes(blake2b(f"{source}\0{event_id}".encode(), digest_size=8).digest(), "little") or 1


def event_hash(source: str, event_id: str, content: str) -> int:
    """44 bits of (source, event_id), never 0, below 20 bits of what is told under it.

    By chance an id seems to be used again once in 10^7 events, of a million that are remembered; and one that is used
    again passes for a duplicate once in 10^6 times.
    """
    return (crc32(content.encode()) & _CONTENT_MASK) << _ID_BITS | (id_hash(source, event_id) & _ID_MASK or 1)


class _Table:
    __slots__ = ("count", "mask", "slots")

    def __init__(self) -> None:
        self.count = 0
        self.mask = _SMALLEST - 1
        self.slots = array("Q", bytes(8 * _SMALLEST))

    def find(self, value: int) -> int:
        """The slot that holds the value, or the empty one where it belongs."""
        slots, mask = self.slots, self.mask
        index = value & mask
        while (held := slots[index]) != _EMPTY and held != value:
            index = (index + 1) & mask
        return index

    def __contains__(self, value: int) -> bool:
        return self.slots[self.find(value)] == value

    def of_id(self, value: int) -> int:
        """What is held of the id of a value, whatever its content; 0: nothing."""
        slots, mask = self.slots, self.mask
        index = value & mask
        while (held := slots[index]) != _EMPTY and (held ^ value) & _ID_MASK:
            index = (index + 1) & mask
        return held

    def add(self, value: int) -> None:
        if 2 * self.count > self.mask:
            self._grow()
        self.slots[self.find(value)] = value
        self.count += 1

    def _grow(self) -> None:
        old = self.slots
        size = 2 * len(old)
        self.slots, self.mask = array("Q", bytes(8 * size)), size - 1
        for value in old:
            if value:
                self.slots[self.find(value)] = value


class SeenIds:
    """The ids of one input topic in one partition, with those that came since the last checkpoint.

    Generations are numbered: an id is kept with its epoch, so that a restored state forgets when this one does.
    """

    def __init__(self, most: int) -> None:
        self._half = max(1, most // 2)
        self._young, self._old = _Table(), _Table()
        self._epoch = 0
        self._latest = self._young_since = self.since = 0
        """Record timestamp (ms): the greatest; that before which all went to older generations; that from which ids are
        remembered, 0 while none was forgotten. None of them goes back, whatever order records come in.
        """
        self._fresh: dict[int, array[int]] = {}

    def __len__(self) -> int:
        return self._young.count + self._old.count

    def __contains__(self, value: int) -> bool:
        return value in self._young or value in self._old

    def of_id(self, value: int) -> int:
        """The value that was first remembered of an id, of which this is a value, too; 0: none is."""
        return self._young.of_id(value) or (self._old.of_id(value) if self._old.count else 0)

    def add(self, value: int, record_at: int) -> None:
        """Remember an id that is not known yet."""
        if self._young.count >= self._half:
            self.since = self._young_since
            self._begin(self._epoch + 1)
        if record_at > self._latest:
            self._latest = record_at
        if self._young.count == 0:
            self._young_since = self._latest
        self._young.add(value)
        fresh = self._fresh.get(self._epoch)
        if fresh is None:
            fresh = self._fresh[self._epoch] = array("Q")
        fresh.append(value)

    def _begin(self, epoch: int) -> None:
        self._old = self._young if epoch == self._epoch + 1 else _Table()
        self._young = _Table()
        self._epoch = epoch

    @property
    def moments(self) -> tuple[int, int, int, int]:
        """The epoch; since when, ms, all is remembered, and the young generation; the latest. Kept with ids."""
        return self._epoch, self.since, self._young_since, self._latest

    @moments.setter
    def moments(self, moments: tuple[int, int, int, int]) -> None:
        epoch, self.since, self._young_since, self._latest = moments
        if epoch > self._epoch:
            self._begin(epoch)

    def drain(self) -> list[tuple[int, bytes]]:
        """The ids added since the last call: (epoch, 8 bytes each)."""
        fresh, self._fresh = self._fresh, {}
        return [(epoch, ids.tobytes()) for epoch, ids in fresh.items()]

    def snapshot(self) -> Iterator[tuple[int, bytes]]:
        """All ids as they are when this is called: (epoch, 8 bytes each), a few thousand at a time."""
        held = [(self._epoch - 1, array("Q", self._old.slots)), (self._epoch, array("Q", self._young.slots))]
        return (
            (epoch, array("Q", filter(None, slots[start : start + _SNAPSHOT_SLOTS])).tobytes())
            for epoch, slots in held
            for start in range(0, len(slots), _SNAPSHOT_SLOTS)
        )

    def restore(self, epoch: int, ids: bytes) -> None:
        """Take in what `drain` or `snapshot` gave, in any order and as often as it comes."""
        if epoch > self._epoch:
            self._begin(epoch)
        table = {self._epoch: self._young, self._epoch - 1: self._old}.get(epoch)
        if table is None:
            return
        values = array("Q")
        values.frombytes(ids)
        for value in values:
            if value not in table:
                table.add(value)


class SeenIdTable(StateTable):
    """The seen ids of each input topic. A key is a topic; a change is some ids, their epoch, and the moments."""

    name = "seen_ids"

    def __init__(self, seen: Mapping[str, SeenIds]) -> None:
        self._seen = seen

    @property
    def held(self) -> int | None:
        return sum(len(seen) for seen in self._seen.values())

    def items_in(self, content: Any) -> int:
        ids, _, _ = content
        return len(ids) // _ID_BYTES

    def changes(self) -> Iterator[Change]:
        for topic, seen in self._seen.items():
            for epoch, ids in seen.drain():
                yield from self._changes(topic, epoch, ids)

    def all_keys(self) -> Iterable[Key]:
        return [(topic,) for topic in self._seen]

    def whole(self, key: Key) -> Iterator[Change] | None:
        (topic,) = key
        snapshot = self._seen[topic].snapshot()
        return (change for epoch, ids in snapshot for change in self._changes(topic, epoch, ids))

    def apply(self, change: Change, version: int) -> None:
        (topic,) = change.key
        ids, epoch, moments = change.content
        self._seen[topic].restore(epoch, ids)
        self._seen[topic].moments = moments

    def _changes(self, topic: str, epoch: int, ids: bytes) -> Iterator[Change]:
        step = _ID_BYTES * _IDS_A_CHANGE
        for start in range(0, len(ids), step):
            yield Change((topic,), (ids[start : start + step], epoch, self._seen[topic].moments))
