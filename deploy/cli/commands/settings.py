"""`oidor settings`."""

import json
import sys
from typing import Annotated, Final

import typer

from deploy.cli.command import Panel, console

PANEL: Final = Panel.LOOK


def command(
    changed: Annotated[bool, typer.Option("--changed", help="only those that are not left at their default")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="an object a setting, for machines")] = False,
) -> None:
    """Print every setting that holds here: its unit, its default, where it was read, and why; secrets hidden."""
    from rich.table import Table
    from rich.text import Text

    from deploy.cli.effective import DEFAULT, effective, unknown_variables

    chosen = [one for one in effective() if not changed or one.source != DEFAULT]
    for line in unknown_variables():
        print(f"warning: {line}", file=sys.stderr)
    if as_json:
        print(json.dumps([{"variable": one.variable, **one._asdict()} for one in chosen], indent=1))
        return
    if not chosen:
        print("every setting is left at its default")
        return
    table = Table(show_lines=True)
    for heading, widest in (("setting", None), ("value", 30), ("unit", 14), ("default", 26), ("source", 20)):
        table.add_column(heading, max_width=widest, overflow="fold")
    table.add_column("what it is, and why", min_width=30)
    for one in chosen:
        table.add_row(*map(Text, (one.variable, one.value, one.unit, one.default, one.source, one.reason)))
    console().print(table)
