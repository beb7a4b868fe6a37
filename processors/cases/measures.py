"""Measures: what an event adds to the KPIs, given what its case had come to before it.

The one place where events are counted: a new `schemas.kpis.Count` is added to the event that it counts, here. What a
wait counts as with time says `waits`.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, Literal

from processors.cases.events import CaseEvent, Facts
from processors.cases.fold import Fold
from processors.cases.ratings import Rating, rating_of
from processors.cases.transitions import is_machine, solves
from processors.kpis.samples import Amounts, Sample, counted, duration, summed
from processors.sla.signals import Trigger
from schemas.kpis import DIMENSIONS, REOPENED_WITHIN_DAYS, Count, Histogram, Sum
from schemas.policies.packs import Target
from schemas.taxonomy import ClockMetric

_HANDLE_MS: Final[tuple[Literal["talk_ms", "hold_ms", "wrap_ms"], ...]] = ("talk_ms", "hold_ms", "wrap_ms")


def contact_amounts(fold: Fold, event: CaseEvent, trigger: Trigger) -> Amounts:
    """What an event of a contact counts as: K05, K09, K10, K16 to K21."""
    amounts: Amounts = ()
    if event.type == "opened":
        amounts = _opened_contact(event.facts)
    elif trigger == "answered_by_person" or trigger == "answered_by_bot":
        amounts = () if fold.answered_any else counted(Count.contacts_answered_any)
    elif trigger == "abandoned" and event.facts.get("in_ivr") and not fold.waits:
        amounts = counted(Count.contacts_abandoned_ivr)
    elif trigger == "transferred":
        amounts = counted(Count.contacts_transferred)
    elif trigger == "resolved":
        amounts = _resolved_contact(fold, event)
    elif trigger == "reopened" and not _by_system(event.facts):
        amounts = counted(Count.contacts_reopened)
    is_response = trigger in _RESPONDED and fold.first_response_at is None
    return amounts + _first_response(fold, event) if is_response else amounts


def reopened_resolution(fold: Fold, event: CaseEvent) -> tuple[Sample, ...]:
    """What a reopening makes of the resolution that it undoes, in the minute of that, for who had resolved it (K16)."""
    at, of_whom = fold.resolved_at, fold.resolved_as
    if at is None or of_whom is None or not solves(fold.resolution) or _by_system(event.facts):
        return ()
    if event.occurred_at - at > _REOPENED_WITHIN_MS:
        return ()
    return (Sample(at, of_whom, counted(Count.contacts_resolved_reopened)),)


_REOPENED_WITHIN_MS: Final = REOPENED_WITHIN_DAYS * 86_400_000


def _opened_contact(facts: Facts) -> Amounts:
    demand = facts.get("demand_type", "unknown")
    if demand == "unknown":
        return counted(Count.contacts_opened)
    if demand == "failure":
        return counted(Count.contacts_opened, Count.contacts_known_demand, Count.contacts_failure_demand)
    return counted(Count.contacts_opened, Count.contacts_known_demand)


def _resolved_contact(fold: Fold, event: CaseEvent) -> Amounts:
    amounts = counted(Count.contacts_resolved)
    if event.facts.get("level") == 1:
        amounts += counted(Count.contacts_resolved_level1)
    amounts += _resolution(fold, event.occurred_at)
    handled = [event.facts[part] for part in _HANDLE_MS if part in event.facts]
    if handled:
        amounts += counted(Count.contacts_handled) + summed(Sum.handle_ms, sum(handled))
    return amounts


def _by_system(facts: Facts) -> bool:
    """Does a reopening follow from no wish of anybody (K16)?"""
    return facts.get("reason") == "system" or ("reason" not in facts and is_machine(facts))


_RESPONDED: Final[frozenset[Trigger]] = frozenset({"answered_by_person", "replied_by_person"})


def _first_response(fold: Fold, event: CaseEvent) -> Amounts:
    if fold.incomplete or fold.response_owed_from is None or fold.facts.get("kind") == "outbound":
        return ()
    since, at = fold.response_owed_from, event.occurred_at
    return (
        *duration(Histogram.first_response_histogram, Sum.first_response_ms, at - since),
        *duration(
            Histogram.first_response_business_histogram,
            Sum.first_response_business_ms,
            _business_ms(fold, _RESPONSES, since, at),
        ),
    )


def _resolution(fold: Fold, at_ms: int) -> Amounts:
    if fold.incomplete or fold.opened_at is None:
        return ()
    business_ms = _business_ms(fold, _SOLUTIONS, fold.opened_at, at_ms)
    return (
        *duration(Histogram.resolution_histogram, Sum.resolution_ms, at_ms - fold.opened_at),
        *duration(Histogram.resolution_business_histogram, Sum.resolution_business_ms, business_ms),
    )


_RESPONSES: Final[tuple[ClockMetric, ...]] = ("first_response", "answer", "resolve", "final_response")
_SOLUTIONS: Final[tuple[ClockMetric, ...]] = ("resolve", "final_response", "first_response", "answer")


def _business_ms(fold: Fold, promises: Iterable[ClockMetric], since: int, until: int) -> int:
    """Return the time between two moments in the hours of the first of these promises that the case was given."""
    for metric in promises:
        clock = fold.latest.get(metric)
        if clock is not None:
            return until - since if clock.calendar is None else clock.calendar.count(since, until)
    return until - since


def attribution_of(fold: Fold, event: CaseEvent, trigger: Trigger) -> tuple[str, ...]:
    """Whom an event counts for: who has the case; of a hand-off who hands on, of a reopening who had resolved it.

    So parts add up to the whole, and nobody answers for what another one did.
    """
    if trigger == "transferred":
        handing_on, to = event.facts.get("from", ""), event.facts.get("to", "")
        values = list(fold.attribution())
        values[_TEAM], values[_HANDOFF] = handing_on, f"{handing_on}>{to}"
        return tuple(values)
    return (fold.resolved_as or fold.attribution()) if trigger == "reopened" else fold.attribution()


_TEAM: Final = DIMENSIONS.index("team")
_HANDOFF: Final = DIMENSIONS.index("handoff")


def under_promise(metric: ClockMetric, target: Target, attribution: tuple[str, ...]) -> tuple[str, ...]:
    """Whom what is judged by a promise counts for: whose case it was, under that promise."""
    return (*attribution[:_POLICY], target.policy_id, f"{metric} {target.written}")


_POLICY: Final = DIMENSIONS.index("policy")
assert DIMENSIONS[_POLICY:] == ("policy", "target"), "behind all others, for every evaluation sets both"


def complaint_amounts(fold: Fold, event: CaseEvent, trigger: Trigger) -> Amounts:
    """What an event of a complaint counts as: K10, K20, K22b."""
    if event.type == "opened":
        kind = fold.facts.get("kind", "")
        if kind == "praise":
            return counted(Count.praise)
        return counted(Count.complaints_opened) if kind in ("complaint", "claim") else ()
    if trigger == "acknowledged":
        return counted(Count.complaints_acknowledged)
    if trigger == "reopened" and not _by_system(event.facts):
        return counted(Count.complaints_reopened)
    if trigger == "resolved":
        decision = _DECISIONS.get(event.facts.get("resolution", ""), ())
        return counted(Count.complaints_resolved, *decision) + _resolution(fold, event.occurred_at)
    return ()


_UPHELD: Final = (Count.complaints_upheld, Count.complaints_decided)
_DECISIONS: Final[dict[str, tuple[Count, ...]]] = {
    "upheld": _UPHELD,
    "partly_upheld": _UPHELD,
    "rejected": (Count.complaints_decided,),
}
"""Outcome of a complaint -> what it counts as (K22b); one that was withdrawn or settled was not decided."""


def answer_amounts(facts: Facts) -> Amounts:
    """What a survey response counts as: K01, K02, K03."""
    amounts, rating = counted(Count.surveys_answered), rating_of(facts)
    return amounts if rating is None else amounts + _RATED[rating.survey](rating)


def _csat(rating: Rating) -> Amounts:
    """K01: thousandths of the scale, and how many are in its top boxes."""
    boxes = (Count.csat_answered, Count.csat_positive) if rating.is_positive else (Count.csat_answered,)
    return counted(*boxes) + summed(Sum.csat_score_milli, rating.normalised(0, 1000))


def _nps(rating: Rating) -> Amounts:
    """K02: 9 and 10 promote, 0 to 6 detract."""
    if rating.is_positive:
        return counted(Count.nps_answered, Count.nps_promoters)
    boxes = (Count.nps_answered, Count.nps_detractors) if rating.is_negative else (Count.nps_answered,)
    return counted(*boxes)


def _ces(rating: Rating) -> Amounts:
    """K03: thousandths of 1..7, 7 = easy, whichever way it was asked."""
    ease = rating.normalised(1000, 7000)
    boxes = (Count.ces_answered, Count.ces_easy) if ease >= 5000 else (Count.ces_answered,)
    return counted(*boxes) + summed(Sum.ces_score_milli, ease)


_RATED: Final[Mapping[str, Callable[[Rating], Amounts]]] = {"csat": _csat, "nps": _nps, "ces": _ces}
"""Kind of survey -> what a rating counts as."""
