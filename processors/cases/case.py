"""A case, contact, complaint or survey, folded from its events in the order in which they happened.

The order is that of `cases.order`, whatever the order of arrival. While events come in that order the fold goes
forward; one that lands before the last or shares its moment, or that corrects or withdraws another, folds the case
again from the start. So the same set of events gives the same case, clocks and samples, in any order of arrival.
"""

from bisect import insort
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from processors.cases import effects, merges, waits
from processors.cases.corrections import REVISING, effective_events
from processors.cases.events import CaseEvent, CaseKey
from processors.cases.fold import Fold, note, settle, update_hold
from processors.cases.history import Membership
from processors.cases.measures import (
    answer_amounts,
    attribution_of,
    complaint_amounts,
    contact_amounts,
    reopened_resolution,
    under_promise,
)
from processors.cases.merges import CarryOver
from processors.cases.order import follows, in_turn, only_follows, position
from processors.cases.repeats import is_repeated
from processors.cases.standing import ALONE, Linked, Standing, Target
from processors.cases.transitions import WAITS, is_machine, trigger_of
from processors.kpis.samples import Sample, counted, difference
from processors.sla.clocks import NEVER, Clock, last_threshold
from processors.sla.promises import Promises
from processors.sla.signals import Trigger
from schemas.kpis import Count
from schemas.outputs import IncidentRow
from schemas.taxonomy import ClockMetric, ClockState
from schemas.topics import COMPLAINTS, CONTACTS, SURVEYS

Labels = tuple[str, ...]
"""The name of a gauge, then its labels."""
ClockKey = tuple[ClockMetric, int]
"""The metric and the instance of a clock, which tell apart those of one case."""
_OF_THE_MERGED: Final[frozenset[Trigger]] = frozenset({"opened", "opened_outbound", "merged", "voided"})
"""Triggers of a merged case that are still its own."""
_NO_INCIDENTS: Final[Mapping[str, IncidentRow]] = MappingProxyType({})
_NO_BREACHES: Final[Mapping[ClockKey, tuple[str, str]]] = MappingProxyType({})
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
    """Promises kept and broken, and what became of waits, for the KPIs."""
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
    links: tuple[Target, ...] = ()
    """The cases that a survey names."""
    gives: Linked | None = None
    """What it gives to the surveys that name it; None of a survey."""
    imported: frozenset[str] = frozenset()
    """Ids of the incidents that nobody could be called for when they opened: their records came long after."""
    settled_at: int | None = None
    """Of a case that is over the moment, ms, after which it reads the same for ever."""


NOT_EVALUATED: Final = Evaluation()


class Case:
    """One case as it stays in the state: its events, their fold, and what was emitted of it."""

    __slots__ = (
        "counted_by", "evaluation", "events", "fold", "key", "leaves_by", "left_out", "live_breaches", "standing",
        "written",
    )  # fmt: skip

    def __init__(self, key: CaseKey, counted_by: int = 0) -> None:
        self.key = key
        self.counted_by = counted_by
        """The number of the period of rules in which it began to be counted: see `state.periods`."""
        self.events: list[CaseEvent] = []
        """Sorted by `order.position`."""
        self.left_out = 0
        """How many events it was given beyond these: see `cases.bound`."""
        self.leaves_by: tuple[int, bool] | None = None
        """Its place in the order in which cases that are over leave: a moment, ms, and whether it owes nothing."""
        self.standing = ALONE
        self.live_breaches: Mapping[ClockKey, tuple[str, str]] = _NO_BREACHES
        """The clocks whose breach moved the live counter -> the policy and priority of then."""
        self.fold = Fold(key)
        self.evaluation = NOT_EVALUATED
        """The last one: all of it was emitted."""
        self.written: tuple[int, ...] = ()
        """Hashes of the rows that its clocks had when this process last wrote them, in the order of the fold."""

    @property
    def last_event_at(self) -> int:
        return self.events[-1].occurred_at

    @property
    def counted_to(self) -> int:
        """The last moment, ms, at which an event of it counts, also one that was put right."""
        if not self.fold.revised:
            return self.last_event_at
        return max((event.occurred_at for event in effective_events(self.events)), default=self.last_event_at)

    @property
    def is_over(self) -> bool:
        """Is there nothing more to come of it? A survey is a thing of a moment."""
        return self.fold.is_over or self.key[0] == SURVEYS

    @property
    def moved_at(self) -> int:
        """When it was last moved, ms: its last event, or the last record of one, which may tell of long ago."""
        return max(self.last_event_at, max([event.record_at for event in self.events]))

    @property
    def settled_at(self) -> int:
        """The moment, ms, after which it reads the same for ever while no event comes."""
        fold = self.fold
        if fold.state == "merged" and fold.merged is not None:
            # Found or not, and noticed or not: nothing is open any more once its survivor must have come.
            return max(self.moved_at, merges.lapses_at(fold.merged.occurred_at))
        moments = [last_threshold(clock) for clock in fold.clocks if clock.is_open]
        if fold.waits:
            moments.append(waits.settled_at(fold))
        return max(self.moved_at, *moments) if moments else self.moved_at

    @property
    def owes_nothing(self) -> bool:
        """Is it over, and every promise that was made in it ended by an event?"""
        fold = self.fold
        return self.is_over and (fold.state == "merged" or not any(clock.is_open for clock in fold.clocks))

    def events_of(self, event_id: str) -> list[CaseEvent]:
        """Those with an id: more than one where a publisher uses it again."""
        return [event for event in self.events if event.event_id == event_id]


def apply_event(case: Case, event: CaseEvent, promises: Promises) -> tuple[list[tuple[Sample, int]], bool]:
    """Fold one more event into a case; returns the samples to add (+1) or take back (-1), and whether it came last."""
    if _only_adds(case, event):
        added: list[Sample] = []
        advance(case.fold, event, promises, added)
        case.events.append(event)
        return [(sample, 1) for sample in added if not case.fold.test], True
    last = not case.events or follows(event, case.events[-1])
    events = case.events.copy()
    insort(events, event, key=position)
    return replace_events(case, events, promises), last


def replace_events(case: Case, events: list[CaseEvent], promises: Promises) -> list[tuple[Sample, int]]:
    """Let a case have other events; returns the samples to add (+1) or take back (-1)."""
    return _replace(case, events, case.standing, promises)


def let_stand(case: Case, standing: Standing, promises: Promises) -> list[tuple[Sample, int]]:
    """Let a case stand otherwise; returns the samples to add (+1) or take back (-1)."""
    return _replace(case, case.events, standing, promises)


def _replace(case: Case, events: list[CaseEvent], standing: Standing, promises: Promises) -> list[tuple[Sample, int]]:
    before: list[Sample] = []
    after: list[Sample] = []
    refold(case.key, case.events, promises, before, case.standing)
    case.fold = refold(case.key, events, promises, after, standing)
    case.events, case.standing = events, standing
    return list(difference(before, after))


def _only_adds(case: Case, event: CaseEvent) -> bool:
    """Does an event come last, and leave what the events before it said as it is?"""
    if case.events and not only_follows(event, case.events[-1]):
        return False
    fold = case.fold
    if event.occurred_at < fold.renewed_to:
        return False
    revises = event.type in REVISING or (bool(case.events) and not fold.test and bool(event.facts.get("test")))
    revises = revises or (event.type == "callback_requested" and waits.has_left(fold))
    return not revises and not fold.revised and case.key[0] != SURVEYS and case.standing is ALONE


def refold(
    key: CaseKey,
    events: Sequence[CaseEvent],
    promises: Promises,
    samples: list[Sample],
    standing: Standing = ALONE,
) -> Fold:
    """Fold events from the start; `samples` receives what the case adds to the KPIs."""
    topic, fold = key[0], Fold(key, standing)
    effective = merges.counting(effective_events(events), standing)
    for event in in_turn(effective, fold):
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
    if promises.renewals:
        effects.renew(fold, at, promises)
    for clock in fold.clocks:
        if clock.attribution is None and clock.due_at < at and clock.is_open:
            clock.attribution = under_promise(clock.metric, clock.target, fold.attribution())
    fold.state_facts(event)
    trigger = trigger_of(event, fold.expires_at)
    if fold.state == "merged" and trigger not in _OF_THE_MERGED:
        _follow_merge(fold, event, trigger, promises)
        return
    if trigger == "reopened_by_machine" and fold.customer_spoke:
        trigger = "reopened"
    if trigger == "abandoned" and waits.is_leaving_for_callback(fold):
        trigger = "hung_up"
    elif trigger == "abandoned" and event.is_carried:
        trigger = "left_queue"
    if is_repeated(fold, event, trigger):
        fold.repeated += 1
        if fold.has_changed and fold.state != "void":
            effects.follow_change(fold, event, promises)
        return
    note(fold, event, trigger)
    effects.apply_trigger(fold, event, trigger, promises)
    _follow_hold(fold, event, trigger)
    topic = fold.facts["topic"]
    if topic == CONTACTS:
        waits.advance(fold, event, trigger, promises)
        amounts = contact_amounts(fold, event, trigger)
        if trigger == "reopened":
            samples += reopened_resolution(fold, event)
    elif topic == COMPLAINTS:
        amounts = complaint_amounts(fold, event, trigger)
    else:
        amounts = counted(Count.surveys_invited) if trigger == "invited" else ()
    settle(fold, event, trigger)
    if amounts:
        samples.append(Sample(at, attribution_of(fold, event, trigger), amounts))


def _follow_merge(fold: Fold, event: CaseEvent, trigger: Trigger, promises: Promises) -> None:
    """What happens to a case that is merged: it is the survivor's. Nobody has heard it while that was not found."""
    if trigger in merges.FORWARDED:
        fold.forwarded += (event,)
    if trigger == "reopened" or merges.is_found(fold):
        return
    if is_repeated(fold, event, trigger):
        fold.repeated += 1
        return
    note(fold, event, trigger)
    effects.apply_trigger(fold, event, trigger, promises)
    _follow_hold(fold, event, trigger)
    if fold.facts["topic"] == CONTACTS:
        waits.advance(fold, event, trigger, promises)


def _follow_hold(fold: Fold, event: CaseEvent, trigger: Trigger) -> None:
    """Let clocks pause for what the case waits for by now. A merged one goes on waiting until the survivor is found."""
    if trigger in WAITS or (fold.hold is not None and (trigger != "merged" or merges.is_found(fold))):
        effects.follow_hold(fold, event, trigger, another=update_hold(fold, event, trigger))


def _count_response(fold: Fold, events: Iterable[CaseEvent], samples: list[Sample]) -> None:
    """A survey has one response: the last that came before it expired, of those that rate if there are any.

    Who rates and then says why has not taken the rating back.
    """
    until = fold.expires_at
    answers = [
        event
        for event in events
        if event.type == "answered" and not is_machine(event.facts) and (until is None or event.occurred_at <= until)
    ]
    if answers:
        last = next((each for each in reversed(answers) if "score" in each.facts), answers[-1])
        samples.append(Sample(last.occurred_at, fold.attribution(), answer_amounts(last.facts)))
