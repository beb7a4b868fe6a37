"""What the embedded ClickHouse understands of FORMAT Native, without an engine."""

import struct

import pytest

from deploy.local.clickhouse.native_format import (
    FormatError,
    Source,
    Type,
    empty_block,
    parse_type,
    read_block,
    string,
    varint,
)

NUMBER = Type("fixed", width=4)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("UInt32", NUMBER),
        ("DateTime64(3, 'Europe/Madrid')", Type("fixed", width=8)),
        ("Decimal(9, 2)", Type("fixed", width=4)),
        ("Decimal(18, 4)", Type("fixed", width=8)),
        ("Decimal(38, 4)", Type("fixed", width=16)),
        ("FixedString(7)", Type("fixed", width=7)),
        ("Enum8('a, (b' = 1, 'it\\'s)' = 2)", Type("fixed", width=1)),
        ("Nullable(UInt32)", Type("Nullable", (NUMBER,))),
        ("Array(Array(UInt32))", Type("Array", (Type("Array", (NUMBER,)),))),
        ("Map(Int16, UInt32)", Type("Array", (Type("Tuple", (Type("fixed", width=2), NUMBER)),))),
        ("Tuple(x UInt32, `y z` String)", Type("Tuple", (NUMBER, Type("String")))),
        ("LowCardinality(Nullable(String))", Type("LowCardinality", (Type("Nullable", (Type("String"),)),))),
        ("SimpleAggregateFunction(sum, UInt32)", NUMBER),
    ],
)
def test_the_layout_of_a_type(text: str, expected: Type) -> None:
    assert parse_type(text) == expected


@pytest.mark.parametrize(
    "text", ["Dynamic", "JSON", "AggregateFunction(sum, UInt32)", "Nullable", "Array()", "Nonsense(1)"]
)
def test_an_unknown_layout_is_named(text: str) -> None:
    with pytest.raises(FormatError, match="is not supported by the embedded ClickHouse"):
        parse_type(text)


LONG = "x" * 200


@pytest.mark.parametrize("pieces_of", [1, 2, 7, 10_000])
def test_a_block_ends_where_its_last_column_ends_however_its_bytes_arrive(pieces_of: int) -> None:
    # Given a block of two rows, and what follows it
    columns = [
        string("s") + string("String") + string("a") + string(LONG),
        string("n") + string("Nullable(UInt32)") + b"\0\1" + struct.pack("<2I", 5, 0),
        string("m") + string("Map(Int16, UInt32)") + struct.pack("<2Q", 1, 1) + struct.pack("<hI", -3, 9),
        string("c") + string("Array(LowCardinality(String))") + struct.pack("<Q", 1)  # the prefix comes before the ends
        + struct.pack("<4Q", 0, 3, 0x600, 2) + string("") + string("v") + struct.pack("<Q", 3) + b"\1\1\0",
        string("e") + string("Array(LowCardinality(String))") + struct.pack("<Q", 1) + struct.pack("<2Q", 0, 0),
    ]  # fmt: skip
    block = varint(len(columns)) + varint(2) + b"".join(columns)
    stream = block + b"next"
    pieces = iter([stream[at : at + pieces_of] for at in range(0, len(stream), pieces_of)])
    source = Source(lambda: next(pieces, b""))
    # When it is walked
    source.mark()
    assert len(read_block(source)) == len(columns)
    # Then its bytes are its bytes, and what follows is still there
    assert source.since_mark() == block
    assert source.take(4) == b"next"
    assert source.at_end()


def test_a_block_that_is_cut_off_is_an_end_of_file() -> None:
    block = varint(1) + varint(3) + string("s") + string("String") + string("a")
    with pytest.raises(EOFError):
        read_block(Source(iter([block, b""]).__next__))


def test_an_empty_block_tells_names_and_types() -> None:
    source = Source(iter([empty_block([("a", "UInt8"), ("ñ", "Array(String)")]), b""]).__next__)
    assert read_block(source) == [("a", "UInt8"), ("ñ", "Array(String)")]
    assert source.at_end()
