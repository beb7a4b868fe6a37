"""Where a partition begins: at the first record, or where a replay says, but only while it has no state."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterable, Mapping

from faust.types import TP

from processors.durability.assignment import Assignment
from schemas.topics import INPUTS
from tests.processors.durability import counting
from tests.processors.durability.fake_log import Broker, Inputs, play
from tests.processors.durability.test_assignment import Deaf, durable, ticking


def assignment_that_begins(broker: Broker, inputs: Inputs, offset: int) -> Assignment:
    async def beginning(tps: Iterable[TP]) -> Mapping[TP, int]:
        return dict.fromkeys(tps, offset)

    return Assignment(
        counting.counting(),
        broker.log,
        lambda: inputs,
        counting.config(1),
        watch=Deaf(),
        refuse=print,
        beginning=beginning,
    )


async def run_for(seconds: float, assignment: Assignment, inputs: Inputs) -> None:
    tasks = [asyncio.create_task(ticking(assignment)), asyncio.create_task(inputs.feed(assignment.deliver))]
    await asyncio.sleep(seconds)
    for task in tasks:
        task.cancel()
    await assignment.shutdown(2)


def test_a_new_state_begins_where_it_is_told_and_one_that_is_there_goes_on() -> None:
    async def scene() -> None:
        broker, inputs = Broker(), Inputs(1, random.Random(4))
        for value in (b"old", b"older", b"new", b"newer"):
            inputs.publish(INPUTS[0], 0, value)
        offset = next(record.offset for record in inputs.logs[TP(INPUTS[0], 0)] if record.value == b"new")

        await run_for(10, assignment_that_begins(broker, inputs, offset), inputs)
        assert durable(broker) == Counter(new=1, newer=1)

        inputs.publish(INPUTS[0], 0, b"newest")
        await run_for(10, assignment_that_begins(broker, inputs, 1_000), inputs)
        assert durable(broker) == Counter(new=1, newer=1, newest=1)

    play(scene())
