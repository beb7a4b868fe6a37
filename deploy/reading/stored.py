"""What is stored: how far each partition has come, its events as they arrived, and who was erased."""

from collections.abc import Iterator, Mapping, Sequence
from heapq import merge
from typing import Any, Final, NamedTuple, Protocol

from deploy.clickhouse.kpi_tables import literal
from schemas.erasure import customer_hash
from schemas.topics import INPUTS

_PAGE: Final = 5_000
"""Offsets that one query spans."""
_NAMES_A_QUERY: Final = 1_000

CaseKey = tuple[str, str, str]
"""topic, source, entity id"""


class Database(Protocol):
    """What is needed of a connection; clickhouse-driver's `Client` is one. `rows`: what an INSERT inserts."""

    def execute(self, query: str, rows: Any = None) -> Any: ...


class Reached(NamedTuple):
    """How far an input was read: the last record that was accepted, and the greatest timestamp of one, ms."""

    incarnation: int
    offset: int
    record_at: int


class Position(NamedTuple):
    """A partition as of its last checkpoint whose rows are all stored."""

    partition: int
    version: int
    read_to_at: int
    """Its watermark, ms."""
    inputs: Mapping[str, Reached]
    """Those of which the same generation of the state has accepted anything."""


class StoredEvent(NamedTuple):
    """An accepted event as it was stored, with what its record said."""

    topic: str
    partition: int
    incarnation: int
    offset: int
    timestamp: int
    """Of its record, ms."""
    occurred_at: int
    event_type: str
    source: str
    entity_id: str
    customer_id: str
    erased: int
    payload: str
    category: str = ""
    """As it was mapped when the event was accepted."""

    @property
    def key(self) -> bytes:
        """One that its record may have had: it was accepted."""
        return (self.customer_id or self.entity_id).encode()

    @property
    def value(self) -> bytes:
        return self.payload.encode()

    @property
    def case(self) -> CaseKey:
        return self.topic, self.source, self.entity_id


def positions(client: Database, database: str, only: int | None = None) -> list[Position]:
    """Where every partition is, or one of them.

    Its watermark is what the warehouse stores last of a checkpoint: all other rows of that one are here, too.
    """
    where = "" if only is None else f" WHERE partition = {only}"
    rows = client.execute(
        f"SELECT partition, version, toUnixTimestamp64Milli(read_to_at) FROM {database}.watermarks FINAL{where}"
        " ORDER BY partition"
    )
    return [
        Position(partition, version, read_to_at, _reached(client, database, partition, version, read_to_at))
        for partition, version, read_to_at in rows
    ]


def _reached(client: Database, database: str, partition: int, version: int, read_to_at: int) -> dict[str, Reached]:
    # An answer that names nothing is stored again ten minutes later, with a warning: it was here before.
    rows = client.execute(
        f"SELECT topic, max((incarnation, offset)), toUnixTimestamp64Milli(max(record_at))"
        f" FROM {database}.feedback_events WHERE partition = {partition} AND version >= {version >> 32 << 32}"
        f" AND (version <= {version} OR (has(warnings, 'dangling_reference') AND"
        f" toUnixTimestamp64Milli(record_at) <= {read_to_at})) GROUP BY topic"
    )
    return {topic: Reached(incarnation, offset, at) for topic, (incarnation, offset), at in rows}


def events(client: Database, database: str, position: Position) -> Iterator[StoredEvent]:
    """Every event that a partition has accepted so far, of its three inputs together, as its records arrived."""
    streams = (_arrivals(client, database, position, topic) for topic in INPUTS if topic in position.inputs)
    return (event for _, event in merge(*streams, key=lambda arrival: arrival[0]))


def _arrivals(client: Database, database: str, position: Position, topic: str) -> Iterator[tuple[int, StoredEvent]]:
    """Events of one input in the order of its log, each with the watermark that it came at."""
    watermark = 0
    for event in events_of_input(client, database, position, topic):
        watermark = max(watermark, event.timestamp)
        yield watermark, event


def events_of_input(
    client: Database, database: str, position: Position, topic: str, *, that: str = "1"
) -> Iterator[StoredEvent]:
    """Those events of one input for which a condition in SQL holds, in the order of its log.

    They are read page by page, by the key of the table: no query sorts, or holds, more than a page.
    """
    last = position.inputs[topic]
    where = f"topic = '{topic}' AND partition = {position.partition} AND {that}"
    table = f"{database}.feedback_events"
    incarnations = client.execute(f"SELECT DISTINCT incarnation FROM {table} WHERE {where} ORDER BY incarnation")
    for (incarnation,) in incarnations:
        if incarnation > last.incarnation:
            return
        of_log = f"{where} AND incarnation = {incarnation}"
        ((to,),) = client.execute(f"SELECT max(offset) FROM {table} WHERE {of_log}")
        to = last.offset if incarnation == last.incarnation else to
        begin = 0
        while begin <= to:
            page = f"{of_log} AND offset >= {begin} AND offset < {min(begin + _PAGE, to + 1)}"
            rows = client.execute(
                f"SELECT {EVENT_COLUMNS} FROM {table} FINAL WHERE {page} ORDER BY topic, partition, incarnation, offset"
            )
            yield from map(StoredEvent._make, rows)
            begin += _PAGE
            if not rows:
                ((begin,),) = client.execute(
                    f"SELECT if(count() = 0, {to + 1}, min(offset)) FROM {table} WHERE {of_log} AND offset >= {begin}"
                )


EVENT_COLUMNS: Final = (
    "topic, partition, incarnation, offset, toUnixTimestamp64Milli(record_at), toUnixTimestamp64Milli(occurred_at),"
    " event_type, source, entity_id, customer_id, erased, payload, category"
)


# Customers who were erased


def erased_cases(client: Database, database: str, partition: int) -> set[CaseKey]:
    """The cases of customers who were erased since: of some of their events nothing is known any more."""
    marked = [
        f"SELECT DISTINCT topic, source, entity_id FROM {database}.{table} WHERE partition = {partition} AND erased = 1"
        for table in ("feedback_events", "cases", "sla_clocks")
    ]
    found = {tuple(row) for query in marked for row in client.execute(query) if row[2]}
    return found | _of_customers(client, database, partition)


def _of_customers(client: Database, database: str, partition: int) -> set[CaseKey]:
    """Those whose rows name the customer still: `oidor erase` has not masked them."""
    moments = dict(
        client.execute(
            f"SELECT customer, toUnixTimestamp64Milli(max(erased_at)) FROM {database}.erasures GROUP BY customer"
        )
    )
    if not moments:
        return set()
    where = f"partition = {partition} AND customer_id != ''"
    customers = client.execute(f"SELECT DISTINCT customer_id FROM {database}.feedback_events WHERE {where}")
    named = [(one, moments[hashed]) for (one,) in customers if (hashed := customer_hash(one)) in moments]
    found: set[CaseKey] = set()
    for start in range(0, len(named), _NAMES_A_QUERY):
        until = ", ".join(f"({literal(one)}, {moment})" for one, moment in named[start : start + _NAMES_A_QUERY])
        theirs = f"arrayExists(one -> one.1 = customer_id AND one.2 >= toUnixTimestamp64Milli(occurred_at), [{until}])"
        query = f"SELECT DISTINCT topic, source, entity_id FROM {database}.feedback_events WHERE {where} AND {theirs}"
        found |= {tuple(row) for row in client.execute(query)}
    return found


def erased_minutes(client: Database, database: str, partition: int, begin: int, end: int) -> set[tuple[str, int]]:
    """The (topic, minute) in a span in which a promise to somebody who was erased may have counted."""
    minutes = client.execute(
        "SELECT DISTINCT topic, arrayJoin(arrayMap(moment -> intDiv(toUnixTimestamp64Milli(moment), 60000) * 60000,"
        " [started_at, due_at, ifNull(stopped_at, due_at)])) AS minute"
        f" FROM {database}.sla_clocks FINAL WHERE partition = {partition} AND erased = 1"
        f" AND minute >= {begin} AND minute < {end}"
    )
    return {(topic, minute) for topic, minute in minutes}


# Whether anything is missing


class Missing(NamedTuple):
    """Events of one day that were accepted and are not stored."""

    topic: str
    partition: int
    day: str
    accepted: int
    stored: int


def missing_events(client: Database, database: str, since: int) -> list[Missing]:
    """The days, from that of a moment on, of which events are not here. What ClickHouse refused is told apart."""
    rows: Sequence[Sequence[Any]] = client.execute(
        f"SELECT topic, partition, toString(day), accepted, stored FROM {database}.v_reconciliation"
        f" WHERE difference_stored > 0 AND day >= toDate(fromUnixTimestamp64Milli({since}, 'UTC'), 'UTC')"
        " ORDER BY day, topic, partition"
    )
    return [Missing(*row) for row in rows]


def refused_events(client: Database, database: str, since: int) -> int:
    """How many accepted events ClickHouse would not store, from the day of a moment on."""
    ((refused,),) = client.execute(
        f"SELECT toInt64(sum(refused)) FROM {database}.v_reconciliation"
        f" WHERE day >= toDate(fromUnixTimestamp64Milli({since}, 'UTC'), 'UTC')"
    )
    return int(refused)


def first_recorded(client: Database, database: str) -> int | None:
    """When the oldest of what counts, or has no limit to how long it is kept, was recorded, ms; None: nothing is."""
    found = [
        moment
        for table in ("kpi_partials", "cases")
        for count, moment in client.execute(
            f"SELECT count(), toUnixTimestamp64Milli(min(last_recorded_at)) FROM {database}.{table}"
        )
        if count
    ]
    return min(found, default=None)
