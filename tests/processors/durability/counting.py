"""A toy partition: how often each value was read. What durability must keep exact, and nothing else."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from processors.durability.partition import Operator
from processors.runtime.slices import Slice
from schemas.outputs import Checkpoint, ProgressRow
from schemas.topics import INPUTS
from sinks import messages

POISON = b"poison"


class Record(NamedTuple):
    offset: int
    value: bytes
    timestamp: int = 0


class Counting:
    """Satisfies `processors.durability.partition.State`."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.offsets: dict[str, int] = dict.fromkeys(INPUTS, 0)
        self.sequence = self.generation = self.partitions = 0
        self.changed = False
        self.totals: dict[str, int] = {}
        self.rejected: list[int] = []
        self.watermarks: dict[str, int] = {}
        self._dirty: set[str] = set()

    @property
    def now(self) -> int:
        return min(self.watermarks.get(topic, 0) for topic in INPUTS)

    def initialise(self, generation: int, partitions: int) -> None:
        self.generation, self.partitions = generation, partitions

    def apply(self, message: bytes) -> None:
        delta = json.loads(message)
        self.totals |= delta.pop("totals")
        vars(self).update(delta)

    def advance_watermark(self, topic: str, timestamp: int) -> None:
        self.watermarks[topic] = max(self.watermarks.get(topic, 0), timestamp)

    def advance_watermark_at_end(self, topic: str, wall: int) -> None:
        self.advance_watermark(topic, wall)

    def count(self, value: str) -> None:
        self.totals[value] = self.totals.get(value, 0) + 1
        self._dirty.add(value)
        self.changed = True

    def checkpoint(self, recorded_at: int) -> Checkpoint:
        self.sequence += 1
        self.changed = False
        totals = {value: self.totals[value] for value in sorted(self._dirty)}
        self._dirty.clear()
        kept = {name: getattr(self, name) for name in ("offsets", "sequence", "generation", "partitions", "rejected")}
        return Checkpoint(
            partition=self.number,
            sequence=self.sequence,
            version=self.generation << 32 | self.sequence,
            recorded_at=recorded_at,
            rows={"ingest_progress": [_row(value, self.number, n, self.sequence) for value, n in totals.items()]},
            incidents=[],
            rejected=[],
            delta=[json.dumps(kept | {"totals": totals}).encode()],
            offsets=dict(self.offsets),
        )


def _row(value: str, number: int, count: int, sequence: int) -> ProgressRow:
    return ProgressRow(value, number, 0, count, count, 0, 0, 0, sequence)


def step(state: Counting, batch: Sequence[Any], now: int) -> None:
    for record in batch:
        if record.value == POISON:
            raise RuntimeError("a record that we cannot digest")
        state.count(record.value.decode())


def reject(state: Counting, one: Slice, reason: str) -> None:
    state.rejected.append(one[0].offset)
    state.changed = True


def _nothing(state: Counting) -> None: ...


def counting(prefix: str = "", message_bytes: int = 900_000) -> Operator:
    def outputs(checkpoint: Checkpoint) -> Iterator[messages.Message]:
        return messages.messages(checkpoint, prefix=prefix, wall=0, page_window_ms=0, message_bytes=message_bytes)

    return Operator(create=Counting, step=step, reject=reject, recover=_nothing, empty=(), outputs=outputs)
