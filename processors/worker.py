"""`oidor worker`: the Faust app that turns the three input topics into checkpoints.

Three agents take slices, one owner keeps the partitions, and timers drive what no event drives.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, cast, get_args

from aiokafka.errors import KafkaError
from faust.types import TP
from mode.utils.logging import get_logger

from processors.durability.assignment import TICK_SECONDS, Assignment, Pace
from processors.durability.kafka_log import KafkaLog
from processors.durability.partition import Operator
from processors.pipeline.recovery import recover
from processors.pipeline.step import EMPTY, Batch, reject, step
from processors.rules import Rules
from processors.runtime.membership import Group, KafkaLedger
from processors.runtime.seam import BatchConsumer, batching_app
from processors.runtime.service import Shutdown, StatusServer, datadir, run_app
from processors.runtime.slices import Slice
from processors.runtime.symptoms import (
    Leaders,
    Part,
    Stretch,
    Symptoms,
    of_membership,
    of_opening,
    of_reading,
    of_tasks,
    of_timer,
    unfetched,
)
from processors.runtime.timeouts import loop_time, wall_ms
from processors.runtime.watchdog import Watchdog
from processors.settings import Settings
from processors.state.partition import PartitionState
from schemas.outputs import Checkpoint
from schemas.taxonomy import Priority, Reason
from schemas.topics import INPUTS
from sinks import messages, metrics

logger = get_logger(__name__)

COMMIT_TO_GROUP_SECONDS: Final = 5.0
LAST_COMMIT_SECONDS: Final = 2.0
SILENT_COMMIT_SECONDS: Final = 20.0
"""Changes that wait so long for their commit make the worker not ready."""

_PENDING_RECORDS: Final = 40_000
"""Records of one partition that may wait for a commit; beyond it they are read again later."""


def run(settings: Settings, process: Operator | None = None) -> int:
    """Run a worker until a signal; returns the exit code: 0, or 2 when it must not go on. Raises RulesError."""
    worker = Worker(settings, process or feedback(settings))
    if process is None:
        metrics.register(lambda: census(worker.states()))
    return worker.run()


def feedback(settings: Settings) -> Operator:
    """The pipeline, with its metrics and its way to Kafka. Raises RulesError."""
    rules = Rules.of(settings)
    metrics.prepare(rules.policy_ids, get_args(Priority))
    page_window_ms = round(settings.page_window * 1000)

    def observed_step(state: PartitionState, batch: Batch, now: int) -> None:
        metrics.observe(step(state, batch, now), wall_ms(), page_window_ms)

    def observed_reject(state: PartitionState, one: Slice, reason: Reason) -> None:
        metrics.observe(reject(state, one.topic, one[0], reason), wall_ms(), page_window_ms)

    def outputs(checkpoint: Checkpoint) -> Iterator[messages.Message]:
        for message in messages.messages(
            checkpoint,
            prefix=settings.topic_prefix,
            wall=wall_ms(),
            page_window_ms=page_window_ms,
            message_bytes=settings.message_bytes,
        ):
            metrics.CHECKPOINT_BYTES.labels(message.topic.removeprefix(settings.topic_prefix)).inc(len(message.value))
            yield message
        metrics.CHECKPOINT_BYTES.labels("state").inc(sum(map(len, checkpoint.delta)))

    return Operator(
        create=lambda number: PartitionState(number, rules),
        step=observed_step,
        reject=observed_reject,
        recover=recover,
        empty=EMPTY,
        outputs=outputs,
    )


class Worker:
    """The Faust app, its agents and timers, and the pages."""

    def __init__(self, settings: Settings, process: Operator) -> None:
        self._settings = settings
        self._names: dict[str, str] = {topic: settings.input_prefix + topic for topic in INPUTS}
        self._shutdown = Shutdown(settings.shutdown_budget)
        self.app, self._streams = batching_app(
            settings,
            group=settings.app_id,
            topics={name: topic for topic, name in self._names.items()},
            slice_records=settings.slice_records,
            datadir=datadir(),
        )
        self.assignment = Assignment(
            process,
            lambda number: KafkaLog.of(number, settings),
            lambda: self._consumer,
            kafka_names=self._names,
            partitions=settings.partitions,
            pace=Pace(settings.checkpoint_interval),
            pending_max=_PENDING_RECORDS,
            watch=_Watch(),
            refuse=self._shutdown.refuse,
            beginning=self._replayed if settings.replay_from else None,
        )
        self._status_server = StatusServer(
            settings.web_host, settings.worker_port, self.readiness, self._shutdown.refuse
        )
        self._joined = False
        self._ticked_at = float("inf")
        self._leaders = Leaders(self._suspects, lambda tps: self._consumer.ends(tps))
        self._group = Group(KafkaLedger(settings.brokers, settings.app_id), lambda: self._consumer.member())
        self._watchdog = Watchdog(self.symptoms, lambda: self._consumer.pulse())
        self._wire()

    def run(self) -> int:
        side_tasks = (self._status_server.start, self._watchdog.run, self._leaders.run, self._group.run)
        return run_app(self.app, self._settings, self._shutdown, side_tasks)

    def states(self) -> list[Any]:
        """The states of the open partitions."""
        return [part.state for part in self.assignment.partitions.values() if part.ready]

    def readiness(self) -> tuple[bool, dict[str, Any]]:
        """What `/ready` shows: a worker is ready when everything assigned to it is open, and its commits go through."""
        assignment, now = self.assignment, loop_time()
        parts = {
            str(number): {
                "state": "ready" if part.ready else "opening",
                "offsets": dict(part.state.offsets),
                "now": part.state.now,
                "last_commit_age_seconds": round(now - part.committed_at, 1),
                "uncommitted_seconds": round(now - part.waiting_since, 1) if part.waiting_since else 0,
            }
            for number, part in sorted(assignment.partitions.items())
        }
        assigned = assignment.assigned() if self._joined else {}
        missing = {number for numbers in assigned.values() for number in numbers} - {
            number for number, part in assignment.partitions.items() if part.ready
        }
        problems = [
            *(["not a member of the consumer group yet"] if not self._joined else []),
            *(["a rebalance is going on"] if self.app.rebalancing else []),
            *([f"partitions not co-located: {sorted(assignment.split)}"] if assignment.split else []),
            *([f"partitions not open: {sorted(missing)}"] if missing else []),
            *(
                f"partition {number}: nothing committed for {part['uncommitted_seconds']} s"
                for number, part in parts.items()
                if cast("float", part["uncommitted_seconds"]) > SILENT_COMMIT_SECONDS
            ),
            *self._watchdog.problems(),
        ]
        return not problems, {"problems": problems, "assignment": assigned, "partitions": parts}

    def symptoms(self) -> Symptoms:
        """What is wrong now, for the watchdog."""
        assignment, now = self.assignment, loop_time()
        found = of_membership(self._group.standing, not self._idle(), self._settings.session_timeout)
        if self._idle():
            return found
        parts = [Part(part.number, part.ready, part.heartbeat_at) for part in assignment.partitions.values()]
        return {
            **found,
            **of_timer(self._ticked_at, now),
            **of_tasks(parts, assignment.dead(), now),
            **of_opening(parts, assignment.colocated()),
            **of_reading(self._stretches(), self._leaders.answered),
        }

    def _idle(self) -> bool:
        return not self._joined or self.app.rebalancing

    def _stretches(self) -> list[Stretch]:
        assignment = self.assignment
        # What is taken one by one, with a commit each, holds up its agent, and so whatever waits behind it.
        one_by_one = any(part.suspect is not None for part in assignment.partitions.values())
        return [
            Stretch(
                tp, part.state.offsets.get(topic, 0), assignment.progress.get(tp), one_by_one or part.held_up(topic)
            )
            for part in assignment.partitions.values()
            if part.ready
            for topic, name in self._names.items()
            if (tp := TP(name, part.number))
        ]

    def _suspects(self) -> Iterable[TP]:
        """Partitions whose leaders are asked whether the broker is there at all."""
        return () if self._idle() else unfetched(self._stretches(), wall_ms())

    def _wire(self) -> None:
        app = self.app
        for topic, stream in self._streams.items():
            app.agent(stream, name=f"agent-{topic}", concurrency=1)(self._take)
        app.timer(TICK_SECONDS, name="tick")(self._tick)
        app.timer(COMMIT_TO_GROUP_SECONDS, name="commit-to-group")(self._commit_to_group)
        app.on_partitions_assigned.connect(self._assigned, weak=False)
        app.on_partitions_revoked.connect(self._revoked, weak=False)
        app.on_before_shutdown.connect(self._before_shutdown, weak=False)

    async def _take(self, stream: Any) -> None:
        async for batch in stream.noack():
            try:
                await self.assignment.deliver(batch)
            except Exception:  # an exception would stop the agent; what was not taken is found missing, and read again
                logger.exception("A slice was not taken: %s[%d]@%d", batch.topic, batch.partition, batch.begin)

    async def _tick(self) -> None:
        self._ticked_at = loop_time()
        try:
            if not self.app.rebalancing:
                await self.assignment.tick()
        except (KafkaError, OSError) as error:
            logger.warning("The consumer does not answer, asked again at once: %r", error)
        self._show()

    def _show(self) -> None:
        """Gauges of what this process has open; none is labelled by partition, so none goes stale."""
        assignment = self.assignment
        ready = [part for part in assignment.partitions.values() if part.ready]
        for topic, waiting in assignment.lag().items():
            metrics.CONSUMER_LAG.labels(topic).set(waiting)
        for topic, held in assignment.held().items():
            metrics.TRANSACTION_HELD_OPEN.labels(topic).set(held)
        metrics.PARTITIONS.labels("ready").set(len(ready))
        metrics.PARTITIONS.labels("opening").set(len(assignment.partitions) - len(ready))
        metrics.STATE_RECOVERED.set(self._joined and len(ready) == len(assignment.partitions) and not assignment.split)
        if moments := [part.state.now for part in ready if part.state.now]:
            metrics.WATERMARK_LAG.set(max(0, wall_ms() - min(moments)) / 1000)

    async def _commit_to_group(self) -> None:
        """For lag monitoring: recovery does not depend on it."""
        offsets = self.assignment.durable()
        if offsets and not self.app.rebalancing:
            await self._consumer.commit_durable(offsets)

    async def _assigned(self, *_: Any, **__: Any) -> None:
        self._joined = True
        self._ticked_at = min(self._ticked_at, loop_time())
        self.assignment.colocated()

    async def _revoked(self, *told: Any, **_: Any) -> None:
        _app, revoked = told
        await self.assignment.revoke({tp.partition for tp in revoked}, LAST_COMMIT_SECONDS)

    async def _before_shutdown(self, *_: Any, **__: Any) -> None:
        self._shutdown.begin()
        self._watchdog.stop()
        await self.assignment.shutdown(min(LAST_COMMIT_SECONDS, self._settings.shutdown_budget / 2))
        await self._status_server.stop()

    async def _replayed(self, tps: Iterable[TP]) -> Mapping[TP, int]:
        """Where a replay begins."""
        moment = self._settings.replay_from
        assert moment is not None
        return await self._consumer.since(tps, round(moment.timestamp() * 1000))

    @property
    def _consumer(self) -> BatchConsumer:
        return cast("BatchConsumer", self.app.consumer)


def census(states: Iterable[PartitionState]) -> metrics.Census:
    """What the states of this process hold, for the gauges of a scrape."""
    held = list(states)
    totals: dict[tuple[str, ...], int] = {}
    for state in held:
        for gauge, amount in state.gauges.items():
            totals[gauge] = totals.get(gauge, 0) + amount
    entries = [state.entries() for state in held]
    return metrics.Census(
        open=totals,
        entries={kind: max(of[kind] for of in entries) for kind in (entries[0] if entries else {})},
        bounds=held[0].rules.bounds if held else {},
        dropped={kind: sum(state.dropped[kind] for state in held) for kind in (held[0].dropped if held else {})},
        dedup_hours=min(
            (
                (state.max_timestamp.get(topic, 0) - seen.since) / 3_600_000
                for state in held
                for topic, seen in state.seen.items()
                if seen.since
            ),
            default=None,
        ),
    )


class _Watch:
    """What the owner tells, as metrics."""

    def timer_delayed(self, seconds: float) -> None:
        metrics.TIMER_DELAY.observe(seconds)

    def committed(self, seconds: float) -> None:
        metrics.CHECKPOINTS.labels("committed").inc()
        metrics.CHECKPOINT.observe(seconds)

    def opened(self, seconds: float) -> None:
        metrics.STATE_OPEN.observe(seconds)

    def failed(self, ours: bool) -> None:
        metrics.CHECKPOINTS.labels("failed_ours" if ours else "failed").inc()

    def seek_back(self, topic: str, why: str) -> None:
        metrics.REREADS.labels(topic).inc()

    def deleted(self, topic: str, offsets: int) -> None:
        metrics.INPUT_DELETED.labels(topic).inc(offsets)


__all__ = ["Worker", "feedback", "run"]
