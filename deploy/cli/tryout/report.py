"""What became of a ticket, as tables for a person and as one JSON document for a program."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from deploy.cli.tryout.expectations import Verdict
from deploy.cli.tryout.moments import shown
from deploy.cli.tryout.outcome import Row, Tryout, amounts
from deploy.cli.tryout.ticket import Ticket
from deploy.traffic.messages import rfc3339


def document(ticket: Ticket, tryout: Tryout, verdicts: Sequence[Verdict]) -> Mapping[str, Any]:
    """Everything, moments as RFC 3339; of a KPI minute only what is not zero."""
    views = tryout.views
    return {
        "about": ticket.about,
        "until": rfc3339(tryout.until),
        "records": views.records(),
        "events": [_named(row, _EVENT) for row in views.events()],
        "cases": list(map(_plain, views.cases())),
        "clocks": list(map(_plain, views.clocks())),
        "incidents": [_plain(row) | {"evidence": json.loads(row["evidence"] or "{}")} for row in views.incidents()],
        "emitted": list(map(_plain, tryout.emitted)),
        "kpi_minutes": [_named(row, _KPI_MINUTE) | dict(amounts(row)) for row in views.kpi_minutes()],
        "rejected": list(map(_plain, views.rejected())),
        "expected": [one.as_document() for one in verdicts],
        "as_expected": all(one.equal for one in verdicts),
    }


_EVENT: Final = (
    "event_id", "event_type", "topic", "source", "entity_id", "occurred_at", "record_at", "late", "warnings",
)  # fmt: skip
_KPI_MINUTE: Final = ("minute", "dimension", "dimension_value", "topic")


def _named(row: Row, columns: Iterable[str]) -> dict[str, Any]:
    return {name: shown(name, row[name]) for name in columns}


def _plain(row: Row) -> dict[str, Any]:
    return _named(row, row)


def show(ticket: Ticket, tryout: Tryout, verdicts: Sequence[Verdict], console: Console) -> None:
    """Print tables; those that would be empty are left out."""
    views = tryout.views
    if title := ticket.about.get("title"):
        console.print(f"[bold]{escape(str(ticket.about['case']))}[/bold] {escape(str(title))}")
    console.print(_summary(views.records(), tryout.until), highlight=False)
    for heading, columns, rows in (
        ("Cases", _CASES, views.cases()),
        ("Clocks", _CLOCKS, views.clocks()),
        ("Incidents", _INCIDENTS, views.incidents()),
        ("Emitted on the way", _EMITTED, tryout.emitted),
        ("KPI minutes", _KPIS, [row for row in views.kpi_minutes() if row["dimension"] == "all"]),
        ("Warnings", _WARNINGS, [row for row in views.events() if row["warnings"]]),
        ("Rejected", _REJECTED, views.rejected()),
    ):
        if rows:
            console.print(_table(heading, columns, rows))
    if verdicts:
        console.print(_verdicts(verdicts))


def _summary(records: Mapping[str, int], until: int) -> str:
    late = f" ({records['late']} late)" if records["late"] else ""
    return (
        f"{records['records_read']} read: {records['accepted']} accepted{late}, {records['duplicate']} duplicate, "
        f"{records['rejected']} rejected; as of {rfc3339(until)}"
    )


_Column = str | Callable[[Row], str]
_Columns = Mapping[str, _Column]
"""Heading -> the column of a row, or what to make of the row."""


def _subject(row: Row) -> str:
    return str(row["entity_id"] or row["subject"])


def _stood(row: Row) -> str:
    """What a clock's state does not say."""
    flags = [name for name in ("legal", "retroactive", "retracted") if row[name]]
    spans = [f"{name} {row[f'{name}_ms'] / 1000:g} s" for name in ("paused", "overdue") if row[f"{name}_ms"]]
    return ", ".join(flags + spans)


def _what_happened(row: Row) -> str:
    return ", ".join(f"{name} {value}" for name, value in amounts(row).items() if not isinstance(value, dict))


_CASES: Final[_Columns] = {
    "case": "entity_id", "topic": "topic", "state": "state", "priority": "priority", "opened": "opened_at",
    "first response": "first_response_at", "resolved": "resolved_at", "closed": "closed_at", "events": "events",
    "incomplete": lambda row: "yes" if row["incomplete"] else "",
}  # fmt: skip
_CLOCKS: Final[_Columns] = {
    "case": "entity_id", "clock": lambda row: f"{row['metric']} {row['instance']}", "target": "target",
    "started": "started_at", "due": "due_at", "stopped": "stopped_at", "state": "state", "": _stood,
}  # fmt: skip
_INCIDENTS: Final[_Columns] = {
    "pattern": "pattern", "clock": "metric", "case": _subject, "severity": "severity", "state": "state",
    "because": "close_reason", "opened": "opened_at", "closed": "closed_at", "what happened": "summary",
}  # fmt: skip
_EMITTED: Final[_Columns] = {
    "at": "recorded_at", "pattern": "pattern", "clock": "metric", "case": _subject, "transition": "transition",
    "severity": "severity", "page": lambda row: "page" if row["page"] else "", "what happened": "summary",
}  # fmt: skip
_KPIS: Final[_Columns] = {"minute": "minute", "topic": "topic", "what happened": _what_happened}
_WARNINGS: Final[_Columns] = {
    "event": "event_id", "type": "event_type", "case": "entity_id", "warnings": lambda row: ", ".join(row["warnings"])
}  # fmt: skip
_REJECTED: Final[_Columns] = {
    "event": "event_id", "type": "event_type", "reason": "reason", "field": "field", "expected": "expected",
    "got": "got",
}  # fmt: skip


def _table(heading: str, columns: _Columns, rows: Iterable[Row]) -> Table:
    table = Table(*columns, title=heading, title_justify="left")
    for row in rows:
        table.add_row(*map(escape, _cells(columns, row)))
    return table


def _cells(columns: _Columns, row: Row) -> Iterator[str]:
    for column in columns.values():
        value = shown(column, row[column]) if isinstance(column, str) else column(row)
        yield "" if value is None else str(value)


def _verdicts(verdicts: Sequence[Verdict]) -> Table:
    table = Table("", "expectation", "expected", "got", title="Expected", title_justify="left")
    for one in verdicts:
        mark = "[green]as expected" if one.equal else "[bold red]differs"
        table.add_row(mark, *map(escape, (one.subject, _text(one.expected), _text(one.got))))
    return table


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
