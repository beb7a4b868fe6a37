"""`PartitionState`: everything that one partition of the three input topics knows. The one mutable thing.

Bounded in size, without locks, and written to the log as differences: `checkpoint` drains what changed since the last
one into rows for the warehouse and a delta for the state topic, `apply` takes deltas back in.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from heapq import heappush
from typing import Any

from processors.cases.case import Case
from processors.cases.events import CaseEvent, CaseKey
from processors.cases.rows import case_row, clock_row
from processors.durability import changelog
from processors.durability.changelog import Rotation
from processors.kpis.partials import MINUTE_MS, Partials, partial_row
from processors.kpis.samples import Sample
from processors.patterns.repeat_contact import History, Subject
from processors.rules import DAY_MS, PROGRESS_DAYS_MAX, Rules
from processors.state.erased import Erased
from processors.state.seen_ids import SeenIds
from schemas.outputs import Checkpoint, ClockRow, EventRow, IncidentRow, ProgressRow, RejectedRecord
from schemas.topics import INPUTS, SURVEYS

Deadline = tuple[int, str, tuple[str, ...]]
"""(moment, what: "case" or "subject", its key)"""


@dataclass(slots=True)
class Pending:
    """What happened since the last checkpoint."""

    events: list[EventRow] = field(default_factory=list)
    rejected: list[RejectedRecord] = field(default_factory=list)
    incidents: dict[str, IncidentRow] = field(default_factory=dict)
    dirty: dict[CaseKey, None] = field(default_factory=dict)
    appended: dict[CaseKey, list[CaseEvent]] = field(default_factory=dict)
    replaced: dict[CaseKey, None] = field(default_factory=dict)
    """Cases whose events changed other than by appending."""
    removed: dict[CaseKey, Case] = field(default_factory=dict)
    """Cases that left, as they were."""
    void_clocks: dict[str, ClockRow] = field(default_factory=dict)
    progress: dict[tuple[str, int], None] = field(default_factory=dict)
    read: bool = False


class PartitionState:
    def __init__(self, number: int, rules: Rules) -> None:
        self.number = number
        self.rules = rules
        self.sequence = self.generation = self.partitions = 0
        self.offsets: dict[str, int] = dict.fromkeys(INPUTS, 0)
        self.max_timestamp: dict[str, int] = {}
        """The greatest record timestamp read of each topic: what lateness is measured against."""
        self.timers_fired_to: dict[str, int] = dict.fromkeys(INPUTS, 0)
        """The moment up to which the deadlines of each topic's cases were decided."""
        self.cases: dict[CaseKey, Case] = {}
        self.seen: dict[str, SeenIds] = {topic: SeenIds(rules.dedup_max_ids) for topic in INPUTS}
        self.partials: dict[str, Partials] = {
            topic: Partials(topic, values_max=rules.dimension_values_max) for topic in INPUTS
        }
        self.progress: dict[tuple[str, int], list[int]] = {}
        """(topic, day) -> read, accepted, late, duplicate, rejected, next offset"""
        self.histories: dict[Subject, History] = {}
        self.absorbed: dict[CaseKey, dict[CaseKey, CaseEvent]] = {}
        """Case that survives a merge -> what each of those merged into it gives it, whether it is here yet or not."""
        self.erased = Erased()
        self.deadlines: dict[str, list[Deadline]] = {topic: [] for topic in INPUTS}
        self.gauges: dict[tuple[str, ...], int] = {}
        """What is open now, by labels; kept as cases change, so that a scrape need not walk them."""
        self.dropped: dict[str, int] = dict.fromkeys(
            ("cases", "case_events", "partials", "kpi_samples", "dimension_values"), 0
        )
        """What a bound made leave, or not count."""
        self.pending = Pending()
        self._input_watermarks: dict[str, int] = {}
        self._now = 0
        self._rotation = Rotation(rules.log_to_state)

    # Time

    @property
    def now(self) -> int:
        """The least watermark of the three topics, ms; 0 while one was never read. It never goes back."""
        return self._now

    def advance_watermark(self, topic: str, timestamp: int) -> None:
        """Records up to this timestamp were read of a topic."""
        if timestamp > self._input_watermarks.get(topic, 0):
            self._input_watermarks[topic] = timestamp
            self._advance()

    def advance_watermark_at_end(self, topic: str, wall: int) -> None:
        """All that a topic holds was taken in; `wall` is the wall clock less what may be in flight."""
        self.advance_watermark(topic, wall)

    def _advance(self) -> None:
        if len(self._input_watermarks) == len(INPUTS):
            self._now = max(self._now, min(self._input_watermarks.values()))

    def lateness_cutoff(self, topic: str) -> int:
        """Deadlines of a topic's cases before this moment are final, however far the other topics have come."""
        return self.max_timestamp.get(topic, 0) - self.rules.kpi_memory_ms

    def closed_before(self, topic: str) -> int:
        """KPI minutes of a topic that begin before this moment are final: so are all deadlines that count in them."""
        moment = self.lateness_cutoff(topic) - self.rules.longest_grace_ms
        return moment - moment % MINUTE_MS

    def entries(self) -> dict[str, int]:
        """How much of each bounded thing the state holds: see `Rules.bounds`."""
        return {
            "cases": len(self.cases),
            "dedup_ids": max(len(seen) for seen in self.seen.values()),
            "partials": sum(partials.count for partials in self.partials.values()),
            "progress_days": len(self.progress),
            "erased_customers": len(self.erased),
        }

    # What changes

    @property
    def changed(self) -> bool:
        pending = self.pending
        return bool(
            pending.read
            or pending.dirty
            or pending.incidents
            or pending.removed
            or any(partials.changed for partials in self.partials.values())
        )

    def mark_dirty(self, case: Case) -> None:
        """A case changed: it is written at the next checkpoint."""
        self.cases[case.key] = case
        self.pending.dirty[case.key] = None

    def append(self, case: Case, event: CaseEvent) -> None:
        self.pending.appended.setdefault(case.key, []).append(event)

    def replace(self, case: Case) -> None:
        self.pending.replaced[case.key] = None

    def remove(self, case: Case) -> None:
        """Forget a case; what changed of it is still written with the next checkpoint."""
        del self.cases[case.key]
        self.pending.removed[case.key] = case
        self.pending.appended.pop(case.key, None)
        self.pending.replaced.pop(case.key, None)
        for gauge in case.gauges:
            self.count(gauge, -1)

    def count(self, gauge: tuple[str, ...], change: int) -> None:
        total = self.gauges.get(gauge, 0) + change
        if total:
            self.gauges[gauge] = total
        else:
            self.gauges.pop(gauge, None)

    def account(self, topic: str, record_at: int, offset: int) -> list[int]:
        """The progress of the day that a record belongs to, with the record counted as read."""
        day = record_at - record_at % DAY_MS
        key = (topic, day)
        counts = self.progress.get(key)
        if counts is None:
            if len(self.progress) >= PROGRESS_DAYS_MAX:
                key = (topic, 0)
            counts = self.progress.setdefault(key, [0, 0, 0, 0, 0, 0])
        self.pending.progress[key] = None
        counts[0] += 1
        counts[5] = max(counts[5], offset + 1)
        return counts

    def add_sample(self, topic: str, sample: Sample, sign: int) -> None:
        """Add what a record says to the KPIs, or take it back, unless its minute is final."""
        if sample.at_ms < self.closed_before(topic):
            self.dropped["kpi_samples"] += 1
        else:
            self.add_final(topic, sample, sign)

    def add_final(self, topic: str, sample: Sample, sign: int) -> None:
        """Add what a deadline says: decided just before its minute becomes final, it still counts."""
        if not self.partials[topic].add(sample, sign):
            self.dropped["kpi_samples"] += 1

    def forget_pending(self) -> None:
        """Nothing of what was derived from the log needs to be written to it again."""
        self.pending = Pending()
        for owner in self.partials.values():
            owner.changed.clear()

    def arm(self, topic: str, moment: int, what: str, key: tuple[str, ...]) -> None:
        heappush(self.deadlines[topic], (moment, what, key))

    # Writing

    def checkpoint(self, recorded_at: int) -> Checkpoint:
        """Drain what changed. The state is ahead of the log until the checkpoint is committed."""
        self.sequence += 1
        pending, self.pending = self.pending, Pending()
        rows = self._rows(pending)
        state_messages = list(changelog.messages(self, pending, self._rotation))
        self._let_go()
        return Checkpoint(
            partition=self.number,
            sequence=self.sequence,
            version=self.generation << 32 | self.sequence,
            recorded_at=recorded_at,
            rows={table: content for table, content in rows.items() if content},
            incidents=list(pending.incidents.values()),
            rejected=pending.rejected,
            delta=state_messages,
            offsets=dict(self.offsets),
            needed_from=self._rotation.needed_from,
        )

    def _rows(self, pending: Pending) -> dict[str, Sequence[tuple[Any, ...]]]:
        dirty = (self.cases.get(key) or pending.removed[key] for key in pending.dirty)
        told = list(dirty)
        cases = [case for case in told if case.key[0] != SURVEYS]
        number = self.number
        clocks = {row.clock_id: row for case in told for row in self._clock_rows(case)}
        return {
            "feedback_events": pending.events,
            "cases": [case_row(case, number) for case in cases],
            "sla_clocks": [*clocks.values(), *(row for key, row in pending.void_clocks.items() if key not in clocks)],
            "incidents": list(pending.incidents.values()),
            "kpi_partials": [
                partial_row(minute, key, topic, number, slots)
                for topic, owner in self.partials.items()
                for minute, changed in owner.changed.items()
                for key, slots in changed.items()
            ],
            "rejected_events": [record.row for record in pending.rejected],
            "ingest_progress": [self._progress_row(*key) for key in pending.progress],
        }

    def _clock_rows(self, case: Case) -> Iterator[ClockRow]:
        """Of the clocks of a case that changed, those whose row did: most events move one clock of three."""
        now = self.timers_fired_to[case.key[0]]
        for clock in case.fold.clocks:
            row = clock_row(case, clock, self.number, now)
            content = hash(row)
            if clock.told != content:
                clock.told = content
                yield row

    def _progress_row(self, topic: str, day: int) -> ProgressRow:
        return ProgressRow(topic, self.number, day, *self.progress[topic, day])

    def _let_go(self) -> None:
        for owner in self.partials.values():
            owner.changed.clear()
            owner.new_values = []

    # Reading back

    def initialise(self, generation: int, partitions: int) -> None:
        """There is nothing in the log: this is the first opening. `generation` is the Unix second of it."""
        self.generation, self.partitions = generation, partitions

    def apply(self, message: bytes) -> None:
        """Take in one record of the state topic, in the order of the log. Raises `StateError`."""
        changelog.apply(self, message, self._rotation)

    def resume(self, now: int) -> None:
        """Time goes on from where the log left it."""
        self._now = now

    def recovered(self) -> None:
        """All of the log was applied: watermarks go on from what was read."""
        for topic, timestamp in self.max_timestamp.items():
            self._input_watermarks[topic] = timestamp
        self._advance()
