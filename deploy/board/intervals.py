"""What a share or a score of few answers may be: the 95 % intervals that the views of the warehouse show, too.

Of a share: E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", JASA 22, 1927. Of NPS
the normal one with three answers added, 3/4 of a promoter, 3/4 of a detractor and 3/2 passive: B. Rocks, "Interval
Estimation for the Net Promoter Score", The American Statistician 70, 2016.
"""

from math import sqrt
from typing import Final

import msgspec

from schemas.kpis import LEAST_N

Z_95: Final = 1.959963984540054


class Estimate(msgspec.Struct, frozen=True):
    """A figure of n cases, with its interval where there are enough of them."""

    n: int
    value: float | None = None
    low: float | None = None
    high: float | None = None


def share(positive: int, n: int) -> Estimate:
    """A share, from 0 to 1."""
    if n <= 0:
        return Estimate(0)
    value = positive / n
    if n < LEAST_N:
        return Estimate(n, value)
    half = Z_95 / 2 / n * sqrt(4 * n * value * (1 - value) + Z_95**2)
    middle, scale = value + Z_95**2 / 2 / n, 1 + Z_95**2 / n
    return Estimate(n, value, max((middle - half) / scale, 0), min((middle + half) / scale, 1))


def net_promoter_score(promoters: int, detractors: int, n: int) -> Estimate:
    """NPS, from -100 to 100."""
    if n <= 0:
        return Estimate(0)
    value = 100 * (promoters - detractors) / n
    if n < LEAST_N:
        return Estimate(n, value)
    adjusted = n + 3
    middle = 100 * (promoters - detractors) / adjusted
    variance = (promoters + detractors + 1.5) / adjusted - (middle / 100) ** 2
    half = Z_95 * 100 * sqrt(max(variance, 0) / adjusted)
    return Estimate(n, value, max(middle - half, -100), min(middle + half, 100))
