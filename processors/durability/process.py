"""What every process that keeps durable partitions does alike, as `processors.runtime.service` asks it of a process."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from operator import attrgetter
from typing import Any, Final, Protocol

from faust.types import TP

from processors.durability.assignment import Assignment
from processors.durability.operator import TICK_SECONDS
from processors.durability.partition import DurablePartition
from processors.runtime import symptoms
from processors.runtime.problems import Problem
from processors.runtime.service import Background
from processors.runtime.slices import Slice
from processors.runtime.suspects import Work
from processors.runtime.symptoms import PartitionTask, Progress, Symptoms
from processors.runtime.timeouts import loop_time, wall_ms
from schemas.observations import IsolatedErrors

COMMIT_TO_GROUP_SECONDS: Final = 5.0
SILENT_COMMIT_SECONDS: Final = 20.0
"""Changes that wait so long for their commit make a process not ready."""


class Group(Protocol):
    """What is asked of the consumer, as a member of its group."""

    @property
    def rebalancing(self) -> bool: ...
    async def commit_durable(self, offsets: Mapping[TP, int]) -> bool: ...


class Gauges(Protocol):
    """Who is told how it stands, for metrics."""

    def partitions(self, *, ready: int, halted: int, opening: int, recovered: bool) -> None: ...
    def reading(self, topic: str, *, lag: int, held_open: bool) -> None: ...
    def watermark(self, topic: str, *, lag: float) -> None: ...
    def ahead(self, seconds: float) -> None: ...
    def timers(self, ran_at: float) -> None: ...
    def clock(self, *, ahead: float, agrees: bool) -> None: ...
    def contradictions(self, number: int) -> None: ...


class DurableProcess:
    """Slices go into the partitions that are open here, each of which makes its own checkpoints.

    A tick opens what is assigned, and drives what no record drives.
    """

    tick_seconds = TICK_SECONDS

    def __init__(self, assignment: Assignment, group: Callable[[], Group], gauges: Gauges) -> None:
        self.assignment = assignment
        self.background: Sequence[Background] = (self._commit_to_group, assignment.inspect)
        self._group, self._gauges = group, gauges

    async def deliver(self, batch: Slice) -> None:
        await self.assignment.deliver(batch)

    async def tick(self) -> None:
        await self.assignment.tick()

    def update_gauges(self) -> None:
        assignment, gauges = self.assignment, self._gauges
        ready = [part for part in assignment.partitions.values() if part.ready]
        halted = sum(part.stopped for part in ready)
        gauges.partitions(
            ready=len(ready) - halted,
            halted=halted,
            opening=len(assignment.partitions) - len(ready),
            recovered=len(ready) == len(assignment.partitions) and not assignment.split,
        )
        held_open = assignment.held_open()
        for topic, lag in assignment.lag().items():
            gauges.reading(topic, lag=lag, held_open=held_open[topic])
        gauges.contradictions(len(assignment.problems))
        for topic in assignment.kafka_names:
            gauges.watermark(topic, lag=max((_lag_ms(part, topic) for part in ready), default=0) / 1000)
        gauges.ahead(max((part.state.now - part.clock.best for part in ready if part.state.now), default=0) / 1000)
        gauges.timers((wall_ms() / 1000) - max((loop_time() - part.timers_at for part in ready), default=0))
        if aheads := [part.clock.ahead_ms for part in ready]:
            agrees = all(part.clock.time is not None for part in ready)
            gauges.clock(ahead=max(aheads, key=abs) / 1000, agrees=agrees)

    async def revoked(self, numbers: Collection[int], seconds: float) -> None:
        await self.assignment.revoke(numbers, seconds)

    async def shutdown(self, seconds: float) -> None:
        await self.assignment.shutdown(seconds)

    def opened(self) -> list[int]:
        return [number for number, part in self.assignment.partitions.items() if part.ready]

    def progress(self) -> list[Progress]:
        assignment = self.assignment
        # What is taken one by one, with a commit each, holds up its agent, and so whatever waits behind it.
        one_by_one = any(part.isolated is not None for part in assignment.partitions.values())
        return [
            Progress(tp, part.offsets[topic], assignment.progress.fetched.get(tp), one_by_one or part.held_up(topic))
            for part in assignment.partitions.values()
            if part.ready
            for topic, name in assignment.kafka_names.items()
            if (tp := TP(name, part.number))
        ]

    def in_hand(self) -> Work | None:
        for part in list(self.assignment.partitions.values()):
            batch = part.in_hand
            if batch:
                suspects = part.poison.suspects(batch.topic, batch[0].offset, batch.end)
                name = self.assignment.kafka_names[batch.topic]
                return Work((part.number, part.steps), TP(name, part.number), part.durable[batch.topic], suspects)
        return None

    def symptoms(self, working: bool, answered: bool) -> Symptoms:
        if not working:
            return {}
        assignment = self.assignment
        tasks = [
            PartitionTask(part.number, part.ready, part.heartbeat_at, assignment.attempts[part.number])
            for part in assignment.partitions.values()
        ]
        found = symptoms.of_tasks(tasks, assignment.dead(), loop_time())
        return found | (symptoms.of_opening(tasks, assignment.colocated()) if answered else {})

    def problems(self) -> list[Problem]:
        split, now, found = self.assignment.split, loop_time(), []
        if split:
            means = "nothing is processed: give the inputs equal partition counts, and all workers the same version"
            found.append(Problem("split", f"partitions not co-located: {sorted(split)}", means))
        if (problem := self._clock_problem()) is not None:
            found.append(problem)
        for number, part in sorted(self.assignment.partitions.items()):
            if part.halted is not None:
                means = "its records wait in Kafka for another release, or another setting"
                found.append(Problem(f"halted {number}", f"partition {number} is halted: {part.halted}", means))
            waits = now - part.waiting_since if part.waiting_since is not None else 0.0
            if waits > SILENT_COMMIT_SECONDS:
                what, means = (
                    f"partition {number}: nothing committed for {waits:.1f} s",
                    "what was read is not durable yet",
                )
                found.append(Problem(f"commit {number}", what, means, wall_ms() - round(waits * 1000)))
        means = "records wait in Kafka until topics and state agree again"
        found += [Problem(f"topics {seen}", seen, means) for seen in self.assignment.problems]
        return [*found, *self.assignment.failing.problems(now, wall_ms())]

    def _clock_problem(self) -> Problem | None:
        parts = [part for _, part in sorted(self.assignment.partitions.items()) if part.ready]
        wrong = [part for part in parts if part.clock.time is None]
        if not wrong:
            return None
        numbers = [part.number for part in wrong]
        means = "time is held, no deadline fires by it and nothing is rejected by it"
        if any(part.clock.broker is None for part in wrong):
            what = f"partitions {numbers}: the broker does not say what time it is"
            return Problem("clock", what, f"{means}: set message.timestamp.type=LogAppendTime of the state topic")
        ahead = max((part.clock.ahead_ms for part in wrong), key=abs) / 1000
        side = f"{ahead:.1f} s ahead of" if ahead > 0 else f"{-ahead:.1f} s behind"
        what = f"partitions {numbers}: the clock of this machine is {side} the broker's, or was set just now"
        return Problem("clock", what, f"{means}: let NTP set it, or the broker's where that one is wrong")

    def details(self) -> dict[str, Any]:
        now = loop_time()
        return {
            "partitions": {
                str(number): {
                    "state": "halted" if part.stopped else "ready" if part.ready else "opening",
                    "offsets": dict(part.offsets),
                    "now": part.state.now,
                    "last_commit_age_seconds": round(now - part.committed_at, 1),
                    "uncommitted_seconds": round(now - part.waiting_since, 1) if part.waiting_since else 0,
                }
                for number, part in sorted(self.assignment.partitions.items())
            },
            "isolated_errors": {name: errors._asdict() for name, errors in self.isolated_errors().items()},
        }

    def isolated_errors(self) -> dict[str, IsolatedErrors]:
        """What failed by itself and cost no record, by its name, over all open partitions."""
        found: dict[str, IsolatedErrors] = {}
        for part in self.assignment.partitions.values():
            for name, one in part.isolated_errors().items() if part.ready else ():
                known = found.get(name, one._replace(errors=0))
                later = max(known, one, key=attrgetter("last_error_at"))
                found[name] = later._replace(errors=known.errors + one.errors)
        return found

    async def _commit_to_group(self) -> None:
        """For lag monitoring: recovery does not depend on it."""
        while True:
            await asyncio.sleep(COMMIT_TO_GROUP_SECONDS)
            offsets = self.assignment.durable()
            if offsets and not self._group().rebalancing:
                await self._group().commit_durable(offsets)


def _lag_ms(part: DurablePartition, topic: str) -> float:
    """How far an input of a partition is behind the broker's time; of one never read, for how long it is served."""
    watermark = part.state.watermark_of(topic)
    return part.clock.best - watermark if watermark else (loop_time() - part.served_at) * 1000
