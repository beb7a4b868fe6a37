"""Brings a ClickHouse database to what this release expects.

`NNNN_name.sql` is applied once, in order, recorded with its checksum, and never edited afterwards. `tables_name.sql`
and then `current_name.sql` say how something must be now, in parts written from declarations: they are applied again
whenever their text, as rendered, is not what was applied last, and after every numbered file. Without the tables no row
can be written. Every statement can be repeated, so a migration that was interrupted, or that runs in two places, ends
the same.
"""

import hashlib
import random
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from clickhouse_driver import errors

from deploy.clickhouse import kpi_tables, kpi_views
from deploy.clickhouse.cluster import on_cluster, require_cluster
from processors.settings import Settings
from schemas.errors import OidorError
from schemas.outputs import COLUMNS
from sinks.clickhouse import Address, connect, one_line

DIRECTORY: Final = Path(__file__).parent
PATIENCE_SECONDS: Final = 60
RACED: Final = frozenset({57, 60, 82, 218, 337})
"""What a statement meets while another migration replaces the same view: tables that exist, vanish or are dropped."""
PASSED_ON: Final[Mapping[str, str]] = {
    "v_events": "feedback_events",
    "v_cases": "cases",
    "v_merged_elsewhere": "cases",
    "v_split_cases": "feedback_events",
    "v_sla": "sla_clocks",
    "v_policy_texts": "policy_texts",
    "v_incidents": "incidents",
    "v_time_to_act": "incidents",
    "v_actions": "actions",
    "v_maintenance": "actions",
    "v_kpi_minute": "kpi_partials",
    "v_kpi_quarter_hour": "kpi_quarter_hours",
    "v_kpi_outdated": "kpi_stale_minutes",
    "v_reconciliation": "ingest_progress",
}
"""View -> the table whose columns it hands on under their names."""

_RECORD: Final = """\
CREATE TABLE IF NOT EXISTS {database}.schema_migrations
(
    version UInt32 COMMENT 'Number of the migration; 0 of one that is applied whenever it changes',
    name String COMMENT 'Name of its file',
    checksum String COMMENT 'SHA-256 of what was applied, hexadecimal',
    applied_at DateTime64(3, 'UTC') COMMENT 'When it was applied last, UTC'
)
ENGINE = ReplacingMergeTree(applied_at)
ORDER BY (version, name)
COMMENT 'Which migrations this database has seen'"""


class MigrationError(OidorError):
    """One line: what is wrong and what to do."""


class Database(Protocol):
    """What a migration needs of a connection; clickhouse-driver's `Client` is one."""

    def execute(self, query: str) -> Sequence[Sequence[Any]]: ...


@dataclass(frozen=True, slots=True)
class Migration:
    version: int
    name: str
    statements: tuple[str, ...]
    checksum: str

    @property
    def once(self) -> bool:
        return self.version > 0


def migrate(
    settings: Settings, *, dry_run: bool = False, client: Database | None = None, directory: Path = DIRECTORY
) -> list[str]:
    """Applies what is missing, in order; the names of it. A dry run only names it.

    Raises `MigrationError`.
    """
    database, cluster = settings.clickhouse_database, settings.clickhouse_cluster
    with _connected(settings, client) as connection:
        require_cluster(connection, cluster, database)
        due = _due(connection, settings, directory)
        if not dry_run:
            _run(connection, on_cluster(f"CREATE DATABASE IF NOT EXISTS {database}", cluster), "the database")
            _run(connection, on_cluster(_RECORD.format(database=database), cluster), "the record of migrations")
            for migration in due:
                _apply(connection, database, migration)
            _pass_on_comments(connection, database, cluster)
        return [migration.name for migration in due]


def pending(settings: Settings, *, client: Database | None = None, directory: Path = DIRECTORY) -> list[str]:
    """The names of the migrations without which rows cannot be written. Raises `MigrationError`."""
    with _connected(settings, client) as connection:
        lacks_columns = _lacks_columns(connection, settings.clickhouse_database)
        return [
            migration.name
            for migration in _due(connection, settings, directory)
            if migration.once or (migration.name.startswith("tables_") and lacks_columns)
        ]


def _lacks_columns(connection: Database, database: str) -> bool:
    """Is there a column, of those that batches of rows carry, that the database does not have?

    Its tables are asked, not its record: other words in a comment, or more columns than ours, keep no row out.
    """
    query = f"SELECT table, name FROM system.columns WHERE database = '{database}'"
    known = {(table, name) for table, name in _run(connection, query, "columns")}
    return any((table, name) not in known for table, columns in COLUMNS.items() for name in columns)


def migrations(settings: Settings, directory: Path = DIRECTORY) -> list[Migration]:
    """All of this release, in the order in which they are applied."""
    values = {
        "database": settings.clickhouse_database,
        "raw_ttl_days": str(settings.raw_ttl_days),
        "kpi_ttl_days": str(settings.kpi_ttl_days),
    }
    cluster = settings.clickhouse_cluster
    once = [_load(path, values, cluster) for path in sorted(directory.glob("[0-9][0-9][0-9][0-9]_*.sql"))]
    names = [path for kind in ("tables_*.sql", "current_*.sql") for path in sorted(directory.glob(kind))]
    current = [_load(path, values, cluster) for path in names]
    numbers = [migration.version for migration in once]
    if numbers != list(range(1, len(once) + 1)):
        raise MigrationError(f"migrations are not numbered 1, 2, 3 ...: {numbers}; mend {directory}")
    return once + current


def _load(path: Path, values: Mapping[str, str], cluster: str) -> Migration:
    text = path.read_text()
    once = path.stem[:4].isdigit()
    # Generated SQL has placeholders of its own, so it is put in before them. A number of days does not change what
    # a file that is applied once is; in one that must be current it does.
    generated = {**kpi_tables.placeholders(), **kpi_views.placeholders()}
    rendered = _fill(text if once else _fill(text, generated, strict=False), values)
    checksum = hashlib.sha256((text if once else rendered).encode()).hexdigest()
    statements = tuple(on_cluster(statement, cluster) for statement in _statements(rendered))
    return Migration(int(path.stem[:4]) if once else 0, path.stem, statements, checksum)


def _fill(text: str, values: Mapping[str, str], *, strict: bool = True) -> str:
    def value(match: re.Match[str]) -> str:
        if match[1] not in values and strict:
            raise MigrationError(f"unknown placeholder {match[0]} in a migration; known: {', '.join(sorted(values))}")
        return values.get(match[1], match[0])

    return re.sub(r"\{(\w+)\}", value, text)


def _statements(text: str) -> Iterator[str]:
    code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("--"))
    for statement in re.split(r";[ \t]*$", code, flags=re.MULTILINE):
        if statement.strip():
            yield statement.strip()


def _due(connection: Database, settings: Settings, directory: Path) -> list[Migration]:
    known = migrations(settings, directory)
    applied = _applied(connection, settings.clickhouse_database)
    names = {migration.name for migration in known}
    if unknown := sorted(name for name, (version, _) in applied.items() if version and name not in names):
        raise MigrationError(
            f"the database has migration {unknown[-1]}, which this release does not know: use the release that made it"
        )
    for migration in known:
        if migration.once and applied.get(migration.name, (0, migration.checksum))[1] != migration.checksum:
            raise MigrationError(
                f"{migration.name} was changed after it was applied: restore the file and put the change into a new one"
            )
    first = [migration for migration in known if migration.once and migration.name not in applied]
    then = [
        migration
        for migration in known
        if not migration.once and (first or applied.get(migration.name, (0, ""))[1] != migration.checksum)
    ]
    return first + then


def _applied(connection: Database, database: str) -> dict[str, tuple[int, str]]:
    """Name -> version and checksum of what was applied."""
    exists = f"SELECT count() FROM system.tables WHERE database = '{database}' AND name = 'schema_migrations'"
    if not _run(connection, exists, "the record of migrations")[0][0]:
        return {}
    query = f"SELECT name, version, checksum FROM {database}.schema_migrations FINAL"
    return {
        name: (version, checksum) for name, version, checksum in _run(connection, query, "the record of migrations")
    }


def _apply(connection: Database, database: str, migration: Migration) -> None:
    for number, statement in enumerate(migration.statements, 1):
        _run(connection, statement, f"{migration.name}, statement {number}")
    # Recorded last: an interrupted migration is applied again from its beginning.
    record = (
        f"INSERT INTO {database}.schema_migrations (version, name, checksum, applied_at) "
        f"SELECT {migration.version}, '{migration.name}', '{migration.checksum}', now64(3, 'UTC')"
    )
    _run(connection, record, f"the record of {migration.name}")


def _pass_on_comments(connection: Database, database: str, cluster: str) -> None:
    """Columns of views that have no comment of their own take that of the table that they come from."""
    query = f"SELECT table, name, comment FROM system.columns WHERE database = '{database}'"
    columns = _run(connection, query, "comments")
    comments = {(table, name): comment for table, name, comment in columns}
    for view, table in PASSED_ON.items():
        changes = [
            f"COMMENT COLUMN {name} {kpi_tables.literal(comments[table, name])}"
            for (of, name), comment in comments.items()
            if of == view and not comment and (table, name) in comments
        ]
        if changes:
            statement = f"ALTER TABLE {database}.{view} {', '.join(changes)}"
            _run(connection, on_cluster(statement, cluster), f"comments of {view}")


def _run(connection: Database, statement: str, what: str) -> Sequence[Sequence[Any]]:
    for pause in (0.05, 0.1, 0.2, 0.4, 0.8, 0):
        try:
            return connection.execute(statement)
        except errors.ServerException as error:
            if not pause or error.code not in RACED:
                raise MigrationError(f"ClickHouse refused {what}: {one_line(error)}") from error
            time.sleep(pause * random.uniform(0.5, 1))
    raise AssertionError("the last pause is none")


@contextmanager
def _connected(settings: Settings, client: Database | None) -> Iterator[Database]:
    if client:
        yield client
        return
    address = Address.of(settings)
    own = connect(address, PATIENCE_SECONDS, database="")
    try:
        yield own
    except (errors.Error, OSError, EOFError) as error:
        raise MigrationError(
            f"cannot work with ClickHouse at {address.host}:{address.port}: {one_line(error)}; "
            "is it running, and are OIDOR_CLICKHOUSE_HOST and OIDOR_CLICKHOUSE_PORT right?"
        ) from error
    finally:
        own.disconnect()
