"""Partials as rows for the warehouse."""

from collections import defaultdict
from collections.abc import Iterator, Mapping

from processors.kpis.sums import PartialId, Slots, Summands, pieces
from schemas.kpis import DEFINITION_VERSION
from schemas.outputs import PartialRow


def partial_rows(
    bucket: int,
    partials: Mapping[PartialId, Slots],
    topic: str,
    partition: int,
    *,
    revision: int = 0,
    definition_version: int = DEFINITION_VERSION,
) -> list[PartialRow]:
    """The partials of a minute or a quarter-hour."""
    return [PartialRow(bucket, topic, partition, revision, definition_version, piece) for piece in pieces(partials)]


def adjustment_rows(
    adjustments: Mapping[int, dict[PartialId, Slots]], topic: str, partition: int, revision: int, *, bucket_ms: int
) -> Iterator[PartialRow]:
    """What a checkpoint adds to what has left memory, by minute or by quarter-hour: rows of their own."""
    buckets: dict[int, Summands] = defaultdict(Summands)
    for minute, partials in adjustments.items():
        buckets[minute - minute % bucket_ms].gather(partials)
    for moment, summands in buckets.items():
        changes = {key: total for key, total in summands.add_to({}).items() if total}
        yield from partial_rows(moment, changes, topic, partition, revision=revision)
