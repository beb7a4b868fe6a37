"""How long we wait for what, and waiting on the event loop: what hangs or gives up in a library ends as an error.

A limit that must exceed another is computed from it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final

ANSWER_SECONDS: Final = 15.0
"""A question to the broker about one partition that has no answer after so long has failed."""
CONSUMER_SECONDS: Final = 5.0
"""The same of a question to our own consumer, which a timer asks."""
GROUP_COMMIT_SECONDS: Final = 10.0
"""The same of a commit of offsets to the consumer group."""
REOPENING_SECONDS: Final = (0.2, 0.5, 1.0, 2.0, 5.0)
"""Pauses between two attempts to open a partition, the last one for ever."""

LAST_COMMIT_SECONDS: Final = 2.0
"""What a revocation or the end of the process leaves for making durable what was done."""
REBALANCE_SECONDS: Final = 15.0
"""So long the group waits for a member that does not rejoin; ours rejoin after their last commit."""
REQUEST_SECONDS: Final = REBALANCE_SECONDS + 5
"""A connection over which nothing comes for so long is given up. Joining takes as long as a rebalance may."""

STALLED_SECONDS: Final = 10.0
"""Everything was handed over and yet not taken for so long: Faust dropped a slice, it is read again."""

STEP_SECONDS: Final = 0.05
"""After so long a step lets others have their turn, as soon as the record or the timer under way is done."""
_RECORDS_A_TURN: Final = 10


def loop_time() -> float:
    """Seconds on the clock of the running event loop: ages and deadlines are measured on it alone."""
    return asyncio.get_running_loop().time()


def wall_ms() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def spent_after(seconds: float) -> Callable[[], bool]:
    """Tells whether so many seconds have passed since it was made, on the loop's clock."""
    clock = asyncio.get_running_loop().time
    end = clock() + seconds
    return lambda: clock() >= end


def monotonic_ms() -> int:
    """Milliseconds on a clock that nobody sets: two of them say how much time has passed."""
    return time.monotonic_ns() // 1_000_000


async def until(event: asyncio.Event, moment: float) -> None:
    """Until the event is set, or the loop's clock reaches a moment."""
    try:
        async with asyncio.timeout_at(moment):
            await event.wait()
    except TimeoutError:
        pass


async def until_set(event: asyncio.Event, seconds: float) -> None:
    """Until the event is set, or so many seconds have passed."""
    await until(event, loop_time() + seconds)


async def bounded(work: Awaitable[None], seconds: float) -> None:
    """Wait at most so long, really: `asyncio.wait_for` also waits for the cancelled work, which may hang as well.

    Raises TimeoutError, and what the work raises; ConnectionAbortedError when it was cancelled from within.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task}, timeout=seconds)
        if not task.done():
            raise TimeoutError(f"not done after {seconds:g} s")
        with own_cancellation_only():
            task.result()
    finally:
        if not task.done():
            task.cancel()
            task.add_done_callback(_forget)


@contextmanager
def own_cancellation_only() -> Iterator[None]:
    """Let a cancellation that nobody asked of this task be the lost connection that it comes from.

    aiokafka cancels tasks of its own when a client stops, and awaits them: one that is cancelled while it pauses after
    a failed fetch takes with it whoever stops the client. A task that ends so ends without an error, and silently.
    Raises ConnectionAbortedError.
    """
    try:
        yield
    except asyncio.CancelledError as cancelled:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise ConnectionAbortedError("a client of Kafka was cut short by a task of its own") from cancelled


async def others_turn(records: int) -> None:
    """After a step, which held the loop for so many records: let openings and commits go on for as long as is fair.

    Each of them takes dozens of turns of the loop, most of them tiny.
    """
    for _ in range(0, records, _RECORDS_A_TURN):
        await asyncio.sleep(0)


def _forget(task: "asyncio.Future[None]") -> None:
    if not task.cancelled():
        task.exception()  # retrieved: nobody waits for it any more
