"""What the warehouse gathers before it inserts: packs become batches, and what is none of ours becomes a rejection."""

import hashlib
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from schemas.outputs import COLUMNS, EventRow, RejectedRecord, RejectedRow, RowBatch, decode_row_batch
from schemas.topics import ROWS
from sinks.clickhouse import Batch, RefusedRow
from sinks.messages import stand_in_offset


class Source(Protocol):
    """An open partition of `feedback-rows`."""

    @property
    def number(self) -> int: ...


@dataclass
class Gathered:
    """What one round inserts: rows by table, and the offsets that are done with it."""

    batches: dict[tuple[str, tuple[str, ...]], Batch] = field(default_factory=dict)
    rejected: list[RejectedRecord] = field(default_factory=list)
    done: list[tuple[Source, int]] = field(default_factory=list)
    """(where it came from, next offset), in order."""
    since: float = 0
    """When the first pack came, monotonic seconds."""

    @property
    def rows(self) -> int:
        return sum(map(len, self.batches.values()))

    def full(self, rows: int) -> bool:
        return any(len(batch) >= rows for batch in self.batches.values())

    def add(self, source: Source, record: Any, now: float) -> None:
        """Take in one message, at `now`; one that is no pack of ours becomes a rejection."""
        if not self.done:
            self.since = now
        self.done.append((source, record.offset + 1))
        try:
            pack = decode_row_batch(record.value or b"")
            if problem := _problem(pack):
                raise ValueError(problem)
            batch = self.batches.setdefault((pack.table, pack.columns), Batch.like(pack))
            refused = batch.add(pack)
        except (msgspec.DecodeError, ValueError) as error:
            self.rejected.append(refused_pack(record, str(error)))
        else:
            self.rejected += [refused_row(row, source.number, record.timestamp) for row in refused]


def _problem(pack: RowBatch) -> str:
    columns = COLUMNS.get(pack.table)
    if columns is None:
        return f"unknown table {pack.table!r}: a newer worker wrote it, update the warehouse"
    if unknown := set(pack.columns) - set(columns):
        return f"unknown columns of {pack.table}: {', '.join(sorted(unknown))}: a newer worker wrote them"
    if not (0 <= pack.version < 1 << 64 and 0 <= pack.recorded_at < 1 << 42):
        return f"version {pack.version}, recorded at {pack.recorded_at}"
    return ""


def refused_pack(record: Any, why: str) -> RejectedRecord:
    """A message of `feedback-rows` that is no pack, under its own offset."""
    value = record.value or b""
    return RejectedRecord(
        RejectedRow(
            topic=ROWS, partition=record.partition, offset=record.offset, record_at=max(0, record.timestamp),
            reason="sink_refused", field="", expected="a pack of rows of a known table", got=why[:200], source="",
            event_id="", event_type="", bytes=len(value), sha256=hashlib.sha256(value).hexdigest(),
        ),
        record.key,
        value,
    )  # fmt: skip


def refused_row(refused: RefusedRow, partition: int, refused_at: int) -> RejectedRecord:
    """A row that ClickHouse refused at a moment (ms): of an event under its own offset, which reconciliation finds."""
    value = msgspec.json.encode(dict(zip(refused.columns, refused.row, strict=False)), enc_hook=str)
    row = dict(zip(refused.columns, refused.row, strict=False)) if refused.table == "feedback_events" else {}
    event = EventRow(**row) if row.keys() == set(EventRow._fields) else None
    return RejectedRecord(
        RejectedRow(
            topic=event.topic if event else ROWS,
            partition=event.partition if event else partition,
            offset=event.offset if event else stand_in_offset(value),
            record_at=event.record_at if event else refused_at,
            reason="sink_refused",
            field=f"{refused.table}.{refused.field}" if refused.field else refused.table,
            expected=refused.expected[:200],
            got=refused.got[:200],
            source=event.source if event else "",
            event_id=event.event_id if event else "",
            event_type=event.event_type if event else "",
            bytes=len(value),
            sha256=hashlib.sha256(value).hexdigest(),
        ),
        None,
        value,
    )
