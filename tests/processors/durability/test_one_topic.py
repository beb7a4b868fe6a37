"""The durable machinery is anybody's: an operator over one topic with one partition, as a detector has it."""

import asyncio
import random
from collections import Counter

from faust.types import TP

from processors.durability.assignment import Assignment
from processors.durability.changelog import Changelog
from tests.processors.durability import counting
from tests.processors.durability.counting import LIMITS, Counting
from tests.processors.durability.fake_log import Broker, Inputs, play
from tests.processors.durability.test_assignment import Deaf, ticking

SIGNALS = "oidor-signals"


def detector(broker: Broker, inputs: Inputs) -> Assignment:
    return Assignment(
        counting.counting(topics=[SIGNALS]),
        broker.log,
        lambda: inputs,
        counting.config(1, topics=[SIGNALS]),
        watch=Deaf(),
        refuse=print,
    )


def test_one_topic_is_read_committed_and_read_back_over_a_crash() -> None:
    async def scene() -> None:
        broker, inputs = Broker(), Inputs(1, random.Random(3), topics=[SIGNALS])
        for number in range(50):
            inputs.publish(SIGNALS, 0, f"m{number % 7}".encode())
        first = detector(broker, inputs)
        tasks = [asyncio.create_task(ticking(first)), asyncio.create_task(inputs.feed(first.deliver))]
        await asyncio.sleep(1.5)
        for task in [*tasks, *first._tasks.values()]:
            task.cancel()  # kill -9
        inputs.marks.start_over()

        second = detector(broker, inputs)
        tasks = [asyncio.create_task(ticking(second)), asyncio.create_task(inputs.feed(second.deliver))]
        await asyncio.sleep(10)

        assert second.lag() == {SIGNALS: 0}
        assert second.durable() == {TP(SIGNALS, 0): inputs.end(TP(SIGNALS, 0))}
        assert second.partitions[0].state.now > 0, "read to its end, its time goes on"
        for task in tasks:
            task.cancel()
        await second.shutdown(2)

        state = Counting(0, [SIGNALS])
        log = Changelog(state, [SIGNALS], LIMITS)
        for message in broker.state[0]:
            log.apply(message)
        assert Counter(state.totals) == Counter(f"m{number % 7}" for number in range(50))

    play(scene())
