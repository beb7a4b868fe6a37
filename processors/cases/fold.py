"""What the events of a case come to so far: the values that `cases.advance` moves, and what follows from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from schemas.kpis import DIMENSIONS
from schemas.taxonomy import ClockMetric

if TYPE_CHECKING:
    from processors.sla.clocks import Clock

CaseKey = tuple[str, str, str]
"""topic, source, entity_id"""

TERMINAL: Final = frozenset({"resolved", "closed", "abandoned", "merged", "void"})

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
        """The values of `schemas.kpis.DIMENSIONS` as they stand, in order."""
        if self._attribution is None:
            get = self.facts.get
            area, channel = self.area, get("channel", "")
            values = {**self.facts, "area": area, "team": self.current_team}
            values["all"] = "all"
            values["area_channel"] = f"{area}|{channel}" if area and channel else ""
            self._attribution = tuple([values.get(name, "") for name in DIMENSIONS])
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
