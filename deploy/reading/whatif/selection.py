"""Which cases of a partition are asked about, and which of them nothing can be said of.

Asked about is each case that was open at the beginning of the span or later, from its opening on. What was merged
belongs together: a case whose clocks rest on one of which nothing can be said is left out with it.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

from deploy.reading.stored import CaseKey, Database, Position, erased_cases
from processors.cases.transitions import TERMINAL
from schemas.topics import INPUTS, SURVEYS

Reason = Literal["erased", "evicted", "beyond_retention", "changed_meanwhile", "unreadable", "differing"]
"""Why a case is left out: its customer was erased; it left the state while open, or some of its events were folded into
nothing; it was written while it was read; this release rejects an event of it; folded again by the promises in force it
does not come to what is stored.
"""
REASONS: Final[tuple[Reason, ...]] = get_args(Reason)

SELECTED: Final = "whatif_cases"
"""The temporary table of the cases whose events are read."""
_ROWS_AN_INSERT: Final = 10_000


Components = Sequence[Collection[CaseKey]]


@dataclass(frozen=True, slots=True)
class Selection:
    """The cases of one partition that are asked about."""

    cases: frozenset[CaseKey]
    left_out: Mapping[CaseKey, Reason]
    """Those that are asked about, too, and of which nothing can be said."""
    components: Components
    """The cases that merges bind together."""


def select(client: Database, database: str, position: Position, begin: int, retention_ms: int) -> Selection:
    """The cases that were open at `begin`, ms, or later. A survey may be owed something for as long as cases stay."""
    asked = set(_asked(client, database, position.partition, begin, retention_ms))
    components = _components(client, database, position.partition)
    asked.update(*(component for component in components if not asked.isdisjoint(component)))
    out: dict[CaseKey, Reason] = {}
    for reason, cases in _unknown(client, database, position):
        for key in sorted(asked & cases):
            out.setdefault(key, reason)
    out = spread(out, components)
    return Selection(frozenset(asked - out.keys()), out, components)


def spread(out: Mapping[CaseKey, Reason], components: Iterable[Collection[CaseKey]]) -> dict[CaseKey, Reason]:
    """What is left out, with the cases that are merged with any of it."""
    spread = dict(out)
    for component in components:
        reasons = [out[key] for key in component if key in out]
        if reasons:
            first = min(reasons, key=REASONS.index)
            spread.update((key, spread.get(key, first)) for key in component)
    return spread


def _asked(client: Database, database: str, partition: int, begin: int, retention_ms: int) -> Iterator[CaseKey]:
    over = ", ".join(f"'{state}'" for state in sorted({*TERMINAL, "erased", "evicted"}))
    since = f"fromUnixTimestamp64Milli({begin}, 'UTC')"
    surveys_since = f"fromUnixTimestamp64Milli({max(0, begin - retention_ms)}, 'UTC')"
    queries = (
        f"cases FINAL WHERE partition = {partition} AND (last_event_at >= {since} OR state NOT IN ({over}))",
        f"sla_clocks FINAL WHERE partition = {partition} AND void = 0"
        f" AND (isNull(stopped_at) OR due_at >= {since} OR stopped_at >= {since})",
        f"feedback_events WHERE topic = '{SURVEYS}' AND partition = {partition} AND occurred_at >= {surveys_since}",
    )
    for query in queries:
        for topic, source, entity_id in client.execute(
            f"SELECT DISTINCT topic, source, entity_id FROM {database}.{query}"
        ):
            if entity_id:  # masked with its customer, who was its entity
                yield topic, source, entity_id


def _components(client: Database, database: str, partition: int) -> list[set[CaseKey]]:
    """The cases that merges bind together, however many they lead through."""
    component_of: dict[CaseKey, set[CaseKey]] = {}
    rows = client.execute(
        f"SELECT topic, source, entity_id, merged_into FROM {database}.cases FINAL"
        f" WHERE partition = {partition} AND merged_into != ''"
    )
    for topic, source, entity_id, into in rows:
        together = {(topic, source, entity_id), (topic, source, into)}
        together.update(*(component_of.get(key, ()) for key in (*together,)))
        component_of.update(dict.fromkeys(together, together))
    return list({id(component): component for component in component_of.values()}.values())


def _unknown(client: Database, database: str, position: Position) -> Iterator[tuple[Reason, set[CaseKey]]]:
    partition = position.partition
    yield "erased", erased_cases(client, database, partition)
    columns, of = "SELECT DISTINCT topic, source, entity_id FROM", f"WHERE partition = {partition}"
    queries: tuple[tuple[Reason, str], ...] = (
        ("evicted", f"{columns} {database}.cases FINAL {of} AND state = 'evicted'"),
        ("beyond_retention", f"{columns} {database}.feedback_events {of} AND has(warnings, 'beyond_retention')"),
        ("changed_meanwhile", f"{columns} {database}.cases FINAL {of} AND version > {position.version}"),
        ("changed_meanwhile", f"{columns} {database}.sla_clocks FINAL {of} AND version > {position.version}"),
    )
    for reason, query in queries:
        yield reason, {(topic, source, entity_id) for topic, source, entity_id in client.execute(query)}


def store(client: Database, cases: Collection[CaseKey]) -> None:
    """Let this connection know the cases whose events are to be read: see `those_of`."""
    client.execute(f"DROP TEMPORARY TABLE IF EXISTS {SELECTED}")
    client.execute(f"CREATE TEMPORARY TABLE {SELECTED} (topic String, source String, entity_id String) ENGINE = Memory")
    rows = [list(key) for key in sorted(cases)]
    for start in range(0, len(rows), _ROWS_AN_INSERT):
        client.execute(
            f"INSERT INTO {SELECTED} (topic, source, entity_id) VALUES", rows[start : start + _ROWS_AN_INSERT]
        )


def those_of(topic: str) -> str:
    """The condition, in SQL, that a row of a topic is of one of the cases stored."""
    assert topic in INPUTS
    return f"(source, entity_id) IN (SELECT source, entity_id FROM {SELECTED} WHERE topic = '{topic}')"
