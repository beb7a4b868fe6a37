"""Partials as they are written: those that hold the same amounts together, with the amounts once."""

from collections.abc import Iterator, Mapping
from typing import Final

from processors.kpis.sums import PartialId, Slots, Summands, add_up, gather
from schemas.kpis import DEFINITION_VERSION
from schemas.outputs import PartialRow

Alike = tuple[Slots, list[PartialId]]
"""Amounts, and the partials that hold them."""
_AMOUNTS_TOGETHER: Final = 16
"""So few that any fit into a message."""


def alike(partials: Mapping[PartialId, Slots]) -> list[Alike]:
    """Partials by what they hold. That are few to each: of a dimension not more than one value."""
    by_slots: dict[int, Alike] = {}
    for key, slots in partials.items():
        held = by_slots.get(id(slots))
        if held is None:
            by_slots[id(slots)] = slots, [key]
        else:
            held[1].append(key)
    return [*by_slots.values()]


def pieces(partials: Mapping[PartialId, Slots]) -> Iterator[list[Alike]]:
    """Partials by what they hold, as many together as fit into a message in any case."""
    by_slots = alike(partials)
    for start in range(0, len(by_slots), _AMOUNTS_TOGETHER):
        yield by_slots[start : start + _AMOUNTS_TOGETHER]


def partial_rows(
    bucket: int,
    partials: Mapping[PartialId, Slots],
    topic: str,
    partition: int,
    *,
    revision: int = 0,
    definition_version: int = DEFINITION_VERSION,
) -> list[PartialRow]:
    """The partials of a minute or a quarter-hour for the warehouse."""
    return [PartialRow(bucket, topic, partition, revision, definition_version, written) for written in pieces(partials)]


def adjustment_rows(
    adjustments: Mapping[int, Mapping[PartialId, Slots]], topic: str, partition: int, revision: int, *, bucket_ms: int
) -> Iterator[PartialRow]:
    """What a checkpoint adds to what has left memory, by minute or by quarter-hour: rows of their own."""
    buckets: dict[int, Summands] = {}
    for minute, partials in adjustments.items():
        gather(buckets.setdefault(minute - minute % bucket_ms, {}), partials)
    for moment, summands in buckets.items():
        changes = {key: total for key, total in add_up({}, summands).items() if total}
        yield from partial_rows(moment, changes, topic, partition, revision=revision)
