"""Disasters to topics: whoever goes on must say so first, and a mistake in what is compared goes on in silence.

The naive oracle knows nothing of ids or sequences: records that lie where a state takes them for read were never read,
and a state that is applied from a later message on lacks what came before. Either is allowed only after a word.
"""

import asyncio
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from typing import Any, Final
from unittest.mock import patch

import pytest

from processors.durability import provenance
from processors.durability.provenance import InputTopic
from processors.runtime.slices import FetchEpochs
from schemas.topics import CONTACTS, INPUTS
from tests.simulation import disasters
from tests.simulation.clients import STATE
from tests.simulation.traffic import traffic
from tests.simulation.world import World, run

SEEDS: Final = 4
SEEDS_OF_A_MISTAKE: Final = 30
"""Most that are tried until one catches it: a log that is looked at right after it has grown again is seen anyway."""
Patches = list[tuple[object, str, Callable[..., Any]]]


class Seen:
    """What a disaster led to."""

    def __init__(self) -> None:
        self.skipped = self.lacking = 0
        self.said: list[str] = []

    @property
    def in_silence(self) -> bool:
        return bool(self.skipped or self.lacking) and not self.said


def after(seed: int, disaster: Callable[[World, Seen, random.Random], Any]) -> Seen:
    seen = Seen()

    async def disturb(world: World) -> None:
        dice = random.Random(seed)
        world.broker.ids = {topic: f"{topic:16}"[:16].encode() for topic in (*INPUTS, STATE)}
        world.start_worker()
        world.start_warehouse()
        await asyncio.sleep(dice.uniform(15, 25))
        await disaster(world, seen, dice)
        raise _EnoughError

    with suppress(_EnoughError):
        run(traffic(seed), random.Random(seed), disturb, live=True)
    return seen


class _EnoughError(Exception):
    """Nothing that comes after a disaster is compared."""


async def _recreated(world: World, seen: Seen, dice: random.Random) -> None:
    """A topic is made again, and its publisher goes on: soon its log is as long as what was read before."""
    await _goes_on(world, seen, lambda offset: offset)


async def _grown_again(world: World, seen: Seen, dice: random.Random) -> None:
    """A log lost all that was read, and others published as much since, before anybody looked; it has the same id."""
    await _goes_on(world, seen, lambda offset: offset, dict(world.broker.ids))


async def _cut_short(world: World, seen: Seen, dice: random.Random) -> None:
    """A log ends before what was read, on a broker that knows no ids."""
    await _goes_on(world, seen, lambda offset: offset // 2)


async def _goes_on(
    world: World, seen: Seen, length: Callable[[int], int], ids: Mapping[str, bytes] | None = None
) -> None:
    """The logs of a topic hold other records, as many as `length` makes of what was read before; a minute passes."""
    worker, partitions = world.workers[-1], world.traffic.partitions
    before = {number: part.offsets[CONTACTS] for number, part in worker.assignment.partitions.items()}
    disasters.recreate(world.broker, CONTACTS, partitions)
    world.broker.ids |= ids or {}
    for number, offset in before.items():
        for _ in range(length(offset)):
            world.broker.log(CONTACTS, number).append(world.wall(), b"c", b"{}")
    await asyncio.sleep(60)
    durable = {number: part.durable for number, part in worker.assignment.partitions.items()}
    seen.skipped = disasters.skipped(world.broker, durable, before)
    seen.said = list(worker.assignment.problems)


async def _state_cut(world: World, seen: Seen, dice: random.Random) -> None:
    """The beginning of a state's log is deleted while nobody runs."""
    world.workers[-1].process.kill()
    number = dice.randrange(world.traffic.partitions)
    log = world.broker.log(STATE, number)
    seen.lacking = max(1, len(log.committed()) // 2)
    disasters.cut(world.broker, number, seen.lacking)
    seen.said = await disasters.said_before_joining(world.broker, world.traffic.partitions)


DISASTERS: Final = (_recreated, _grown_again, _cut_short, _state_cut)


@pytest.mark.parametrize("disaster", DISASTERS, ids=lambda disaster: disaster.__name__.strip("_"))
@pytest.mark.parametrize("seed", range(SEEDS))
def test_after_a_disaster_nothing_is_skipped_in_silence(
    seed: int, disaster: Callable[[World, Seen, random.Random], Any]
) -> None:
    seen = after(seed, disaster)

    assert seen.skipped or seen.lacking, "the disaster was none"
    assert seen.said


def _nothing(*_: Any) -> Iterator[Any]:
    return iter(())


def no_id_check() -> Patches:
    return [(InputTopic, "is_other_than", lambda *_: False), *no_record_check()]


def no_record_check() -> Patches:
    return [(provenance, "contradictions_of_records", _nothing)]


def no_doubt() -> Patches:
    return [(FetchEpochs, "_doubt", lambda *_: None)]


def no_end_check() -> Patches:
    return [(provenance, "contradictions_of_ends", _nothing), *no_id_check()]


def no_needed_from_check() -> Patches:
    return [(provenance, "is_cut", lambda *_: False)]


@pytest.mark.parametrize(
    ("mistake", "disaster"),
    [
        (no_id_check, _recreated),
        (no_record_check, _grown_again),
        (no_doubt, _grown_again),
        (no_end_check, _cut_short),
        (no_needed_from_check, _state_cut),
    ],
)
def test_a_mistake_in_what_is_compared_is_caught(
    mistake: Callable[[], Patches], disaster: Callable[[World, Seen, random.Random], Any]
) -> None:
    with ExitStack() as stack:
        for where, name, wrong in mistake():
            stack.enter_context(patch.object(where, name, wrong))
        assert any(after(seed, disaster).in_silence for seed in range(SEEDS_OF_A_MISTAKE))
