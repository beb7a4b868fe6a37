"""Rolling KPIs by area: what the KPI minutes in memory say of the last 5 min, 1 h and 24 h, counted at a scrape.

A ratio is of one process, which knows its own customers only, so it comes with the number of what it is of: of several
processes `sum by (area) (ratio * n) / sum by (area) (n)` is exact. Only what is decided is in a ratio.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from schemas.observations import ROLLING_MINUTES, WindowCounts
from sinks.metrics.family import Family, Gauge, closed
from sinks.metrics.labels import AREA

_OF: Final = (closed("window", ROLLING_MINUTES), AREA)
_ROOM: Final = 50

SERVICE_LEVEL: Final = Gauge(
    "rolling_service_level", "Waits ended in the answer target, of those that are decided (K06); by their queueing.",
    _OF, unit="ratio", room=_ROOM,
)  # fmt: skip
SERVICE_LEVEL_DECIDED: Final = Gauge(
    "rolling_service_level_decided", "Waits that `rolling_service_level_ratio` is of.", _OF, room=_ROOM
)
SERVICE_LEVEL_UNDECIDED: Final = Gauge(
    "rolling_service_level_undecided", "Waits begun in the window that last, or whose target has not passed; in no "
    "ratio.", _OF, room=_ROOM,
)  # fmt: skip
ATTAINMENT: Final = Gauge(
    "rolling_attainment", "Promises kept, of those kept and broken (K12); by their deadline, or the earlier end.",
    _OF, unit="ratio", room=_ROOM,
)  # fmt: skip
ATTAINMENT_DECIDED: Final = Gauge(
    "rolling_attainment_decided", "Promises that `rolling_attainment_ratio` is of.", _OF, room=_ROOM
)
CSAT: Final = Gauge(
    "rolling_csat", "Answers in the top boxes, of those that rate (K01).", _OF, unit="ratio", room=_ROOM
)  # fmt: skip
CSAT_ANSWERS: Final = Gauge("rolling_csat_answers", "Answers that `rolling_csat_ratio` is of.", _OF, room=_ROOM)
NPS: Final = Gauge(
    "rolling_nps", "Promoters less detractors, of the answers that rate (K02): -1 to 1.", _OF, unit="ratio", room=_ROOM
)
NPS_ANSWERS: Final = Gauge("rolling_nps_answers", "Answers that `rolling_nps_ratio` is of.", _OF, room=_ROOM)

FAMILIES: Final[tuple[Family, ...]] = (
    SERVICE_LEVEL, SERVICE_LEVEL_DECIDED, SERVICE_LEVEL_UNDECIDED, ATTAINMENT, ATTAINMENT_DECIDED, CSAT, CSAT_ANSWERS,
    NPS, NPS_ANSWERS,
)  # fmt: skip


_KEPT_OF: Final[Mapping[Gauge, tuple[Gauge, Callable[[WindowCounts], tuple[int, int]]]]] = {
    SERVICE_LEVEL: (SERVICE_LEVEL_DECIDED, lambda of: (of.waits_in_target, of.waits_promised)),
    ATTAINMENT: (ATTAINMENT_DECIDED, lambda of: (of.promises_met, of.promises_met + of.promises_breached)),
    CSAT: (CSAT_ANSWERS, lambda of: (of.csat_positive, of.csat_answered)),
    NPS: (NPS_ANSWERS, lambda of: (of.nps_promoters - of.nps_detractors, of.nps_answered)),
}
"""Ratio -> the family of its n, and numerator and n of it."""


def gauges(counted: Mapping[tuple[str, ...], WindowCounts]) -> Iterator[tuple[Gauge, Mapping[tuple[str, ...], float]]]:
    """Every family with its values, from what the windows and areas amount to: a ratio of nothing has none."""
    for ratio, (number, parts) in _KEPT_OF.items():
        of = {labels: parts(counts) for labels, counts in counted.items()}
        yield ratio, {labels: kept / n for labels, (kept, n) in of.items() if n > 0}
        yield number, {labels: n for labels, (_, n) in of.items()}
    yield SERVICE_LEVEL_UNDECIDED, {labels: counts.waits_undecided for labels, counts in counted.items()}
