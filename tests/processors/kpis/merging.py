"""Samples drawn at random, and what partials hold."""

from collections import Counter, defaultdict

from hypothesis import strategies as st

from processors.kpis.partials import Partials
from processors.kpis.samples import Sample, counted, duration
from processors.kpis.sums import Slots
from schemas.kpis import Count, Histogram, Sum
from schemas.topics import CONTACTS
from tests.processors.feed import DAY, MINUTE, T0

SAMPLES = st.builds(
    Sample,
    at_ms=st.sampled_from([T0, T0 + 59_999, T0 + MINUTE]),
    attribution=st.sampled_from([("all", "phone"), ("all", "chat"), ("all", "")]),
    amounts=st.one_of(
        st.sampled_from([counted(count) for count in Count]),
        st.integers(0, DAY).map(lambda ms: duration(Histogram.wait_histogram, Sum.wait_ms, ms)),
    ),
)
Content = dict[int, dict[tuple[int, str], Slots]]


def partials_of(*samples: Sample) -> Partials:
    held = Partials(CONTACTS, values_max=10)
    for sample in samples:
        held.add(sample)
    return held


def content(*held: Partials) -> Content:
    """What several partitions say together: added up, without what is nothing."""
    total: dict[int, dict[tuple[int, str], Counter[int]]] = defaultdict(lambda: defaultdict(Counter))
    for each in held:
        for minute, by_value in each.minutes.items():
            for key, slots in by_value.items():
                total[minute][key].update(slots)
    return {
        minute: {key: dict(slots) for key, slots in by_value.items() if slots}
        for minute, by_value in total.items()
        if any(by_value.values())
    }
