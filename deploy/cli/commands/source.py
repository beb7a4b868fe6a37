"""`oidor source`."""

from datetime import UTC, datetime
from typing import Annotated, Final

import typer

from deploy.cli.command import Panel
from deploy.cli.settings import load_settings

PANEL: Final = Panel.LOOK
command = typer.Typer(no_args_is_help=True, help="What is planned for a system that publishes events.")


@command.callback()
def _group() -> None:
    """Keeps the name of its one command."""


@command.command("maintenance")
def maintenance(
    source: Annotated[str, typer.Argument(help="the system, as source of its events")],
    until: Annotated[str, typer.Option(help="RFC 3339 with a zone; of a plan that is called off, its beginning")],
    begin: Annotated[str, typer.Option("--from", help="RFC 3339 with a zone; none: now")] = "",
    note: Annotated[str, typer.Option(help="what is done to it")] = "",
    plan: Annotated[str, typer.Option(help="the id of an earlier plan, which this one replaces")] = "",
    who: Annotated[str, typer.Option(help="your user name; none: that of this machine")] = "",
) -> None:
    """Plan that a source is silent, or odd, for a while: `v_maintenance` shows it, and nobody need be called for it."""
    from deploy.cli.actions import maintenance, publish, said
    from deploy.cli.moments import moment

    settings = load_settings()
    begins_at = moment("--from", begin) if begin else datetime.now(UTC)
    action = maintenance(source, begins_at, moment("--until", until), who=who, note=note, maintenance_id=plan)
    publish(settings, action)
    print(said(action))
