"""What a process says of now on `/board.json`: the contract between workers, warehouse and `oidor board`.

A worker knows only its partitions, so it tells of each by itself: whoever adds up takes the newest of each, and neither
counts a partition twice that moved, nor loses one whose worker starts again. Moments are milliseconds, UTC.
"""

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from schemas.kpis import Count
from schemas.taxonomy import ClockMetric

BOARD_PAGE: Final = "/board.json"
DEADLINES_MAX: Final = 20
"""Deadlines that a partition tells."""
HOUR_MS: Final = 3_600_000

Standing = Literal["on_track", "at_risk", "overdue", "paused"]
"""Of a clock that is open: no warning passed, a warning passed, the deadline passed, or waiting for somebody else."""

OF_AN_HOUR: Final = (Count.waits_in_target, Count.waits_promised)
OF_A_DAY: Final = (
    Count.csat_positive, Count.csat_answered, Count.nps_promoters, Count.nps_detractors, Count.nps_answered,
)  # fmt: skip


class Deadline(msgspec.Struct, frozen=True):
    """The deadline of a clock that runs."""

    due_at: int
    warned: bool
    topic: str
    source: str
    entity_id: str
    metric: ClockMetric
    policy: str
    area: str
    priority: str
    owner: str


class Clocks(msgspec.Struct, frozen=True):
    """How many clocks are open that have all of these in common."""

    area: str
    metric: str
    standing: Standing
    count: int


class PartitionFloor(msgspec.Struct, frozen=True):
    """What one partition knows of now."""

    partition: int
    read_to_at: int
    """Its watermark: all records up to here were processed; 0 before an input was read at all."""
    clocks: tuple[Clocks, ...] = ()
    imported_clocks: int = 0
    """Those of which nobody was told in time, as of an import: in no figure of `clocks`."""
    deadlines: tuple[Deadline, ...] = ()
    """The next `DEADLINES_MAX`, the next first."""
    waiting: int = 0
    """Waits for a person that last."""
    longest_wait_since: int | None = None
    hour: Mapping[str, int] = {}
    """Accumulators of `OF_AN_HOUR`, by name: what the last hour adds up to."""
    day: Mapping[str, int] = {}
    """The same of `OF_A_DAY` and the last 24 h."""


class ProcessFloor(msgspec.Struct, frozen=True):
    """What one process says: a worker of its partitions, a warehouse of how far it is behind."""

    role: Literal["worker", "warehouse"]
    instance: str
    """Another one whenever the process starts: its totals begin again."""
    at: int
    """Its wall clock."""
    problems: tuple[str, ...] = ()
    """Why it is not ready, in words."""
    partitions_expected: int = 0
    partitions: tuple[PartitionFloor, ...] = ()
    rejected: Mapping[str, int] = {}
    """Source -> records rejected since the process began."""
    sink_lag_seconds: float = 0
    """For how long the oldest row that was read waits for ClickHouse."""
    rows_behind: int = 0
    """Row batches on the broker that the warehouse did not take in yet."""


def encode(floor: ProcessFloor) -> bytes:
    """As JSON."""
    return _encoder.encode(floor)


def decode(page: bytes) -> ProcessFloor:
    """Raises `msgspec.DecodeError` when it is none, as of another release."""
    return _decoder.decode(page)


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(ProcessFloor)
