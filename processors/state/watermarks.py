"""`Watermarks`: the event time of one partition, and what follows from it for records, timers and KPI minutes."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from processors.kpis.partials import MINUTE_MS
from schemas.observations import CLOCKS_AGREE_MS
from schemas.topics import RECORD_AHEAD_MS

_JUMP_MS: Final = 60_000
"""From so much on `now` jumps, instead of going on."""
_SPANS_KEPT: Final = 8


class Watermarks:
    """Every time that a partition knows, in milliseconds since the epoch. They go back in one case: see `set_back`.

    | name | of | meaning |
    |---|---|---|
    | `inputs` | input | its watermark: all records up to it were processed; at its end it goes with the wall clock |
    | `now` | partition | its watermark, the least of its inputs'; 0 while one was never read. Timers fire by it |
    | `max_timestamp` | input | the greatest record timestamp read; an event is late by its distance from it |
    | `spans` | partition | what `now` went through, [from, to], the last few: between them it jumped |
    | `lateness_cutoff` | input | `max_timestamp` less the allowed lateness: timers before it fire, whatever `now` is |
    | `timers_fired_to` | input | its timers up to here have fired: cases of the input read as of this moment |
    | `closed_before` | input | KPI minutes that begin before it leave: nothing in time counts in them any more |
    | `Partials.closed_before_ms` | input | KPI minutes before it have left, early ones too: what comes adjusts them |

    `disorder`, the bound of out-of-orderness, decides only what is marked late and kept out of windowed detectors.
    Beam and Flink say watermark and allowed lateness for the same things, and purge a window where a minute leaves.
    """

    def __init__(self, topics: Iterable[str], *, allowed_lateness_ms: int, longest_grace_ms: int) -> None:
        """`longest_grace_ms`: the longest that a timer may lie behind the deadline it decides."""
        self._topics = tuple(topics)
        self._allowed_lateness_ms, self._longest_grace_ms = allowed_lateness_ms, longest_grace_ms
        self.inputs: dict[str, int] = {}
        self.now = 0
        self.spans: list[list[int]] = []
        self.max_timestamp: dict[str, int] = {}
        self.timers_fired_to: dict[str, int] = dict.fromkeys(self._topics, 0)

    def advance(self, topic: str, timestamp: int) -> None:
        """All records of an input up to this moment were processed."""
        if timestamp > self.inputs.get(topic, 0):
            self.inputs[topic] = timestamp
            if len(self.inputs) == len(self._topics):
                self._move_to(min(self.inputs.values()))

    def _move_to(self, moment: int) -> None:
        if moment <= self.now:
            return
        if self.spans and moment - self.now <= _JUMP_MS:
            self.spans[-1][1] = moment
        else:
            self.spans.append([moment, moment])
            del self.spans[:-_SPANS_KEPT]
        self.now = moment

    def observe(self, topic: str, timestamp: int) -> None:
        """A record with this timestamp was read."""
        if timestamp > self.max_timestamp.get(topic, 0):
            self.max_timestamp[topic] = timestamp

    def lateness_cutoff(self, topic: str, timestamp: int = 0) -> int:
        """Deadlines of an input's cases before this moment are final, however far the other inputs have come.

        `timestamp`: of a record that is about to be read.
        """
        return max(self.max_timestamp.get(topic, 0), timestamp) - self._allowed_lateness_ms

    def closed_before(self, topic: str) -> int:
        """KPI minutes of an input that begin before this moment leave: all deadlines that count in them are decided."""
        moment = self.lateness_cutoff(topic) - self._longest_grace_ms
        return moment - moment % MINUTE_MS

    # Going back

    def lie_ahead_of(self, moment: int) -> bool:
        """Whether any of them lies further ahead of a moment than clocks and records may."""
        times = self.now, *self.timers_fired_to.values()
        records = (timestamp - RECORD_AHEAD_MS for timestamp in self.max_timestamp.values())
        return max(*times, *records) - moment > CLOCKS_AGREE_MS

    def set_back(self, moment: int, records: Mapping[str, int]) -> None:
        """Take back what lies ahead of a moment, which is the right time: the one case in which time goes back.

        `records`: input -> the greatest timestamp, up to the moment, of a record that was accepted. `now` becomes the
        last moment up to it at which it stood before: all records of the inputs had been processed up to there. The
        moment itself would be too late, for records that came meanwhile may wait to be read.
        """
        self.spans = [[since, min(to, moment)] for since, to in self.spans if since <= moment]
        known = min((records.get(topic, 0) for topic in self._topics), default=0)
        self.now = self.spans[-1][1] if self.spans else known
        for topic, timestamp in list(self.max_timestamp.items()):
            if timestamp - RECORD_AHEAD_MS > moment:
                self.max_timestamp[topic] = records.get(topic, 0)
        for topic, watermark in self.inputs.items():
            if watermark > moment:
                self.inputs[topic] = self.now
        for topic, fired_to in self.timers_fired_to.items():
            self.timers_fired_to[topic] = min(fired_to, max(self.now, self.lateness_cutoff(topic), 0))

    # Checkpoints

    def meta(self) -> dict[str, Any]:
        """What a checkpoint writes."""
        return {
            "now": self.now,
            "spans": self.spans,
            "inputs": self.inputs,
            "max_timestamp": self.max_timestamp,
            "timers_fired_to": self.timers_fired_to,
        }

    def restore(self, meta: Mapping[str, Any]) -> None:
        """Time goes on from where a checkpoint left it."""
        self.now, self.spans = meta["now"], [[*span] for span in meta["spans"]]
        self.inputs.update(meta["inputs"])
        self.max_timestamp.update(meta["max_timestamp"])
        self.timers_fired_to.update(meta["timers_fired_to"])
