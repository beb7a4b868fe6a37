"""`oidor warehouse`: carries row batches from `feedback-rows` to ClickHouse.

What it takes is gathered for the next insert. When that is full, no more slices are taken, and Kafka is the buffer.
Heartbeats come from another thread, so an insert may take as long as it needs.
"""

import asyncio
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from faust.types import TP
from mode.utils.logging import get_logger

from processors.durability.provenance import contradictions_of_versions
from processors.runtime.problems import Problem
from processors.runtime.recreation import TopicIncarnation
from processors.runtime.seam import BatchConsumer, BatchingApp, Inputs
from processors.runtime.security import aiokafka_client
from processors.runtime.service import Background, Service
from processors.runtime.shutdown import Shutdown
from processors.runtime.slices import FetchProgress, Missing, Slice
from processors.runtime.symptoms import Progress, Symptoms, of_inserting
from processors.runtime.timeouts import CONSUMER_SECONDS, GROUP_COMMIT_SECONDS, bounded, loop_time, wall_ms
from processors.settings import Settings
from schemas.floor import BOARD_PAGE, ProcessFloor, encode
from schemas.outputs import COLUMNS
from schemas.topics import ROWS
from sinks.clickhouse import Address
from sinks.gathering import NewerReleaseError, Source
from sinks.inserter import SINK, Commit, Inserter, InsertLimits
from sinks.metrics import warehouse as families
from sinks.metrics.shared import CONSUMER_LAG, LAST_ANSWER
from sinks.metrics.warehouse import WarehouseMetrics
from sinks.reconciliation import Reconciliation, asking
from sinks.rejections import RejectionPublisher
from sinks.stored_actions import ActionReader

logger = get_logger(__name__)

SLICE_BATCHES: Final = 16
"""Row batches that the agent takes at a time: each may have 900 KB."""
CHANNEL_SLICES: Final = 4
WAITING_SECONDS: Final = 20.0
"""Rows that wait so long for ClickHouse make the warehouse not ready."""

_MEND: Final = "rows of all tables wait in Kafka: undo what changed this one, and inserting goes on by itself"
_UNSEEN: Final = "views do not show what people do about incidents; it waits in Kafka, and all else is stored"
_RELEASE: Final = "a newer worker wrote it, rows wait in Kafka: run `oidor migrate` and the warehouse of that release"
_CUT: Final = "%s[%d] ends at %d, and was read up to %d (it was cut, or restored): it is read again from its beginning"
_COMMIT_SECONDS: Final = GROUP_COMMIT_SECONDS + 2


def run(settings: Settings) -> int:
    """Runs the warehouse until a signal; returns the exit code."""
    metrics, shutdown = WarehouseMetrics(), Shutdown(settings.shutdown_budget)
    topics = {ROWS: settings.topic_prefix + ROWS}
    app = BatchingApp(settings, Inputs(f"{settings.app_id}-warehouse", topics, SLICE_BATCHES, CHANNEL_SLICES))
    incarnation = TopicIncarnation(aiokafka_client(settings), app.inputs.group, topics[ROWS], shutdown.restart)
    warehouse = Warehouse(settings, metrics, app.consumer, incarnation)
    service = Service(
        settings,
        app,
        warehouse,
        shutdown,
        port=settings.warehouse_port,
        registry=metrics.registry,
        answered=partial(metrics.set, LAST_ANSWER),
        documents={BOARD_PAGE: lambda: warehouse.floor(service.problems())},
    )
    return service.run()


@dataclass(eq=False)
class OpenPartition:
    """An open partition of `feedback-rows`: where it is read, what is next, and which topic of this name it is."""

    number: int
    next: int
    incarnation: int = 0
    epoch: int = 0
    missing: Missing = field(default_factory=Missing)
    version: int | None = None
    """Of the last rows that were taken: in a log, versions ascend."""
    newer: str = ""
    """What of the message at `next` this release does not know: it waits for one that does, with all behind it."""


class Warehouse:
    """A process that reads row batches, and inserts them: see `processors.runtime.service.Process`."""

    tick_seconds = 1.0

    def __init__(
        self,
        settings: Settings,
        metrics: WarehouseMetrics,
        consumer: Callable[[], BatchConsumer],
        incarnation: TopicIncarnation | None = None,
    ) -> None:
        """`incarnation` says which committed offsets are of the topic as it is; without it, all are."""
        self._incarnation = incarnation
        self._topic = settings.topic_prefix + ROWS
        self._metrics, self._consumer = metrics, consumer
        client, prefix = aiokafka_client(settings), settings.topic_prefix
        inserter = partial(_inserter, settings, metrics)
        self.inserter = inserter(self._commit)
        self.actions = ActionReader(client, f"{settings.app_id}-warehouse-actions", prefix, inserter, metrics)
        looks = () if incarnation is None else (incarnation.run,)
        reconciliation = Reconciliation(asking(Address.of(settings)), metrics, wall_ms)
        self.background: Sequence[Background] = (self.inserter.run, self.actions.run, reconciliation.run, *looks)
        self._instance = uuid.uuid4().hex
        self._open: dict[int, OpenPartition] = {}
        self._cut: set[int] = set()
        """Partitions that were closed because their logs were cut: what the group has committed is of the old ones."""
        self._fetched: Mapping[TP, FetchProgress] = {}

    async def deliver(self, batch: Slice) -> None:
        """Gathers a slice, as room comes; what was read before the last seek, or before a rebalance, is left."""
        part = self._open.get(batch.partition)
        if part is None or part.newer or batch.epoch < part.epoch:
            return
        if batch.begin > part.next:
            part.epoch = await self._seek_back(part)
            return
        for record in batch.since(part.next):
            while self.inserter.full and self._is_open(part):
                await self.inserter.room()
            if not self._is_open(part):
                return
            try:
                part.version = self.inserter.add(part, record) or part.version
            except NewerReleaseError as newer:
                part.newer = str(newer)
                return
            part.next = record.offset + 1
            await asyncio.sleep(0)

    async def tick(self) -> None:
        await self._open_assigned()
        taken = {part: part.next for part in self._open.values()}
        async with asyncio.timeout(CONSUMER_SECONDS):
            self._fetched = await self._consumer().progress()
        for part, offset in taken.items():
            fetched = self._fetched.get(self._tp(part.number))
            if fetched is not None and fetched.high_watermark < offset and self._is_open(part):
                logger.warning(_CUT, *self._tp(part.number), fetched.high_watermark, offset)
                self._cut.add(part.number)  # however far it has grown when it is opened anew
                del self._open[part.number]
        await self._seek_back_missing()

    async def revoked(self, numbers: Collection[int], seconds: float) -> None:
        """What was gathered comes again, here or elsewhere; what is being inserted comes again too, and counts once."""
        self._open.clear()
        self._fetched = {}
        self.inserter.drop()

    async def shutdown(self, seconds: float) -> None:
        self.inserter.stop()
        if self.inserter.busy:
            try:
                await bounded(self.inserter.insert(), seconds)
            except Exception as error:
                logger.warning("Left without a last insert, the rows wait in Kafka: %r", error)
        await self.inserter.close()
        await self.actions.close()

    def opened(self) -> Collection[int]:
        return self._open.keys()

    def progress(self) -> list[Progress]:
        full = self.inserter.full
        return [
            Progress(tp, part.next, self._fetched.get(tp), held_up=full or bool(part.newer))
            for part in self._open.values()
            if (tp := self._tp(part.number))
        ]

    def in_hand(self) -> None:
        """No record of it can hang: it is taken apart by lengths, and the database is another process."""

    def symptoms(self, working: bool, answered: bool) -> Symptoms:
        """That ClickHouse takes nothing is none: it is asked again and again."""
        return of_inserting(self.inserter.due, loop_time()) if self.inserter.busy else {}

    def problems(self) -> list[Problem]:
        found = [
            Problem(f"newer release {part.number}", _waits_for_release(part), _RELEASE)
            for part in self._open.values()
            if part.newer
        ]
        refusing = self._refusing
        found += [Problem(f"table {table}", how, _MEND) for table, how in refusing.items()]
        waiting = self.inserter.waiting_seconds()
        if waiting > WAITING_SECONDS and not refusing:
            what = f"ClickHouse has taken nothing for {waiting:.0f} s"
            means = "rows wait in Kafka, and are stored once it answers: nothing is lost while feedback-rows keeps them"
            found.append(Problem("clickhouse", what, means, wall_ms() - round(waiting * 1000)))
        found += [Problem(*one) for one in contradictions_of_versions(self._written(), self.inserter.stored_versions)]
        if self.actions.trouble:
            found.append(Problem("actions", self.actions.trouble, _UNSEEN))
        if self._incarnation is not None and self._incarnation.missing:
            means = "workers cannot write their checkpoints: find out who deleted it; `oidor topics create`"
            found.append(Problem("rows", f"{self._topic} does not exist", means))
        return found

    def _written(self) -> dict[int, int]:
        """The last versions that there are, of partitions that were read to their ends: before, what comes is older."""
        return {
            part.number: part.version
            for part in self._open.values()
            if part.version is not None
            and (fetched := self._fetched.get(self._tp(part.number))) is not None
            and _at_end(part, fetched)
        }

    def details(self) -> Mapping[str, Any]:
        inserted_at = self.inserter.inserted_at
        return {
            "offsets": {str(part.number): part.next for part in self._open.values()},
            "waiting_seconds": round(self.inserter.waiting_seconds(), 1),
            "last_insert_age_seconds": None if inserted_at is None else round(loop_time() - inserted_at, 1),
            "isolated_errors": {name: errors._asdict() for name, errors in self._metrics.isolated_errors().items()},
        }

    def update_gauges(self) -> None:
        self._metrics.set(CONSUMER_LAG, self._behind(), ROWS)
        self._metrics.set(families.SINK_PENDING, self.inserter.rows, SINK)
        self._metrics.set(families.SINK_NEWER, sum(bool(part.newer) for part in self._open.values()), SINK)
        for table in COLUMNS:
            self._metrics.set(families.SINK_REFUSING, table in self._refusing, table)
        self._metrics.set(families.SINK_LAG, self.inserter.lag_seconds(), SINK)

    async def floor(self, problems: Iterable[Problem]) -> bytes:
        """What it says to the board."""
        said = tuple(problem.what for problem in problems)
        lag, behind = self.inserter.waiting_seconds(), self._behind()
        return encode(
            ProcessFloor("warehouse", self._instance, wall_ms(), said, sink_lag_seconds=lag, rows_behind=behind)
        )

    def _behind(self) -> int:
        """Row batches on the broker that were not taken in yet."""
        return sum(
            max(0, fetched.high_watermark - part.next)
            for part in self._open.values()
            if (fetched := self._fetched.get(self._tp(part.number))) is not None and not _at_end(part, fetched)
        )

    async def _open_assigned(self) -> None:
        """Open what is assigned and not here, at the group's offsets; at its beginning, where they are beyond its end.

        Beyond it, what is written next would be passed over in silence; rows that are read again count once.
        """
        assigned = self._assigned()
        for number in self._open.keys() - assigned:
            del self._open[number]
        if new := {self._tp(number) for number in assigned - self._open.keys()}:
            async with asyncio.timeout(CONSUMER_SECONDS):
                asked = self._consumer() if self._incarnation is None else self._incarnation
                committed, earliest = await asked.committed(new), await self._consumer().earliest(new)
                ends = await self._consumer().ends(new)
            for tp in new & {self._tp(number) for number in self._assigned()}:
                begin, offset = earliest.get(tp, 0), committed.get(tp) or 0
                if offset > ends.get(tp, offset):
                    logger.warning(_CUT, *tp, ends[tp], offset)
                    offset = 0
                if tp.partition in self._cut:
                    offset = 0
                part = OpenPartition(tp.partition, offset or begin, self._number)
                part.epoch = await self._seek_back(part)
                self._open[tp.partition] = part
                self._cut.discard(tp.partition)

    async def _seek_back_missing(self) -> None:
        """Everything was handed over, and not all of it came: Faust dropped a slice, and none followed to show it."""
        for part in list(self._open.values()):
            fetched = self._fetched.get(self._tp(part.number))
            missing = fetched is not None and fetched.at_end and not (part.newer or _at_end(part, fetched))
            if part.missing.overdue(missing and not self.inserter.full, part.next, loop_time()):
                part.epoch = await self._seek_back(part)

    async def _seek_back(self, part: OpenPartition) -> int:
        return await self._consumer().seek_back(self._tp(part.number), part.next)

    async def _commit(self, done: Sequence[tuple[Source, int]]) -> None:
        """Partitions that were lost meanwhile are left out: their rows come again to whoever has them now."""
        offsets = {self._tp(source.number): following for source, following in done if self._is_open(source)}
        if offsets:
            mark = "" if self._incarnation is None else self._incarnation.mark
            await self._consumer().commit_durable(offsets, mark)

    @property
    def _refusing(self) -> dict[str, str]:
        return {**self.inserter.refusing, **self.actions.inserter.refusing}

    @property
    def _number(self) -> int:
        """Which topic of this name it is."""
        return 0 if self._incarnation is None else self._incarnation.number

    def _is_open(self, part: Source) -> bool:
        return self._open.get(part.number) is part

    def _assigned(self) -> set[int]:
        return {tp.partition for tp in self._consumer().assignment() if tp.topic == self._topic}

    def _tp(self, number: int) -> TP:
        return TP(self._topic, number)


def _inserter(settings: Settings, metrics: WarehouseMetrics, commit: Commit) -> Inserter:
    return Inserter(
        Address.of(settings),
        RejectionPublisher(aiokafka_client(settings), prefix=settings.topic_prefix, partitions=settings.partitions),
        commit,
        metrics,
        limits=InsertLimits(
            settings.warehouse_rows,
            settings.warehouse_interval,
            settings.warehouse_attempt_timeout,
            _COMMIT_SECONDS,
        ),
        wall_ms=wall_ms,
    )


def _waits_for_release(part: OpenPartition) -> str:
    return f"{ROWS}[{part.number}] at {part.next} has what this release does not know: {part.newer}"


def _at_end(part: OpenPartition, fetched: FetchProgress) -> bool:
    return fetched.at_end and fetched.end is not None and part.next >= fetched.end
