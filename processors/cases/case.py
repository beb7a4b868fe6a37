"""A case, contact, complaint or survey, folded from its events in the order in which they happened.

The order is (occurred_at, seq, event_id), whatever the order of arrival. While events come in that order the fold goes
forward; one that lands before the last, or that corrects or withdraws another, folds the case again from the start. So
the same set of events gives the same case, its clocks and its samples, in any order of arrival.
"""

from bisect import insort
from collections.abc import Iterable, Sequence
from typing import Any

from processors.cases import effects
from processors.cases.corrections import REVISING, effective_events
from processors.cases.events import CaseEvent, CaseKey, Facts
from processors.cases.fold import Fold, note, settle
from processors.cases.measures import answer_amounts, complaint_amounts, contact_amounts
from processors.cases.transitions import trigger_of
from processors.kpis.samples import Sample, counted, difference
from processors.sla.clocks import Clock
from processors.sla.promises import Promises
from schemas.kpis import Count
from schemas.outputs import IncidentRow
from schemas.taxonomy import ClockState
from schemas.topics import COMPLAINTS, CONTACTS, SURVEYS


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


def apply_event(case: Case, event: CaseEvent, promises: Promises) -> tuple[list[tuple[Sample, int]], bool]:
    """Fold one more event into a case; returns the samples to add (+1) or take back (-1), and whether it came last."""
    last = not case.events or event > case.events[-1]
    if last and _only_adds(case, event):
        added: list[Sample] = []
        fold = case.fold if case.events else Fold(case.key)
        advance(fold, event, promises, added)
        case.fold = fold
        case.events.append(event)
        return [(sample, 1) for sample in added if not case.fold.test], True
    events = case.events.copy()
    insort(events, event)
    return _replace_events(case, events, promises), last


def withdraw(case: Case, event: CaseEvent, promises: Promises) -> list[tuple[Sample, int]]:
    """Remove an event from a case; returns the samples to add (+1) or take back (-1)."""
    events = case.events.copy()
    events.remove(event)
    return _replace_events(case, events, promises)


def _replace_events(case: Case, events: list[CaseEvent], promises: Promises) -> list[tuple[Sample, int]]:
    before: list[Sample] = []
    after: list[Sample] = []
    refold(case.key, case.events, promises, before)
    case.fold = refold(case.key, events, promises, after)
    case.events = events
    return list(difference(before, after))


def _only_adds(case: Case, event: CaseEvent) -> bool:
    """Does an event leave what the events before it said as it is?"""
    fold = case.fold
    revises = event.type in REVISING or (bool(case.events) and not fold.test and bool(event.facts.get("test")))
    return not revises and not fold.revised and case.key[0] != SURVEYS


def refold(key: CaseKey, events: Sequence[CaseEvent], promises: Promises, samples: list[Sample]) -> Fold:
    """Fold events from the start; `samples` receives what the case adds to the KPIs."""
    topic, fold = key[0], Fold(key)
    effective = effective_events(events)
    for event in effective:
        advance(fold, event, promises, samples)
    if topic == SURVEYS:
        _count_response(fold, effective, samples)
    if fold.test or fold.state == "void":
        samples.clear()
    fold.revised = any(event.type in REVISING for event in events)
    return fold


def advance(fold: Fold, event: CaseEvent, promises: Promises, samples: list[Sample]) -> None:
    """Move a fold by one event that comes after all it has seen; `samples` receives what that adds to the KPIs."""
    at = event.occurred_at
    for clock in fold.clocks:
        if clock.attribution is None and clock.due_at < at and clock.is_open:
            clock.attribution = fold.attribution()
    fold.state_facts(event)
    trigger = trigger_of(event, fold.expires_at)
    note(fold, event, trigger)
    effects.apply_trigger(fold, event, trigger, promises)
    topic = fold.facts["topic"]
    if topic == CONTACTS:
        amounts = contact_amounts(fold, event, trigger)
    elif topic == COMPLAINTS:
        amounts = complaint_amounts(fold, event, trigger)
    else:
        amounts = counted(Count.surveys_invited) if trigger == "invited" else ()
    settle(fold, event, trigger)
    if amounts:
        samples.append(Sample(at, fold.attribution(), amounts))


def _count_response(fold: Fold, events: Iterable[CaseEvent], samples: list[Sample]) -> None:
    """A survey has one response: the last that came before it expired."""
    until = fold.expires_at
    answers = [event for event in events if event.type == "answered" and (until is None or event.occurred_at <= until)]
    if answers:
        last = answers[-1]
        samples.append(Sample(last.occurred_at, fold.attribution(), answer_amounts(last.facts)))


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
    facts: Facts = {"opened_at": fold.opened_at}
    # No publisher's event id has a slash.
    event = fold.merged._replace(seq=-1, event_id=f"absorbed/{entity_id}", type="absorbed", facts=facts)
    return (topic, source, into), event
