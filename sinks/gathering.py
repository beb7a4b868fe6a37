"""What is gathered before it is inserted: row batches become blocks, and what is none of ours becomes a rejection."""

import hashlib
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from schemas.outputs import COLUMNS, EventRow, RejectedRecord, RejectedRow, RowBatch, decode_row_batch, unknown_columns
from schemas.topics import ACTIONS, ROWS
from sinks.clickhouse import InsertBlock, Place, RefusedRow


class NewerReleaseError(Exception):
    """Rows of a table or column that this release does not know: nothing is wrong with them, and they must wait."""


class Source(Protocol):
    """An open partition of `feedback-rows`."""

    @property
    def number(self) -> int: ...
    @property
    def incarnation(self) -> int:
        """Which topic of this name it is: a number that its id gives, 0 when that is not known."""


@dataclass
class PendingInsert:
    """What one round inserts: rows by table, and the offsets that are done with it."""

    blocks: dict[tuple[str, tuple[str, ...]], InsertBlock] = field(default_factory=dict)
    rejected: list[RejectedRecord] = field(default_factory=list)
    done: list[tuple[Source, int]] = field(default_factory=list)
    """(where it came from, next offset), in order."""
    since: float = 0
    """When the first message came, in seconds of the clock that `add` reads."""
    oldest: int | None = None
    """When the oldest of the checkpoints was made that rows are of, ms; None without rows."""

    @property
    def rows(self) -> int:
        return sum(map(len, self.blocks.values()))

    def full(self, rows: int) -> bool:
        return any(len(block) >= rows for block in self.blocks.values())

    def add(self, source: Source, record: Any, now: float) -> int | None:
        """Takes in one message, at `now`; returns the version of its rows. What is no row batch becomes a rejection.

        Raises `NewerReleaseError`, and has taken nothing then.
        """
        version = None
        try:
            batch = decode_row_batch(record.value or b"")
            _check(batch)
            block = self.blocks.setdefault((batch.table, batch.columns), InsertBlock.like(batch))
            refused = block.add(batch, Place(source.number, source.incarnation, record.offset))
            version = batch.version
            self.oldest = batch.recorded_at if self.oldest is None else min(self.oldest, batch.recorded_at)
        except (msgspec.DecodeError, ValueError) as error:
            self.rejected.append(refused_batch(record, source.incarnation, str(error)))
        else:
            self.rejected += [refused_row(row, record.timestamp) for row in refused]
        self._note(source, record.offset, now)
        return version

    def reject(self, source: Source, offset: int, record: RejectedRecord, now: float) -> None:
        """Takes in one message that is known to be none of its topic."""
        self.rejected.append(record)
        self._note(source, offset, now)

    def _note(self, source: Source, offset: int, now: float) -> None:
        if not self.done:
            self.since = now
        self.done.append((source, offset + 1))


def _check(batch: RowBatch) -> None:
    """Raises ValueError of a batch that is wrong, `NewerReleaseError` of one that is only unknown here."""
    if not (0 <= batch.version < 1 << 64 and 0 <= batch.recorded_at < 1 << 42):
        raise ValueError(f"version {batch.version}, recorded at {batch.recorded_at}")
    InsertBlock.like(batch)  # names that are none
    if batch.table not in COLUMNS:
        raise NewerReleaseError(f"table {batch.table}")
    if unknown := unknown_columns(batch):
        raise NewerReleaseError(f"columns of {batch.table}: {', '.join(sorted(unknown))}")


def refused_batch(record: Any, incarnation: int, why: str) -> RejectedRecord:
    """A message of `feedback-rows` that is no row batch, under its own offset."""
    value = record.value or b""
    return RejectedRecord(
        RejectedRow(
            topic=ROWS, partition=record.partition, incarnation=incarnation, offset=record.offset, table="", row=0,
            record_at=max(0, record.timestamp), reason="sink_refused", field="",
            expected="a batch of rows of a known table", got=why[:200], source="", event_id="", event_type="",
            bytes=len(value), sha256=hashlib.sha256(value).hexdigest(),
        ),
        record.key,
        value,
    )  # fmt: skip


def refused_row(refused: RefusedRow, refused_at: int) -> RejectedRecord:
    """A row that ClickHouse refused at a moment (ms): of an event under its own offset, which reconciliation finds.

    Any other is told under that of the message that it came in.
    """
    value = msgspec.json.encode(dict(zip(refused.columns, refused.row, strict=False)), enc_hook=str)
    row = dict(zip(refused.columns, refused.row, strict=False)) if refused.table == "feedback_events" else {}
    event = EventRow(**row) if row.keys() == set(EventRow._fields) else None
    return RejectedRecord(
        RejectedRow(
            topic=event.topic if event else ACTIONS if refused.table == "actions" else ROWS,
            partition=event.partition if event else refused.place.partition,
            incarnation=event.incarnation if event else refused.place.incarnation,
            offset=event.offset if event else refused.place.offset,
            table=refused.table,
            row=0 if event else refused.place.row,
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
