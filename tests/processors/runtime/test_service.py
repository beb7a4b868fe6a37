"""What every process shares, shown on a third one: a toy that counts records, and needs no copy of anything.

The same toy runs on a real broker in `tests/stack/test_third_process.py`.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError
from faust.types import TP

from processors.runtime.membership import Membership
from processors.runtime.seam import BatchingApp
from processors.runtime.service import Process, Service
from processors.runtime.shutdown import Shutdown
from processors.runtime.slices import FetchProgress, Slice
from processors.runtime.timeouts import LAST_COMMIT_SECONDS, wall_ms
from processors.settings import Settings
from sinks.metrics.registry import Metrics
from tests.processors.durability.counting import Record
from tests.processors.durability.fake_log import JumpingLoop
from tests.processors.runtime.toy import FAMILIES, TOPIC, Toy, inputs

SETTINGS = Settings(_env_file=None)


class Consumer:
    """A member of the group that has two partitions, with records that wait."""

    def assignment(self) -> set[TP]:
        return {TP(f"eu-{TOPIC}", 0), TP(f"eu-{TOPIC}", 1)}

    async def progress(self) -> dict[TP, FetchProgress]:
        fetched = FetchProgress(epoch=0, end=9, at_end=False, asked_at=1, high_watermark=9, held_ms=0)
        return dict.fromkeys(self.assignment(), fetched)


class Toys(Service):
    """The service of a toy, with a consumer that is there without a broker."""

    def __init__(self) -> None:
        metrics = Metrics(FAMILIES)
        app = BatchingApp(SETTINGS, inputs(SETTINGS, "eu-"))
        app.consumer = Consumer  # type: ignore[method-assign, assignment]
        self.toy = Toy(metrics, app.consumer)
        self.answered: list[float] = []
        super().__init__(
            SETTINGS,
            app,
            self.toy,
            Shutdown(60, end=int),
            port=0,
            registry=metrics.registry,
            answered=self.answered.append,
        )

    async def join(self) -> None:
        await self._app.faust.on_partitions_assigned.send(Consumer().assignment())


def a_slice(*offsets: int) -> Slice:
    records = [Record(offset, b"") for offset in offsets]
    return Slice(records, topic=TOPIC, partition=0, begin=offsets[0], epoch=0)


class Stream:
    """What Faust hands to an agent."""

    def __init__(self, *slices: Slice) -> None:
        self._slices = slices

    async def noack(self) -> AsyncIterator[Slice]:
        for one in self._slices:
            yield one


def what(toys: Toys) -> list[str]:
    """What is wrong, as `/ready` shows it."""
    return [problem["what"] for problem in toys.readiness().details["problems"]]


@pytest.fixture
def toys() -> Toys:
    return Toys()


def run(scene: Any) -> Any:
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        return runner.run(scene)


def test_it_obeys_the_contract_of_a_process(toys: Toys) -> None:
    process: Process = toys.toy
    assert process.tick_seconds == 1.0


def test_it_is_ready_once_it_is_a_member_and_works_on_all_that_is_assigned(toys: Toys) -> None:
    async def scene() -> None:
        assert what(toys) == ["not a member of the consumer group yet"]
        await toys.join()
        assert what(toys) == ["partitions not open: [0, 1]"]
        toys.toy.open = {0, 1}
        ready, details = toys.readiness()
        assert ready
        assert details == {"problems": [], "assignment": {TOPIC: [0, 1]}, "next": {}}
        toys.toy.fails = RuntimeError("out of order")
        assert what(toys) == ["out of order"]
        (shown,) = toys.readiness().details["problems"]
        assert shown.keys() == {"what", "since", "means"}
        toys._app.faust.rebalancing = True
        assert "a rebalance is going on" in what(toys)

    run(scene())


def test_without_an_answer_of_kafka_for_ten_seconds_it_is_not_ready_and_no_watchdog_ends_it(
    toys: Toys, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene() -> None:
        await toys.join()
        toys.toy.open = {0, 1}
        toys._monitor.answered_at = wall_ms() - 60_000  # the wall clock does not jump with the loop's
        journal = asyncio.create_task(toys._keep_journal())
        await asyncio.sleep(9.5)
        assert what(toys) == []
        await asyncio.sleep(2)
        assert what(toys) == ["no answer of Kafka for 11 s"]
        assert "Kafka" not in str(toys.symptoms())
        toys._monitor.answered_at += 1
        await asyncio.sleep(1)
        assert what(toys) == []
        journal.cancel()

    run(scene())

    assert toys.answered[-1] == toys._monitor.answered_at / 1000
    told = [record.getMessage() for record in caplog.records if record.name.endswith("problems")]
    assert len(told) == 2, told
    assert "no answer of Kafka for 10 s: nothing is read or made durable until it answers" in told[0]
    assert told[1].startswith("Over after ")


def test_an_agent_outlives_whatever_a_slice_raises(toys: Toys, caplog: pytest.LogCaptureFixture) -> None:
    class Breaking(Stream):
        async def noack(self) -> AsyncIterator[Slice]:
            toys.toy.fails = ValueError("a slice too many")
            yield a_slice(0, 1)
            toys.toy.fails = None
            yield a_slice(2, 3)

    run(toys._deliver(Breaking()))

    assert toys.toy.next == {0: 4}
    assert "A slice was not taken: toy-events[0]@0" in caplog.text


@pytest.mark.parametrize("error", [KafkaConnectionError("gone"), TimeoutError()])
def test_a_tick_outlives_a_broker_that_does_not_answer_and_shows_how_it_stands(toys: Toys, error: Exception) -> None:
    async def scene() -> None:
        await toys.join()
        toys.toy.open, toys.toy.fails = {0}, error
        await toys._tick()
        await toys._tick()

    run(scene())

    assert toys.toy.ticks == 2
    assert toys.toy.metrics.registry.get_sample_value("feedback_toy_partitions") == 1


def test_nothing_is_ticked_during_a_rebalance(toys: Toys) -> None:
    toys._app.faust.rebalancing = True

    run(toys._tick())

    assert toys.toy.ticks == 0


def test_the_watchdog_sees_what_stands_still_in_it_and_what_it_says_itself(toys: Toys) -> None:
    async def scene() -> tuple[set[str], set[str]]:
        toys._monitor.membership = Membership(7, known=True)
        toys.toy.fails = RuntimeError("out of order")
        before = {symptom.text for symptom in toys.symptoms().values()}
        await toys.join()
        toys.toy.fails = None
        await toys._tick()
        toys.toy.open, toys.toy.fails = {1}, RuntimeError("out of order")
        await asyncio.sleep(60)
        return before, {symptom.text for symptom in toys.symptoms().values()}

    before, after = run(scene())

    assert "a rebalance does not end, though its coordinator answers" in before
    assert "the toy is out of order (working=False)" in before
    assert after == {
        "the toy is out of order (working=True)",
        "the timer does not run",
        "eu-toy-events[1] at 0: records were handed over and nobody takes them",
    }


def test_revocation_and_the_end_leave_it_time_for_a_last_commit(toys: Toys) -> None:
    async def scene() -> None:
        await toys.join()
        toys.toy.open = {0, 1}
        await toys._app.faust.on_partitions_revoked.send({TP(f"eu-{TOPIC}", 1)})
        await toys._app.faust.on_before_shutdown.send()
        await toys._tick()

    run(scene())

    assert toys.toy.open == {0}
    seconds = f"{LAST_COMMIT_SECONDS:g} s"
    assert toys.toy.happened == [f"revoked [1] within {seconds}", f"ends within {seconds}"]
    assert toys.toy.ticks == 0, "nothing is opened any more"
