"""Blocks into ClickHouse, an attempt at a time, for ever: what fails is tried again, and only bad rows are handed back.

A block that is refused for its data is written in parts until the rows at fault are known. That they are, and not the
table, is asked of the table itself: whether it takes its last stored row again, or, where nothing was stored yet, an
empty row into an empty copy of it. A table that refuses those is out of order, and its rows wait until it is mended.
"""

import asyncio
import logging
import random
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Final, Literal, NamedTuple, TypeVar

from clickhouse_driver import Client

from sinks.clickhouse import (
    Address,
    InsertBlock,
    RefusedError,
    RefusedRow,
    connect,
    insert,
    insert_empty_row,
    one_line,
)
from sinks.erasures import Erasures, load
from sinks.refusals import RefusalRate, TableRefusesError
from sinks.versions import stored_versions

log = logging.getLogger(__name__)

FIRST_PAUSE: Final = 0.2
LONGEST_PAUSE: Final = 10.0

_SAMPLES: Final = 5

T = TypeVar("T")
Result = Literal["inserted", "refused", "failed"]


class Attempt(NamedTuple):
    """One attempt to insert, for metrics."""

    table: str
    result: Result
    rows: int
    seconds: float


class Suspect(NamedTuple):
    """A row that was refused, as a block of its own: by its own fault or by that of its table."""

    row: InsertBlock
    refused: RefusedRow


class ClickHouseWriter:
    """Writes blocks over one connection, an attempt at a time. Belongs to one event loop, which it never blocks."""

    def __init__(
        self,
        address: Address,
        attempt_timeout: float,
        on_attempt: Callable[[Attempt], None] = lambda attempt: None,
        on_wait: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        """`attempt_timeout` in seconds: connecting, sending and the answer, however they are spread.

        `on_wait` is told what an attempt, or the pause after it, may take, in seconds, as either begins.
        """
        self.refusing: dict[str, str] = {}
        """Table -> how it is out of order, in one line; its rows wait."""
        self.erasures = Erasures()
        self.stored_versions: Mapping[int, int] = {}
        """By partition, as of the first insert since `reload`: what was stored of it before, by whomever."""
        self._loaded = False
        self._address = address
        self._attempt_timeout = attempt_timeout
        self._on_attempt, self._on_wait = on_attempt, on_wait
        self._client: Client | None = None
        self._turn = asyncio.Lock()
        self._rates: defaultdict[str, RefusalRate] = defaultdict(RefusalRate)
        self._last_stored: dict[str, InsertBlock] = {}

    async def write(self, block: InsertBlock) -> list[RefusedRow]:
        """Returns when every row is stored or known to be bad, which may be never; the bad ones."""
        if not len(block):
            return []
        for pause in _pauses():
            try:
                refused = await self._write(block)
            except TableRefusesError as error:
                self.refusing[block.table] = str(error)
                self._on_wait(pause)
                await asyncio.sleep(pause)
            else:
                self.refusing.pop(block.table, None)
                return refused
        raise AssertionError("attempts never end")

    def reload(self) -> None:
        """The database is asked again what it knows, before the next insert: others may have stored more."""
        self._loaded = False

    def close(self) -> None:
        """Ends the connection, with what is under way on it."""
        client, self._client = self._client, None
        if client and not self._turn.locked():
            client.disconnect()
        elif client and (connected := client.connection.socket):
            with suppress(OSError):  # the thread that uses it finds out, and clears up
                connected.shutdown(socket.SHUT_RDWR)

    # What is at fault

    async def _write(self, block: InsertBlock) -> list[RefusedRow]:
        """Raises `TableRefusesError`."""
        suspects: list[Suspect] = []
        try:
            await self._insert(block)
        except RefusedError as why:
            await self._ask_table(block)
            await self._isolate(block, block, why, suspects)
        if len(suspects) < len(block):
            self._last_stored[block.table] = _last_row(block, suspects)
        refused = await self._confirm(block, suspects) if suspects else []
        self._rates[block.table].note(len(block), len(refused))
        return refused

    async def _confirm(self, block: InsertBlock, suspects: list[Suspect]) -> list[RefusedRow]:
        """The suspects that are refused again between two moments at which their table is in order: these are bad."""
        bad = []
        await self._ask_table(block)
        for row, refused in suspects:
            try:
                await self._insert(row)
            except RefusedError:
                await self._ask_table(block)
                bad.append(refused)
        return bad

    async def _ask_table(self, block: InsertBlock) -> None:
        """Raises `TableRefusesError` when it is no row of the block that is at fault."""
        stored = self._last_stored.get(block.table)
        try:
            if stored is None:
                await self._until_answered(block, lambda: self._attempt_empty_row(block))
            else:
                stored.renew()
                await self._until_answered(stored, lambda: self._attempt(stored))
        except RefusedError as error:
            if stored is not None:
                raise TableRefusesError(block.table, "refuses its last stored row as well", error) from error
            if not await self._stores_a_sample(block):
                raise TableRefusesError(block.table, "refuses even an empty row", error) from error

    async def _stores_a_sample(self, block: InsertBlock) -> bool:
        """Whether the table takes any of some rows of a block, which is then its last stored row."""
        for index in range(0, len(block), 1 + len(block) // _SAMPLES):
            sample = block.select([index])
            with suppress(RefusedError):
                await self._insert(sample)
                self._last_stored[block.table] = sample
                return True
        return False

    async def _isolate(self, whole: InsertBlock, part: InsertBlock, why: RefusedError, suspects: list[Suspect]) -> None:
        """Writes what can be written of a part that was refused, and adds the other rows to the suspects.

        Raises `TableRefusesError` when they are too many.
        """
        columns, everything = part.columns[:-2], range(len(part))
        if why.misfits:
            suspects += [
                Suspect(
                    part.select([row]),
                    RefusedRow(part.table, columns, part.row(row), *misfit, part.place(row)),
                )
                for row, misfit in why.misfits.items()
            ]
            rest = [[row for row in everything if row not in why.misfits]]
        elif len(part) == 1:
            refused = RefusedRow(
                part.table, columns, part.row(0), "", "a row that ClickHouse takes", str(why), part.place(0)
            )
            suspects.append(Suspect(part, refused))
            rest = []
        else:
            middle = len(part) // 2
            rest = [[*everything[:middle]], [*everything[middle:]]]
        if how := self._rates[part.table].excessive(len(whole), len(suspects)):
            raise TableRefusesError(part.table, how, why) from why
        for rows in filter(None, rest):
            smaller = part.select(rows)
            try:
                await self._insert(smaller)
            except RefusedError as error:
                await self._isolate(whole, smaller, error, suspects)

    # Attempts

    async def _insert(self, block: InsertBlock) -> None:
        """Raises `RefusedError`; anything else is tried again."""
        await self._until_answered(block, lambda: self._attempt(block), self._on_attempt)

    async def _until_answered(
        self,
        block: InsertBlock,
        attempt: Callable[[], Awaitable[None]],
        report: Callable[[Attempt], None] = lambda attempt: None,
    ) -> None:
        for pause in _pauses():
            async with self._turn:
                started = time.monotonic()

                def ended(result: Result, started: float = started) -> None:
                    report(Attempt(block.table, result, len(block), time.monotonic() - started))

                self._on_wait(self._attempt_timeout)
                try:
                    await attempt()
                    return ended("inserted")
                except RefusedError:
                    ended("refused")
                    raise
                except Exception as error:
                    ended("failed")
                    log.warning(
                        "ClickHouse at %s:%d has not taken %d rows of %s: %s; next attempt in %.1f s",
                        self._address.host, self._address.port, len(block), block.table, one_line(error), pause,
                    )  # fmt: skip
            self._on_wait(pause)
            await asyncio.sleep(pause)
        raise AssertionError("attempts never end")

    async def _attempt(self, block: InsertBlock) -> None:
        if not self._loaded:
            await self._ask(self._load, self._address.database)
            self._loaded = True
        self.erasures.mask(block)
        await self._ask(insert, block)

    def _load(self, client: Client, database: str) -> None:
        load(client, self.erasures)
        self.stored_versions = stored_versions(client, database)

    async def _attempt_empty_row(self, block: InsertBlock) -> None:
        await self._ask(insert_empty_row, block)

    async def _ask(self, question: Callable[[Client, T], None], about: T) -> None:
        """Leaves an attempt behind when its time is over: a peer that trickles resets every timeout of the socket.

        What is left behind may still be stored; then the token makes the next attempt a repetition.
        """
        if self._client is None:
            self._client = connect(self._address, self._attempt_timeout)
        try:
            async with asyncio.timeout(self._attempt_timeout):
                await _in_thread(question, self._client, about)
        except TimeoutError:
            self.close()
            raise TimeoutError(f"no answer within {self._attempt_timeout:g} s") from None
        except asyncio.CancelledError:
            self.close()
            raise


def _last_row(block: InsertBlock, suspects: list[Suspect]) -> InsertBlock:
    """The last row that is none of the suspects, as a block of its own."""
    others = [suspect.refused.row for suspect in suspects]
    return block.select([next(row for row in reversed(range(len(block))) if block.row(row) not in others)])


def _pauses() -> Iterator[float]:
    """Seconds between attempts: doubling up to a limit, spread so that many writers do not come back at once."""
    pause = FIRST_PAUSE
    while True:
        yield pause * random.uniform(0.5, 1)
        pause = min(2 * pause, LONGEST_PAUSE)


async def _in_thread(function: Callable[..., None], *arguments: Any) -> None:
    """Like `asyncio.to_thread`, in a thread that nobody need wait for: a stalled one holds up neither pool nor exit."""
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[None] = loop.create_future()

    def settle(error: BaseException | None) -> None:
        if outcome.done():
            return
        if error:
            outcome.set_exception(error)
        else:
            outcome.set_result(None)

    def run() -> None:
        failure: BaseException | None = None
        try:
            function(*arguments)
        except BaseException as error:
            failure = error
        with suppress(RuntimeError):  # the loop has ended: nobody asks any more
            loop.call_soon_threadsafe(settle, failure)

    threading.Thread(target=run, name="clickhouse-insert", daemon=True).start()
    await outcome
