"""The seam to Faust: how much of what was fetched is handed over at a time, on aiokafka's own buffers."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.consumer.fetcher import Fetcher, FetchError, FetchResult
from aiokafka.errors import TopicAuthorizationFailedError
from faust.types import TP

from processors.runtime.seam import _ConsumerThread
from processors.runtime.slices import FetchEpochs
from tests.processors.durability.counting import Record

SIZE = 3
ONE, TWO, OTHERS = TP("contact-events", 0), TP("contact-events", 1), TP("contact-events", 2)


class Records:
    """The records of one answer, and where reading stands in them."""

    paused, active = False, True

    def __init__(self, count: int) -> None:
        self.next_fetch_offset = self.position = 0
        self._end = count

    def __iter__(self) -> Iterator[Record]:
        while self.next_fetch_offset < self._end:
            self.next_fetch_offset += 1
            yield Record(self.next_fetch_offset - 1, b"")

    def state_value(self, _: TP) -> "Records":
        return self

    def consumed_to(self, position: int) -> None:
        self.position = position


def buffered(tp: TP, count: int) -> Any:
    records = Records(count)
    return FetchResult(tp, assignment=records, partition_records=records, backoff=0)


def fetcher_of(waiting: Mapping[TP, Any]) -> Any:
    fetcher = Fetcher.__new__(Fetcher)
    fetcher._records, fetcher._closed, fetcher._wait_consume_future = dict(waiting), False, None
    fetcher._subscriptions = SimpleNamespace(
        reassignment_in_progress=False, fetch_context=nullcontext, is_assigned=lambda tp: tp is not OTHERS
    )
    return fetcher


class Consumer(SimpleNamespace):
    """A consumer in the thread of its own, with an assignment that stays."""

    def __init__(self, waiting: Mapping[TP, Any]) -> None:
        subscription = SimpleNamespace(subscription=SimpleNamespace(assignment=object()))
        super().__init__(_fetcher=fetcher_of(waiting), _subscription=subscription, _closed=False)
        self.thread = _ConsumerThread.__new__(_ConsumerThread)
        self.thread.consumer = SimpleNamespace(flow_active=True, slice_records=SIZE)  # type: ignore[assignment]
        self.thread._marks, self.thread._assignment = FetchEpochs({}), None

    def hand_over(self) -> dict[TP, list[int]]:
        """What the agents get next, by offset."""
        slices = asyncio.run(self.thread._fetch_records(self, {ONE, TWO}, timeout=0))
        assert all(part.end == part[-1].offset + 1 for part in slices.values())
        return {tp: [record.offset for record in part] for tp, part in slices.items()}


def test_a_partition_with_a_long_answer_does_not_keep_the_others_waiting() -> None:
    consumer = Consumer({ONE: buffered(ONE, 7), TWO: buffered(TWO, 4)})

    turns = [consumer.hand_over() for _ in range(3)]

    assert turns == [{ONE: [0, 1, 2], TWO: [0, 1, 2]}, {ONE: [3, 4, 5], TWO: [3]}, {ONE: [6]}]
    assert consumer.hand_over() == {}


def test_what_is_left_of_partitions_that_are_not_ours_is_left_out() -> None:
    consumer = Consumer({OTHERS: buffered(OTHERS, 4), ONE: buffered(ONE, 1)})

    assert consumer.hand_over() == {ONE: [0]}
    assert OTHERS not in consumer._fetcher._records


def test_an_error_comes_first_so_that_nothing_that_was_taken_is_lost_with_it() -> None:
    refused = FetchError(error=TopicAuthorizationFailedError("contact-events"), backoff=0)
    consumer = Consumer({ONE: buffered(ONE, 4), TWO: refused})

    with pytest.raises(TopicAuthorizationFailedError):
        consumer.hand_over()

    assert consumer.hand_over() == {ONE: [0, 1, 2]}


def test_what_was_taken_is_of_the_epoch_it_was_taken_in_though_a_seek_comes_before_the_turn_is_over() -> None:
    consumer = Consumer({ONE: buffered(ONE, 4), TWO: buffered(TWO, 4)})
    thread, fetched_records = consumer.thread, consumer._fetcher.fetched_records

    async def slowly(partitions: set[TP], **others: Any) -> Any:
        found = await fetched_records(partitions, **others)
        if TWO in found:
            thread._marks.seek(ONE, 100)
        return found

    consumer._fetcher.fetched_records = slowly
    slices = asyncio.run(thread._fetch_records(consumer, {ONE, TWO}, timeout=0))

    assert slices[ONE].epoch < thread._marks.seek(ONE, 100) - 1
    assert slices[ONE].begin == 0
