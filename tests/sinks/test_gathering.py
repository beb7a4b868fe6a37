"""What the warehouse gathers, and under which name it tells what cannot be stored."""

from typing import Any, NamedTuple

import msgspec
import pytest

from schemas import outputs
from schemas.kpis import Accumulator
from schemas.outputs import COLUMNS, PARTIAL_COLUMNS, EventRow, ProgressRow, RowBatch, encode_row_batch
from schemas.topics import CONTACTS, ROWS
from sinks.clickhouse import Place, RefusedRow
from sinks.gathering import NewerReleaseError, PendingInsert, refused_row
from tests.processors.durability.counting import Record
from tests.processors.kpis.other_release import RELEASES, written_by

PROGRESS = "ingest_progress"


def a_batch(*rows: tuple[Any, ...], table: str = PROGRESS, columns: tuple[str, ...] = COLUMNS[PROGRESS]) -> bytes:
    return encode_row_batch(RowBatch(table, columns, 1, 2, 3, msgspec.Raw(msgspec.msgpack.encode(rows))))


def progress(day: int) -> ProgressRow:
    return ProgressRow(CONTACTS, 3, 0, day, 1, 1, 0, 0, 0, 1)


class Part(NamedTuple):
    number: int
    incarnation: int = 8


class Message(Record):
    partition = 3
    key = None


def test_row_batches_of_a_table_are_gathered_and_their_offsets_are_done_with_them() -> None:
    gathered, part = PendingInsert(), Part(3)

    gathered.add(part, Message(7, a_batch(progress(1), progress(2))), now=9.0)
    gathered.add(part, Message(9, a_batch(progress(3))), now=9.0)

    assert gathered.rows == 3
    assert gathered.since == 9.0
    assert gathered.done == [(part, 8), (part, 10)]
    assert (gathered.full(3), gathered.full(4)) == (True, False)
    assert gathered.rejected == []


BAD = {
    "no row batch at all": (b"\x00", "expected `object`"),
    "nothing": (b"", "truncated"),
    "a table that is no name": (a_batch((1,), table="x; DROP TABLE y"), "not the name"),
    "a version that is none": (
        encode_row_batch(RowBatch(PROGRESS, COLUMNS[PROGRESS], -1, 2, 3, msgspec.Raw(b"\x90"))),
        "version -1",
    ),
    "rows that are none": (
        encode_row_batch(RowBatch(PROGRESS, COLUMNS[PROGRESS], 1, 2, 3, msgspec.Raw(b"\x01"))),
        "array",
    ),
}


@pytest.mark.parametrize(("value", "why"), BAD.values(), ids=BAD.keys())
def test_what_is_no_row_batch_of_ours_is_refused_with_its_reason_and_done_with(value: bytes, why: str) -> None:
    gathered, part = PendingInsert(), Part(3)

    gathered.add(part, Message(7, value), now=9.0)

    (refused,) = gathered.rejected
    assert (refused.row.reason, refused.row.topic, refused.row.partition, refused.row.offset) == (
        "sink_refused",
        ROWS,
        3,
        7,
    )
    assert why.lower() in refused.row.got.lower()
    assert refused.value == value
    assert gathered.done == [(part, 8)]


NEWER = {
    "table cats": a_batch((1,), table="cats"),
    "columns of ingest_progress: whiskers": a_batch((1,), columns=("topic", "whiskers")),
}


@pytest.mark.parametrize(("what", "value"), NEWER.items(), ids=NEWER.keys())
def test_what_only_a_newer_release_knows_is_neither_taken_nor_refused(what: str, value: bytes) -> None:
    gathered = PendingInsert()

    with pytest.raises(NewerReleaseError, match=what):
        gathered.add(Part(3), Message(7, value), now=9.0)

    assert (gathered.done, gathered.rejected, gathered.rows) == ([], [], 0)


@pytest.mark.parametrize("release", ["before a count was added", "before a sum was added", "before all were reordered"])
def test_partials_of_another_release_are_stored_under_their_names(release: str) -> None:
    written = written_by(RELEASES[release])
    gathered = PendingInsert()

    gathered.add(Part(3), Message(7, written.batch), now=9.0)

    assert gathered.rejected == []
    (block,) = gathered.blocks.values()
    stored = {}
    for index in range(len(block)):
        row = dict(zip(block.columns, block.row(index), strict=False))
        minute, dimension, value, topic, *_ = (row.pop(name) for name in PARTIAL_COLUMNS[:7])
        stored[f"{topic} {minute} {dimension} {value}"] = {
            name: amount if isinstance(amount, int) else {str(bucket): count for bucket, count in amount.items()}
            for name, amount in row.items()
            if amount
        }
    assert stored == written.content


def test_what_an_older_batch_has_of_a_retired_accumulator_is_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone(Accumulator):
        contacts_escalated = "contacts escalated"

    written = written_by(RELEASES["before a count was removed"])
    unknown, known = PendingInsert(), PendingInsert()

    with pytest.raises(NewerReleaseError, match="columns of kpi_partials: contacts_escalated"):
        unknown.add(Part(3), Message(7, written.batch), now=9.0)
    monkeypatch.setattr(outputs, "RETIRED", frozenset(Gone))
    known.add(Part(3), Message(7, written.batch), now=9.0)

    assert known.rejected == []
    (block,) = known.blocks.values()
    assert max(block.values[block.columns.index("contacts_escalated")]) == 7


def test_a_refused_event_is_told_under_its_own_offset_so_that_reconciliation_finds_it() -> None:
    values: dict[str, Any] = dict.fromkeys(EventRow._fields, "")
    values |= {"topic": CONTACTS, "partition": 5, "incarnation": 2, "offset": 41, "record_at": 9}
    values |= {"event_id": "e1", "source": "crm"}
    place, row = Place(3, 8, 7, 6), tuple(values.values())
    refused = RefusedRow("feedback_events", EventRow._fields, row, "score", "Float64", "'many'", place)

    told = refused_row(refused, 17).row

    assert (told.topic, told.partition, told.incarnation, told.offset) == (CONTACTS, 5, 2, 41)
    assert (told.table, told.row, told.record_at) == ("feedback_events", 0, 9)
    assert (told.event_id, told.source, told.field, told.got) == ("e1", "crm", "feedback_events.score", "'many'")


def test_any_other_refused_row_is_told_under_its_message_and_its_number_there() -> None:
    refused = RefusedRow(PROGRESS, COLUMNS[PROGRESS], progress(1), "", "a row", "code 53", Place(3, 8, 7, 6))

    told = refused_row(refused, 17).row

    assert (told.topic, told.partition, told.incarnation, told.offset) == (ROWS, 3, 8, 7)
    assert (told.table, told.row, told.record_at) == (PROGRESS, 6, 17)


def test_rows_that_are_gathered_know_their_places_however_they_are_selected() -> None:
    gathered, short = PendingInsert(), progress(2)[:-1]

    gathered.add(Part(3), Message(7, a_batch(progress(1), short, progress(3))), now=9.0)
    gathered.add(Part(3), Message(9, a_batch(progress(4), progress(5))), now=9.0)

    (block,) = gathered.blocks.values()
    assert [(place.offset, place.row) for place in map(block.place, range(4))] == [(7, 0), (7, 2), (9, 0), (9, 1)]
    assert block.select([1, 3]).select([1]).place(0) == Place(3, 8, 9, 1)
    (refused,) = (rejected.row for rejected in gathered.rejected)
    assert (refused.incarnation, refused.offset, refused.table, refused.row) == (8, 7, PROGRESS, 1)
