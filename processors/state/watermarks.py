"""`Watermarks`: the event time of one partition, and what follows from it for records, timers and KPI minutes."""

from collections.abc import Iterable, Mapping
from typing import Any

from processors.kpis.partials import MINUTE_MS


class Watermarks:
    """Every time that a partition knows, in milliseconds since the epoch. None of them ever goes back.

    | name | of | meaning |
    |---|---|---|
    | `inputs` | input | its watermark: all records up to it were processed; at its end it goes with the wall clock |
    | `now` | partition | its watermark, the least of its inputs'; 0 while one was never read. Timers fire by it |
    | `max_timestamp` | input | the greatest record timestamp read; an event is late by its distance from it |
    | `lateness_cutoff` | input | `max_timestamp` less the allowed lateness: timers before it fire, whatever `now` is |
    | `timers_fired_to` | input | its timers up to here have fired: cases of the input read as of this moment |
    | `closed_before` | input | KPI minutes that begin before it are final: no timer can count in them any more |
    | `Partials.closed_before_ms` | input | KPI minutes before it have left the state, early ones included |

    `disorder`, the bound of out-of-orderness, decides only what is marked late and kept out of windowed detectors.
    Beam and Flink say watermark and allowed lateness for the same things, and purge a window where a minute leaves.
    """

    def __init__(self, topics: Iterable[str], *, allowed_lateness_ms: int, longest_grace_ms: int) -> None:
        """`longest_grace_ms`: the longest that a timer may lie behind the deadline it decides."""
        self._topics = tuple(topics)
        self._allowed_lateness_ms, self._longest_grace_ms = allowed_lateness_ms, longest_grace_ms
        self.inputs: dict[str, int] = {}
        self.now = 0
        self.max_timestamp: dict[str, int] = {}
        self.timers_fired_to: dict[str, int] = dict.fromkeys(self._topics, 0)

    def advance(self, topic: str, timestamp: int) -> None:
        """All records of an input up to this moment were processed."""
        if timestamp > self.inputs.get(topic, 0):
            self.inputs[topic] = timestamp
            if len(self.inputs) == len(self._topics):
                self.now = max(self.now, min(self.inputs.values()))

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
        """KPI minutes of an input that begin before this moment are final: so are all deadlines that count in them."""
        moment = self.lateness_cutoff(topic) - self._longest_grace_ms
        return moment - moment % MINUTE_MS

    def meta(self) -> dict[str, Any]:
        """What a checkpoint writes."""
        return {"now": self.now, "max_timestamp": self.max_timestamp, "timers_fired_to": self.timers_fired_to}

    def restore(self, meta: Mapping[str, Any]) -> None:
        """Time goes on from where a checkpoint left it, and inputs from what was read of them."""
        self.now = meta["now"]
        self.max_timestamp.update(meta["max_timestamp"])
        self.timers_fired_to.update(meta["timers_fired_to"])
        for topic, timestamp in self.max_timestamp.items():
            self.advance(topic, timestamp)
