"""A case, contact, complaint or survey, folded from its events in the order in which they happened.

The order is (occurred_at, seq, event_id), whatever the order of arrival. While events come in that order the fold goes
forward; one that lands before the last, or that corrects or withdraws another, folds the case again from the start. So
the same set of events gives the same case, its clocks and its samples, in any order of arrival.
"""

from bisect import insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from processors import kpis, promises
from processors.clocks import Clock
from processors.kpis import Amounts, Sample, counted
from processors.promises import Promises
from schemas.outputs import IncidentRow
from schemas.taxonomy import ClockMetric, ClockState
from schemas.topics import COMPLAINTS, CONTACTS, SURVEYS

CaseKey = tuple[str, str, str]
"""topic, source, entity_id"""

SHORT_ABANDON_MS: Final = 5_000
"""A caller who leaves within 5 s did not wait (K07); counted apart."""
TERMINAL: Final = frozenset({"resolved", "closed", "abandoned", "merged", "void"})
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

_DIMENSIONS: Final = ("channel", "area", "team", "priority", "kind", "element", "otc_stage", "relationship")
_STATED: Final = (
    "customer_id", "org_unit", "channel", "kind", "category", "product", "element", "origin_area", "otc_stage",
    "relationship", "demand_type", "segment", "topic_class",
)  # fmt: skip
_CHANGING: Final = frozenset({"reclassified", "identified", "cause_set", "priority_changed"})
"""Events whose facts replace what was said before; those of all others only fill what was not said."""


class CaseEvent(NamedTuple):
    """What the fold needs of one event. Compares in fold order."""

    occurred_at: int
    seq: int
    """-1 when the publisher sends none."""
    event_id: str
    record_at: int
    type: str
    """The event type without its topic's prefix."""
    facts: dict[str, Any]
    """Only what was said."""


Transfer = tuple[int, str, str]
"""occurred_at, from, to"""


@dataclass(slots=True)
class Cycle:
    """The transfers from opening, or the `number`-th reopening, until the case was over."""

    number: int
    transfers: list[Transfer] = field(default_factory=list)
    over_at: int | None = None


class Fold:
    """What the events so far amount to."""

    __slots__ = (
        "_attribution",
        "_matching",
        "absorbed_from",
        "acknowledged",
        "answered_any",
        "answered_at",
        "answered_by_anyone",
        "assignments",
        "clocks",
        "closed_at",
        "cycles",
        "expires_at",
        "facts",
        "first_resolved_at",
        "first_response_at",
        "impossible",
        "invited_at",
        "latest",
        "merged",
        "offered",
        "opened_at",
        "owner",
        "reopens",
        "resolution",
        "resolved_at",
        "response_owed_from",
        "revised",
        "state",
        "team",
        "test",
        "transfers",
        "unanswered_since",
        "unmatched",
        "vulnerable",
        "waiting_since",
    )  # fmt: skip

    def __init__(self, key: CaseKey) -> None:
        self.facts: dict[str, str] = {"topic": key[0], "source": key[1], "priority": "normal"}
        self.state = "open"
        self.owner = self.team = self.resolution = ""
        self.opened_at: int | None = None
        self.waiting_since: int | None = None
        self.answered_at: int | None = None
        self.first_response_at: int | None = None
        self.first_resolved_at: int | None = None
        self.resolved_at: int | None = None
        self.closed_at: int | None = None
        self.invited_at: int | None = None
        self.expires_at: int | None = None
        self.assignments = self.transfers = self.reopens = 0
        self.cycles: list[Cycle] = []
        """Those in which the case was handed on, in order."""
        self.clocks: list[Clock] = []
        self.latest: dict[ClockMetric, Clock] = {}
        """The last instance of each metric."""
        self.unanswered_since: int | None = None
        """The first message of the customer that nobody answered."""
        self.response_owed_from: int | None = None
        """Opening, or a reopening after a resolution in which no person had a part."""
        self.acknowledged = self.answered_by_anyone = False
        self.merged: CaseEvent | None = None
        self.absorbed_from: int | None = None
        """The earliest opening of the cases that were merged into this one."""
        self.offered = self.answered_any = self.impossible = self.test = self.vulnerable = self.revised = False
        self.unmatched = 0
        self._attribution: tuple[str, ...] | None = None
        self._matching: dict[str, str] | None = None

    @property
    def incomplete(self) -> bool:
        return self.opened_at is None or self.impossible

    @property
    def area(self) -> str:
        return self.facts.get("org_unit", "").partition("/")[0]

    def attribution(self) -> tuple[str, ...]:
        """The values of `kpi_definitions.DIMENSIONS` as they stand, in order."""
        if self._attribution is None:
            get = self.facts.get
            area, channel = self.area, get("channel", "")
            values = {**self.facts, "area": area, "team": self.current_team}
            pair = f"{area}|{channel}" if area and channel else ""
            self._attribution = ("all", *(values.get(name, "") for name in _DIMENSIONS), pair)
        return self._attribution

    @property
    def current_team(self) -> str:
        if self.team:
            return self.team
        path = self.facts.get("org_unit", "").split("/")
        return path[2] if len(path) > 2 else ""

    def state_facts(self, event: CaseEvent) -> None:
        """Take over what an event says of the case itself."""
        said, known = event.facts, self.facts
        replaces = event.type in _CHANGING
        for name in _STATED:
            value = said.get(name)
            if value and (replaces or name not in known) and known.get(name) != value:
                known[name] = value
                self._attribution = self._matching = None
        priority = said.get("priority")
        if priority and (replaces or event.type == "opened") and priority != known["priority"]:
            known["priority"] = priority
            self._attribution = self._matching = None
        self.test = self.test or bool(said.get("test"))
        self.vulnerable = self.vulnerable or bool(said.get("vulnerable"))

    @property
    def is_over(self) -> bool:
        return self.state in TERMINAL

    def matching(self) -> dict[str, str]:
        """What policies ask for."""
        if self._matching is None:
            self._matching = {**self.facts, "area": self.area}
        return self._matching

    def add_clock(self, clock: Clock) -> None:
        self.clocks.append(clock)
        self.latest[clock.metric] = clock

    def owes_from_opening(self, metric: ClockMetric) -> bool:
        """Is what is promised from the opening on still to be done?"""
        if self.is_over or self.facts.get("kind") == "outbound":
            return False
        done = {"first_response": self.first_response_at is not None, "acknowledge": self.acknowledged}
        return not done.get(metric, False)

    def move_to_team(self, team: str) -> None:
        self.team = team
        self._attribution = None


class Case:
    """One case as it stays in the state: its events, and their fold."""

    __slots__ = (
        "armed", "clocks_told", "events", "fold", "gauges", "handed_over", "incidents", "key", "outcomes", "readings",
        "shown", "subject", "subject_at",
    )  # fmt: skip

    def __init__(self, key: CaseKey) -> None:
        self.key = key
        self.events: list[CaseEvent] = []
        self.fold = Fold(key)
        # What was last told of the case, so that only differences are told again: see `judging.judge`.
        self.outcomes: tuple[Sample, ...] = ()
        self.incidents: dict[str, IncidentRow] = {}
        self.clocks_told: dict[str, Clock] = {}
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
    return list(kpis.difference(before, after)), forward


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
    return list(kpis.difference(before, after))


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
    promises.signal(fold, event, trigger, promised)
    topic = fold.facts["topic"]
    if topic == CONTACTS:
        amounts = _contact_amounts(fold, event, trigger)
    elif topic == COMPLAINTS:
        amounts = _complaint_amounts(fold, event, trigger)
    else:
        amounts = counted("surveys_invited") if trigger == "invited" else ()
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


_HANDLING: Final = ("talk_ms", "hold_ms", "wrap_ms")


def _contact_amounts(fold: Fold, event: CaseEvent, trigger: str) -> Amounts:
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
            amounts += (*counted("contacts_handled"), (kpis.SLOT["handle_ms"], sum(handled)))
    elif trigger == "reopened" and facts.get("reason") in ("not_fixed", "new_info"):
        amounts = counted("contacts_reopened")
    return amounts + _first_response(fold, at, trigger)


def _first_response(fold: Fold, at: int, trigger: str) -> Amounts:
    first = trigger in ("answered_by_person", "replied_by_person") and fold.first_response_at is None
    if not first or fold.incomplete or fold.response_owed_from is None or fold.facts.get("kind") == "outbound":
        return ()
    return kpis.duration("first_response_histogram", "first_response_ms", at - fold.response_owed_from)


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
            amounts += (*counted("contacts_answered"), *kpis.duration("wait_histogram", "wait_ms", at - since))
        answer = fold.latest.get("answer")
        if answer is not None and at <= answer.due_at:
            amounts += counted("contacts_answered_in_target")
    return amounts


def _complaint_amounts(fold: Fold, event: CaseEvent, trigger: str) -> Amounts:
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
    return kpis.duration("resolution_histogram", "resolution_ms", at - fold.opened_at)


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
        return (*amounts, (kpis.SLOT["csat_score_milli"], 1000 * (score - 1) // (scale - 1)))
    if kind == "nps":
        box = ("nps_promoters",) if score >= 9 else ("nps_detractors",) if score <= 6 else ()
        return amounts + counted("nps_answered", *box)
    if kind == "ces":
        ease = 1000 + 6000 * (score - 1) // (scale - 1)
        ease = ease if facts.get("direction") == "ease" else 8000 - ease
        amounts += counted("ces_answered", *(("ces_easy",) if ease >= 5000 else ()))
        return (*amounts, (kpis.SLOT["ces_score_milli"], ease))
    return amounts
