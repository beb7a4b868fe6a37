"""Samples: what an event or a clock adds to the KPIs, as amounts in numbered slots.

Slots are numbered as `schemas.kpis.HISTOGRAM_WIDTH` says; what is written of them goes by name, see `encoding`.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Final

import msgspec

from schemas.kpis import (
    ACCUMULATORS,
    HIGHEST_BUCKET,
    HISTOGRAM_BASE,
    HISTOGRAM_WIDTH,
    HISTOGRAMS,
    LOWEST_BUCKET,
    Accumulator,
    Count,
    Histogram,
    Sum,
)

SLOT: Final[Mapping[Accumulator, int]] = {
    each: ACCUMULATORS.index(each.name) for each in (*Count, *Sum) if each.name in ACCUMULATORS
}
_BUCKET_0: Final[Mapping[Histogram, int]] = {
    each: (len(ACCUMULATORS) - ACCUMULATORS.index(each.name)) * HISTOGRAM_WIDTH - LOWEST_BUCKET
    for each in Histogram
    if each.name in HISTOGRAMS
}
"""Histogram -> the slot of its bucket 0."""
_LOG_BASE: Final = math.log(HISTOGRAM_BASE)

Amounts = tuple[tuple[int, int], ...]
"""(slot, amount) pairs"""


class Sample(msgspec.Struct, frozen=True, gc=False):
    """What one moment of a case adds to the KPIs."""

    at_ms: int
    """Event time: the sample belongs to the minute that it falls in."""
    attribution: tuple[str, ...]
    """A value per dimension of `DIMENSIONS`; '' where it was not said: such a dimension gets no partial."""
    amounts: Amounts


@cache
def counted(*counts: Count) -> Amounts:
    """One of each of these counts."""
    return tuple((SLOT[count], 1) for count in counts)


def summed(total: Sum, amount: int) -> Amounts:
    """An amount of a sum, in its thousandths."""
    return ((SLOT[total], amount),)


def duration(histogram: Histogram, total: Sum, duration_ms: int) -> Amounts:
    """A duration in its histogram and in its sum."""
    return ((SLOT[total], duration_ms), (_BUCKET_0[histogram] + bucket_of(duration_ms), 1))


def bucket_of(duration_ms: int) -> int:
    """The bucket b with 1.04^b <= seconds < 1.04^(b+1), or the lowest or highest there is: see `Histogram`."""
    seconds = max(duration_ms, 10) / 1000
    return min(max(math.floor(math.log(seconds) / _LOG_BASE + 1e-9), LOWEST_BUCKET), HIGHEST_BUCKET)


def difference(before: Sequence[Sample], after: Sequence[Sample]) -> Iterator[tuple[Sample, int]]:
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
