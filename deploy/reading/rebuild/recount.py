"""`Recount`: the stored events of one partition once more through `step`, and what they add to the KPIs of a span.

All that the partition ever accepted is processed, for a case is a function of all of its events, and what counts in a
minute may have begun long before it. The state is as bounded as that of a worker; what is counted leaves it page by
page, as amounts to be added up.
"""

from collections import Counter, deque
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from deploy.reading.stored import CaseKey, StoredEvent
from processors.kpis.partials import MINUTE_MS
from processors.kpis.rows import partial_rows
from processors.pipeline.step import EMPTY, step
from processors.rules import Rules
from processors.sla.clocks import NEVER
from processors.state.partition import PartitionState
from processors.state.pending import Pending
from schemas.events.contacts import ERASED
from schemas.outputs import PartialRow
from schemas.topics import INPUTS

_RUN: Final = 200
"""Events of one input that one step is given."""
_DRAINED: Final = 5_000
"""Events after which what was counted is handed on."""


@dataclass(frozen=True, slots=True)
class _Run:
    """Events of one input that arrived one after the other: a `Batch`."""

    topic: str
    events: list[StoredEvent] = field(default_factory=list)

    def __iter__(self) -> Iterator[StoredEvent]:
        return iter(self.events)


class Recount:
    """One pass over the events of a partition; afterwards it says what it came across."""

    def __init__(self, partition: int, rules: Rules, begin: int, end: int, erased: Collection[CaseKey]) -> None:
        """`begin` to `end`, ms: the minutes that are counted. Of the cases `erased` no event is."""
        self.events = 0
        """How many were processed."""
        self.rejected: Counter[str] = Counter()
        """Reason -> how many that had been accepted this release rejects."""
        self.left_out: set[CaseKey] = set()
        """Cases of customers who were erased."""
        self.kept: set[tuple[str, int]] = set()
        """Topic and minute of their events, in the span: what these counted cannot be counted again."""
        self._begin, self._end, self._erased = begin, end, erased
        self._state = PartitionState(partition, rules)
        for partials in self._state.partials.values():
            partials.closed_before_ms = NEVER  # no minute is in memory: all that is counted is a difference

    def rows(self, events: Iterable[StoredEvent], until: int) -> Iterator[list[PartialRow]]:
        """Process events in the order in which they arrived, and let time pass to `until`, ms; amounts to be added."""
        run = _Run("")
        for event in events:
            if event.erased or event.case in self._erased:
                self._leave_out(event)
                continue
            if run.topic != event.topic or len(run.events) == _RUN:
                self._step(run)
                run = _Run(event.topic)
            run.events.append(event)
            self.events += 1
            if self.events % _DRAINED == 0:
                yield self._drain()
        self._step(run)
        self._advance(until)
        step(self._state, EMPTY, self._state.now)
        yield self._drain()

    def _leave_out(self, event: StoredEvent) -> None:
        """Time passes with it all the same, and the minute in which it counted stays as it is."""
        self._state.watermarks.observe(event.topic, event.timestamp)
        if event.event_type != ERASED:
            self.left_out.add(event.case)
            minute = event.occurred_at - event.occurred_at % MINUTE_MS
            if self._begin <= minute < self._end:
                self.kept.add((event.topic, minute))

    def _step(self, run: _Run) -> None:
        if not run.events:
            return
        self._advance(run.events[0].timestamp)
        state = self._state
        step(state, run, state.now)
        self.rejected.update(rejected.row.reason for rejected in state.pending.rejected)
        state.pending.rejected.clear()

    def _advance(self, moment: int) -> None:
        for topic in INPUTS:
            self._state.advance_watermark(topic, moment)

    def _drain(self) -> list[PartialRow]:
        """What was counted in the span since the last call; what a checkpoint would have written is forgotten."""
        state = self._state
        state.pending = Pending()
        for table in state.tables.values():
            deque(table.changes(), maxlen=0)
        return [
            row
            for topic, partials in state.partials.items()
            for minute, of_minute in partials.drain_adjustments().items()
            if self._begin <= minute < self._end
            for row in partial_rows(
                minute, {key: slots for key, slots in of_minute.items() if slots}, topic, state.number
            )
        ]
