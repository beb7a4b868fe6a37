"""Slices of what was fetched, and the marks from which it follows what they mean.

- `begin` and `end` say what a slice covers, holes included: contiguity is checked against them.
- `epoch` grows with every seek: a slice of an older epoch was fetched before the seek and means nothing.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from faust.types import TP

from processors.runtime.timeouts import STALLED_SECONDS

OPEN_TRANSACTION_MS: Final = 60_000
"""How long a transaction that an upstream left open may hold the end of a partition back."""


class Slice(list[Any]):
    """Records of one topic-partition, in order: all that exist in [begin, end)."""

    __slots__ = ("begin", "doubt", "epoch", "partition", "topic")

    def __init__(
        self, records: Iterable[Any], *, topic: str, partition: int, begin: int, epoch: int, doubt: int = 0
    ) -> None:
        super().__init__(records)
        self.topic = topic
        """The logical name, without the installation's prefix."""
        self.partition = partition
        self.begin = begin
        """Where its epoch stood before the slice: less than the first offset when there is a hole in the log."""
        self.epoch = epoch
        self.doubt = doubt
        """The number of the last reason to look whether its log is still the one that was read; 0: there was none."""

    @property
    def end(self) -> int:
        """One past the last record."""
        return int(self[-1].offset) + 1 if self else self.begin

    def part(self, start: int, stop: int) -> "Slice":
        """Records [start, stop) by index; a hole before the first of them belongs to it."""
        begin = self[start - 1].offset + 1 if start else self.begin
        return Slice(
            self[start:stop],
            topic=self.topic,
            partition=self.partition,
            begin=begin,
            epoch=self.epoch,
            doubt=self.doubt,
        )

    def since(self, offset: int) -> "Slice":
        """What lies at `offset` or behind it."""
        if not self or self[0].offset >= offset:
            return self
        first = next((i for i, record in enumerate(self) if record.offset >= offset), len(self))
        return self.part(first, len(self))

    def cut(self, size: int) -> Iterator["Slice"]:
        """The same records in slices of at most `size`."""
        if len(self) <= size:
            yield self
            return
        for start in range(0, len(self), size):
            yield self.part(start, start + size)


class FetchProgress(NamedTuple):
    """How far one topic-partition has been read, at one moment of the consumer's thread.

    "Read to its end" must mean *processed* to its end: a watermark that moves too early fires breaches for stop events
    which still wait in a queue. The fetcher's position alone does not say that, and plain offsets do not either:
    transaction markers take offsets that no record has. So three things are seen together, in the thread in which
    nothing can come between them: the position is at the end (`at_end`), and what was handed over in `epoch` so far
    ends at `end`. Whoever has processed that epoch up to `end` has processed all there was when the fetch that shows
    the end was *sent* (`asked_at`): a frozen process cannot take an old answer for a new one.
    """

    epoch: int
    end: int | None
    """One past the last record handed over since the last seek (then the offset sought); None before both."""
    at_end: bool
    """Position >= last stable offset, and no open transaction behind it (or one that is open for longer than 60 s)."""
    asked_at: int
    """Wall clock in milliseconds when the last fetch that was answered had been sent; 0 before the first."""
    high_watermark: int
    held_ms: int
    """How long an open upstream transaction has kept the last stable offset where it is; 0 when none does."""
    buffered: bool = False
    """Whether records were fetched and wait to be handed over: until then, none of this partition are fetched."""
    doubt: int = 0
    """As of a slice that is handed over now."""


class Missing:
    """Whether the same records of one topic-partition have been missing for so long that they must be read again.

    They were handed over and did not come: Faust drops a slice now and then, and none may follow that would show it.
    """

    def __init__(self) -> None:
        self._since: tuple[int, float] | None = None

    def overdue(self, missing: bool, offset: int, now: float) -> bool:
        """Looks at what is missing from `offset` on, at `now`, s. Once overdue, it has time to come again."""
        if not missing:
            self._since = None
            return False
        if self._since is None or self._since[0] != offset:
            self._since = offset, now
        overdue = now - self._since[1] >= STALLED_SECONDS
        if overdue:
            self._since = offset, now
        return overdue


class FetchEpochs:
    """What the consumer's thread knows about how reading goes, by topic-partition."""

    def __init__(self, logical: Mapping[str, str]) -> None:
        """`logical`: Kafka's topic name -> ours."""
        self._logical = logical
        self._latest = self._first = 0
        self._epochs: dict[TP, int] = {}
        self._ends: dict[TP, int] = {}
        self._asked: dict[TP, int] = {}
        self._held: dict[TP, tuple[int, int]] = {}
        self._doubts: dict[TP, int] = {}
        self._sources: dict[TP, object] = {}

    def mark(self, tp: TP, records: Sequence[Any]) -> Slice:
        """Records that were fetched, as the next slice of their epoch."""
        first = records[0].offset
        begin = min(self._ends.get(tp, first), first)
        if first < self._ends.get(tp, first):  # nobody sought it: what was sought lies beyond the end of the log
            self._doubt(tp)
        self._ends[tp] = records[-1].offset + 1
        return Slice(
            records,
            topic=self._logical.get(tp.topic, tp.topic),
            partition=tp.partition,
            begin=begin,
            epoch=self._epochs.get(tp, self._first),
            doubt=self._doubts.get(tp, 0),
        )

    def seek(self, tp: TP, offset: int) -> int:
        """One partition is read from `offset` now; returns the new epoch."""
        self._latest += 1
        self._epochs[tp], self._ends[tp] = self._latest, offset
        return self._latest

    def start_over(self) -> None:
        """Nobody knows where any partition is read from now: a new assignment, or a seek that was not ours.

        Doubts stay: what raised them is as long ago as it was.
        """
        self._latest += 1
        self._first = self._latest
        for marks in (self._epochs, self._ends, self._asked, self._held):
            marks.clear()

    def asked(self, tp: TP, wall: int, source: object = None) -> None:
        """A fetch was answered that had been sent at `wall`, ms; by another source than before, of maybe another log.

        `source`: what stays the same while the same run of the same broker answers; None: it is not known.
        """
        self._asked[tp] = wall
        if source is not None and self._sources.setdefault(tp, source) != source:
            self._sources[tp] = source
            self._doubt(tp)

    def _doubt(self, tp: TP) -> None:
        self._latest += 1
        self._doubts[tp] = self._latest

    def progress(self, tp: TP, *, position: int, stable: int, high: int, at: int) -> FetchProgress:
        """How far a partition is read: `stable` is the last stable offset, `high` the high watermark.

        `at`: now, in ms of a clock that nobody sets.
        """
        held = self._hold(tp, stable, high, at)
        return FetchProgress(
            epoch=self._epochs.get(tp, self._first),
            end=self._ends.get(tp),
            at_end=position >= stable and (stable >= high or held >= OPEN_TRANSACTION_MS),
            asked_at=self._asked.get(tp, 0),
            high_watermark=high,
            held_ms=held,
            doubt=self._doubts.get(tp, 0),
        )

    def _hold(self, tp: TP, stable: int, high: int, at: int) -> int:
        if stable >= high:
            self._held.pop(tp, None)
            return 0
        where, since = self._held.get(tp, (stable, at))
        self._held[tp] = (stable, since if where == stable else at)
        return at - self._held[tp][1]
