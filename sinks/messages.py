"""A checkpoint as Kafka messages: row batches, incidents, rejections.

Pure: nothing is sent here. The messages of one checkpoint go out in one transaction, with the state's delta.
"""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from schemas.observations import is_recent
from schemas.outputs import (
    COLUMNS,
    Checkpoint,
    EventRow,
    IncidentRow,
    RejectedRecord,
    RejectedRow,
    RowBatch,
    dimensions_of,
    encode_row_batch,
)
from schemas.topics import INCIDENTS, REJECTED, ROWS

ORIGINAL_BYTES: Final = 256 * 1024
"""What a rejection carries of the original at most."""

_ROWS_TOGETHER: Final = 128
_SHORT_ARRAY: Final = 16
"""MessagePack says the length of an array in one byte below this, in three up to 65,535, in five beyond."""
_SHORT_HEADER: Final = 1
_HEADER: Final = 3
_ARRAY_HEADER: Final = 5
_encode = msgspec.msgpack.Encoder().encode
_json = msgspec.json.Encoder().encode


class Message(NamedTuple):
    """One Kafka message of a partition; `topic` is Kafka's name."""

    topic: str
    key: bytes | None
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()


def messages(
    checkpoint: Checkpoint, *, prefix: str, wall: int, page_window_ms: int, message_bytes: int
) -> Iterator[Message]:
    """Everything that a checkpoint publishes, each message at most `message_bytes` long.

    `wall` (milliseconds) decides what may still page. A row too large for a message becomes a `sink_refused` rejection.
    """
    refused: list[RejectedRecord] = []
    for table, rows in checkpoint.rows.items():
        if table != "rejected_events":
            yield from _row_batches(checkpoint, table, rows, prefix, message_bytes, refused)
    rejections = [*checkpoint.rows.get("rejected_events", ()), *(record.row for record in refused)]
    yield from _row_batches(checkpoint, "rejected_events", rejections, prefix, message_bytes, refused)
    for incident in checkpoint.incidents:
        yield Message(
            prefix + INCIDENTS,
            incident.incident_id.encode(),
            incident_json(incident, checkpoint.recorded_at, wall, page_window_ms),
        )
    for record in (*checkpoint.rejected, *refused):
        yield rejection(record, prefix)


def _row_batches(
    checkpoint: Checkpoint,
    table: str,
    rows: Sequence[tuple[Any, ...]],
    prefix: str,
    limit: int,
    refused: list[RejectedRecord],
) -> Iterator[Message]:
    empty = RowBatch(
        table,
        COLUMNS[table],
        checkpoint.version,
        checkpoint.recorded_at,
        checkpoint.partition,
        _array(0, []),
        dimensions_of(table),
    )
    room = limit - len(encode_row_batch(empty)) - _ARRAY_HEADER
    topic, key = prefix + ROWS, str(checkpoint.partition).encode()
    gathered: list[bytes] = []
    count = size = 0
    for some, encoded in _pieces(rows, room):
        if len(encoded) > room:
            refused.append(_too_large(checkpoint, table, some[0], len(encoded), room))
            continue
        if size + len(encoded) > room:
            yield Message(topic, key, encode_row_batch(msgspec.structs.replace(empty, rows=_array(count, gathered))))
            gathered, count, size = [], 0, 0
        gathered.append(encoded)
        count += len(some)
        size += len(encoded)
    if gathered:
        yield Message(topic, key, encode_row_batch(msgspec.structs.replace(empty, rows=_array(count, gathered))))


def _pieces(rows: Sequence[tuple[Any, ...]], room: int) -> Iterator[tuple[Sequence[tuple[Any, ...]], bytes]]:
    """Rows with their encoding, one after the other: many together, which costs half, or one where they are large."""
    for start in range(0, len(rows), _ROWS_TOGETHER):
        some = rows[start : start + _ROWS_TOGETHER]
        encoded = _encode(some)
        if len(encoded) <= room:
            yield some, encoded[_SHORT_HEADER if len(some) < _SHORT_ARRAY else _HEADER :]
        else:
            yield from (([row], _encode(row)) for row in some)


def _array(count: int, encoded: Sequence[bytes]) -> msgspec.Raw:
    return msgspec.Raw(b"\xdd" + count.to_bytes(4, "big") + b"".join(encoded))


def _too_large(checkpoint: Checkpoint, table: str, row: tuple[Any, ...], size: int, room: int) -> RejectedRecord:
    event = row if isinstance(row, EventRow) else None
    encoded = _encode(row)
    return RejectedRecord(
        RejectedRow(
            topic=event.topic if event else ROWS,
            partition=checkpoint.partition,
            incarnation=event.incarnation if event else 0,
            offset=event.offset if event else _stand_in_offset(encoded),
            table=table,
            row=0,
            record_at=event.record_at if event else checkpoint.recorded_at,
            reason="sink_refused",
            field=table,
            expected=f"a row of at most {room} bytes",
            got=f"{size} bytes",
            source=event.source if event else "",
            event_id=event.event_id if event else "",
            event_type=event.event_type if event else "",
            bytes=size,
            sha256=hashlib.sha256(encoded).hexdigest(),
        ),
        None,
        encoded,
    )


def _stand_in_offset(row: bytes) -> int:
    """A number for a row that is in no message: the same for the same row, so that it counts once."""
    return int.from_bytes(hashlib.sha256(row).digest()[:7], "big")


def incident_json(incident: IncidentRow, recorded_at: int, wall: int, page_window_ms: int) -> bytes:
    """An incident as JSON: its columns, `transition`, `recorded_at`, and whether it may `page` somebody.

    It pages only while it is open, worth a warning, and recent: a replay of last month pages nobody.
    """
    fields = incident._asdict()
    fields["evidence"] = msgspec.Raw(incident.evidence.encode() or b"{}")
    fields["transition"] = _transition(incident)
    fields["recorded_at"] = recorded_at
    recent = is_recent(incident.opened_at, wall, page_window_ms)
    fields["page"] = incident.state == "open" and incident.severity != "info" and recent
    return _json(fields)


def _transition(incident: IncidentRow) -> str:
    if incident.state != "open":
        return incident.state
    return "opened" if incident.updated_at <= incident.opened_at else "updated"


def rejection(record: RejectedRecord, prefix: str, original_bytes: int | None = ORIGINAL_BYTES) -> Message:
    """A rejected record with its original, up to so many bytes (None: all); headers say why, and where it lies."""
    row, original = record.row, record.value
    headers = {
        "reason": row.reason, "field": row.field, "expected": row.expected, "got": row.got,
        "topic": row.topic, "partition": str(row.partition), "incarnation": str(row.incarnation),
        "offset": str(row.offset), "table": row.table, "row": str(row.row),
        "event_id": row.event_id, "source": row.source, "event_type": row.event_type,
    }  # fmt: skip
    if original_bytes is not None and len(original) > original_bytes:
        headers |= {"bytes": str(len(original)), "sha256": hashlib.sha256(original).hexdigest(), "truncated": "true"}
        original = original[:original_bytes]
    return Message(
        prefix + REJECTED,
        row.source.encode() or None,
        original,
        tuple((name, value.encode()) for name, value in headers.items()),
    )
