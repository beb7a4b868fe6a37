"""Partials: what one minute adds up to by one value of one dimension. Absolute, and mergeable by adding.

A partial is a flat dictionary slot -> amount, as `PartialRow` has it: it travels as it is. A slot that returns to zero
leaves, so that equal contents are equal dictionaries.
"""

from typing import Final

from processors.kpis.samples import Sample
from schemas.kpis import DIMENSIONS
from schemas.outputs import PartialRow

MINUTE_MS: Final = 60_000
_ATTRIBUTIONS_KEPT: Final = 10_000

Slots = dict[int, int]
"""slot -> amount"""
PartialId = tuple[int, str]
"""index in DIMENSIONS, value"""


class Partials:
    """The partials of one input topic in one partition, by minute, with what changed since the last checkpoint."""

    def __init__(self, topic: str, *, values_max: int) -> None:
        """`values_max` bounds the values that each dimension admits; samples of any further value go to `other`."""
        self.topic = topic
        self.minutes: dict[int, dict[PartialId, Slots]] = {}
        """By the moment at which the minute begins, ms."""
        self.changed: dict[int, dict[PartialId, Slots]] = {}
        """By minute: the partials that changed since the last checkpoint."""
        self.count = 0
        self.closed_before_ms = 0
        """Minutes that begin before this moment are closed: they take no sample any more."""
        self.overflowed_values = 0
        """Samples that went to `other` because their dimension had its fill of values."""
        self.new_values: list[PartialId] = []
        """Dimension values admitted since the last checkpoint: who came first must survive a restart."""
        self._closed_unwritten = False
        """Is a closed minute still here, because what changed in it was not written yet?"""
        self._values: list[set[str]] = [set() for _ in DIMENSIONS]
        self._values_max = values_max
        self._ids: dict[tuple[str, ...], tuple[PartialId, ...]] = {}

    def add(self, sample: Sample, sign: int = 1) -> bool:
        """Add a sample, or take it back (sign -1). False when its minute is closed: then nothing changes."""
        minute = sample.at_ms - sample.at_ms % MINUTE_MS
        if minute < self.closed_before_ms:
            return False
        partials = self.minutes.get(minute)
        if partials is None:
            partials = self.minutes[minute] = {}
        changed = self.changed.get(minute)
        if changed is None:
            changed = self.changed[minute] = {}
        amounts = sample.amounts if sign > 0 else tuple([(slot, -amount) for slot, amount in sample.amounts])
        for key in self._ids.get(sample.attribution) or self._partial_ids(sample.attribution):
            slots = partials.get(key)
            if slots is None:
                slots = partials[key] = {}
                self.count += 1
            for slot, amount in amounts:
                total = slots.get(slot, 0) + amount
                if total:
                    slots[slot] = total
                else:
                    slots.pop(slot, None)
            changed[key] = slots
        return True

    def _partial_ids(self, attribution: tuple[str, ...]) -> tuple[PartialId, ...]:
        """The partials that a sample with this attribution belongs to."""
        overflowed = self.overflowed_values
        ids = tuple(
            (dimension, value if value in self._values[dimension] else self._admit(dimension, value))
            for dimension, value in enumerate(attribution)
            if value
        )
        if self.overflowed_values == overflowed:  # else it is counted each time
            if len(self._ids) >= _ATTRIBUTIONS_KEPT:
                self._ids.clear()
            self._ids[attribution] = ids
        return ids

    def _admit(self, dimension: int, value: str) -> str:
        if len(self._values[dimension]) < self._values_max:
            self._values[dimension].add(value)
            self.new_values.append((dimension, value))
            return value
        self.overflowed_values += 1
        return "other"

    def admitted_values(self) -> list[PartialId]:
        """The admitted values of every dimension, in no order."""
        return [(dimension, value) for dimension, values in enumerate(self._values) for value in values]

    def drain_overflow(self) -> int:
        """Samples that went to `other` since the last call."""
        overflowed, self.overflowed_values = self.overflowed_values, 0
        return overflowed

    # Leaving

    def evict_before(self, moment_ms: int) -> None:
        """Close the minutes that end before a moment, and evict them.

        One that was not written since it changed is evicted by the first call after it was.
        """
        closed_before_ms = moment_ms - moment_ms % MINUTE_MS
        if closed_before_ms <= self.closed_before_ms and not self._closed_unwritten:
            return
        self.closed_before_ms = max(self.closed_before_ms, closed_before_ms)
        closed = [minute for minute in self.minutes if minute < self.closed_before_ms]
        for minute in closed:
            if minute not in self.changed:
                self.count -= len(self.minutes.pop(minute))
        self._closed_unwritten = any(minute in self.changed for minute in closed)

    def reopen_from(self, moment_ms: int) -> None:
        """Let minutes that begin at a moment or later take samples again: time was set back before them.

        Earlier ones stay closed: what they added up to is not known any more.
        """
        first_ms = -(-moment_ms // MINUTE_MS) * MINUTE_MS
        self.closed_before_ms = min(self.closed_before_ms, first_ms)

    def evict_oldest(self, partials_max: int) -> int:
        """Close and evict the oldest minutes early, until at most so many partials are left; how many that were.

        One that was not written yet leaves once it is, and counts as evicted.
        """
        left = sum(len(partials) for minute, partials in self.minutes.items() if minute >= self.closed_before_ms)
        before, closed_before_ms = left, self.closed_before_ms
        for minute in sorted(minute for minute in self.minutes if minute >= self.closed_before_ms):
            if left <= partials_max:
                break
            left -= len(self.minutes[minute])
            closed_before_ms = minute + MINUTE_MS
        self.evict_before(closed_before_ms)
        return before - left

    # Reading back from the state

    def restore(self, minute: int, key: PartialId, slots: Slots) -> None:
        """Put one partial back, in place of what is held of it."""
        partials = self.minutes.setdefault(minute, {})
        self.count += key not in partials
        partials[key] = slots

    def restore_value(self, value: PartialId) -> None:
        """Put an admitted value of a dimension back."""
        self._values[value[0]].add(value[1])


def partial_row(minute: int, key: PartialId, topic: str, partition: int, slots: Slots) -> PartialRow:
    """One partial for the warehouse, as it is now: revision 0."""
    return PartialRow(minute, DIMENSIONS[key[0]], key[1], topic, partition, 0, slots.copy())
