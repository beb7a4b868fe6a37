"""Which case is meant: `ID`, where that is one case's, else `SOURCE/ID` or `TOPIC/SOURCE/ID`."""

from typing import Final

from deploy.clickhouse.kpi_tables import literal
from deploy.reading.stored import CaseKey, Database
from schemas.errors import OidorError
from schemas.topics import INPUTS

_ALIKE: Final = 5
_READ: Final = 50
_FAR: Final = 3
"""Letters that may be different in what is meant."""


class WhyError(OidorError):
    """Why a case is not told; one line that says what to do."""


def chosen(client: Database, database: str, text: str) -> CaseKey:
    """The case that is meant. Raises WhyError, which names those that may be."""
    found = _cases(client, database, *_reading(text))
    if len(found) == 1:
        return found[0]
    if found:
        names = " or ".join(_shortest(one, found) for one in found)
        raise WhyError(f"{text} may be {len(found)} cases: give {names}")
    raise WhyError(f"nothing is stored of a case {text}: {_advice(client, database, text)}")


def _reading(text: str) -> tuple[str, str, str]:
    """Topic, source and entity id, '' where not said."""
    *named, entity_id = text.split("/")
    if len(named) == 1:
        (name,) = named
        return (name, "", entity_id) if name in INPUTS else ("", name, entity_id)
    return (named[0], named[1], entity_id) if len(named) == 2 else ("", "", text)


def _cases(client: Database, database: str, topic: str, source: str, entity_id: str) -> list[CaseKey]:
    named = {"topic": topic, "source": source, "entity_id": entity_id}
    where = " AND ".join(f"{name} = {literal(value)}" for name, value in named.items() if value)
    found = set[CaseKey]()
    for table in ("feedback_events", "cases", "sla_clocks"):
        rows = client.execute(
            f"SELECT DISTINCT topic, source, entity_id FROM {database}.{table} WHERE {where}"
            f" ORDER BY topic, source, entity_id LIMIT {_READ}"
        )
        found |= {(one, other, name) for one, other, name in rows if name}
    return sorted(found)


def _shortest(one: CaseKey, among: list[CaseKey]) -> str:
    topic, source, entity_id = one
    of_source = [other for other in among if other[1] == source]
    return f"{source}/{entity_id}" if len(of_source) == 1 else f"{topic}/{source}/{entity_id}"


def _advice(client: Database, database: str, text: str) -> str:
    name = literal(text.rpartition("/")[2][:64])
    rows = client.execute(
        f"SELECT source, entity_id FROM {database}.cases WHERE positionCaseInsensitive(entity_id, {name}) > 0"
        f" OR (length(entity_id) < 64 AND editDistance(entity_id, {name}) <= {_FAR})"
        f" GROUP BY source, entity_id ORDER BY editDistance(left(entity_id, 64), {name}), source, entity_id"
        f" LIMIT {_ALIKE}"
    )
    if rows:
        return f"did you mean {' or '.join(f'{source}/{entity_id}' for source, entity_id in rows)}?"
    return (
        "check the id as the source writes it (entity_id of its events), that OIDOR_CLICKHOUSE_DATABASE is the right "
        "one, and `oidor doctor`, if it is new: it may not have been read yet"
    )
