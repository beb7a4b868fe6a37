"""Figures of few cases say how little they say. Values of the intervals: R, `binom::binom.wilson`; Rocks, 2016."""

import pytest

from deploy.board.intervals import net_promoter_score, share


def test_a_share_has_the_interval_of_wilson() -> None:
    estimate = share(81, 263)  # the example of the NIST handbook, 7.2.4.1, is built alike

    assert estimate.value == pytest.approx(0.30799, abs=1e-5)
    assert estimate.low == pytest.approx(0.25529, abs=1e-4)
    assert estimate.high == pytest.approx(0.36621, abs=1e-4)


def test_nothing_is_said_of_nothing_and_no_interval_below_five() -> None:
    assert share(0, 0).value is None
    assert net_promoter_score(0, 0, 0).value is None
    assert (share(3, 4).value, share(3, 4).low) == (0.75, None)
    assert (net_promoter_score(3, 1, 4).value, net_promoter_score(3, 1, 4).low) == (50, None)


def test_equal_answers_have_an_interval_with_a_width() -> None:
    for estimate in (share(10, 10), net_promoter_score(10, 0, 10)):
        assert estimate.low is not None
        assert estimate.value is not None
        assert estimate.low < estimate.value
    assert net_promoter_score(10, 0, 10).high == 100


def test_the_score_of_promoters_and_detractors_has_its_interval_about_the_adjusted_middle() -> None:
    estimate = net_promoter_score(60, 20, 100)
    assert estimate.value == 40
    assert estimate.low is not None
    assert estimate.high is not None
    assert (estimate.low + estimate.high) / 2 == pytest.approx(100 * 40 / 103)
