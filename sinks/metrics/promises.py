"""Families of a worker that tell of promises, of what went wrong, and of how long things took.

They move only while the moment that they tell of is recent: a replay pages nobody.
"""

from typing import Final, get_args

from schemas import observations
from sinks.metrics.family import Counter, Family, Gauge, Histogram, closed
from sinks.metrics.labels import CHANNEL, CLOCK_METRIC, COUNTED_BY, INPUT, KIND, PATTERN, POLICY, PRIORITY, SEVERITY

_CLOCK: Final = (POLICY, CLOCK_METRIC)

SLA_OUTCOMES: Final = Counter(
    "sla_outcomes", "Clocks met and breached, breached at the deadline; attainment is met / (met + breached - "
    "withdrawn).", (*_CLOCK, PRIORITY, closed("outcome", ("met", "breached"))), room=600,
)  # fmt: skip
SLA_WITHDRAWN: Final = Counter(
    "sla_withdrawn", "Breaches in `sla_outcomes_total` that turned out to be none, under the labels that they counted "
    "by.", (*_CLOCK, PRIORITY), room=300,
)  # fmt: skip
SLA_RETRACTIONS: Final = Counter(
    "sla_retractions", "Breaches that late events proved wrong, whether they had counted here or not.", _CLOCK, room=100
)
SLA_WARNINGS: Final = Counter(
    "sla_warnings", "Clocks that passed a warning for the first time.", _CLOCK, room=100
)  # fmt: skip
SLA_UNMATCHED: Final = Counter("sla_unmatched", "Cases opened for which no policy has a resolve target.", (INPUT,))
SLA_TARGET: Final = Gauge(
    "sla_target", "Share of the clocks that is to be met, as the pack says.", _CLOCK, unit="ratio", room=100
)  # fmt: skip
OLDEST_CASE_TARGET: Final = Gauge(
    "oldest_case_target", "For how long a case may be open, as the pack says: `oldest_case_age` is held to it.",
    (POLICY, PRIORITY), unit="seconds", room=20,
)  # fmt: skip
INCIDENTS: Final = Counter(
    "pattern_incidents", "Transitions of incidents of failure patterns.",
    (PATTERN, SEVERITY, closed("transition", get_args(observations.Transition))), room=200,
)  # fmt: skip

BUCKETS_MAX: Final = 18
_SECONDS: Final = (1, 5, 20, 60, 180, 600, 1800, 3600, 14_400, 28_800, 86_400, 259_200, 1_296_000)
WAIT: Final = Histogram(
    "wait", "From queued to answered by a person; business as the promise counts it.", (CHANNEL, COUNTED_BY),
    unit="seconds", buckets=(1, 5, 10, 20, 30, 60, 120, 180, 300, 600, 1800), buckets_max=BUCKETS_MAX,
)  # fmt: skip
FIRST_RESPONSE: Final = Histogram(
    "first_response", "From opened to the first reply of a person; business as the promise counts it.",
    (CHANNEL, COUNTED_BY), unit="seconds", buckets=_SECONDS, buckets_max=BUCKETS_MAX,
)  # fmt: skip
RESOLUTION: Final = Histogram(
    "resolution", "From opened to resolved; business as the promise counts it.", (KIND, COUNTED_BY), unit="seconds",
    buckets=_SECONDS, buckets_max=BUCKETS_MAX, room=20,
)  # fmt: skip

FAMILIES: Final[tuple[Family, ...]] = (
    SLA_OUTCOMES, SLA_WITHDRAWN, SLA_RETRACTIONS, SLA_WARNINGS, SLA_UNMATCHED, SLA_TARGET,
    OLDEST_CASE_TARGET, INCIDENTS, WAIT, FIRST_RESPONSE, RESOLUTION,
)  # fmt: skip
