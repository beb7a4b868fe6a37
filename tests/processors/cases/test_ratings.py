"""Which end of its scale an answer stands at: the same for KPIs and for who is called back."""

from typing import Any, cast

import pytest

from processors.cases.events import CaseEvent, Facts
from processors.cases.measures import answer_amounts
from processors.cases.ratings import rating_of
from processors.cases.transitions import trigger_of
from processors.kpis.samples import SLOT
from schemas.kpis import Count

ENDS = {2: (1, 2), 3: (1, 3), 4: (1, 3), 5: (2, 4), 6: (2, 5), 7: (2, 6), 8: (3, 6), 9: (3, 7), 10: (4, 8), 11: (4, 9)}
"""Points of a scale -> the last that is negative, the first that is positive, counted from 1."""


def facts(survey: str, score: int, **said: Any) -> Facts:
    return cast("Facts", {"survey": survey, "score": score, **said})


def ends(survey: str, points: int, lowest: int, **said: Any) -> list[str]:
    """Of each point of a scale, from the lowest on, the end that it belongs to."""
    scale = {"scale_min": lowest, "scale_max": lowest + points - 1, **said}
    found = []
    for score in range(lowest, lowest + points):
        rating = rating_of(facts(survey, score, **scale))
        assert rating is not None
        assert not (rating.is_positive and rating.is_negative)
        found.append("+" if rating.is_positive else "-" if rating.is_negative else "0")
    return found


@pytest.mark.parametrize("lowest", [0, 1])
@pytest.mark.parametrize("points", ENDS)
def test_the_ends_of_a_scale_depend_on_its_points_alone(points: int, lowest: int) -> None:
    negative, positive = ENDS[points]
    expected = ["-"] * negative + ["0"] * (positive - negative - 1) + ["+"] * (points - positive + 1)
    assert ends("csat", points, lowest) == expected
    assert ends("ces", points, lowest, direction="ease") == expected
    assert ends("ces", points, lowest, direction="effort") == expected[::-1]


@pytest.mark.parametrize("lowest", [0, 1])
@pytest.mark.parametrize("points", ENDS)
@pytest.mark.parametrize("said", [{"survey": "csat"}, {"survey": "ces", "direction": "effort"}])
def test_who_is_unhappy_is_in_no_positive_box(points: int, lowest: int, said: dict[str, Any]) -> None:
    for score in range(lowest, lowest + points):
        told = facts(score=score, scale_min=lowest, scale_max=lowest + points - 1, **said)
        counted = dict(answer_amounts(told))
        unhappy = trigger_of(CaseEvent(0, -1, "e", 0, "answered", told)) == "answered_unhappy"
        assert not (unhappy and (SLOT[Count.csat_positive] in counted or SLOT[Count.ces_easy] in counted))


@pytest.mark.parametrize("score", range(11))
def test_detractors_are_those_who_are_called_back(score: int) -> None:
    told = facts("nps", score)
    unhappy = trigger_of(CaseEvent(0, -1, "e", 0, "answered", told)) == "answered_unhappy"
    assert unhappy is (SLOT[Count.nps_detractors] in dict(answer_amounts(told))) is (score <= 6)


@pytest.mark.parametrize(("lowest", "highest"), [(1, 4), (0, 3), (1, 2), (0, 10), (1, 11)])
def test_scores_of_any_scale_are_told_from_its_lowest_to_its_highest_point(lowest: int, highest: int) -> None:
    worst, best = (rating_of(facts("csat", score, scale_min=lowest, scale_max=highest)) for score in (lowest, highest))
    assert worst is not None
    assert best is not None
    assert (worst.normalised(0, 1000), best.normalised(0, 1000)) == (0, 1000)
