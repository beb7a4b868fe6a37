"""Records that retention deleted before they were read: what is lost must not be silent.

Offsets that reading passes over are mostly markers of transactions. Only the first offset that the broker still has
says which of them were records, so that is asked for, once for each hole.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final, NamedTuple

from faust.types import TP
from mode.utils.logging import get_logger

logger = get_logger(__name__)

Earliest = Callable[[Iterable[TP]], Awaitable[Mapping[TP, int]]]
"""The first offset that exists of each partition. Raises KafkaError or OSError."""

_NONE: Final = -1


class _Hole(NamedTuple):
    """Offsets [begin, end) of an input that nobody has read."""

    tp: TP
    topic: str
    begin: int
    end: int


class RetentionGaps:
    """Which holes were looked into; `deleted` is told the topic and number of offsets that are gone."""

    def __init__(self, deleted: Callable[[str, int], None]) -> None:
        self._deleted = deleted
        self._holes: list[_Hole] = []
        self._first: dict[TP, int] = {}
        """The first offsets that there were when it was last asked for: what lies before has been told of."""
        self._ends: dict[TP, tuple[int, int]] = {}
        """Where processing has ended before the end of the log, and that end, when it was asked why."""

    def passed_over(self, tp: TP, topic: str, expected: int, found: int) -> None:
        """The record at `found` came where `expected` was the next offset."""
        begin = max(expected, self._first.get(tp, 0))
        if found > begin:
            self._holes.append(_Hole(tp, topic, begin, found))

    def ends_before(self, tp: TP, topic: str, offset: int, end: int) -> None:
        """All was processed up to `offset`, and the log ends later: of a deleted end no record may tell for long."""
        if offset < end and self._ends.get(tp, (_NONE, _NONE)) != (offset, end):
            self._ends[tp] = offset, end
            self._holes.append(_Hole(tp, topic, max(offset, self._first.get(tp, 0)), end))

    async def resumed(self, durable: Mapping[TP, tuple[str, int]], earliest: Earliest) -> None:
        """Partitions are read again from (topic, offset); what is not there any more is told of at once."""
        found = await earliest(durable)
        for tp, (topic, offset) in durable.items():
            if offset > 0:
                self._tell(_Hole(tp, topic, max(offset, self._first.get(tp, 0)), found.get(tp, 0)))
            self._first[tp] = found.get(tp, 0)

    async def look(self, earliest: Earliest) -> None:
        """Look into the holes that were noted. When it fails, they stay for the next look."""
        if not self._holes:
            return
        holes = list(self._holes)
        found = await earliest({hole.tp for hole in holes})
        del self._holes[: len(holes)]
        for hole in holes:
            first = min(hole.end, found.get(hole.tp, 0))
            self._tell(hole._replace(begin=max(hole.begin, self._first.get(hole.tp, 0)), end=first))
            self._first[hole.tp] = max(first, self._first.get(hole.tp, 0))

    def _tell(self, lost: _Hole) -> None:
        if lost.begin < lost.end:
            self._deleted(lost.topic, lost.end - lost.begin)
            logger.error(
                "%s[%d]: offsets %d to %d were deleted before they were read: raise the topic's retention, "
                "and publish them again from where they came",
                lost.tp.topic,
                lost.tp.partition,
                lost.begin,
                lost.end - 1,
            )
