"""Adding up partials, once for all that are of the same amounts.

Of a minute in which one thing happened the partials of all dimensions are equal, and of one in which little happened
most are. What is equal by how it came about is one dictionary, held by all of them. So none is ever changed.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final

Slots = dict[int, int]
"""slot -> amount"""
PartialId = tuple[int, str]
"""index in DIMENSIONS, value"""
Alike = tuple[Slots, list[PartialId]]
"""Amounts, and the partials that hold them."""
_AMOUNTS_TOGETHER: Final = 16
"""So few that any fit into a message."""


class Summands(defaultdict[PartialId, list[Slots]]):
    """What is to be added to each partial."""

    def __init__(self) -> None:
        super().__init__(list)

    def gather(self, partials: Mapping[PartialId, Slots]) -> None:
        """Let partials be added, each to that of its name."""
        for key, slots in partials.items():
            self[key].append(slots)

    def add_to(self, partials: dict[PartialId, Slots]) -> dict[PartialId, Slots]:
        """Add to partials; returns those that something was added to."""
        sums: dict[tuple[int, ...], Slots] = {}
        added: dict[PartialId, Slots] = {}
        for key, summands in self.items():
            if key in partials:
                summands.insert(0, partials[key])
            if len(summands) == 1:
                added[key] = summands[0]
                continue
            same = tuple(map(id, summands))
            total = sums.get(same)
            if total is None:
                total = sums[same] = _sum(summands)
            added[key] = total
        partials.update(added)
        return added


def _sum(summands: list[Slots]) -> Slots:
    total = summands[0].copy()
    for slots in summands[1:]:
        for slot, amount in slots.items():
            total[slot] = total[slot] + amount if slot in total else amount
    return without_nothing(total)


def without_nothing(slots: Slots) -> Slots:
    """Amounts but for those that are zero."""
    return {slot: amount for slot, amount in slots.items() if amount} if 0 in slots.values() else slots


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
