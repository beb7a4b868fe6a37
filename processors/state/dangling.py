"""`Dangling`: survey events that name a case of which nothing was read yet, until it is time to say so.

Contacts, complaints and surveys are read side by side: which of two records comes first says nothing. So an event
waits here with its row, for as long as the other one may take, and is written again, warned, when that did not come.
It waits by itself: what becomes meanwhile of its survey, or of the case once something of that came, changes nothing.
"""

from collections.abc import Collection, Iterable, Iterator
from heapq import heappop, heappush
from typing import Final

from processors.state.table import StateTable
from schemas.outputs import Change, EventRow, Key

DANGLING_AFTER_MS: Final = 600_000
"""How long after an event the case that it names may still arrive."""
DANGLING_MAX: Final = 10_000
"""Events that wait; what comes beyond it is not warned."""

Named = tuple[str, str]
"""Topic and entity id of a case that a survey names."""


class Dangling(StateTable):
    """Rows of survey events, and the cases that they name, by incarnation and offset, each written whole."""

    name = "dangling"

    def __init__(self) -> None:
        self._rows: dict[Key, EventRow] = {}
        self._named: dict[Key, tuple[Named, ...]] = {}
        self._waiting: dict[Named, set[Key]] = {}
        self._due: list[tuple[int, Key]] = []
        self._changed: dict[Key, None] = {}

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def changed(self) -> bool:
        """Whether the next checkpoint writes anything."""
        return bool(self._changed)

    def add(self, row: EventRow, named: Collection[Named]) -> None:
        """Let a survey event wait for one of the cases that it names."""
        if len(self._rows) < DANGLING_MAX:
            key = row.incarnation, row.offset
            self._hold(key, row, tuple(named))
            self._changed[key] = None

    def arrived(self, named: Named, record_at: int) -> None:
        """Let those that name a case wait no longer, since something of it arrived, if that was in time, ms."""
        for key in sorted(self._waiting.get(named, ())):
            if record_at <= self._rows[key].record_at + DANGLING_AFTER_MS:
                self._drop(key)

    def pop_due(self, now: int) -> Iterator[EventRow]:
        """Take out the events that have waited for long enough at `now`, ms, the earliest first."""
        while self._due and self._due[0][0] < now:
            _, key = heappop(self._due)
            row = self._rows.get(key)
            if row is not None:
                self._drop(key)
                yield row

    def forget(self, customer_id: str) -> None:
        """Drop what a customer said who is erased."""
        for key in [key for key, row in self._rows.items() if row.customer_id == customer_id]:
            self._drop(key)

    def changes(self) -> Iterator[Change]:
        changed, self._changed = self._changed, {}
        for key in changed:
            yield Change(key, self._content(key), whole=True)

    def all_keys(self) -> Iterable[Key]:
        return self._rows.keys()

    def whole(self, key: Key) -> Iterator[Change] | None:
        content = self._content(tuple(key))
        return None if content is None else iter([Change(key, content, whole=True)])

    def apply(self, change: Change, version: int) -> None:
        key = tuple(change.key)
        if key in self._rows:
            self._release(key)
        if change.content is not None:
            content, named = change.content
            row = EventRow(*content)
            row = row._replace(warnings=tuple(row.warnings), topics=tuple(row.topics))
            self._hold(key, row, tuple((topic, entity_id) for topic, entity_id in named))

    def _content(self, key: Key) -> tuple[EventRow, tuple[Named, ...]] | None:
        row = self._rows.get(key)
        return None if row is None else (row, self._named[key])

    def _hold(self, key: Key, row: EventRow, named: tuple[Named, ...]) -> None:
        self._rows[key], self._named[key] = row, named
        for each in named:
            self._waiting.setdefault(each, set()).add(key)
        heappush(self._due, (row.record_at + DANGLING_AFTER_MS, key))

    def _drop(self, key: Key) -> None:
        self._release(key)
        self._changed[key] = None

    def _release(self, key: Key) -> None:
        del self._rows[key]
        for each in self._named.pop(key):
            waiting = self._waiting[each]
            waiting.discard(key)
            if not waiting:
                del self._waiting[each]
