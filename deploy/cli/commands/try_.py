"""`oidor try`."""

import json
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from deploy.cli.command import Panel, console
from schemas.errors import OidorError

PANEL: Final = Panel.TRY


def command(
    file: Annotated[str, typer.Argument(help="the ticket: a file of JSON lines; - reads standard input")],
    policies: Annotated[
        list[Path] | None, typer.Option(help="a pack, more than once in order; instead of those in the file")
    ] = None,
    calendars: Annotated[Path | None, typer.Option(help="folder of calendars; those in the file are added")] = None,
    until: Annotated[
        str | None, typer.Option(help="RFC 3339; how long deadlines fire. None: what the file says, or its last record")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON document instead of tables")] = False,
) -> None:
    """Say what becomes of a file of events, without any server: cases, clocks, incidents, pages, KPIs, rejections.

    A line is an event, as published, or {"event": {...}, "record_at": "..."} when it arrived later than it happened.
    {"pack": "..."}, {"calendar": "..."} and {"settings": {...}} set the rules, {"expected": [...]} what must come of
    it: exit code 1 when something differs, 2 when the file is wrong. So a policy is tried, a wrong figure is reported,
    and the report stays as a test: see docs/tickets.md.
    """
    from deploy.cli.tryout.expectations import judge
    from deploy.cli.tryout.report import document, show
    from deploy.cli.tryout.rules import rules_of
    from deploy.cli.tryout.ticket import read_ticket
    from deploy.cli.tryout.tryout import tryout

    ticket = read_ticket("standard input" if file == "-" else file, _text(file))
    rules = rules_of(ticket, policies or (), calendars)
    for warning in rules.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    end = ticket.until if until is None else _moment(until)
    outcome = tryout(ticket.arrivals, rules.rules, until=end, page_window_ms=rules.page_window_ms)
    verdicts = judge(ticket.expectations, outcome)
    if as_json:
        print(json.dumps(document(ticket, outcome, verdicts), ensure_ascii=False, indent=2))
    else:
        show(ticket, outcome, verdicts, console())
    raise typer.Exit(0 if all(one.equal for one in verdicts) else 1)


def _text(file: str) -> str:
    try:
        return (sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()).decode()
    except OSError as error:
        raise OidorError(f"{file}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise OidorError(f"{file}:{line}: not UTF-8 text") from error


def _moment(text: str) -> int:
    from deploy.cli.tryout.moments import moment_ms

    try:
        return moment_ms(text)
    except ValueError as error:
        raise OidorError(f"--until {error}") from error
