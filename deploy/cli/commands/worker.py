"""`oidor worker`."""

import sys
from typing import Annotated, Final

import typer

from deploy.cli.command import Panel
from deploy.cli.settings import load_settings

PANEL: Final = Panel.RUN


def command(
    processes: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=64,
            help="worker processes, started again when they die; their pages on consecutive ports from "
            "OIDOR_WORKER_PORT, without the warehouse's and the board's; none: work in this process",
        ),
    ] = None,
    supervised: Annotated[bool, typer.Option("--supervised", hidden=True)] = False,
) -> None:
    """Read contact, complaint and survey events; run clocks, patterns and KPIs; until SIGTERM."""
    if processes is not None:
        raise typer.Exit(_supervise(processes))
    from deploy.cli.readiness import require_free_port, require_topics
    from deploy.cli.topics import AwayError

    settings = load_settings()
    require_free_port(settings, settings.worker_port)
    from processors.durability.inspection import NoAnswerError
    from processors.worker import run

    try:
        require_topics(settings, "worker")
        code = run(settings)
    except (AwayError, NoAnswerError) as error:
        if not supervised:
            raise
        from processors.runtime.shutdown import EXIT_NO_BROKER

        print(f"oidor: {error}", file=sys.stderr)
        raise typer.Exit(EXIT_NO_BROKER) from error
    raise typer.Exit(code)


def _supervise(processes: int) -> int:
    from deploy.cli.supervise import run
    from processors.patterns import registry
    from processors.rules import Rules

    settings = load_settings()
    Rules.of(settings, registry.DECLARED)  # what is wrong with a policy is said now, broker or no broker
    return run(settings, processes)
