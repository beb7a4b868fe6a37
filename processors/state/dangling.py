"""`Dangling`: survey answers that name a case of which nothing was read yet, until it is time to say so.

Contacts, complaints and surveys are read side by side: which of two records comes first says nothing. So an answer
waits here with its row, for as long as the other one may take, and is written again, warned, when that did not come.
"""

from collections.abc import Iterable, Iterator
from heapq import heappop, heappush
from typing import Final

from processors.state.table import StateTable
from schemas.outputs import Change, EventRow, Key

DANGLING_AFTER_MS: Final = 600_000
"""How long after an answer the case that it names may still arrive."""
DANGLING_MAX: Final = 10_000
"""Answers that wait; what comes beyond it is not warned."""


class Dangling(StateTable):
    """Rows of answers by incarnation and offset, each written whole."""

    name = "dangling"

    def __init__(self) -> None:
        self._rows: dict[Key, EventRow] = {}
        self._due: list[tuple[int, Key]] = []
        self._changed: dict[Key, None] = {}

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def changed(self) -> bool:
        """Whether the next checkpoint writes anything."""
        return bool(self._changed)

    def add(self, row: EventRow) -> None:
        """Let an answer wait for the case that it names."""
        if len(self._rows) < DANGLING_MAX:
            key = row.incarnation, row.offset
            self._hold(key, row)
            self._changed[key] = None

    def pop_due(self, now: int) -> Iterator[EventRow]:
        """Take out the answers that have waited for long enough at `now`, ms, the earliest first."""
        while self._due and self._due[0][0] < now:
            _, key = heappop(self._due)
            row = self._rows.pop(key, None)
            if row is not None:
                self._changed[key] = None
                yield row

    def forget(self, customer_id: str) -> None:
        """Drop what a customer said who is erased."""
        for key in [key for key, row in self._rows.items() if row.customer_id == customer_id]:
            del self._rows[key]
            self._changed[key] = None

    def changes(self) -> Iterator[Change]:
        changed, self._changed = self._changed, {}
        for key in changed:
            yield Change(key, self._rows.get(key), whole=True)

    def all_keys(self) -> Iterable[Key]:
        return self._rows.keys()

    def whole(self, key: Key) -> Iterator[Change] | None:
        row = self._rows.get(tuple(key))
        return None if row is None else iter([Change(key, row, whole=True)])

    def apply(self, change: Change, version: int) -> None:
        key = tuple(change.key)
        if change.content is None:
            self._rows.pop(key, None)
        else:
            row = EventRow(*change.content)
            self._hold(key, row._replace(warnings=tuple(row.warnings), topics=tuple(row.topics)))

    def _hold(self, key: Key, row: EventRow) -> None:
        self._rows[key] = row
        heappush(self._due, (row.record_at + DANGLING_AFTER_MS, key))
