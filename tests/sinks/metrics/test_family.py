"""A metric as it is declared, and the name under which it is exported."""

import pytest

from sinks.metrics.family import Counter, Family, Gauge, Histogram, Label
from sinks.metrics.registry import Metrics

CATS = Counter("cats", "Cats seen.", (Label("colour", "of cats"),))
NAP = Histogram("nap", "A nap.", unit="seconds", buckets=(1, 10))
AWAKE = Gauge("awake", "Cats awake.")


@pytest.mark.parametrize(
    ("family", "name"), [(CATS, "feedback_cats"), (NAP, "feedback_nap_seconds"), (AWAKE, "feedback_awake")]
)
def test_a_family_is_exported_with_our_prefix_and_its_unit(family: Family, name: str) -> None:
    assert family.exported_name == name
    assert name in {exported.name for exported in Metrics([family]).registry.collect()}


def test_a_kind_says_how_it_moves() -> None:
    metrics = Metrics([CATS, NAP, AWAKE])

    metrics.increase(CATS, "black")
    metrics.increase(CATS, "black", by=2)
    for number in (9, 7):
        metrics.set(AWAKE, number)
        metrics.record(NAP, number)

    assert metrics.registry.get_sample_value("feedback_cats_total", {"colour": "black"}) == 3
    assert metrics.registry.get_sample_value("feedback_awake") == 7
    assert metrics.registry.get_sample_value("feedback_nap_seconds_bucket", {"le": "10.0"}) == 2
    assert metrics.registry.get_sample_value("feedback_nap_seconds_bucket", {"le": "1.0"}) == 0
