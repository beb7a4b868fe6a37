"""`ProgressTable`: how many records of each input topic and day were read, and how they ended."""

from collections.abc import Iterable, Iterator

from processors.rules import DAY_MS, PROGRESS_DAYS_MAX
from processors.state.table import StateTable
from schemas.outputs import Change, Key, ProgressRow

Day = tuple[str, int]
"""Input topic, and the UTC day of the record's timestamp: the millisecond at which it begins."""


class ProgressTable(dict[Day, list[int]], StateTable):
    """Of each day: read, accepted (late ones included), late, duplicate, rejected, next offset."""

    name = "progress"

    def __init__(self) -> None:
        super().__init__()
        self._changed: dict[Day, None] = {}

    @property
    def changed(self) -> bool:
        """Whether any record was read since the last checkpoint."""
        return bool(self._changed)

    def account(self, topic: str, record_at: int, offset: int) -> list[int]:
        """The progress of the day that a record belongs to, with the record counted as read."""
        day = topic, record_at - record_at % DAY_MS
        progress = self.get(day)
        if progress is None:
            if len(self) >= PROGRESS_DAYS_MAX:
                day = topic, 0
            progress = self.setdefault(day, [0, 0, 0, 0, 0, 0])
        self._changed[day] = None
        progress[0] += 1
        progress[5] = max(progress[5], offset + 1)
        return progress

    def rows(self, partition: int) -> list[ProgressRow]:
        """The days that changed since the last checkpoint."""
        return [ProgressRow(topic, partition, day, *self[topic, day]) for topic, day in self._changed]

    def changes(self) -> Iterator[Change]:
        changed, self._changed = self._changed, {}
        for day in changed:
            yield Change(day, self[day], whole=True)

    def all_keys(self) -> Iterable[Key]:
        return self.keys()

    def whole(self, key: Key) -> Iterator[Change] | None:
        topic, day = key
        return iter([Change(key, self[topic, day], whole=True)])

    def apply(self, change: Change, version: int) -> None:
        topic, day = change.key
        self[topic, day] = change.content
