"""What states recorded is compared with what the topics are: nothing is believed, and nothing is guessed."""

import asyncio
import random
from collections.abc import Callable, Iterable, Mapping
from typing import cast

import pytest
from faust.types import TP

from processors.durability.assignment import Assignment
from processors.durability.changelog import ENCODING, accepted
from processors.durability.inspection import Inspection, look_before_joining
from processors.durability.provenance import OTHER_VERSION, Fingerprint, InputTopic, Position, Provenance, told
from schemas.topics import COMPLAINTS, CONTACTS, INPUTS, NO_ID, SURVEYS, TopicIdentity
from tests.processors.durability import counting
from tests.processors.durability.counting import Counting, Record
from tests.processors.durability.fake_cluster import (
    NAMES,
    PARTITIONS,
    STATE,
    FakeCluster,
    id_of,
    of_release,
    recording,
)
from tests.processors.durability.fake_log import Broker, Inputs, play
from tests.processors.durability.test_assignment import Deaf, ticking

LAST = Record(59, b"the last", 1_000)
AS_READ = Provenance(
    inputs={name: InputTopic(name, id_of(name)) for name in NAMES},
    partitions=PARTITIONS,
    offsets=dict.fromkeys(INPUTS, 60),
    last_records=dict.fromkeys(INPUTS, Fingerprint.of(LAST)),
    needed_from=5,
    version=1,
)


ITS_ENCODING = f"of Oidor (its encoding is {ENCODING + 1}, this version reads {ENCODING})"


def as_it_was_left() -> FakeCluster:
    """A cluster on which nothing changed since the last checkpoint."""
    numbers = range(PARTITIONS)
    return FakeCluster(
        offsets={TP(topic, number): 60 for topic in INPUTS for number in numbers},
        firsts=dict.fromkeys(numbers, Position(4, 0)),
        lasts=dict.fromkeys(numbers, AS_READ),
        held={TP(topic, number): [LAST] for topic in INPUTS for number in numbers},
    )


def found(cluster: FakeCluster) -> list[str]:
    return told(asyncio.run(look_before_joining(cluster, NAMES, PARTITIONS, STATE)))


def test_a_process_may_join_when_nothing_changed_and_when_there_is_nothing_yet() -> None:
    assert found(as_it_was_left()) == []
    assert found(FakeCluster()) == []


def _recreate(cluster: FakeCluster) -> None:
    cluster.recreate(CONTACTS)
    cluster.ended[TP(CONTACTS, 0)] = 3  # the gravest alone is told


def _cut_an_input(cluster: FakeCluster) -> None:
    cluster.ended[TP(SURVEYS, 1)] = 59


def _cut_an_input_that_grows_again(cluster: FakeCluster) -> None:
    cluster.held[TP(SURVEYS, 1)] = [LAST._replace(timestamp=2_000)]


def _cut_an_input_that_grows_again_by_a_transaction(cluster: FakeCluster) -> None:
    cluster.held[TP(SURVEYS, 1)] = [LAST._replace(offset=58), LAST._replace(offset=60)]


def _cut_the_state(cluster: FakeCluster) -> None:
    cluster.firsts[1] = Position(6, 0)


def _cut_within_a_checkpoint(cluster: FakeCluster) -> None:
    cluster.firsts[1] = Position(5, 1)


def _empty_the_state(cluster: FakeCluster) -> None:
    del cluster.firsts[0], cluster.lasts[0]


def _empty_a_state_whose_group_is_forgotten(cluster: FakeCluster) -> None:
    _empty_the_state(cluster)
    cluster.offsets.clear()
    cluster.low[0] = 700


def _rename(cluster: FakeCluster) -> None:
    inputs: dict[str, InputTopic] = {name: InputTopic(f"production-{name}", id_of(name)) for name in NAMES}
    cluster.lasts = dict.fromkeys(range(PARTITIONS), AS_READ._replace(inputs=inputs))


def _add_partitions(cluster: FakeCluster) -> None:
    cluster.identities[COMPLAINTS] = TopicIdentity(id_of(COMPLAINTS), 4)


def _write_with_more_partitions(cluster: FakeCluster) -> None:
    cluster.lasts[0] = AS_READ._replace(partitions=12)


def _delete(cluster: FakeCluster) -> None:
    del cluster.identities[CONTACTS]


def _write_with_a_newer_release(cluster: FakeCluster) -> None:
    cluster.messages[0] = [of_release(ENCODING + 1)] * 3


def _go_on_with_a_newer_release(cluster: FakeCluster) -> None:
    cluster.messages[0] = [recording(AS_READ), of_release(ENCODING + 1)]


def _write_with_an_older_release(cluster: FakeCluster) -> None:
    cluster.messages[0] = [of_release(ENCODING - 1)]


def _write_something_else(cluster: FakeCluster) -> None:
    cluster.messages[0] = [b"{}"]


@pytest.mark.parametrize(
    ("happens", "seen", "to_do"),
    [
        (_recreate, "contact-events is not the topic that was read before", "`oidor inputs accept --from beginning`"),
        (_cut_an_input, "survey-events[1] ends at 59, and was read up to 60", "`oidor inputs accept --from beginning`"),
        (
            _cut_an_input_that_grows_again,
            "survey-events[1] has not the record at 59 any more that was read there",
            "`oidor inputs accept --from beginning`",
        ),
        (_cut_an_input_that_grows_again_by_a_transaction, "the record at 59", "`oidor inputs accept --from beginning`"),
        (
            _cut_the_state,
            "oidor-state[1] begins with checkpoint 6, and is needed from 5",
            "begins such partitions anew",
        ),
        (_cut_within_a_checkpoint, "oidor-state[1] begins with checkpoint 5, and is needed from 5", "begins such"),
        (_empty_the_state, "oidor-state[0] is empty, and contact-events[0] was read up to 60", "inputs accept"),
        (_empty_a_state_whose_group_is_forgotten, "oidor-state[0] is empty, and had 700 messages", "inputs accept"),
        (_rename, "computed from production-contact-events, and contact-events is to be read", "give this one its own"),
        (_add_partitions, "complaint-events has 4 partitions, the state was written with 2", "and a replay"),
        (_write_with_more_partitions, "written with 12 partitions, OIDOR_PARTITIONS is 2", "and a replay"),
        (_delete, "contact-events does not exist", "`oidor topics create`"),
        (_write_with_a_newer_release, f"oidor-state[0] was written by a newer release {ITS_ENCODING}", OTHER_VERSION),
        (_go_on_with_a_newer_release, f"oidor-state[0] was written by a newer release {ITS_ENCODING}", OTHER_VERSION),
        (_write_with_an_older_release, "oidor-state[0] was written by another release of Oidor", OTHER_VERSION),
        (_write_something_else, "oidor-state[0] is not readable", OTHER_VERSION),
    ],
)
def test_what_changed_while_nobody_ran_is_one_line_that_says_what_to_do(
    happens: Callable[[FakeCluster], None], seen: str, to_do: str
) -> None:
    cluster = as_it_was_left()
    happens(cluster)

    (line,) = found(cluster)

    assert seen in line
    assert to_do in line
    assert "\n" not in line


def test_the_same_of_many_partitions_is_told_once_with_their_number() -> None:
    cluster = as_it_was_left()
    cluster.ended = {TP(topic, number): 1 for topic in INPUTS for number in range(PARTITIONS)}

    (line,) = found(cluster)

    assert "(and 5 more like it)" in line


def _let_retention_delete_it(cluster: FakeCluster) -> None:
    cluster.begun[TP(SURVEYS, 1)] = 60
    cluster.held[TP(SURVEYS, 1)] = []


def _let_compaction_delete_it(cluster: FakeCluster) -> None:
    cluster.holed.add(SURVEYS)
    cluster.held[TP(SURVEYS, 1)] = [LAST._replace(offset=60)]


@pytest.mark.parametrize("happens", [_let_retention_delete_it, _let_compaction_delete_it])
def test_nothing_is_known_of_a_log_whose_last_read_record_was_deleted_as_it_may_be(
    happens: Callable[[FakeCluster], None],
) -> None:
    cluster = as_it_was_left()
    happens(cluster)

    assert found(cluster) == []


def test_a_record_that_compaction_left_is_another_when_it_is() -> None:
    cluster = as_it_was_left()
    _let_compaction_delete_it(cluster)
    cluster.held[TP(SURVEYS, 1)] = [LAST._replace(value=b"another")]

    (line,) = found(cluster)

    assert "the record at 59" in line


def test_an_id_that_a_broker_does_not_know_is_equal_to_every_other() -> None:
    cluster = as_it_was_left()
    cluster.identities[CONTACTS] = TopicIdentity(NO_ID, PARTITIONS)
    assert found(cluster) == []

    cluster = as_it_was_left()
    unknown = {name: InputTopic(name) for name in NAMES}
    cluster.lasts = dict.fromkeys(range(PARTITIONS), AS_READ._replace(inputs=unknown))
    assert found(cluster) == []


# While it runs


class Running:
    """A process whose inputs and cluster agree, until a test makes them differ."""

    def __init__(self) -> None:
        self.broker, self.inputs = Broker(), Inputs(PARTITIONS, random.Random(1))
        self.cluster = FakeCluster(held=self.inputs.logs)
        self.refused: list[str] = []
        self.assignment = Assignment(
            counting.counting(),
            self.broker.log,
            lambda: self.inputs,
            counting.config(PARTITIONS),
            watch=Deaf(),
            refuse=self.refused.append,
            inspection=Inspection(self.cluster, NAMES, PARTITIONS, STATE),
        )

    async def run(self) -> list["asyncio.Task[None]"]:
        for topic in INPUTS:
            self.inputs.publish(topic, 0, b"a", b"b", b"c")
        work = ticking(self.assignment), self.inputs.feed(self.assignment.deliver), self.assignment.inspect()
        tasks = [asyncio.ensure_future(one) for one in work]
        await asyncio.sleep(40)
        return tasks

    def totals(self) -> int:
        parts = self.assignment.partitions.values()
        return sum(sum(cast("Counting", part.state).totals.values()) for part in parts)


def scene(happens: Callable[[Running], None], then: Callable[[Running], None]) -> None:
    async def run() -> None:
        running = Running()
        tasks = await running.run()
        assert running.totals() == 9
        assert running.assignment.problems == []
        happens(running)
        await asyncio.sleep(60)
        then(running)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        assert running.cluster.closed

    play(run())


def test_a_topic_that_is_made_again_is_named_within_a_minute_and_nothing_of_it_is_taken_for_read() -> None:
    def happens(running: Running) -> None:
        running.cluster.recreate(CONTACTS)

    def then(running: Running) -> None:
        (problem,) = running.assignment.problems
        assert "contact-events is not the topic that was read before" in problem
        running.inputs.publish(CONTACTS, 0, b"new")
        assert running.totals() == 9
        assert all(part.waits for part in running.assignment.partitions.values())

    scene(happens, then)


def test_a_log_that_ends_before_what_was_read_is_looked_at_at_once() -> None:
    async def run() -> None:
        running = Running()
        tasks = await running.run()
        now = running.assignment.partitions[0].state.now
        tp = TP(CONTACTS, 0)
        running.inputs.logs[tp] = running.inputs.logs[tp][:1]
        running.cluster.ended[tp] = running.inputs.end(tp)
        await asyncio.sleep(5)

        (problem,) = running.assignment.problems
        assert "contact-events[0] ends at" in problem
        assert running.assignment.partitions[0].waits
        assert not running.assignment.partitions[1].waits
        await asyncio.sleep(20)
        assert running.assignment.partitions[0].state.now <= now + 10_000
        for task in tasks:
            task.cancel()

    play(run())


def test_a_log_that_was_cut_and_has_grown_again_is_named_within_a_minute() -> None:
    def happens(running: Running) -> None:
        log = running.inputs.logs[TP(CONTACTS, 0)]
        log[-2:] = [one._replace(value=b"another") for one in log[-2:]]

    def then(running: Running) -> None:
        (problem,) = running.assignment.problems
        assert "contact-events[0] has not the record at 2 any more that was read there" in problem
        assert running.assignment.partitions[0].waits
        assert not running.assignment.partitions[1].waits

    scene(happens, then)


@pytest.mark.parametrize("another", [True, False], ids=["another log", "the same log"])
def test_nothing_is_taken_from_another_broker_before_it_has_shown_the_last_record_that_was_read(another: bool) -> None:
    async def run() -> None:
        running = Running()
        tasks = await running.run()
        log, tp = running.inputs.logs[TP(CONTACTS, 0)], TP(CONTACTS, 0)
        if another:
            log[-2:] = [one._replace(value=b"another") for one in log[-2:]]
        running.inputs.marks.asked(tp, 1_000, "a broker")
        running.inputs.marks.asked(tp, 2_000, "another broker")
        running.inputs.publish(CONTACTS, 0, b"behind")
        await asyncio.sleep(5)

        part = running.assignment.partitions[0]
        if another:
            assert running.totals() == 9
            assert "contact-events[0] has not the record at" in running.assignment.problems[0]
        else:
            assert running.totals() == 10
            assert not part.waits
        for task in tasks:
            task.cancel()

    play(run())


def test_a_log_that_is_read_from_its_beginning_though_nobody_sought_it_is_looked_at_before_anything_is_taken() -> None:
    async def run() -> None:
        running = Running()
        tasks = await running.run()
        tp = TP(CONTACTS, 0)
        running.inputs.logs[tp] = [one._replace(value=b"another") for one in running.inputs.logs[tp]]
        running.inputs.positions[tp] = 0
        await asyncio.sleep(5)

        assert running.totals() == 9
        assert "contact-events[0] has not the record at" in running.assignment.problems[0]
        for task in tasks:
            task.cancel()

    play(run())


def test_a_partition_that_goes_elsewhere_during_a_look_is_not_said_to_be_cut() -> None:
    async def run() -> None:
        running = Running()
        tasks = await running.run()
        first = running.cluster.first

        async def slowly(topic: str, numbers: Iterable[int]) -> Mapping[int, bytes]:
            running.inputs.split = True
            await running.assignment.revoke([0], 1)
            running.cluster.firsts[0] = Position(900, 0)  # its next owner has no need of what was before
            return await first(topic, numbers)

        running.cluster.first = slowly  # type: ignore[method-assign]
        await asyncio.sleep(31)

        assert running.assignment.problems == []
        for task in tasks:
            task.cancel()

    play(run())


def test_records_come_again_when_what_was_wrong_is_put_right() -> None:
    async def run() -> None:
        running = Running()
        tasks = await running.run()
        was = running.cluster.identities[SURVEYS]
        running.cluster.recreate(SURVEYS)
        await asyncio.sleep(60)
        running.inputs.publish(SURVEYS, 0, b"d")
        await asyncio.sleep(10)
        assert running.totals() == 9

        running.cluster.identities[SURVEYS] = was
        await asyncio.sleep(60)

        assert running.assignment.problems == []
        assert running.totals() == 10
        for task in tasks:
            task.cancel()

    play(run())


@pytest.mark.parametrize(
    ("happens", "seen"),
    [
        (lambda running: running.cluster.retained.update({"retention.ms": "1000"}), "has retention.ms=1000"),
        (lambda running: running.cluster.recreate(STATE), "oidor-state was deleted and made again"),
        (lambda running: running.cluster.identities.pop(STATE), "oidor-state does not exist"),
        (lambda running: running.cluster.firsts.update({0: Position(900, 0)}), "begins with checkpoint 900"),
        (lambda running: running.cluster.emptied.add(0), "oidor-state[0] is empty"),
        (lambda running: running.cluster.messages.update({0: [of_release(ENCODING + 1)]}), "by a newer release"),
        (
            lambda running: running.cluster.identities.update({CONTACTS: TopicIdentity(id_of(CONTACTS), 4)}),
            "contact-events has 4 partitions",
        ),
    ],
)
def test_what_changes_under_a_process_is_named_within_a_minute(happens: Callable[[Running], None], seen: str) -> None:
    def then(running: Running) -> None:
        (problem,) = running.assignment.problems
        assert seen in problem

    scene(happens, then)


def test_an_empty_state_whose_inputs_were_read_is_not_begun_anew() -> None:
    async def run() -> None:
        running = Running()
        running.cluster.offsets[TP(CONTACTS, 0)] = 3
        tasks = await running.run()

        (refused,) = running.refused
        assert "oidor-state[0] is empty, and contact-events[0] was read up to 3" in refused
        for task in tasks:
            task.cancel()

    play(run())


def test_a_state_records_the_topics_it_was_computed_from() -> None:
    async def run() -> None:
        running = Running()
        tasks = await running.run()
        await running.assignment.shutdown(2)
        _, changelog = counting.read_back(running.broker.state[0])

        assert changelog.inputs == {name: InputTopic(name, id_of(name)) for name in NAMES}
        for task in tasks:
            task.cancel()

    play(run())


def test_the_incarnation_that_was_accepted_stays_and_is_what_the_rows_say() -> None:
    async def run() -> None:
        running = Running()
        tasks = await running.run()
        await running.assignment.shutdown(2)
        log = running.broker.state[0]
        incarnations = {CONTACTS: 2, COMPLAINTS: 0, SURVEYS: 1}
        unknown = {topic: InputTopic(topic, NO_ID, number) for topic, number in incarnations.items()}
        message = accepted(log[-1], {CONTACTS: 0}, unknown, beyond=0)
        assert message is not None
        log.append(message)

        again = Running()
        again.broker.state = running.broker.state
        tasks += await again.run()
        assert again.assignment.partitions[0].state.incarnations == incarnations
        await again.assignment.shutdown(2)
        _, changelog = counting.read_back(log)
        assert changelog.inputs == {name: InputTopic(name, id_of(name), incarnations[name]) for name in NAMES}
        for task in tasks:
            task.cancel()

    play(run())
