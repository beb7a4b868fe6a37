"""Partials as the durable state writes them: accumulators and dimensions by name.

In memory both are numbered, which is what makes adding fast; numbers change with every release that adds, removes or
reorders one. So whatever is written says which name each of its slots has, and is mapped when it is read: what this
release does not know is dropped, what it knows and the writer did not is absent. Each piece is readable by itself,
wherever the log is cut and whoever wrote what is before it.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from processors.kpis.partials import PartialId, Slots
from schemas.kpis import ACCUMULATORS, DIMENSIONS, HISTOGRAM_WIDTH

SlotNames = dict[int, str]
"""Place among the accumulators of the writer -> name; only those that are used."""
WrittenPartial = tuple[str, str, Slots]
"""dimension, value, amounts in the writer's slots"""
WrittenValue = tuple[str, str]
"""dimension, value"""

_PLACE: Final[Mapping[str, int]] = {name: place for place, name in enumerate(ACCUMULATORS)}
_DIMENSION: Final[Mapping[str, int]] = {name: index for index, name in enumerate(DIMENSIONS)}


def encode_partials(partials: Iterable[tuple[PartialId, Slots]]) -> tuple[SlotNames, list[WrittenPartial]]:
    """What is to be written of some partials. The amounts are shared, not copied: encode them before they change."""
    written = [(DIMENSIONS[dimension], value, slots) for (dimension, value), slots in partials]
    slots = set[int]().union(*(slots for _, _, slots in written))
    places = {slot if slot < HISTOGRAM_WIDTH else slot // HISTOGRAM_WIDTH for slot in slots}
    return {place: ACCUMULATORS[place] for place in places}, written


def decode_partials(names: SlotNames, written: Iterable[WrittenPartial]) -> Iterator[tuple[PartialId, Slots]]:
    """The partials that were written, in the slots of this release; those of which it knows nothing are left out."""
    places = {place: _PLACE.get(name) for place, name in names.items()}
    same = all(place == now for place, now in places.items())
    for dimension, value, slots in written:
        index = _DIMENSION.get(dimension)
        mapped = slots if same else _mapped(slots, places)
        if index is not None and (mapped or not slots):
            yield (index, value), mapped


def _mapped(slots: Slots, places: Mapping[int, int | None]) -> Slots:
    mapped: Slots = {}
    for slot, amount in slots.items():
        if slot < HISTOGRAM_WIDTH:
            place, bucket = places[slot], None
        else:
            place, bucket = places[slot // HISTOGRAM_WIDTH], slot % HISTOGRAM_WIDTH
        if place is not None:
            mapped[place if bucket is None else place * HISTOGRAM_WIDTH + bucket] = amount
    return mapped


def encode_values(values: Iterable[PartialId]) -> list[WrittenValue]:
    """What is to be written of admitted values."""
    return [(DIMENSIONS[dimension], value) for dimension, value in values]


def decode_values(written: Iterable[WrittenValue]) -> Iterator[PartialId]:
    """The admitted values that were written, but for those of dimensions that this release does not know."""
    return ((_DIMENSION[dimension], value) for dimension, value in written if dimension in _DIMENSION)
