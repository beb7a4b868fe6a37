"""The embedded servers keep what the pipeline relies on: Kafka's promises, and ClickHouse's contract with the sink."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from clickhouse_driver import Client
from clickhouse_driver.errors import Error, NetworkError, ServerException
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource

from deploy.cli import topics
from deploy.local.clickhouse.native_format import Source, read_block
from deploy.local.clickhouse.server import LocalClickHouse
from deploy.local.kafka.server import LocalKafka
from deploy.local.ports import free_ports
from deploy.local.processes import ChildError
from deploy.local.stack import Service, Stack
from tests.stack.conftest import Fresh

pytestmark = pytest.mark.stack


# Kafka


@contextlib.contextmanager
def topic(kafka: LocalKafka, name: str, **config: str) -> Iterator[str]:
    admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    try:
        admin.create_topics(
            {name: {"num_partitions": 1, "replication_factor": 1, "configs": config}}, wait_for_metadata=True
        )
        yield name
    finally:
        admin.close()


def read(kafka: LocalKafka, name: str) -> list[Any]:
    """Every record that a `read_committed` consumer sees, to the end of the topic."""
    consumer = KafkaConsumer(
        bootstrap_servers=kafka.bootstrap, isolation_level="read_committed", enable_auto_commit=False
    )
    partition = TopicPartition(name, 0)
    try:
        consumer.assign([partition])
        consumer.seek_to_beginning(partition)
        end = consumer.end_offsets([partition])[partition]
        records: list[Any] = []
        deadline = time.monotonic() + 30
        while consumer.position(partition) < end:
            assert time.monotonic() < deadline, "the end was not reached in 30 s"
            records += consumer.poll(500).get(partition, [])
        return records
    finally:
        consumer.close()


def test_a_record_keeps_the_timestamp_that_it_was_published_with(kafka: LocalKafka, fresh: Fresh) -> None:
    published = [1_000_000_000_000, 1_700_000_000_123, 1_600_000_000_000]
    with topic(kafka, fresh.topic_prefix + "times", **{"retention.ms": "-1"}) as name:
        producer = KafkaProducer(bootstrap_servers=kafka.bootstrap)
        for timestamp in published:
            producer.send(name, b"v", key=b"k", timestamp_ms=timestamp).get(10)
        producer.close()
        assert [record.timestamp for record in read(kafka, name)] == published


def test_of_a_transaction_all_is_seen_or_nothing(kafka: LocalKafka, fresh: Fresh) -> None:
    with topic(kafka, fresh.topic_prefix + "transactions") as name:
        producer = KafkaProducer(bootstrap_servers=kafka.bootstrap, transactional_id=fresh.app_id)
        producer.init_transactions()
        for number, keep in enumerate([True, False, True]):
            producer.begin_transaction()
            for part in range(3):
                producer.send(name, f"{number}.{part}".encode())
            producer.flush()
            (producer.commit_transaction if keep else producer.abort_transaction)()
        producer.close()
        assert [record.value for record in read(kafka, name)] == [b"0.0", b"0.1", b"0.2", b"2.0", b"2.1", b"2.2"]


def test_what_was_acknowledged_survives_sigkill(kafka: LocalKafka, fresh: Fresh) -> None:
    # Given records that the broker has acknowledged
    with topic(kafka, fresh.topic_prefix + "kill") as name:
        producer = KafkaProducer(bootstrap_servers=kafka.bootstrap, acks="all", linger_ms=5)
        sent = [producer.send(name, str(number).encode()) for number in range(2000)]
        for future in sent:
            future.get(30)
        # When the broker is killed and started again
        kafka.kill(0)
        kafka.start(0)
        producer.close()
        # Then it has them all, in order
        assert [int(record.value) for record in read(kafka, name)] == list(range(2000))


def test_a_paused_broker_goes_on_where_it_was(kafka: LocalKafka, fresh: Fresh) -> None:
    with topic(kafka, fresh.topic_prefix + "pause") as name:
        producer = KafkaProducer(bootstrap_servers=kafka.bootstrap)
        producer.send(name, b"before").get(30)
        kafka.pause(0)
        try:
            future = producer.send(name, b"during")
            time.sleep(0.5)
            assert not future.is_done
        finally:
            kafka.resume(0)
        future.get(30)
        producer.close()
        assert [record.value for record in read(kafka, name)] == [b"before", b"during"]


def test_a_topic_that_nobody_made_is_not_made_by_asking(kafka: LocalKafka, fresh: Fresh) -> None:
    consumer = KafkaConsumer(bootstrap_servers=kafka.bootstrap)
    assert not consumer.partitions_for_topic(fresh.topic_prefix + "typo")
    assert fresh.topic_prefix + "typo" not in consumer.topics()
    consumer.close()


def test_a_broker_that_cannot_start_says_why(kafka: LocalKafka, tmp_path: Path) -> None:
    with pytest.raises(ChildError, match=r"(?s)Kafka broker 0 ended with code 1.*Address already in use"):
        LocalKafka(tmp_path, ports=kafka.ports).start()


def test_three_brokers_survive_the_loss_of_one(kafka: LocalKafka, tmp_path: Path) -> None:
    # Given three brokers, and a topic of three copies of which two must be in sync
    with LocalKafka(tmp_path, 3) as three:
        with KafkaAdminClient(bootstrap_servers=three.bootstrap) as admin:
            copies = {"num_partitions": 1, "replication_factor": 3, "configs": {"min.insync.replicas": "2"}}
            admin.create_topics({"safe": copies}, wait_for_metadata=True)
        producer = KafkaProducer(bootstrap_servers=three.bootstrap, acks="all", retries=100)
        producer.send("safe", b"before").get(30)
        # When one is killed
        three.kill(0)
        producer.send("safe", b"without").get(30)
        # Then writing goes on, and it can come back
        three.start(0)
        producer.send("safe", b"after").get(30)
        producer.close()
        assert [record.value for record in read(three, "safe")] == [b"before", b"without", b"after"]


# Topics


def test_missing_topics_are_made_once_and_pass_the_check(kafka: LocalKafka, fresh: Fresh) -> None:
    settings = fresh.settings(brokers=kafka.bootstrap, partitions=3)
    assert len(topics.check(settings)) == 8
    assert len(topics.create(settings)) == 8
    assert topics.check(settings) == []
    assert topics.create(settings) == []


def test_a_state_topic_that_would_forget_is_refused_and_left_as_it_is(kafka: LocalKafka, fresh: Fresh) -> None:
    # Given a state topic with a week of retention, as a broker makes it by default
    settings = fresh.settings(brokers=kafka.bootstrap, partitions=1)
    state = f"{fresh.app_id}-state"
    with topic(kafka, state, **{"retention.ms": "604800000"}):
        # Then creating refuses, makes nothing, and changes nothing
        with pytest.raises(topics.TopicError, match=f"^{state}: has retention.ms=604800000.*set retention.ms=-1"):
            topics.create(settings)
        admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
        assert not {name for name in admin.list_topics() if name.startswith(fresh.topic_prefix)} - {state}
        config = admin.describe_configs([ConfigResource("TOPIC", state)])["topic"][state]
        assert config["retention.ms"]["value"] == "604800000"
        admin.close()


def test_another_number_of_partitions_is_refused(kafka: LocalKafka, fresh: Fresh) -> None:
    topics.create(fresh.settings(brokers=kafka.bootstrap, partitions=2))
    with pytest.raises(topics.TopicError, match="has 2 partitions, OIDOR_PARTITIONS is 4"):
        topics.create(fresh.settings(brokers=kafka.bootstrap, partitions=4))


def test_more_copies_than_brokers_are_refused_with_the_setting(kafka: LocalKafka, fresh: Fresh) -> None:
    with pytest.raises(topics.TopicError, match=r"refuses to create .*OIDOR_REPLICATION=3"):
        topics.create(fresh.settings(brokers=kafka.bootstrap, replication=3))


# ClickHouse


def connect(clickhouse: LocalClickHouse, database: str = "", **others: Any) -> Client:
    return Client(clickhouse.host, clickhouse.port, database=database, **others)


@pytest.fixture
def database(clickhouse: LocalClickHouse, fresh: Fresh) -> str:
    client = connect(clickhouse)
    client.execute(f"CREATE DATABASE {fresh.database}")
    client.disconnect()
    return fresh.database


NOON = datetime(2026, 3, 29, 12, 0, 0, 123_000, tzinfo=UTC)

COLUMNS: dict[str, tuple[str, list[Any]]] = {
    "id": ("UInt64", [1, 2, 3]),
    "small": ("Int16", [-32768, 0, 32767]),
    "ratio": ("Nullable(Float64)", [0.1, None, -1.5]),
    "flag": ("Bool", [True, False, True]),
    "text": ("String", ["", "línea\n\nvacía; -- 'x'", "x" * 300]),
    "code": ("FixedString(3)", ["EUR", "USD", "GBP"]),
    "channel": ("LowCardinality(String)", ["chat", "", "chat"]),
    "team": ("LowCardinality(Nullable(String))", [None, "a", "b"]),
    "tags": ("Array(LowCardinality(String))", [[], ["billing", "late"], ["late"]]),
    "none": ("Array(LowCardinality(String))", [[], [], []]),
    "nested": ("Array(Array(String))", [[], [[]], [["a"], ["b", "c"]]]),
    "histogram": ("Map(Int16, UInt32)", [{}, {-5: 1, 200: 4_000_000_000}, {0: 7}]),
    "attributes": ("Map(LowCardinality(String), String)", [{"k": "v\n\n"}, {}, {"a": "1", "b": "2"}]),
    "happened": ("DateTime64(3, 'UTC')", [NOON, NOON, NOON]),
    "due": ("Nullable(DateTime64(3, 'UTC'))", [None, NOON, None]),
    "second": ("DateTime", [NOON.replace(microsecond=0, tzinfo=None)] * 3),
    "day": ("Date", [date(2026, 3, 29)] * 3),
    "amount": ("Decimal(18, 4)", [Decimal("-12.3456"), Decimal("0.0000"), Decimal("99999999999999.9999")]),
    "kind": ("Enum8('a, b' = 1, 'c' = -2)", ["a, b", "c", "c"]),
    "trace": ("UUID", [UUID(int=0), UUID(int=1), UUID(int=2**128 - 1)]),
    "pair": ("Tuple(x Int8, y String)", [(1, "a"), (-1, ""), (0, "ñ")]),
    "total": ("SimpleAggregateFunction(sum, UInt64)", [1, 2, 3]),
}  # fmt: skip


@pytest.mark.parametrize("compression", ["lz4", False])
def test_every_column_type_comes_back_as_it_was_inserted(
    clickhouse: LocalClickHouse, database: str, compression: Any
) -> None:
    client = connect(clickhouse, database, compression=compression)
    client.execute(
        "CREATE TABLE t ("
        + ", ".join(f"{name} {kind}" for name, (kind, _) in COLUMNS.items())
        + ") ENGINE = MergeTree ORDER BY id"
    )
    values = [values for _, values in COLUMNS.values()]
    # When three rows go in by columns, and none
    assert client.execute(f"INSERT INTO t ({', '.join(COLUMNS)}) VALUES", values, columnar=True) == 3
    client.execute(f"INSERT INTO t ({', '.join(COLUMNS)}) VALUES", [])
    # Then they come out as they were
    found = client.execute(f"SELECT {', '.join(COLUMNS)} FROM t ORDER BY id", columnar=True)
    assert dict(zip(COLUMNS, map(list, found), strict=True)) == dict(zip(COLUMNS, values, strict=True))


def test_a_result_of_many_blocks_is_complete_and_an_empty_one_has_its_columns(clickhouse: LocalClickHouse) -> None:
    client = connect(clickhouse, compression="lz4")
    rows = client.execute("SELECT number, toString(number) FROM numbers(300000) SETTINGS max_block_size = 1000")
    assert rows == [(number, str(number)) for number in range(300_000)]
    assert client.execute("SELECT 1 AS n, 'x' AS s WHERE 0", with_column_types=True) == (
        [],
        [("n", "UInt8"), ("s", "String")],
    )


def test_final_shows_the_greatest_version(clickhouse: LocalClickHouse, database: str) -> None:
    client = connect(clickhouse, database)
    client.execute(
        "CREATE TABLE cases (id UInt64, state String, version UInt64) ENGINE = ReplacingMergeTree(version) ORDER BY id"
    )
    for version, state in [(2, "resolved"), (1, "open"), (3, "reopened"), (3, "reopened")]:
        client.execute("INSERT INTO cases VALUES", [(7, state, version)])
    assert client.execute("SELECT id, state, version FROM cases FINAL") == [(7, "reopened", 3)]


def test_a_block_with_the_token_of_one_that_is_there_is_not_inserted_again(
    clickhouse: LocalClickHouse, database: str
) -> None:
    # Given a table that remembers tokens
    client = connect(clickhouse, database)
    client.execute(
        "CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n SETTINGS non_replicated_deduplication_window = 1000"
    )
    # When one block is sent three times, from two connections, and others with tokens of their own or with none
    for one in (client, client, connect(clickhouse, database)):
        one.execute("INSERT INTO t VALUES", [(1,), (2,)], settings={"insert_deduplication_token": "first"})
    client.execute("INSERT INTO t VALUES", [(3,)], settings={"insert_deduplication_token": "second"})
    client.execute("INSERT INTO t VALUES", [(4,)])
    # Then it is there once
    assert client.execute("SELECT n FROM t ORDER BY n") == [(1,), (2,), (3,), (4,)]


@pytest.mark.parametrize(
    ("sql", "rows", "code"),
    [
        ("SELECT * FROM nowhere", None, 60),
        ("INSERT INTO nowhere VALUES", [(1,)], 60),
        ("SELECT * FROM nowhere.nothing", None, 81),
        ("SELEC 1", None, 62),
        ("SELECT nothing", None, 47),
        ("SELECT throwIf(number = 200000) FROM numbers(1000000)", None, 395),
        ("INSERT INTO positive VALUES", [(1,), (-1,)], 469),
        ("SET max_threads = 'many'", None, 27),
    ],
)
def test_an_error_has_its_code_and_the_connection_goes_on(
    clickhouse: LocalClickHouse, database: str, sql: str, rows: Any, code: int
) -> None:
    client = connect(clickhouse, database)
    client.execute("CREATE TABLE positive (n Int64, CONSTRAINT c CHECK n > 0) ENGINE = MergeTree ORDER BY n")
    with pytest.raises(ServerException) as caught:
        client.execute(sql, rows)
    assert caught.value.code == code
    assert client.execute("SELECT count() FROM positive") == [(0,)]


def test_a_wrong_password_is_refused(clickhouse: LocalClickHouse) -> None:
    with pytest.raises(ServerException) as caught:
        connect(clickhouse, password="guess").execute("SELECT 1")
    assert caught.value.code == 516


def test_settings_hold_for_their_query_only_and_unknown_ones_are_ignored(clickhouse: LocalClickHouse) -> None:
    client = connect(clickhouse)
    value = "SELECT getSetting('max_block_size')"
    before = client.execute(value)
    assert client.execute(value, settings={"max_block_size": 1234, "of_another_version": 1}) == [(1234,)]
    assert client.execute(value) == before


def test_rows_in_the_statement_survive_empty_lines(clickhouse: LocalClickHouse, database: str) -> None:
    client = connect(clickhouse, database)
    client.execute("CREATE TABLE t (n UInt64, s String) ENGINE = MergeTree ORDER BY n")
    client.execute("INSERT INTO t VALUES (1, 'a\n\nb'), (2, 'c')")
    assert client.execute("SELECT * FROM t ORDER BY n") == [(1, "a\n\nb"), (2, "c")]


def test_four_threads_insert_and_read_at_once(clickhouse: LocalClickHouse, database: str) -> None:
    connect(clickhouse, database).execute(
        "CREATE TABLE t (thread UInt8, n UInt64) ENGINE = ReplacingMergeTree ORDER BY (thread, n)"
    )
    failures: list[Exception] = []

    def work(thread: int) -> None:
        try:
            client = connect(clickhouse, database, compression="lz4")
            for batch in range(20):
                client.execute(
                    "INSERT INTO t VALUES", [[thread] * 500, list(range(batch * 500, batch * 500 + 500))], columnar=True
                )
                [(count,)] = client.execute("SELECT count() FROM t FINAL WHERE thread = %(thread)s", {"thread": thread})
                assert count == (batch + 1) * 500
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_long_query_does_not_hold_up_the_others(clickhouse: LocalClickHouse) -> None:
    slow = threading.Thread(
        target=lambda: connect(clickhouse).execute("SELECT sleepEachRow(0.1) FROM numbers(20) FORMAT Null")
    )
    slow.start()
    began = time.monotonic()
    client = connect(clickhouse)
    for _ in range(5):
        client.execute("SELECT 1")
    assert time.monotonic() - began < 1
    assert slow.is_alive()
    slow.join()


def test_connections_that_come_and_go_leave_nothing(clickhouse: LocalClickHouse) -> None:
    status = Path(f"/proc/{clickhouse.pid}/status")
    if not status.exists():
        pytest.skip("reads /proc")

    def measure() -> tuple[int, int]:
        found = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(found["Threads"]), int(found["VmRSS"].split()[0]) // 1024

    def come_and_go(count: int) -> None:
        clients = [connect(clickhouse) for _ in range(count)]
        for client in clients:
            client.execute("SELECT sum(number) FROM numbers(100000)")
        for client in clients:
            client.disconnect()
        time.sleep(0.2)

    come_and_go(50)
    threads, mebibytes = measure()
    for _ in range(4):
        come_and_go(50)
    assert measure()[0] <= threads + 10
    assert measure()[1] <= mebibytes + 50


def test_a_paused_server_times_out_and_goes_on(clickhouse: LocalClickHouse) -> None:
    client = connect(clickhouse, send_receive_timeout=0.5, sync_request_timeout=0.5, connect_timeout=0.5)
    client.execute("SELECT 1")
    clickhouse.pause()
    try:
        with pytest.raises((Error, OSError, EOFError)):
            client.execute("SELECT 1")
    finally:
        clickhouse.resume()
    assert connect(clickhouse).execute("SELECT 1") == [(1,)]


def test_data_survives_a_stop_and_a_start(clickhouse: LocalClickHouse, database: str) -> None:
    client = connect(clickhouse, database)
    client.execute("CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n")
    client.execute("CREATE VIEW v AS SELECT sum(n) AS total FROM t")
    client.execute("INSERT INTO t VALUES", [(number,) for number in range(1000)])
    clickhouse.stop()
    clickhouse.start()
    assert connect(clickhouse, database).execute("SELECT * FROM v") == [(499_500,)]


def test_sigkill_in_the_middle_of_inserts_leaves_whole_blocks_and_all_that_was_answered(
    clickhouse: LocalClickHouse, database: str
) -> None:
    connect(clickhouse, database).execute(
        "CREATE TABLE t (batch UInt64, n UInt32, s String) ENGINE = MergeTree ORDER BY (batch, n)"
    )
    rows, answered, batch = 20_000, set[int](), 0
    chance = random.Random(7)

    def insert() -> None:
        nonlocal batch
        client = connect(clickhouse, database, compression="lz4")
        with contextlib.suppress(Error, OSError, EOFError):
            while True:
                batch += 1
                client.execute(
                    "INSERT INTO t VALUES", [[batch] * rows, list(range(rows)), ["x" * 50] * rows], columnar=True
                )
                answered.add(batch)

    for _ in range(4):
        # Given a client that inserts without a pause
        inserting = threading.Thread(target=insert)
        inserting.start()
        # When the server is killed at some moment
        time.sleep(chance.uniform(0.1, 0.6))
        clickhouse.kill()
        inserting.join()
        # Then it opens again, every batch is whole, and none that was answered is missing
        clickhouse.start()
        found = dict(connect(clickhouse, database).execute("SELECT batch, count() FROM t GROUP BY batch"))
        assert set(found.values()) <= {rows}
        assert answered <= found.keys()
    assert answered


def test_a_client_that_dies_in_the_middle_of_an_insert_has_inserted_nothing(
    clickhouse: LocalClickHouse, database: str
) -> None:
    client = connect(clickhouse, database)
    client.execute("CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n")

    def broken() -> Iterator[tuple[int]]:
        yield from ((number,) for number in range(5000))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        client.execute("INSERT INTO t VALUES", broken(), settings={"insert_block_size": 1000})
    client.disconnect()
    assert connect(clickhouse, database).execute("SELECT count() FROM t") == [(0,)]


def test_a_port_in_use_is_refused(clickhouse: LocalClickHouse, tmp_path: Path) -> None:
    with pytest.raises(
        ChildError, match=r"(?s)ended with code 1.*cannot listen on 127\.0\.0\.1.*Address already in use"
    ):
        LocalClickHouse(tmp_path, port=clickhouse.port).start()


def test_a_folder_in_use_is_refused(clickhouse: LocalClickHouse) -> None:
    with pytest.raises(ChildError, match="is in use by another process"):
        LocalClickHouse(clickhouse.home).start()


def test_the_banner_says_what_it_is_for(clickhouse: LocalClickHouse) -> None:
    assert "for development and demonstration only" in (clickhouse.home / "server.log").read_text()


# ClickHouse over HTTP


def ask(
    clickhouse: LocalClickHouse,
    sql: str,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
    **arguments: str,
) -> bytes:
    query = urllib.parse.urlencode({"query": sql} | arguments)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(
        urllib.request.Request(f"http://127.0.0.1:{clickhouse.http_port}/?{query}", body, headers or {}), timeout=30
    ) as answer:
        return bytes(answer.read())


def test_http_answers_in_any_format(clickhouse: LocalClickHouse) -> None:
    assert ask(clickhouse, "SELECT 1, 'x'") == b"1\tx\n"
    assert json.loads(ask(clickhouse, "SELECT {n:UInt8} AS n FORMAT JSON", param_n="5"))["data"] == [{"n": 5}]
    assert ask(clickhouse, "SELECT getSetting('max_block_size')", max_block_size="77", default_format="CSV") == b"77\n"


def test_http_inserts_what_a_post_carries(clickhouse: LocalClickHouse, database: str) -> None:
    ask(clickhouse, "CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n", b"", database=database)
    ask(clickhouse, "INSERT INTO t FORMAT JSONEachRow", b'{"n": 1}\n\n{"n": 2}', database=database)
    assert ask(clickhouse, "SELECT sum(n) FROM t", database=database) == b"3\n"


@pytest.mark.parametrize(
    ("sql", "body", "headers", "status"),
    [
        ("SELECT * FROM nowhere", None, {}, 404),
        ("SELEC 1", None, {}, 400),
        ("CREATE DATABASE stolen", None, {}, 403),
        ("INSERT INTO t VALUES (1)", None, {}, 403),
        ("SELECT 1 INTO OUTFILE '/tmp/stolen'", None, {}, 403),
        ("SELECT * FROM file('/etc/hosts', 'LineAsString')", None, {}, 403),
        ("SELECT 1", b"", {"Origin": "https://elsewhere.example"}, 403),
        ("SELECT 1", None, {"Host": "rebound.example:8123"}, 403),
    ],
)
def test_http_refuses(
    clickhouse: LocalClickHouse, sql: str, body: bytes | None, headers: dict[str, str], status: int
) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        ask(clickhouse, sql, body, headers)
    assert caught.value.code == status


RANDOM = [
    "s String, n UInt32, f Float64",
    "a Array(LowCardinality(String)), m Map(Int16, UInt32), l LowCardinality(Nullable(String))",
    "n Nullable(DateTime64(3)), d Decimal(38, 5), e Decimal(50, 2), u UUID, i IPv6, j Int256",
    "t Tuple(x Array(Nullable(String)), y Map(String, Array(LowCardinality(String)))), z Array(Tuple(Int8, Date))",
]


@pytest.mark.parametrize("columns", RANDOM)
@pytest.mark.parametrize("seed", range(3))
def test_the_end_of_a_block_of_random_data_is_found(clickhouse: LocalClickHouse, columns: str, seed: int) -> None:
    # Given what the engine itself writes as FORMAT Native
    sql = f"SELECT * FROM generateRandom('{columns}', {seed}, 300, 10) LIMIT {seed * 700 + 1} FORMAT Native"
    data = ask(clickhouse, sql)
    pieces = iter([data[at : at + 997] for at in range(0, len(data), 997)])
    # When its blocks are walked
    source = Source(lambda: next(pieces, b""))
    blocks = []
    while not source.at_end():
        source.mark()
        read_block(source)
        blocks.append(source.since_mark())
    # Then they end where the data ends
    assert b"".join(blocks) == data


# The stack

PARENT = """
import json, signal, sys, time
from pathlib import Path
from deploy.local.stack import Service, Stack

home = Path(sys.argv[1])
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored by whatever a shell starts in the background
with Stack(home) as stack:
    worker = Service("worker-0", [sys.executable, "-c", "import time; time.sleep(600)"], {}, home / "worker.log", "")
    worker.start()
    stack.services.append(worker)
    print(json.dumps([*stack.kafka.pids(), stack.clickhouse.pid, worker.pid]), flush=True)
    time.sleep(600)
"""


def gone(pid: int) -> bool:
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return state[:1] in ("", "Z")


@pytest.mark.parametrize(
    ("number", "code", "seconds"), [(signal.SIGKILL, -9, 5), (signal.SIGTERM, 143, 15), (signal.SIGINT, -2, 15)]
)
def test_no_process_outlives_the_one_that_started_it(
    kafka: LocalKafka, clickhouse: LocalClickHouse, tmp_path: Path, number: signal.Signals, code: int, seconds: float
) -> None:
    # Given a process that has started a broker, a database and a worker
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert parent.stdout
    pids = json.loads(parent.stdout.readline())
    assert len(pids) == 3
    assert not any(map(gone, pids))
    # When it is killed, terminated or interrupted
    began = time.monotonic()
    parent.send_signal(number)
    assert parent.wait(seconds) == code
    # Then none of them is left
    while not all(map(gone, pids)):
        assert time.monotonic() - began < seconds, [pid for pid in pids if not gone(pid)]
        time.sleep(0.05)
    parent.stdout.close()


WEB = """
import http.server, os, time
began = time.monotonic()
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        ready = time.monotonic() - began > 0.5
        self.send_response(200 if ready else 503)
        self.end_headers()
        self.wfile.write(b"ready" if ready else b"warming up")
    def log_message(self, *_): pass
print(os.environ["OIDOR_APP_ID"], flush=True)
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Ready).serve_forever()
"""


def test_a_service_is_waited_for_killed_and_started_again(tmp_path: Path) -> None:
    [port] = free_ports(1)
    env = os.environ | {"PORT": str(port), "OIDOR_APP_ID": "given"}
    service = Service("web", [sys.executable, "-c", WEB], env, tmp_path / "web.log", f"http://127.0.0.1:{port}/ready")
    service.start()
    try:
        with pytest.raises(ChildError, match=r"web is not ready after 0\.4 s"):
            service.wait_ready(0.4)
        assert service.wait_ready(10) < 10
        assert service.tail() == "given"
        service.kill()
        with pytest.raises(ChildError, match="web ended with code -9"):
            service.wait_ready(10)
        service.start()
        service.wait_ready(10)
        assert service.terminate(5) < 5
    finally:
        service.kill()


def test_the_stack_uses_a_broker_that_it_is_given(
    kafka: LocalKafka, clickhouse: LocalClickHouse, fresh: Fresh, tmp_path: Path
) -> None:
    with Stack(tmp_path, bootstrap=kafka.bootstrap) as stack:
        settings = stack.settings(app_id=fresh.app_id, topic_prefix=fresh.topic_prefix, partitions=1)
        assert len(topics.create(settings)) == 8
        assert connect(stack.clickhouse).execute("SELECT 1") == [(1,)]
        port = stack.clickhouse.port
    with pytest.raises(NetworkError):
        Client("127.0.0.1", port).execute("SELECT 1")
    assert kafka.pids()
