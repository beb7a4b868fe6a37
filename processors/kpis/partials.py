"""KPI partials: what one minute adds up to, by one value of one dimension. Absolute and mergeable by adding.

A partial is a flat dictionary slot -> amount. Slots are numbered: counts and sums in the order of `kpi_definitions`,
then the buckets of each histogram, as `PartialRow` has them: a partial travels as it is. A slot that returns to zero
leaves, so that equal contents are equal dictionaries.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from schemas.kpis import COUNTS, DIMENSIONS, HISTOGRAM_BASE, HISTOGRAMS, SUMS
from schemas.outputs import HISTOGRAM_WIDTH, LOWEST_BUCKET, PartialRow

MINUTE_MS: Final = 60_000

SLOT: Final[Mapping[str, int]] = {name: slot for slot, name in enumerate((*COUNTS, *SUMS))}
_BUCKET_0: Final = {
    name: place * HISTOGRAM_WIDTH - LOWEST_BUCKET for place, name in enumerate(HISTOGRAMS, start=len(SLOT))
}
"""Histogram -> the slot of its bucket 0."""
_LOG_BASE: Final = math.log(HISTOGRAM_BASE)
_HIGHEST: Final = 700

_IDS_KEPT: Final = 10_000

Slots = dict[int, int]
Amounts = tuple[tuple[int, int], ...]
"""(slot, amount) pairs"""


class Sample(NamedTuple):
    """What one moment of a case adds to the KPIs."""

    at: int
    """Milliseconds: the minute it belongs to is the one it falls in."""
    attribution: tuple[str, ...]
    """A value per dimension of `DIMENSIONS`; '' where it was not said: such a dimension gets no partial."""
    amounts: Amounts


def bucket_of(duration_ms: int) -> int:
    """The histogram bucket b with 1.04^b <= seconds < 1.04^(b+1); below 10 ms and above 10^11 s: the last ones."""
    seconds = max(duration_ms, 10) / 1000
    return min(max(math.floor(math.log(seconds) / _LOG_BASE + 1e-9), LOWEST_BUCKET), _HIGHEST)


def histogram_slot(name: str, duration_ms: int) -> int:
    return _BUCKET_0[name] + bucket_of(duration_ms)


def counted(*names: str) -> Amounts:
    return tuple((SLOT[name], 1) for name in names)


def duration(name: str, total: str, duration_ms: int) -> Amounts:
    """A duration in its histogram and in its sum."""
    return ((SLOT[total], duration_ms), (histogram_slot(name, duration_ms), 1))


PartialId = tuple[int, str]
"""index in DIMENSIONS, value"""


class Partials:
    """The partials of one input topic in one partition, by minute, with what changed since the last checkpoint."""

    def __init__(self, topic: str, *, values_max: int) -> None:
        self.topic = topic
        self.minutes: dict[int, dict[PartialId, Slots]] = {}
        self.changed: dict[int, dict[PartialId, Slots]] = {}
        """By minute: the partials that changed since the last checkpoint."""
        self.count = 0
        self.floor = 0
        """Minutes that begin before this moment are final."""
        self._lingering = False
        self.overflowed_values = 0
        """Samples that went to `other` because their dimension had its fill of values."""
        self.new_values: list[PartialId] = []
        """Dimension values admitted since the last checkpoint: who came first must survive a restart."""
        self._values: list[set[str]] = [set() for _ in DIMENSIONS]
        self._values_max = values_max
        self._ids: dict[tuple[str, ...], tuple[PartialId, ...]] = {}

    def add(self, sample: Sample, sign: int = 1) -> bool:
        """Add a sample, or take it back (sign -1). False when its minute is final: then nothing changes."""
        minute = sample.at - sample.at % MINUTE_MS
        if minute < self.floor:
            return False
        partials = self.minutes.get(minute)
        if partials is None:
            partials = self.minutes[minute] = {}
        changed = self.changed.get(minute)
        if changed is None:
            changed = self.changed[minute] = {}
        amounts = sample.amounts
        for key in self._ids.get(sample.attribution) or self._partial_ids(sample.attribution):
            slots = partials.get(key)
            if slots is None:
                slots = partials[key] = {}
                self.count += 1
            for slot, amount in amounts:
                total = slots.get(slot, 0) + sign * amount
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
            if len(self._ids) >= _IDS_KEPT:
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

    def put(self, minute: int, key: PartialId, slots: Slots) -> None:
        """Restore one partial from the state."""
        partials = self.minutes.setdefault(minute, {})
        self.count += key not in partials
        partials[key] = slots

    def known_values(self) -> list[PartialId]:
        """The admitted values of every dimension, in no order."""
        return [(dimension, value) for dimension, values in enumerate(self._values) for value in values]

    def drain_overflow(self) -> int:
        """Samples that went to `other` since the last call."""
        overflowed, self.overflowed_values = self.overflowed_values, 0
        return overflowed

    def know(self, value: PartialId) -> None:
        """Restore an admitted value of a dimension."""
        self._values[value[0]].add(value[1])

    def leave_before(self, moment: int) -> None:
        """Forget the minutes that end before `moment`, and take nothing for them any more.

        What was not written since it changed stays until it is.
        """
        floor = moment - moment % MINUTE_MS
        if floor <= self.floor and not self._lingering:
            return
        self.floor = max(self.floor, floor)
        unwritten = self.changed
        past = [minute for minute in self.minutes if minute < self.floor]
        for minute in past:
            if minute not in unwritten:
                self.count -= len(self.minutes.pop(minute))
        self._lingering = any(minute in unwritten for minute in past)

    def shrink_to(self, most: int) -> int:
        """Forget the oldest minutes early until at most `most` partials are left; returns how many leave.

        One that was not written yet leaves once it is, and counts as gone.
        """
        left = sum(len(partials) for minute, partials in self.minutes.items() if minute >= self.floor)
        before, floor = left, self.floor
        for minute in sorted(minute for minute in self.minutes if minute >= self.floor):
            if left <= most:
                break
            left -= len(self.minutes[minute])
            floor = minute + MINUTE_MS
        self.leave_before(floor)
        return before - left


def row(minute: int, key: PartialId, topic: str, partition: int, slots: Slots) -> PartialRow:
    return PartialRow(minute, DIMENSIONS[key[0]], key[1], topic, partition, slots.copy())


def difference(before: Sequence[Sample], after: Sequence[Sample]) -> Iterable[tuple[Sample, int]]:
    """The samples to take back and to add, (sample, -1 or +1), so that `before` becomes `after`."""
    if before == after:
        return
    missing = list(after)
    for sample in before:
        if sample in missing:
            missing.remove(sample)
        else:
            yield sample, -1
    for sample in missing:
        yield sample, 1
