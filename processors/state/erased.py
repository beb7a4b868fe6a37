"""`Erased`: which customers were erased, as hashes: all that may stay of somebody who is to be forgotten."""

from collections.abc import Iterable, Iterator
from typing import Final

from processors.rules import ERASED_CUSTOMERS_MAX
from processors.state.seen_ids import id_hash

_PAIRS_AN_ENTRY: Final = 4_096

Erasures = list[tuple[int, int]]
"""(hash of a customer id, moment)"""


class Erased:
    """Who was erased, as 64 bits of a hash, and when: the last erasure of each that counts, by record time, ms."""

    def __init__(self) -> None:
        self._moments: dict[int, int] = {}
        self._fresh: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._moments)

    def add(self, customer_id: str, at: int) -> None:
        customer = _hash(customer_id)
        self.restore([(customer, at)])
        if customer in self._moments:
            self._fresh[customer] = self._moments[customer]

    def covers(self, customer_id: str, occurred_at: int) -> bool:
        """Did something happen to a customer before they were erased?"""
        return occurred_at <= self._moments.get(_hash(customer_id), -1)

    def drain(self) -> Erasures:
        """Those since the last call."""
        fresh, self._fresh = self._fresh, {}
        return list(fresh.items())

    def snapshot(self) -> Iterator[Erasures]:
        """All of them as they are when this is called, a few thousand at a time."""
        held = list(self._moments.items())
        return (held[start : start + _PAIRS_AN_ENTRY] for start in range(0, len(held), _PAIRS_AN_ENTRY))

    def restore(self, erasures: Iterable[tuple[int, int]]) -> None:
        """Take in what `drain` or `snapshot` gave, in any order and as often as it comes."""
        for customer, at in erasures:
            self._moments[customer] = max(at, self._moments.get(customer, 0))
        while len(self._moments) > ERASED_CUSTOMERS_MAX:
            del self._moments[min(self._moments, key=lambda customer: (self._moments[customer], customer))]


def _hash(customer_id: str) -> int:
    return id_hash("customer", customer_id)
