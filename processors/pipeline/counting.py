"""Counting: what a case adds to the KPIs, or takes back, is what it says now less what it said before.

That holds while it says by the same rules what it said before. A case that was counted by others, as its period says,
cannot tell any more what it added up to then. So of the time before this period nothing is taken back that may never
have been added, and what would come in its place is not added either: the minutes are marked, and `oidor rebuild`
counts them anew. What only adds, as most events do, is added there too. From the period on all was counted by its
rules, and is taken back as ever. No amount is ever less than nothing.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from processors.cases.case import Case
from processors.kpis.partials import MINUTE_MS
from processors.kpis.samples import Sample, difference
from processors.state.partition import PartitionState
from schemas.taxonomy import StaleReason

Signed = tuple[Sample, int]
"""A sample to add to the KPIs, +1, or to take back, -1."""


def count(state: PartitionState, case: Case, samples: Iterable[Signed]) -> None:
    """Count what one change of a case adds by its events."""
    topic = case.key[0]
    if case.counted_by != state.periods.number:
        samples = _of_another_period(state, topic, [*samples])
    for sample, sign in samples:
        state.add_sample(topic, sample, sign)


def count_outcomes(state: PartitionState, case: Case, before: Sequence[Sample], after: Sequence[Sample]) -> None:
    """Count what became of the promises and waits of a case.

    What comes of an earlier time may be counted already: by other rules a promise was kept or broken at another moment.
    """
    topic = case.key[0]
    samples: Iterable[Signed] = difference(before, after)
    if case.counted_by != state.periods.number:
        samples = _of_another_period(state, topic, [*samples])
        since = state.periods.since(topic)
        _mark(state, topic, (sample for sample, _ in samples if sample.at_ms < since), "maybe_counted_twice")
    for sample, sign in samples:
        state.add_sample(topic, sample, sign)


def _of_another_period(state: PartitionState, topic: str, samples: Sequence[Signed]) -> Sequence[Signed]:
    """What can be counted of a case that was counted by other rules; minutes of the rest are marked."""
    since = state.periods.since(topic)
    earlier = _added_up(each for each in samples if each[0].at_ms < since)
    from_then_on = [each for each in samples if each[0].at_ms >= since]
    if all(amount > 0 for sample in earlier for _, amount in sample.amounts):
        return [*from_then_on, *((sample, 1) for sample in earlier)]
    _mark(state, topic, earlier, "not_taken_back")
    return from_then_on


def _added_up(samples: Iterable[Signed]) -> list[Sample]:
    """What samples come to in each minute: one that is taken back for another that says more only adds."""
    totals: dict[tuple[int, tuple[str, ...]], Counter[int]] = {}
    for sample, sign in samples:
        total = totals.setdefault((sample.at_ms - sample.at_ms % MINUTE_MS, sample.attribution), Counter())
        for slot, amount in sample.amounts:
            total[slot] += sign * amount
    changes = ((*of, tuple((slot, amount) for slot, amount in total.items() if amount)) for of, total in totals.items())
    return [Sample(minute, attribution, amounts) for minute, attribution, amounts in changes if amounts]


def _mark(state: PartitionState, topic: str, samples: Iterable[Sample], reason: StaleReason) -> None:
    for sample in samples:
        state.pending.stale_minutes[sample.at_ms - sample.at_ms % MINUTE_MS, topic, reason] = None
