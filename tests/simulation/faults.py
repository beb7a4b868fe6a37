"""What goes wrong in a run, drawn from its seed: how bad the weather is, and which disasters happen when."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from faust.types import TP

from schemas.outputs import COLUMNS
from schemas.topics import INPUTS
from tests.simulation.clients import APP, Mishap
from tests.simulation.members import Worker
from tests.simulation.virtual import Process
from tests.simulation.world import LIVE_SECONDS, World

_MISHAPS: Final[tuple[Mishap, ...]] = ("refused", "lost", "aborted", "unanswered", "hangs", "killed", "stopped")
_BEYOND_THE_SESSION: Final = (13.0, 25.0)
_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 24 * _HOUR_MS
_LAST_SLICES_SECONDS: Final = 8
"""So long slices get lost after all else has healed: the last ones too, which none follows."""

Fault = Callable[[World, random.Random], Awaitable[None]]


async def disturbed(world: World) -> None:
    """A world with up to two workers and warehouses to begin with, in which things go wrong until everything heals."""
    dice = world.weather.dice
    for _ in range(dice.choice((1, 2, 2, 3))):
        world.start_worker()
    for _ in range(dice.choice((1, 1, 2))):
        world.start_warehouse()
    _worsen(world, dice)
    supervisor = asyncio.create_task(_replace_the_dead(world, dice))
    disasters = [asyncio.create_task(_strike(world, dice, fault)) for fault in _drawn(dice)]
    await asyncio.sleep(LIVE_SECONDS)
    world.note("everything heals")
    for disaster in disasters:
        disaster.cancel()
    world.weather.clear_up()
    world.put_clocks_right()
    _wake(world)
    await asyncio.sleep(_LAST_SLICES_SECONDS)
    world.weather.dropped = 0
    world.lasting.append(supervisor)


def _worsen(world: World, dice: random.Random) -> None:
    weather = world.weather
    weather.mishap = dice.choice((0, 0.02, 0.08))
    weather.mishaps = dice.sample(_MISHAPS, dice.randint(1, len(_MISHAPS)))
    weather.dropped = dice.choice((0, 0, 0.05, 0.2))
    weather.repeated = dice.choice((0, 0, 0.1))
    weather.slice_records = dice.choice((3, 5, 20, 500))
    weather.insert_failed = dice.choice((0, 0.1))
    weather.insert_unanswered = dice.choice((0, 0.1))
    world.note(f"{weather}")


def _drawn(dice: random.Random) -> Sequence[Fault]:
    return [dice.choice(FAULTS) for _ in range(dice.randint(3, 12))]


async def _strike(world: World, dice: random.Random, fault: Fault) -> None:
    await asyncio.sleep(dice.uniform(1, LIVE_SECONDS - 2))
    world.count(fault.__name__)
    await fault(world, dice)


async def _replace_the_dead(world: World, dice: random.Random) -> None:
    """What a supervisor does, also after everything has healed; one that does not answer is not dead."""
    while True:
        await asyncio.sleep(dice.uniform(0.5, 4))
        if not _living(world):
            world.start_worker()
        if all(each.process.dead for each in world.warehouses):
            world.start_warehouse()


def _wake(world: World) -> None:
    for process in world.processes:
        process.fuse = None
        if process.stopped and not process.dead:
            process.go_on()


# Disasters


async def worker_killed(world: World, dice: random.Random) -> None:
    """After any number of its steps: between any two awaits."""
    if workers := _living(world):
        dice.choice(workers).process.fuse = dice.randint(0, 500)


async def worker_stopped(world: World, dice: random.Random) -> None:
    """Beyond its session: it comes back as a zombie, with what it had in hand."""
    if workers := _living(world):
        await _stopped(world, dice.choice(workers).process, dice.uniform(*_BEYOND_THE_SESSION))


async def worker_stalled(world: World, dice: random.Random) -> None:
    """Not long enough for the group to notice."""
    if workers := _living(world):
        await _stopped(world, dice.choice(workers).process, dice.uniform(1, 8))


async def worker_joins(world: World, dice: random.Random) -> None:
    if len(_living(world)) < 4:
        world.start_worker()


async def worker_leaves(world: World, dice: random.Random) -> None:
    if workers := _living(world):
        worker = dice.choice(workers)
        worker.process.start(worker.leave(), "leave")


async def workers_rebalance(world: World, dice: random.Random) -> None:
    world.broker.groups[APP].rebalance()


async def warehouse_killed(world: World, dice: random.Random) -> None:
    dice.choice(world.warehouses).process.fuse = dice.randint(0, 200)


async def warehouse_stopped(world: World, dice: random.Random) -> None:
    await _stopped(world, dice.choice(world.warehouses).process, dice.uniform(*_BEYOND_THE_SESSION))


async def warehouse_joins(world: World, dice: random.Random) -> None:
    world.start_warehouse()


async def warehouses_rebalance(world: World, dice: random.Random) -> None:
    world.broker.groups[f"{APP}-warehouse"].rebalance()


async def database_away(world: World, dice: random.Random) -> None:
    world.weather.database_away = True
    await asyncio.sleep(dice.uniform(1, 20))
    world.weather.database_away = False


async def table_refuses(world: World, dice: random.Random) -> None:
    """A constraint, or a changed type: it takes nothing, the others take everything."""
    table = dice.choice(sorted(COLUMNS))
    world.weather.refusing.add(table)
    await asyncio.sleep(dice.uniform(1, 30))
    world.weather.refusing.discard(table)


async def broker_away(world: World, dice: random.Random) -> None:
    world.weather.broker_away = True
    await asyncio.sleep(dice.uniform(0.5, 8))
    world.weather.broker_away = False


async def upstream_hangs(world: World, dice: random.Random) -> None:
    """A publisher does not end its transaction: nobody reads beyond its beginning."""
    tp = TP(dice.choice(INPUTS), dice.randrange(world.traffic.partitions))
    world.weather.held.add(tp)
    await asyncio.sleep(dice.uniform(1, 30))
    world.weather.held.discard(tp)


async def clock_jumps(world: World, dice: random.Random) -> None:
    """The clock of our processes is wrong for a while; ahead, that of the broker may be, on the same machine."""
    world.clock_ahead = dice.choice((-_DAY_MS, -_HOUR_MS, _HOUR_MS, _DAY_MS))
    if world.clock_ahead > 0 and dice.random() < 0.5:
        world.broker_ahead = world.clock_ahead
    await asyncio.sleep(dice.uniform(0.5, 8))
    world.put_clocks_right()


FAULTS: Final[tuple[Fault, ...]] = (
    worker_killed, worker_killed, worker_stopped, worker_stopped, worker_stalled, worker_joins, worker_leaves,
    workers_rebalance, warehouse_killed, warehouse_killed, warehouse_stopped, warehouse_joins, warehouses_rebalance,
    database_away, table_refuses, broker_away, upstream_hangs, clock_jumps, clock_jumps,
)  # fmt: skip


def _living(world: World) -> list[Worker]:
    return [worker for worker in world.workers if not worker.process.dead]


async def _stopped(world: World, process: Process, seconds: float) -> None:
    process.stop()
    await asyncio.sleep(seconds)
    if not process.dead:
        process.go_on()
