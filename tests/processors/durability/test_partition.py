"""A durable partition: what it takes, what it leaves, and that a failed commit loses and doubles nothing."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest
from aiokafka.errors import KafkaConnectionError, MessageSizeTooLargeError, ProducerFenced

from processors.durability.changelog import StateError
from processors.durability.partition import Admission, DurablePartition, Outgoing, PoisonTracker, Record
from processors.runtime.slices import Slice
from schemas.outputs import Checkpoint
from schemas.topics import COMPLAINTS, CONTACTS, INPUTS
from tests.processors.durability import counting
from tests.processors.durability.counting import POISON, Counting
from tests.processors.durability.fake_log import Broker, Fault, play


async def opened(
    broker: Broker, *, poison: PoisonTracker | None = None, partitions: int = 12, pending_max: int = 100
) -> DurablePartition:
    part = DurablePartition(
        0,
        counting.counting(),
        broker.log(0),
        partitions=partitions,
        poison=poison or PoisonTracker(),
        pending_max=pending_max,
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
        await part.take(a_slice("a", "b"))
        await part.commit()
        await part.take(a_slice("b", at=2))

        again = await opened(broker)

        assert totals(again) == {"a": 1, "b": 1}
        assert again.state.offsets[CONTACTS] == 2

    play(scene())


def test_a_commit_without_changes_writes_nothing() -> None:
    async def scene() -> None:
        broker = Broker()
        part = await opened(broker)
        await part.commit()

        assert broker.state == {}

    play(scene())


def test_the_first_opening_records_when_and_how_many_partitions_and_another_count_is_refused() -> None:
    async def scene() -> None:
        broker = Broker()
        part = await opened(broker, partitions=12)
        await part.take(a_slice("a"))
        await part.commit()

        assert part.state.partitions == 12
        with pytest.raises(StateError, match="12 partitions, the topics have 6"):
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
        part.state.offsets[CONTACTS] = 5
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
        await part.take(a_slice("a", "b"))
        await part.take(a_slice("a", "b", "c"))

        assert totals(part) == {"a": 1, "b": 1, "c": 1}
        assert part.state.offsets[CONTACTS] == 3

    play(scene())


def test_while_too_much_waits_for_a_commit_nothing_more_is_taken() -> None:
    async def scene() -> None:
        part = await opened(Broker(), pending_max=3)
        await part.take(a_slice("a", "b", "c"))
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
        await part.take(a_slice("a"))
        broker.fault = lambda number: fault
        with pytest.raises(KafkaConnectionError):
            await part.commit()
        assert part.admit(a_slice("b", at=1)) is Admission.STALE

        broker.fault = lambda number: None
        again = await opened(broker)
        await again.take(a_slice("a", "b"))
        await again.commit()

        assert totals(again) == {"a": 1, "b": 1}

    play(scene())


def test_a_new_owner_fences_the_old_one() -> None:
    async def scene() -> None:
        broker = Broker()
        zombie = await opened(broker)
        await zombie.take(a_slice("a"))
        assignment = await opened(broker)

        with pytest.raises(ProducerFenced):
            await zombie.commit()
        await assignment.take(a_slice("a"))
        await assignment.commit()

        assert totals(await opened(broker)) == {"a": 1}

    play(scene())


def test_two_commits_are_never_under_way_at_once() -> None:
    async def scene() -> None:
        broker = Broker()
        part = await opened(broker)
        await part.take(a_slice("a"))
        first = asyncio.create_task(part.commit())
        await asyncio.sleep(0)
        await part.take(a_slice("b", at=1))
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
            await part.take(batch)
            assert part.fault
        part = await opened(broker, poison=poison)
        await part.take(batch)

        assert totals(part) == {"a": 1, "b": 1, "c": 1}
        assert isinstance(part.state, Counting)
        assert part.state.rejected == [2]

    play(scene())


def test_a_broker_that_is_away_makes_no_record_a_suspect() -> None:
    async def scene() -> None:
        broker, poison = Broker(fault=lambda number: "before"), PoisonTracker()
        for _ in range(5):
            part = await opened(broker, poison=poison)
            await part.take(a_slice("a"))
            with pytest.raises(KafkaConnectionError):
                await part.commit()

        assert not part.fault
        assert poison.times == 0

    play(scene())


def test_a_checkpoint_that_no_message_can_hold_is_our_own_fault() -> None:
    class Refusing:
        """A log whose broker refuses what a certain record leads to."""

        def __init__(self, broker: Broker) -> None:
            self.log = broker.log(0)
            self.open, self.read, self.forget, self.close = (
                self.log.open,
                self.log.read,
                self.log.forget,
                self.log.close,
            )

        async def transaction(self, outputs: Iterable[Outgoing], delta: Sequence[bytes]) -> int:
            if b'"giant"' in delta[0]:
                raise MessageSizeTooLargeError(2_000_000)
            return await self.log.transaction([], delta)

    async def scene() -> None:
        broker, poison = Broker(), PoisonTracker()
        for _ in range(5):
            part = DurablePartition(
                0, counting.counting(), Refusing(broker), partitions=12, poison=poison, pending_max=100
            )
            await part.open()
            part.ready = True
            await part.take(a_slice("a", "giant", "b"))
            if part.broken is None:
                try:
                    await part.commit()
                    break
                except MessageSizeTooLargeError:
                    pass

        assert totals(part) == {"a": 1, "b": 1}
        assert poison.poisoned == {Record(CONTACTS, 1)}

    play(scene())


def test_what_the_state_does_not_need_is_deleted_seldom_and_at_last_all_of_it() -> None:
    """Given a long log of which little is not needed; when a thousand checkpoints have passed; then it is deleted."""

    class Rotating(Counting):
        needed_from = 0

        def checkpoint(self, recorded_at: int) -> Checkpoint:
            return replace(super().checkpoint(recorded_at), needed_from=self.needed_from)

    async def scene() -> None:
        broker, state = Broker(), Rotating(0)
        process = replace(counting.counting(), create=lambda number: state)
        part = DurablePartition(0, process, broker.log(0), partitions=12, poison=PoisonTracker(), pending_max=100)
        await part.open()
        part.ready = True
        for number in range(900):
            state.needed_from = 60 if number >= 800 else 0
            await part.take(a_slice("a", at=number))
            await part.commit()
        assert broker.forgotten == {}, "59 of 900 are not worth a connection"

        for number in range(900, 1_100):
            await part.take(a_slice("a", at=number))
            await part.commit()
        assert broker.forgotten == {0: 59}, "the message of checkpoint 60 is the first that stays"

    play(scene())


def test_records_of_another_topic_are_counted_by_that_topics_offsets() -> None:
    async def scene() -> None:
        part = await opened(Broker())
        await part.take(a_slice("a", topic=COMPLAINTS))

        assert part.state.offsets == {**dict.fromkeys(INPUTS, 0), COMPLAINTS: 1}

    play(scene())
