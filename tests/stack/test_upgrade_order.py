"""An upgrade is: migrate, warehouse, workers. In any other order rows wait, and say for what; none is lost."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from kafka import KafkaConsumer, KafkaProducer

from deploy.local.stack import Service, fetch
from processors.settings import Settings
from schemas.outputs import COLUMNS, EventRow, RowBatch, encode_row_batch
from schemas.topics import CONTACTS, REJECTED, ROWS
from tests.stack import newer_warehouse
from tests.stack.newer_warehouse import COLUMN
from tests.stack.running import installed, until

pytestmark = pytest.mark.stack

SETTINGS = {"partitions": 2}
NOON = 1_795_176_000_000


def events(first: int, count: int, *more: str) -> bytes:
    """A batch of a worker, of an older release, or of the newer one, which adds a value to each row."""
    texts: dict[str, Any] = dict.fromkeys(EventRow._fields, "") | {"topic": CONTACTS, "payload": "x" * 1_000}
    numbers: dict[str, Any] = dict.fromkeys(("partition", "incarnation", "late", "test", "erased"), 0)
    numbers |= {"record_at": NOON, "occurred_at": NOON, "seq": -1}
    rest: dict[str, Any] = {"warnings": (), "warning_fields": (), "topics": (), "score": None}
    rows = [
        (*EventRow(**{**texts, **numbers, **rest, "offset": first + n, "event_id": f"e{first + n}"}), *more)
        for n in range(count)
    ]
    columns = (*COLUMNS["feedback_events"], *([COLUMN] if more else []))
    batch = RowBatch("feedback_events", columns, 1 << 32 | 1, NOON, 0, msgspec.Raw(msgspec.msgpack.encode(rows)))
    return encode_row_batch(batch)


def problem_of(service: Service) -> str:
    return json.dumps(json.loads(fetch(service.ready_url)[1])["problems"])


def test_workers_first_and_the_migration_last_lose_nothing(settings: Settings, tmp_path: Path) -> None:
    rows = settings.topic_prefix + ROWS
    with installed(settings, tmp_path) as oidor:
        older = oidor.start("warehouse")
        producer = KafkaProducer(bootstrap_servers=settings.brokers)
        producer.send(rows, events(0, 10), partition=0)
        producer.send(rows, events(10, 600, "glad"), partition=0)
        producer.send(rows, events(610, 10), partition=0)
        producer.send(rows, events(620, 10), partition=1)
        producer.flush()

        def stored() -> int:
            return int(oidor.ask("SELECT uniqExact(offset) FROM feedback_events")[0][0])

        until(lambda: f"columns of feedback_events: {COLUMN}" in problem_of(older), 20, "not ready, with the column")
        until(lambda: stored() == 20, 20, "what comes before, and other partitions, are stored")
        older.terminate(10)

        newer = oidor.start("warehouse", module=newer_warehouse.__name__)
        log = tmp_path / f"{settings.app_id}-warehouse-1.log"
        until(lambda: "run `oidor migrate`" in log.read_text(), 30, "the newer one says what its database lacks")
        assert newer.alive
        oidor.ask(f"ALTER TABLE feedback_events ADD COLUMN {COLUMN} String AFTER payload")
        until(lambda: stored() == 630, 30, "everything is stored")
        assert oidor.ask(f"SELECT countIf({COLUMN} = 'glad') FROM feedback_events FINAL") == [(600,)]

        reader = KafkaConsumer(
            settings.topic_prefix + REJECTED, bootstrap_servers=settings.brokers, auto_offset_reset="earliest",
            consumer_timeout_ms=3_000,
        )  # fmt: skip
        assert list(reader) == []
