"""`StateTable`: what a table of the state says to the changelog. The protocol of it is in `durability.table`."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from schemas.outputs import Change, Key


class StateTable(ABC):
    """A table that is written key by key, and read back change by change."""

    name: ClassVar[str]
    """Unique, and never used for something else again: the changelog knows the table by it."""
    version: ClassVar[int] = 1
    """Of the content of changes. Raise it when that changes, and let `apply` migrate the versions before."""
    purges: ClassVar[bool] = False
    """Whether nothing from before a change of it may stay in the changelog."""

    @property
    def held(self) -> int | None:
        """How many items it holds, of those that `items_in` counts.

        None where the changelog itself says what is held, because every change adds to its key, is whole, or ends it.
        """
        return None

    def items_in(self, content: Any) -> int:
        """How many items the content of a change has."""
        return len(content)

    @abstractmethod
    def changes(self) -> Iterator[Change]:
        """Drain what changed since the last call."""

    @abstractmethod
    def all_keys(self) -> Iterable[Key]:
        """All there are; those of an empty table are there always."""

    @abstractmethod
    def whole(self, key: Key) -> Iterator[Change] | None:
        """All of a key, in one change or in several, each as it is when it is asked for; None: it is gone."""

    @abstractmethod
    def apply(self, change: Change, version: int) -> None:
        """Take in a change of this version or an older one, which is migrated here.

        The first changes of a key may be missing in a log that was compacted; the key comes whole later.
        """
