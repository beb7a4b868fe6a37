"""What an event adds to the KPIs, given what its case has come to: counts, sums and durations."""

from typing import Any, Final

from processors.cases.fold import CaseEvent, Fold
from processors.kpis import partials
from processors.kpis.partials import Amounts, counted

SHORT_ABANDON_MS: Final = 5_000
"""A caller who leaves within 5 s did not wait (K07); counted apart."""
_HANDLING: Final = ("talk_ms", "hold_ms", "wrap_ms")


def contact_amounts(fold: Fold, event: CaseEvent, trigger: str) -> Amounts:
    """What an event of a contact counts as, before it is settled: K04-K10, K16-K21."""
    at, facts = event.occurred_at, event.facts
    amounts: Amounts = ()
    if event.type == "opened":
        amounts = counted("contacts_opened")
        demand = facts.get("demand_type", "unknown")
        if demand != "unknown":
            amounts += counted("contacts_known_demand", *(("contacts_failure_demand",) if demand == "failure" else ()))
    elif trigger == "queued" or trigger.startswith("answered_by") or trigger == "abandoned":
        if not fold.offered and not facts.get("in_ivr"):
            amounts = counted("contacts_offered")
        amounts += _waiting_amounts(fold, at, facts, trigger)
    elif trigger == "transferred":
        amounts = counted("contacts_transferred")
    elif trigger == "resolved":
        amounts = counted("contacts_resolved", *(("contacts_resolved_level1",) if facts.get("level") == 1 else ()))
        amounts += _resolution(fold, at)
        handled = [facts[part] for part in _HANDLING if part in facts]
        if handled:
            amounts += (*counted("contacts_handled"), (partials.SLOT["handle_ms"], sum(handled)))
    elif trigger == "reopened" and facts.get("reason") in ("not_fixed", "new_info"):
        amounts = counted("contacts_reopened")
    return amounts + _first_response(fold, at, trigger)


def _first_response(fold: Fold, at: int, trigger: str) -> Amounts:
    first = trigger in ("answered_by_person", "replied_by_person") and fold.first_response_at is None
    if not first or fold.incomplete or fold.response_owed_from is None or fold.facts.get("kind") == "outbound":
        return ()
    return partials.duration("first_response_histogram", "first_response_ms", at - fold.response_owed_from)


def _waiting_amounts(fold: Fold, at: int, facts: dict[str, Any], trigger: str) -> Amounts:
    since = fold.opened_at if fold.waiting_since is None else fold.waiting_since
    if trigger == "abandoned":
        if facts.get("in_ivr"):
            return counted("contacts_abandoned_ivr")
        short = since is not None and at - since < SHORT_ABANDON_MS
        return counted("contacts_abandoned_short" if short else "contacts_abandoned")
    if not trigger.startswith("answered_by"):
        return ()
    amounts: Amounts = ()
    if not fold.answered_any:
        amounts = counted("contacts_answered_any")
    if trigger == "answered_by_person" and fold.answered_at is None and since is not None:
        if not fold.incomplete:
            amounts += (*counted("contacts_answered"), *partials.duration("wait_histogram", "wait_ms", at - since))
        answer = fold.latest.get("answer")
        if answer is not None and at <= answer.due_at:
            amounts += counted("contacts_answered_in_target")
    return amounts


def complaint_amounts(fold: Fold, event: CaseEvent, trigger: str) -> Amounts:
    """What an event of a complaint counts as: K10, K20, K22b."""
    if event.type == "opened":
        kind = fold.facts.get("kind", "")
        if kind == "praise":
            return counted("praise")
        return counted("complaints_opened") if kind in ("complaint", "claim") else ()
    if trigger == "acknowledged":
        return counted("complaints_acknowledged")
    if trigger == "reopened":
        return counted("complaints_reopened")
    if trigger == "resolved":
        result = event.facts.get("resolution", "")
        upheld = ("complaints_upheld", "complaints_decided") if result in ("upheld", "partly_upheld") else ()
        decided = ("complaints_decided",) if result == "rejected" else ()
        return counted("complaints_resolved", *upheld, *decided) + _resolution(fold, event.occurred_at)
    return ()


def _resolution(fold: Fold, at: int) -> Amounts:
    if fold.incomplete or fold.opened_at is None:
        return ()
    return partials.duration("resolution_histogram", "resolution_ms", at - fold.opened_at)


def is_detractor(facts: dict[str, Any]) -> bool:
    """Is a survey answer one that somebody should follow up? CSAT 1-2 of 5, NPS 0-6, the two lowest boxes of CES."""
    kind, score, scale = facts.get("survey", ""), facts.get("score"), facts.get("scale_max", 5)
    if score is None:
        return False
    if kind == "csat":
        return bool(score <= 2 if scale == 5 else score * 10 <= scale * 4)
    if kind == "nps":
        return bool(score <= 6)
    if kind == "ces":
        return bool(score <= 2 if facts.get("direction") == "ease" else score >= scale - 1)
    return False


def answer_amounts(facts: dict[str, Any]) -> Amounts:
    """What a survey response counts as. K01: top boxes are 4-5 of 5, else 80 % of the scale; K02; K03."""
    amounts = counted("surveys_answered")
    kind, score, scale = facts.get("survey", ""), facts.get("score"), facts.get("scale_max", 5)
    if score is None:
        return amounts
    if kind == "csat":
        positive = score >= 4 if scale == 5 else score * 10 >= scale * 8
        amounts += counted("csat_answered", *(("csat_positive",) if positive else ()))
        return (*amounts, (partials.SLOT["csat_score_milli"], 1000 * (score - 1) // (scale - 1)))
    if kind == "nps":
        box = ("nps_promoters",) if score >= 9 else ("nps_detractors",) if score <= 6 else ()
        return amounts + counted("nps_answered", *box)
    if kind == "ces":
        ease = 1000 + 6000 * (score - 1) // (scale - 1)
        ease = ease if facts.get("direction") == "ease" else 8000 - ease
        amounts += counted("ces_answered", *(("ces_easy",) if ease >= 5000 else ()))
        return (*amounts, (partials.SLOT["ces_score_milli"], ease))
    return amounts
