"""Rows into ClickHouse: what a block is, and what an error says."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from clickhouse_driver.errors import ServerException
from hypothesis import given
from hypothesis import strategies as st

from schemas.outputs import PARTIAL_COLUMNS, RowBatch
from sinks.clickhouse import InsertBlock, Place, RefusedRow, one_line


def row_batch(*rows: Sequence[Any], table: str = "cases", version: int = 1, recorded_at: int = 5) -> RowBatch:
    return RowBatch(table, ("entity_id", "events"), version, recorded_at, 0, msgspec.Raw(msgspec.msgpack.encode(rows)))


def block(*batches: RowBatch) -> InsertBlock:
    gathered = InsertBlock.like(batches[0])
    for one in batches:
        gathered.add(one)
    return gathered


def test_rows_become_columns_with_the_version_and_time_of_their_batch() -> None:
    first = row_batch(("a", 1), ("b", 2), version=7, recorded_at=50)
    gathered = block(first, row_batch(("c", 3), version=8, recorded_at=60))

    assert gathered.columns == ("entity_id", "events", "version", "last_recorded_at")
    assert gathered.values == [["a", "b", "c"], [1, 2, 3], [7, 7, 8], [50, 50, 60]]
    assert (len(gathered), gathered.row(2)) == (3, ("c", 3))


def test_events_were_ingested_all_else_recorded() -> None:
    assert block(row_batch(table="feedback_events")).columns[-1] == "ingested_at"


def test_a_row_that_has_not_one_value_a_column_is_handed_back() -> None:
    gathered = InsertBlock.like(row_batch())

    refused = gathered.add(row_batch(("a", 1), ("b",), ("c", 3, 4)))

    assert gathered.values[0] == ["a"]
    assert refused == [
        RefusedRow("cases", ("entity_id", "events"), ("b",), "", "2 values", "1 values", Place(row=1)),
        RefusedRow("cases", ("entity_id", "events"), ("c", 3, 4), "", "2 values", "3 values", Place(row=2)),
    ]


def test_a_partial_is_written_without_what_is_zero_and_named_by_the_columns_of_its_batch() -> None:
    columns = (*PARTIAL_COLUMNS[:7], "praise", "wait_histogram", "contacts_opened")
    rows = [
        (0, "contact-events", 3, 0, 1, [(amounts, [(1, "phone")])])
        for amounts in ({2: 9, 2_116: 1, 2_125: 2}, {}, {3: 1}, "praise")
    ]
    batch = RowBatch("kpi_partials", columns, 1, 5, 3, msgspec.Raw(msgspec.msgpack.encode(rows)), ("all", "channel"))
    gathered = InsertBlock.like(batch)

    refused = gathered.add(batch)

    assert gathered.values[1:3] == [["channel", "channel"], ["phone", "phone"]]
    assert gathered.values[7:10] == [[0, 0], [{-4: 1, 5: 2}, {}], [9, 0]]
    assert [row.got for row in refused] == ["6 values", "6 values"]


def test_a_row_batch_of_no_rows_adds_none() -> None:
    assert len(block(row_batch())) == 0


def test_a_row_batch_of_another_table_is_not_taken() -> None:
    with pytest.raises(ValueError, match="a row batch of incidents"):
        InsertBlock.like(row_batch()).add(row_batch(table="incidents"))


@pytest.mark.parametrize("name", ["", "cases; DROP", "`cases`", "Cases", "a.b", "1st", "a\n"])
def test_a_name_from_a_message_is_checked_before_it_is_sql(name: str) -> None:
    with pytest.raises(ValueError, match="not the name"):
        InsertBlock(name, ("a",))
    with pytest.raises(ValueError, match="not the name"):
        InsertBlock("cases", (name,))


BATCHES = st.lists(
    st.builds(
        lambda rows, version, recorded_at: row_batch(*rows, version=version, recorded_at=recorded_at),
        st.lists(st.tuples(st.text(max_size=2), st.integers(0, 3)), max_size=3),
        st.integers(0, 2**63),
        st.integers(0, 3),
    ),
    min_size=1,
    max_size=3,
)


@given(BATCHES, BATCHES)
def test_equal_batches_have_equal_tokens_and_other_rows_another(one: list[RowBatch], other: list[RowBatch]) -> None:
    assert block(*one).token == block(*one).token
    if block(*one).values != block(*other).values:
        assert block(*one).token != block(*other).token


@given(st.integers(2, 9), st.data())
def test_a_part_has_its_rows_and_a_token_of_its_own(size: int, data: st.DataObject) -> None:
    whole = block(row_batch(*((str(n), n) for n in range(size))))
    subsets = st.lists(st.integers(0, size - 1), unique=True, max_size=size).map(sorted)
    one, other = data.draw(subsets), data.draw(subsets)

    assert whole.select(one).values == [[column[row] for row in one] for column in whole.values]
    assert whole.select(one).token == whole.select(one).token != whole.token
    if one != other:
        assert whole.select(one).token != whole.select(other).token


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ServerException("DB::Exception: Unknown table. Stack trace:\n0. x", 60), "Unknown table: run `oidor migrate`"),
        (ServerException("DB::Exception: two\nlines", 1), "two"),
        (OSError("Connection reset by peer"), "Connection reset by peer"),
        (TimeoutError(), "TimeoutError"),
        (KeyError("x"), "KeyError: 'x'"),
        (ServerException("DB::Exception: x", 516), "x: check OIDOR_CLICKHOUSE_USER"),
    ],
)
def test_an_error_is_one_line_with_what_to_do(error: Exception, line: str) -> None:
    assert one_line(error).startswith(line)
    assert "\n" not in one_line(error)
