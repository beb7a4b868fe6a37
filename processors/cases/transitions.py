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
from processors.cases.ratings import rating_of
from processors.sla.signals import Trigger
from schemas.taxonomy import CaseState

_ENDED: Final[Mapping[Trigger, CaseState]] = {
    "resolved": "resolved",
    "duplicate": "resolved",
    "dismissed": "resolved",
    "closed": "closed",
    "merged": "merged",
    "voided": "void",
}
WAITS: Final[Mapping[Trigger, CaseState]] = {
    "waiting_customer": "waiting_customer",
    "waiting_third_party": "waiting_third_party",
    "forwarded_external": "waiting_third_party",
}
"""What begins a wait -> the state that says for whom."""
_WORKED_ON: Final[Mapping[Trigger, CaseState]] = {
    "queued": "queued",
    "assigned": "in_progress",
    "answered_by_person": "in_progress",
    "answered_by_bot": "in_progress",
    "replied_by_person": "in_progress",
    "resumed": "in_progress",
    "reopened": "in_progress",
    **WAITS,
    "abandoned": "abandoned",
    **_ENDED,
}
_WAITING: Final[Mapping[Trigger, CaseState]] = {
    **WAITS,
    "customer_replied": "in_progress",
    "resumed": "in_progress",
    "reopened": "in_progress",
    "abandoned": "abandoned",
    **_ENDED,
}

TRANSITIONS: Final[Mapping[CaseState, Mapping[Trigger, CaseState]]] = {
    "open": _WORKED_ON,
    "queued": {**_WORKED_ON, "callback_requested": "open", "left_queue": "open"},
    "in_progress": _WORKED_ON,
    "waiting_customer": _WAITING,
    "waiting_third_party": _WAITING,
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
* An event that moves nothing may still count and be shown: a transfer after the end is a transfer. What is told twice
  does neither: `cases.repeats`.
* What is said of a case that is merged is said of the one that survives: see `cases.merges`. Only its withdrawal, or
  that of its merge, is its own.
* A case waits until it is resumed, the customer speaks, or it is over, whatever else is done meanwhile: clocks pause
  for the wait of the case (`effects`), so that both say the same.
* What a machine says for a customer moves nothing, and one that writes to an unhappy customer has called nobody. A
  reopening that a machine puts down to a reply of the customer is one when the customer has spoken since the end:
  `case.advance`.
* Nothing leads out of `void`. A withdrawal that is itself withdrawn never was: the fold begins anew without it.
* `erased` is where an erasure leaves a case that was not over, on its way out of the state (SLA rule 16).
* A case that is over before it was opened is `impossible`: its state is that of the table all the same, its durations
  count nowhere, and its opening starts nothing.
* `evicted` is where a case is left that was not over when it had to leave: nobody watches it any more.
* Who asked to be called back and then hangs up, `hung_up`, abandons nothing.
* Who hangs up a call that was merged into another case, `left_queue`, gives up the wait, and not that case.
* A survey is a case too, and stays `open`: its invitation and its answers move nothing.
"""

TERMINAL: Final[frozenset[CaseState]] = frozenset({"abandoned", "resolved", "closed", "merged", "void"})


def state_after(state: CaseState, trigger: Trigger) -> CaseState:
    """The state that a trigger leads to; the same one where the table has nothing for it."""
    return TRANSITIONS[state].get(trigger, state)


_MACHINES: Final = frozenset({"system", "bot"})
_RESOLVED: Final[Mapping[str, Trigger]] = {"duplicate": "duplicate", "spam": "dismissed"}
"""Resolutions that solve nothing: the case is part of another one that is not named, or was never one."""


def solves(resolution: str) -> bool:
    """Does a resolution claim that something was solved?"""
    return resolution not in _RESOLVED


def trigger_of(event: CaseEvent, expires_at: int | None = None) -> Trigger:
    """What an event means to the tables of states and of clocks; a survey's answers are in time until `expires_at`."""
    kind, facts = event.type, event.facts
    if kind == "answered":
        if "survey" in facts:
            if is_machine(facts):
                return "answered_by_machine"
            return _answer(facts, late=expires_at is not None and event.occurred_at > expires_at)
        return "answered_by_person" if facts.get("actor", "human") == "human" else "answered_by_bot"
    if kind == "agent_replied":
        person = facts.get("actor", "human") == "human" and facts.get("public", True)
        return "replied_by_person" if person else "replied"
    if kind in ("customer_replied", "followup_contacted") and is_machine(facts):
        return "replied"
    if kind == "reopened" and facts.get("reason") == "customer_reply" and is_machine(facts):
        return "reopened_by_machine"
    if kind == "resolved":
        return _RESOLVED.get(facts.get("resolution", ""), "resolved")
    if kind == "opened" and facts.get("kind") == "outbound":
        return "opened_outbound"
    if kind == "voided" and "revises" in facts:
        return "revised"
    return cast("Trigger", kind)


def is_machine(facts: Facts) -> bool:
    """Does an event come from no person: out-of-office notes, scanners that open links, automations?"""
    return facts.get("actor") in _MACHINES


def _answer(facts: Facts, *, late: bool) -> Trigger:
    if late:
        return "answered_late"
    rating = rating_of(facts)
    if rating is None:
        return "answered_unrated"
    return "answered_unhappy" if rating.is_negative else "answered_content"
