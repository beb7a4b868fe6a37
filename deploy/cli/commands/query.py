"""`oidor query`."""

from datetime import datetime
from typing import Annotated, Final

import typer
from rich.table import Table

from deploy.cli.command import Panel, console
from deploy.cli.settings import load_settings

PANEL: Final = Panel.LOOK


def command(sql: Annotated[str, typer.Argument(help='such as "SELECT * FROM v_sla LIMIT 5"')]) -> None:
    """Ask ClickHouse, and print the answer as a table."""
    from deploy.cli.questions import asked

    rows, columns = asked(load_settings(), sql)
    table = Table(*(name for name, _ in columns), caption=f"{len(rows)} rows")
    for row in rows:
        table.add_row(*map(_cell, row))
    console().print(table)


def _cell(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat(" ", "milliseconds" if value.microsecond else "seconds").removesuffix("+00:00")
    return f"{value:.6g}" if isinstance(value, float) else str(value)
