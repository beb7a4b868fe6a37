"""A case, contact, complaint or survey, folded from its events in the order in which they happened.

The order is (occurred_at, seq, event_id), whatever the order of arrival. While events come in that order the fold goes
forward; one that lands before the last, or that corrects or withdraws another, folds the case again from the start. So
the same set of events gives the same case, its clocks and its samples, in any order of arrival.
"""

from bisect import insort
from collections.abc import Iterable, Sequence
from typing import Any, Final

from processors.cases import effects
from processors.cases.effects import Promises
from processors.cases.fold import TERMINAL, CaseEvent, CaseKey, Cycle, Fold
from processors.cases.measures import answer_amounts, complaint_amounts, contact_amounts, is_detractor
from processors.kpis.samples import Sample, counted, difference
from processors.sla.clocks import Clock
from schemas.kpis import Count
from schemas.outputs import IncidentRow
from schemas.taxonomy import ClockState
from schemas.topics import COMPLAINTS, CONTACTS, SURVEYS

_FINAL: Final = frozenset({"closed", "merged", "void"})

_STATE_AFTER: Final = {
    "opened": "open",
    "queued": "queued",
    "answered_by_person": "in_progress",
    "answered_by_bot": "in_progress",
    "assigned": "in_progress",
    "replied_by_person": "in_progress",
    "resumed": "in_progress",
    "waiting_customer": "waiting_customer",
    "waiting_third_party": "waiting_third_party",
    "forwarded_external": "waiting_third_party",
    "abandoned": "abandoned",
    "resolved": "resolved",
    "dismissed": "resolved",
    "closed": "closed",
    "reopened": "in_progress",
    "merged": "merged",
    "voided": "void",
}
_AFTER_RESOLVED: Final = frozenset({"reopened", "closed", "merged", "voided", "resolved", "dismissed"})


class Case:
    """One case as it stays in the state: its events, and their fold."""

    __slots__ = (
        "armed", "emitted_clocks", "events", "fold", "gauges", "handed_over", "incidents", "key", "outcomes",
        "readings", "shown", "subject", "subject_at",
    )  # fmt: skip

    def __init__(self, key: CaseKey) -> None:
        self.key = key
        self.events: list[CaseEvent] = []
        self.fold = Fold(key)
        # What was last told of the case, so that only differences are told again: see `judging.judge`.
        self.outcomes: tuple[Sample, ...] = ()
        self.incidents: dict[str, IncidentRow] = {}
        self.emitted_clocks: dict[str, Clock] = {}
        self.gauges: tuple[tuple[str, ...], ...] = ()
        self.readings: tuple[ClockState, ...] = ()
        """What each of its clocks reads, as of when it was last judged."""
        self.handed_over: HandOver | None = None
        self.armed: int | None = None
        """The earliest deadline that waits for the case."""
        self.subject: tuple[str, str] | None = None
        """The repeat-contact history that the case stands in, at `subject_at`."""
        self.subject_at = 0
        self.shown: tuple[Any, ...] = ()
        """What that history was last judged by."""

    @property
    def last_event_at(self) -> int:
        return self.events[-1].occurred_at

    def knows(self, event_id: str) -> bool:
        return any(event.event_id == event_id for event in self.events)


def take(case: Case, event: CaseEvent, promised: Promises) -> tuple[list[tuple[Sample, int]], bool]:
    """Add one event to a case; returns the samples to add (+1) or take back (-1), and whether it went forward."""
    forward = not case.events or event > case.events[-1]
    if forward and _only_adds(case, event):
        added: list[Sample] = []
        fold = case.fold if case.events else Fold(case.key)
        advance(fold, event, promised, added)
        case.fold = fold
        case.events.append(event)
        return [(sample, 1) for sample in added if not case.fold.test], True
    before: list[Sample] = []
    refold(case.key, case.events, promised, before)
    events = case.events.copy()
    insort(events, event)
    after: list[Sample] = []
    case.fold = refold(case.key, events, promised, after)
    case.events = events
    return list(difference(before, after)), forward


_REVISING: Final = frozenset({"corrected", "voided"})


def _only_adds(case: Case, event: CaseEvent) -> bool:
    """Does an event leave what the events before it said as it is?"""
    fold = case.fold
    withdraws = event.type in _REVISING or (bool(case.events) and not fold.test and bool(event.facts.get("test")))
    return not withdraws and not fold.revised and case.key[0] != SURVEYS


def refold(key: CaseKey, events: Sequence[CaseEvent], promised: Promises, samples: list[Sample]) -> Fold:
    """Fold from the start; `samples` receives what the case adds to the KPIs."""
    topic, fold = key[0], Fold(key)
    effective = effective_events(events)
    for event in effective:
        advance(fold, event, promised, samples)
    if topic == SURVEYS:
        _answer_of(fold, effective, samples)
    if fold.test or fold.state == "void":
        samples.clear()
    fold.revised = any(event.type in _REVISING for event in events)
    return fold


def withdraw(case: Case, event: CaseEvent, promised: Promises) -> list[tuple[Sample, int]]:
    """Take an event out of a case again; returns the samples to add (+1) or take back (-1)."""
    before: list[Sample] = []
    refold(case.key, case.events, promised, before)
    case.events.remove(event)
    after: list[Sample] = []
    case.fold = refold(case.key, case.events, promised, after)
    return list(difference(before, after))


HandOver = tuple[CaseKey, CaseEvent]
"""The case that survives a merge, and what the other one gives it."""


def handed_over(case: Case) -> HandOver | None:
    """What a merged case gives to the one that survives: how long the customer has waited already.

    A function of the merged case alone, so that it is the same in whatever order the events of the two came.
    """
    fold = case.fold
    if fold.state != "merged" or fold.merged is None or fold.opened_at is None or fold.test:
        return None
    topic, source, entity_id = case.key
    into = fold.merged.facts.get("into", entity_id)
    if into == entity_id:
        return None
    facts = {"opened_at": fold.opened_at}
    # No publisher's event id has a slash.
    event = fold.merged._replace(seq=-1, event_id=f"absorbed/{entity_id}", type="absorbed", facts=facts)
    return (topic, source, into), event


def effective_events(events: Sequence[CaseEvent]) -> Sequence[CaseEvent]:
    """The events after corrections and withdrawals of single events, in order."""
    revisions = [e for e in events if "revises" in e.facts]
    if not revisions:
        return events
    withdrawn: set[str] = set()
    for revision in reversed(revisions):
        if revision.type == "voided" and revision.event_id not in withdrawn:
            withdrawn.add(revision.facts["revises"])
    by_id = {event.event_id: event for event in events if event.event_id not in withdrawn}
    for revision in revisions:
        original = by_id.get(revision.facts["revises"])
        if original is not None and revision.type == "corrected" and revision.event_id in by_id:
            by_id[original.event_id] = _corrected(original, revision)
    return sorted(by_id.values())


def _corrected(original: CaseEvent, revision: CaseEvent) -> CaseEvent:
    values = dict(revision.facts["values"])
    facts = {**original.facts, **values}
    moment = facts.pop("occurred_at", None)
    if moment is None:
        return original._replace(facts=facts)
    # When something happened is known since it was put right.
    return original._replace(occurred_at=moment, record_at=max(original.record_at, revision.record_at), facts=facts)


def trigger_of(event: CaseEvent) -> str:
    """What an event means to the tables of states and clocks."""
    kind, facts = event.type, event.facts
    if kind == "answered":
        if "survey" in facts:
            return "answered_unhappy" if is_detractor(facts) else "answered_content"
        return "answered_by_person" if facts.get("actor", "human") == "human" else "answered_by_bot"
    if kind == "agent_replied":
        person = facts.get("actor", "human") == "human" and facts.get("public", True)
        return "replied_by_person" if person else "replied"
    if kind == "resolved" and facts.get("resolution") in ("duplicate", "spam"):
        return "dismissed"
    if kind == "opened" and facts.get("kind") == "outbound":
        return "opened_outbound"
    if kind == "voided" and "revises" in facts:
        return "revised"
    return kind


def advance(fold: Fold, event: CaseEvent, promised: Promises, samples: list[Sample]) -> None:
    """Fold one event that comes after all the fold has seen."""
    at = event.occurred_at
    for clock in fold.clocks:
        if clock.attribution is None and clock.due_at < at and clock.is_open:
            clock.attribution = fold.attribution()
    fold.state_facts(event)
    trigger = trigger_of(event)
    if fold.expires_at is not None and at > fold.expires_at and "survey" in event.facts and event.type == "answered":
        trigger = "answered_late"
    _note(fold, event, trigger)
    effects.signal(fold, event, trigger, promised)
    topic = fold.facts["topic"]
    if topic == CONTACTS:
        amounts = contact_amounts(fold, event, trigger)
    elif topic == COMPLAINTS:
        amounts = complaint_amounts(fold, event, trigger)
    else:
        amounts = counted(Count.surveys_invited) if trigger == "invited" else ()
    _settle(fold, event, trigger)
    if amounts:
        samples.append(Sample(at, fold.attribution(), amounts))


def _note(fold: Fold, event: CaseEvent, trigger: str) -> None:
    """Moments, owners and paths that an event sets before it is counted."""
    at, facts = event.occurred_at, event.facts
    if event.type == "opened":
        if fold.opened_at is not None:
            fold.impossible = True
        else:
            fold.opened_at = fold.response_owed_from = min(facts.get("received_at", at), at)
    elif event.type == "assigned":
        fold.assignments += 1
        fold.owner = facts.get("owner", "")
    elif event.type == "transferred":
        fold.transfers += 1
        if fold.state not in TERMINAL:
            _cycle(fold).transfers.append((at, facts.get("from", ""), facts.get("to", "")))
        fold.move_to_team(facts.get("to", ""))
    elif trigger == "queued" and fold.waiting_since is None:
        fold.waiting_since = at
    elif trigger == "reopened":
        _end_cycle(fold, at)
        fold.reopens += 1
        if not fold.answered_by_anyone:
            fold.response_owed_from = at
    elif trigger == "customer_replied":
        fold.unanswered_since = at if fold.unanswered_since is None else fold.unanswered_since
    elif trigger in ("answered_by_person", "replied_by_person"):
        fold.unanswered_since, fold.answered_by_anyone = None, True
    elif trigger in ("resolved", "dismissed", "closed"):
        fold.unanswered_since = None
        fold.answered_by_anyone = fold.answered_by_anyone or facts.get("actor") == "human"
    elif trigger == "acknowledged":
        fold.acknowledged = True
    elif trigger == "merged":
        fold.merged = event
    elif trigger == "absorbed":
        fold.absorbed_from = min(facts["opened_at"], fold.absorbed_from or facts["opened_at"])
    if fold.opened_at is None and trigger in ("resolved", "closed", "reopened"):
        fold.impossible = True
    if "expires_at" in facts:
        fold.expires_at = facts["expires_at"]


def _cycle(fold: Fold) -> Cycle:
    if not fold.cycles or fold.cycles[-1].number != fold.reopens:
        fold.cycles.append(Cycle(fold.reopens))
    return fold.cycles[-1]


def _end_cycle(fold: Fold, at: int) -> None:
    if fold.cycles and fold.cycles[-1].over_at is None:
        fold.cycles[-1].over_at = at


def _settle(fold: Fold, event: CaseEvent, trigger: str) -> None:
    """The state and the moments that an event leaves behind."""
    at = event.occurred_at
    if trigger in ("answered_by_person", "replied_by_person"):
        if fold.first_response_at is None:
            fold.first_response_at = at
        if trigger == "answered_by_person" and fold.answered_at is None:
            fold.answered_at = at
    answered = trigger.startswith("answered_by")
    fold.answered_any = fold.answered_any or answered
    fold.offered = (
        fold.offered or answered or trigger == "queued" or (trigger == "abandoned" and not event.facts.get("in_ivr"))
    )
    if trigger in ("resolved", "dismissed"):
        fold.first_resolved_at = at if fold.first_resolved_at is None else fold.first_resolved_at
        fold.resolved_at = at
        fold.resolution = event.facts.get("resolution", "")
    elif trigger == "closed":
        fold.closed_at = at
    elif trigger == "reopened":
        fold.resolved_at = fold.closed_at = None
        fold.resolution = ""
    elif trigger == "customer_replied" and fold.state == "waiting_customer":
        fold.state = "in_progress"
    state = _STATE_AFTER.get("opened" if trigger == "opened_outbound" else trigger)
    if state is None or (state == "open" and fold.state != "open"):
        return
    if fold.state in TERMINAL and trigger not in _AFTER_RESOLVED:
        return
    if fold.state == "void" or (fold.state in _FINAL and trigger not in ("reopened", "voided", "merged")):
        return
    fold.state = state
    if state in TERMINAL:
        _end_cycle(fold, at)


def _answer_of(fold: Fold, events: Iterable[CaseEvent], samples: list[Sample]) -> None:
    """One response per survey: the last that came before it expired."""
    until = fold.expires_at
    answers = [event for event in events if event.type == "answered" and (until is None or event.occurred_at <= until)]
    if answers:
        last = answers[-1]
        samples.append(Sample(last.occurred_at, fold.attribution(), answer_amounts(last.facts)))
