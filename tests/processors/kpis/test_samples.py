"""Samples: durations in buckets, and what a difference of samples takes back and adds."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.kpis.rows import partial_rows
from processors.kpis.samples import Sample, bucket_of, counted, difference, duration, summed
from schemas.kpis import Count, Histogram, Sum
from schemas.outputs import PARTIAL_COLUMNS, partials_in_full
from schemas.topics import CONTACTS
from tests.processors.feed import DAY
from tests.processors.kpis.merging import SAMPLES, content, partials_of

BASE = Fraction(104, 100)


@given(st.integers(10, 400 * DAY))
def test_a_bucket_holds_the_durations_between_two_powers_of_its_base(milliseconds: int) -> None:
    bucket, seconds = bucket_of(milliseconds), Fraction(milliseconds, 1000)
    assert BASE**bucket <= seconds < BASE ** (bucket + 1)


@pytest.mark.parametrize(
    ("name", "milliseconds", "bucket"),
    [
        ("a second begins bucket 0", 1_000, 0),
        ("a millisecond less does not", 999, -1),
        ("1.04 s begins bucket 1", 1_040, 1),
        ("20 s", 20_000, 76),
        ("nothing at all: with 10 ms", 0, -118),
        ("10 ms", 10, -118),
        ("what cannot be: with nothing", -5, -118),
        ("400 days", 400 * DAY, 442),
        ("beyond all: the last", 10**18, 700),
    ],
)
def test_bucket_of(name: str, milliseconds: int, bucket: int) -> None:
    assert bucket_of(milliseconds) == bucket, name


@given(st.integers(0, 400 * DAY))
def test_a_duration_is_written_in_its_sum_and_in_one_bucket(milliseconds: int) -> None:
    for histogram in Histogram:
        amounts = dict(duration(histogram, Sum.wait_ms, milliseconds))
        (written,) = partials_in_full(partial_rows(0, {(0, "all"): amounts}, CONTACTS, 0), PARTIAL_COLUMNS)
        columns = dict(zip(PARTIAL_COLUMNS, written, strict=True))
        assert columns[histogram.name] == {bucket_of(milliseconds): 1}
        assert columns["wait_ms"] == milliseconds


def test_counts_and_sums_are_written_under_their_own_names() -> None:
    amounts = dict(counted(Count.praise, Count.ces_easy) + summed(Sum.handle_ms, 1_500))
    (written,) = partials_in_full(partial_rows(0, {(0, "all"): amounts}, CONTACTS, 0), PARTIAL_COLUMNS)
    columns = dict(zip(PARTIAL_COLUMNS, written, strict=True))
    assert {name: columns[name] for name in ("praise", "ces_easy", "handle_ms", "wait_ms")} == {
        "praise": 1, "ces_easy": 1, "handle_ms": 1_500, "wait_ms": 0,
    }  # fmt: skip


@given(st.lists(SAMPLES, max_size=12), st.lists(SAMPLES, max_size=12))
def test_a_difference_makes_one_the_other(before: list[Sample], after: list[Sample]) -> None:
    held = partials_of(*before)
    for sample, sign in difference(before, after):
        held.add(sample, sign)
    assert content(held) == content(partials_of(*after))
    assert len(list(difference(before, after))) <= len(before) + len(after)
