"""What `processors.durability.cluster.Cluster` says of records: one contract for that on Kafka and those in memory."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from faust.types import TP

from processors.durability.cluster import Cluster
from processors.durability.provenance import Fingerprint
from tests.processors.durability.counting import Record

INPUT = TP("contact-events", 0)
FIRST, SECOND, THIRD = (Record(offset, b"%d" % offset, 1_000 + offset, b"key") for offset in range(3))
MARKER = 3
"""The offset that the end of their transaction takes."""

Play = Callable[[Coroutine[Any, Any, None]], None]


class World(Protocol):
    """An input that is empty at first, and a cluster that has it."""

    @property
    def tp(self) -> TP: ...
    @property
    def cluster(self) -> Cluster: ...

    async def write(self, *records: Record) -> None:
        """All of them in one transaction, whose end takes an offset."""

    async def delete_before(self, offset: int) -> None: ...
    async def compact(self) -> None:
        """Let the input be compacted."""


class RecordsContract:
    """Subclasses give the fixtures `play`, and `new_world`, which is called within a scene."""

    def test_a_record_is_the_same_to_whoever_reads_it_there(self, play: Play, new_world: Callable[[], World]) -> None:
        async def scene() -> None:
            world = new_world()
            await world.write(FIRST, SECOND, THIRD)
            for record in (FIRST, THIRD):
                assert await world.cluster.records_at({world.tp: record.offset}) == {world.tp: Fingerprint.of(record)}
            await world.cluster.close()

        play(scene())

    def test_where_a_transaction_ends_there_is_none(self, play: Play, new_world: Callable[[], World]) -> None:
        async def scene() -> None:
            world = new_world()
            await world.write(FIRST, SECOND, THIRD)
            assert await world.cluster.records_at({world.tp: MARKER}) == {world.tp: None}
            await world.write(Record(4, b"behind"))
            assert await world.cluster.records_at({world.tp: MARKER}) == {world.tp: None}
            await world.cluster.close()

        play(scene())

    def test_nothing_is_said_of_offsets_that_a_log_does_not_reach(
        self, play: Play, new_world: Callable[[], World]
    ) -> None:
        async def scene() -> None:
            world = new_world()
            assert await world.cluster.records_at({}) == {}
            assert await world.cluster.records_at({world.tp: 0}) == {}
            await world.write(FIRST, SECOND, THIRD)
            await world.delete_before(1)
            assert await world.cluster.records_at({world.tp: 0}) == {}
            assert await world.cluster.records_at({world.tp: 1}) == {world.tp: Fingerprint.of(SECOND)}
            assert await world.cluster.records_at({world.tp: MARKER + 1}) == {}
            await world.cluster.close()

        play(scene())

    def test_it_says_what_is_compacted(self, play: Play, new_world: Callable[[], World]) -> None:
        async def scene() -> None:
            world = new_world()
            assert await world.cluster.compacted({world.tp.topic}) == frozenset()
            await world.compact()
            for _ in range(100):
                if await world.cluster.compacted({world.tp.topic}):
                    break
                await asyncio.sleep(0.1)
            assert await world.cluster.compacted({world.tp.topic}) == {world.tp.topic}
            await world.cluster.close()

        play(scene())
