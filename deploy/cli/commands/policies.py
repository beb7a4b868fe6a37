"""`oidor policies`."""

import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from deploy.cli.command import Panel
from deploy.cli.settings import load_settings

PANEL: Final = Panel.PREPARE
command = typer.Typer(no_args_is_help=True, help="SLA policy packs: are they right, and what do they promise?")


@command.command("check")
def check_policies(
    files: Annotated[
        list[Path] | None, typer.Argument(help="packs, calendars, parameters of patterns; none: OIDOR_POLICIES")
    ] = None,
) -> None:
    """Read files as the worker does: what is wrong by file and line (exit code 2), what is odd as a warning."""
    from deploy.cli.policies import check

    settings = load_settings()
    for one in check(files or settings.policies, settings.calendars):
        for warning in one.warnings:
            print(f"warning: {warning}", file=sys.stderr)
        print(f"{one.path}: {one.what}, can be used")


@command.command("explain")
def explain_policies(
    event: Annotated[str, typer.Option(help="the first event of a case, JSON; event_type and its own fields suffice")],
    files: Annotated[list[Path] | None, typer.Argument(help="packs, in order; none: those of OIDOR_POLICIES")] = None,
) -> None:
    """Which rule fits an event, which clocks run with which due times, and why."""
    from deploy.cli.policies import explain

    settings = load_settings()
    packs = files or settings.policies
    for line in explain(packs, settings.calendars, event, grace_ms=round(settings.grace * 1000)):
        print(line)


@command.command("diff")
def diff_policies(
    old: Annotated[str, typer.Argument(help="what was: files or folders of packs and calendars, commas between")],
    new: Annotated[str, typer.Argument(help="what is to be, likewise")],
) -> None:
    """What changes for whom: which cases get more or less time, another calendar, other pauses, or no promise at all.

    As diff tools do: exit code 0 when nothing changes, 1 when something does, 2 for what cannot be read.
    """
    from deploy.cli.policydiff.diff import diff

    settings = load_settings()
    changed = diff(old, new, settings.calendars, grace_ms=round(settings.grace * 1000))
    for line in changed or ["nothing changes for any case"]:
        print(line)
    raise typer.Exit(1 if changed else 0)
