"""The writer and the migration against a server of their own, which may be stopped."""

import asyncio
import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from clickhouse_driver import Client
from pydantic import SecretStr

from deploy.clickhouse.migrate import DIRECTORY, MigrationError, migrate, pending
from deploy.local.clickhouse.server import LocalClickHouse
from processors.settings import Settings
from schemas.kpis import COUNTS, DIMENSIONS, HISTOGRAM_WIDTH, HISTOGRAMS, LOWEST_BUCKET, SUMS
from schemas.outputs import (
    COLUMNS,
    ActionRow,
    CaseRow,
    ClockRow,
    ErasureRow,
    EventRow,
    IncidentRow,
    PartialRow,
    PolicyTextRow,
    ProgressRow,
    RejectedRow,
    RowBatch,
    StaleMinuteRow,
    WatermarkRow,
    decode_rows,
    dimensions_of,
)
from sinks.clickhouse import Address, InsertBlock, Place, RefusedRow, connect, insert
from sinks.writer import Attempt, ClickHouseWriter

pytestmark = pytest.mark.stack

NOON = 1_795_176_000_000
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalClickHouse]:
    with LocalClickHouse(tmp_path_factory.mktemp("clickhouse")) as running:
        yield running


@pytest.fixture
def settings(server: LocalClickHouse) -> Settings:
    """A database of its own, not migrated."""
    return Settings(clickhouse_port=server.port, clickhouse_database=f"test_{next(_numbers)}")


@pytest.fixture
def address(settings: Settings) -> Address:
    migrate(settings)
    return Address.of(settings)


@pytest.fixture
def client(address: Address) -> Iterator[Client]:
    opened = connect(address, 10)
    yield opened
    opened.disconnect()


def block(table: str, *rows: Sequence[Any], version: int = 1, columns: tuple[str, ...] | None = None) -> InsertBlock:
    one = row_batch(table, *rows, version=version, columns=columns)
    gathered = InsertBlock.like(one)
    assert gathered.add(one) == []
    return gathered


def row_batch(table: str, *rows: Sequence[Any], version: int = 1, columns: tuple[str, ...] | None = None) -> RowBatch:
    encoded = msgspec.Raw(msgspec.msgpack.encode(rows))
    return RowBatch(table, columns or COLUMNS[table], version, NOON, 0, encoded, dimensions_of(table))


def event(number: int = 0, /, **more: Any) -> EventRow:
    texts = dict.fromkeys(EventRow._fields, "") | {
        "topic": "contact-events",
        "event_id": f"e-{number}",
        "source": "crm",
    }
    numbers = {"partition": 3, "incarnation": 0, "offset": number, "record_at": NOON + 1, "occurred_at": NOON}
    nothing: dict[str, Any] = {"warnings": (), "warning_fields": (), "topics": (), "score": None}
    rest: dict[str, Any] = {"seq": -1, "late": 0, "test": 0, "erased": 0, **nothing}
    return EventRow(**{**texts, **numbers, **rest, **more})


def bucket(histogram: int, number: int) -> int:
    """The place of one bucket among a partial's amounts."""
    return (len(HISTOGRAMS) - histogram) * HISTOGRAM_WIDTH + number - LOWEST_BUCKET


def write(address: Address, *blocks: InsertBlock, attempts: list[Attempt] | None = None) -> list[RefusedRow]:
    async def scenario() -> list[RefusedRow]:
        writer = ClickHouseWriter(address, 5, attempts.append if attempts is not None else lambda attempt: None)
        refused = [row for one in blocks for row in await writer.write(one)]
        writer.close()
        return refused

    return asyncio.run(scenario())


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 -- what is waited for happens in another process
            await asyncio.sleep(0.02)


# What goes in comes out

PARTIAL: Final = PartialRow(
    NOON, "contact-events", 3, 0, 2,
    [(
        {place: place * (-1) ** place for place in range(1, len(COUNTS))}
        | {len(COUNTS) + n: 10**12 + n for n in range(6)}
        | {bucket(1, -120): 1, bucket(1, 700): -4_000_000_000, bucket(2, 0): 3},
        [(DIMENSIONS.index("channel"), "phone")],
    )],
)  # fmt: skip
ROWS: dict[str, Sequence[Any]] = {
    "feedback_events": event(7, warnings=("seq_gap",), topics=("billing", "demora"), score=4.5, payload='{"a":"ñ"}'),
    "cases": CaseRow(
        topic="contact-events", source="crm", entity_id="c-1", partition=3, state="waiting_customer",
        waiting_on="customer", waiting_since=NOON + 1, area="billing", team="t1", site="", owner="o",
        priority="high", opened_at=NOON, first_response_at=NOON + 1, answered_at=None, first_resolved_at=None,
        resolved_at=NOON + 2, closed_at=None, last_event_at=NOON + 2, resolution="solved",
        merged_into="c-9", merged_elsewhere=1, events=5, events_left_out=1, assignments=1, transfers=2, reopens=0,
        incomplete=0, test=0, erased=1, customer_id="ada",
        kind="", channel="phone", org_unit="es/madrid", category="invoice", product="fibre", element="process",
        origin_area="sales", otc_stage="invoicing", relationship="b2c", demand_type="failure", queue="sales",
    ),
    "sla_clocks": ClockRow(
        "contact-events:crm:c-1:answer:0", "contact-events", "crm", "c-1", 3, "answer", 0, "default", "1",
        "708348871e469f6c", "ada", "phone", "billing", "t1", "high", "", "sales", NOON, "3min", "", "", "", 0, 180_000,
        NOON + 180_000, None, "paused", None, ("l1", "l2"), (5, 7), 0, 0, 7, "customer", NOON + 1, 0, 0,
        NOON, 0, 0, 0, 0, 1,
    ),
    "incidents": IncidentRow(
        "P02:1", "P02", "c-1", "critical", "open", "", NOON, NOON + 1, None, "contact-events", 3, "crm", "c-1", "ada",
        "billing", "t1", "o", "default", "answer", "Not answered", '{"n":1}', "1",
    ),
    "rejected_events": RejectedRow(
        "contact-events", 3, 2, 9, "cases", 4, NOON, "not_json", "", "an object", "x", "crm", "", "", 12, "00ff",
    ),
    "ingest_progress": ProgressRow("contact-events", 3, 2, NOON, 10, 8, 1, 1, 1, 11),
    "erasures": ErasureRow(1 << 63, 3, NOON),
    "watermarks": WatermarkRow(3, NOON, NOON - 60_000, {"office 1": 5, "uk 2": -1}, {"queue": 2**31}),
    "policy_texts": PolicyTextRow("pack", "default", "1", "708348871e469f6c", "policy_id: default\nclocks: {}\n", NOON),
    "kpi_partials": PARTIAL,
    "kpi_quarter_hours": PARTIAL._replace(revision=1 << 40),
    "kpi_stale_minutes": StaleMinuteRow(NOON, "contact-events", 3, "not_taken_back", 1),
    "actions": ActionRow(
        "a-1", "maintenance_planned", "", "m-1", "crm", NOON, NOON + 60_000, NOON - 5_000, "ana", "new disks", NOON, 9,
    ),
}  # fmt: skip


@pytest.mark.parametrize("table", COLUMNS)
def test_what_goes_in_comes_out(address: Address, client: Client, table: str) -> None:
    moments = {name for name in COLUMNS[table] if name.endswith(("_at", "_since"))} | {"day", "minute", "quarter_hour"}
    moments |= {"first_seen", "at"}

    assert write(address, block(table, ROWS[table], version=1 << 40)) == []

    columns = [f"toUnixTimestamp64Milli({name})" if name in moments else name for name in COLUMNS[table]]
    recorded = "ingested_at" if table == "feedback_events" else "last_recorded_at"
    ((*row, version, recorded_at),) = client.execute(
        f"SELECT {', '.join(columns)}, version, toUnixTimestamp64Milli({recorded}) FROM {table}"
    )
    (whole,) = decode_rows(row_batch(table, ROWS[table]))
    assert row == whole
    assert (version, recorded_at) == (1 << 40, NOON)


def test_every_view_can_be_read_through_the_driver(address: Address, client: Client) -> None:
    write(address, *(block(table, row) for table, row in ROWS.items()))

    views = client.execute("SELECT name FROM system.tables WHERE engine = 'View' AND database = currentDatabase()")

    assert len(views) >= 13
    empty = {name for (name,) in views if not client.execute(f"SELECT * FROM {name}")}
    assert empty <= {"v_kpi_outdated", "v_split_cases"}, "all is well in one row of each table"


def test_a_hundred_years_of_months_go_in_at_once(address: Address, client: Client) -> None:
    century = [event(month, record_at=NOON - month * 31 * 86_400_000) for month in range(600)]

    assert write(address, block("feedback_events", *century)) == []

    assert client.execute("SELECT count() FROM v_events") == [(600,)]


# Once


def test_the_same_block_counts_once_under_its_token(address: Address, client: Client) -> None:
    rows = block("feedback_events", event(0), event(1, record_at=NOON - 40 * 86_400_000))

    write(address, rows, rows)
    insert(client, rows)

    assert client.execute("SELECT count() FROM feedback_events") == [(2,)]


def test_other_rows_are_never_taken_for_a_repetition(address: Address, client: Client) -> None:
    write(address, block("feedback_events", event(0)), block("feedback_events", event(1)))
    write(address, block("feedback_events", event(0), version=2))

    assert client.execute("SELECT offset, version FROM feedback_events ORDER BY 1, 2") == [(0, 1), (0, 2), (1, 1)]


class DeafRelay:
    """Between the writer and the server; while deaf, answers are lost once a good part of a block has passed."""

    def __init__(self, port: int) -> None:
        self._target = port
        self.deaf = False

    async def start(self) -> int:
        self._server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_connection("127.0.0.1", self._target)
        sent = 0

        async def upward() -> None:
            nonlocal sent
            while data := await reader.read(65_536):
                sent += len(data)
                to_server.write(data)
            to_server.close()

        async def downward() -> None:
            while data := await from_server.read(65_536):
                if not (self.deaf and sent > 10_000):
                    writer.write(data)
            writer.close()

        await asyncio.gather(upward(), downward())


def test_an_answer_that_was_lost_does_not_store_twice(
    address: Address, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    rows = block("feedback_events", *(event(offset) for offset in range(3000)))
    attempts: list[Attempt] = []

    async def scenario() -> None:
        relay = DeafRelay(address.port)
        writer = ClickHouseWriter(address._replace(port=await relay.start()), 0.7, attempts.append)
        relay.deaf = True
        writing = asyncio.create_task(writer.write(rows))
        await until(lambda: any(attempt.result == "failed" for attempt in attempts))
        stored = await asyncio.to_thread(client.execute, "SELECT count() FROM feedback_events")
        assert stored == [(3000,)], "the attempt was stored, and only its answer lost"
        relay.deaf = False
        assert await writing == []
        writer.close()

    asyncio.run(scenario())

    assert attempts[-1].result == "inserted"
    assert "no answer within 0.7 s" in caplog.text
    assert client.execute("SELECT count() FROM feedback_events") == [(3000,)]


# For ever


def test_a_server_that_comes_back_gets_every_row_once(
    server: LocalClickHouse, address: Address, caplog: pytest.LogCaptureFixture
) -> None:
    attempts: list[Attempt] = []

    async def scenario() -> list[RefusedRow]:
        writer = ClickHouseWriter(address, 5, attempts.append)
        await writer.write(block("feedback_events", event(0)))
        await asyncio.to_thread(server.kill)
        writing = asyncio.create_task(writer.write(block("feedback_events", event(1), event(2))))
        await until(lambda: len(attempts) >= 4)
        await asyncio.to_thread(server.start)
        refused = await writing
        writer.close()
        return refused

    assert asyncio.run(scenario()) == []

    assert [attempt.result for attempt in attempts[1:4]] == ["failed"] * 3
    assert f"ClickHouse at 127.0.0.1:{server.port} has not taken 2 rows of feedback_events" in caplog.text
    assert connect(address, 10).execute("SELECT offset FROM feedback_events ORDER BY 1") == [(0,), (1,), (2,)]


def test_a_server_that_stands_still_is_left_in_time(server: LocalClickHouse, address: Address) -> None:
    attempts: list[Attempt] = []

    async def scenario() -> None:
        writer = ClickHouseWriter(address, 0.5, attempts.append)
        await writer.write(block("feedback_events", event(0)))
        server.pause()
        try:
            writing = asyncio.create_task(writer.write(block("feedback_events", event(1))))
            await until(lambda: len(attempts) >= 3)
        finally:
            server.resume()
        assert await writing == []
        writer.close()

    asyncio.run(scenario())

    assert all(attempt.seconds < 1 for attempt in attempts[1:3])
    assert connect(address, 10).execute("SELECT offset FROM v_events ORDER BY 1") == [(0,), (1,)]


@pytest.mark.parametrize(
    ("trouble", "cure", "advice"),
    [
        ("RENAME TABLE cases TO hidden", "RENAME TABLE hidden TO cases", "run `oidor migrate`"),
        ("ALTER TABLE cases DROP COLUMN events", "ALTER TABLE cases ADD COLUMN events UInt32", "run `oidor migrate`"),
    ],
)
def test_what_is_ours_to_mend_waits_and_says_what_to_do(
    address: Address, client: Client, caplog: pytest.LogCaptureFixture, trouble: str, cure: str, advice: str
) -> None:
    attempts: list[Attempt] = []

    async def scenario() -> list[RefusedRow]:
        writer = ClickHouseWriter(address, 5, attempts.append)
        await writer.write(block("incidents", ROWS["incidents"]))  # it knows by now who was erased, from `cases` too
        await asyncio.to_thread(client.execute, trouble)
        broken = asyncio.create_task(writer.write(block("cases", ROWS["cases"])))
        await until(lambda: len(attempts) >= 3)
        whole = await writer.write(block("incidents", ROWS["incidents"]))
        assert not broken.done(), "other tables go on while one waits"
        await asyncio.to_thread(client.execute, cure)
        refused = [*whole, *await broken]
        writer.close()
        return refused

    assert asyncio.run(scenario()) == []

    assert advice in caplog.text
    assert client.execute("SELECT entity_id, events FROM v_cases") == [("c-1", 5)]


# Refused


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("partition", None, "UInt32"),
        ("offset", -1, "UInt64"),
        ("late", 256, "UInt8"),
        ("record_at", None, "DateTime64(3, 'UTC')"),
        ("record_at", "yesterday", "DateTime64(3, 'UTC')"),
        ("team", None, "LowCardinality(String)"),
        ("event_id", 5, "String"),
        ("topics", None, "Array(LowCardinality(String))"),
        ("score", "high", "Nullable(Float64)"),
    ],
)
def test_a_value_that_its_column_cannot_hold_is_named_and_the_rest_goes_in(
    address: Address, client: Client, field: str, value: object, expected: str
) -> None:
    wrong: dict[str, Any] = {field: value}
    culprits = [event(17, **wrong), event(40, **wrong)]
    rows = [*map(event, range(17)), culprits[0], *map(event, range(18, 40)), culprits[1], *map(event, range(41, 64))]

    refused = write(address, block("feedback_events", *rows))

    carried = [tuple([*each] if isinstance(each, tuple) else each for each in row) for row in culprits]
    assert refused == [
        RefusedRow("feedback_events", COLUMNS["feedback_events"], row, field, expected, repr(value), Place(row=place))
        for row, place in zip(carried, (17, 40), strict=True)
    ]
    assert client.execute("SELECT count() FROM v_events") == [(62,)]


def test_rows_that_only_the_server_refuses_are_found(address: Address, client: Client) -> None:
    client.execute("ALTER TABLE feedback_events ADD CONSTRAINT known CHECK source != 'evil'")
    rows = [event(offset, source="evil" if offset in (0, 31, 32) else "crm") for offset in range(50)]
    attempts: list[Attempt] = []

    refused = write(address, block("feedback_events", *rows), attempts=attempts)

    assert [row.row[EventRow._fields.index("offset")] for row in refused] == [0, 31, 32]
    assert all(row.got.startswith("code 469: Constraint") for row in refused)
    assert client.execute("SELECT count() FROM v_events") == [(47,)]
    assert {attempt.result for attempt in attempts} == {"refused", "inserted"}
    assert len(attempts) < 50


def test_packs_of_an_older_release_lack_columns(address: Address, client: Client) -> None:
    columns = COLUMNS["cases"][:3]

    assert write(address, block("cases", ("contact-events", "crm", "c-9"), columns=columns)) == []

    assert client.execute("SELECT entity_id, opened_at, events FROM v_cases") == [("c-9", None, 0)]


# Throughput


def test_partials_go_in_at_twenty_thousand_a_second(address: Address) -> None:
    scalars, area = len(COUNTS) + len(SUMS), DIMENSIONS.index("area")
    amounts = dict.fromkeys(range(scalars), 7) | {bucket(0, 30): 1, bucket(0, 35): 2, bucket(2, 90): 1}
    rows = [
        PartialRow(
            NOON + minute * 60_000, "contact-events", 0, 0, 1, [(amounts, [(area, str(value)) for value in range(100)])]
        )
        for minute in range(200)
    ]
    whole = block("kpi_partials", *rows)
    assert len(whole) == 20_000

    started = time.monotonic()
    assert write(address, whole) == []

    assert len(whole) / (time.monotonic() - started) > 20_000


# Migration over the wire

SCRIPTS: Final = len(list(DIRECTORY.glob("*.sql")))


def test_two_places_may_migrate_at_once(settings: Settings) -> None:
    start = threading.Barrier(4)

    def one(_: int) -> list[str]:
        start.wait()
        return migrate(settings)

    with ThreadPoolExecutor(4) as pool:
        assert {len(applied) for applied in pool.map(one, range(4))} <= {0, SCRIPTS}

    assert migrate(settings) == pending(settings) == []
    client = connect(Address.of(settings), 10)
    empty = "SELECT count() FROM system.columns WHERE database = currentDatabase() AND comment = ''"
    assert client.execute(empty) == [(0,)]
    assert client.execute("SELECT count() FROM schema_migrations FINAL") == [(SCRIPTS,)]


def test_a_wrong_password_is_one_line_that_says_what_to_do(settings: Settings) -> None:
    with pytest.raises(MigrationError, match="check OIDOR_CLICKHOUSE_USER, OIDOR_CLICKHOUSE_PASSWORD") as refused:
        migrate(settings.model_copy(update={"clickhouse_password": SecretStr("wrong")}))

    assert "\n" not in str(refused.value)


def test_a_killed_server_keeps_what_it_answered(server: LocalClickHouse, address: Address, tmp_path: Path) -> None:
    write(address, block("feedback_events", event(0)))
    server.kill()
    server.start()

    assert connect(address, 10).execute("SELECT offset FROM v_events") == [(0,)]
