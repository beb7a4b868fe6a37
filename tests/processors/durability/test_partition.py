"""A durable partition: what it takes, what it leaves, and that a failed commit loses and doubles nothing."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
from aiokafka.errors import KafkaConnectionError, MessageSizeTooLargeError, ProducerFenced

from processors.durability.changelog import StateError
from processors.durability.failures import OversizedError, PoisonTracker, RecordPosition
from processors.durability.partition import Admission, DurablePartition
from processors.runtime.slices import Slice
from processors.runtime.timeouts import others_turn
from schemas.topics import COMPLAINTS, CONTACTS, INPUTS
from tests.processors.durability import counting
from tests.processors.durability.counting import POISON, Counting
from tests.processors.durability.fake_log import Broker, Fault, play


async def opened(
    broker: Broker, *, poison: PoisonTracker | None = None, partitions: int = 12, pending_max: int = 100
) -> DurablePartition:
    part = DurablePartition(
        0, counting.counting(), broker.log(0), counting.config(partitions, pending_max), poison or PoisonTracker()
    )
    await part.open()
    part.ready = True
    return part


def a_slice(*values: str, at: int = 0, begin: int | None = None, epoch: int = 0, topic: str = CONTACTS) -> Slice:
    records = [counting.Record(at + i, value.encode()) for i, value in enumerate(values)]
    return Slice(records, topic=topic, partition=0, begin=at if begin is None else begin, epoch=epoch)


def totals(part: DurablePartition) -> dict[str, int]:
    state = part.state
    assert isinstance(state, Counting)
    return state.totals


def test_what_was_committed_is_there_after_a_crash_and_the_rest_is_read_again() -> None:
    async def scene() -> None:
        broker = Broker()
        part = await opened(broker)
        await part.apply_slice(a_slice("a", "b"))
        await part.commit()
        await part.apply_slice(a_slice("b", at=2))

        again = await opened(broker)

        assert totals(again) == {"a": 1, "b": 1}
        assert again.offsets[CONTACTS] == 2

    play(scene())


def test_a_commit_without_changes_writes_nothing() -> None:
    async def scene() -> None:
        broker = Broker()
        part = await opened(broker)
        await part.ask_time()
        written = len(broker.state[0])
        await part.commit()

        assert len(broker.state[0]) == written

    play(scene())


def test_the_first_opening_records_when_and_how_many_partitions_and_another_count_is_refused() -> None:
    async def scene() -> None:
        broker = Broker()
        part = await opened(broker, partitions=12)
        await part.apply_slice(a_slice("a"))
        await part.commit()

        with pytest.raises(StateError, match="12 partitions, OIDOR_PARTITIONS is 6"):
            await opened(broker, partitions=6)

    play(scene())


ADMISSIONS = {
    "the next records": (a_slice("x", at=5, epoch=2), Admission.NEXT),
    "records that are in the state already, and news": (a_slice("x", "y", "z", at=3, epoch=2), Admission.NEXT),
    "a hole inside one reading is real": (a_slice("x", at=9, begin=5, epoch=2), Admission.NEXT),
    "a newer reading": (a_slice("x", at=5, epoch=3), Admission.NEXT),
    "records were skipped": (a_slice("x", at=6, epoch=2), Admission.GAP),
    "fetched before the last seek": (a_slice("x", at=5, epoch=1), Admission.STALE),
}


@pytest.mark.parametrize(("batch", "admission"), ADMISSIONS.values(), ids=ADMISSIONS.keys())
def test_which_slice_is_next(batch: Slice, admission: Admission) -> None:
    async def scene() -> None:
        part = await opened(Broker())
        part.start_at({CONTACTS: 5})
        part.epochs[CONTACTS] = 2

        assert part.admit(batch) is admission

    play(scene())


def test_a_partition_that_is_not_ready_takes_nothing() -> None:
    async def scene() -> None:
        part = await opened(Broker())
        part.ready = False

        assert part.admit(a_slice("x")) is Admission.STALE

    play(scene())


def test_of_a_slice_only_the_news_is_taken() -> None:
    async def scene() -> None:
        part = await opened(Broker())
        await part.apply_slice(a_slice("a", "b"))
        await part.apply_slice(a_slice("a", "b", "c"))

        assert totals(part) == {"a": 1, "b": 1, "c": 1}
        assert part.offsets[CONTACTS] == 3

    play(scene())


def test_while_too_much_waits_for_a_commit_nothing_more_is_taken() -> None:
    async def scene() -> None:
        part = await opened(Broker(), pending_max=3)
        await part.apply_slice(a_slice("a", "b", "c"))
        assert part.admit(a_slice("d", at=3)) is Admission.FULL
        assert part.wake.is_set()

        await part.commit()

        assert part.admit(a_slice("d", at=3)) is Admission.NEXT

    play(scene())


@pytest.mark.parametrize("fault", ["before", "after"])
def test_a_failed_commit_breaks_the_partition_and_the_log_decides_what_happened(fault: Fault) -> None:
    async def scene() -> None:
        broker = Broker()
        part = await opened(broker)
        await part.apply_slice(a_slice("a"))
        broker.fault = lambda number: fault
        with pytest.raises(KafkaConnectionError):
            await part.commit()
        assert part.admit(a_slice("b", at=1)) is Admission.STALE

        broker.fault = lambda number: None
        again = await opened(broker)
        await again.apply_slice(a_slice("a", "b"))
        await again.commit()

        assert totals(again) == {"a": 1, "b": 1}

    play(scene())


def test_a_new_owner_fences_the_old_one() -> None:
    async def scene() -> None:
        broker = Broker()
        zombie = await opened(broker)
        await zombie.apply_slice(a_slice("a"))
        assignment = await opened(broker)

        with pytest.raises(ProducerFenced):
            await zombie.commit()
        await assignment.apply_slice(a_slice("a"))
        await assignment.commit()

        assert totals(await opened(broker)) == {"a": 1}

    play(scene())


def test_two_commits_are_never_under_way_at_once() -> None:
    async def scene() -> None:
        broker = Broker()
        part = await opened(broker)
        await part.apply_slice(a_slice("a"))
        first = asyncio.create_task(part.commit())
        await asyncio.sleep(0)
        await part.apply_slice(a_slice("b", at=1))
        await part.commit()
        await first

        assert len(broker.state[0]) == 2
        assert totals(await opened(broker)) == {"a": 1, "b": 1}

    play(scene())


def test_after_three_failures_at_one_offset_records_are_taken_one_by_one_and_the_culprit_is_rejected() -> None:
    async def scene() -> None:
        broker, poison = Broker(), PoisonTracker()
        batch = a_slice("a", "b", POISON.decode(), "c")
        for _ in range(4):  # three blind, one that finds the culprit
            part = await opened(broker, poison=poison)
            await part.apply_slice(batch)
            assert part.fault
        part = await opened(broker, poison=poison)
        await part.apply_slice(batch)

        assert totals(part) == {"a": 1, "b": 1, "c": 1}
        assert isinstance(part.state, Counting)
        assert part.state.rejected == [2]

    play(scene())


def test_a_broker_that_is_away_makes_no_record_a_suspect() -> None:
    async def scene() -> None:
        broker, poison = Broker(fault=lambda number: "before"), PoisonTracker()
        for _ in range(5):
            part = await opened(broker, poison=poison)
            await part.apply_slice(a_slice("a"))
            with pytest.raises(KafkaConnectionError):
                await part.commit()

        assert not part.fault
        assert poison.failures == 0

    play(scene())


def test_a_limit_of_a_topic_that_was_lowered_makes_no_record_a_suspect() -> None:
    async def scene() -> None:
        broker, poison = Broker(fault=lambda number: MessageSizeTooLargeError(3_000)), PoisonTracker()
        for _ in range(5):
            part = await opened(broker, poison=poison)
            await part.apply_slice(a_slice("a"))
            with pytest.raises(MessageSizeTooLargeError):
                await part.commit()
        assert not part.fault
        broker.fault = lambda number: None
        part = await opened(broker, poison=poison)
        await part.apply_slice(a_slice("a"))
        await part.commit()
        assert totals(await opened(broker)) == {"a": 1}

    play(scene())


def test_after_a_failure_that_is_no_fault_of_ours_one_slice_is_tried_before_more_are_applied() -> None:
    async def scene() -> None:
        part = await opened(Broker())
        part.cautious = True
        assert part.admit(a_slice("a")) is Admission.NEXT
        await part.apply_slice(a_slice("a"))
        assert part.admit(a_slice("b", at=1)) is Admission.FULL
        await part.commit()
        assert part.admit(a_slice("b", at=1)) is Admission.NEXT

    play(scene())


def test_a_record_that_leads_to_a_message_longer_than_any_may_be_is_found_and_rejected() -> None:
    async def scene() -> None:
        broker, poison, giant = Broker(), PoisonTracker(), "giant" * 300_000
        for _ in range(5):
            part = await opened(broker, poison=poison)
            await part.apply_slice(a_slice("a", giant, "b"))
            if part.broken is None:
                try:
                    await part.commit()
                    break
                except OversizedError:
                    pass

        assert totals(part) == {"a": 1, "b": 1}
        assert poison.poisoned == {RecordPosition(CONTACTS, 1)}

    play(scene())


def test_what_the_state_does_not_need_is_deleted_from_its_log() -> None:
    """Given a state that stays small; when its log is compacted again and again; then it stays short, and says all."""

    async def scene() -> None:
        broker = Broker()
        part = await opened(broker)
        for number in range(500):
            await part.apply_slice(a_slice(f"v{number % 20}", at=number))
            await part.commit()

        assert len(broker.state[0]) - broker.truncated[0] < 200
        assert totals(await opened(broker)) == {f"v{number}": 25 for number in range(20)}

    play(scene())


def test_a_halted_operator_gets_no_more_records_and_what_it_had_is_committed() -> None:
    async def scene() -> None:
        broker = Broker()
        part = await opened(broker)
        assert isinstance(part.state, Counting)
        part.state.halted = "a bad release"
        await part.apply_slice(a_slice("a"))

        assert part.halted == "a bad release"
        assert part.admit(a_slice("b", at=1)) is Admission.HALTED
        assert part.held_up(CONTACTS)
        part.fire_timers()
        await part.commit()
        again = await opened(broker)
        assert (totals(again), again.offsets[CONTACTS]) == ({"a": 1}, 1)
        assert again.admit(a_slice("b", at=1)) is Admission.NEXT, "another process may try"

    play(scene())


def test_records_of_another_topic_are_counted_by_that_topics_offsets() -> None:
    async def scene() -> None:
        part = await opened(Broker())
        await part.apply_slice(a_slice("a", topic=COMPLAINTS))

        assert part.offsets == {**dict.fromkeys(INPUTS, 0), COMPLAINTS: 1}

    play(scene())


@pytest.fixture
def short_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every record is a step of its own: there is no time for another one."""
    monkeypatch.setattr("processors.durability.partition.STEP_SECONDS", 0)


@pytest.mark.usefixtures("short_steps")
def test_others_have_their_turn_between_the_steps_of_a_slice_and_nothing_is_skipped_or_doubled() -> None:
    async def scene() -> None:
        broker = Broker()
        part = await opened(broker)
        await part.ask_time()
        slices = [a_slice(*"abcdef"), a_slice(*"abc", topic=COMPLAINTS)]
        applying = [asyncio.create_task(part.apply_slice(batch)) for batch in slices]
        committed = set()
        while not all(task.done() for task in applying):
            await part.commit()
            committed.add(part.durable[CONTACTS])
            await others_turn(1)
        assert len(committed) > 1
        await part.commit()
        for state in (part, await opened(broker)):
            assert totals(state) == {"a": 2, "b": 2, "c": 2, "d": 1, "e": 1, "f": 1}
            assert dict(state.offsets)[CONTACTS] == 6

    play(scene())


@pytest.mark.usefixtures("short_steps")
def test_a_crash_between_the_steps_of_a_slice_loses_and_doubles_nothing() -> None:
    async def scene() -> None:
        broker = Broker()
        part = await opened(broker)
        applying = asyncio.create_task(part.apply_slice(a_slice(*"abcdef")))
        while part.offsets[CONTACTS] < 3:
            await others_turn(1)
        await part.commit()
        applying.cancel()

        again = await opened(broker)
        assert 3 <= again.offsets[CONTACTS] < 6
        await again.apply_slice(a_slice(*"abcdef"))
        assert totals(again) == dict.fromkeys("abcdef", 1)

    play(scene())


@pytest.mark.usefixtures("short_steps")
def test_of_a_slice_nothing_more_is_processed_once_the_partition_is_given_up_or_halted() -> None:
    async def scene() -> None:
        for give_up in ("ready", "halted"):
            part = await opened(Broker())
            applying = asyncio.create_task(part.apply_slice(a_slice(*"abcdef")))
            while part.offsets[CONTACTS] < 2:
                await others_turn(1)
            if give_up == "ready":
                part.ready = False
            else:
                part.halted = "for the test"
                assert isinstance(part.state, Counting)
                part.state.halted = part.halted
            await applying
            assert part.offsets[CONTACTS] < 6
            assert sum(totals(part).values()) == part.offsets[CONTACTS]

    play(scene())


def test_a_commit_waits_until_all_timers_of_a_moment_have_fired() -> None:
    async def scene() -> None:
        broker = Broker()
        waiting = 5

        def fire_one(state: Counting, batch: Sequence[object], now: int, spent: object) -> counting.Step:
            nonlocal waiting
            assert not batch
            waiting -= 1
            state.count("fired")
            state.consistent = waiting == 0
            return counting.Step(0, finished=state.consistent)

        operator = replace(counting.counting(), step=fire_one)
        part = DurablePartition(0, operator, broker.log(0), counting.config(12, 100), PoisonTracker())
        await part.open()
        assert not part.fire_timers()

        await part.commit()

        assert waiting == 0
        assert totals(await opened(broker)) == {"fired": 5}

    play(scene())
