"""A toy operator: how often each value was read. What durability must keep exact, and nothing else."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from processors.durability.changelog import Changelog, LogLimits
from processors.durability.operator import DurabilityConfig, Operator, Pace
from processors.durability.table import Table
from processors.runtime.slices import Slice
from schemas.observations import IsolatedErrors
from schemas.outputs import Change, Checkpoint, Key, ProgressRow
from schemas.topics import INPUTS
from sinks import messages

POISON = b"poison"


class Record(NamedTuple):
    offset: int
    value: bytes
    timestamp: int = 0
    key: bytes | None = None


class Totals(dict[str, int]):
    """The toy's table: value -> how often it was read. Satisfies `processors.durability.table.Table`."""

    name = "totals"
    version = 1
    purges = False
    held = None

    def __init__(self) -> None:
        super().__init__()
        self.changed: dict[str, None] = {}

    def items_in(self, content: Any) -> int:
        raise AssertionError("asked for, though held is None")

    def changes(self) -> Iterator[Change]:
        changed, self.changed = self.changed, {}
        return (Change((value,), self[value], whole=True) for value in sorted(changed))

    def all_keys(self) -> Iterable[Key]:
        return [(value,) for value in self]

    def whole(self, key: Key) -> Iterator[Change] | None:
        return iter([Change(key, self[key[0]], whole=True)])

    def apply(self, change: Change, version: int) -> None:
        self[change.key[0]] = change.content


class Counting:
    """Satisfies `processors.durability.operator.State`."""

    removed_tables: frozenset[str] = frozenset()

    def __init__(self, number: int, topics: Sequence[str] = INPUTS) -> None:
        self.number, self._topics = number, topics
        self.totals = Totals()
        self.tables: Mapping[str, Table] = {self.totals.name: self.totals}
        self.rejected: list[int] = []
        self.watermarks: dict[str, int] = {}
        self.changed = False
        self.consistent = True
        self.incarnations: Mapping[str, int] = {}
        self.halted: str | None = None
        self.isolated_errors: dict[str, IsolatedErrors] = {}

    @property
    def now(self) -> int:
        return min(self.watermarks.get(topic, 0) for topic in self._topics)

    def meta(self) -> dict[str, Any]:
        return {"rejected": self.rejected}

    def restore(self, meta: Mapping[str, Any]) -> None:
        self.rejected = list(meta["rejected"])

    def watermark_of(self, topic: str) -> int:
        return self.watermarks.get(topic, 0)

    def advance_watermark(self, topic: str, timestamp: int) -> None:
        self.watermarks[topic] = max(self.watermarks.get(topic, 0), timestamp)

    def count(self, value: str) -> None:
        self.totals[value] = self.totals.get(value, 0) + 1
        self.totals.changed[value] = None
        self.changed = True

    def checkpoint(self, version: int, recorded_at: int) -> Checkpoint:
        self.changed = False
        rows = [_row(value, self.number, self.totals[value], version) for value in sorted(self.totals.changed)]
        return Checkpoint(self.number, version, recorded_at, {"ingest_progress": rows}, [], [])


def _row(value: str, number: int, count: int, version: int) -> ProgressRow:
    return ProgressRow(value, number, 0, 0, count, count, 0, 0, 0, version & 0xFFFFFFFF)


class Step(NamedTuple):
    processed: int
    finished: bool


def step(state: Counting, batch: Sequence[Any], now: int, spent: Callable[[], bool]) -> Step:
    for processed, record in enumerate(batch, 1):
        if record.value == POISON:
            raise RuntimeError("a record that we cannot digest")
        state.count(record.value.decode())
        if spent():
            return Step(processed, finished=False)
    return Step(len(batch), finished=True)


def reject(state: Counting, one: Slice, reason: str) -> None:
    state.rejected.append(one[0].offset)
    state.changed = True


def counting(prefix: str = "", message_bytes: int = 900_000, topics: Sequence[str] = INPUTS) -> Operator:
    def outputs(checkpoint: Checkpoint) -> Iterator[messages.Message]:
        return messages.messages(checkpoint, prefix=prefix, wall=0, page_window_ms=0, message_bytes=message_bytes)

    return Operator(
        create=lambda number: Counting(number, topics),
        step=step,
        reject=reject,
        recover=lambda state: None,
        empty=(),
        outputs=outputs,
        halted=lambda state: state.halted,
        isolated_errors=lambda state: state.isolated_errors,
    )


LIMITS = LogLimits(message_bytes=900_000, log_to_state=2)


def config(partitions: int, pending_max: int = 1_000, topics: Sequence[str] = INPUTS) -> DurabilityConfig:
    """Input topics have the same name on Kafka."""
    return DurabilityConfig({topic: topic for topic in topics}, partitions, pending_max, LIMITS, Pace(1.0))


def read_back(messages: Iterable[bytes], number: int = 0) -> tuple[Counting, Changelog]:
    """What the log says."""
    state = Counting(number)
    changelog = Changelog(state, INPUTS, LIMITS)
    for message in messages:
        changelog.apply(message)
    return state, changelog
