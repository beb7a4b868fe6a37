"""`Dangling`: survey events that name a case of which nothing was read yet, until it is time to say so.

Contacts, complaints and surveys are read side by side: which of two records comes first says nothing. So an event
waits here with its row, for as long as the other one may take, and is written again, warned, when that did not come.
It waits by itself: what becomes meanwhile of its survey, or of the case once something of that came, changes nothing.
"""

from collections.abc import Collection, Iterable, Iterator
from heapq import heappop, heappush
from typing import Any, Final

from processors.state.table import StateTable
from schemas.outputs import Change, EventRow, Key

DANGLING_AFTER_MS: Final = 600_000
"""How long after an event the case that it names may still arrive."""
DANGLING_MAX: Final = 10_000
"""Events that wait; what comes beyond it is not warned."""
WARNED_MAX: Final = 2_000
"""Events that are warned and kept; the warning of what leaves, the oldest first, stands."""

Named = tuple[str, str]
"""Topic and entity id of a case that a survey names."""


class Dangling(StateTable):
    """Rows of survey events, and the cases that they name, by incarnation and offset, each written whole.

    One that is due stays here, warned, while there is room: what arrived in time may be read later, where a transaction
    of an upstream hid it, a topic with a history is published after the others, or a clock ran ahead.
    """

    name = "dangling"

    def __init__(self) -> None:
        self._rows: dict[Key, EventRow] = {}
        self._named: dict[Key, tuple[Named, ...]] = {}
        self._naming: dict[Named, set[Key]] = {}
        self._due: list[tuple[int, Key]] = []
        self._warned: dict[Key, None] = {}
        self._changed: dict[Key, None] = {}

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def changed(self) -> bool:
        """Whether the next checkpoint writes anything."""
        return bool(self._changed)

    def add(self, row: EventRow, named: Collection[Named]) -> None:
        """Let a survey event wait for one of the cases that it names."""
        if len(self._rows) - len(self._warned) < DANGLING_MAX:
            key = row.incarnation, row.offset
            self._hold(key, row, tuple(named), warned=False)
            self._changed[key] = None

    def arrived(self, named: Named, record_at: int) -> list[EventRow]:
        """Let those wait no longer that name a case of which something arrived, if that was in time, ms.

        Returns those that were due already: they were warned before their time.
        """
        early: list[EventRow] = []
        for key in sorted(self._naming.get(named, ())):
            row = self._rows[key]
            if record_at <= row.record_at + DANGLING_AFTER_MS:
                if key in self._warned:
                    early.append(row)
                self._drop(key)
        return early

    def pop_due(self, now: int) -> Iterator[EventRow]:
        """Those that have waited for long enough at `now`, ms, and had not before, the earliest first."""
        while self._due and self._due[0][0] < now:
            _, key = heappop(self._due)
            if key in self._rows and key not in self._warned:
                self._warned[key] = self._changed[key] = None
                yield self._rows[key]
                if len(self._warned) > WARNED_MAX:
                    self._drop(next(iter(self._warned)))

    def set_back(self, now: int) -> list[EventRow]:
        """Let those wait again that are not yet due at `now`, ms, and were warned; returns them."""
        early = [key for key in self._warned if self._rows[key].record_at + DANGLING_AFTER_MS >= now]
        for key in early:
            row, named = self._rows[key], self._named[key]
            self._release(key)
            self._hold(key, row, named, warned=False)
            self._changed[key] = None
        return [self._rows[key] for key in early]

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
            content, named, warned = change.content
            row = EventRow(*content)
            lists: dict[str, Any] = {
                name: tuple(getattr(row, name)) for name in ("warnings", "warning_fields", "topics")
            }
            row = row._replace(**lists)
            self._hold(key, row, tuple((topic, entity_id) for topic, entity_id in named), warned=warned)

    def _content(self, key: Key) -> tuple[EventRow, tuple[Named, ...], bool] | None:
        row = self._rows.get(key)
        return None if row is None else (row, self._named[key], key in self._warned)

    def _hold(self, key: Key, row: EventRow, named: tuple[Named, ...], *, warned: bool) -> None:
        self._rows[key], self._named[key] = row, named
        for each in named:
            self._naming.setdefault(each, set()).add(key)
        if warned:
            self._warned[key] = None
        else:
            heappush(self._due, (row.record_at + DANGLING_AFTER_MS, key))

    def _drop(self, key: Key) -> None:
        self._release(key)
        self._changed[key] = None

    def _release(self, key: Key) -> None:
        del self._rows[key]
        self._warned.pop(key, None)
        for each in self._named.pop(key):
            naming = self._naming[each]
            naming.discard(key)
            if not naming:
                del self._naming[each]
