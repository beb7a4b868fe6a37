"""The worker: its pipeline moves metrics that can cost nothing, and shows what its states hold."""

import random
import sys
from collections.abc import Awaitable, Callable
from typing import cast

import pytest

from processors.durability.failures import PoisonTracker
from processors.durability.partition import DurablePartition
from processors.runtime.seam import BatchConsumer
from processors.runtime.service import Process
from processors.runtime.slices import Slice
from processors.settings import Settings
from processors.state.partition import PartitionState
from processors.worker import Worker, census, durability, feedback
from schemas.observations import IsolatedErrors
from schemas.topics import CONTACTS
from sinks.metrics import events as families
from sinks.metrics.durability import CHECKPOINT_BYTES
from sinks.metrics.family import Family
from sinks.metrics.worker import WorkerMetrics
from tests.processors.durability.fake_log import Broker, Inputs, play
from tests.processors.feed import SECOND, T0, Feed, event

SETTINGS = Settings(_env_file=None, partitions=1)


class Exploding:
    """A metric whose client library fails."""

    def labels(self, *_: str) -> "Exploding":
        raise RuntimeError("no more series")


def a_log() -> Slice:
    feed = Feed()
    records = [
        feed.append(one)
        for one in (
            event("contact.opened", "C1", 0, channel="phone", direction="inbound"),
            event("contact.queued", "C1", SECOND, queue="q"),
            event("contact.answered", "C1", 40 * SECOND, actor={"kind": "human"}),
        )
    ]
    return Slice(records, topic=CONTACTS, partition=0, begin=0, epoch=0)


def played(metrics: WorkerMetrics, scene: Callable[[DurablePartition], Awaitable[None]]) -> None:
    async def run() -> None:
        operator = feedback(SETTINGS, metrics)
        part = DurablePartition(0, operator, Broker().log(0), durability(SETTINGS), PoisonTracker())
        await part.open()
        part.ready = True
        await scene(part)

    play(run())


@pytest.mark.parametrize(
    "family",
    [families.EVENTS, families.CONTACTS, CHECKPOINT_BYTES],
    ids=lambda family: family.exported_name,
)
def test_a_metric_that_raises_costs_its_own_figure_and_no_record(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    metrics = WorkerMetrics()
    monkeypatch.setitem(metrics._metrics, family, Exploding())

    async def scene(part: DurablePartition) -> None:
        await part.apply_slice(a_log())
        (progress,) = part.state.progress.values()  # type: ignore[attr-defined]
        assert (progress.read, progress.accepted) == (3, 3)
        await part.commit()
        assert part.broken is None
        assert part.durable[CONTACTS] == 3

    played(metrics, scene)

    ((name, error),) = metrics.isolated_errors().items()
    assert name == f"metric {family.exported_name}"
    assert error.last_error == "RuntimeError('no more series')"


def test_what_failed_beside_is_shown_on_ready_and_makes_nobody_not_ready() -> None:
    metrics = WorkerMetrics()

    async def scene() -> None:
        consumer = Inputs(1, random.Random(1))
        operator = feedback(SETTINGS, metrics)
        process: Process = Worker(SETTINGS, operator, metrics, lambda: cast("BatchConsumer", consumer), sys.exit)
        metrics.failed("wait", KeyError("phone"))
        process.update_gauges()

        shown = process.details()["isolated_errors"]["metric wait"]
        assert (shown["errors"], shown["last_error"]) == (1, "KeyError('phone')")
        assert process.problems() == []

    play(scene())


def test_a_part_of_the_pipeline_that_failed_is_known_by_its_name_with_its_last_error() -> None:
    async def scene(part: DurablePartition) -> None:
        assert isinstance(part.state, PartitionState)
        part.state.health.failed("P02", "KeyError at sla_breach.py:40", 5)
        part.state.health.failed("P02", "TypeError at sla_breach.py:41", 7)
        part.state.health.lack("P08", 0)
        assert part.isolated_errors() == {"P02": IsolatedErrors(2, "TypeError at sla_breach.py:41", 7)}

    played(WorkerMetrics(), scene)


@pytest.mark.parametrize(("setting", "halted"), [(False, "a bad release"), (True, None)])
def test_errors_of_ours_halt_a_partition_unless_a_setting_goes_past_it(setting: bool, halted: str | None) -> None:
    settings = Settings(_env_file=None, partitions=1, take_processing_errors=setting)
    operator = feedback(settings, WorkerMetrics())
    state = operator.create(0)
    state.error_streak.halted = "a bad release"

    assert operator.halted(state) == halted


def test_a_census_adds_up_what_the_states_hold() -> None:
    feeds = [Feed(), Feed()]
    for feed in feeds:
        feed.feed(event("contact.opened", "C1", 0, channel="phone", direction="inbound"))

    counted = census([feed.state for feed in feeds], T0 + 5_000)

    assert counted.open["backlog_cases", "inbound", "", "normal"] == 2
    assert counted.oldest_seconds["backlog_cases", "inbound", "", "normal"] == 5
    assert counted.entries["cases"] == 1, "of the fullest partition"
    assert counted.bounds["cases"] == feeds[0].state.rules.bounds["cases"]
    assert counted.dedup_seconds is None
    assert census([], T0).entries == {}
