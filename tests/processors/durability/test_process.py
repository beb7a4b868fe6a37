"""A process that keeps durable partitions: what it says of them, to operations and to the watchdog."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping

from aiokafka.errors import MessageSizeTooLargeError
from faust.types import TP

from processors.durability.process import COMMIT_TO_GROUP_SECONDS, SILENT_COMMIT_SECONDS, DurableProcess
from processors.runtime.symptoms import of_reading
from processors.runtime.watchdog import Standstill
from schemas.observations import IsolatedErrors
from schemas.topics import CONTACTS, INPUTS
from sinks.metrics.durability import FAMILIES, DurabilityWatch
from sinks.metrics.registry import Metrics
from tests.processors.durability.counting import Counting, read_back
from tests.processors.durability.fake_log import Broker, Fault, Inputs, play
from tests.processors.durability.test_assignment import PARTITIONS, assignment_of


class Group:
    """The group as a member has it."""

    def __init__(self) -> None:
        self.rebalancing = False
        self.committed: dict[TP, int] = {}

    async def commit_durable(self, offsets: Mapping[TP, int]) -> bool:
        self.committed |= offsets
        return True


class Scene:
    """A process over a log and inputs in memory, that ticks and reads."""

    def __init__(self, *, split: bool = False) -> None:
        self.broker, self.group = Broker(), Group()
        self.inputs = Inputs(PARTITIONS, random.Random(1), split=split)
        self.metrics = Metrics(FAMILIES)
        assignment = assignment_of(self.broker, self.inputs)
        self.process = DurableProcess(assignment, lambda: self.group, DurabilityWatch(self.metrics))

    def gauge(self, name: str, **labels: str) -> float | None:
        self.process.update_gauges()
        return self.metrics.registry.get_sample_value(f"feedback_{name}", labels)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for work in (self._tick, self._read, *self.process.background):
                tasks.create_task(work())

    async def _tick(self) -> None:
        while True:
            await self.process.tick()
            await asyncio.sleep(self.process.tick_seconds)

    async def _read(self) -> None:
        await self.inputs.feed(self.process.deliver)


def played(scene: Callable[[Scene], Awaitable[None]], *, split: bool = False) -> None:
    async def run() -> None:
        made = Scene(split=split)
        running = asyncio.create_task(made.run())
        await scene(made)
        running.cancel()
        await made.process.shutdown(2)

    play(run())


def test_what_is_open_is_ready_and_its_durable_offsets_are_committed_to_the_group() -> None:
    async def scene(here: Scene) -> None:
        here.inputs.publish(CONTACTS, 0, b"a", b"b")
        await asyncio.sleep(2 * COMMIT_TO_GROUP_SECONDS)
        assert here.process.opened() == [0, 1, 2]
        assert (here.gauge("partitions", state="ready"), here.gauge("state_recovered")) == (3, 1)
        assert here.process.problems() == []
        assert here.group.committed == {TP(CONTACTS, 0): here.inputs.end(TP(CONTACTS, 0))}
        parts = here.process.details()["partitions"]
        assert {number: part["state"] for number, part in parts.items()} == {"0": "ready", "1": "ready", "2": "ready"}

    played(scene)


def test_nothing_is_committed_to_the_group_during_a_rebalance() -> None:
    async def scene(here: Scene) -> None:
        here.group.rebalancing = True
        here.inputs.publish(CONTACTS, 0, b"a", b"b")
        await asyncio.sleep(3 * COMMIT_TO_GROUP_SECONDS)
        assert here.group.committed == {}

    played(scene)


def test_it_is_not_ready_while_a_commit_hangs_which_holds_up_its_inputs_and_is_no_symptom() -> None:
    async def scene(here: Scene) -> None:
        await asyncio.sleep(1)
        here.broker.fault = _hanging(1)
        for _ in range(round(SILENT_COMMIT_SECONDS) + 3):
            here.inputs.publish(CONTACTS, 1, b"a")
            await asyncio.sleep(1)
        (problem,) = here.process.problems()
        assert problem.what.startswith("partition 1: nothing committed for 2")
        assert here.process.symptoms(working=True, answered=True) == {}

    played(scene)


def test_a_halted_partition_is_not_ready_and_says_why_but_is_not_stuck() -> None:
    async def scene(here: Scene) -> None:
        await asyncio.sleep(2)
        state = here.process.assignment.partitions[1].state
        assert isinstance(state, Counting)
        state.halted = "the last 100 records all failed by an error of ours"
        for _ in range(60):
            here.inputs.publish(CONTACTS, 1, b"a")
            here.inputs.publish(CONTACTS, 0, b"b")
            await asyncio.sleep(1)
            assert here.process.symptoms(working=True, answered=True) == {}
            assert of_reading(here.process.progress(), []) == {}
        (problem,) = here.process.problems()
        assert problem.what == "partition 1 is halted: the last 100 records all failed by an error of ours"
        assert here.process.details()["partitions"]["1"]["state"] == "halted"
        assert here.process.details()["partitions"]["0"]["state"] == "ready", "the others go on"
        assert (here.gauge("partitions", state="ready"), here.gauge("partitions", state="halted")) == (2, 1)
        assert (here.gauge("consumer_lag_events", topic=CONTACTS) or 0) > 50

    played(scene)


def test_what_failed_by_itself_is_shown_by_name_over_all_partitions_with_its_last_error() -> None:
    async def scene(here: Scene) -> None:
        await asyncio.sleep(2)
        for number, one in ((0, IsolatedErrors(2, "KeyError", 30)), (2, IsolatedErrors(5, "TypeError", 20))):
            state = here.process.assignment.partitions[number].state
            assert isinstance(state, Counting)
            state.isolated_errors = {"P99": one}
        assert here.process.details()["isolated_errors"] == {
            "P99": {"errors": 7, "last_error": "KeyError", "last_error_at": 30}
        }
        assert here.process.problems() == []

    played(scene)


def test_a_limit_that_is_too_low_is_told_with_what_to_do_while_records_wait_and_ends_when_it_is_lifted() -> None:
    async def scene(here: Scene) -> None:
        await asyncio.sleep(2)
        here.broker.fault = lambda number: MessageSizeTooLargeError() if number == 1 else None
        here.inputs.publish(CONTACTS, 1, b"a", b"b")
        standstill = Standstill()
        for second in range(120):
            await asyncio.sleep(1)
            assert standstill.look(here.process.symptoms(working=True, answered=True), second) == []
        (problem,) = [problem for problem in here.process.problems() if problem.kind.startswith("failing")]
        assert problem.what.startswith("partitions [1] cannot commit or open: MessageSizeTooLargeError")
        assert "raise max.message.bytes" in problem.means
        assert here.process.opened() != []
        here.broker.fault = lambda number: None
        await asyncio.sleep(10)
        assert here.process.problems() == []
        assert read_back(here.broker.state[1])[0].totals == {"a": 1, "b": 1}

    played(scene)


def test_inputs_of_one_partition_that_went_to_different_processes_are_a_problem_and_nothing_is_opened() -> None:
    async def scene(here: Scene) -> None:
        await asyncio.sleep(2)
        (problem,) = here.process.problems()
        assert problem.what == "partitions not co-located: [0]"
        assert here.process.opened() == []

    played(scene, split=True)


def test_a_partition_that_cannot_be_opened_is_watched_but_has_its_pauses() -> None:
    async def scene(here: Scene) -> None:
        here.broker.fault = lambda number: "cut short" if number == 2 else None
        standstill = Standstill()
        for second in range(120):
            await asyncio.sleep(1)
            assert standstill.look(here.process.symptoms(working=True, answered=True), second) == []
        assert here.process.opened() == [0, 1]
        assert (here.gauge("partitions", state="opening"), here.gauge("state_recovered")) == (1, 0)
        assert here.process.symptoms(working=False, answered=True) == {}

    played(scene)


def test_how_far_each_open_topic_partition_has_come_is_told_by_its_kafka_name() -> None:
    async def scene(here: Scene) -> None:
        here.inputs.publish(CONTACTS, 0, b"a", b"b")
        await asyncio.sleep(2)
        progress = {one.tp: one.next for one in here.process.progress()}
        assert set(progress) == {TP(topic, number) for topic in INPUTS for number in range(PARTITIONS)}
        assert progress[TP(CONTACTS, 0)] == here.inputs.end(TP(CONTACTS, 0))

    played(scene)


def _hanging(which: int) -> Callable[[int], Fault | None]:
    return lambda number: "hangs" if number == which else None
