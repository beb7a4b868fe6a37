"""A case, contact, complaint or survey, folded from its events in the order in which they happened.

The order is (occurred_at, seq, event_id), whatever the order of arrival. While events come in that order the fold goes
forward; one that lands before the last, or that corrects or withdraws another, folds the case again from the start. So
the same set of events gives the same case, its clocks and its samples, in any order of arrival.
"""

from bisect import insort
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from processors.cases import effects
from processors.cases.corrections import REVISING, effective_events
from processors.cases.events import CaseEvent, CaseKey, Facts
from processors.cases.fold import Fold, note, settle
from processors.cases.history import Membership
from processors.cases.measures import answer_amounts, complaint_amounts, contact_amounts
from processors.cases.transitions import trigger_of
from processors.kpis.samples import Sample, counted, difference
from processors.sla.clocks import NEVER, Clock, last_threshold
from processors.sla.promises import Promises
from schemas.kpis import Count
from schemas.outputs import IncidentRow
from schemas.taxonomy import ClockState
from schemas.topics import COMPLAINTS, CONTACTS, SURVEYS

Labels = tuple[str, ...]
"""The name of a gauge, then its labels."""
CarryOver = tuple[CaseKey, CaseEvent]
"""The case that survives a merge, and what the other one gives it."""
_NO_INCIDENTS: Final[Mapping[str, IncidentRow]] = MappingProxyType({})
_NO_MEMBERSHIPS: Final[Mapping[str, Membership]] = MappingProxyType({})


class Failure(NamedTuple):
    """An optional part that raised when a case was evaluated."""

    part: str
    """A pattern's id, for one."""
    error: str


class Evaluation(NamedTuple):
    """What follows from a case as it stood at a moment: all that the outside is told of it, in one value.

    `pipeline.evaluation` makes it, `pipeline.emission` writes how it differs from the one before.
    """

    clocks: tuple[Clock, ...] = ()
    """Those of the fold, in order. They are the clocks themselves, which go on."""
    states: tuple[ClockState, ...] = ()
    """Of each clock."""
    outcomes: tuple[Sample, ...] = ()
    """Promises kept and broken, for the KPIs."""
    incidents: Mapping[str, IncidentRow] = _NO_INCIDENTS
    """By incident id; of a pattern that raised, those of the evaluation before."""
    memberships: Mapping[str, Membership] = _NO_MEMBERSHIPS
    """Pattern id -> the subject whose history the case stands in."""
    gauges: tuple[Labels, ...] = ()
    """What the case counts among, while it is open."""
    carry_over: CarryOver | None = None
    """What it gives to the case that it was merged into."""
    next_timer: int = NEVER
    """The moment, ms, at which it is to be evaluated again though no event comes; `NEVER`: never."""
    failures: tuple[Failure, ...] = ()
    customer_id: str = ""
    """Whose case it is; '' of somebody who is not known."""


NOT_EVALUATED: Final = Evaluation()


class Case:
    """One case as it stays in the state: its events, their fold, and what was emitted of it."""

    __slots__ = ("evaluation", "events", "fold", "key", "leaves_by", "left_out", "written")

    def __init__(self, key: CaseKey) -> None:
        self.key = key
        self.events: list[CaseEvent] = []
        """In fold order."""
        self.left_out = 0
        """How many events it was given beyond these: see `cases.bound`."""
        self.leaves_by: tuple[int, bool] | None = None
        """Its place in the order in which cases that are over leave: a moment, ms, and whether it owes nothing."""
        self.fold = Fold(key)
        self.evaluation = NOT_EVALUATED
        """The last one: all of it was emitted."""
        self.written: tuple[int, ...] = ()
        """Hashes of the rows that its clocks had when this process last wrote them, in the order of the fold."""

    @property
    def last_event_at(self) -> int:
        return self.events[-1].occurred_at

    @property
    def is_over(self) -> bool:
        """Is there nothing more to come of it? A survey is a thing of a moment."""
        return self.fold.is_over or self.key[0] == SURVEYS

    @property
    def settled_at(self) -> int:
        """The moment, ms, after which it reads the same for ever while no event comes."""
        open_clocks = [last_threshold(clock) for clock in self.fold.clocks if clock.is_open]
        return max(self.last_event_at, *open_clocks) if open_clocks else self.last_event_at

    @property
    def owes_nothing(self) -> bool:
        """Is it over, and every promise that was made in it ended by an event?"""
        return self.is_over and not any(clock.is_open for clock in self.fold.clocks)

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
    return replace_events(case, events, promises), last


def withdraw(case: Case, event: CaseEvent, promises: Promises) -> list[tuple[Sample, int]]:
    """Remove an event from a case; returns the samples to add (+1) or take back (-1)."""
    events = case.events.copy()
    events.remove(event)
    return replace_events(case, events, promises)


def replace_events(case: Case, events: list[CaseEvent], promises: Promises) -> list[tuple[Sample, int]]:
    """Let a case have other events; returns the samples to add (+1) or take back (-1)."""
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


def carry_over(case: Case) -> CarryOver | None:
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
