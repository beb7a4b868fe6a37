"""`Sources`: which publishers have had a record accepted, and when last: who may speak for the health of a release."""

from collections.abc import Iterable, Iterator, KeysView
from typing import Final

from processors.state.table import StateTable
from schemas.outputs import Change, Key

HOUR_MS: Final = 3_600_000
KNOWN_FOR_MS: Final = 24 * HOUR_MS
"""A source is known while its last accepted record is not so much older than the last of all."""
_LONG_AGO: Final = -HOUR_MS
SOURCES_MAX: Final = 64
"""Sources that are told apart; beyond it the one that was accepted longest ago leaves."""


class Sources(StateTable):
    """Of each source the hour of its last accepted record, by record timestamp. A key is a source, written whole."""

    name = "sources"

    def __init__(self) -> None:
        self._hours: dict[str, int] = {}
        self._changed: dict[str, None] = {}
        self.last_at: dict[str, int] = {}
        """Source -> the record timestamp of its last accepted record, ms. Derived, from what is known of its cases."""

    def note_accepted(self, source: str, record_at: int) -> None:
        """Note an accepted record, which arrived at `record_at`, ms."""
        if record_at > self.last_at.get(source, 0):
            self.last_at[source] = record_at
        if record_at - self._hours.get(source, _LONG_AGO) >= HOUR_MS:
            self._hours[source] = record_at - record_at % HOUR_MS
            self._changed[source] = None
            if len(self._hours) > SOURCES_MAX:
                oldest = min(self._hours, key=lambda one: (self._hours[one], one))
                del self._hours[oldest], self.last_at[oldest]
                self._changed[oldest] = None

    def recall(self, source: str, record_at: int) -> None:
        """Know that a record of a source arrived then, ms."""
        if record_at > self.last_at.get(source, 0):
            self.last_at[source] = record_at

    def names(self) -> KeysView[str]:
        """All that are told apart."""
        return self._hours.keys()

    def known(self) -> set[str]:
        """Those that were accepted lately, as the time of accepted records goes: an outage forgets nobody."""
        latest = max(self._hours.values(), default=0)
        return {source for source, hour in self._hours.items() if latest - hour <= KNOWN_FOR_MS}

    def changes(self) -> Iterator[Change]:
        changed, self._changed = self._changed, {}
        for source in changed:
            yield Change((source,), self._hours.get(source), whole=True)

    def all_keys(self) -> Iterable[Key]:
        return [(source,) for source in self._hours]

    def whole(self, key: Key) -> Iterator[Change] | None:
        hour = self._hours.get(key[0])
        return None if hour is None else iter([Change(key, hour, whole=True)])

    def apply(self, change: Change, version: int) -> None:
        (source,) = change.key
        if change.content is None:
            self._hours.pop(source, None)
            self.last_at.pop(source, None)
        else:
            self._hours[source] = change.content
            self.recall(source, change.content)
