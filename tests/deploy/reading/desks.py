"""A worker whose checkpoints are stored in a database, and what a rebuild of it is asked."""

import json
import re
from collections.abc import Container, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from deploy.reading.rebuild.rebuild import Rebuilt, Span, rebuild
from processors.rules import Rules
from schemas.outputs import COLUMNS, Checkpoint, partials_in_full
from tests.deploy.conftest import Warehouse
from tests.processors.feed import DAY, T0, Feed, Happening

GENERATION: Final = 1_700_000_000
NOW: Final = T0 + 100 * DAY
TTL_DAYS: Final = 1826
PARTIALS: Final = ("kpi_partials", "kpi_quarter_hours")
_MOMENTS: Final = re.compile(r".*_(at|since|seen)|minute|quarter_hour|day")


class Client:
    """The engine as a `Database` of a rebuild."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.engine = warehouse.engine

    def execute(self, query: str, rows: Sequence[Sequence[Any]] | None = None) -> Any:
        if rows is None:
            return [tuple(map(_tuples, row)) for row in self.engine.execute(query)]
        names = [name.strip() for name in query[query.index("(") + 1 : query.index(")")].split(",")]
        lines = "\n".join(json.dumps(dict(zip(names, row, strict=True))) for row in rows)
        return self.engine.execute(f"{query.partition(' VALUES')[0]} FORMAT JSONEachRow\n{lines}")


def _tuples(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


class Desk:
    """One partition; what its checkpoints write is stored at once."""

    def __init__(self, warehouse: Warehouse, rules: Rules, *, generation: int = GENERATION) -> None:
        self.warehouse, self.rules = warehouse, rules
        self.feed = Feed(rules)
        self.feed.changelog.generation = generation
        self.without: Container[str] = ()
        """Columns that are not stored."""
        self.version = 0
        """Of the last checkpoint."""

    def hear(self, *happenings: Happening) -> None:
        """Take in events, with a checkpoint after them."""
        self.feed.feed(*happenings)
        self.checkpoint()

    def until(self, at: int) -> None:
        """Let time pass to T0 + `at` ms; then there is one more checkpoint, as there is each minute."""
        self.feed.until(at)
        self.checkpoint()
        self.checkpoint()

    def checkpoint(self) -> Checkpoint:
        checkpoint = self.feed.checkpoint()
        store(self.warehouse, checkpoint, without=self.without)
        self.version = checkpoint.version
        return checkpoint

    def go_on_by(self, rules: Rules) -> None:
        """Start again, with other rules."""
        self.rules = self.feed.rules = rules
        self.feed.restart()

    def rebuild(self, begin: int, end: int, *, dry_run: bool = False, now: int = NOW) -> Rebuilt:
        """Rebuild from T0 + `begin` to T0 + `end`, ms."""
        span = Span.around(*(datetime.fromtimestamp((T0 + at) / 1000, UTC) for at in (begin, end)))
        client, name = Client(self.warehouse), self.warehouse.name
        return rebuild(client, name, self.rules, span, raw_ttl_days=TTL_DAYS, now_ms=now, dry_run=dry_run)


def store(warehouse: Warehouse, checkpoint: Checkpoint, *, without: Container[str] = ()) -> None:
    """What the warehouse does with the rows of a checkpoint; `without` columns that its release does not know yet."""
    for table, rows in checkpoint.rows.items():
        whole = partials_in_full(rows, COLUMNS[table]) if table in PARTIALS else rows
        shown = (_as_json(dict(zip(COLUMNS[table], row, strict=True))) for row in whole)
        known = ({name: value for name, value in row.items() if name not in without} for row in shown)
        warehouse.insert(table, *({**row, "version": checkpoint.version} for row in known))


def _as_json(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as the engine reads it."""
    moments = {name for name in row if _MOMENTS.fullmatch(name) and row[name] is not None}
    return {**row, **{name: _as_text(row[name]) for name in moments}}


def _as_text(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S.") + f"{ms % 1000:03}"


def shown(warehouse: Warehouse) -> dict[str, list[tuple[Any, ...]]]:
    """What the views show of KPIs, but for what was counted and taken back: that adds up to nothing."""
    views, found = ("v_kpi_minute", "v_kpi_quarter_hour"), {}
    for view in views:
        rows = warehouse.query(f"SELECT * EXCEPT definition_version FROM {view}")
        found[view] = sorted((row for row in rows if any(row[3:])), key=str)
    return found


def empty(warehouse: Warehouse) -> None:
    """Let nothing be stored."""
    for table in COLUMNS:
        warehouse.query(f"TRUNCATE TABLE {table}")
