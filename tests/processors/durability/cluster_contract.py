"""What `processors.durability.cluster.Cluster` promises of logs of states: one contract for Kafka and for memory."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from processors.durability.changelog import ENCODING
from processors.durability.cluster import Cluster
from processors.durability.provenance import Position, Provenance
from tests.processors.durability.fake_cluster import of_release, recording, standing_at

Holding = Callable[[Sequence[Sequence[bytes]]], Awaitable[Cluster]]
"""Makes a cluster whose state topic holds these transactions in partition 0, and nothing in partition 1."""

ONE = recording(Provenance({}, 2, {}, {}, needed_from=1, version=1))
PART = standing_at(Position(2, 0))
TWO = recording(Provenance({}, 2, {}, {}, needed_from=1, version=2))
NEWER = of_release(ENCODING + 1)
OLDER = of_release(ENCODING - 1)
NOBODYS = b"{}"

LOGS = {
    "a whole log": ([[ONE], [TWO]], ONE, TWO),
    "a checkpoint of several messages": ([[ONE], [PART, TWO]], ONE, TWO),
    "another's checkpoints": ([[NEWER], [NEWER]], NEWER, NEWER),
    "another's, and ours from before": ([[ONE], [PART, TWO], [NEWER]], ONE, NEWER),
    "ours, and another's from before": ([[OLDER], [ONE]], OLDER, ONE),
    "no message of ours": ([[NOBODYS]], NOBODYS, NOBODYS),
    "more than is read at once": ([[ONE], *[[PART]] * 40], ONE, ONE),
    "more of another's than is read at once": ([[ONE], *[[NEWER]] * 40], ONE, NEWER),
}


class ClusterContract:
    """Subclasses give the fixtures `state`, the topic of states, and `holding`."""

    @pytest.mark.parametrize(("transactions", "first", "last"), LOGS.values(), ids=LOGS.keys())
    def test_a_log_has_a_first_message_and_one_that_decides_whoever_wrote_them(
        self, state: str, holding: Holding, transactions: list[list[bytes]], first: bytes, last: bytes
    ) -> None:
        async def scene() -> None:
            cluster = await holding(transactions)
            assert await cluster.first(state, [0, 1]) == {0: first}
            assert await cluster.last(state, [0, 1]) == {0: last}
            await cluster.close()

        asyncio.run(scene())

    def test_a_log_without_a_message_has_neither(self, state: str, holding: Holding) -> None:
        async def scene() -> None:
            cluster = await holding([])
            assert (await cluster.first(state, [0, 1]), await cluster.last(state, [0, 1])) == ({}, {})
            await cluster.close()

        asyncio.run(scene())
