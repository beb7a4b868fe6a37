"""A log on 12 partitions, read by `oidor worker` and by the bare loop in turn: sustained events a second of each.

Both read the same topics from their beginning, each round under an application id of its own, with everything on. What
is measured begins when all partitions are open (`/ready`) and ends with the last event; starting is not in it. Both are
watched in the same way, four times a second.
"""

import time
from collections.abc import Callable
from statistics import median
from typing import Any, Final, NamedTuple

from deploy.cli.topics import create
from deploy.clickhouse.migrate import migrate
from deploy.local.stack import Service, Stack
from tests.bench.watching import Page, cpu_seconds

PREFIX: Final = "log-"
_READY_SECONDS: Final = 60
_STALLED_SECONDS: Final = 30
_LOOK_SECONDS: Final = 0.25
_WAREHOUSE_SECONDS: Final = 12.0


class Drain(NamedTuple):
    """One reading of the log."""

    events_per_s: float
    cpu_us: float
    """CPU microseconds per event, of the whole process."""


class Throughput(NamedTuple):
    faust: list[Drain]
    loop: list[Drain]

    @property
    def ratio(self) -> float:
        """Events a second of the Faust path, of the bare loop's 1."""
        return self.rate(self.faust) / self.rate(self.loop)

    @staticmethod
    def rate(drains: list[Drain]) -> float:
        return median(drain.events_per_s for drain in drains)

    @staticmethod
    def cpu(drains: list[Drain]) -> float:
        return median(drain.cpu_us for drain in drains)


def measure(stack: Stack, events: int, rounds: int, tell: Callable[[str], None]) -> Throughput:
    """The log of `events` is there already, under `PREFIX`."""
    result = Throughput([], [])
    for number in range(rounds):
        # Whoever is second finds warmer caches: the order changes from round to round.
        paths = [("faust", "deploy.cli", result.faust), ("loop", "tests.bench.bare_loop", result.loop)]
        for name, module, drains in paths if number % 2 == 0 else reversed(paths):
            app_id = f"bench-{name}-{number}"
            create(stack.settings(**names(app_id)))
            service = stack.worker(module=module, **names(app_id))
            try:
                drains.append(_drained(service, events))
            finally:
                service.terminate(6)
            tell(f"round {number + 1}, {name}: {drains[-1].events_per_s:,.0f} events/s")
    return result


def warehouse_rates(stack: Stack) -> tuple[float, float]:
    """Events and rows a second that the warehouse takes to ClickHouse while there is more than enough to do."""
    settings = names("bench-faust-0") | {"clickhouse_database": "bench_log"}
    migrate(stack.settings(**settings))
    warehouse = stack.warehouse(**settings)
    try:
        warehouse.wait_ready(_READY_SECONDS)
        with Page(warehouse.ready_url) as page:
            events, rows = page.total(_ROWS, "feedback_events"), page.total(_ROWS)
            time.sleep(_WAREHOUSE_SECONDS)
            events_then, rows_then = page.total(_ROWS, "feedback_events"), page.total(_ROWS)
    finally:
        warehouse.terminate(6)
    return (
        (events_then.total - events.total) / (events_then.at - events.at),
        (rows_then.total - rows.total) / (rows_then.at - rows.at),
    )


_ROWS: Final = "feedback_sink_rows_total"


def names(app_id: str) -> dict[str, Any]:
    return {"app_id": app_id, "input_prefix": PREFIX, "topic_prefix": PREFIX, "input_retention_days": -1}


def _drained(service: Service, events: int) -> Drain:
    service.wait_ready(_READY_SECONDS)
    pid = service.pid or 0
    with Page(service.ready_url) as page:
        first, cpu = page.total("feedback_events_total"), cpu_seconds(pid)
        last = first
        while last.total < events:
            time.sleep(_LOOK_SECONDS)
            seen = page.total("feedback_events_total")
            if seen.total == last.total and seen.at - last.at > _STALLED_SECONDS:
                raise service.failure(f"stands still at {seen.total} of {events} events")
            last = seen if seen.total > last.total else last
        done = last.total - first.total
        return Drain(done / (last.at - first.at), (cpu_seconds(pid) - cpu) / done * 1e6)
