"""What the warehouse cannot store: it says so on `feedback-rejected` and in `rejected_events`, and goes on."""

import hashlib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from kafka import KafkaConsumer, KafkaProducer

from deploy.local.clickhouse.server import LocalClickHouse
from deploy.local.kafka.server import LocalKafka
from schemas.outputs import COLUMNS, ProgressRow, RowBatch, encode_row_batch
from schemas.topics import REJECTED, ROWS
from tests.stack.conftest import Fresh
from tests.stack.running import installed, until

pytestmark = pytest.mark.stack

PROGRESS = "ingest_progress"


def a_batch(*rows: tuple[Any, ...], table: str = PROGRESS, columns: tuple[str, ...] = COLUMNS[PROGRESS]) -> bytes:
    return encode_row_batch(
        RowBatch(table, columns, 1 << 32 | 1, 1_764_000_000_000, 0, msgspec.Raw(msgspec.msgpack.encode(rows)))
    )


def progress(topic: str, read: Any = 1) -> tuple[Any, ...]:
    return ProgressRow(topic, 0, 0, 1_764_000_000_000, read, 1, 0, 0, 0, 1)


def test_bad_row_batches_and_refused_rows_are_told_and_the_rest_is_stored(
    kafka: LocalKafka, clickhouse: LocalClickHouse, fresh: Fresh, tmp_path: Path
) -> None:
    settings = fresh.settings(
        brokers=kafka.bootstrap, clickhouse_host=clickhouse.host, clickhouse_port=clickhouse.port, partitions=2
    )
    garbage = b"\x00no row batch" * 40_000  # more than a rejection of a record carries
    sent = {
        "good": a_batch(progress("first")),
        "garbage": garbage,
        "a value that no column can hold": a_batch(progress("second"), progress("bad", read="many")),
        "the last": a_batch(progress("third")),
    }
    with installed(settings, tmp_path) as oidor:
        warehouse = oidor.start("warehouse")
        producer = KafkaProducer(bootstrap_servers=kafka.bootstrap)
        for message in sent.values():
            producer.send(settings.topic_prefix + ROWS, message, partition=1)
        producer.flush()

        until(lambda: len(oidor.ask("SELECT topic FROM rejected_events FINAL")) == 2, 30, "two rejections stored")

        assert sorted(oidor.ask(f"SELECT topic FROM {PROGRESS} FINAL")) == [("first",), ("second",), ("third",)]
        assert set(oidor.ask("SELECT topic, reason FROM rejected_events FINAL")) == {(ROWS, "sink_refused")}
        reader = KafkaConsumer(
            settings.topic_prefix + REJECTED,
            bootstrap_servers=kafka.bootstrap,
            auto_offset_reset="earliest",
            consumer_timeout_ms=5_000,
        )
        told = {hashlib.sha256(message.value).hexdigest(): dict(message.headers)["reason"] for message in reader}
        assert told[hashlib.sha256(garbage).hexdigest()] == b"sink_refused"
        assert len(told) == 2
        assert oidor.metric("feedback_sink_refused_rows_total") == 2
        assert warehouse.alive
