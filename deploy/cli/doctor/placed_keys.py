"""Where the keys of each source lie, as the stored events say. Changes nothing."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from deploy.cli.doctor.facts import Database, SourceKeys, SplitCases

KEYS_MAX: Final = 300
"""Records of a source that are looked at, the newest: soon after a client was put right they are all right."""

_LATELY: Final = "ingested_at > now64(3) - INTERVAL 1 DAY"

# The key of a record is not stored, and it is the customer's id or the entity's. Of the first event of a case in its
# partition one can say which: an event that identifies somebody may have either. What is held is bounded.
_PLACED: Final = """
SELECT
    source,
    groupArraySorted({keys_max})((
        -toUnixTimestamp64Milli(ingested_at),
        if(customer_id = '' OR has(warnings, 'key_not_customer'), entity_id, customer_id),
        partition))
FROM {database}.feedback_events
WHERE {lately} AND erased = 0 AND event_type != 'contact.identified'
    AND (event_type IN ('contact.opened', 'complaint.opened', 'survey.invited')
        OR hasAny(warnings, ['wrong_partition', 'missing_open']))
GROUP BY source
ORDER BY source"""

_KEYED_OTHERWISE: Final = """
SELECT source, count()
FROM {database}.feedback_events
WHERE {lately} AND has(warnings, 'key_not_customer')
GROUP BY source
ORDER BY source"""

# In all partitions but one the first event of a split case has one of these warnings, unless any partitioner will do
# and each of two clients sends all of the case: then the view alone shows it.
_LATE_SPLITS: Final = """
FROM {database}.v_split_cases
WHERE (topic, source, entity_id) IN
(
    SELECT topic, source, entity_id
    FROM {database}.feedback_events
    WHERE {lately} AND hasAny(warnings, ['wrong_partition', 'missing_open', 'key_not_customer'])
)"""

_SPLIT: Final = f"""
SELECT
    count(),
    arraySort(groupUniqArray(source)),
    argMax(concat(source, ':', entity_id, ' in partitions ', arrayStringConcat(partitions, ' and ')), last_ingested_at)
{_LATE_SPLITS}"""

_OF_SPLIT_CASES: Final = f"""
SELECT count()
FROM {{database}}.v_incidents
WHERE state = 'open' AND (topic, source, entity_id) IN (SELECT topic, source, entity_id {_LATE_SPLITS})"""


def with_sources(stored: Database, client: Any, database: str) -> Database:
    """What the database said, and what it says of the sources of the last day."""
    ((count, sources, last),) = client.execute(_sql(_SPLIT, database))
    ((open_incidents,),) = client.execute(_sql(_OF_SPLIT_CASES, database))
    keyed_otherwise = client.execute(_sql(_KEYED_OTHERWISE, database))
    return replace(
        stored,
        sources=tuple(_placed(client, database)),
        keyed_otherwise={str(source): int(events) for source, events in keyed_otherwise},
        split_cases=SplitCases(int(count), tuple(sources), str(last), int(open_incidents)) if count else None,
    )


def _placed(client: Any, database: str) -> Iterator[SourceKeys]:
    for source, newest in client.execute(_sql(_PLACED, database)):
        yield SourceKeys(str(source), tuple(dict.fromkeys((str(key), int(partition)) for _, key, partition in newest)))


def _sql(question: str, database: str) -> str:
    return question.format(database=database, lately=_LATELY, keys_max=KEYS_MAX)
