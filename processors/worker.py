"""`oidor worker`: turns the three input topics into checkpoints of what customers were promised."""

import asyncio
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import Any, Final, get_args

from faust.types import TP

from processors.durability import verdicts
from processors.durability.assignment import Assignment
from processors.durability.changelog import LogLimits, StateError
from processors.durability.cluster import KafkaCluster
from processors.durability.inspection import Inspection, last_versions, look_before_joining
from processors.durability.kafka_log import KafkaLog
from processors.durability.operator import DurabilityConfig, Operator, Pace
from processors.durability.process import DurableProcess
from processors.durability.provenance import Contradiction, told
from processors.patterns import registry
from processors.pipeline import missed_pages
from processors.pipeline.deadlines import Spent
from processors.pipeline.floor import floor_of
from processors.pipeline.recovery import recover
from processors.pipeline.set_back import set_back
from processors.pipeline.step import EMPTY, Batch, reject, step
from processors.rules import Rules
from processors.runtime.partitioners import placement
from processors.runtime.problems import Problem
from processors.runtime.seam import BatchConsumer, BatchingApp, Inputs
from processors.runtime.security import aiokafka_client
from processors.runtime.service import Service
from processors.runtime.shutdown import Shutdown
from processors.runtime.slices import Slice
from processors.runtime.timeouts import wall_ms
from processors.settings import Settings
from processors.state.partition import PartitionState
from processors.state.seen_ids import SeenIds
from schemas.floor import BOARD_PAGE, PartitionFloor, ProcessFloor, encode
from schemas.observations import IsolatedErrors, Observations, WindowCounts
from schemas.outputs import Checkpoint
from schemas.taxonomy import ClockMetric, OwnIncident, Reason
from schemas.topics import INPUTS, state_topic
from sinks import messages
from sinks.metrics.census import Census
from sinks.metrics.durability import DurabilityWatch
from sinks.metrics.shared import LAST_ANSWER
from sinks.metrics.worker import REPLAY_ACTIVE, Known, WorkerMetrics

_PENDING_RECORDS: Final = 40_000
"""Records of one partition that may wait for a commit; beyond it they are read again later."""


def run(settings: Settings, operator: Operator | None = None) -> int:
    """Runs a worker until a signal; returns the exit code: 0, or 2 when it must not go on.

    Raises RulesError, StateError when its topics are others than those that were read, and NoAnswerError.
    """
    if wrong := told(contradictions(settings)):
        raise StateError(wrong[0] + (f" ({len(wrong) - 1} more: `oidor doctor`)" if len(wrong) > 1 else ""))
    rules = rules_of(settings)
    metrics, shutdown = WorkerMetrics(known(rules, wall_ms())), Shutdown(settings.shutdown_budget)
    app = BatchingApp(settings, Inputs(settings.app_id, _kafka_names(settings), settings.slice_records))
    worker = Worker(settings, operator or feedback(settings, metrics, rules), metrics, app.consumer, shutdown.refuse)
    if operator is None:
        metrics.count_at_scrapes(lambda: census(worker.states(), wall_ms()))
    service = Service(
        settings,
        app,
        worker,
        shutdown,
        port=settings.worker_port,
        registry=metrics.registry,
        answered=partial(metrics.set, LAST_ANSWER),
        documents={BOARD_PAGE: lambda: worker.floor(service.problems())} if operator is None else {},
    )
    return service.run()


def rules_of(settings: Settings) -> Rules:
    """What the pipeline decides by. Raises RulesError."""
    return Rules.of(settings, registry.DECLARED, placement(settings.partitioner, settings.partitions))


def known(rules: Rules, at: int) -> Known:
    """What the metrics of a worker may tell of, as far as that is known at a moment, ms."""
    packs = list(rules.promises.book.in_force(at))
    targets: dict[ClockMetric, set[float]] = {}
    for pack in packs:
        for metric, listed in pack.clocks.items():
            targets.setdefault(metric, set()).update(rule.target / 1000 for rule in listed if rule.target)
    return Known(
        promises=[(pack.policy_id, metric) for pack in packs for metric in pack.clocks],
        attainment={(pack.policy_id, metric): share for pack in packs for metric, share in pack.attainment.items()},
        targets=targets,
        patterns=(*registry.PATTERN_IDS, *get_args(OwnIncident)),
        sources=sorted(rules.sources),
        oldest_case={(pack.policy_id, of): ms / 1000 for pack in packs for of, ms in pack.oldest_case.items()},
    )


def feedback(settings: Settings, metrics: WorkerMetrics, rules: Rules | None = None) -> Operator:
    """The pipeline, with its metrics and its way to Kafka; by the rules of the settings. Raises RulesError."""
    rules = rules or rules_of(settings)
    page_window_ms, watch = round(settings.page_window * 1000), DurabilityWatch(metrics, INPUTS, settings.partitions)

    def observed_step(state: PartitionState, batch: Batch, now: int, spent: Spent) -> Observations:
        state.wall = wall_ms()
        observations = step(state, batch, now, spent)
        metrics.observe(observations, state.wall, page_window_ms)
        return observations

    def observed_reject(state: PartitionState, one: Slice, reason: Reason) -> None:
        metrics.observe(reject(state, one.topic, one[0], reason), wall_ms(), page_window_ms)

    def observed_set_back(state: PartitionState, broker_time: int) -> bool:
        state.wall = broker_time
        observed = set_back(state, broker_time)
        if observed is not None:
            metrics.observe(observed, broker_time, page_window_ms)
        return observed is not None

    def observed_time(state: PartitionState, time: int) -> None:
        metrics.observe(missed_pages.look(state, time, page_window_ms), time, page_window_ms)

    def outputs(checkpoint: Checkpoint) -> Iterator[messages.Message]:
        for message in messages.messages(
            checkpoint,
            prefix=settings.topic_prefix,
            wall=checkpoint.recorded_at,
            page_window_ms=page_window_ms,
            message_bytes=settings.message_bytes,
        ):
            watch.published(message.topic.removeprefix(settings.topic_prefix), len(message.value))
            yield message

    return Operator(
        create=lambda number: PartitionState(number, rules),
        step=observed_step,
        reject=observed_reject,
        set_back=observed_set_back,
        note_time=observed_time,
        recover=recover,
        empty=EMPTY,
        outputs=outputs,
        halted=lambda state: None if settings.take_processing_errors else state.error_streak.halted,
        isolated_errors=isolated_errors,
    )


def durability(settings: Settings) -> DurabilityConfig:
    """What all partitions of a worker have in common."""
    return DurabilityConfig(
        inputs=_kafka_names(settings),
        partitions=settings.partitions,
        pending_max=_PENDING_RECORDS,
        log_limits=LogLimits(settings.message_bytes, settings.log_to_state),
        pace=Pace(settings.checkpoint_interval),
        verdicts=verdicts.read(settings.replay_verdicts),
    )


def kafka_log(number: int, settings: Settings) -> KafkaLog:
    """The log of one partition of an installation; made on a running event loop."""
    return KafkaLog(
        number,
        client=aiokafka_client(settings),
        app_id=settings.app_id,
        topic=state_topic(settings.app_id),
        transaction_timeout=settings.transaction_timeout,
        message_bytes=settings.message_bytes,
    )


def kafka_cluster(settings: Settings) -> KafkaCluster:
    """The topics of an installation, and what its workers have committed to their group."""
    return KafkaCluster(aiokafka_client(settings), settings.app_id)


def contradictions(settings: Settings) -> list[Contradiction]:
    """What the topics are, and were not when the states recorded them. Raises NoAnswerError."""

    async def look() -> list[Contradiction]:
        cluster, topic = kafka_cluster(settings), state_topic(settings.app_id)
        try:
            return await look_before_joining(cluster, _kafka_names(settings), settings.partitions, topic)
        finally:
            await cluster.close()

    return asyncio.run(look())


def written_versions(settings: Settings) -> dict[int, int]:
    """The version of each partition's last checkpoint, by number. Raises NoAnswerError."""

    async def look() -> dict[int, int]:
        cluster, topic = kafka_cluster(settings), state_topic(settings.app_id)
        try:
            return await last_versions(cluster, topic)
        finally:
            await cluster.close()

    return asyncio.run(look())


class Worker(DurableProcess):
    """Keeps the partitions of customers, and shows what their states hold."""

    def __init__(
        self,
        settings: Settings,
        operator: Operator,
        metrics: WorkerMetrics,
        consumer: Callable[[], BatchConsumer],
        refuse: Callable[[str], None],
    ) -> None:
        watch = DurabilityWatch(metrics, INPUTS, settings.partitions)
        metrics.set(REPLAY_ACTIVE, settings.replay_from is not None)
        assignment = Assignment(
            operator,
            lambda number: kafka_log(number, settings),
            consumer,
            durability(settings),
            watch=watch,
            refuse=refuse,
            beginning=_replayed(settings.replay_from, consumer) if settings.replay_from else None,
            inspection=Inspection(
                kafka_cluster(settings), _kafka_names(settings), settings.partitions, state_topic(settings.app_id)
            ),
        )
        super().__init__(assignment, consumer, watch)
        self._metrics, self._partitions = metrics, settings.partitions
        self._instance = uuid.uuid4().hex

    def states(self) -> list[Any]:
        """The states of the open partitions."""
        return [part.state for part in self.assignment.partitions.values() if part.ready]

    async def floor(self, problems: Iterable[Problem]) -> bytes:
        """What it says to the board. Gives way after each partition: a board must hold nothing up."""
        partitions: list[PartitionFloor] = []
        for state in self.states():
            partitions.append(floor_of(state, wall_ms()))
            await asyncio.sleep(0)
        return encode(
            ProcessFloor(
                "worker",
                self._instance,
                wall_ms(),
                tuple(problem.what for problem in problems),
                self._partitions,
                tuple(partitions),
                self._metrics.rejected_by_source(),
            )
        )

    def isolated_errors(self) -> dict[str, IsolatedErrors]:
        return super().isolated_errors() | self._metrics.isolated_errors()


def _kafka_names(settings: Settings) -> dict[str, str]:
    return {topic: settings.input_prefix + topic for topic in INPUTS}


def _replayed(
    moment: datetime, consumer: Callable[[], BatchConsumer]
) -> Callable[[Iterable[TP]], Awaitable[Mapping[TP, int]]]:
    """Where a replay from a moment begins."""
    return lambda tps: consumer().since(tps, round(moment.timestamp() * 1000))


def isolated_errors(state: PartitionState) -> dict[str, IsolatedErrors]:
    """The parts of the pipeline that failed by themselves on records of a partition."""
    return {
        part: IsolatedErrors(known.errors, known.last_error, known.last_error_at)
        for part, known in state.health.parts.items()
        if known.errors
    }


def census(states: Iterable[PartitionState], wall: int) -> Census:
    """What the states of this process hold at `wall`, ms, for the gauges of a scrape."""
    held = list(states)
    totals: Counter[tuple[str, ...]] = Counter()
    oldest: dict[tuple[str, ...], float] = {}
    windows: dict[tuple[str, str], WindowCounts] = {}
    arrivals: dict[str, float] = {}
    for state in held:
        for window, area, counts in state.windows.up_to(wall):
            windows[window, area] = windows.get((window, area), WindowCounts()).plus(counts)
        for source, at in state.sources.last_at.items():
            arrivals[source] = max(arrivals.get(source, 0), at / 1000)
        totals.update({gauge: amount for gauge, amount in state.gauges.items() if gauge[0] != "incidents_open"})
        totals.update(missed_pages.open_by_page(state, wall))
        for gauge, moments in state.gauges.since.items():
            oldest[gauge] = max(oldest.get(gauge, 0), (wall - min(moments)) / 1000)
    entries = [state.entries() for state in held]
    return Census(
        open=totals,
        oldest_seconds=oldest,
        windows=windows,
        last_arrivals=arrivals,
        entries={kind: max(of[kind] for of in entries) for kind in (entries[0] if entries else {})},
        bounds=held[0].rules.bounds if held else {},
        dropped={(state.number, kind): amount for state in held for kind, amount in state.dropped.items()},
        dedup_seconds=_least((span for state in held for span in _spans_ms(state, state.seen)), 1_000),
        case_retention_seconds=_least((state.retention_ms for state in held), 1_000),
        departed_seconds=_least((span for state in held for span in _spans_ms(state, state.departed)), 1_000),
    )


def _spans_ms(state: PartitionState, ids: Mapping[str, SeenIds]) -> Iterator[int]:
    """How far back ids of each input are remembered, of those of which any was forgotten."""
    return (state.watermarks.max_timestamp.get(topic, 0) - held.since for topic, held in ids.items() if held.since)


def _least(spans_ms: Iterable[int], unit_ms: int) -> float | None:
    least = min(spans_ms, default=None)
    return None if least is None else least / unit_ms
