"""`Table`: one kind of thing that a state keeps, and how the changelog makes it durable. It knows its own content only.

A table splits what it holds into keys. Each is written when it changes, and compacted by itself: written whole once
more, so that what the log has of it from before is not needed any longer.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final, Protocol

import msgspec

from schemas.outputs import Change, Key


class Table(Protocol):
    """Reading every change that was written gives the same table again, also when the first of a key are missing.

    Then a change adds to what is not there yet; the key comes whole later.
    """

    @property
    def name(self) -> str:
        """Unique within the state, and written with every change: never used for something else again."""

    @property
    def version(self) -> int:
        """Of the content of its changes, from 1; written with every change."""

    @property
    def purges(self) -> bool:
        """Whether nothing from before a change of it may stay in the log, as after an erasure."""

    @property
    def held(self) -> int | None:
        """How many items it holds, by which its size in the log is estimated.

        None where the log itself says what is held, because every change adds to its key, is whole, or ends it.
        """

    def items_in(self, content: Any) -> int:
        """How many items the content of a change has; not asked where `held` is None."""

    def changes(self) -> Iterator[Change]:
        """Drain what changed since the last call."""

    def all_keys(self) -> Iterable[Key]:
        """All there are; those of an empty table are there always."""

    def whole(self, key: Key) -> Iterator[Change] | None:
        """All of a key, in one change or in several, each as it is when it is asked for; None: it is gone."""

    def apply(self, change: Change, version: int) -> None:
        """Take in a change of this version or an older one, which is migrated here."""


def encode(table: Table, change: Change) -> bytes:
    """A change as it lies in a message of the log."""
    key, content, whole = change
    if whole:
        return _encode((table.name, table.version, key, content, True))
    return _encode((table.name, table.version, key) if content is None else (table.name, table.version, key, content))


_encode: Final = msgspec.msgpack.Encoder().encode
