"""`tryout`: events in, what became of them out. Deterministic, without I/O; time is that of the records.

It is a worker that is never late: each record is taken in at its own timestamp, each deadline fires at its own moment,
and what either changes is committed at once. So what is emitted, and whether it pages, is what it would have been live.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from deploy.cli.tryout.outcome import Row, Tryout, Views
from deploy.cli.tryout.ticket import Arrival
from processors.durability.changelog import Changelog, LogLimits
from processors.pipeline.step import EMPTY, step
from processors.rules import Rules
from processors.state.partition import PartitionState
from schemas.topics import INPUTS
from sinks.messages import incident_json

_PARTITION: Final = 0
_LIMITS: Final = LogLimits(message_bytes=900_000, log_to_state=1_000_000)
"""Of a log that nobody reads: it is never compacted."""


def tryout(arrivals: Sequence[Arrival], rules: Rules, *, until: int | None, page_window_ms: int) -> Tryout:
    """Take in records, given in the order of their timestamps, and let time pass to `until` (ms).

    Without `until` it ends with the last record.
    """
    end = arrivals[-1].record_at if until is None else until
    worker = _Worker(rules, page_window_ms)
    for arrival in arrivals:
        if arrival.record_at <= end:
            worker.let_time_pass(arrival.record_at)
            worker.take_in(arrival)
    worker.let_time_pass(end)
    worker.commit(end)
    return Tryout(worker.views, worker.emitted, end)


class _Record(NamedTuple):
    partition: int
    offset: int
    timestamp: int
    key: bytes
    value: bytes


class _Slice:
    def __init__(self, topic: str, record: _Record) -> None:
        self.topic = topic
        self._record = record

    def __iter__(self) -> Iterator[Any]:
        yield self._record


class _Worker:
    def __init__(self, rules: Rules, page_window_ms: int) -> None:
        self.views = Views()
        self.emitted: list[Row] = []
        self._state = PartitionState(_PARTITION, rules)
        self._changelog = Changelog(self._state, INPUTS, _LIMITS)
        self._changelog.initialise(generation=1, partitions=1)
        self._page_window_ms = page_window_ms
        self._offsets: Counter[str] = Counter()

    def let_time_pass(self, to: int) -> None:
        """Fire what is due before `to`, each deadline at its own moment."""
        while (due := self._next_deadline()) is not None and due < to:
            self._tick(due + 1)
        self._tick(to)

    def take_in(self, arrival: Arrival) -> None:
        offset = self._offsets[arrival.topic]
        self._offsets[arrival.topic] += 1
        record = _Record(_PARTITION, offset, arrival.record_at, arrival.key, arrival.value)
        step(self._state, _Slice(arrival.topic, record), self._state.now)
        self._commit_changes(arrival.record_at)

    def _tick(self, now: int) -> None:
        for topic in INPUTS:
            self._state.advance_watermark(topic, now)
        step(self._state, EMPTY, self._state.now)
        self._commit_changes(now)

    def _next_deadline(self) -> int | None:
        return min((at for timers in self._state.timers.values() if (at := timers.next()) is not None), default=None)

    def _commit_changes(self, now: int) -> None:
        if self._state.changed:
            self.commit(now)

    def commit(self, now: int) -> None:
        """Write what has changed, and how far time has come."""
        checkpoint = self._state.checkpoint(self._changelog.begin(), now)
        self._changelog.write()
        self.views.insert(checkpoint.rows)
        for incident in checkpoint.incidents:
            self.emitted.append(json.loads(incident_json(incident, now, now, self._page_window_ms)))
