"""What every KPI is: one definition each, and the accumulators that it is computed from.

A *partial* holds, for one minute and one value of one dimension, counts, sums and histograms that can be merged by
adding. Stream and SQL read the same names from here.
"""

from dataclasses import dataclass
from typing import Final, Literal

COUNTS: Final[tuple[str, ...]] = (
    "contacts_opened",
    "contacts_offered",
    "contacts_answered",
    "contacts_answered_any",
    "contacts_answered_in_target",
    "contacts_abandoned",
    "contacts_abandoned_short",
    "contacts_abandoned_ivr",
    "contacts_transferred",
    "contacts_handled",
    "contacts_resolved",
    "contacts_resolved_level1",
    "contacts_reopened",
    "contacts_failure_demand",
    "contacts_known_demand",
    "complaints_opened",
    "complaints_acknowledged",
    "complaints_resolved",
    "complaints_upheld",
    "complaints_decided",
    "complaints_reopened",
    "praise",
    "surveys_invited",
    "surveys_answered",
    "csat_answered",
    "csat_positive",
    "nps_answered",
    "nps_promoters",
    "nps_detractors",
    "ces_answered",
    "ces_easy",
    "answer_met",
    "answer_breached",
    "first_response_met",
    "first_response_breached",
    "resolve_met",
    "resolve_breached",
    "acknowledge_met",
    "acknowledge_breached",
    "human_on_request_met",
    "human_on_request_breached",
    "next_response_met",
    "next_response_breached",
    "update_every_met",
    "update_every_breached",
    "final_response_met",
    "final_response_breached",
    "follow_up_met",
    "follow_up_breached",
)
"""Counters: how many, in the minute."""

SUMS: Final[tuple[str, ...]] = (
    "wait_ms",
    "first_response_ms",
    "resolution_ms",
    "handle_ms",
    "csat_score_milli",
    "ces_score_milli",
)
"""Integer totals: milliseconds; CSAT as thousandths of the scale (0..1000), CES as thousandths of 1..7 (7 = easy)."""

HISTOGRAMS: Final[tuple[str, ...]] = ("wait_histogram", "first_response_histogram", "resolution_histogram")
"""Elapsed durations by log bucket, see `bucket_of`."""

HISTOGRAM_BASE: Final = 1.04
"""Bucket b holds durations of seconds in [1.04^b, 1.04^(b+1)): a percentile is right within 2 %."""

DIMENSIONS: Final[tuple[str, ...]] = (
    "all", "channel", "area", "team", "priority", "kind", "element", "otc_stage", "relationship", "area_channel"
)  # fmt: skip
"""One at a time, and the one pair that operations asks for; never the full cross. `area_channel` is `area|channel`."""

Anchor = Literal["by_event", "by_due"]


@dataclass(frozen=True, slots=True)
class Kpi:
    """One published number. `numerator` and `denominator` are accumulators; `n` is the denominator."""

    id: str
    name: str
    unit: Literal["ratio", "seconds", "score", "per_1000", "count"]
    formula: str
    numerator: tuple[str, ...]
    denominator: tuple[str, ...]
    anchor: Anchor = "by_event"
    small_n: str = "Wilson 95 % interval beside it; hidden below n = 5, greyed below n = 30"


_NO_INTERVAL: Final = "n beside it; hidden below n = 5, greyed below n = 30"

KPIS: Final[tuple[Kpi, ...]] = (
    Kpi("K01", "csat", "ratio", "answers in the top boxes / CSAT answers", ("csat_positive",), ("csat_answered",)),
    Kpi("K02", "nps", "score", "100 x (promoters 9-10 - detractors 0-6) / NPS answers; interval 1.96 x standard error",
        ("nps_promoters", "nps_detractors"), ("nps_answered",), small_n="normal 95 % interval beside it"),
    Kpi("K03", "ces", "score", "mean effort score, normalised to 1..7, 7 = easy", ("ces_score_milli",),
        ("ces_answered",), small_n=_NO_INTERVAL),
    Kpi("K03b", "ces_easy", "ratio", "answers of 5 or more (7 = easy) / CES answers", ("ces_easy",), ("ces_answered",)),
    Kpi("K04", "average_speed_of_answer", "seconds", "wait of contacts answered by a person / such contacts",
        ("wait_ms",), ("contacts_answered",), small_n=_NO_INTERVAL),
    Kpi("K04b", "wait_time", "seconds", "wait of contacts answered by a person; p50, p90, p95", ("wait_histogram",), (),
        small_n=_NO_INTERVAL),
    Kpi("K05", "average_handle_time", "seconds", "(talk + hold + wrap) / contacts that report them", ("handle_ms",),
        ("contacts_handled",), small_n=_NO_INTERVAL),
    Kpi("K06", "service_level", "ratio", "answered by a person within the answer target / offered (strict reading)",
        ("contacts_answered_in_target",), ("contacts_offered",)),
    Kpi("K07", "abandonment", "ratio", "abandoned after 5 s or more in the queue / offered", ("contacts_abandoned",),
        ("contacts_offered",)),
    Kpi("K09", "first_response_time", "seconds", "first public reply of a person - opened; p50, p90, p95",
        ("first_response_histogram",), (), small_n=_NO_INTERVAL),
    Kpi("K10", "resolution_time", "seconds", "each resolution - opened, elapsed; p50, p90, p95",
        ("resolution_histogram",), (), small_n=_NO_INTERVAL),
    Kpi("K12a", "answer_attainment", "ratio", "met / (met + breached)", ("answer_met",),
        ("answer_met", "answer_breached"), "by_due"),
    Kpi("K12b", "first_response_attainment", "ratio", "met / (met + breached)", ("first_response_met",),
        ("first_response_met", "first_response_breached"), "by_due"),
    Kpi("K12c", "resolve_attainment", "ratio", "met / (met + breached)", ("resolve_met",),
        ("resolve_met", "resolve_breached"), "by_due"),
    Kpi("K12d", "acknowledge_attainment", "ratio", "met / (met + breached)", ("acknowledge_met",),
        ("acknowledge_met", "acknowledge_breached"), "by_due"),
    Kpi("K12e", "human_on_request_attainment", "ratio", "met / (met + breached)", ("human_on_request_met",),
        ("human_on_request_met", "human_on_request_breached"), "by_due"),
    Kpi("K12f", "next_response_attainment", "ratio", "met / (met + breached)", ("next_response_met",),
        ("next_response_met", "next_response_breached"), "by_due"),
    Kpi("K12g", "update_every_attainment", "ratio", "met / (met + breached)", ("update_every_met",),
        ("update_every_met", "update_every_breached"), "by_due"),
    Kpi("K12h", "final_response_attainment", "ratio", "met / (met + breached)", ("final_response_met",),
        ("final_response_met", "final_response_breached"), "by_due"),
    Kpi("K12i", "follow_up_attainment", "ratio", "met / (met + breached)", ("follow_up_met",),
        ("follow_up_met", "follow_up_breached"), "by_due"),
    Kpi("K16", "reopen_rate", "ratio", "contacts reopened / contacts resolved, each by its own minute",
        ("contacts_reopened",), ("contacts_resolved",)),
    Kpi("K18", "transfers_per_contact", "count", "transfers / contacts opened, each by its own minute",
        ("contacts_transferred",), ("contacts_opened",), small_n=_NO_INTERVAL),
    Kpi("K19", "first_level_resolution", "ratio", "resolved at level 1 / resolved", ("contacts_resolved_level1",),
        ("contacts_resolved",)),
    Kpi("K20", "complaint_rate", "per_1000", "1000 x complaints and claims / contacts opened", ("complaints_opened",),
        ("contacts_opened",), small_n=_NO_INTERVAL),
    Kpi("K21", "failure_demand", "ratio", "contacts caused by a failure of ours / contacts of known demand type",
        ("contacts_failure_demand",), ("contacts_known_demand",)),
    Kpi("K22b", "upheld_rate", "ratio", "complaints upheld or partly upheld / decided", ("complaints_upheld",),
        ("complaints_decided",)),
)  # fmt: skip
