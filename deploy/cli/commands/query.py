"""`oidor query`."""

from datetime import datetime
from typing import Annotated, Final

import typer
from rich.table import Table

from deploy.cli.command import Panel, console
from deploy.cli.settings import load_settings
from schemas.errors import OidorError

PANEL: Final = Panel.LOOK


def command(sql: Annotated[str, typer.Argument(help='such as "SELECT * FROM v_sla LIMIT 5"')]) -> None:
    """Ask ClickHouse, and print the answer as a table."""
    from clickhouse_driver.errors import Error

    from sinks.clickhouse import Address, connect, one_line

    settings = load_settings()
    try:
        client = connect(Address.of(settings), 60)
        rows, columns = client.execute(sql, with_column_types=True)
    except (Error, OSError, EOFError) as error:
        raise OidorError(
            f"ClickHouse at {settings.clickhouse_host}:{settings.clickhouse_port}: {one_line(error)}"
        ) from error
    table = Table(*(name for name, _ in columns), caption=f"{len(rows)} rows")
    for row in rows:
        table.add_row(*map(_cell, row))
    console().print(table)


def _cell(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat(" ", "milliseconds" if value.microsecond else "seconds").removesuffix("+00:00")
    return f"{value:.6g}" if isinstance(value, float) else str(value)
