"""What the warehouse would show: rows by natural key, the greatest version of each, as the `v_*` views read them."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

from processors.rules import Rules
from schemas.kpis import COUNTS, SUMS
from schemas.outputs import COLUMNS, Checkpoint, partials_in_full
from tests.processors.feed import DAY, Feed, Happening

KEYS: Final = {
    "feedback_events": ("topic", "partition", "incarnation", "offset"),
    "cases": ("topic", "source", "entity_id"),
    "sla_clocks": ("clock_id",),
    "incidents": ("incident_id",),
    "kpi_partials": ("minute", "dimension", "dimension_value", "topic", "partition", "revision"),
    "kpi_quarter_hours": ("quarter_hour", "dimension", "dimension_value", "topic", "partition", "revision"),
    "rejected_events": ("topic", "partition", "incarnation", "offset", "table", "row"),
    "ingest_progress": ("topic", "partition", "incarnation", "day"),
    "erasures": ("customer", "partition"),
}
Row = dict[str, Any]


class Views:
    """The tables after some checkpoints, in whatever order these came."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[tuple[Any, ...], tuple[int, Row]]] = {table: {} for table in KEYS}

    def insert(self, checkpoint: Checkpoint) -> None:
        for table, rows in checkpoint.rows.items():
            for values in partials_in_full(rows, COLUMNS[table]) if table == "kpi_partials" else rows:
                row = dict(zip(COLUMNS[table], values, strict=True))
                key = tuple(row[name] for name in KEYS[table])
                known = self._rows[table].get(key)
                if known is None or known[0] <= checkpoint.version:
                    self._rows[table][key] = (checkpoint.version, row)

    def table(self, name: str) -> list[Row]:
        return [row for _, row in sorted(self._rows[name].values(), key=lambda held: str(held[1]))]

    def cases(self) -> list[Row]:
        return self.table("cases")

    def clocks(self) -> list[Row]:
        return [row for row in self.table("sla_clocks") if not row["void"]]

    def incidents(self) -> list[Row]:
        return [row for row in self.table("incidents") if row["state"] != "withdrawn" and row["topic"]]

    def kpis(self) -> list[Row]:
        return [row for row in self.table("kpi_partials") if any(list(row.values())[6:])]

    def kpi_totals(self) -> dict[str, int]:
        """Counts and sums of all minutes together."""
        found: Counter[str] = Counter()
        for row in self.kpis():
            if row["dimension"] == "all":
                found.update({name: row[name] for name in (*COUNTS, *SUMS) if row[name]})
        return dict(found)

    def shown(self) -> dict[str, list[Row]]:
        """All that does not speak of offsets."""
        return {"cases": self.cases(), "clocks": self.clocks(), "incidents": self.incidents(), "kpis": self.kpis()}

    def clock(self, entity_id: str, metric: str, instance: int = 1) -> Row:
        (row,) = (
            row
            for row in self.clocks()
            if (row["entity_id"], row["metric"], row["instance"]) == (entity_id, metric, instance)
        )
        return row

    def case(self, entity_id: str) -> Row:
        (row,) = (row for row in self.cases() if row["entity_id"] == entity_id)
        return row


def views_after(log: Iterable[Happening], *, until: int = 40 * DAY, rules_: Rules | None = None) -> Views:
    """What is shown once a log was read and time has passed to T0 + `until` ms."""
    feed, views = Feed(rules_), Views()
    feed.feed(*log)
    feed.until(until)
    views.insert(feed.checkpoint())
    return views


def differences(left: Views, right: Views) -> list[str]:
    """Rows that only one of two warehouses shows, without their empty columns."""
    found = []
    for name, rows in left.shown().items():
        others = right.shown()[name]
        for side, ours, theirs in (("left", rows, others), ("right", others, rows)):
            for row in ours:
                if row not in theirs:
                    said = {column: value for column, value in row.items() if value not in (0, "", None, {})}
                    found.append(f"only {side}: {name} {said}")
    return found
