"""The states of a case: one table, and the function that walks it.

An event is first reduced to a *trigger*, what it means whatever its contract calls it: `trigger_of`. `TRANSITIONS` says
which state a trigger leads to; what it does not name leaves the state as it is. Everything that decides a state is in
this file: what an event sets beside it is in `fold`, what it does to clocks in `effects`.

    open, queued, in_progress, waiting_customer, waiting_third_party    somebody has something to do
    abandoned, resolved, closed, merged, void                           it is over: `TERMINAL`
"""

from collections.abc import Mapping
from typing import Final, cast

from processors.cases.events import CaseEvent, Facts
from processors.sla.clocks import Trigger
from schemas.taxonomy import CaseState

_ENDED: Final[Mapping[Trigger, CaseState]] = {
    "resolved": "resolved",
    "duplicate": "resolved",
    "dismissed": "resolved",
    "closed": "closed",
    "merged": "merged",
    "voided": "void",
}
_WORKED_ON: Final[Mapping[Trigger, CaseState]] = {
    "queued": "queued",
    "assigned": "in_progress",
    "answered_by_person": "in_progress",
    "answered_by_bot": "in_progress",
    "replied_by_person": "in_progress",
    "resumed": "in_progress",
    "reopened": "in_progress",
    "waiting_customer": "waiting_customer",
    "waiting_third_party": "waiting_third_party",
    "forwarded_external": "waiting_third_party",
    "abandoned": "abandoned",
    **_ENDED,
}

TRANSITIONS: Final[Mapping[CaseState, Mapping[Trigger, CaseState]]] = {
    "open": _WORKED_ON,
    "queued": {**_WORKED_ON, "callback_requested": "open"},
    "in_progress": _WORKED_ON,
    "waiting_customer": {**_WORKED_ON, "customer_replied": "in_progress"},
    "waiting_third_party": _WORKED_ON,
    "abandoned": {"reopened": "in_progress", "queued": "queued", "callback_requested": "open", **_ENDED},
    "resolved": {"reopened": "in_progress", **_ENDED},
    "closed": {"reopened": "in_progress", "merged": "merged", "voided": "void"},
    "merged": {"merged": "merged", "voided": "void"},
    "void": {},
    "erased": {},
    "evicted": {},
}
"""State -> trigger -> the state that it leads to.

What the table does not say:

* A case is `open` before its first event, and its opening moves nothing: what came before it holds.
* An event that moves nothing may still count and be shown: a transfer after the end is a transfer, and the last of two
  closings is the moment of closing.
* What is said of a case that is merged is said of the one that survives: see `cases.merges`. Only its withdrawal, or
  that of its merge, is its own.
* Nothing leads out of `void`. A withdrawal that is itself withdrawn never was: the fold begins anew without it.
* `erased` is where an erasure leaves a case that was not over, on its way out of the state (SLA rule 16).
* A case opened twice, or over before it was opened, is `impossible`: its state is that of the table all the same, its
  durations count nowhere.
* `evicted` is where a case is left that was not over when it had to leave: nobody watches it any more.
* Who asked to be called back and then hangs up, `hung_up`, abandons nothing.
* A survey is a case too, and stays `open`: its invitation and its answers move nothing.
"""

TERMINAL: Final[frozenset[CaseState]] = frozenset({"abandoned", "resolved", "closed", "merged", "void"})


def state_after(state: CaseState, trigger: Trigger) -> CaseState:
    """The state that a trigger leads to; the same one where the table has nothing for it."""
    return TRANSITIONS[state].get(trigger, state)


_RESOLVED: Final[Mapping[str, Trigger]] = {"duplicate": "duplicate", "spam": "dismissed"}
"""Resolutions that solve nothing: the case is part of another one that is not named, or was never one."""


def trigger_of(event: CaseEvent, expires_at: int | None = None) -> Trigger:
    """What an event means to the tables of states and of clocks; a survey's answers are in time until `expires_at`."""
    kind, facts = event.type, event.facts
    if kind == "answered":
        if "survey" in facts:
            return _answer(facts, late=expires_at is not None and event.occurred_at > expires_at)
        return "answered_by_person" if facts.get("actor", "human") == "human" else "answered_by_bot"
    if kind == "agent_replied":
        person = facts.get("actor", "human") == "human" and facts.get("public", True)
        return "replied_by_person" if person else "replied"
    if kind == "resolved":
        return _RESOLVED.get(facts.get("resolution", ""), "resolved")
    if kind == "opened" and facts.get("kind") == "outbound":
        return "opened_outbound"
    if kind == "voided" and "revises" in facts:
        return "revised"
    return cast("Trigger", kind)


def _answer(facts: Facts, *, late: bool) -> Trigger:
    if late:
        return "answered_late"
    return "answered_unhappy" if is_unhappy(facts) else "answered_content"


def is_unhappy(facts: Facts) -> bool:
    """Is a survey answer one that somebody should follow up? CSAT 1-2 of 5, NPS 0-6, the two lowest boxes of CES."""
    kind, score, scale_max = facts.get("survey", ""), facts.get("score"), facts.get("scale_max", 5)
    if score is None:
        return False
    if kind == "csat":
        return score <= 2 if scale_max == 5 else score * 10 <= scale_max * 4
    if kind == "nps":
        return score <= 6
    if kind == "ces":
        return score <= 2 if facts.get("direction") == "ease" else score >= scale_max - 1
    return False
