"""Whose a stored survey is: it takes team, area, channel and product of the case that it names."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from deploy.clickhouse.kpi_tables import literal
from deploy.reading.stored import CaseKey, Database
from deploy.reading.whatif.refold import Log
from processors.cases.standing import Linked, Standing, Target, links_of
from schemas.topics import SURVEYS

_NAMES_A_QUERY: Final = 1_000


class _Named(NamedTuple):
    source: str
    customer_id: str
    linked: Linked


def linked(client: Database, database: str, partition: int, log: Log) -> Mapping[CaseKey, Standing]:
    """How the surveys stand that name a case of their partition: as that is now."""
    links = {key: links_of(events) for key, events in log.events.items() if key[0] == SURVEYS}
    cases = _cases(client, database, partition, sorted({target for named in links.values() for target in named}))
    standings: dict[CaseKey, Standing] = {}
    for key, targets in links.items():
        named = next((cases[target] for target in targets if target in cases), None)
        if named is not None:
            customer_id = next((found for event in log.events[key] if (found := event.facts.get("customer_id"))), "")
            first = min(named, key=lambda one: (one.customer_id != customer_id, one.source != key[1], one.source))
            if any(first.linked):
                standings[key] = Standing(linked=first.linked)
    return standings


def _cases(
    client: Database, database: str, partition: int, targets: Sequence[Target]
) -> Mapping[Target, Sequence[_Named]]:
    found: dict[Target, list[_Named]] = {}
    for start in range(0, len(targets), _NAMES_A_QUERY):
        names = ", ".join(
            f"({literal(topic)}, {literal(entity_id)})" for topic, entity_id in targets[start : start + _NAMES_A_QUERY]
        )
        rows = client.execute(
            f"SELECT topic, entity_id, source, customer_id, org_unit, team, channel, product"
            f" FROM {database}.cases FINAL WHERE partition = {partition} AND (topic, entity_id) IN ({names})"
        )
        for topic, entity_id, source, customer_id, *said in rows:
            found.setdefault((topic, entity_id), []).append(_Named(source, customer_id, Linked(*said)))
    return found
