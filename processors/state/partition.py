"""`PartitionState`: everything that one partition of the three input topics knows. The one mutable thing.

What must not be lost is in tables, which the changelog writes key by key; what follows from them is derived again when
they are read back. Bounded in size, and without locks: one process has it at a time.
"""

from collections.abc import Mapping
from typing import Any, Final, TypeVar

from processors.cases.case import Case
from processors.cases.events import CaseEvent, CaseKey
from processors.kpis.partials import (
    MINUTE_MS,
    QUARTER_HOUR_MS,
    Partials,
    quarter_hour_of,
)
from processors.kpis.rolling import RollingWindows
from processors.kpis.rows import adjustment_rows, partial_rows
from processors.kpis.samples import Sample
from processors.rules import Rules
from processors.state.behind_frontier import BehindFrontier
from processors.state.cases import Cases
from processors.state.customers import Customers
from processors.state.dangling import Dangling
from processors.state.departed import DepartedTable
from processors.state.erased import Erased
from processors.state.error_streak import ErrorStreak
from processors.state.gauges import Gauges
from processors.state.health import Health
from processors.state.leaving import LeavingOrder
from processors.state.links import Links
from processors.state.missed_pages import MissedPages
from processors.state.partials import DimensionValueTable, NameTable, PartialTable
from processors.state.pending import Pending
from processors.state.periods import Periods
from processors.state.progress import ProgressTable
from processors.state.recorded_texts import RecordedTexts
from processors.state.retention import Retention
from processors.state.seen_ids import SeenIds, SeenIdTable
from processors.state.sources import Sources
from processors.state.subjects import Subjects
from processors.state.table import StateTable
from processors.state.timers import Timers
from processors.state.watermarks import Watermarks
from schemas.kpis import DIMENSIONS
from schemas.outputs import Checkpoint, PartialRow, PolicyTextRow, WatermarkRow
from schemas.topics import INPUTS

T = TypeVar("T", bound=StateTable)


class PartitionState:
    """A state and its tables. It satisfies `durability.operator.State`."""

    removed_tables: Final[frozenset[str]] = frozenset()
    """Names of tables that former versions wrote; what the changelog still has of them is passed over."""

    def __init__(self, number: int, rules: Rules) -> None:
        self.number, self.rules = number, rules
        self.incarnations: Mapping[str, int] = dict.fromkeys(INPUTS, 0)
        """Input topic -> which topic of this name its records are of, as their rows say."""
        self.tables: dict[str, StateTable] = {}
        # Written. A new table is one more of these lines.
        self.cases = self._table(Cases())
        self.periods = self._table(Periods())
        self.recorded_texts = self._table(RecordedTexts())
        self.seen: dict[str, SeenIds] = {topic: SeenIds(rules.dedup_max_ids) for topic in INPUTS}
        self._table(SeenIdTable(self.seen))
        self.departed: dict[str, SeenIds] = {topic: SeenIds(rules.departed_max_keys) for topic in INPUTS}
        self._table(DepartedTable(self.departed))
        self.partials: dict[str, Partials] = {
            topic: Partials(topic, values_max=rules.dimension_values_max) for topic in INPUTS
        }
        names = self._table(NameTable())
        self._table(DimensionValueTable(self.partials, names))
        self._table(PartialTable(self.partials, names))
        self.erased = self._table(Erased())
        self.progress = self._table(ProgressTable())
        self.dangling = self._table(Dangling())
        self.sources = self._table(Sources())
        self.error_streak = ErrorStreak(number, self.sources)
        self.watermarks = Watermarks(
            INPUTS, allowed_lateness_ms=rules.kpi_memory_ms, longest_grace_ms=rules.longest_grace_ms
        )
        self.retention = Retention(rules.case_retention_ms)
        self.dropped = dict.fromkeys(("cases", "open_cases", "case_events", "partials", "dimension_values"), 0)
        """What a bound made leave, or not count, since the state began."""
        self.health = Health()
        self.missed_pages = MissedPages()
        self.behind_frontier = BehindFrontier()
        # Derived.
        self.timers: dict[str, Timers] = {topic: Timers() for topic in INPUTS}
        self.leaving: dict[str, LeavingOrder] = {topic: LeavingOrder() for topic in INPUTS}
        self.subjects = Subjects()
        self.customers = Customers()
        self.absorbed: dict[CaseKey, dict[CaseKey, tuple[CaseEvent, ...]]] = {}
        """Case that survives a merge -> what each of those merged into it gives it, whether it is here yet or not."""
        self.links = Links()
        self.windows = RollingWindows(self.partials.values(), number)
        self.gauges = Gauges()
        self.misplacing_sources: set[str] = set()
        """Of which this process has said that they send here what belongs elsewhere."""
        self.wall = 0
        """The wall clock of whoever steps it, ms: what is recent by it moves live counters. 0: nothing is."""
        self.set_back = False
        """Whether time was set back since the last checkpoint."""
        self.pending = Pending()

    def _table(self, table: T) -> T:
        self.tables[table.name] = table
        return table

    @property
    def now(self) -> int:
        """The watermark of the partition, ms."""
        return self.watermarks.now

    @property
    def retention_ms(self) -> int:
        """How long cases that are over are kept: as configured, or as far as there is room."""
        return self.retention.reaches_ms(self.watermarks.max_timestamp)

    def expired(self, case: Case) -> bool:
        """Is a case so long over and settled, by its own topic's time, that nothing that comes belongs to it any more?

        Whether it is still here depends on when time was noticed to pass: nothing else may.
        """
        if not case.is_over:
            return False
        before = self.watermarks.max_timestamp.get(case.key[0], 0) - self.rules.case_retention_ms
        return case.last_event_at < before and case.settled_at < before

    def expires_at(self, case: Case) -> int:
        """When that is for one that is over, ms."""
        return case.settled_at + self.rules.case_retention_ms

    def watermark_of(self, topic: str) -> int:
        """Up to which moment, ms, an input was processed; 0: none of it ever was."""
        return self.watermarks.inputs.get(topic, 0)

    def advance_watermark(self, topic: str, timestamp: int) -> None:
        """All records of an input up to this moment were processed."""
        self.watermarks.advance(topic, timestamp)

    @property
    def consistent(self) -> bool:
        """Whether it is the state of one moment: not while some of the deadlines of a moment have still to fire."""
        return not any(timers.due(self.watermarks.timers_fired_to[topic]) for topic, timers in self.timers.items())

    def entries(self) -> dict[str, int]:
        """How much of each bounded thing the state holds: see `Rules.bounds`."""
        return {
            "cases": max(self.cases.of_topic[topic] for topic in INPUTS),
            "dedup_ids": max(len(seen) for seen in self.seen.values()),
            "departed_keys": max(len(departed) for departed in self.departed.values()),
            "partials": sum(partials.count for partials in self.partials.values()),
            "progress_days": len(self.progress),
            "erased_customers": len(self.erased),
        }

    # KPIs

    def add_sample(self, topic: str, sample: Sample, sign: int) -> None:
        """Add what a case says to the KPIs, or take it back (sign -1), however long its minute is over."""
        self.partials[topic].add(sample, sign)

    def recover_kpis(self) -> None:
        """Derive what of the KPIs is still to be written, once all of the log was applied."""
        for topic, partials in self.partials.items():
            partials.recover_unwritten(self._over_to(topic))

    def _over_to(self, topic: str) -> int:
        """Up to which moment, ms, quarter-hours are over: what comes of them now comes late."""
        return quarter_hour_of(self.watermarks.inputs.get(topic, 0))

    def _kpi_rows(self, version: int) -> dict[str, list[tuple[Any, ...]]]:
        minutes: list[tuple[Any, ...]] = []
        quarter_hours: list[tuple[Any, ...]] = []
        for topic, partials in self.partials.items():
            where = topic, self.number
            for minute, changed in partials.changed_in_pieces().items():
                by = self.periods.definition_version(topic, minute)
                minutes += [PartialRow(minute, *where, 0, by, piece) for piece in changed]
            for quarter_hour, totals in partials.drain_quarter_hours(self._over_to(topic)):
                by = self.periods.definition_version(topic, quarter_hour)
                quarter_hours += partial_rows(quarter_hour, totals, *where, definition_version=by)
            if adjustments := partials.drain_adjustments():
                minutes += adjustment_rows(adjustments, *where, version, bucket_ms=MINUTE_MS)
                quarter_hours += adjustment_rows(adjustments, *where, version, bucket_ms=QUARTER_HOUR_MS)
        return {"kpi_partials": minutes, "kpi_quarter_hours": quarter_hours}

    # Checkpoints

    @property
    def changed(self) -> bool:
        """Whether a checkpoint would write anything."""
        pending = self.pending
        return bool(
            self.set_back
            or self.progress.changed
            or self.cases.changed
            or self.dangling.changed
            or pending.dirty
            or pending.incidents
            or pending.stale_minutes
            or pending.texts
            or any(partials.changed or partials.adjustments for partials in self.partials.values())
        )

    def _watermark_row(self) -> WatermarkRow:
        """How far it has come. What is decided lies as far behind as events in time and deadlines may."""
        decided = min(self.now, *self.watermarks.timers_fired_to.values())
        settled = decided - max(self.rules.disorder_ms, self.rules.longest_grace_ms)
        business_ms = self.rules.promises.business_time(self.now)
        return WatermarkRow(self.number, self.now, max(settled, 0), business_ms, self._dimension_limits())

    def _dimension_limits(self) -> dict[str, int]:
        """The least of all input topics: a value has one name, whatever it is counted of."""
        limits: dict[str, int] = {}
        for partials in self.partials.values():
            for dimension, limit in partials.limits.items():
                name = DIMENSIONS[dimension]
                limits[name] = min(limit, limits.get(name, limit))
        return limits

    def checkpoint(self, version: int, recorded_at: int) -> Checkpoint:
        """Drain what is to be published. The tables are drained after it: of KPIs and progress they know the rows."""
        pending, self.pending, self.set_back = self.pending, Pending(), False
        rows = pending.rows(self.number, self.watermarks.timers_fired_to)
        rows |= self._kpi_rows(version)
        rows["ingest_progress"] = [*self.progress.rows(self.number)]
        rows["watermarks"] = [self._watermark_row()]
        rows["policy_texts"] = [PolicyTextRow(*text, recorded_at) for text in pending.texts]
        return Checkpoint(
            partition=self.number,
            version=version,
            recorded_at=recorded_at,
            rows={table: content for table, content in rows.items() if content},
            incidents=[*pending.incidents.values()],
            rejected=pending.rejected,
        )

    def meta(self) -> dict[str, Any]:
        """Everything of fixed size, but for what goes without saying."""
        closed_early = {
            topic: partials.closing_before_ms
            for topic, partials in self.partials.items()
            if partials.closing_before_ms > max(0, self.watermarks.closed_before(topic))
        }
        said = {
            "dropped": {kind: count for kind, count in self.dropped.items() if count},
            "closed_early": closed_early,
            "retention": self.retention.meta(),
            "health": self.health.snapshot(),
            "missed_pages": self.missed_pages.meta(),
            "halted": self.error_streak.meta(),
            "behind_frontier": self.behind_frontier.meta(),
        }
        return self.watermarks.meta() | {name: value for name, value in said.items() if value}

    def restore(self, meta: Mapping[str, Any]) -> None:
        """Take in what `meta` gave at a checkpoint."""
        self.watermarks.restore(meta)
        self.dropped.update(meta.get("dropped", {}))
        self.retention.restore(meta.get("retention", {}))
        closed_early = meta.get("closed_early", {})
        for topic, partials in self.partials.items():
            closed = max(self.watermarks.closed_before(topic), closed_early.get(topic, 0))
            partials.reopen_from(closed)  # where time was set back since the checkpoint before
            partials.evict_before(closed)
        self.health.restore(meta.get("health", {}))
        self.missed_pages.restore(meta.get("missed_pages", {}))
        self.error_streak.restore(meta.get("halted"))
        self.behind_frontier.restore(meta.get("behind_frontier", []))
