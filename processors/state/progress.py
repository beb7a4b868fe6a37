"""`ProgressTable`: how many records of each input topic and day were read, and how they ended."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from processors.rules import DAY_MS, PROGRESS_DAYS_MAX
from processors.state.table import StateTable
from schemas.outputs import Change, Key, ProgressRow

Day = tuple[str, int, int]
"""Input topic, its incarnation, and the UTC day of the record's timestamp: the millisecond at which it begins."""


@dataclass(slots=True)
class Progress:
    """Records of a day of an input topic. `read` = `accepted` + `duplicate` + `rejected`."""

    read: int = 0
    accepted: int = 0
    """Late ones included."""
    late: int = 0
    duplicate: int = 0
    rejected: int = 0
    next_offset: int = 0
    """One past the last offset read."""

    def counts(self) -> tuple[int, int, int, int, int, int]:
        """All of them, in this order."""
        return self.read, self.accepted, self.late, self.duplicate, self.rejected, self.next_offset


class ProgressTable(dict[Day, Progress], StateTable):
    """The progress of each day. A key is a day, written whole."""

    name = "progress"

    def __init__(self) -> None:
        super().__init__()
        self._changed: dict[Day, None] = {}

    @property
    def changed(self) -> bool:
        """Whether any record was read since the last checkpoint."""
        return bool(self._changed)

    def account(self, topic: str, incarnation: int, record_at: int, offset: int) -> Progress:
        """The progress of the day that a record belongs to, with the record counted as read."""
        day = topic, incarnation, record_at - record_at % DAY_MS
        progress = self.get(day)
        if progress is None:
            if len(self) >= PROGRESS_DAYS_MAX:
                day = topic, incarnation, 0
            progress = self.setdefault(day, Progress())
        self._changed[day] = None
        progress.read += 1
        progress.next_offset = max(progress.next_offset, offset + 1)
        return progress

    def rows(self, partition: int) -> list[ProgressRow]:
        """The days that changed since the last checkpoint."""
        return [
            ProgressRow(topic, partition, incarnation, at, *self[topic, incarnation, at].counts())
            for topic, incarnation, at in self._changed
        ]

    def changes(self) -> Iterator[Change]:
        changed, self._changed = self._changed, {}
        for day in changed:
            yield Change(day, self[day].counts(), whole=True)

    def all_keys(self) -> Iterable[Key]:
        return self.keys()

    def whole(self, key: Key) -> Iterator[Change] | None:
        topic, incarnation, at = key
        return iter([Change(key, self[topic, incarnation, at].counts(), whole=True)])

    def apply(self, change: Change, version: int) -> None:
        topic, incarnation, at = change.key
        self[topic, incarnation, at] = Progress(*change.content)
