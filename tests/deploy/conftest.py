"""The engine of ClickHouse in this process: no server, a database of its own for each test."""

import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from clickhouse_driver.errors import ServerException

from deploy.clickhouse.migrate import migrate
from processors.settings import Settings
from schemas.outputs import COLUMNS


class Engine:
    """What clickhouse-driver's `Client` does for a migration, without a connection."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def execute(self, query: str) -> list[tuple[Any, ...]]:
        try:
            answer = self._session.query(query, "JSONCompact").bytes().decode()
        except RuntimeError as error:
            code = re.search(r"Code: (\d+)", str(error))
            raise ServerException(str(error), int(code[1]) if code else 0) from None
        return [tuple(row) for row in json.loads(answer)["data"]] if answer.strip() else []


class Warehouse:
    """A database; names of tables and views stand alone in its queries."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self.engine = engine
        self.settings = settings
        self.name = settings.clickhouse_database

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        return self.engine.execute(re.sub(r"\b(FROM|TABLE) (?!system)(\w+)", rf"\1 {self.name}.\2", sql))

    def insert(self, table: str, *rows: Mapping[str, Any]) -> None:
        """Columns that a row does not name take their default; what it does not date is recorded far from expiry."""
        recorded = {"ingested_at" if table == "feedback_events" else "last_recorded_at": "2090-01-01 00:00:00.000"}
        text = "\n".join(json.dumps(recorded | dict(row)) for row in rows)
        self.engine.execute(f"INSERT INTO {self.name}.{table} FORMAT JSONEachRow\n{text}")

    def column(self, sql: str) -> list[Any]:
        return [row[0] for row in self.query(sql)]


_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    session = pytest.importorskip("chdb.session", reason="the engine comes with oidor[local]")
    with session.Session(str(tmp_path_factory.mktemp("engine"))) as opened:
        yield Engine(opened)


@pytest.fixture
def settings() -> Settings:
    return Settings(clickhouse_database=f"test_{next(_numbers)}")


@pytest.fixture(scope="module")
def migrated(engine: Engine) -> Iterator[Warehouse]:
    settings = Settings(clickhouse_database=f"test_{next(_numbers)}")
    migrate(settings, client=engine)
    yield Warehouse(engine, settings)
    engine.execute(f"DROP DATABASE {settings.clickhouse_database}")


@pytest.fixture
def no_merges(warehouse: Warehouse) -> Iterator[None]:
    """What a view shows must not depend on whether parts have been merged."""
    for table in COLUMNS:
        warehouse.engine.execute(f"SYSTEM STOP MERGES {warehouse.name}.{table}")
    yield
    for table in COLUMNS:
        warehouse.engine.execute(f"SYSTEM START MERGES {warehouse.name}.{table}")


@pytest.fixture
def warehouse(migrated: Warehouse) -> Warehouse:
    """Migrated and empty."""
    tables: Sequence[str] = migrated.column(
        f"SELECT name FROM system.tables WHERE database = '{migrated.name}' AND engine LIKE 'Replacing%'"
        " AND name != 'schema_migrations'"
    )
    for table in tables:
        migrated.query(f"TRUNCATE TABLE {table}")
    return migrated
