"""`oidor query`."""

import csv
import json
import math
import sys
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import IO, Annotated, Any, Final

import typer
from rich.table import Table

from deploy.cli.command import Panel, console
from deploy.cli.settings import load_settings

PANEL: Final = Panel.LOOK

Row = Sequence[Any]


class Format(StrEnum):
    """How an answer is printed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def command(
    sql: Annotated[str, typer.Argument(help='such as "SELECT * FROM v_sla LIMIT 5"')],
    form: Annotated[
        Format, typer.Option("--format", help="a table to read, CSV with a header, or a JSON array of objects")
    ] = Format.TABLE,
) -> None:
    """Ask ClickHouse, and print the answer."""
    from deploy.cli.questions import asked

    rows, columns = asked(load_settings(), sql)
    names = [name for name, _ in columns]
    match form:
        case Format.TABLE:
            _show(names, rows)
        case Format.CSV:
            _write_csv(names, rows, sys.stdout)
        case Format.JSON:
            _write_json(names, rows, sys.stdout)


def _show(names: Sequence[str], rows: Sequence[Row]) -> None:
    table = Table(*names, caption=f"{len(rows)} rows")
    for row in rows:
        table.add_row(*map(_cell, row))
    console().print(table)


def _cell(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat(" ", "milliseconds" if value.microsecond else "seconds").removesuffix("+00:00")
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _write_csv(names: Sequence[str], rows: Iterable[Row], out: IO[str]) -> None:
    """Write what a spreadsheet reads: NULL is an empty cell, arrays and maps are JSON."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([_csv_cell(_plain(value)) for value in row] for row in rows)


def _csv_cell(value: object) -> object:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value


def _write_json(names: Sequence[str], rows: Iterable[Row], out: IO[str]) -> None:
    """Write an array, an object a line."""
    lines = (json.dumps(dict(zip(names, map(_plain, row), strict=True)), ensure_ascii=False) for row in rows)
    out.write("[" + ",\n ".join(lines) + "]\n")


def _plain(value: Any) -> Any:
    """Return a value as JSON has it: moments are RFC 3339, and what is no number is null."""
    match value:
        case datetime():
            return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        case float() if not math.isfinite(value):
            return None
        case None | bool() | int() | float() | str():
            return value
        case dict():
            return {str(_plain(key)): _plain(one) for key, one in value.items()}
        case list() | tuple():
            return [_plain(one) for one in value]
        case date():
            return value.isoformat()
        case _:
            return str(value)
