"""`oidor inputs`."""

from datetime import datetime
from typing import Annotated, Final

import typer

from deploy.cli.command import Panel
from deploy.cli.settings import load_settings

PANEL: Final = Panel.CARE
command = typer.Typer(no_args_is_help=True, help="The inputs: accept topics that were made again, moved or restored.")


@command.callback()
def _inputs() -> None:
    """Keep `accept` a command of its own."""


@command.command("accept")
def accept_inputs(
    begin: Annotated[
        str, typer.Option("--from", help="beginning, end, or a moment (RFC 3339, as 2026-01-31T12:00:00Z)")
    ],
) -> None:
    """Go on with inputs that are others than those that were read. All workers must be stopped."""
    from deploy.cli.inputs import AcceptError, From, accept

    moment: From
    if begin == "beginning" or begin == "end":
        moment = "beginning" if begin == "beginning" else "end"
    else:
        try:
            moment = datetime.fromisoformat(begin)
        except ValueError as error:
            raise AcceptError(
                f"--from {begin}: expected beginning, end, or a moment like 2026-01-31T12:00:00Z"
            ) from error
        if moment.tzinfo is None:
            raise AcceptError(f"--from {begin}: say its time zone, as in {begin}Z")
    for line in accept(load_settings(), moment):
        print(line)
