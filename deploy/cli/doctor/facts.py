"""Facts: what a broker and a database said when the doctor asked. `examination` collects, `diagnosis` judges."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from deploy.cli.copies import Copies
from deploy.cli.topics import Problem
from processors.state.health import PartHealth
from schemas.observations import BehindRecords


@dataclass(frozen=True, slots=True)
class OpenTransaction:
    """A transaction of a publisher that is not over: who, since which offset, and when it wrote last, ms."""

    transactional_id: str
    offset: int
    last_write: int


@dataclass(frozen=True, slots=True)
class InputPartition:
    """One partition of an input topic; offsets are next offsets, `max_timestamp` is of all its records, ms."""

    topic: str
    partition: int
    stable: int
    high: int
    max_timestamp: int | None = None
    open: tuple[OpenTransaction, ...] = ()


@dataclass(frozen=True, slots=True)
class StatePartition:
    """What the log holds of one partition's state: bytes on the broker's disk, messages, last checkpoint (ms)."""

    partition: int
    bytes: int
    messages: int
    last_checkpoint: int | None
    halted: str | None = None
    """Why the partition stopped taking records when it last did, until it has accepted one again."""
    watermark: int | None = None
    """Its own time at its last checkpoint, ms."""
    health: Mapping[str, PartHealth] = field(default_factory=dict)
    """Part of ours that failed at least once -> what is known of it."""
    behind: Mapping[tuple[str, str], BehindRecords] = field(default_factory=dict)
    """Topic and source -> their records that came behind what was decided."""


@dataclass(frozen=True, slots=True)
class PartitionLag:
    """How far a consumer group is with one partition."""

    topic: str
    partition: int
    committed: int | None
    end: int
    waiting: bool
    """A record lies before the end: transaction markers take offsets too, so the offsets alone do not say it."""
    moved: bool = True
    """The group got on while we watched."""

    @property
    def offsets(self) -> int:
        """Offsets, markers of transactions among them."""
        return self.end - (self.committed or 0) if self.waiting else 0


@dataclass(frozen=True, slots=True)
class ConsumerGroup:
    """A consumer group and how far it is. `command` is ours that joins it."""

    command: str
    name: str
    members: int
    lags: tuple[PartitionLag, ...] = ()


@dataclass(frozen=True, slots=True)
class Broker:
    """What the broker said."""

    problems: tuple[Problem, ...] = ()
    partitions: Mapping[str, int] = field(default_factory=dict)
    """topic -> partitions, of the input topics"""
    inputs: tuple[InputPartition, ...] = ()
    state: tuple[StatePartition, ...] = ()
    groups: tuple[ConsumerGroup, ...] = ()
    copies: tuple[Copies, ...] = ()
    """What each topic has from before the last erasure."""
    contradictions: tuple[tuple[str, str], ...] = ()
    """What topics are, and were not when the states recorded them: what was seen, and what to do."""
    versions: Mapping[int, int] = field(default_factory=dict)
    """Partition -> version of the rows of the last checkpoint."""


@dataclass(frozen=True, slots=True)
class Unreconciled:
    """Records of one topic-partition and day that are not accounted for."""

    topic: str
    partition: int
    incarnation: int
    day: str
    read: int
    stored: int
    rejected: int


@dataclass(frozen=True, slots=True)
class MergesElsewhere:
    """Merges of the last days whose survivor is not in the partition of the merged case, and was not told of it."""

    count: int
    last: str
    """The last of them, as `source:entity into entity`."""
    unknown: int
    """Of them, those whose survivor no partition knows."""


@dataclass(frozen=True, slots=True)
class SourceKeys:
    """Where the newest cases of a source lie that began, or appeared in another partition, in the last day."""

    source: str
    keys: tuple[tuple[str, int], ...]
    """Each key with the partition of its record."""


@dataclass(frozen=True, slots=True)
class SplitCases:
    """Cases of which something arrived in the last day, and whose events lie in more than one partition."""

    count: int
    sources: tuple[str, ...]
    last: str
    """The last of them, as `source:entity in partitions 3 and 7`."""
    open_incidents: int = 0
    """Open incidents of these cases: what they say may have been done in the other partition."""


@dataclass(frozen=True, slots=True)
class OutdatedKpis:
    """KPI minutes that have left memory and are to be counted anew, of every topic-partition."""

    minutes: int
    since: str
    """The first hour of them, and the end of the last: `2026-11-20 12:00:00`, UTC."""
    until: str
    reasons: tuple[str, ...]
    kpis: tuple[str, ...]
    """Those that were added or defined anew since."""


@dataclass(frozen=True, slots=True)
class Database:
    """What the database said. `skew_ms` is its clock less ours."""

    pending: tuple[str, ...] = ()
    skew_ms: int | None = None
    differences: tuple[Unreconciled, ...] = ()
    erased_at: int | None = None
    """When somebody was erased last, ms."""
    versions: Mapping[int, int] = field(default_factory=dict)
    """Partition -> the greatest version that is stored of its rows."""
    merges: MergesElsewhere | None = None
    sources: tuple[SourceKeys, ...] = ()
    keyed_otherwise: Mapping[str, int] = field(default_factory=dict)
    """Source -> events of the last day whose key is not the customer, although the customer is known."""
    split_cases: SplitCases | None = None
    outdated_kpis: OutdatedKpis | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """A broker or a database that cannot be reached is a line that says so."""

    now: int
    broker: Broker | str
    database: Database | str
