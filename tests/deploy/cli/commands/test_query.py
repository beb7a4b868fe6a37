"""`oidor query`; answers of a database are seen on a real one."""

from datetime import UTC, datetime

import pytest

from deploy.cli.commands.query import _cell
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
