import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from deploy.clickhouse.migrate import DIRECTORY, MigrationError, migrate, migrations, pending
from processors.settings import Settings
from schemas.kpis import KPIS, Accumulator
from schemas.outputs import COLUMNS
from tests.deploy.conftest import Engine, Warehouse

ALL = ["0001_tables", "tables_kpis", "current_comments", "current_kpis", "current_retention", "current_views"]
WRITTEN_TO = ALL[:2]
ADDED = {"ingested_at", "last_recorded_at", "version"}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """The files of this release, to be changed."""
    return Path(shutil.copytree(DIRECTORY, tmp_path / "clickhouse"))


def test_applies_everything_in_order_then_nothing(engine: Engine, settings: Settings) -> None:
    assert migrate(settings, client=engine) == ALL
    assert migrate(settings, client=engine) == []
    assert pending(settings, client=engine) == []


def test_a_dry_run_names_what_is_missing_and_touches_nothing(engine: Engine, settings: Settings) -> None:
    assert migrate(settings, client=engine, dry_run=True) == ALL
    assert pending(settings, client=engine) == WRITTEN_TO
    databases = f"SELECT count() FROM system.databases WHERE name = '{settings.clickhouse_database}'"
    assert engine.execute(databases) == [(0,)]


class Interrupted(Engine):
    """The connection ends after some statements."""

    def __init__(self, engine: Engine, after: int) -> None:
        self._engine, self._left = engine, after

    def execute(self, query: str) -> list[tuple[Any, ...]]:
        if not self._left:
            raise EOFError("the server went away")
        self._left -= 1
        return self._engine.execute(query)


@pytest.mark.parametrize("statements", [1, 2, 12, 30, 44])
def test_an_interrupted_migration_is_finished_by_the_next(engine: Engine, settings: Settings, statements: int) -> None:
    with pytest.raises(EOFError):
        migrate(settings, client=Interrupted(engine, statements))

    migrate(settings, client=engine)

    assert migrate(settings, client=engine) == []
    assert empty_comments(engine, settings.clickhouse_database) == []


def test_a_file_that_was_applied_must_not_change(engine: Engine, settings: Settings, directory: Path) -> None:
    migrate(settings, client=engine, directory=directory)
    (directory / "0001_tables.sql").write_text((DIRECTORY / "0001_tables.sql").read_text() + "-- better\n")

    with pytest.raises(MigrationError, match=r"0001_tables was changed after it was applied: restore the file"):
        migrate(settings, client=engine, directory=directory)
    with pytest.raises(MigrationError, match=r"0001_tables was changed"):
        pending(settings, client=engine, directory=directory)


def test_an_older_release_leaves_a_newer_database_alone(engine: Engine, settings: Settings, directory: Path) -> None:
    (directory / "0002_more.sql").write_text("CREATE TABLE IF NOT EXISTS {database}.more (a UInt8) ENGINE = Memory;\n")
    migrate(settings, client=engine, directory=directory)

    with pytest.raises(MigrationError, match=r"0002_more, which this release does not know"):
        migrate(settings, client=engine)


def test_views_follow_a_new_column(engine: Engine, settings: Settings, directory: Path) -> None:
    migrate(settings, client=engine, directory=directory)
    (directory / "0002_mood.sql").write_text(
        "ALTER TABLE {database}.cases ADD COLUMN IF NOT EXISTS mood String COMMENT 'How it felt';\n"
    )
    assert pending(settings, client=engine, directory=directory) == ["0002_mood"]

    applied = migrate(settings, client=engine, directory=directory)

    assert applied == ["0002_mood", *ALL[1:]]
    comment = "SELECT comment FROM system.columns WHERE table = 'v_cases' AND name = 'mood' AND database = '{}'"
    assert engine.execute(comment.format(settings.clickhouse_database)) == [("How it felt",)]


def test_another_retention_is_applied_alone(engine: Engine, settings: Settings) -> None:
    migrate(settings, client=engine)
    longer = settings.model_copy(update={"raw_ttl_days": 3650})

    assert migrate(longer, client=engine) == ["current_retention"]

    table = "SELECT create_table_query FROM system.tables WHERE name = 'feedback_events' AND database = '{}'"
    assert "toIntervalDay(3650)" in engine.execute(table.format(settings.clickhouse_database))[0][0]


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("0003_gap.sql", "SELECT 1;", "not numbered 1, 2, 3"),
        ("0002_typo.sql", "DROP TABLE {databse}.cases;", "unknown placeholder {databse}"),
        ("0002_broken.sql", "CREATE TABEL x;", "ClickHouse refused 0002_broken, statement 1: .*Syntax error"),
    ],
)
def test_a_bad_file_is_named_in_one_line(
    engine: Engine, settings: Settings, directory: Path, name: str, text: str, complaint: str
) -> None:
    (directory / name).write_text(text)

    with pytest.raises(MigrationError, match=complaint) as refused:
        migrate(settings, client=engine, directory=directory)

    assert "\n" not in str(refused.value)


def test_a_database_that_is_not_there_is_named_in_one_line() -> None:
    with pytest.raises(MigrationError, match=r"127\.0\.0\.1:1: .*is it running") as refused:
        migrate(Settings(clickhouse_port=1))

    assert "\n" not in str(refused.value)


def test_nothing_is_left_to_fill_in(settings: Settings) -> None:
    statements = [statement for migration in migrations(settings) for statement in migration.statements]

    assert statements
    assert not [statement for statement in statements if "{" in statement or statement.endswith(";")]


def empty_comments(engine: Engine, database: str) -> list[tuple[Any, ...]]:
    tables = engine.execute(f"SELECT name FROM system.tables WHERE database = '{database}' AND comment = ''")
    columns = engine.execute(f"SELECT table, name FROM system.columns WHERE database = '{database}' AND comment = ''")
    return tables + columns


def test_every_table_view_and_column_says_what_it_is(migrated: Warehouse) -> None:
    assert empty_comments(migrated.engine, migrated.name) == []


@pytest.mark.parametrize("table", COLUMNS)
def test_a_table_has_the_columns_of_its_packs(migrated: Warehouse, table: str) -> None:
    columns = migrated.column(
        f"SELECT name FROM system.columns WHERE database = '{migrated.name}' AND table = '{table}'"
        " AND default_kind = '' ORDER BY position"
    )

    # In any order: rows are inserted by the names of their columns.
    assert sorted(column for column in columns if column not in ADDED) == sorted(COLUMNS[table])
    assert columns[-2:] == ["version", "ingested_at" if table == "feedback_events" else "last_recorded_at"]


NATURAL_KEYS: dict[str, Sequence[str]] = {
    "feedback_events": ["topic", "partition", "incarnation", "offset"],
    "rejected_events": ["topic", "partition", "incarnation", "offset", "`table`", "row"],
    "cases": ["topic", "source", "entity_id"],
    "sla_clocks": ["clock_id"],
    "incidents": ["incident_id"],
    "actions": ["action_id"],
    "kpi_partials": ["minute", "dimension", "dimension_value", "topic", "partition", "revision"],
    "kpi_quarter_hours": ["quarter_hour", "dimension", "dimension_value", "topic", "partition", "revision"],
    "ingest_progress": ["topic", "partition", "incarnation", "day"],
    "erasures": ["customer", "partition"],
    "watermarks": ["partition"],
    "policy_texts": ["kind", "name", "digest"],
    "kpi_stale_minutes": ["minute", "topic", "partition", "reason"],
}


@pytest.mark.parametrize("table", COLUMNS)
def test_versions_of_a_row_collapse_on_its_natural_key(migrated: Warehouse, table: str) -> None:
    ((engine, key),) = migrated.query(
        f"SELECT engine_full, sorting_key FROM system.tables WHERE database = '{migrated.name}' AND name = '{table}'"
    )

    expected = "AggregatingMergeTree" if table == "policy_texts" else "ReplacingMergeTree(version)"
    assert engine.startswith(expected)
    assert sorted(key.split(", ")) == sorted(NATURAL_KEYS[table])
    assert "non_replicated_deduplication_window = 1000" in engine


def test_the_definitions_are_those_of_the_registry(migrated: Warehouse) -> None:
    columns = "id, name, unit, formula, numerator, denominator, anchor, source, definition_version"
    rows = migrated.query(f"SELECT {columns} FROM kpi_definitions")

    def names(accumulators: Sequence[Accumulator]) -> list[str]:
        return [each.name for each in accumulators]

    assert sorted(rows) == sorted(
        (
            k.id, k.name, k.unit, k.formula, names(k.numerator), names(k.denominator), k.anchor, k.source,
            k.definition_version,
        )
        for k in KPIS
    )  # fmt: skip
