"""`oidor rebuild`."""

from typing import Annotated, Final

import typer

from deploy.cli.command import Panel
from deploy.cli.settings import load_settings

PANEL: Final = Panel.CARE


def command(
    begin: Annotated[str, typer.Option("--from", help="RFC 3339, or an age as 36h or 7d: the first minute")],
    end: Annotated[str, typer.Option("--to", help="the same: up to which minute, that without")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only say what would change")] = False,
) -> None:
    """Count KPI minutes that have left memory anew, from the stored events; workers may run."""
    from deploy.cli.moments import moment
    from deploy.cli.rebuild import rebuild

    done = rebuild(load_settings(), moment("--from", begin), moment("--to", end), dry_run=dry_run)
    for line in done:
        print(line)
