"""ClickHouse as far as the warehouse can tell: ReplacingMergeTree tables, and blocks that are known by their token."""

import asyncio
from collections import deque
from typing import Final

from pydantic import SecretStr

from sinks.clickhouse import Address, InsertBlock, RefusedError
from sinks.writer import ClickHouseWriter
from tests.processors.views import KEYS, Row, Views
from tests.simulation.clients import Weather

_NOWHERE: Final = Address("", 0, "", SecretStr(""), "")
_WINDOW: Final = 100


class Database(Views):
    """Tables by natural key; of a key the greatest version is read, of equal ones the last."""

    def __init__(self) -> None:
        super().__init__()
        self.repetitions = 0
        self._tokens: deque[tuple[str, str]] = deque(maxlen=_WINDOW)

    def store(self, block: InsertBlock) -> None:
        """Insert a block, unless its token is known."""
        name = block.table, block.token
        if name in self._tokens:
            self.repetitions += 1
            return
        self._tokens.append(name)
        for index, version in enumerate(block.values[-2]):
            self.put(block.table, dict(zip(block.columns[:-2], block.row(index), strict=True)), version)

    def put(self, table: str, row: Row, version: int) -> None:
        key = tuple(row[name] for name in KEYS[table])
        known = self._rows[table].get(key)
        if known is None or known[0] <= version:
            self._rows[table][key] = version, row

    def everything(self) -> dict[str, list[Row]]:
        """All that anyone can see."""
        told = {name: self.table(name) for name in ("feedback_events", "rejected_events", "ingest_progress")}
        return {**self.shown(), **told}


class Writer(ClickHouseWriter):
    """The real writer, whose attempts reach the simulated database, or do not, or get no answer."""

    def __init__(self, database: Database, weather: Weather) -> None:
        super().__init__(_NOWHERE, 30)
        self._database, self._weather = database, weather

    async def _attempt(self, block: InsertBlock) -> None:
        weather = self._weather
        await asyncio.sleep(weather.dice.uniform(0.001, 0.05))
        if weather.database_away or weather.strikes(weather.insert_failed):
            raise OSError("connection refused")
        self._refuse(block)
        self._database.store(block)
        await asyncio.sleep(weather.dice.uniform(0.001, 0.05))
        if weather.strikes(weather.insert_unanswered):
            raise TimeoutError("no answer")

    async def _attempt_empty_row(self, block: InsertBlock) -> None:
        await asyncio.sleep(self._weather.dice.uniform(0.001, 0.05))
        self._refuse(block)

    def _refuse(self, block: InsertBlock) -> None:
        if block.table in self._weather.refusing:
            raise RefusedError(469, "a constraint is violated")
