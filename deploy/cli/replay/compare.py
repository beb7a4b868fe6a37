"""Whether two databases of one ClickHouse server show the same: view by view, row by row.

What a view shows is a function of the records; when we wrote it down, under which version, by rules in which words, and
how often before other records had taken the same offsets, is not, and stays out.
So does what people did about incidents, who act on one of them only, and what is about a customer who was erased, in
either of them: one may have been masked where the other is not yet.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
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
    "v_kpi_15m": ("window_start >= {since}", "window_end < {until}"),
    "v_kpi_1h": ("window_start >= {since}", "window_end < {until}"),
    "v_kpi_24h": ("window_start >= {since}", "window_end < {until}"),
    "v_kpi_7d": ("window_start >= {since}", "window_end < {until}"),
    "v_reconciliation": ("day > toDate({since}, 'UTC')", "day < toDate({until}, 'UTC')"),
}
"""view -> conditions on a row that lies within a span: not begun before it, and over before it ends"""

ERASED: Final[Mapping[str, tuple[str, str]]] = {
    "v_events": ("topic, partition, offset, record_at", "feedback_events"),
    "v_cases": ("topic, source, entity_id", "cases"),
    "v_sla": ("clock_id", "sla_clocks"),
    "v_incidents": ("topic, source, entity_id", "cases"),
}
"""view -> a key of its rows in any database, and the table that marks those of customers who were erased"""

VIEWS: Final = tuple(WITHIN)
COMPARED: Final[Mapping[str, str]] = {"v_incidents": "topic != ''"}
"""view -> condition on the rows that are a function of the records: incidents of ours are of no input topic"""
EXAMPLES: Final = 2

_OURS: Final = re.compile(
    r".*_recorded_at|.*_digest|ingested_at|as_of|settled|redefined|definition_version|version|incarnation"
)
_GROWS: Final[Mapping[tuple[str, str], str]] = {
    ("v_sla", name): f"if(open, 0, {name})" for name in ("overdue_ms", "overdue_elapsed_ms")
}
"""View and column -> what of it is a function of the records: while a breach is open it grows with the watermark."""


_OF_PEOPLE: Final[Mapping[str, frozenset[str]]] = {
    "v_incidents": frozenset({
        "state", "close_reason", "closed_at", "dismissed", "status", "acknowledged_at", "acknowledged_by", "acted_at",
        "acted_by", "dismissed_by", "last_note", "time_to_acknowledge_ms", "time_to_act_ms",
    }),
}  # fmt: skip
"""View -> columns that show what people did, who act in one of the databases only; `decided_*` show what we decided."""


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
    erased: int = 0
    """Rows about customers who were erased, which are not compared: of that database which has more of them."""

    @property
    def any(self) -> bool:
        return self.here != self.there


def digests(
    client: Database, database: str, span: Span = ALL, *, beside: str = "", views: Sequence[str] = VIEWS
) -> dict[str, Digest]:
    """Digest what the views of a database show, without customers who were erased in it, or in the one `beside`."""
    within = {view: _within(view, span, database, beside or database) for view in views}
    return {
        view: Digest(*map(int, answer))
        for view in views
        for answer in client.execute(f"SELECT count(), sum(row) FROM ({_hashes(client, database, view, within[view])})")
    }


def compare(
    client: Database, here: str, there: str, span: Span = ALL, *, views: Sequence[str] = VIEWS
) -> list[Difference]:
    """Compare views of two databases, row by row only where the digests differ."""
    ours = digests(client, here, span, beside=there, views=views)
    theirs = digests(client, there, span, beside=here, views=views)
    found = [
        Difference(view, ours[view], theirs[view], erased=_erased(client, view, here, there, span)) for view in views
    ]
    return [_look(client, here, there, one, span) if one.any else one for one in found]


def _look(client: Database, here: str, there: str, found: Difference, span: Span) -> Difference:
    within = _within(found.view, span, here, there)
    only_here, examples_here = _only(client, found.view, here, there, within)
    only_there, examples_there = _only(client, found.view, there, here, within)
    return replace(
        found,
        only_here=only_here,
        only_there=only_there,
        examples_here=examples_here,
        examples_there=examples_there,
    )


def _within(view: str, span: Span, *databases: str) -> str:
    """SQL that holds for the rows of a view that are compared."""
    if view not in ERASED:
        return span.condition(view)
    return f"{span.condition(view)} AND ({ERASED[view][0]}) NOT IN ({_erased_keys(view, databases)})"


def _erased_keys(view: str, databases: Iterable[str]) -> str:
    key, table = ERASED[view]
    marked = [f"SELECT {key} FROM {database}.{table} WHERE erased = 1" for database in dict.fromkeys(databases)]
    return " UNION DISTINCT ".join(marked)


def _erased(client: Database, view: str, here: str, there: str, span: Span) -> int:
    if view not in ERASED:
        return 0
    condition = f"{span.condition(view)} AND ({ERASED[view][0]}) IN ({_erased_keys(view, (here, there))})"
    counts = [client.execute(f"SELECT count() FROM {one}.{view} WHERE {condition}")[0][0] for one in (here, there)]
    return max(map(int, counts))


def _only(client: Database, view: str, one: str, other: str, within: str) -> tuple[int, list[str]]:
    columns = _columns(client, one, view)
    others = _hashes(client, other, view, within)
    where = f"FROM {one}.{view} WHERE {within} AND {_hash(columns)} NOT IN ({others})"
    ((count,),) = client.execute(f"SELECT count() {where}")
    examples = client.execute(f"SELECT toString(tuple({columns})) {where} ORDER BY 1 LIMIT {EXAMPLES}")
    return int(count), [text for (text,) in examples]


def _hashes(client: Database, database: str, view: str, within: str) -> str:
    columns = _columns(client, database, view)
    return f"SELECT {_hash(columns)} AS row FROM {database}.{view} WHERE {within}"


def _hash(columns: str) -> str:
    return f"cityHash64(toString(tuple({columns})))"


def _columns(client: Database, database: str, view: str) -> str:
    return ", ".join(compared(client, database, view))


def compared(client: Database, database: str, view: str) -> Iterator[str]:
    """List the columns of a view that two databases must agree on."""
    for name, *_ in client.execute(f"DESCRIBE TABLE {database}.{view}"):
        if not _OURS.fullmatch(name) and name not in _OF_PEOPLE.get(view, ()):
            yield _GROWS.get((view, name), name)


def _moment(ms: int | None) -> str:
    return "" if ms is None else datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="seconds")
