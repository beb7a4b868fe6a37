"""`Erased`: which customers were erased, as hashes: all that may stay of somebody who is to be forgotten."""

from collections.abc import Iterable, Iterator
from heapq import heapify, heappop, heappush
from typing import Final

from processors.rules import ERASED_CUSTOMERS_MAX
from processors.state.table import StateTable
from schemas.erasure import customer_hash
from schemas.outputs import Change, Key

_PAIRS_A_CHANGE: Final = 4_096

Erasures = list[tuple[int, int]]
"""(hash of a customer id, moment)"""


class Erased(StateTable):
    """Who was erased, as 64 bits of a hash, and when: the last erasure of each that counts, by record time, ms.

    It has one key; a change is some of them. What the log says of a customer from before their erasure must leave it.
    """

    name = "erased"
    purges = True

    def __init__(self) -> None:
        self._moments: dict[int, int] = {}
        self._oldest: list[tuple[int, int]] = []
        """A heap of (moment, hash); of a customer who was erased again it has the former moments, too."""
        self._changed: dict[int, None] = {}

    def __len__(self) -> int:
        return len(self._moments)

    def add(self, customer_id: str, at: int) -> None:
        """Note an erasure; beyond the bound the customers that were erased longest ago leave."""
        customer = customer_hash(customer_id)
        self._keep([(customer, at)])
        if customer in self._moments:
            self._changed[customer] = None

    def covers(self, customer_id: str, occurred_at: int) -> bool:
        """Did something happen to a customer before they were erased?"""
        return occurred_at <= self._moments.get(customer_hash(customer_id), -1)

    def all(self) -> Erasures:
        """Everybody who is known to be erased."""
        return list(self._moments.items())

    @property
    def held(self) -> int | None:
        return len(self._moments)

    def changes(self) -> Iterator[Change]:
        changed, self._changed = self._changed, {}
        return _changes([(customer, self._moments[customer]) for customer in changed if customer in self._moments])

    def all_keys(self) -> Iterable[Key]:
        return [()]

    def whole(self, key: Key) -> Iterator[Change] | None:
        return _changes(self.all())

    def apply(self, change: Change, version: int) -> None:
        self._keep(change.content)

    def _keep(self, erasures: Iterable[tuple[int, int]]) -> None:
        """Take in erasures, in any order and as often as they come."""
        for customer, at in erasures:
            if at > self._moments.get(customer, -1):
                self._moments[customer] = at
                heappush(self._oldest, (at, customer))
        while len(self._moments) > ERASED_CUSTOMERS_MAX:
            at, customer = heappop(self._oldest)
            if self._moments[customer] == at:
                del self._moments[customer]
        if len(self._oldest) > 2 * ERASED_CUSTOMERS_MAX:
            self._oldest = [(at, customer) for customer, at in self._moments.items()]
            heapify(self._oldest)


def _changes(erasures: Erasures) -> Iterator[Change]:
    for start in range(0, len(erasures), _PAIRS_A_CHANGE):
        yield Change((), erasures[start : start + _PAIRS_A_CHANGE])
