"""The declarations of KPIs agree with each other."""

import json
from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from schemas.kpis import (
    ACCUMULATORS,
    DEFINITION_VERSION,
    DIMENSIONS,
    HISTOGRAM_WIDTH,
    HISTOGRAMS,
    KPIS,
    Count,
    Histogram,
    Kpi,
    Sum,
)
from schemas.outputs import COLUMNS, PARTIAL_COLUMNS
from schemas.taxonomy import CLOCK_METRICS


@pytest.mark.parametrize("kpi", KPIS, ids=lambda kpi: kpi.id)
def test_a_kpi_is_made_of_what_is_counted(kpi: Kpi) -> None:
    assert {each.name for each in (*kpi.numerator, *kpi.denominator)} <= set(ACCUMULATORS)


@pytest.mark.parametrize("kpi", KPIS, ids=lambda kpi: kpi.id)
def test_a_kpi_has_a_form_that_the_views_can_compute(kpi: Kpi) -> None:
    """A histogram or a count by itself; a difference of two counts, or one accumulator, over counts."""
    kinds = [type(each) for each in kpi.numerator]
    assert kinds in ([Histogram], [Count, Count], [Count], [Sum])
    assert all(isinstance(each, Count) for each in kpi.denominator)
    assert kpi.denominator or kinds in ([Histogram], [Count])


def test_no_name_means_two_things() -> None:
    names = [*Count.__members__, *Sum.__members__, *Histogram.__members__, *PARTIAL_COLUMNS[:7]]
    for once in (names, [kpi.id for kpi in KPIS], [kpi.name for kpi in KPIS], DIMENSIONS):
        assert max(Counter(once).values()) == 1


HISTORY: Final = Path(__file__).parent / "kpi_definitions.json"
"""Id -> each form that its definition had, the last of today: its version, and what can be told of it."""


@pytest.mark.parametrize("kpi", KPIS, ids=lambda kpi: kpi.id)
def test_a_kpi_that_is_new_or_defined_otherwise_has_a_version_of_its_own(kpi: Kpi) -> None:
    """Whoever changes one gives it the next version, and adds a line here: rows tell by it what they hold."""
    known = json.loads(HISTORY.read_text())[kpi.id]
    sides = ([each.name for each in side] for side in (kpi.numerator, kpi.denominator))
    assert [kpi.definition_version, kpi.unit, kpi.anchor, *sides] == known[-1]
    versions = [version for version, *_ in known]
    assert versions == sorted(set(versions))
    assert versions[-1] <= DEFINITION_VERSION


def test_every_clock_metric_has_its_attainment() -> None:
    published = {kpi.name for kpi in KPIS if kpi.name.endswith("_attainment")}
    assert published == {f"{metric}_attainment" for metric in CLOCK_METRICS}


def test_slots_of_buckets_do_not_meet_those_of_counts() -> None:
    assert len(ACCUMULATORS) < HISTOGRAM_WIDTH
    assert ACCUMULATORS[-len(HISTOGRAMS) :] == HISTOGRAMS


def test_minutes_and_quarter_hours_have_the_same_columns_but_for_the_moment() -> None:
    assert COLUMNS["kpi_partials"][1:] == COLUMNS["kpi_quarter_hours"][1:]
