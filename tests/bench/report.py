"""What was measured: a table to read, and the figures as one JSON object."""

import json
import math
import os
import platform
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from tests.bench.latency import Latency
from tests.bench.stages import StepCost
from tests.bench.throughput import Drain, Throughput


class Figures(NamedTuple):
    step: StepCost
    throughput: Throughput
    latency: Latency
    warehouse: tuple[float, float]
    """Events and rows a second."""


def show(figures: Figures, console: Console) -> None:
    step, throughput, latency = figures.step, figures.throughput, figures.latency
    table = Table("what", "figure", "bound", title=f"Oidor on {_machine()}", title_justify="left")
    table.add_row("step() alone, CPU µs per event", f"{step.total:.1f}", "")
    for stage, us in step.stages.items():
        table.add_row(f"  {stage}", f"{us:.1f}", "")
    table.add_row("  bytes of checkpoints per event", f"{step.checkpoint_bytes:.0f}", "")
    table.add_row("  all nine clocks in business time / four in elapsed time", f"{step.all_clocks:.2f}", "<= 1.3")
    table.add_section()
    table.add_row("Faust path, events/s", _drains(throughput.faust), "")
    table.add_row("bare loop, events/s", _drains(throughput.loop), "")
    table.add_row("Faust path / bare loop", f"{throughput.ratio:.2f}", ">= 0.8")
    cpu = f"{throughput.cpu(throughput.faust):.0f} / {throughput.cpu(throughput.loop):.0f}"
    table.add_row("CPU µs per event, Faust path / bare loop", cpu, "")
    events, rows = figures.warehouse
    table.add_row("warehouse, events/s (all rows/s)", f"{events:,.0f} ({rows:,.0f})", "")
    table.add_section()
    for where, rounds, bound in (("/metrics", latency.metrics, 250), ("ClickHouse", latency.clickhouse, 3000)):
        each = ", ".join(f"{p99:.0f}" for _, p99 in rounds)
        table.add_row(f"at 2,000 events/s, ms to {where}, p50", f"{latency.p50(rounds):.0f}", "")
        table.add_row("  p99", f"{latency.p99(rounds):.0f}  (of {each})", f"<= {bound}")
    table.add_row("CPU µs per event of the worker", f"{latency.cpu_us:.0f}", "")
    table.add_row("CPU that other machines took meanwhile", f"{latency.stolen:.1%}", "")
    console.print(table)


def _drains(drains: list[Drain]) -> str:
    each = ", ".join(f"{drain.events_per_s:,.0f}" for drain in drains)
    return f"{Throughput.rate(drains):,.0f}  (of {each})"


def as_json(figures: Figures) -> str:
    step, throughput, latency = figures.step, figures.throughput, figures.latency
    fields: dict[str, Any] = {
        "faust_vs_loop": round(throughput.ratio, 3),
        "faust_events_per_s": round(throughput.rate(throughput.faust)),
        "loop_events_per_s": round(throughput.rate(throughput.loop)),
        "step_us": round(step.total, 1),
        "step_us_by_stage": {stage: round(us, 1) for stage, us in step.stages.items()},
        "all_clocks_ratio": round(step.all_clocks, 3),
        "p99_metrics_ms": round(latency.p99(latency.metrics), 1),
        "p99_clickhouse_ms": round(latency.p99(latency.clickhouse), 1),
        "cpu_us_at_2000": round(latency.cpu_us, 1),
        "p50_metrics_ms": round(latency.p50(latency.metrics), 1),
        "p50_clickhouse_ms": round(latency.p50(latency.clickhouse), 1),
        "cpu_stolen_share": round(latency.stolen, 3),
        "faust_cpu_us": round(throughput.cpu(throughput.faust), 1),
        "loop_cpu_us": round(throughput.cpu(throughput.loop), 1),
        "warehouse_events_per_s": round(figures.warehouse[0]),
        "warehouse_rows_per_s": round(figures.warehouse[1]),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }
    # JSON has no infinity: null is what never became visible.
    return json.dumps({name: None if value == math.inf else value for name, value in fields.items()}, allow_nan=False)


def _machine() -> str:
    return f"{os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()} {platform.machine()}"
