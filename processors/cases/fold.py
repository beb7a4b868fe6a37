"""The fold: what the events of a case come to so far.

`case.advance` moves it, event by event: `note` before clocks and KPIs look at it, `settle` after they did. What they
measure against, such as since when the customer waits, must not be overwritten by the very event that they measure.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple, cast

import msgspec

from processors.cases.events import CaseEvent, CaseFacts, CaseKey, Facts, Stated
from processors.cases.organisation import Place, place
from processors.cases.standing import ALONE, NOTHING_GIVEN, Linked, Standing
from processors.cases.transitions import TERMINAL, WAITS, state_after
from processors.kpis.samples import Sample
from processors.sla.clocks import Clock, Reading
from processors.sla.signals import Trigger
from schemas.kpis import DIMENSIONS
from schemas.policies.packs import Target
from schemas.taxonomy import CaseState, ClockMetric

_NOBODY: Final[Mapping[str, bool]] = MappingProxyType({})
_STATED: Final = frozenset(Stated.__annotations__)
_REPLACING: Final = frozenset({"reclassified", "identified", "cause_set", "priority_changed"})
"""Events whose facts replace what was said before; those of all others only fill what was not said."""

_NOTHING: Final[Facts] = {}
_NO_NAMES: Final[frozenset[str]] = frozenset()
_ALL, _AREA, _TEAM, _SITE, _AREA_CHANNEL = map(DIMENSIONS.index, ("all", "area", "team", "site", "area_channel"))
"""Places of the dimensions that are no facts of a case."""
_UNSAID: Final = ("",) * len(DIMENSIONS)
_LAST_SAID: Final = "queue"
"""The fact that every event that states it replaces."""
_PLACE: Final = "org_unit"
"""The fact that an assignment replaces, too: it says where who got the case is."""

Transfer = tuple[int, str, str]
"""occurred_at, from, to"""


class Hold(NamedTuple):
    """That a case waits for others: the state that says for whom, why, and since when (ms)."""

    state: CaseState
    reason: str
    since: int


class Stint(NamedTuple):
    """Which team had a case until when (ms)."""

    until: int
    team: str


@dataclass(slots=True)
class Cycle:
    """The transfers from opening, or the `number`-th reopening, until the case was over."""

    number: int
    transfers: list[Transfer] = field(default_factory=list)
    over_at: int | None = None


WaitEnd = Literal["answered", "abandoned", "callback", "other"]
"""How a wait ended: `other` is the end of its case, which nobody answered."""


class Said(msgspec.Struct, frozen=True, gc=False):
    """What a wait added to the KPIs, what that was made of, and of which moments, both included, it is so."""

    sample: Sample
    reading: Reading | None
    """Of its clock."""
    by: tuple[object, ...]
    since: int
    until: int


@dataclass(slots=True)
class Wait:
    """One wait. Moments are milliseconds since the epoch."""

    since: int
    attribution: tuple[str, ...]
    """KPI dimensions of the case at the queueing."""
    follows_answer: bool
    """Whether a person had answered the contact before."""
    short_ms: int
    """Who leaves earlier did not wait."""
    clock: Clock | None = None
    """The promise that it is an instance of; None: no queue, or nothing was promised."""
    straight: Target | None = None
    """What is promised to whoever was in no queue."""
    end: WaitEnd | None = None
    ended_at: int = 0
    called_back: bool = False
    """Whether a person answered after the customer had asked to be called back."""
    said: Said | None = field(default=None, compare=False, repr=False)
    """What it said last: most events move no wait."""

    @property
    def target(self) -> Target | None:
        """The promise that it is judged by."""
        return self.straight if self.clock is None else self.clock.target


class Fold:
    """What a case is known by, the state it is in, its moments and its clocks. Moments are milliseconds, UTC."""

    __slots__ = (
        "_attribution", "_gives", "_matching", "absorbed", "acknowledged_at", "answered_any", "answered_at",
        "answered_by_anyone", "answers", "assignments", "callback_owed", "cancelled_by_resolution", "clocks",
        "closed_at", "customer_spoke", "cycles", "erased", "expires_at", "facts", "first_resolved_at",
        "first_response_at", "forwarded", "handed_on_as", "handed_over", "has_changed", "hold", "holders",
        "impossible", "invited", "latest", "merged", "opened_at", "over_since", "owned", "owner", "renewed_to",
        "reopens", "repeated", "resolution", "resolved_as", "resolved_at", "response_owed_from", "revised",
        "standing", "state", "stints", "team", "test", "transfers", "unanswered", "unmatched", "vulnerable", "waits",
    )  # fmt: skip

    def __init__(self, key: CaseKey, standing: Standing = ALONE) -> None:
        self.standing = standing
        self.facts: CaseFacts = {"topic": key[0], "source": key[1], "priority": "normal"}
        self.state: CaseState = "open"
        self.owner = self.team = self.resolution = ""
        if standing.linked is not None:
            self._take_over(standing.linked)
        self.opened_at: int | None = None
        self.answered_at: int | None = None
        self.first_response_at: int | None = None
        self.first_resolved_at: int | None = None
        self.resolved_at: int | None = None
        self.resolved_as: tuple[str, ...] | None = None
        """The attribution of the resolution that held last: who has to answer for a reopening."""
        self.closed_at: int | None = None
        self.expires_at: int | None = None
        self.assignments = self.transfers = self.reopens = self.repeated = 0
        self.owned = False
        """Whether somebody has it in the team that has it now."""
        self.stints: tuple[Stint, ...] = ()
        """Of the teams that had it before, in order."""
        self.handed_on_as: tuple[str, ...] | None = None
        """The attribution of who hands it on, while the event that does so is folded."""
        self.renewed_to = 0
        """Up to when, ms, versions that hold for open clocks have come to hold for its own."""
        self.has_changed = False
        """Whether what policies ask for may be another thing than they were last asked with."""
        self.waits: tuple[Wait, ...] = ()
        """Those of a contact for a person, in order."""
        self.callback_owed = False
        """Whether the customer asked to be called back, and nobody did yet."""
        self.holders: Mapping[str, bool] = _NOBODY
        """Of whom transfers spoke, and whether they have the case by now."""
        self.hold: Hold | None = None
        """What clocks pause for, as far as their policies let them."""
        self.cycles: tuple[Cycle, ...] = ()
        """Those in which the case was handed on, in order."""
        self.clocks: list[Clock] = []
        self.latest: dict[ClockMetric, Clock] = {}
        """The last instance of each metric."""
        self.cancelled_by_resolution: tuple[Clock, ...] = ()
        """What a person's reply shortly after the resolution would still keep."""
        self.unanswered: tuple[int, ...] = ()
        """The messages of the customer that nobody answered, in order."""
        self.answers: tuple[int, ...] = ()
        """When persons answered, in order."""
        self.response_owed_from: int | None = None
        """Opening, or a reopening after a resolution in which no person had a part."""
        self.answered_by_anyone = self.invited = self.customer_spoke = False
        self.acknowledged_at: int | None = None
        self.over_since: int | None = None
        """None while it is not over."""
        self.merged: CaseEvent | None = None
        """The merge that holds: the last one."""
        self.handed_over = _NOTHING
        """What it gives to the case that survives, as it stood when it was first merged."""
        self.forwarded: tuple[CaseEvent, ...] = ()
        """What happened to it afterwards that is said to the case that survives."""
        self.absorbed: tuple[CaseEvent, ...] = ()
        """What the cases that were merged into this one gave it."""
        self.erased = False
        """Whether its customer was erased: the case has ended with that."""
        self.answered_any = self.impossible = self.test = self.vulnerable = self.revised = False
        self.unmatched = 0
        self._attribution: tuple[str, ...] | None = None
        self._gives = NOTHING_GIVEN
        self._matching: dict[str, object] = {}

    def _take_over(self, linked: Linked) -> None:
        """Let the case that a survey names say whose it is: what the survey says of that is its own channel, say."""
        self.team = linked.team
        if linked.org_unit:
            self.facts["org_unit"] = linked.org_unit
        if linked.channel:
            self.facts["channel"] = linked.channel
        if linked.product:
            self.facts["product"] = linked.product

    @property
    def incomplete(self) -> bool:
        return self.opened_at is None or self.impossible

    @property
    def is_over(self) -> bool:
        return self.state in TERMINAL

    @property
    def unanswered_since(self) -> int | None:
        """The first message of the customer that nobody answered."""
        return self.unanswered[0] if self.unanswered else None

    @property
    def area(self) -> str:
        return self.facts.get("org_unit", "").partition("/")[0]

    @property
    def place(self) -> Place:
        """Where it is dealt with now."""
        found = place(self.facts.get("org_unit", ""), self.facts.get("visited_site", ""))
        return Place(found.area, self.team, found.site) if self.team else found

    def attribution(self) -> tuple[str, ...]:
        """The values of `schemas.kpis.DIMENSIONS` as they stand, in order."""
        if self._attribution is None:
            facts: Mapping[str, Any] = self.facts
            area, team, site = place(facts.get("org_unit", ""), facts.get("visited_site", ""))
            values, channel = [*map(facts.get, DIMENSIONS, _UNSAID)], facts.get("channel", "")
            values[_ALL], values[_AREA], values[_TEAM], values[_SITE] = "all", area, self.team or team, site
            values[_AREA_CHANNEL] = f"{area}|{channel}" if area and channel else ""
            self._attribution = tuple(values)
            self._gives = Linked(facts.get(_PLACE, ""), self.team, channel, facts.get("product", ""))
        return self._attribution

    def gives(self) -> Linked:
        """What surveys take from it that name it."""
        self.attribution()
        return self._gives

    def matching(self) -> Mapping[str, object]:
        """What policies ask for: see `schemas.policies.policy.When`."""
        if self.has_changed or not self._matching:
            area, team, site = self.place
            placed = {"area": area, "team": team, "site": site, "vulnerable": self.vulnerable}
            self._matching, self.has_changed = {**self.facts, **placed}, False
            language = self.facts.get("language")
            if language is not None:
                self._matching["language"] = language.partition("-")[0].lower()
        return self._matching

    def changed(self, decisive: frozenset[str]) -> frozenset[str]:
        """Of what decides about promises, the names of what has become another thing since policies were last asked."""
        if not self.has_changed:
            return _NO_NAMES
        before, after = self._matching, self.matching()
        return frozenset([name for name in decisive if before.get(name) != after.get(name)])

    def team_at(self, moment: int) -> str:
        """The team that had it then; at a moment of change the one that got it."""
        return next((stint.team for stint in self.stints if moment < stint.until), self.place.team)

    def state_facts(self, event: CaseEvent) -> None:
        """Take over what an event says of the case itself."""
        said, known = event.facts, cast("dict[str, object]", self.facts)
        replaces = event.type in _REPLACING
        for name, value in said.items():
            if known.get(name) == value or name not in _STATED or not value:  # nearly always it says what is known
                continue
            moves = name == _PLACE and self.opened_at is not None
            if moves and (replaces or name not in known or event.type == "assigned"):
                self._move(event.occurred_at, cast("str", value), "" if event.type == "assigned" else self.team)
            elif replaces or name not in known or name == _LAST_SAID:
                known[name] = value
                self._attribution, self.has_changed = None, True
        priority = said.get("priority")
        opens = event.type == "opened" and self.opened_at is None
        if priority and (replaces or opens) and priority != self.facts["priority"]:
            self.facts["priority"] = priority
            self._attribution, self.has_changed = None, True
        self.test = self.test or bool(said.get("test"))
        if said.get("vulnerable") and not self.vulnerable:
            self.vulnerable = self.has_changed = True

    def add_clock(self, clock: Clock) -> None:
        self.clocks.append(clock)
        self.latest[clock.metric] = clock

    def move_to_team(self, at: int, team: str) -> None:
        """Let a team have it from `at`, ms, on."""
        self._move(at, self.facts.get(_PLACE, ""), team)

    def _move(self, at: int, org_unit: str, team: str) -> None:
        """Let it be dealt with elsewhere: in a unit, or by the team that it was handed to, unless that is ''."""
        before, attribution = self.place.team, self.attribution()
        if org_unit:
            self.facts[_PLACE] = org_unit
        self.team = team
        self._attribution, self.has_changed = None, True
        if self.place.team != before:
            self.stints += (Stint(at, before),)
            self.handed_on_as = self.handed_on_as or attribution
            self.owned = False


def note(fold: Fold, event: CaseEvent, trigger: Trigger) -> None:
    """Set what an event tells of its case, before clocks and KPIs look at it."""
    sets = _NOTES.get(trigger)
    if sets is not None:
        sets(fold, event)


def update_hold(fold: Fold, event: CaseEvent, trigger: Trigger) -> bool:
    """Set what the case waits for after an event; returns whether that is another thing than before."""
    before = fold.hold
    if trigger in WAITS:
        state, reason = state_after(fold.state, trigger), event.facts.get("reason", "other")
        if state in WAITS.values() and (before is None or before[:2] != (state, reason)):
            fold.hold = Hold(state, reason, event.occurred_at)
    elif before is not None and state_after(before.state, trigger) != before.state:
        fold.hold = None
    return fold.hold is not before


def settle(fold: Fold, event: CaseEvent, trigger: Trigger) -> None:
    """Set the moments and the state that an event leaves behind, after clocks and KPIs looked at the case."""
    sets = _MOMENTS.get(trigger)
    if sets is not None:
        sets(fold, event)
    state = state_after(fold.state, trigger)
    if state != fold.state:
        fold.state = state
        if state not in TERMINAL:
            fold.over_since = None
            return
        if fold.over_since is None:
            fold.over_since = event.occurred_at
        _end_cycle(fold, event.occurred_at)


def _opened(fold: Fold, event: CaseEvent) -> None:
    at = event.occurred_at
    fold.opened_at = fold.response_owed_from = min(event.facts.get("received_at", at), at)


def _assigned(fold: Fold, event: CaseEvent) -> None:
    fold.assignments += 1
    fold.owner = owner = event.facts.get("owner", "")
    fold.owned = bool(owner)
    if owner in fold.holders:
        fold.holders = {owner: True}


def _transferred(fold: Fold, event: CaseEvent) -> None:
    facts = event.facts
    fold.transfers += 1
    fold.holders = {**fold.holders, facts.get("from", ""): False, facts.get("to", ""): True}
    if not fold.is_over:
        if not fold.cycles or fold.cycles[-1].number != fold.reopens:
            fold.cycles += (Cycle(fold.reopens),)
        fold.cycles[-1].transfers.append((event.occurred_at, facts.get("from", ""), facts.get("to", "")))
    fold.move_to_team(event.occurred_at, facts.get("to", ""))


def _end_cycle(fold: Fold, at: int) -> None:
    if fold.cycles and fold.cycles[-1].over_at is None:
        fold.cycles[-1].over_at = at


def _customer_replied(fold: Fold, event: CaseEvent) -> None:
    fold.customer_spoke = True
    fold.unanswered += (event.occurred_at,)


def _person_replied(fold: Fold, event: CaseEvent) -> None:
    fold.unanswered, fold.answered_by_anyone = (), True
    fold.answers += (event.occurred_at,)


def _dropped(fold: Fold, event: CaseEvent) -> None:
    """What is dismissed, or left to another case, is not answered by that."""
    fold.unanswered, fold.customer_spoke = (), False


def _ended(fold: Fold, event: CaseEvent) -> None:
    fold.unanswered, fold.customer_spoke = (), False
    fold.answered_by_anyone = fold.answered_by_anyone or event.facts.get("actor") == "human"


def _ended_in_order(fold: Fold, event: CaseEvent) -> None:
    _ended(fold, event)
    if fold.opened_at is None:
        fold.impossible = True


def _reopened(fold: Fold, event: CaseEvent) -> None:
    _end_cycle(fold, event.occurred_at)
    fold.reopens += 1
    fold.holders = _NOBODY
    if not fold.answered_by_anyone:
        fold.response_owed_from = event.occurred_at
    if fold.opened_at is None:
        fold.impossible = True


def _acknowledged(fold: Fold, event: CaseEvent) -> None:
    if fold.acknowledged_at is None:
        fold.acknowledged_at = event.occurred_at


def _merged(fold: Fold, event: CaseEvent) -> None:
    fold.merged = event


def _absorbed(fold: Fold, event: CaseEvent) -> None:
    fold.absorbed += (event,)


def _invited(fold: Fold, event: CaseEvent) -> None:
    fold.invited = True
    fold.expires_at = event.facts.get("expires_at", fold.expires_at)


_Sets = Callable[[Fold, CaseEvent], None]
_NOTES: Final[Mapping[Trigger, _Sets]] = {
    "opened": _opened,
    "opened_outbound": _opened,
    "assigned": _assigned,
    "transferred": _transferred,
    "customer_replied": _customer_replied,
    "answered_by_person": _person_replied,
    "replied_by_person": _person_replied,
    "resolved": _ended_in_order,
    "duplicate": _dropped,
    "dismissed": _dropped,
    "closed": _ended_in_order,
    "reopened": _reopened,
    "acknowledged": _acknowledged,
    "merged": _merged,
    "absorbed": _absorbed,
    "invited": _invited,
}


def _responded(fold: Fold, event: CaseEvent) -> None:
    if fold.first_response_at is None:
        fold.first_response_at = event.occurred_at


def _answered_by_person(fold: Fold, event: CaseEvent) -> None:
    _responded(fold, event)
    if fold.answered_at is None:
        fold.answered_at = event.occurred_at
    fold.answered_any = True


def _answered_by_bot(fold: Fold, event: CaseEvent) -> None:
    fold.answered_any = True


def _resolved(fold: Fold, event: CaseEvent) -> None:
    if fold.first_resolved_at is None:
        fold.first_resolved_at = event.occurred_at
    fold.resolved_at = event.occurred_at
    fold.resolved_as = fold.attribution()
    fold.resolution = event.facts.get("resolution", "")


def _closed(fold: Fold, event: CaseEvent) -> None:
    fold.closed_at = event.occurred_at


def _unresolved(fold: Fold, event: CaseEvent) -> None:
    fold.resolved_at = fold.closed_at = None
    fold.resolution = ""


_MOMENTS: Final[Mapping[Trigger, _Sets]] = {
    "answered_by_person": _answered_by_person,
    "answered_by_bot": _answered_by_bot,
    "replied_by_person": _responded,
    "resolved": _resolved,
    "duplicate": _resolved,
    "dismissed": _resolved,
    "closed": _closed,
    "reopened": _unresolved,
}
