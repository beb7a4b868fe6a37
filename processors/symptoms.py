"""What of a process is not as it should be, as symptoms for the watchdog.

A limit is longer than what the thing may take when a peer is slow; see watchdog.py for what counts as our own fault.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping
from typing import Final, NamedTuple

from aiokafka.errors import KafkaError
from faust.types import TP

from processors.batching import Reach
from processors.watchdog import LATE_SECONDS, Symptom

TIMER_SECONDS: Final = 18.0
SERVING_SECONDS: Final = 20.0
OPENING_SECONDS: Final = 60.0
"""The longest question while opening has 40 s."""
DEAD_SECONDS: Final = 5.0
REBALANCE_SECONDS: Final = 120.0
"""Twice what the group waits for a member that does not rejoin."""
TOPIC_SECONDS: Final = 25.0
PARTITION_SECONDS: Final = 60.0
"""One partition may wait for its turn behind others; for the whole topic there is nothing to wait for."""
UNFETCHED_SECONDS: Final = 8.0
"""A fetch is answered every `fetch_max_wait_ms`, also when there is nothing: from here on the leader is asked."""
_REREAD_SECONDS: Final = 3.0
_ASK_EVERY_SECONDS: Final = 3.0
_ASK_SECONDS: Final = 5.0

Symptoms = dict[Hashable, Symptom]


class Part(NamedTuple):
    """One open or opening partition of this process."""

    number: int
    ready: bool
    round_at: float | None
    """When its task came around last; None while it waits for something that has a limit of its own."""


class Stretch(NamedTuple):
    """One topic-partition that is being read. `next` is the offset that was not taken yet."""

    tp: TP
    next: int
    reach: Reach | None
    held_up: bool = False
    """Nothing may be taken now: what was taken waits for its commit, or for the database."""


def of_timer(ticked_at: float, now: float) -> Symptoms:
    if now - ticked_at <= LATE_SECONDS:
        return {}
    return {"timer": Symptom("the timer does not run", TIMER_SECONDS)}


def of_rebalance(joined: bool, rebalancing: bool, answered: Iterable[TP]) -> Symptoms:
    """`answered`: partitions whose leader answers, though they are not being read."""
    if (joined and not rebalancing) or not list(answered):
        return {}
    return {"rebalance": Symptom("a rebalance does not end, though the broker answers", REBALANCE_SECONDS)}


def of_tasks(parts: Iterable[Part], dead: Iterable[int], now: float) -> Symptoms:
    found: Symptoms = {}
    for part in parts:
        if part.round_at is not None and now - part.round_at > LATE_SECONDS:
            doing, limit = ("serve", SERVING_SECONDS) if part.ready else ("opening", OPENING_SECONDS)
            text = f"partition {part.number} does not come around ({doing})"
            found["round", part.number, part.ready, part.round_at] = Symptom(text, limit)
    for number in dead:
        found["dead", number] = Symptom(f"partition {number} has no task any more", DEAD_SECONDS)
    return found


def of_reading(stretches: Iterable[Stretch], answered: Iterable[TP]) -> Symptoms:
    """What was handed over and is not taken, and what is not fetched though its leader answers.

    Offsets in the keys: whatever gets on begins anew.
    """
    all_of = list(stretches)
    leaders = set(answered)
    untaken = [one for one in all_of if _untaken(one)]
    unfetched = [one for one in all_of if one.tp in leaders]
    return {
        **_both("taken", untaken, all_of, "records were handed over and nobody takes them"),
        **_both("fetched", unfetched, all_of, "nothing is fetched, though the broker answers"),
    }


def _both(kind: str, at_fault: list[Stretch], all_of: list[Stretch], text: str) -> Symptoms:
    found: Symptoms = {}
    for one in at_fault:
        symptom = Symptom(
            f"{one.tp.topic}[{one.tp.partition}] at {one.next}: {text}", PARTITION_SECONDS, _REREAD_SECONDS
        )
        found[kind, one.tp, one.next] = symptom
    for topic in {one.tp.topic for one in at_fault}:
        taken = sum(one.next for one in all_of if one.tp.topic == topic)
        found[kind, topic, taken] = Symptom(f"{topic}: {text}", TOPIC_SECONDS, _REREAD_SECONDS)
    return found


def _untaken(one: Stretch) -> bool:
    return not one.held_up and one.reach is not None and one.reach.end is not None and one.reach.end > one.next


def unfetched(stretches: Iterable[Stretch], wall: int) -> set[TP]:
    """Where no fetch has been answered lately: of these the leader is to be asked. `wall` in ms."""
    return {
        one.tp
        for one in stretches
        if not one.held_up and (one.reach is None or wall - one.reach.asked_at > UNFETCHED_SECONDS * 1000)
    }


class Leaders:
    """Asks the leaders of partitions that nothing comes from: who answers that question could answer a fetch too."""

    def __init__(
        self, suspects: Callable[[], Iterable[TP]], ends: Callable[[Iterable[TP]], Awaitable[Mapping[TP, int]]]
    ) -> None:
        self.answered: frozenset[TP] = frozenset()
        self._suspects, self._ends = suspects, ends

    async def run(self) -> None:
        """For ever. That nobody answers is no finding."""
        while True:
            await asyncio.sleep(_ASK_EVERY_SECONDS)
            suspects = list(self._suspects())
            try:
                async with asyncio.timeout(_ASK_SECONDS):
                    self.answered = frozenset(await self._ends(suspects)) if suspects else frozenset()
            except (KafkaError, OSError, TimeoutError):
                self.answered = frozenset()
