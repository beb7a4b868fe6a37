"""Families of every process that keeps durable partitions, and what moves them."""

from collections.abc import Iterable
from typing import Final

from sinks.metrics.family import Counter, Family, Gauge, Histogram, Label, closed
from sinks.metrics.registry import Metrics
from sinks.metrics.shared import CONSUMER_LAG, TOPIC

WATERMARK_LAG: Final = Gauge(
    "watermark_lag",
    "Time at the broker less the watermark of a topic in its slowest partition here: since when nothing is decided by "
    "it; 0 with no partition.",
    (TOPIC,),
    unit="seconds",
)
WATERMARK_AHEAD: Final = Gauge(
    "watermark_ahead",
    "Watermark of the foremost partition less the time at the broker; less than 0 as long as time is behind, as it "
    "should be. Over 60 it is set back.",
    unit="seconds",
)
CLOCK_AHEAD: Final = Gauge(
    "clock_ahead",
    "Clock of this machine less the broker's, of the partition where they differ most; less than 0 when it is behind.",
    unit="seconds",
)
CLOCK_AGREES: Final = Gauge(
    "clock_agrees",
    "1 while the clock of this machine agrees with the broker's of every open partition: else time is held.",
)
TIMER_DELAY: Final = Histogram(
    "timer_delay", "How much later than planned the timer of a partition ran, five times a second: the event loop was "
    "held.", unit="seconds", buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 30, 60),
)  # fmt: skip
TIMER_LAST_RUN: Final = Gauge(
    "timer_last_run_timestamp",
    "Unix time at which deadlines were looked at last, in the partition where that is longest ago; now with none.",
    unit="seconds",
)
PARTITIONS: Final = Gauge(
    "partitions",
    "Partitions assigned to this process, by state; a halted one waits for another release.",
    (closed("state", ("ready", "halted", "opening")),),
)
PARTITIONS_EXPECTED: Final = Gauge(
    "partitions_expected", "Partitions that all processes of this kind must have open together: OIDOR_PARTITIONS."
)
STATE_RECOVERED: Final = Gauge("state_recovered", "1 when every assigned partition has its state.")
STATE_OPEN: Final = Histogram(
    "state_open", "From beginning to open a partition until it is ready.", unit="seconds",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)  # fmt: skip
CHECKPOINTS: Final = Counter(
    "checkpoints", "Transactions of partitions, by result.",
    (closed("result", ("committed", "failed", "failed_ours")),),
)  # fmt: skip
CHECKPOINT: Final = Histogram(
    "checkpoint", "From building a checkpoint until its transaction is committed.", unit="seconds",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)  # fmt: skip
CHECKPOINT_BYTES: Final = Counter(
    "checkpoint", "Bytes that checkpoints wrote.", (Label("kind", "our own topics, and `state`", 10),), unit="bytes"
)
REREADS: Final = Counter("rereads", "Slices read again because records were missing before them.", (TOPIC,))
INPUT_DELETED: Final = Counter(
    "input_deleted", "Offsets that retention deleted before their records were read.", (TOPIC,)
)  # fmt: skip
TRANSACTION_HELD_OPEN: Final = Gauge(
    "upstream_transaction_held_open",
    "1 while an open transaction of a publisher holds a partition of the topic back for over a minute.",
    (TOPIC,),
)
CONTRADICTIONS: Final = Gauge(
    "topic_contradictions",
    "Kinds of things about topics that are not as the state recorded them: ids, partitions, ends, retention.",
)

FAMILIES: Final[tuple[Family, ...]] = (
    WATERMARK_LAG, WATERMARK_AHEAD, CLOCK_AHEAD, CLOCK_AGREES, TIMER_DELAY, TIMER_LAST_RUN, PARTITIONS,
    PARTITIONS_EXPECTED, STATE_RECOVERED, STATE_OPEN,
    CHECKPOINTS, CHECKPOINT, CHECKPOINT_BYTES, REREADS, INPUT_DELETED, TRANSACTION_HELD_OPEN, CONTRADICTIONS,
)  # fmt: skip


class DurabilityWatch:
    """Moves them by what happens to the durable partitions of a process.

    No series is of one partition, so none goes stale when a partition moves away.
    """

    def __init__(self, metrics: Metrics, topics: Iterable[str] = (), partitions: int = 0) -> None:
        """`topics`: the inputs, logical names; `partitions`: of each. Of what is known series begin at 0."""
        self._metrics = metrics
        for result in ("committed", "failed", "failed_ours"):
            metrics.begin(CHECKPOINTS, result)
        for topic in topics:
            metrics.begin(REREADS, topic)
            metrics.begin(INPUT_DELETED, topic)
        metrics.set(PARTITIONS_EXPECTED, partitions)

    def timer_delayed(self, seconds: float) -> None:
        self._metrics.record(TIMER_DELAY, seconds)

    def published(self, topic: str, message_bytes: int) -> None:
        self._metrics.increase(CHECKPOINT_BYTES, topic, by=message_bytes)

    def committed(self, seconds: float, delta_bytes: int) -> None:
        self._metrics.increase(CHECKPOINTS, "committed")
        self._metrics.increase(CHECKPOINT_BYTES, "state", by=delta_bytes)
        self._metrics.record(CHECKPOINT, seconds)

    def opened(self, seconds: float) -> None:
        self._metrics.record(STATE_OPEN, seconds)

    def failed(self, ours: bool) -> None:
        self._metrics.increase(CHECKPOINTS, "failed_ours" if ours else "failed")

    def seek_back(self, topic: str, why: str) -> None:
        self._metrics.increase(REREADS, topic)

    def deleted(self, topic: str, offsets: int) -> None:
        self._metrics.increase(INPUT_DELETED, topic, by=offsets)

    def partitions(self, *, ready: int, halted: int, opening: int, recovered: bool) -> None:
        for state, number in (("ready", ready), ("halted", halted), ("opening", opening)):
            self._metrics.set(PARTITIONS, number, state)
        self._metrics.set(STATE_RECOVERED, recovered)

    def reading(self, topic: str, *, lag: int, held_open: bool) -> None:
        self._metrics.set(CONSUMER_LAG, lag, topic)
        self._metrics.set(TRANSACTION_HELD_OPEN, held_open, topic)

    def watermark(self, topic: str, *, lag: float) -> None:
        self._metrics.set(WATERMARK_LAG, lag, topic)

    def ahead(self, seconds: float) -> None:
        self._metrics.set(WATERMARK_AHEAD, seconds)

    def timers(self, ran_at: float) -> None:
        """`ran_at`: a Unix time."""
        self._metrics.set(TIMER_LAST_RUN, ran_at)

    def clock(self, *, ahead: float, agrees: bool) -> None:
        self._metrics.set(CLOCK_AHEAD, ahead)
        self._metrics.set(CLOCK_AGREES, agrees)

    def contradictions(self, number: int) -> None:
        self._metrics.set(CONTRADICTIONS, number)
