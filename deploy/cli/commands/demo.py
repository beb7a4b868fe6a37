"""`oidor demo`."""

from pathlib import Path
from typing import Annotated, Final

import typer

from deploy.cli.command import Panel, console

PANEL: Final = Panel.TRY


def command(
    home: Annotated[
        Path, typer.Option(help="where the demo keeps its data; what an earlier one left is removed")
    ] = Path(".oidor/demo"),
    keep: Annotated[bool, typer.Option("--keep", help="leave it running and print the addresses")] = False,
    prometheus: Annotated[
        bool,
        typer.Option("--prometheus", help="with --keep: Prometheus and Alertmanager too, where they are installed"),
    ] = False,
    workers: Annotated[int, typer.Option(min=1, max=12, help="worker processes")] = 1,
    seed: Annotated[int, typer.Option(help="of the generated traffic")] = 7,
) -> None:
    """All of it on this machine: Kafka, ClickHouse, worker, warehouse, real logs and traffic, and a report."""
    from deploy.cli.demo import run

    sound = run(home, keep=keep, prometheus=prometheus, workers=workers, seed=seed, console=console())
    raise typer.Exit(0 if sound else 1)
