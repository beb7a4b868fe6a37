"""Reconciliation, looked at once in a while: whether every record that was read is accounted for in the database.

Rows of one checkpoint arrive in several inserts, so that at any one look some may be on their way. What differs at
several looks in a row does not.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from clickhouse_driver import Client
from clickhouse_driver.errors import Error

from sinks.clickhouse import Address, connect, one_line
from sinks.metrics.warehouse import RECONCILED, RECONCILIATION_GAP, WarehouseMetrics

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 60.0
LOOKS: Final = 3
_ANSWER_SECONDS: Final = 20.0
_DIFFERENCES: Final = ("difference_read", "difference_stored", "difference_rejected")

Gaps = Mapping[tuple[object, ...], int]
"""Topic, partition, incarnation, day, and which difference -> how many records."""


class Reconciliation:
    """Shows by how many records the database differs from what was read, of yesterday and today."""

    def __init__(self, ask: Callable[[], Gaps], metrics: WarehouseMetrics, wall_ms: Callable[[], int]) -> None:
        """`ask` may block, and may raise what a connection raises."""
        self._ask, self._metrics, self._wall_ms = ask, metrics, wall_ms
        self._looks: deque[Gaps] = deque(maxlen=LOOKS)
        self._failed = False

    async def run(self) -> None:
        """Looks for ever. A database that does not answer is told of by whoever inserts."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await self.look()

    async def look(self) -> None:
        """One look; without an answer the last gap stands, and so does the time of the last look."""
        try:
            self._looks.append(await asyncio.to_thread(self._ask))
        except (Error, OSError, EOFError) as error:
            if not self._failed:
                log.warning("The reconciliation cannot be looked at: %s", one_line(error))
            self._failed = True
            return
        self._failed = False
        self._metrics.set(RECONCILIATION_GAP, lasting(self._looks))
        self._metrics.set(RECONCILED, self._wall_ms() / 1000)


def lasting(looks: Sequence[Gaps]) -> int:
    """How many records differ at each of the looks; none before there were enough of them."""
    if len(looks) < LOOKS:
        return 0
    return sum(min(abs(look.get(key, 0)) for look in looks) for key in looks[-1])


def asking(address: Address) -> Callable[[], Gaps]:
    """How to ask a database, blocking, over a connection of its own."""

    def ask() -> Gaps:
        client = connect(address, _ANSWER_SECONDS)
        try:
            return gaps(client, address.database)
        finally:
            client.disconnect()

    return ask


def gaps(client: Client, database: str) -> Gaps:
    """Ask, blocking, where what was read of yesterday and today is not what is stored."""
    differs = " OR ".join(f"{name} != 0" for name in _DIFFERENCES)
    rows = client.execute(
        f"SELECT topic, partition, incarnation, day, {', '.join(_DIFFERENCES)} FROM {database}.v_reconciliation "
        f"WHERE day >= toDate(now('UTC')) - 1 AND ({differs})"
    )
    return {
        (*row[:4], name): amount for row in rows for name, amount in zip(_DIFFERENCES, row[4:], strict=True) if amount
    }
