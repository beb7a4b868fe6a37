"""`oidor query`; answers of a database are seen on a real one."""

import csv
import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from deploy.cli.commands.query import _cell, _write_csv, _write_json
from tests.deploy.cli.commands.conftest import Run, mistake


def test_a_database_that_does_not_answer_is_told(run: Run) -> None:
    assert mistake(run("query", "SELECT 1")).startswith("ClickHouse at 127.0.0.1:1: ")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (datetime(2026, 11, 23, 10, tzinfo=UTC), "2026-11-23 10:00:00"),
        (datetime(2026, 11, 23, 10, 0, 0, 500_000, tzinfo=UTC), "2026-11-23 10:00:00.500"),
        (1 / 3, "0.333333"),
        (None, "None"),
        ("text", "text"),
    ],
)
def test_a_cell_is_short_and_times_are_utc(value: object, shown: str) -> None:
    assert _cell(value) == shown


NAMES = ("text", "moment", "day", "none", "map", "array", "amount", "nan", "flag")
ROW = (
    'a "b", ñ\nc', datetime(2026, 11, 23, 10, 0, 0, 500_000, tzinfo=UTC), date(2026, 11, 23), None, {3: 1}, ["x", "y"],
    Decimal("1.50"), float("nan"), True,
)  # fmt: skip


def test_csv_is_what_a_spreadsheet_reads() -> None:
    written = io.StringIO()
    _write_csv(NAMES, [ROW], written)
    assert [*csv.reader(io.StringIO(written.getvalue()))] == [
        [*NAMES],
        ['a "b", ñ\nc', "2026-11-23T10:00:00.500Z", "2026-11-23", "", '{"3": 1}', '["x", "y"]', "1.50", "", "True"],
    ]


def test_json_is_an_array_of_objects() -> None:
    written = io.StringIO()
    _write_json(NAMES, [ROW, ROW], written)
    said = {
        "text": 'a "b", ñ\nc', "moment": "2026-11-23T10:00:00.500Z", "day": "2026-11-23", "none": None,
        "map": {"3": 1}, "array": ["x", "y"], "amount": "1.50", "nan": None, "flag": True,
    }  # fmt: skip
    assert json.loads(written.getvalue()) == [said, said]


def test_no_rows_are_an_empty_array_and_a_header() -> None:
    as_csv, as_json = io.StringIO(), io.StringIO()
    _write_csv(NAMES, [], as_csv)
    _write_json(NAMES, [], as_json)
    assert as_csv.getvalue() == ",".join(NAMES) + "\n"
    assert json.loads(as_json.getvalue()) == []
