"""What the embedded ClickHouse understands of statements, without an engine."""

import pytest

from deploy.local.clickhouse.statements import Insert, format_of, is_select, without_format


@pytest.mark.parametrize(
    ("sql", "table", "columns", "data_format", "rows"),
    [
        ("INSERT INTO t VALUES", "t", None, "Values", ""),
        ("insert into oidor.t (a, b) values", "oidor.t", "a, b", "Values", ""),
        ("INSERT INTO `we ird`.`t` (`a (b)`) FORMAT Native;", "`we ird`.`t`", "`a (b)`", "Native", ""),
        ("-- why\nINSERT INTO TABLE t VALUES (1, 'a\n\nb')", "t", None, "Values", "(1, 'a\n\nb')"),
        ("INSERT INTO t SETTINGS async_insert = 0, x='a, b' VALUES (1)", "t", None, "Values", "(1)"),
        ('INSERT INTO t FORMAT JSONEachRow {"a": 1}', "t", None, "JSONEachRow", '{"a": 1}'),
    ],
)
def test_an_insert_with_data_is_taken_apart(
    sql: str, table: str, columns: str | None, data_format: str, rows: str
) -> None:
    found = Insert.parse(sql)
    assert found
    assert (found.table, found.columns, found.data_format, found.rows) == (table, columns, data_format, rows)


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO t SELECT 1",
        "INSERT INTO t (a) SELECT * FROM values('a Int8', 1)",
        "INSERT INTO t SETTINGS x = 1 SELECT * FROM values('a Int8', 1)",
        "SELECT 'INSERT INTO t VALUES'",
        "CREATE TABLE t (a Int8) ENGINE = Memory",
    ],
)
def test_other_statements_are_left_to_the_engine(sql: str) -> None:
    assert Insert.parse(sql) is None


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT 1", True),
        (" -- a\n/* b\n */ (with x as (select 1) select 2)", True),
        ("SHOW TABLES", False),
        ("SELECTED", False),
    ],
)
def test_what_can_be_streamed(sql: str, expected: bool) -> None:
    assert is_select(sql) is expected


def test_the_format_of_a_statement_can_be_read_and_removed() -> None:
    assert format_of("SELECT 1 FORMAT JSONCompact;") == "JSONCompact"
    assert format_of("SELECT 1") is None
    assert without_format("SELECT 1 FORMAT CSV ; ") == "SELECT 1"
