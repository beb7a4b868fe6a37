"""The seam to Faust: how much of what was fetched is handed over at a time, on aiokafka's own buffers."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.consumer.fetcher import Fetcher, FetchError, FetchResult
from aiokafka.errors import TopicAuthorizationFailedError
from faust.types import TP

from processors.batching import _Thread

SIZE = 3
ONE, TWO, OTHERS = TP("contact-events", 0), TP("contact-events", 1), TP("contact-events", 2)


class Records:
    """The records of one answer, and where reading stands in them."""

    paused, active = False, True

    def __init__(self, count: int) -> None:
        self.next_fetch_offset = self.position = 0
        self._end = count

    def __iter__(self) -> Iterator[int]:
        while self.next_fetch_offset < self._end:
            self.next_fetch_offset += 1
            yield self.next_fetch_offset - 1

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


def handed_over(fetcher: Any, active: Iterable[TP] = (ONE, TWO)) -> dict[TP, list[int]]:
    """What the agents get next."""
    thread = _Thread.__new__(_Thread)
    thread.consumer = SimpleNamespace(flow_active=True, slice_records=SIZE)  # type: ignore[assignment]
    consumer = SimpleNamespace(_fetcher=fetcher, _closed=False)
    return asyncio.run(thread._in_turn(consumer, set(active), 0))


def test_a_partition_with_a_long_answer_does_not_keep_the_others_waiting() -> None:
    fetcher = fetcher_of({ONE: buffered(ONE, 7), TWO: buffered(TWO, 4)})

    turns = [handed_over(fetcher) for _ in range(3)]

    assert turns == [{ONE: [0, 1, 2], TWO: [0, 1, 2]}, {ONE: [3, 4, 5], TWO: [3]}, {ONE: [6]}]
    assert handed_over(fetcher) == {}


def test_what_is_left_of_partitions_that_are_not_ours_is_left_out() -> None:
    fetcher = fetcher_of({OTHERS: buffered(OTHERS, 4), ONE: buffered(ONE, 1)})

    assert handed_over(fetcher) == {ONE: [0]}
    assert OTHERS not in fetcher._records


def test_an_error_comes_first_so_that_nothing_that_was_taken_is_lost_with_it() -> None:
    refused = FetchError(error=TopicAuthorizationFailedError("contact-events"), backoff=0)
    fetcher = fetcher_of({ONE: buffered(ONE, 4), TWO: refused})

    with pytest.raises(TopicAuthorizationFailedError):
        handed_over(fetcher)

    assert handed_over(fetcher) == {ONE: [0, 1, 2]}
