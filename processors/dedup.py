"""Which event ids were seen: 8 bytes each, bounded, oldest half forgotten at once.

Two generations of open-addressing tables. New ids go to the young one; when it holds half of the bound, it becomes the
old one and the former old one is forgotten. So between half of the bound and all of it is remembered.
"""

from array import array
from hashlib import blake2b
from typing import Final

_EMPTY: Final = 0
_SMALLEST: Final = 1 << 10


def id_hash(source: str, event_id: str) -> int:
    """64 bits of (source, event_id), never 0: equal by chance once in 10^7 partitions of a million ids."""
    return int.from_bytes(blake2b(f"{source}\0{event_id}".encode(), digest_size=8).digest(), "little") or 1


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
    """The ids of one input topic in one partition, with those that came since the last checkpoint."""

    def __init__(self, most: int) -> None:
        self._half = max(1, most // 2)
        self._young, self._old = _Table(), _Table()
        self._young_since = self.since = 0
        """Record timestamp (ms) from which ids are remembered; 0 while none was forgotten."""
        self.fresh = array("Q")

    def __len__(self) -> int:
        return self._young.count + self._old.count

    def __contains__(self, value: int) -> bool:
        return value in self._young or value in self._old

    def add(self, value: int, record_at: int) -> None:
        """Remember an id that is not known yet."""
        if self._young.count >= self._half:
            self.since = self._young_since
            self._old, self._young = self._young, _Table()
        if self._young.count == 0:
            self._young_since = record_at
        self._young.add(value)
        self.fresh.append(value)

    @property
    def moments(self) -> tuple[int, int]:
        """Since when all is remembered, and since when the young generation is: ms, kept beside the ids."""
        return self.since, self._young_since

    @moments.setter
    def moments(self, moments: tuple[int, int]) -> None:
        self.since, self._young_since = moments

    def drain(self) -> bytes:
        """The ids added since the last call, 8 bytes each, in order."""
        fresh, self.fresh = self.fresh, array("Q")
        return fresh.tobytes()

    def restore(self, ids: bytes) -> None:
        """Take in what `drain` gave, in the same order: the same generations result."""
        values = array("Q")
        values.frombytes(ids)
        for value in values:
            self.add(value, 0)
        self.fresh = array("Q")
