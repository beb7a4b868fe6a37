"""What the simulation has found in the code, each as small as it gets."""

import asyncio
import random
from collections.abc import Mapping

from faust.types import TP

from processors.batching import Reach
from tests.processors.fake_log import Broker, Inputs, play
from tests.processors.test_ownership import PARTITIONS, owner_of


class Slow(Inputs):
    async def reach(self) -> Mapping[TP, Reach]:
        await asyncio.sleep(1)
        return await super().reach()


def test_a_tick_that_waits_while_partitions_are_lost_does_not_open_them_again() -> None:
    async def scene() -> None:
        broker, inputs = Broker(), Slow(PARTITIONS, random.Random(1))
        owner = owner_of(broker, inputs)
        tick = asyncio.create_task(owner.tick())
        await asyncio.sleep(0.5)

        await owner.lose(range(PARTITIONS), 2)
        await tick
        await asyncio.sleep(1)

        assert broker.epochs == {}, "their new owner was fenced"

    play(scene())
