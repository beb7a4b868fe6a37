"""Live traffic at a steady rate: from produced to visible in /metrics and in ClickHouse, and the worker's CPU.

A publisher in a process of its own sends events whose moments are now. What is visible is polled: when a page, or a
query, shows a count of k, the k-th event sent has become visible. Counts only grow, and when events overtake each other
on their way through the partitions, the latencies belong to other events but are the same set. For an event the time
runs from its moment until an answer shows it; the CPU is measured before the polling, which would be in it.

Percentiles are taken of each round of traffic, and of the rounds the median: on a machine that shares its cores with
others, one of their bursts is no property of ours. How much CPU others took is said beside the figures.
"""

import os
import time
from array import array
from bisect import bisect_left
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from subprocess import PIPE, Popen
from threading import Event, Thread
from typing import Final, NamedTuple

from deploy.cli.topics import create
from deploy.clickhouse.migrate import migrate
from deploy.local.processes import python_environment, python_module
from deploy.local.stack import Service, Stack
from processors.settings import Settings
from sinks.clickhouse import Address, connect
from tests.bench.watching import Page, Seen, cpu_seconds, stolen_seconds

RATE: Final = 2_000.0
_NAMES: Final = {
    "app_id": "bench-live",
    "input_prefix": "live-",
    "topic_prefix": "live-",
    "clickhouse_database": "bench_live",
}
_READY_SECONDS: Final = 60
_WARM_SECONDS: Final = 5.0
_METRICS_EVERY: Final = 0.02
_CLICKHOUSE_EVERY: Final = 0.05
_LAST_SECONDS: Final = 30.0


class Latency(NamedTuple):
    """Milliseconds from produced to visible, (p50, p99) of each round; CPU microseconds per event of the worker."""

    metrics: list[tuple[float, float]]
    clickhouse: list[tuple[float, float]]
    cpu_us: float
    stolen: float
    """Share of the machine's CPU that the hypervisor gave to others meanwhile."""

    @staticmethod
    def p50(rounds: list[tuple[float, float]]) -> float:
        return median(p50 for p50, _ in rounds)

    @staticmethod
    def p99(rounds: list[tuple[float, float]]) -> float:
        return median(p99 for _, p99 in rounds)


def measure(stack: Stack, seconds: float, rounds: int) -> Latency:
    """Traffic for `seconds` before the polling, for the CPU, and for `rounds` times as long with it."""
    settings = stack.settings(**_NAMES)
    create(settings)
    migrate(settings)
    worker, warehouse = stack.worker(**_NAMES), stack.warehouse(**_NAMES)
    try:
        for service in (worker, warehouse):
            service.wait_ready(_READY_SECONDS)
        return _watch(stack, settings, worker, seconds, rounds)
    finally:
        for service in (worker, warehouse):
            service.terminate(6)


def _watch(stack: Stack, settings: Settings, worker: Service, seconds: float, rounds: int) -> Latency:
    file = stack.home / "sent"
    whole = _WARM_SECONDS + (1 + rounds) * seconds
    with Page(worker.ready_url) as page, _publisher(settings, whole, file) as publisher:
        try:
            assert publisher.stdout is not None
            publisher.stdout.readline()
            began = time.monotonic()
            time.sleep(_WARM_SECONDS)
            stolen = stolen_seconds()
            cpu = _cpu_us(worker, page, seconds)
            in_page, in_clickhouse = _poll(page, settings, publisher)
            stolen = (stolen_seconds() - stolen) / (time.monotonic() - began - _WARM_SECONDS) / (os.cpu_count() or 1)
        finally:
            publisher.kill()
    sent = array("d")
    sent.frombytes(file.read_bytes())
    polled_from = began + _WARM_SECONDS + seconds + 0.5
    starts = [polled_from + number * seconds for number in range(rounds)]
    ends = [*starts[1:], float("inf")]
    return Latency(
        [_p50_and_p99(latencies(sent, in_page, *span)) for span in zip(starts, ends, strict=True)],
        [_p50_and_p99(latencies(sent, in_clickhouse, *span)) for span in zip(starts, ends, strict=True)],
        cpu,
        stolen,
    )


def _publisher(settings: Settings, seconds: float, file: Path) -> "Popen[bytes]":
    said = {"brokers": settings.brokers, "input_prefix": settings.input_prefix}
    command = [*python_module("tests.bench.traffic"), str(seconds), str(RATE), str(file)]
    return Popen(command, env=python_environment(said), stdout=PIPE)


def _cpu_us(worker: Service, page: Page, seconds: float) -> float:
    pid = worker.pid or 0
    before, cpu = page.total("feedback_events_total"), cpu_seconds(pid)
    time.sleep(seconds)
    spent = cpu_seconds(pid) - cpu
    return spent / (page.total("feedback_events_total").total - before.total) * 1e6


def _poll(page: Page, settings: Settings, publisher: "Popen[bytes]") -> tuple[list[Seen], list[Seen]]:
    """Until the publisher has ended and ClickHouse has everything that the page has."""
    in_page: list[Seen] = []
    in_clickhouse: list[Seen] = []
    done = Event()

    def poll_clickhouse() -> None:
        client = connect(Address.of(settings), 10, database=settings.clickhouse_database)
        while not done.is_set():
            at = time.monotonic()
            total = int(client.execute("SELECT count() FROM feedback_events")[0][0])
            in_clickhouse.append(Seen(at, time.monotonic(), total))
            time.sleep(_CLICKHOUSE_EVERY)
        client.disconnect()

    thread = Thread(target=poll_clickhouse, daemon=True)
    thread.start()
    deadline: float | None = None
    while deadline is None or time.monotonic() < deadline:
        in_page.append(page.total("feedback_events_total"))
        if publisher.poll() is not None:
            deadline = deadline or time.monotonic() + _LAST_SECONDS
            if in_clickhouse and in_clickhouse[-1].total >= in_page[-1].total:
                break
        time.sleep(_METRICS_EVERY)
    done.set()
    thread.join(10)
    return in_page, in_clickhouse


def latencies(sent: Sequence[float], seen: Sequence[Seen], since: float, until: float) -> list[float]:
    """Seconds from the moment of each event in [since, until) until the first answer that shows it.

    An event that never became visible counts as infinite: it must not make the figures better.
    """
    totals = [one.total for one in seen]
    found = []
    for number in range(bisect_left(sent, since), bisect_left(sent, until)):
        shown = bisect_left(totals, number + 1)
        found.append(seen[shown].answered - sent[number] if shown < len(seen) else float("inf"))
    return found


def _p50_and_p99(seconds: Sequence[float]) -> tuple[float, float]:
    """In milliseconds."""
    ordered = [1000 * each for each in sorted(seconds)]
    return ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)]
