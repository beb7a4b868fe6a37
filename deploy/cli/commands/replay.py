"""`oidor replay`."""

from pathlib import Path
from typing import Annotated, Final

import typer

from deploy.cli.command import Panel, console
from deploy.cli.settings import load_settings

PANEL: Final = Panel.CARE


def command(
    since: Annotated[
        str | None, typer.Option("--from", help="RFC 3339, or an age as 36h or 7d; none: all that the inputs hold")
    ] = None,
    into: Annotated[str | None, typer.Option(help="the database; none: that of the installation and _replay")] = None,
    diff: Annotated[bool, typer.Option("--diff", help="compare the views; exit code 1 when they differ")] = False,
    home: Annotated[Path, typer.Option(help="where the logs go")] = Path(".oidor/replay"),
) -> None:
    """Process history again, beside the installation: another application id, another database, no pages."""
    from deploy.cli.moments import moment
    from deploy.cli.replay.replay import replay, report

    settings, terminal = load_settings(), console()
    begin = moment("--from", since) if since else None
    done = replay(settings, since=begin, into=into, diff=diff, home=home, console=terminal)
    report(done, settings, terminal)
    raise typer.Exit(0 if done.equal else 1)
