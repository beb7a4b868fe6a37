"""Incremental compaction of a changelog: keys of its tables are written whole once more, so that its beginning can go.

While the log is longer than `log_to_state` times the state, every checkpoint rewrites the keys that were written whole
longest ago, as many bytes as it changes. What lies before the oldest key that was not rewritten since is not needed.
So the log stays within about `log_to_state` + 1 times the state, a state that only grows is written once, and no
checkpoint ever stops to write a snapshot.
"""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from processors.durability.table import Table, encode
from schemas.outputs import Change, Key

_REWRITTEN_MIN: Final = 512
"""Bytes that are rewritten at least, so that a quiet partition gets round as well."""
_NEVER: Final = -1

_Name = tuple[str, Key]
"""table, key"""


class _Written(NamedTuple):
    """Where in the log a key was written whole last, or came into being."""

    sequence: int
    """0: where the log begins."""
    before: int
    """Bytes of the log before that."""
    size: int = 0
    """Bytes of the key, where the log says what is held: the last whole of it, and what was added since."""


class _Mean:
    """Bytes of the log per item of a table."""

    __slots__ = ("bytes", "items")

    def __init__(self) -> None:
        self.bytes = self.items = 0

    def of(self, items: int) -> float:
        return items * self.bytes / max(1, self.items)


class Compaction:
    """Which key comes next, and from where on the log is needed.

    Keys stand in the order in which they were written whole last. All that is known here is a function of the log:
    reading it observes what writing it did.
    """

    def __init__(self, tables: Mapping[str, Table], log_to_state: float) -> None:
        """`tables` are empty. `log_to_state`: see the module; 0: every checkpoint rewrites."""
        self.needed_from = 0
        """The sequence from which on the log holds the whole state; 0: from its beginning."""
        self._tables, self._log_to_state = tables, log_to_state
        names = ((table.name, key) for table in tables.values() for key in table.all_keys())
        self._written: OrderedDict[_Name, _Written] = OrderedDict.fromkeys(names, _Written(0, 0))
        self._means = {table.name: _Mean() for table in tables.values() if table.held is not None}
        self._log = self._sizes = 0
        """Bytes of the log, and of the keys whose size the log says."""
        self._under_way: tuple[Table, Iterator[Change]] | None = None
        """The key that is being rewritten, over several checkpoints perhaps."""
        self._replaced = _NEVER
        """Where that key was written whole before: until it is through, it is needed from there."""
        self._purged_at = _NEVER
        """The sequence of the last change of a table that purges: nothing up to there may stay."""

    def observe(self, table: Table, change: Change, size: int, sequence: int) -> None:
        """Note a change of so many bytes; the message that holds it follows."""
        if table.purges:
            self._purged_at = sequence
        self._note(table, change, size, sequence)

    def advance(self, message: bytes) -> None:
        """A message, whose changes were all observed, is in the log, or goes into the next transaction."""
        self._log += len(message)

    def rewrite(self, sequence: int, changed: int) -> list[bytes]:
        """Encoded changes that rewrite keys, beside a checkpoint that changes so many bytes."""
        rewritten: list[bytes] = []
        budget = max(_REWRITTEN_MIN, changed) if self._is_due() else 0
        while budget > 0:
            found = self._next(sequence)
            if found is None:
                break
            table, change = found
            rewritten.append(encode(table, change))
            self._note(table, change, len(rewritten[-1]), sequence)
            budget -= len(rewritten[-1])
        oldest = self._oldest().sequence if self._written else sequence
        self.needed_from = oldest if self._replaced == _NEVER else min(oldest, self._replaced)
        return rewritten

    def _oldest(self) -> _Written:
        return next(iter(self._written.values()))

    def _is_due(self) -> bool:
        if not self._written:
            return False
        length = self._log - self._oldest().before
        return self.needed_from <= self._purged_at or length > self._log_to_state * self._size()

    def _size(self) -> float:
        """Bytes of the state, written whole."""
        return self._sizes + sum(mean.of(self._tables[name].held or 0) for name, mean in self._means.items())

    def _next(self, sequence: int) -> tuple[Table, Change] | None:
        """What is rewritten next; None when this checkpoint has been once round."""
        while True:
            if self._under_way is not None:
                table, changes = self._under_way
                change = next(changes, None)
                if change is not None:
                    return table, change
                self._under_way, self._replaced = None, _NEVER
            name, written = next(iter(self._written.items()))
            if written.sequence == sequence:
                return None
            table = self._tables[name[0]]
            whole = table.whole(name[1])
            if whole is None:
                self._drop(name)
            else:
                self._under_way, self._replaced = (table, whole), written.sequence
                self._set(name, _Written(sequence, self._log))
                self._written.move_to_end(name)

    def _note(self, table: Table, change: Change, size: int, sequence: int) -> None:
        name = table.name, change.key
        mean = self._means.get(table.name)
        if change.content is None:
            self._drop(name)
        elif mean is not None:
            mean.bytes += size
            mean.items += table.items_in(change.content)
            if name not in self._written:
                self._written[name] = _Written(sequence, self._log)
        elif change.whole or name not in self._written:
            self._set(name, _Written(sequence, self._log, size))
            self._written.move_to_end(name)
        else:
            since, before, held = self._written[name]
            self._set(name, _Written(since, before, held + size))

    def _set(self, name: _Name, written: _Written) -> None:
        known = self._written.get(name)
        self._sizes += written.size - (known.size if known is not None else 0)
        self._written[name] = written

    def _drop(self, name: _Name) -> None:
        known = self._written.pop(name, None)
        if known is not None:
            self._sizes -= known.size
