"""What has become of a ticket's events: what the views of a warehouse would show, and what was emitted on the way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from schemas.kpis import ACCUMULATORS
from schemas.outputs import COLUMNS, partials_in_full

Row = Mapping[str, Any]
"""Column -> value; moments in milliseconds."""

_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "feedback_events": ("topic", "partition", "incarnation", "offset"),
    "cases": ("topic", "source", "entity_id"),
    "sla_clocks": ("clock_id",),
    "incidents": ("incident_id",),
    "kpi_partials": ("minute", "dimension", "dimension_value", "topic", "partition", "revision"),
    "rejected_events": ("topic", "partition", "incarnation", "offset", "table", "row"),
    "ingest_progress": ("topic", "partition", "incarnation", "day"),
    "watermarks": ("partition",),
}
"""The natural key of each table that is shown."""

ENDINGS: Final = ("accepted", "late", "duplicate", "rejected")


class Views:
    """Of each natural key the row that was written last."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[tuple[Any, ...], Row]] = {table: {} for table in _KEYS}

    def insert(self, rows: Mapping[str, Sequence[Sequence[Any]]]) -> None:
        """Add what one checkpoint writes: table -> rows in the order of its columns."""
        for table, written in rows.items():
            if table not in _KEYS:
                continue
            for values in partials_in_full(written, COLUMNS[table]) if table == "kpi_partials" else written:
                row = dict(zip(COLUMNS[table], values, strict=True))
                self._rows[table][tuple(row[name] for name in _KEYS[table])] = row

    def events(self) -> list[Row]:
        """Accepted ones."""
        return list(self._rows["feedback_events"].values())

    def cases(self) -> list[Row]:
        return list(self._rows["cases"].values())

    def clocks(self) -> list[Row]:
        """Without those that never existed, as later events showed; as late as they are by now."""
        kept = (self._as_late_as_it_is(row) for row in self._rows["sla_clocks"].values() if not row["void"])
        return sorted(kept, key=lambda row: (row["topic"], row["entity_id"], row["metric"], row["instance"]))

    def _as_late_as_it_is(self, clock: Row) -> Row:
        """A breach that is open gets later with time: see `v_sla`."""
        if clock["state"] != "breached_open":
            return clock
        (watermark,) = self._rows["watermarks"].values()
        elapsed_ms = overdue_ms = max(watermark["read_to_at"] - clock["due_at"], 0)
        if clock["calendar"]:
            counted = watermark["business_ms"].get(f"{clock['calendar']} {clock['calendar_version']}")
            overdue_ms = None if counted is None else max(counted - clock["due_business_ms"], 0)
        return {**clock, "overdue_ms": overdue_ms, "overdue_elapsed_ms": elapsed_ms}

    def incidents(self) -> list[Row]:
        """Without those that were withdrawn."""
        kept = (row for row in self._rows["incidents"].values() if row["state"] != "withdrawn")
        return sorted(kept, key=lambda row: (row["opened_at"], row["incident_id"]))

    def kpi_minutes(self) -> list[Row]:
        """Those in which something happened, a row for each value of each dimension, adjustments added."""
        minutes: dict[tuple[Any, ...], Row] = {}
        for (*of_minute, _), row in self._rows["kpi_partials"].items():
            key = tuple(of_minute)
            minutes[key] = _sum_of(minutes[key], row) if key in minutes else {**row, "revision": 0}
        kept = (row for row in minutes.values() if amounts(row))
        return sorted(kept, key=lambda row: (row["dimension"], row["dimension_value"], row["minute"]))

    def rejected(self) -> list[Row]:
        return list(self._rows["rejected_events"].values())

    def records(self) -> Mapping[str, int]:
        """How many were read, and how they ended; late ones are accepted, too."""
        rows = self._rows["ingest_progress"].values()
        return {name: sum(row[name] for row in rows) for name in ("records_read", *ENDINGS)}


def amounts(row: Row) -> Mapping[str, Any]:
    """The counts, sums and histograms of a KPI minute that are not zero."""
    return {name: row[name] for name in ACCUMULATORS if row[name]}


def _sum_of(row: Row, other: Row) -> Row:
    return {**row, **{name: _plus(row[name], amount) for name, amount in amounts(other).items()}}


def _plus(amount: Any, other: Any) -> Any:
    if not isinstance(amount, dict):
        return amount + other
    added = {bucket: amount.get(bucket, 0) + other.get(bucket, 0) for bucket in sorted({*amount, *other})}
    return {bucket: total for bucket, total in added.items() if total}


@dataclass(frozen=True, slots=True)
class Tryout:
    """What became of the events of a ticket."""

    views: Views
    emitted: Sequence[Row]
    """Messages of `feedback-incidents` in order: the columns of an incident, `transition` and `page`; `recorded_at` is
    the moment of emission.
    """
    until: int
    """The moment at which we look, ms: later records have not arrived, later deadlines have not fired."""
