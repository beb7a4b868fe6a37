"""What every KPI is, and the accumulators that it is computed from: each is declared here, once.

A *partial* holds, for one minute or quarter-hour and one value of one dimension, accumulators that merge by adding:
counts, sums and histograms. Rows, the columns, comments and views of the warehouse, and `kpi_definitions` follow from
these declarations; `oidor migrate` adds the column of a new accumulator.

* A new count is a member of `Count`, and the event that it counts in `processors/cases/measures.py`, or the wait in
  `processors/cases/waits.py`.
* A new KPI of what is counted already is a line of `KPIS`.
* What is no longer counted joins `RETIRED`: its column keeps what it holds.

The durable state and the batches of rows name accumulators and dimensions, so their order here is free. A name keeps
its meaning for ever: what is to be counted differently is another accumulator.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, unique
from typing import Final, Literal

from schemas.taxonomy import ClockMetric


class Accumulator(Enum):
    """One thing that a partial adds up. The name of a member is its column, the value says what is added up."""

    # Members are singletons. `Enum` hashes their names, in Python, which costs more than the rest of a lookup.
    __hash__ = object.__hash__


@unique
class Count(Accumulator):
    """How many."""

    contacts_opened = "contacts opened"
    contacts_offered = "contacts offered to people, by their first wait: queued, or answered or abandoned with no queue"
    contacts_offered_ended = "contacts offered whose first wait has a known end"
    contacts_answered = "contacts whose first wait a person ended, or a call back after it"
    contacts_answered_any = "contacts answered by a person or a bot"
    contacts_answered_in_target = "contacts whose first wait ended within the answer target, and was not given up"
    contacts_answered_within_180s = "contacts whose first wait a person ended in less than 180 s"
    contacts_abandoned = "contacts abandoned that nobody had answered, but for short waits"
    contacts_abandoned_short = "contacts abandoned sooner than the policy calls a wait; 5 s where it says nothing"
    contacts_abandoned_ivr = "contacts abandoned before they were queued"
    waits = "waits for a person, of which a contact that is handed on has several; all of a wait by its queueing"
    waits_undecided = "waits that last, or whose target has not passed"
    waits_unknown = "waits of which no end was told for a day: in no ratio"
    waits_ended = "waits whose end is known"
    waits_answered = "waits that a person ended, or a call back after them"
    waits_callback = "waits that ended because the customer asked to be called back"
    waits_abandoned = "waits that the customer gave up, but for short ones"
    waits_abandoned_short = "waits given up sooner than the policy calls a wait; 5 s where it says nothing"
    waits_after_answer = "waits whose end is known of contacts that a person had answered before"
    waits_abandoned_after_answer = "waits given up of contacts that a person had answered before"
    waits_promised = "waits decided for the service level: an answer was promised, and its target has passed"
    waits_in_target = "waits ended in the answer target by a person, or by asking to be called back; or in no queue"
    contacts_transferred = "hand-offs of contacts, by who hands on"
    contacts_handled = "contacts that report talk, hold and wrap time"
    contacts_resolved = "resolutions of contacts"
    contacts_resolved_level1 = "resolutions of contacts at level 1"
    contacts_reopened = "reopenings of contacts, but those of a system by itself, by who had resolved them"
    contacts_resolved_reopened = "resolutions of contacts reopened within 14 days, but by a system; by who had resolved"
    contacts_failure_demand = "contacts caused by a failure of ours"
    contacts_known_demand = "contacts whose demand type is known"
    complaints_opened = "complaints and claims received"
    complaints_acknowledged = "complaints acknowledged"
    complaints_resolved = "complaints resolved"
    complaints_upheld = "complaints upheld or partly upheld"
    complaints_decided = "complaints decided"
    complaints_reopened = "reopenings of complaints, but those of a system by itself"
    praise = "praise received"
    surveys_invited = "survey invitations"
    surveys_answered = "survey answers of any kind"
    csat_answered = "CSAT answers that rate"
    csat_positive = "CSAT answers in the top boxes: from 0.75 of the points of the scale on, rounded up"
    nps_answered = "NPS answers that rate"
    nps_promoters = "NPS answers of 9 or 10"
    nps_detractors = "NPS answers of 0 to 6"
    ces_answered = "effort answers that rate"
    ces_easy = "effort answers of 5 or more of 7, 7 = easy"
    answer_met = "answer clocks met, by due time"
    answer_breached = "answer clocks breached, by due time"
    first_response_met = "first response clocks met, by due time"
    first_response_breached = "first response clocks breached, by due time"
    resolve_met = "resolve clocks met, by due time"
    resolve_breached = "resolve clocks breached, by due time"
    acknowledge_met = "acknowledge clocks met, by due time"
    acknowledge_breached = "acknowledge clocks breached, by due time"
    human_on_request_met = "requests for a person met, by due time"
    human_on_request_breached = "requests for a person breached, by due time"
    next_response_met = "next response clocks met, by due time"
    next_response_breached = "next response clocks breached, by due time"
    update_every_met = "update clocks met, by due time"
    update_every_breached = "update clocks breached, by due time"
    final_response_met = "final response clocks met, by due time"
    final_response_breached = "final response clocks breached, by due time"
    callback_met = "callback clocks met, by due time"
    callback_breached = "callback clocks breached, by due time"
    own_met = "ownership clocks met, by due time"
    own_breached = "ownership clocks breached, by due time"
    follow_up_met = "follow-up clocks met, by due time"
    follow_up_breached = "follow-up clocks breached, by due time"


@unique
class Sum(Accumulator):
    """An integer total, in thousandths of the KPI's unit: milliseconds, thousandths of a score."""

    wait_ms = "total of the waits answered, from the queue, or from the opening where there was none; milliseconds"
    first_response_ms = "total time to the first public reply of a person, milliseconds"
    first_response_business_ms = "total business time to the first public reply of a person, milliseconds"
    resolution_ms = "total time to resolution, milliseconds"
    resolution_business_ms = "total business time to resolution, milliseconds"
    overdue_ms = "total time between deadline and end of what was done late, by due time, milliseconds"
    overdue_business_ms = "total business time between deadline and end of what was done late, milliseconds"
    handle_ms = "total talk, hold and wrap time, milliseconds"
    csat_score_milli = "total of CSAT scores, thousandths of the scale (0..1000 an answer)"
    ces_score_milli = "total of effort scores, thousandths of 1..7, 7 = easy"


@unique
class Histogram(Accumulator):
    """How many durations fell into each bucket.

    Bucket b holds durations of [1.04^b, 1.04^(b+1)) seconds. Its geometric middle is within 2 % of all of them, however
    long, and buckets of two partials merge by adding: Masson, Rim, Lee, "DDSketch", VLDB 2019.
    """

    wait_histogram = "wait"
    first_response_histogram = "time to first response"
    first_response_business_histogram = "business time to first response"
    resolution_histogram = "time to resolution"
    resolution_business_histogram = "business time to resolution"
    overdue_histogram = "time between deadline and end of what was done late, by due time"
    overdue_business_histogram = "business time between deadline and end of what was done late, by due time"


HISTOGRAM_BASE: Final = 1.04
LOWEST_BUCKET: Final = -120
"""Holds everything below it, too: 1.04^-120 s is 9 ms."""
HIGHEST_BUCKET: Final = 700
"""Holds everything above it, too: 1.04^700 s is 26,000 years."""

RETIRED: Final[frozenset[Accumulator]] = frozenset()
"""What earlier releases counted. Its names are not free: the warehouse still reads rows of theirs, and keeps them."""


def _counted(accumulators: Iterable[Accumulator]) -> tuple[str, ...]:
    return tuple(each.name for each in accumulators if each not in RETIRED)


UNDECIDED: Final = (Count.waits_undecided,)
"""What is counted while it waits for its outcome: a window that has any of it is not settled."""

COUNTS: Final = _counted(Count)
SUMS: Final = _counted(Sum)
HISTOGRAMS: Final = _counted(Histogram)
ACCUMULATORS: Final = (*COUNTS, *SUMS, *HISTOGRAMS)
"""Names, in the order of the columns."""
HISTOGRAM_WIDTH: Final = 1_000
"""In memory and in the rows of a batch an amount has a numbered slot. That of a count or a sum is its place among the
accumulators, that of a bucket is the place of its histogram from the end, 1 for the last, times this, plus bucket -
`LOWEST_BUCKET`. Histograms are the last accumulators: so that takes three bytes, and most of what is written is that.
"""

DIMENSIONS: Final[tuple[str, ...]] = (
    "all", "channel", "area", "team", "site", "priority", "kind", "element", "otc_stage", "relationship",
    "area_channel", "handoff", "origin_area", "product", "mode", "queue", "policy", "target",
)  # fmt: skip
"""One at a time, and the pairs that operations ask for; never the full cross. `area_channel` is `area|channel`.

Of a hand-off, `team` is who hands on and `handoff` is `from>to`; nothing else has a `handoff`. `policy` and `target`
are of what is judged by a promise: the pack, and what it promises, as `resolve 8h es-madrid-split`. `mode` is how a
survey was asked.
"""

Anchor = Literal["by_event", "by_due", "by_queueing", "by_resolution", "by_each_event"]
"""Which moment decides the minute of a KPI, of both its parts.

`by_each_event` has no such minute: it sets against each other how much there was of two different things.
"""
REOPENED_WITHIN_DAYS: Final = 14
"""What is reopened later says nothing of how it was resolved (K16): so a window is final some day."""
LEAST_N: Final = 5
"""With fewer cases there is no interval: it would say next to nothing, or too much."""
_INTERVAL: Final = f"Wilson 95 % interval beside it, none below n = {LEAST_N}; to be shown in grey below n = 30"
_NO_INTERVAL: Final = f"n beside it; to be hidden below n = {LEAST_N}, in grey below n = 30"
_BUSINESS: Final = "in the hours of the promise, elapsed where it has none"
_ADJUSTED: Final = (
    f"adjusted normal 95 % interval beside it, none below n = {LEAST_N}; to be shown in grey below n = 30"
)


@dataclass(frozen=True, slots=True)
class Kpi:
    """One published number: numerator / denominator, which is n; of a histogram its quantiles.

    Without a denominator a count is its own n.
    """

    id: str
    name: str
    unit: Literal["ratio", "seconds", "score", "per_1000", "count"]
    formula: str
    numerator: tuple[Accumulator, ...]
    denominator: tuple[Accumulator, ...]
    anchor: Anchor = "by_event"
    small_n: str = _INTERVAL
    source: str = ""
    """The public definition that it follows; '' where it is our own."""
    definition_version: int = 1
    """The `DEFINITION_VERSION` from which on it is counted as it is now: see there."""


def _attainment(id_: str, metric: ClockMetric, definition_version: int = 1) -> Kpi:
    """K12 of one kind of clock: a breach counts when it was due, not when somebody at last did it."""
    met, breached = Count[f"{metric}_met"], Count[f"{metric}_breached"]
    return Kpi(id_, f"{metric}_attainment", "ratio", "met / (met + breached)", (met,), (met, breached), "by_due",
               definition_version=definition_version)  # fmt: skip


KPIS: Final[tuple[Kpi, ...]] = (
    Kpi("K01", "csat", "ratio", "answers in the top boxes / CSAT answers that rate", (Count.csat_positive,),
        (Count.csat_answered,)),
    Kpi("K02", "nps", "score", "100 x (promoters 9-10 - detractors 0-6) / NPS answers",
        (Count.nps_promoters, Count.nps_detractors), (Count.nps_answered,), small_n=_ADJUSTED,
        source="Reichheld, The One Number You Need to Grow, Harvard Business Review, December 2003"),
    Kpi("K03", "ces", "score", "mean effort score, normalised to 1..7, 7 = easy", (Sum.ces_score_milli,),
        (Count.ces_answered,), small_n=_NO_INTERVAL,
        source="Customer Effort Score 2.0, CEB 2013, after Dixon, Freeman, Toman, Harvard Business Review, July 2010"),
    Kpi("K03b", "ces_easy", "ratio", "answers of 5 or more (7 = easy) / CES answers", (Count.ces_easy,),
        (Count.ces_answered,), source="Customer Effort Score 2.0, CEB 2013"),
    Kpi("K04", "average_speed_of_answer", "seconds", "waits that a person ended, from the queue / such waits",
        (Sum.wait_ms,), (Count.waits_answered,), anchor="by_queueing", small_n=_NO_INTERVAL),
    Kpi("K04b", "wait_time", "seconds", "each wait that a person ended, from the queue; p50, p90, p95",
        (Histogram.wait_histogram,), (), anchor="by_queueing", small_n=_NO_INTERVAL),
    Kpi("K05", "average_handle_time", "seconds", "(talk + hold + wrap) / contacts that report them", (Sum.handle_ms,),
        (Count.contacts_handled,), small_n=_NO_INTERVAL, source="COPC CX Standard, vocabulary"),
    Kpi("K06", "service_level", "ratio",
        "waits that a person, or asking to be called back, ended within the answer target, or that were in no queue"
        " / waits with such a target that has passed, given up or not (strict reading)",
        (Count.waits_in_target,), (Count.waits_promised,), anchor="by_queueing",
        source="COPC CX Standard, vocabulary"),
    Kpi("K06es", "answered_within_180s", "ratio",
        "contacts whose first wait a person ended in less than 180 s / contacts offered whose first wait has ended",
        (Count.contacts_answered_within_180s,), (Count.contacts_offered_ended,), anchor="by_queueing",
        source="Ley 10/2025, art. 8.2"),
    Kpi("K07", "abandonment", "ratio",
        "contacts abandoned in their first wait, after the short-abandon threshold of the policy (5 s if it has none)"
        " / contacts offered whose first wait has ended",
        (Count.contacts_abandoned,), (Count.contacts_offered_ended,), anchor="by_queueing"),
    Kpi("K07b", "queue_abandonment", "ratio",
        "waits given up, after the short-abandon threshold / waits that have ended, first ones and later ones",
        (Count.waits_abandoned,), (Count.waits_ended,), anchor="by_queueing"),
    Kpi("K07c", "abandonment_after_answer", "ratio",
        "waits given up after a person had answered, after the short-abandon threshold / such waits that have ended",
        (Count.waits_abandoned_after_answer,), (Count.waits_after_answer,), anchor="by_queueing"),
    Kpi("K09", "first_response_time", "seconds", "first public reply of a person - opened; p50, p90, p95",
        (Histogram.first_response_histogram,), (), small_n=_NO_INTERVAL),
    Kpi("K09-business", "first_response_business_time", "seconds",
        f"first public reply of a person - opened, {_BUSINESS}; p50, p90, p95",
        (Histogram.first_response_business_histogram,), (), small_n=_NO_INTERVAL),
    Kpi("K10", "resolution_time", "seconds", "each resolution - opened, elapsed; p50, p90, p95",
        (Histogram.resolution_histogram,), (), small_n=_NO_INTERVAL),
    Kpi("K10-business", "resolution_business_time", "seconds",
        f"each resolution - opened, {_BUSINESS}; p50, p90, p95", (Histogram.resolution_business_histogram,), (),
        small_n=_NO_INTERVAL),
    _attainment("K12a", "answer"),
    _attainment("K12b", "first_response"),
    _attainment("K12c", "resolve"),
    _attainment("K12d", "acknowledge"),
    _attainment("K12e", "human_on_request"),
    _attainment("K12f", "next_response"),
    _attainment("K12g", "update_every"),
    _attainment("K12h", "final_response"),
    _attainment("K12i", "follow_up"),
    _attainment("K12j", "callback"),
    _attainment("K12k", "own", definition_version=2),
    Kpi("K12-overdue", "overdue_time", "seconds",
        "end - deadline of what was promised and done late, elapsed; p50, p90, p95",
        (Histogram.overdue_histogram,), (), "by_due", small_n=_NO_INTERVAL),
    Kpi("K12-overdue-business", "overdue_business_time", "seconds",
        f"end - deadline of what was promised and done late, {_BUSINESS}; p50, p90, p95",
        (Histogram.overdue_business_histogram,), (), "by_due", small_n=_NO_INTERVAL),
    Kpi("K16", "reopen_rate", "ratio",
        f"contacts resolved, and reopened within {REOPENED_WITHIN_DAYS} days, but by a system / contacts resolved",
        (Count.contacts_resolved_reopened,), (Count.contacts_resolved,), "by_resolution"),
    Kpi("K18", "transfers_per_contact", "count", "hand-offs, by who hands on / contacts opened, each by its own minute",
        (Count.contacts_transferred,), (Count.contacts_opened,), "by_each_event", small_n=_NO_INTERVAL),
    Kpi("K18b", "transfers", "count", "hand-offs, by who hands on", (Count.contacts_transferred,), (), small_n=""),
    Kpi("K19", "first_level_resolution", "ratio", "resolved at level 1 / resolved", (Count.contacts_resolved_level1,),
        (Count.contacts_resolved,), source="COPC CX Standard, vocabulary"),
    Kpi("K20", "complaint_rate", "per_1000", "1000 x complaints and claims / contacts opened, each by its own minute",
        (Count.complaints_opened,), (Count.contacts_opened,), "by_each_event", small_n=_NO_INTERVAL),
    Kpi("K21", "failure_demand", "ratio", "contacts caused by a failure of ours / contacts of known demand type",
        (Count.contacts_failure_demand,), (Count.contacts_known_demand,),
        source="Seddon, Freedom from Command and Control, 2003"),
    Kpi("K22b", "upheld_rate", "ratio", "complaints upheld or partly upheld / decided", (Count.complaints_upheld,),
        (Count.complaints_decided,), source="FCA Handbook, DISP 1.10"),
)  # fmt: skip

DEFINITION_VERSION: Final = max(kpi.definition_version for kpi in KPIS)
"""Of all definitions together. Rows say under which they were counted: what of them is less than the version of a KPI
holds that KPI as it was defined before, or not at all, until `oidor rebuild` counts it anew.

A KPI that is new, or whose accumulators are others, or count otherwise than before, is given the next number: declared,
not derived, because numbers have an order, which a digest has not; and because how an event is counted is written in
Python, where a digest would change with every comment, and words of a formula are made clearer without any other number
coming out. What the declarations alone can tell is held by a test.
"""
