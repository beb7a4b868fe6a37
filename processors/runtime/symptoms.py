"""What of a process is not as it should be, as symptoms for the watchdog.

A limit is longer than what the thing may take when a peer is slow; see `watchdog` for what counts as our own fault.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping
from typing import Final, NamedTuple

from aiokafka.errors import KafkaError
from faust.types import TP

from processors.runtime.membership import ASK_EVERY_SECONDS, ASK_SECONDS, Membership
from processors.runtime.slices import FetchProgress
from processors.runtime.timeouts import (
    ANSWER_SECONDS,
    CONSUMER_SECONDS,
    LAST_COMMIT_SECONDS,
    REBALANCE_SECONDS,
    REOPENING_SECONDS,
    STALLED_SECONDS,
)
from processors.runtime.watchdog import LATE_SECONDS, Symptom

_MARGIN_SECONDS: Final = 5.0
"""What a peer's limit and ours are apart, so that the peer's comes first."""

TIMER_SECONDS: Final = 2 * CONSUMER_SECONDS + LAST_COMMIT_SECONDS + _MARGIN_SECONDS + 1
"""A tick asks the consumer twice, and may revoke partitions in between."""
SERVING_SECONDS: Final = 20.0
OPENING_SECONDS: Final = ANSWER_SECONDS + _MARGIN_SECONDS
"""The longest question while opening has its answer by then; what is read shows as it comes."""
TURN_SECONDS: Final = 2 * REOPENING_SECONDS[-1] + 2
"""Longer than any pause between two attempts to open a partition."""
DEAD_SECONDS: Final = 5.0
MEMBER_SECONDS: Final = REBALANCE_SECONDS + LAST_COMMIT_SECONDS + _MARGIN_SECONDS
"""The longest single wait in a rebalance is for members that do not rejoin, after our own last commit. Every step of it
that ends well is a new generation of the group.
"""
SYNCING_SECONDS: Final = 12.0
"""A new generation waits for its leader at most until the group throws it out, and a while for its successor."""
GENERATIONS_SECONDS: Final = 120.0
"""Generations that come and go without work in any: others can cause that, but not for so long."""
UNTAKEN_SECONDS: Final = 2 * STALLED_SECONDS + 2
"""Longer than two times reading again, which is what helps when Faust has dropped a slice."""
BEHIND_SECONDS: Final = 60.0
"""From when on a partition that stands still while others get on is shown: in a backlog they take turns."""
UNFETCHED_SECONDS: Final = 8.0
"""A fetch is answered every `fetch_max_wait_ms`, also when there is nothing: from here on the leader is asked."""
STILL_UNFETCHED_SECONDS: Final = 2 * ASK_EVERY_SECONDS + ASK_SECONDS + 1
"""The leader has been asked, and has answered, more than once."""
INSERT_SECONDS: Final = 18.0
_REREAD_SECONDS: Final = 3.0
_UNANSWERED_SECONDS: Final = 2 * ASK_EVERY_SECONDS + 2
"""One question in a row may remain without an answer, as when it went to a broker that is just starting."""

Symptoms = dict[Hashable, Symptom]


class PartitionTask(NamedTuple):
    """The task of one open or opening partition of this process."""

    number: int
    ready: bool
    heartbeat_at: float | None
    """When it came around last; None while it waits for its turn, or for something with a limit of its own."""
    attempts: int = 1
    """How often it was begun to be opened."""


class Progress(NamedTuple):
    """How far one topic-partition has come. `next` is the offset that was not taken yet."""

    tp: TP
    next: int
    fetched: FetchProgress | None
    held_up: bool = False
    """Nothing may be taken now: what was taken waits for its commit, or for the database."""


def of_timer(ticked_at: float, now: float) -> Symptoms:
    """The tick of the process is late."""
    if now - ticked_at <= LATE_SECONDS:
        return {}
    return {"timer": Symptom("the timer does not run", TIMER_SECONDS)}


def of_membership(membership: Membership | None, working: bool, session_seconds: float) -> Symptoms:
    """Who is no member, or does not get through a rebalance, though the group answers.

    `working`: this process has joined, and knows of no rebalance. `membership`: None when the group does not answer.
    A rebalance waits for others, and the group ends that wait: whoever does not come is thrown out. So it is one's own
    fault only when the same generation goes on for longer than any of these waits.
    """
    if membership is None or (membership.known and working):
        return {}
    what = "a rebalance does not end" if membership.known else "the group does not know this member"
    limit = max(MEMBER_SECONDS, session_seconds + SYNCING_SECONDS)
    going_on = f"{what}, though its coordinator answers"
    again = "rebalances follow each other without end"
    return {
        ("member", membership): Symptom(going_on, limit, _UNANSWERED_SECONDS),
        "member": Symptom(again, max(GENERATIONS_SECONDS, 2 * limit)),
    }


def of_tasks(tasks: Iterable[PartitionTask], dead: Iterable[int], now: float) -> Symptoms:
    """Partitions whose task does not come around, and numbers of those whose task has ended."""
    found: Symptoms = {}
    for task in tasks:
        if task.heartbeat_at is not None and now - task.heartbeat_at > LATE_SECONDS:
            doing, limit = ("serve", SERVING_SECONDS) if task.ready else ("opening", OPENING_SECONDS)
            text = f"partition {task.number} does not come around ({doing})"
            found["round", task.number, task.ready, task.heartbeat_at] = Symptom(text, limit)
    for number in dead:
        found["dead", number] = Symptom(f"partition {number} has no task any more", DEAD_SECONDS)
    return found


def of_opening(tasks: Iterable[PartitionTask], assigned: Iterable[int]) -> Symptoms:
    """Partitions that are assigned, and that nobody is about to open.

    While any partition is being opened the others may wait for their turn behind it; that one is watched by its rounds.
    One that is opened again and again, and fails, is opened.
    """
    all_of = {task.number: task for task in tasks}
    if any(not task.ready and task.heartbeat_at is not None for task in all_of.values()):
        return {}
    waiting = [number for number in assigned if number not in all_of or not all_of[number].ready]
    return {
        ("turn", number, all_of[number].attempts if number in all_of else 0): Symptom(
            f"partition {number} is assigned, and nobody opens it", TURN_SECONDS
        )
        for number in waiting
    }


def of_inserting(due: float, now: float) -> Symptoms:
    """Nobody inserts what was gathered. `due`: when the question that is under way must have ended by its own limit."""
    if now - due <= LATE_SECONDS:
        return {}
    return {"insert": Symptom("nobody tries to insert what was gathered", INSERT_SECONDS)}


def of_reading(progress: Iterable[Progress], answered: Iterable[TP]) -> Symptoms:
    """What stands still on its way from the broker into the state.

    Not fetched, though its leader answers; fetched, and not handed over; handed over, and not taken. Offsets in the
    keys: whatever gets on begins anew. One task of the process takes what was handed over of a topic, in the order in
    which it came, and one hands over, partition by partition: any partition that gets on shows that it runs. One that
    stands still while others get on is shown, and ends nobody.
    """
    all_of = list(progress)
    leaders, total = set(answered), sum(one.next for one in all_of)
    found: Symptoms = {}
    for one in all_of:
        where = f"{one.tp.topic}[{one.tp.partition}] at {one.next}"
        if _untaken(one):
            of_topic = [other.next for other in all_of if other.tp.topic == one.tp.topic]
            text = f"{where}: records were handed over and nobody takes them"
            found.setdefault(("taken", one.tp.topic, sum(of_topic)), Symptom(text, UNTAKEN_SECONDS, _REREAD_SECONDS))
            if len(of_topic) > 1:
                behind = f"{where}: records were handed over and not taken, while others are"
                found["behind", one.tp, one.next] = Symptom(behind, math.inf, _REREAD_SECONDS, BEHIND_SECONDS)
        if one.tp in leaders:
            text = f"{where}: nothing is fetched, though the broker answers"
            found["fetched", one.tp, total] = Symptom(text, STILL_UNFETCHED_SECONDS)
    if any(one.fetched is not None and one.fetched.buffered and not one.held_up for one in all_of):
        text = "records were fetched, and nobody hands them over"
        found["handed over", total] = Symptom(text, UNTAKEN_SECONDS)
    return found


def _untaken(one: Progress) -> bool:
    return not one.held_up and one.fetched is not None and one.fetched.end is not None and one.fetched.end > one.next


def unfetched(progress: Iterable[Progress], wall: int, seconds: float = UNFETCHED_SECONDS) -> set[TP]:
    """Where no fetch has been answered for so long: of these the leader is to be asked. `wall` in ms."""
    return {
        one.tp
        for one in progress
        if not (one.held_up or (one.fetched is not None and one.fetched.buffered))
        and (one.fetched is None or wall - one.fetched.asked_at > seconds * 1000)
    }


class LeaderMonitor:
    """Asks the leaders of partitions that nothing comes from: who answers that question could answer a fetch too."""

    def __init__(
        self, suspects: Callable[[], Iterable[TP]], ends: Callable[[Iterable[TP]], Awaitable[Mapping[TP, int]]]
    ) -> None:
        """`suspects`: whose leaders are to be asked. `ends` asks them, for their last stable offsets."""
        self.answered: frozenset[TP] = frozenset()
        self._suspects, self._ends = suspects, ends

    async def run(self) -> None:
        """Runs for ever. That nobody answers is no finding."""
        while True:
            await asyncio.sleep(ASK_EVERY_SECONDS)
            suspects = list(self._suspects())
            try:
                async with asyncio.timeout(ASK_SECONDS):
                    self.answered = frozenset(await self._ends(suspects)) if suspects else frozenset()
            except (KafkaError, OSError):
                self.answered = frozenset()
