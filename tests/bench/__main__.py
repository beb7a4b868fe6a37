"""`make bench`: what this machine does. A table to read, then one line of JSON.

All servers run here beside what is measured, as child processes, and none stays.
"""

import argparse
import tempfile
import time
from pathlib import Path

from rich.console import Console

from deploy.cli.topics import create
from deploy.local.stack import Stack
from deploy.traffic.publish import publish
from tests.bench import corpus, latency, report, stages, throughput


def main() -> None:
    arguments = _arguments()
    console, began = Console(), time.monotonic()

    def tell(what: str) -> None:
        console.print(f"[dim]{time.monotonic() - began:5.0f} s[/dim]  {what}", highlight=False)

    messages = corpus.log_of(arguments.events)
    tell(f"a log of {arguments.events:,} events")
    step = stages.measure(messages[: arguments.step_events], arguments.rounds)
    tell(f"step() alone: {step.total:.1f} µs per event")
    with tempfile.TemporaryDirectory(prefix="oidor-bench-") as home, Stack(Path(home)) as stack:
        tell("Kafka and ClickHouse are up")
        live = latency.measure(stack, arguments.live_seconds, arguments.rounds)
        tell(f"live: p99 {live.p99(live.metrics):.0f} ms to /metrics, {live.p99(live.clickhouse):.0f} ms to ClickHouse")
        settings = stack.settings(**throughput.names("bench"))
        create(settings)
        publish(messages, stack.bootstrap, prefix=throughput.PREFIX)
        del messages
        tell("the log is published")
        drained = throughput.measure(stack, arguments.events, arguments.rounds, tell)
        warehouse = throughput.warehouse_rates(stack)
        tell(f"warehouse: {warehouse[1]:,.0f} rows/s")
    figures = report.Figures(step, drained, live, warehouse)
    report.show(figures, console)
    print(report.as_json(figures), flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--events", type=int, default=200_000, help="of the log that is read at full speed")
    parser.add_argument("--rounds", type=int, default=3, help="of everything that is measured in rounds")
    parser.add_argument("--step-events", type=int, default=24_000, help="of the log, for step() alone")
    parser.add_argument("--live-seconds", type=float, default=10.0, help="of live traffic in a round")
    parser.add_argument("--quick", action="store_true", help="a smaller log, one round: to see that it runs")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.events, arguments.rounds = 30_000, 1
        arguments.step_events, arguments.live_seconds = 6_000, 5.0
    return arguments


if __name__ == "__main__":
    main()
