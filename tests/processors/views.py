"""What the warehouse would show: rows by natural key, the greatest version of each, as the `v_*` views read them."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

from processors.rules import Rules
from schemas.kpis import ACCUMULATORS, COUNTS, SUMS
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
    "watermarks": ("partition",),
    "policy_texts": ("kind", "name", "digest"),
    "kpi_stale_minutes": ("minute", "topic", "partition", "reason"),
}
PARTIALS: Final = ("kpi_partials", "kpi_quarter_hours")
QUARTER_HOUR: Final = 900_000
_AMOUNTS_FROM: Final = COLUMNS["kpi_partials"].index(ACCUMULATORS[0])
Row = dict[str, Any]


class Views:
    """The tables after some checkpoints, in whatever order these came."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[tuple[Any, ...], tuple[int, Row]]] = {table: {} for table in KEYS}

    def insert(self, checkpoint: Checkpoint) -> None:
        for table, rows in checkpoint.rows.items():
            for values in partials_in_full(rows, COLUMNS[table]) if table in PARTIALS else rows:
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
        """KPI minutes in which something is counted, adjustments added."""
        return self._added_up("kpi_partials")

    def quarter_hours(self) -> list[Row]:
        """The same of quarter-hours; one that goes on is its minutes."""
        written_to = {
            (row["topic"], row["partition"]): row["quarter_hour"]
            for row in sorted(self.table("kpi_quarter_hours"), key=lambda row: int(row["quarter_hour"]))
        }
        minutes = [
            row
            for row in self.kpis()
            if row["minute"] >= written_to.get((row["topic"], row["partition"]), -QUARTER_HOUR) + QUARTER_HOUR
        ]
        return self._added_up("kpi_quarter_hours") + quarter_hours_of(minutes)

    def _added_up(self, table: str) -> list[Row]:
        """The rows of the newest generation of each key: of revision 0, and of what came after it."""
        versions: dict[tuple[Any, ...], dict[int, int]] = {}
        for key, (version, _) in self._rows[table].items():
            versions.setdefault(key[:-1], {})[key[-1]] = version
        found = []
        for of_bucket, of_key in versions.items():
            replaced_to = of_key.get(0, 0)
            generation = max(replaced_to, *of_key) >> 32
            counting = [revision for revision in of_key if revision > replaced_to and revision >> 32 == generation]
            if 0 in of_key and replaced_to >> 32 == generation:
                counting.append(0)
            rows = [self._rows[table][(*of_bucket, revision)][1] for revision in counting]
            found.append(_sum_of(rows))
        return sorted((row for row in found if any(list(row.values())[_AMOUNTS_FROM:])), key=_key_of)

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


def _key_of(row: Row) -> list[Any]:
    return list(row.values())[:6]


def _sum_of(rows: list[Row]) -> Row:
    """Partials of one key as one of revision 0."""
    total = rows[0] | {"revision": 0, "definition_version": min(row["definition_version"] for row in rows)}
    for row in rows[1:]:
        for name in list(row)[_AMOUNTS_FROM:]:
            total[name] = _plus(total[name], row[name])
    return total


def _plus(amount: Any, other: Any) -> Any:
    if isinstance(amount, int):
        return amount + other
    added = {bucket: amount.get(bucket, 0) + other.get(bucket, 0) for bucket in sorted({*amount, *other})}
    return {bucket: total for bucket, total in added.items() if total}


def quarter_hours_of(minutes: Iterable[Row]) -> list[Row]:
    """What rows of minutes come to by the quarter-hour."""
    rows: dict[tuple[Any, ...], list[Row]] = {}
    for minute in minutes:
        row = {"quarter_hour": minute["minute"] - minute["minute"] % QUARTER_HOUR} | minute
        del row["minute"]
        rows.setdefault(tuple(list(row.values())[:5]), []).append(row)
    return [total for some in rows.values() if any(list((total := _sum_of(some)).values())[_AMOUNTS_FROM:])]


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
