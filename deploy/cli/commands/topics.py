"""`oidor topics`."""

import sys
from typing import Annotated, Final

import typer

from deploy.cli.command import EXIT_MISTAKE, Panel
from deploy.cli.settings import load_settings

PANEL: Final = Panel.PREPARE
command = typer.Typer(no_args_is_help=True, help="The Kafka topics: create what is missing, check what is there.")


@command.command("create")
def create_topics() -> None:
    """Create the topics that are missing; refuse those that exist with another shape."""
    from deploy.cli.topics import create

    created = create(load_settings())
    for name in created:
        print(f"created {name}")
    if not created:
        print("nothing to create: every topic is there, in the right shape")


@command.command("acls")
def list_acls() -> None:
    """Say what each account has to be allowed in Kafka, by the names of this installation, and no more."""
    from deploy.cli.acls import table

    print(*table(load_settings()), sep="\n")


@command.command("check")
def check_topics(
    strict: Annotated[bool, typer.Option("--strict", help="warnings count as wrong, too")] = False,
) -> None:
    """Say what is missing or wrong; exit code 2 when something is."""
    from deploy.cli.topics import check

    found = check(load_settings())
    for problem in found:
        print(f"warning: {problem}" if problem.warning and not strict else problem, file=sys.stderr)
    if any(strict or not problem.warning for problem in found):
        raise typer.Exit(EXIT_MISTAKE)
    print("every topic is there, in the right shape")
