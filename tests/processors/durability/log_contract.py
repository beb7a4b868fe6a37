"""What `processors.durability.log.Log` promises: one contract for the log on Kafka and for those in memory."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from aiokafka.errors import ProducerFenced

from processors.durability.log import Log

Play = Callable[[Coroutine[Any, Any, None]], None]
"""Runs a scene to its end, on an event loop of its own."""


async def committed(log: Log) -> list[bytes]:
    return [message async for messages in log.read() for message in messages]


class LogContract:
    """Subclasses give the fixtures `play`, and `new_log`: another log of the same partition, made within a scene."""

    def test_an_empty_log_is_read_to_its_end(self, play: Play, new_log: Callable[[], Log]) -> None:
        async def scene() -> None:
            log = new_log()
            await log.open()
            assert await committed(log) == []
            await log.close()

        play(scene())

    def test_what_was_committed_is_read_in_order_by_the_next(self, play: Play, new_log: Callable[[], Log]) -> None:
        async def scene() -> None:
            first = new_log()
            await first.open()
            await first.transaction([], [b"1", b"2"])
            await first.transaction([], [b"3"])
            await first.close()

            second = new_log()
            await second.open()
            assert await committed(second) == [b"1", b"2", b"3"]
            await second.close()

        play(scene())

    def test_whoever_opens_it_fences_who_had_it(self, play: Play, new_log: Callable[[], Log]) -> None:
        async def scene() -> None:
            zombie, assignment = new_log(), new_log()
            await zombie.open()
            await zombie.transaction([], [b"1"])
            await assignment.open()

            with pytest.raises(ProducerFenced):
                await zombie.transaction([], [b"of a zombie"])

            await assignment.transaction([], [b"2"])
            assert await committed(assignment) == [b"1", b"2"]
            await asyncio.gather(zombie.close(), assignment.close())

        play(scene())

    def test_an_answer_says_what_time_it_is(self, play: Play, new_log: Callable[[], Log]) -> None:
        async def scene() -> None:
            log = new_log()
            await log.open()
            answers = [(await log.transaction([], [b"1"])).broker_time for _ in range(2)]
            first, second = answers
            assert first is not None
            assert second is not None
            assert first <= second
            await log.close()

        play(scene())

    def test_what_lies_before_an_offset_can_be_deleted(self, play: Play, new_log: Callable[[], Log]) -> None:
        async def scene() -> None:
            log = new_log()
            await log.open()
            await log.transaction([], [b"1", b"2"])
            offset = (await log.transaction([], [b"3", b"4"])).offset
            await log.transaction([], [b"5"])

            await log.truncate(offset)

            assert await committed(log) == [b"3", b"4", b"5"]
            await log.close()

        play(scene())
