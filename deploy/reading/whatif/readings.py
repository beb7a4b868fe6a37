"""How a clock reads: as it is stored, and as a case that was folded again has it. Both in one form, to be compared."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Final, NamedTuple

from deploy.reading.stored import CaseKey, Database, Position
from deploy.reading.whatif.selection import SELECTED
from processors.cases.case import Case
from processors.cases.rows import clock_row
from processors.pipeline.evaluation import DECIDED
from schemas.outputs import ClockRow
from schemas.taxonomy import ClockState


class Reading(NamedTuple):
    """What is compared of a clock. Moments are milliseconds since the epoch."""

    metric: str
    started_at: int
    instance: int
    team: str
    channel: str
    due_at: int
    stopped_at: int | None
    state: ClockState
    inherited: int
    overdue_ms: int

    @property
    def outcome(self) -> str:
        """met, breached, or '' where it counts as neither: undecided, cancelled, or counted by another case."""
        return "" if self.inherited else DECIDED.get(self.state, "")

    @property
    def decided_at(self) -> int:
        """When a clock with an outcome counts: met at its end, breached at its deadline, as in every KPI (K12)."""
        if self.state == "met" and self.stopped_at is not None:
            return self.stopped_at
        return self.due_at


Readings = Sequence[Reading]
"""Those of one case, in order."""
_SHOWN: Final = itemgetter(*map(ClockRow._fields.index, Reading._fields))


def of_case(case: Case, partition: int, now: int) -> Readings:
    """The clocks of a case as they read at `now`, ms."""
    return sorted(Reading._make(_SHOWN(clock_row(case, clock, partition, now))) for clock in case.fold.clocks)


def stored(client: Database, database: str, position: Position) -> tuple[Mapping[CaseKey, Readings], set[CaseKey]]:
    """The clocks of the cases that were selected, as `v_sla` has them; and the cases that were written meanwhile."""
    columns = ", ".join(f"toUnixTimestamp64Milli({name})" if name in _MOMENTS else name for name in Reading._fields)
    rows = client.execute(
        f"SELECT topic, source, entity_id, void, version, {columns} FROM {database}.sla_clocks FINAL"
        f" WHERE partition = {position.partition}"
        f" AND (topic, source, entity_id) IN (SELECT topic, source, entity_id FROM {SELECTED})"
    )
    found: defaultdict[CaseKey, list[Reading]] = defaultdict(list)
    changed: set[CaseKey] = set()
    for topic, source, entity_id, void, version, *reading in rows:
        if version > position.version:
            changed.add((topic, source, entity_id))
        if not void:
            found[topic, source, entity_id].append(Reading._make(reading))
    return {key: sorted(readings) for key, readings in found.items()}, changed


_MOMENTS: Final = frozenset({"started_at", "due_at", "stopped_at"})
