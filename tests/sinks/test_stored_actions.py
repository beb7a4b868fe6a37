"""What people do becomes rows, each once; what is no action is rejected, and holds nothing up."""

import asyncio
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from pydantic import SecretStr

from schemas.outputs import ActionRow, RejectedRecord
from schemas.topics import ACTIONS
from sinks.clickhouse import Address, InsertBlock
from sinks.erasures import Erasures
from sinks.inserter import Commit, Inserter, InsertLimits
from sinks.metrics.warehouse import WarehouseMetrics
from sinks.stored_actions import ActionReader
from tests.schemas.events.examples import EXAMPLES

NOON = 1_795_521_600_000
GOOD = (EXAMPLES / ACTIONS / "valid" / "acknowledged.1.json").read_bytes()


class Publisher:
    """In place of Kafka: takes rejections."""

    def __init__(self) -> None:
        self.records: list[RejectedRecord] = []

    async def publish(self, records: list[RejectedRecord]) -> None:
        self.records += records

    async def close(self) -> None: ...


class Database:
    """In place of ClickHouse: keeps rows by the key of their table, and the tokens that they came under."""

    def __init__(self) -> None:
        self.actions: dict[str, ActionRow] = {}
        self.rejected = 0
        self.tokens: list[str] = []
        self.refusing: Mapping[str, str] = {}
        self.erasures = Erasures()

    async def write(self, block: InsertBlock) -> list[Any]:
        rows = [block.row(index) for index in range(len(block))]
        if block.table == "actions":
            self.actions |= {row[0]: ActionRow(*row) for row in rows}
            self.tokens.append(block.token)
        else:
            self.rejected += len(rows)
        return []

    def close(self) -> None: ...


class Consumer:
    """In place of a member of the group: takes commits."""

    def __init__(self) -> None:
        self.committed: list[int] = []

    async def commit(self, offsets: Mapping[Any, int]) -> None:
        self.committed += offsets.values()


class Desk:
    """A reader between these three."""

    def __init__(self) -> None:
        self.metrics, self.publisher, self.database = WarehouseMetrics(), Publisher(), Database()
        self.reader = ActionReader({}, "group", "", self._inserter, self.metrics)
        self.consumer = self.reader._consumer = Consumer()

    def _inserter(self, commit: Commit) -> Inserter:
        limits = InsertLimits(rows=100, interval=1, attempt=1, commit=1)
        address = Address("127.0.0.1", 1, "default", SecretStr(""), "oidor")
        found = Inserter(
            address, self.publisher, commit, self.metrics, limits=limits, wall_ms=lambda: NOON  # type: ignore[arg-type]
        )  # fmt: skip
        found._writer = self.database  # type: ignore[assignment]
        return found

    def stores(self, *values: bytes | None, first: int = 0) -> None:
        async def play() -> None:
            for offset, value in enumerate(values, first):
                self.reader.take(SimpleNamespace(value=value, offset=offset, timestamp=NOON, key=b"k", partition=0))
            await self.reader.inserter.insert()

        asyncio.run(play())

    def counted(self, action: str) -> float | None:
        return self.metrics.registry.get_sample_value("feedback_actions_total", {"action": action})


def test_an_action_is_a_row_and_its_offset_is_committed_after_it() -> None:
    desk = Desk()
    desk.stores(GOOD, first=7)
    (row,) = desk.database.actions.values()
    assert (row.action, row.who, row.offset, row.record_at) == ("acknowledged", "ana.ruiz", 7, NOON)
    assert desk.consumer.committed == [8]
    assert (desk.counted("acknowledged"), desk.counted("dismissed")) == (1, 0), "also what nobody did is shown"


def test_what_is_read_again_is_the_same_insert_once_more() -> None:
    one, other = Desk(), Desk()
    for desk in (one, other):
        desk.stores(GOOD, GOOD.replace(b"act-01", b"act-99"))
    assert one.database.tokens == other.database.tokens
    one.stores(GOOD, GOOD.replace(b"act-01", b"act-99"))
    assert len(one.database.actions) == 2


def test_what_is_no_action_is_rejected_with_its_reason_and_the_rest_goes_on() -> None:
    desk = Desk()
    desk.stores(b"not JSON", GOOD, None, b'{"action": "snoozed"}')
    assert [(one.row.topic, one.row.offset, one.row.reason) for one in desk.publisher.records] == [
        (ACTIONS, 0, "not_json"), (ACTIONS, 2, "not_json"), (ACTIONS, 3, "bad_enum"),
    ]  # fmt: skip
    assert desk.publisher.records[0].value == b"not JSON"
    assert (len(desk.database.actions), desk.database.rejected, desk.consumer.committed) == (1, 3, [4])
    assert desk.counted("rejected") == 3
    refused = desk.metrics.registry.get_sample_value("feedback_sink_refused_rows_total", {"table": "row_batch"})
    assert not refused, "no row was refused, so nobody is called for the database"
