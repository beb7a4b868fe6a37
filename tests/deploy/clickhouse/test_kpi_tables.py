"""The KPI tables follow the declarations, also in a database that was made before them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from deploy.clickhouse import kpi_tables, kpi_views
from deploy.clickhouse.migrate import migrate, pending
from processors.settings import Settings
from schemas.kpis import KPIS, Accumulator, Count, Histogram
from tests.deploy.conftest import Engine, Warehouse

PARTIAL = {"minute": "2026-11-20 12:00:00.000", "dimension": "all", "dimension_value": "all", "topic": "contact-events"}
NEW = (Count.complaints_acknowledged, Histogram.wait_histogram)


@contextmanager
def declared(monkeypatch: pytest.MonkeyPatch, *, without: tuple[Accumulator, ...]) -> Iterator[None]:
    """An older release: some accumulators were not declared yet."""
    with monkeypatch.context() as older:
        known = tuple(each for each in kpi_tables.DECLARED if each not in without)
        kpis = tuple(kpi for kpi in KPIS if not set(without) & {*kpi.numerator, *kpi.denominator})
        older.setattr(kpi_tables, "DECLARED", known)
        older.setattr(kpi_views, "ACCUMULATORS", tuple(each.name for each in known))
        older.setattr(kpi_views, "KPIS", kpis)
        yield


@pytest.fixture
def older(engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Warehouse]:
    """A database that was made before `NEW` was declared."""
    with declared(monkeypatch, without=NEW):
        migrate(settings, client=engine)
    yield Warehouse(engine, settings)
    engine.execute(f"DROP DATABASE {settings.clickhouse_database}")


def columns_of(warehouse: Warehouse, table: str) -> list[tuple[Any, ...]]:
    """Name, type, default and comment of each column, in order."""
    return warehouse.query(
        "SELECT name, type, default_expression, comment FROM system.columns"
        f" WHERE database = '{warehouse.name}' AND table = '{table}' ORDER BY position"
    )


@pytest.mark.parametrize("table", ["kpi_partials", "kpi_quarter_hours"])
def test_a_database_gets_the_column_of_a_new_accumulator_in_its_place(
    older: Warehouse, migrated: Warehouse, table: str
) -> None:
    fresh = columns_of(migrated, table)
    assert columns_of(older, table) != fresh
    assert pending(older.settings, client=older.engine) == ["tables_kpis"]

    assert migrate(older.settings, client=older.engine) == ["tables_kpis", "current_kpis"]

    assert columns_of(older, table) == fresh
    assert pending(older.settings, client=older.engine) == migrate(older.settings, client=older.engine) == []


def test_what_was_stored_before_reads_as_none_of_what_is_new(older: Warehouse) -> None:
    older.insert("kpi_partials", PARTIAL | {"complaints_opened": 2})
    migrate(older.settings, client=older.engine)
    older.insert("kpi_partials", PARTIAL | {"partition": 1, "complaints_acknowledged": 1})
    older.insert("kpi_partials", PARTIAL | {"partition": 2, "wait_histogram": {"3": 1}})

    shown = "SELECT complaints_opened, complaints_acknowledged, wait_histogram FROM v_kpi_minute"
    assert older.query(shown) == [(2, 1, {"3": 1})]


def test_what_is_retired_keeps_its_column_and_what_it_holds(
    engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate(settings, client=engine)
    database = Warehouse(engine, settings)
    database.insert("kpi_partials", PARTIAL | {"complaints_acknowledged": 3, "praise": 1})
    with declared(monkeypatch, without=NEW), monkeypatch.context() as later:
        later.setattr(kpi_tables, "DECLARED", (*kpi_tables.DECLARED, *NEW))
        later.setattr(kpi_tables, "RETIRED", frozenset(NEW))

        assert migrate(settings, client=engine) == ["tables_kpis", "current_kpis"]

    assert database.column("SELECT complaints_acknowledged FROM kpi_partials") == [3]
    comments = {name: comment for name, _, _, comment in columns_of(database, "kpi_partials")}
    assert comments["complaints_acknowledged"] == "Not counted any more. Count in the minute: complaints acknowledged"
    shown = [name for name, *_ in columns_of(database, "v_kpi_minute")]
    assert "praise" in shown
    assert "complaints_acknowledged" not in shown


def test_other_words_keep_no_row_out(engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    migrate(settings, client=engine)
    other = tuple(part.replace("'Value of it;", "'Its value;") for part in kpi_tables.REST_OF_KEY)
    monkeypatch.setattr(kpi_tables, "REST_OF_KEY", other)

    assert pending(settings, client=engine) == []
    assert migrate(settings, client=engine) == ["tables_kpis"]
