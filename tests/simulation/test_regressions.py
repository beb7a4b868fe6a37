"""What the simulation has found in the code, each as small as it gets."""

import asyncio
import random
from collections.abc import Mapping

import pytest
from faust.types import TP

from processors.runtime.slices import FetchProgress
from tests.processors.durability.fake_log import Broker, Inputs, play
from tests.processors.durability.test_assignment import PARTITIONS, assignment_of
from tests.processors.durability.test_partition import a_slice, opened


class Slow(Inputs):
    async def progress(self) -> Mapping[TP, FetchProgress]:
        await asyncio.sleep(1)
        return await super().progress()


def test_a_tick_that_waits_while_partitions_are_lost_does_not_open_them_again() -> None:
    async def scene() -> None:
        broker, inputs = Broker(), Slow(PARTITIONS, random.Random(1))
        assignment = assignment_of(broker, inputs)
        tick = asyncio.create_task(assignment.tick())
        await asyncio.sleep(0.5)

        await assignment.revoke(range(PARTITIONS), 2)
        await tick
        await asyncio.sleep(1)

        assert broker.epochs == {}, "their new owner was fenced"

    play(scene())


def test_who_waits_for_a_commit_that_is_cancelled_is_not_cancelled_with_it() -> None:
    """A commit hangs and is given up while a rebalance waits to make the last one."""

    async def scene() -> None:
        broker = Broker(fault=lambda number: "hangs")
        part = await opened(broker)
        await part.apply_slice(a_slice("a"))
        hanging = asyncio.create_task(part.commit())
        await asyncio.sleep(1)
        waiting = asyncio.create_task(part.commit())
        await asyncio.sleep(1)

        hanging.cancel()

        with pytest.raises(ConnectionAbortedError):
            await waiting

    play(scene())
