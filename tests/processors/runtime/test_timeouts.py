"""Waiting: it ends, and a cancellation that was meant for somebody else is an error and not an end."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from processors.runtime.timeouts import bounded, own_cancellation_only
from tests.processors.durability.fake_log import cut_short, play


async def done() -> None:
    await asyncio.sleep(1)


async def hanging() -> None:
    await asyncio.sleep(1_000_000)


async def deaf() -> None:
    """Takes no notice of being cancelled, for a minute."""
    end = asyncio.get_running_loop().time() + 60
    while (left := end - asyncio.get_running_loop().time()) > 0:
        try:
            await asyncio.sleep(left)
        except asyncio.CancelledError:
            continue


async def failing() -> None:
    raise ValueError("no")


@pytest.mark.parametrize(
    ("work", "error"),
    [(hanging, TimeoutError), (deaf, TimeoutError), (failing, ValueError), (cut_short, ConnectionAbortedError)],
)
def test_a_bounded_wait_ends_in_time_with_what_happened(
    work: Callable[[], Awaitable[None]], error: type[Exception]
) -> None:
    async def scene() -> None:
        await bounded(done(), 2)
        with pytest.raises(error):
            await bounded(work(), 2)
        assert asyncio.get_running_loop().time() < 4

    play(scene())


def test_a_client_that_cancels_itself_cancels_nobody_else() -> None:
    async def scene() -> None:
        with pytest.raises(ConnectionAbortedError), own_cancellation_only():
            await cut_short()

    play(scene())


def test_whoever_is_cancelled_is_cancelled() -> None:
    async def guarded() -> None:
        with own_cancellation_only():
            await hanging()

    async def scene() -> None:
        task = asyncio.create_task(guarded())
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    play(scene())


def test_a_time_limit_is_a_time_limit_on_either_side() -> None:
    async def within() -> None:
        with own_cancellation_only():
            async with asyncio.timeout(1):
                await hanging()

    async def around() -> None:
        async with asyncio.timeout(1):
            with own_cancellation_only():
                await hanging()

    async def scene() -> None:
        for limited in (within(), around()):
            with pytest.raises(TimeoutError):
                await limited

    play(scene())
