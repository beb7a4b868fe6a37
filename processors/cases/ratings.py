"""Ratings: where a survey answer stands on its scale, and which end of it that is.

The one place that says what is positive and what is negative: KPIs and follow-up clocks ask here.
"""

from typing import Final, NamedTuple

from processors.cases.events import Facts

PROMOTERS_FROM: Final = 9
DETRACTORS_UP_TO: Final = 6


class Rating(NamedTuple):
    """An answer that rates. 1 is the lowest point and the worst, whichever way it was asked."""

    survey: str
    position: int
    points: int

    @property
    def is_positive(self) -> bool:
        """Does it stand in the top boxes: from 0.75 of the points on, rounded up; of NPS a promoter?"""
        if self.survey == "nps":
            return self.position > PROMOTERS_FROM
        return self.position >= -(-3 * self.points // 4)

    @property
    def is_negative(self) -> bool:
        """Does it stand in the bottom boxes: the lowest, and up to 0.4 of the points; of NPS a detractor?"""
        if self.survey == "nps":
            return self.position <= DETRACTORS_UP_TO + 1
        return self.position <= max(1, 2 * self.points // 5)

    def normalised(self, lowest: int, highest: int) -> int:
        """Return its place between the ends of another scale, rounded down."""
        return lowest + (highest - lowest) * (self.position - 1) // (self.points - 1)


def rating_of(facts: Facts) -> Rating | None:
    """Return what an answer rates; None of one that has words alone, or measures something else."""
    survey, score = facts.get("survey", ""), facts.get("score")
    if score is None:
        return None
    if survey == "nps":
        return Rating(survey, score + 1, 11)
    if survey not in ("csat", "ces"):
        return None
    lowest = facts.get("scale_min", 1)
    points = facts.get("scale_max", 5) - lowest + 1
    position = score - lowest + 1
    if facts.get("direction") == "effort":  # what is high there is hard
        position = points + 1 - position
    return Rating(survey, position, points)
