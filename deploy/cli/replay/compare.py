"""Whether two databases of one ClickHouse server show the same: view by view, row by row.

What a view shows is a function of the records; when we wrote it down, and under which version, is not, and stays out.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Protocol

WITHIN: Final[Mapping[str, tuple[str, str]]] = {
    "v_events": ("record_at >= {since}", "record_at < {until}"),
    "v_cases": ("opened_at >= {since}", "last_event_at < {until}"),
    "v_sla": ("started_at >= {since}", "due_at < {until} AND (stopped_at IS NULL OR stopped_at < {until})"),
    "v_incidents": ("opened_at >= {since}", "updated_at < {until}"),
    "v_kpi_minute": ("minute >= {since}", "minute < {until}"),
    "v_kpi_quarter_hour": ("quarter_hour >= {since}", "quarter_hour < {until}"),
    "v_kpi_5m": ("window_start >= {since}", "window_end < {until}"),
    "v_kpi_1h": ("window_start >= {since}", "window_end < {until}"),
    "v_kpi_24h": ("window_start >= {since}", "window_end < {until}"),
    "v_kpi_7d": ("window_start >= {since}", "window_end < {until}"),
    "v_reconciliation": ("day > toDate({since}, 'UTC')", "day < toDate({until}, 'UTC')"),
}
"""view -> conditions on a row that lies within a span: not begun before it, and over before it ends"""

VIEWS: Final = tuple(WITHIN)
COMPARED: Final[Mapping[str, str]] = {"v_incidents": "topic != ''"}
"""view -> condition on the rows that are a function of the records: incidents of ours are of no input topic"""
EXAMPLES: Final = 2

_OURS: Final = re.compile(r".*_recorded_at|ingested_at|as_of|version")


class Database(Protocol):
    """What is needed of a connection; clickhouse-driver's `Client` is one."""

    def execute(self, query: str) -> Any: ...


@dataclass(frozen=True, slots=True)
class Span:
    """A span of time, [since, until), in milliseconds; None has no bound."""

    since: int | None = None
    until: int | None = None

    def condition(self, view: str) -> str:
        """Return SQL that holds for the rows of a view that are compared and lie within."""
        lower, upper = WITHIN[view]
        within = [
            bound.format(**{name: f"fromUnixTimestamp64Milli({moment}, 'UTC')"})
            for name, bound, moment in (("since", lower, self.since), ("until", upper, self.until))
            if moment is not None
        ]
        return " AND ".join([COMPARED.get(view, "1"), *within])

    def __str__(self) -> str:
        return f"{_moment(self.since) or 'the beginning'} to {_moment(self.until) or 'now'}"


ALL: Final = Span()


@dataclass(frozen=True, slots=True)
class Digest:
    """How many rows a view shows, and a digest of them all in any order."""

    rows: int
    digest: int


@dataclass(frozen=True, slots=True)
class Difference:
    """Rows of one view that only one of two databases shows; some of them as text."""

    view: str
    here: Digest
    there: Digest
    only_here: int = 0
    only_there: int = 0
    examples_here: Sequence[str] = ()
    examples_there: Sequence[str] = ()

    @property
    def any(self) -> bool:
        return self.here != self.there


def digests(client: Database, database: str, span: Span = ALL) -> dict[str, Digest]:
    """Digest what every view of a database shows."""
    return {
        view: Digest(*map(int, answer))
        for view in VIEWS
        for answer in client.execute(f"SELECT count(), sum(row) FROM ({_hashes(client, database, view, span)})")
    }


def compare(client: Database, here: str, there: str, span: Span = ALL) -> list[Difference]:
    """Compare every view of two databases, row by row only where the digests differ."""
    ours, theirs = digests(client, here, span), digests(client, there, span)
    return [
        _look(client, here, there, Difference(view, ours[view], theirs[view]), span)
        if ours[view] != theirs[view]
        else Difference(view, ours[view], theirs[view])
        for view in VIEWS
    ]


def _look(client: Database, here: str, there: str, found: Difference, span: Span) -> Difference:
    only_here, examples_here = _only(client, found.view, here, there, span)
    only_there, examples_there = _only(client, found.view, there, here, span)
    return Difference(
        found.view, found.here, found.there, only_here, only_there, examples_here, examples_there
    )  # fmt: skip


def _only(client: Database, view: str, one: str, other: str, span: Span) -> tuple[int, list[str]]:
    columns = _columns(client, one, view)
    others = _hashes(client, other, view, span)
    where = f"FROM {one}.{view} WHERE {span.condition(view)} AND {_hash(columns)} NOT IN ({others})"
    ((count,),) = client.execute(f"SELECT count() {where}")
    examples = client.execute(f"SELECT toString(tuple({columns})) {where} ORDER BY 1 LIMIT {EXAMPLES}")
    return int(count), [text for (text,) in examples]


def _hashes(client: Database, database: str, view: str, span: Span) -> str:
    columns = _columns(client, database, view)
    return f"SELECT {_hash(columns)} AS row FROM {database}.{view} WHERE {span.condition(view)}"


def _hash(columns: str) -> str:
    return f"cityHash64(toString(tuple({columns})))"


def _columns(client: Database, database: str, view: str) -> str:
    return ", ".join(compared(client, database, view))


def compared(client: Database, database: str, view: str) -> Iterator[str]:
    """List the columns of a view that two databases must agree on."""
    for name, *_ in client.execute(f"DESCRIBE TABLE {database}.{view}"):
        if not _OURS.fullmatch(name):
            yield name


def _moment(ms: int | None) -> str:
    return "" if ms is None else datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="seconds")
