"""`Records`: all that is stored of one case and of those that bear on it, read from the database at one moment."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from deploy.clickhouse.kpi_tables import literal
from deploy.reading.stored import EVENT_COLUMNS, CaseKey, Database, StoredEvent
from schemas.erasure import customer_hash
from schemas.topics import COMPLAINTS, CONTACTS, SURVEYS

Row = Mapping[str, Any]
"""Column -> value; moments are milliseconds since the epoch."""

RELATED_MAX: Final = 200
"""Cases that are read beside one: what is merged into it, and what it is merged into, further and further."""
_MOMENTS: Final = ("started_at", "due_at", "stopped_at", "last_recorded_at", "paused_since")


class Heard(NamedTuple):
    """An accepted event, with what was noticed when it was."""

    event: StoredEvent
    event_id: str
    late: int
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Text:
    """A text of rules that was in force: a row of `v_policy_texts`."""

    kind: str
    name: str
    version: str
    digest: str
    text: str
    first_seen: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """What is stored of one case. Moments are milliseconds since the epoch."""

    key: CaseKey
    partition: int
    events: Sequence[Heard]
    """Of it and of those that bear on it, all of its partition, as their records arrived."""
    clocks: Sequence[Row] = ()
    """Its rows of `v_sla`."""
    case: Row | None = None
    """Its row of `v_cases`; surveys have none."""
    read_to_at: int = 0
    """The watermark of its partition; 0 when none is stored."""
    greatest_at: int = 0
    """The greatest timestamp of a record of its topic and partition."""
    erased: bool = False
    """Whether its customer was erased."""
    related_erased: tuple[CaseKey, ...] = ()
    """Cases that bear on it, of customers who were erased: of what they gave it nothing is known any more."""
    elsewhere: int = 0
    """Events that bear its name in other partitions."""
    texts: Sequence[Text] = ()


def read(client: Database, database: str, key: CaseKey) -> Records:
    """Read what is stored of a case that is known to be there."""
    case, clocks = _case(client, database, key), _clocks(client, database, key)
    own = _events(client, database, [key], None)
    partition = _partition(case, clocks, own)
    known = {key: [heard for heard in own if heard.event.partition == partition]}
    erased = _erasures(client, database)
    reading = _Reading(client, database, partition)
    reading.complete(known)
    return Records(
        key=key,
        partition=partition,
        events=in_order_of_arrival(heard for of_case in known.values() for heard in of_case),
        clocks=clocks,
        case=case,
        read_to_at=_read_to_at(client, database, partition),
        greatest_at=_greatest_at(client, database, key[0], partition),
        erased=_is_erased(case, clocks, known[key], erased),
        related_erased=tuple(
            sorted(other for other, heard in known.items() if other != key and _is_erased(None, (), heard, erased))
        ),
        elsewhere=len(own) - len(known[key]),
        texts=_texts(client, database),
    )


def in_order_of_arrival(heard: Iterable[Heard]) -> list[Heard]:
    """Events of one partition as its worker read them: each input in the order of its log, the inputs by watermark."""
    logs: dict[str, int] = {}
    placed = []
    for one in sorted(heard, key=lambda one: (one.event.topic, one.event.incarnation, one.event.offset)):
        logs[one.event.topic] = max(logs.get(one.event.topic, 0), one.event.timestamp)
        placed.append((logs[one.event.topic], one))
    return [one for _, one in sorted(placed, key=lambda held: held[0])]


# Which cases bear on it


class _Reading:
    def __init__(self, client: Database, database: str, partition: int) -> None:
        self._client, self._database, self._partition = client, database, partition

    def complete(self, known: dict[CaseKey, list[Heard]]) -> None:
        """Add the cases that bear on those that are known, until there are no more, or too many."""
        waiting = list(known)
        while waiting and len(known) < RELATED_MAX:
            named = {key for one in waiting for key in named_in(known[one], one)} | self._merged_into(waiting)
            linked = {link for one in waiting if one[0] == SURVEYS for link in links_in(known[one])}
            waiting = sorted({*named, *self._linked(linked)} - known.keys())[: RELATED_MAX - len(known)]
            read = _events(self._client, self._database, waiting, self._partition) if waiting else []
            known |= {key: [heard for heard in read if heard.event.case == key] for key in waiting}

    def _merged_into(self, keys: Sequence[CaseKey]) -> set[CaseKey]:
        names = ", ".join(f"({', '.join(map(literal, key))})" for key in keys)
        where = f"partition = {self._partition} AND (topic, source, merged_into) IN ({names})"
        rows = self._client.execute(f"SELECT topic, source, entity_id FROM {self._database}.cases FINAL WHERE {where}")
        return {(topic, source, entity_id) for topic, source, entity_id in rows}

    def _linked(self, links: Iterable[tuple[str, str]]) -> set[CaseKey]:
        """The cases that surveys name, of whatever source."""
        named = ", ".join(f"({literal(topic)}, {literal(entity_id)})" for topic, entity_id in links)
        if not named:
            return set()
        rows = self._client.execute(
            f"SELECT DISTINCT topic, source, entity_id FROM {self._database}.feedback_events"
            f" WHERE partition = {self._partition} AND (topic, entity_id) IN ({named})"
        )
        return {(topic, source, entity_id) for topic, source, entity_id in rows}


def named_in(heard: Iterable[Heard], key: CaseKey) -> set[CaseKey]:
    """The cases into which the events of one say that it is merged."""
    topic, source, _ = key
    found = set[CaseKey]()
    for one in heard:
        if one.event.event_type.endswith((".merged", ".corrected")):
            said = _payload(one)
            values = said.get("values")
            into = said.get("into") or (values.get("into") if isinstance(values, dict) else None)
            if isinstance(into, str) and into:
                found.add((topic, source, into))
    return found


def links_in(heard: Iterable[Heard]) -> set[tuple[str, str]]:
    links = [said for one in heard if isinstance(said := _payload(one).get("links"), dict)]
    names = (("contact_id", CONTACTS), ("complaint_id", COMPLAINTS))
    return {(topic, one[name]) for one in links for name, topic in names if isinstance(one.get(name), str)}


def _payload(heard: Heard) -> dict[str, Any]:
    try:
        said = json.loads(heard.event.payload or "{}")
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


# Tables


def _events(client: Database, database: str, keys: Sequence[CaseKey], partition: int | None) -> list[Heard]:
    topics, sources, entities = (", ".join(map(literal, sorted({key[place] for key in keys}))) for place in range(3))
    where = f"topic IN ({topics}) AND source IN ({sources}) AND entity_id IN ({entities})"
    if partition is not None:
        where += f" AND partition = {partition}"
    rows = client.execute(
        f"SELECT {EVENT_COLUMNS}, event_id, late, warnings FROM {database}.feedback_events FINAL WHERE {where}"
        " ORDER BY topic, partition, incarnation, offset"
    )
    wanted, width = set(keys), len(StoredEvent._fields)
    heard = (Heard(StoredEvent._make(row[:width]), row[width], row[width + 1], tuple(row[width + 2])) for row in rows)
    return [one for one in heard if one.event.case in wanted]


def _where(key: CaseKey) -> str:
    topic, source, entity_id = map(literal, key)
    return f"topic = {topic} AND source = {source} AND entity_id = {entity_id}"


def _case(client: Database, database: str, key: CaseKey) -> Row | None:
    columns = ("partition", "state", "merged_into", "merged_elsewhere", "events_left_out", "erased", "version")
    rows = client.execute(f"SELECT {', '.join(columns)} FROM {database}.v_cases WHERE {_where(key)}")
    return dict(zip(columns, rows[0], strict=True)) if rows else None


def _clocks(client: Database, database: str, key: CaseKey) -> list[Row]:
    columns = [name for name, *_ in client.execute(f"DESCRIBE TABLE {database}.v_sla")]
    asked = ", ".join(f"toUnixTimestamp64Milli({name})" if name in _MOMENTS else name for name in columns)
    rows = client.execute(f"SELECT {asked} FROM {database}.v_sla WHERE {_where(key)} ORDER BY metric, instance")
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _texts(client: Database, database: str) -> list[Text]:
    rows = client.execute(
        "SELECT kind, name, text_version, digest, text, toUnixTimestamp64Milli(first_seen)"
        f" FROM {database}.v_policy_texts ORDER BY first_seen, kind, name, digest"
    )
    return [Text(*row) for row in rows]


def _read_to_at(client: Database, database: str, partition: int) -> int:
    rows = client.execute(
        f"SELECT toUnixTimestamp64Milli(read_to_at) FROM {database}.watermarks FINAL WHERE partition = {partition}"
    )
    return int(rows[0][0]) if rows else 0


def _greatest_at(client: Database, database: str, topic: str, partition: int) -> int:
    ((greatest,),) = client.execute(
        f"SELECT toUnixTimestamp64Milli(max(record_at)) FROM {database}.feedback_events"
        f" WHERE topic = {literal(topic)} AND partition = {partition}"
    )
    return int(greatest)


def _partition(case: Row | None, clocks: Sequence[Row], heard: Sequence[Heard]) -> int:
    """Where the case is: what was written of it last says so."""
    rows = [*([case] if case else []), *clocks]
    if rows:
        return int(max(rows, key=lambda row: row["version"])["partition"])
    return heard[-1].event.partition if heard else 0


def _erasures(client: Database, database: str) -> dict[int, int]:
    """Hash of a customer -> until when they were erased, ms: `oidor erase` may not have masked all rows yet."""
    return dict(
        client.execute(
            f"SELECT customer, toUnixTimestamp64Milli(max(erased_at)) FROM {database}.erasures GROUP BY customer"
        )
    )


def _is_erased(case: Row | None, clocks: Sequence[Row], heard: Iterable[Heard], erased: Mapping[int, int]) -> bool:
    rows = [*([case] if case else []), *clocks]
    events = [one.event for one in heard]
    if any(row["erased"] for row in rows) or any(one.erased for one in events):
        return True
    named = (one for one in events if erased and one.customer_id)
    return any(one.occurred_at <= erased.get(customer_hash(one.customer_id), -1) for one in named)
