"""Adding up partials, once for all that are of the same amounts.

Of a minute in which one thing happened the partials of all dimensions are equal, and of one in which little happened
most are. What is equal by how it came about is one dictionary, held by all of them. So none is ever changed.
"""

from collections.abc import Mapping

Slots = dict[int, int]
"""slot -> amount"""
PartialId = tuple[int, str]
"""index in DIMENSIONS, value"""
Summands = dict[PartialId, list[Slots]]
"""What is to be added to each partial."""


def gather(summands: Summands, partials: Mapping[PartialId, Slots]) -> None:
    """Let partials be added, each to that of its name."""
    for key, slots in partials.items():
        if key in summands:
            summands[key].append(slots)
        else:
            summands[key] = [slots]


def add_up(partials: dict[PartialId, Slots], summands: Summands) -> dict[PartialId, Slots]:
    """Add to partials; returns those that it was added to."""
    added: dict[PartialId, Slots] = {}
    sums: dict[tuple[int, ...], Slots] = {}
    for key, of_key in summands.items():
        held = partials.get(key)
        if held is not None:
            of_key.insert(0, held)
        same = tuple(map(id, of_key))
        total = sums.get(same)
        if total is None:
            total = sums[same] = _sum(of_key)
        added[key] = total
    partials.update(added)
    return added


def _sum(summands: list[Slots]) -> Slots:
    if len(summands) == 1:
        return summands[0]
    total = summands[0].copy()
    for slots in summands[1:]:
        for slot, amount in slots.items():
            total[slot] = total[slot] + amount if slot in total else amount
    return without_nothing(total)


def without_nothing(slots: Slots) -> Slots:
    """Amounts but for those that are zero."""
    return {slot: amount for slot, amount in slots.items() if amount} if 0 in slots.values() else slots
