"""The assignment: who is opened and when, and that no disturbance loses or doubles a record."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from unittest.mock import patch

import pytest
from aiokafka.errors import (
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    ProducerFenced,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)
from faust.types import TP

from processors.durability import failures
from processors.durability.assignment import Assignment
from processors.durability.changelog import Changelog
from processors.durability.operator import Operator
from processors.runtime.slices import Slice
from processors.runtime.suspects import DEATHS_MAX, Suspects
from schemas.topics import CONTACTS, INPUTS
from tests.processors.durability import counting
from tests.processors.durability.counting import Counting
from tests.processors.durability.fake_log import Broker, Fault, Inputs, JumpingLoop, play

PARTITIONS = 3
CONTACTS_0 = TP(CONTACTS, 0)


class Deaf:
    """A watch that does not watch."""

    def timer_delayed(self, seconds: float) -> None: ...
    def committed(self, seconds: float, delta_bytes: int) -> None: ...
    def opened(self, seconds: float) -> None: ...
    def failed(self, ours: bool) -> None: ...
    def seek_back(self, topic: str, why: str) -> None: ...
    def deleted(self, topic: str, offsets: int) -> None: ...


class RetentionGaps(Deaf):
    """A watch that counts what was deleted before it was read."""

    def __init__(self) -> None:
        self.offsets = 0

    def deleted(self, topic: str, offsets: int) -> None:
        self.offsets += offsets


def assignment_of(
    broker: Broker,
    inputs: Inputs,
    refused: list[str] | None = None,
    pending_max: int = 1_000,
    watch: Deaf | None = None,
    operator: Operator | None = None,
) -> Assignment:
    return Assignment(
        operator or counting.counting(),
        broker.log,
        lambda: inputs,
        counting.config(PARTITIONS, pending_max),
        watch=watch or Deaf(),
        refuse=(refused if refused is not None else []).append,
    )


async def ticking(assignment: Assignment) -> None:
    while True:
        await assignment.tick()
        await asyncio.sleep(1)


async def settled(
    broker: Broker,
    inputs: Inputs,
    truth: Counter[str],
    assignment: Assignment,
    disturb: Callable[[Assignment], Awaitable[Assignment]],
) -> Assignment:
    """Let it run, disturbed, then undisturbed until everything published is durable."""
    tasks: list[asyncio.Task[None]] = []

    def run(assignment: Assignment) -> None:
        for task in tasks:
            task.cancel()
        tasks[:] = [asyncio.create_task(ticking(assignment)), asyncio.create_task(inputs.feed(assignment.deliver))]

    run(assignment)
    for _ in range(20):
        for _ in range(20):
            value = f"v{inputs.dice.randrange(40)}"
            inputs.publish(inputs.dice.choice(INPUTS), inputs.dice.randrange(PARTITIONS), value.encode())
            truth[value] += 1
        await asyncio.sleep(inputs.dice.uniform(0.1, 3))
        changed = await disturb(assignment)
        if changed is not assignment:
            assignment = changed
            run(assignment)
    broker.fault = lambda number: None
    inputs.dropped = 0
    await asyncio.sleep(120)
    for task in tasks:
        task.cancel()
    return assignment


def durable(broker: Broker) -> Counter[str]:
    found: Counter[str] = Counter()
    for messages in broker.state.values():
        found.update(counting.read_back(messages)[0].totals)
    return found


@pytest.mark.parametrize("seed", range(6))
def test_no_disturbance_loses_or_doubles_a_record(seed: int) -> None:
    """Calls that fail, hang, are cut short, or commit without an answer; slices that get lost; crashes; rebalances."""

    async def scene() -> None:
        dice = random.Random(seed)
        faults: list[Fault | None] = ["before", "after", "hangs", "cut short", *[None] * 16]
        broker = Broker(fault=lambda number: dice.choice(faults))
        inputs = Inputs(PARTITIONS, dice, dropped=0.1)
        truth: Counter[str] = Counter()

        async def disturb(assignment: Assignment) -> Assignment:
            happens = dice.random()
            if happens < 0.2:  # kill -9: nobody says goodbye
                for task in asyncio.all_tasks():
                    if task.get_name().startswith("partition-"):
                        task.cancel()
                inputs.marks.start_over()
                return assignment_of(broker, inputs)
            if happens < 0.4:  # a rebalance takes everything and gives it back
                await assignment.revoke(range(PARTITIONS), 2)
                inputs.marks.start_over()
            return assignment

        await settled(broker, inputs, truth, assignment_of(broker, inputs), disturb)

        assert durable(broker) == truth
        sequences = [[sequence_of(message) for message in messages] for messages in broker.state.values()]
        assert sequences == [list(range(1, len(messages) + 1)) for messages in sequences]

    play(scene())


def sequence_of(message: bytes) -> int:
    return counting.read_back([message])[1].sequence


def test_one_hung_commit_holds_up_no_other_partition() -> None:
    async def scene() -> None:
        broker = Broker(fault=lambda number: "hangs" if number == 0 else None)
        inputs = Inputs(PARTITIONS, random.Random(1))
        assignment = assignment_of(broker, inputs)
        tasks = [asyncio.create_task(ticking(assignment)), asyncio.create_task(inputs.feed(assignment.deliver))]
        await asyncio.sleep(3)
        for number in range(PARTITIONS):
            inputs.publish(INPUTS[0], number, b"x")

        await asyncio.sleep(5)

        assert sorted(broker.state) == [1, 2]
        for task in tasks:
            task.cancel()
        await assignment.shutdown(2)

    play(scene())


def test_leaving_takes_no_longer_than_its_budget_though_commits_hang() -> None:
    async def scene() -> None:
        broker = Broker()
        inputs = Inputs(PARTITIONS, random.Random(1))
        assignment = assignment_of(broker, inputs)
        tasks = [asyncio.create_task(ticking(assignment)), asyncio.create_task(inputs.feed(assignment.deliver))]
        await asyncio.sleep(3)
        broker.fault = lambda number: "hangs"
        for number in range(PARTITIONS):
            inputs.publish(INPUTS[0], number, b"x")
        await asyncio.sleep(0.1)
        for task in tasks:
            task.cancel()

        began = asyncio.get_running_loop().time()
        await assignment.shutdown(2)

        assert asyncio.get_running_loop().time() - began <= 3
        assert assignment.partitions == {}

    play(scene())


def test_a_last_commit_makes_a_planned_leave_lossless() -> None:
    async def scene() -> None:
        broker, inputs = Broker(), Inputs(PARTITIONS, random.Random(1))
        assignment = assignment_of(broker, inputs)
        tick = asyncio.create_task(ticking(assignment))
        await asyncio.sleep(2.05)
        inputs.publish(INPUTS[0], 0, b"x")
        batch = inputs.fetch(next(tp for tp in inputs.assignment() if tp.partition == 0), 10)
        assert batch is not None
        await assignment.deliver(batch)
        tick.cancel()
        await assignment.shutdown(2)

        assert durable(broker) == Counter(x=1)

    play(scene())


def test_partitions_whose_inputs_went_to_different_workers_are_not_opened() -> None:
    async def scene() -> None:
        broker, inputs = Broker(), Inputs(PARTITIONS, random.Random(1), split=True)
        assignment = assignment_of(broker, inputs)

        await assignment.tick()
        await asyncio.sleep(5)

        assert assignment.split == {0}
        assert assignment.partitions == {}
        assert broker.epochs == {}

    play(scene())


def test_what_comes_while_an_opening_partition_still_seeks_is_not_read_again() -> None:
    """Given a seek that takes long; when records come of a topic that was sought before; then they are taken."""

    class Slow(Inputs):
        async def seek_back(self, tp: TP, offset: int) -> int:
            epoch = await super().seek_back(tp, offset)
            await asyncio.sleep(0 if tp.topic == INPUTS[0] else 5)
            return epoch

    class Rereads(Deaf):
        def __init__(self) -> None:
            self.topics: list[str] = []

        def seek_back(self, topic: str, why: str) -> None:
            self.topics.append(topic)

    async def scene() -> None:
        broker, inputs, watch = Broker(), Slow(1, random.Random(1)), Rereads()
        inputs.publish(INPUTS[0], 0, b"x", b"y")
        assignment = assignment_of(broker, inputs, watch=watch)
        await assignment.tick()
        await asyncio.sleep(2)
        for _ in range(2):
            batch = inputs.fetch(TP(INPUTS[0], 0), 1)
            assert batch is not None
            await assignment.deliver(batch)
        await asyncio.sleep(15)

        assert durable(broker) == Counter(x=1, y=1)
        assert watch.topics == []
        await assignment.shutdown(1)

    play(scene())


ENDINGS = {
    "another has it": (ProducerFenced("newer epoch"), "another process has it now"),
    "no rights on the id": (TransactionalIdAuthorizationFailed(), "transactional ids that begin with OIDOR_APP_ID"),
    "no rights on a topic": (TopicAuthorizationFailedError(), "allow this account to read"),
    "too large": (MessageSizeTooLargeError(), "OIDOR_MESSAGE_BYTES"),
    "too slow": (KafkaTimeoutError(), "KafkaTimeoutError"),
    "no broker": (KafkaConnectionError("refused"), "refused"),
}


@pytest.mark.parametrize(("error", "told"), ENDINGS.values(), ids=ENDINGS.keys())
def test_whatever_ends_a_transaction_is_told_in_one_line_that_helps_and_loses_nothing(
    error: KafkaError, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene() -> None:
        fails = iter([error, error])
        broker = Broker(fault=lambda number: None)
        inputs = Inputs(PARTITIONS, random.Random(1))
        assignment = assignment_of(broker, inputs)
        tasks = [asyncio.create_task(ticking(assignment)), asyncio.create_task(inputs.feed(assignment.deliver))]
        await asyncio.sleep(3)
        broker.fault = lambda number: next(fails, None) if number == 0 else None
        for number in range(PARTITIONS):
            inputs.publish(INPUTS[0], number, b"x", b"y")
        await asyncio.sleep(60)

        assert durable(broker) == Counter(x=PARTITIONS, y=PARTITIONS)
        for task in tasks:
            task.cancel()
        await assignment.shutdown(1)

    play(scene())
    lines = [record.getMessage() for record in caplog.records if record.levelname != "INFO"]
    assert lines
    assert all(line.startswith("Partition 0 is opened again") and told in line for line in lines)


class HangingError(BaseException):
    """A process ends: no handler of ours comes to it."""


def test_a_record_on_which_three_processes_have_ended_alone_is_rejected_and_all_around_it_are_taken() -> None:
    """Each process ends in the step that hangs, and its watchdog has noted what that was working on."""

    async def scene() -> list[Suspects]:
        broker, inputs, notes = Broker(), Inputs(1, random.Random(1)), list[Suspects]()
        inputs.publish(CONTACTS, 0, b"a", b"b", b"hangs", b"c", b"d")
        for number in range(8):
            if await life(broker, inputs, f"process {number}", notes):
                break
        assert durable(broker) == Counter(a=1, b=1, c=1, d=1)
        state, _ = counting.read_back(broker.state[0])
        hung = next(record.offset for record in inputs.logs[CONTACTS_0] if record.value == b"hangs")
        assert state.rejected == [hung]
        return notes

    async def life(broker: Broker, inputs: Inputs, name: str, notes: list[Suspects]) -> bool:
        """One process; whether it lived on."""

        def hangs(state: Counting, batch: Slice, now: int, spent: Callable[[], bool]) -> counting.Step:
            if any(record.value == b"hangs" for record in batch):
                part = assignment.partitions[0]
                with patch.object(failures, "THIS_PROCESS", name):
                    suspects = part.poison.suspects(batch.topic, batch[0].offset, batch.end)
                notes.append(suspects)
                inputs.noted[CONTACTS_0] = suspects.encode()
                ended.set()
                raise HangingError
            return counting.step(state, batch, now, spent)

        ended = asyncio.Event()
        assignment = assignment_of(broker, inputs, operator=replace(counting.counting(), step=hangs))
        inputs.marks.start_over()
        tasks = [asyncio.create_task(ticking(assignment)), asyncio.create_task(inputs.feed(assignment.deliver))]
        try:
            async with asyncio.timeout(60):
                await ended.wait()
            return False
        except TimeoutError:
            return True
        finally:
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        notes = runner.run(scene())
    alone = [suspects for suspects in notes if suspects.end - suspects.begin == 1]
    assert len(alone) == DEATHS_MAX


def test_a_note_that_the_log_has_passed_makes_no_record_a_suspect() -> None:
    async def scene() -> None:
        broker, inputs = Broker(), Inputs(1, random.Random(1))
        assignment = assignment_of(broker, inputs)
        tasks = [asyncio.create_task(ticking(assignment)), asyncio.create_task(inputs.feed(assignment.deliver))]
        inputs.publish(CONTACTS, 0, b"a", b"b", b"c")
        inputs.noted[CONTACTS_0] = Suspects(0, 1, ("a", "b", "c", "d")).encode()
        await asyncio.sleep(5)
        assert durable(broker) == Counter(b=1, c=1), "one that is condemned is rejected"
        await assignment.revoke([0], 2)
        inputs.marks.start_over()
        await asyncio.sleep(5)
        assert assignment.partitions[0].poison.noted == {}
        for task in tasks:
            task.cancel()
        await assignment.shutdown(1)

    play(scene())


def test_a_slice_that_strays_in_opens_nothing() -> None:
    async def scene() -> None:
        broker, inputs = Broker(), Inputs(PARTITIONS, random.Random(1))
        inputs.publish(INPUTS[0], 0, b"x")
        batch = inputs.fetch(inputs.assignment()[0], 1)
        assert batch is not None

        await assignment_of(broker, inputs).deliver(batch)

        assert broker.epochs == {}

    play(scene())


def test_a_state_of_another_partition_count_is_refused_in_one_line() -> None:
    async def scene() -> None:
        broker, inputs, refused = Broker(), Inputs(PARTITIONS, random.Random(1)), list[str]()
        before = Counting(0)
        log = Changelog(before, INPUTS, counting.LIMITS)
        log.initialise(1, partitions=6)
        before.count("x")
        log.begin()
        broker.state[0] = log.write().messages
        assignment = assignment_of(broker, inputs, refused)

        await assignment.tick()
        await asyncio.sleep(5)

        assert len(refused) == 1
        assert "6 partitions" in refused[0]
        assert "\n" not in refused[0]
        await assignment.shutdown(1)

    play(scene())


def test_time_stands_still_while_a_record_waits_and_goes_on_at_the_end() -> None:
    async def scene() -> None:
        broker, inputs = Broker(), Inputs(PARTITIONS, random.Random(1))
        assignment = assignment_of(broker, inputs)
        tick = asyncio.create_task(ticking(assignment))
        await asyncio.sleep(10)
        tp = inputs.assignment()[0]
        inputs.publish(tp.topic, tp.partition, b"x")
        batch = inputs.fetch(tp, 1)  # handed over, and still in a queue
        assert batch is not None
        await asyncio.sleep(1.5)
        waiting = assignment.partitions[tp.partition].state.now
        await asyncio.sleep(3)
        assert assignment.partitions[tp.partition].state.now == waiting

        await assignment.deliver(batch)
        await asyncio.sleep(3)

        assert assignment.partitions[tp.partition].state.now > waiting
        tick.cancel()
        await assignment.shutdown(1)

    play(scene())


def test_what_retention_deletes_unread_is_told_once_though_no_record_follows() -> None:
    async def scene() -> None:
        broker, inputs, losses = Broker(), Inputs(PARTITIONS, random.Random(1)), RetentionGaps()
        assignment = assignment_of(broker, inputs, watch=losses)
        tick, tp = asyncio.create_task(ticking(assignment)), TP(INPUTS[0], 0)
        feed = asyncio.create_task(inputs.feed(assignment.deliver))
        inputs.publish(*tp, b"read")
        await asyncio.sleep(5)
        assert losses.offsets == 0
        feed.cancel()
        read = inputs.end(tp)
        inputs.publish(*tp, *[b"unread"] * 7)
        inputs.delete(tp)
        deleted = inputs.end(tp) - read
        await asyncio.sleep(5)
        assert losses.offsets == deleted

        inputs.publish(*tp, b"follows")
        feed = asyncio.create_task(inputs.feed(assignment.deliver))
        await asyncio.sleep(5)
        await assignment.revoke([0], 2)
        await asyncio.sleep(5)

        assert losses.offsets == deleted
        assert durable(broker) == Counter(read=1, follows=1)
        for task in (tick, feed):
            task.cancel()
        await assignment.shutdown(1)

    play(scene())
