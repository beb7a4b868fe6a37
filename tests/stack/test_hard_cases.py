"""What storms do not make: each is rare, lasts, and must lose nothing, double nothing, and bring nothing to a stop."""

import asyncio
import json
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition

from deploy.local.stack import Service, fetch
from deploy.traffic.messages import Message
from deploy.traffic.scenarios import STORM_LOG, journeys
from processors.settings import Settings
from schemas.events.decoding import admit, decode, occurred_ms
from schemas.outputs import Rejection
from schemas.topics import CONTACTS, INPUTS
from tests.stack import naive
from tests.stack.running import Installation, installed, until
from tests.stack.test_spine import assert_as_undisturbed

pytestmark = pytest.mark.stack

EVENTS = 6_000
BACKLOG = 8_000
FAILING = "tests.stack.failing_worker"
SETTINGS = {"checkpoint_interval": 0.5}


def a_log(seed: int, events: int = EVENTS) -> list[Message]:
    start = datetime.now(UTC) - timedelta(days=20)
    return list(journeys(STORM_LOG, seed, start, limit=events, rate=events / 14_400))


def assert_nothing_lost_or_doubled(oidor: Installation, home: Path, *, records: int | None = None) -> None:
    """Against one plain pass over what is in the log, and against a calm run over it."""
    expected = naive.of_log(oidor.settings)
    if records is not None:
        assert expected.records.total() == records
    oidor.settle(expected.records.total())
    assert expected.differences(naive.of_views(oidor)) == (0, 0, [])
    oidor.stop()
    assert_as_undisturbed(oidor, home, expected.records.total())


def test_a_backlog_in_slices_of_five_with_every_twelfth_transaction_failing(settings: Settings, tmp_path: Path) -> None:
    with installed(settings, tmp_path) as oidor:
        oidor.publish(a_log(seed=21, events=BACKLOG))
        worker = oidor.launch(
            "worker", module=FAILING, env={"FAULT_SHARE": "0.08"}, slice_records=5, checkpoint_interval=0.2
        )
        oidor.start("warehouse")
        oidor.settle(BACKLOG)
        assert worker.alive
        assert oidor.metric("feedback_checkpoints_total", result="failed") >= 3, "too few failed to show anything"
        assert_nothing_lost_or_doubled(oidor, tmp_path, records=BACKLOG)


def test_an_upstream_that_writes_in_transactions_some_of_which_it_aborts(settings: Settings, tmp_path: Path) -> None:
    log = a_log(seed=22)
    kept, undone = log[: EVENTS // 2], log[EVENTS // 2 :]
    with installed(settings, tmp_path) as oidor:
        oidor.start("worker")
        oidor.start("warehouse")
        asyncio.run(_in_transactions(settings, kept, undone))
        assert_nothing_lost_or_doubled(oidor, tmp_path, records=len(kept))


def test_a_transaction_that_an_upstream_leaves_open_holds_time_back_for_a_while_only(
    settings: Settings, tmp_path: Path
) -> None:
    held_back = 6
    log, held = a_log(seed=23), a_log(seed=24, events=50)
    before, behind = log[:3_000], log[3_000:]
    records = len(log) + len(held)
    with installed(settings, tmp_path) as oidor:
        worker = oidor.start("worker", module=FAILING, env={"FAULT_OPEN_TRANSACTION_MS": str(held_back * 1000)})
        oidor.start("warehouse")
        oidor.publish(before)
        until(lambda: oidor.read() == len(before), 60, "what lies before it is stored")

        with _open_transaction(settings, held) as end:
            oidor.publish(behind)
            until(lambda: _held(oidor) > 0, held_back + 20, "the alert's metric says so")
            resumed = _now(worker)
            until(lambda: _now(worker) > resumed + 1_000, 20, "time goes on without it")
            assert oidor.read() < records, "what lies behind an open transaction cannot be read"
            end()

        until(lambda: _held(oidor) == 0, 30, "the metric is quiet again")
        assert_nothing_lost_or_doubled(oidor, tmp_path, records=records)


def test_a_worker_that_stands_still_for_longer_than_its_transactions_last(settings: Settings, tmp_path: Path) -> None:
    """The broker looks for such transactions every ten seconds."""
    log = a_log(seed=25)
    with installed(settings, tmp_path) as oidor:
        worker = oidor.start("worker", transaction_timeout=4, checkpoint_interval=0.05)
        oidor.start("warehouse")
        oidor.publish(log[: EVENTS // 2])
        worker.pause()  # nobody takes over
        time.sleep(18)
        oidor.publish(log[EVENTS // 2 :])
        worker.resume()
        assert_nothing_lost_or_doubled(oidor, tmp_path, records=EVENTS)


def test_retention_that_cuts_what_a_live_worker_has_not_read_yet_is_told_exactly_and_is_no_loss_once_it_comes_again(
    settings: Settings, tmp_path: Path
) -> None:
    log = a_log(seed=26)
    with installed(settings, tmp_path) as oidor:
        worker = oidor.start("worker")
        oidor.start("warehouse")
        oidor.publish(log[: EVENTS // 4])
        until(lambda: oidor.read() == EVENTS // 4, 60, "the first quarter stored")
        time.sleep(2)
        worker.pause()
        time.sleep(0.5)  # a fetch that is under way takes with it what comes now
        lost = log[EVENTS // 4 : EVENTS // 2]
        published = EVENTS // 4 + oidor.publish(lost)
        _delete_all(settings)
        worker.resume()
        published += oidor.publish(log[EVENTS // 2 :])

        oidor.settle(EVENTS - len(lost))
        assert "were deleted before they were read" in worker.tail(1_000)
        assert oidor.metric("feedback_input_deleted_total") == len(lost)

        # As the log line asks for.
        published += oidor.publish(lost)
        oidor.settle(EVENTS)
        assert oidor.metric("feedback_input_deleted_total") == len(lost)
        assert oidor.read() + len(lost) == published == EVENTS + len(lost)
        stored = oidor.ask("SELECT topic, source, event_id, entity_id FROM feedback_events FINAL")
        assert set(stored) == _acceptable(log)


def test_one_commit_that_hangs_holds_up_no_other_partition(settings: Settings, tmp_path: Path) -> None:
    hanging, patience = 3, 25
    with installed(settings, tmp_path) as oidor:
        worker = oidor.start(
            "worker", module=FAILING, env={"FAULT_HANGING": str(hanging), "FAULT_COMMIT_SECONDS": str(patience)}
        )
        oidor.start("warehouse")
        log = a_log(seed=27)
        began = time.monotonic()
        for part in range(10):  # a checkpoint of each partition after each of them
            oidor.publish(log[part * EVENTS // 10 : (part + 1) * EVENTS // 10])
            time.sleep(0.8)
        expected = naive.of_log(settings)
        others = sum(count for where, count in expected.records.items() if where.partition != hanging)

        until(lambda: _read_beside(oidor, hanging) == others, patience - 5, "all other partitions stored")
        assert time.monotonic() - began < patience, "too slow to tell"
        assert oidor.read() < EVENTS, "nothing hung"

        assert_nothing_lost_or_doubled(oidor, tmp_path, records=EVENTS)
        assert "not done after" in worker.tail(1_000)


def _acceptable(messages: Iterable[Message]) -> set[tuple[str, str, str, str]]:
    """Topic, source, event id and entity id of all that nothing is wrong with."""
    decoded = [(one, decode(one.topic, one.value)) for one in messages]
    return {
        (one.topic, event.source, event.event_id, event.entity_id)
        for one, event in decoded
        if not isinstance(event, Rejection)
        and admit(event, occurred_ms(event), one.key.encode(), one.timestamp_ms) is None
    }


async def _in_transactions(settings: Settings, kept: list[Message], undone: list[Message]) -> None:
    """Transactions of 100, after each that is committed one that is aborted."""
    producer = AIOKafkaProducer(bootstrap_servers=settings.brokers, transactional_id=f"{settings.app_id}-upstream")
    await producer.start()
    try:
        for start in range(0, len(kept), 100):
            for messages, commit in ((kept, True), (undone, False)):
                await producer.begin_transaction()
                for message in messages[start : start + 100]:
                    await _send(producer, settings, message)
                await (producer.commit_transaction() if commit else producer.abort_transaction())
    finally:
        await producer.stop()


async def _send(producer: AIOKafkaProducer, settings: Settings, message: Message) -> None:
    await producer.send(
        settings.input_prefix + message.topic,
        message.value,
        message.key.encode(),
        timestamp_ms=message.timestamp_ms,
    )


@contextmanager
def _open_transaction(settings: Settings, messages: list[Message]) -> Iterator[Any]:
    """A transaction with these messages; calling what is given commits it."""
    with asyncio.Runner() as runner:
        producer = runner.run(_begun(settings, messages))
        try:
            yield lambda: runner.run(producer.commit_transaction())
        finally:
            runner.run(producer.stop())


async def _begun(settings: Settings, messages: list[Message]) -> AIOKafkaProducer:
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.brokers,
        transactional_id=f"{settings.app_id}-forgetful",
        transaction_timeout_ms=300_000,
    )
    await producer.start()
    await producer.begin_transaction()
    for message in messages:
        await _send(producer, settings, message)
    await producer.flush()
    return producer


def _delete_all(settings: Settings) -> None:
    """As retention does it: everything that is there now."""
    consumer = KafkaConsumer(bootstrap_servers=settings.brokers)
    admin = KafkaAdminClient(bootstrap_servers=settings.brokers)
    try:
        ends = consumer.end_offsets(
            [
                TopicPartition(settings.input_prefix + topic, number)
                for topic in INPUTS
                for number in range(settings.partitions)
            ]
        )
        admin.delete_records({part: end for part, end in ends.items() if end})
    finally:
        consumer.close()
        admin.close()


def _held(oidor: Installation) -> float:
    return oidor.metric("feedback_upstream_transaction_held_open", topic=CONTACTS)


def _now(worker: Service) -> int:
    """`now` of its slowest partition, ms."""
    _, page = fetch(worker.ready_url)
    return min(int(part["now"]) for part in json.loads(page)["partitions"].values())


def _read_beside(oidor: Installation, partition: int) -> int:
    return int(oidor.ask(f"SELECT sum(records_read) FROM v_reconciliation WHERE partition != {partition}")[0][0])
