"""The bound of a case: which of its events leave when they are too many, so that what it says stays right.

Replies leave that change nothing, the middle ones first by the order of the case: a message of the customer behind
another one that nobody answered, an answer behind an answer, a note. No clock starts or stops by them, so none is lost.
Only what lands among replies that have left may be read otherwise than with them there: nobody can keep, in bounded
space, which message of a thousand would have been the first after an answer that is still to come. It is marked.

Everything else leaves only when there are `NEVER_IDLE` times as many as the bound, again in the middle: the state of
the case and its last clocks stay right, clocks from between are void. It is marked, too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from processors.cases.case import Case, replace_events
from processors.cases.corrections import effective_events
from processors.cases.events import CaseEvent, Stated
from processors.cases.order import follows, in_turn
from processors.cases.transitions import state_after, trigger_of
from processors.kpis.samples import Sample
from processors.sla.promises import Promises
from processors.sla.signals import Trigger
from schemas.taxonomy import CaseState

NEVER_IDLE: Final = 5
"""How many times the bound a case keeps of what matters; beyond it, as many as the bound leave at once, lest it be
folded again for each that comes.
"""
_REPLIES: Final[frozenset[Trigger]] = frozenset({"customer_replied", "replied_by_person"})
_NEUTRAL: Final[frozenset[Trigger]] = frozenset({"replied", "absorbed"})
"""Triggers that change nothing between two messages, or two answers."""
_SAID: Final = frozenset(Stated.__annotations__) | {"test", "vulnerable"}
"""Facts that the first event to state them tells of the case."""


class Left(NamedTuple):
    """What left a case."""

    events: tuple[CaseEvent, ...] = ()
    samples: tuple[tuple[Sample, int], ...] = ()
    """To add to the KPIs (+1), or to take back (-1): nothing, where only replies left that change nothing."""
    incomplete: bool = False
    """Whether what the case says may be another thing than with all of its events."""


NOTHING_LEFT: Final = Left()


@dataclass(slots=True)
class _Moving:
    """The state of a case on its way."""

    state: CaseState = "open"


def leave_out(case: Case, event: CaseEvent, events_max: int, promises: Promises) -> Left:
    """Keep the bound of a case that was just given an event."""
    if len(case.events) <= events_max and not case.left_out:
        return NOTHING_LEFT
    idle = idle_replies(case.events, promises)
    excess = len(case.events) - events_max
    kept = max(0, len(idle) - max(0, excess))
    first = kept // 2
    leaving = idle[first : first + len(idle) - kept]
    incomplete = (case.left_out > 0 or bool(leaving)) and _is_misread(event, idle, first, len(leaving), case.events)
    if leaving:
        gone = {id(one) for one in leaving}
        case.events = [one for one in case.events if id(one) not in gone]
    samples: tuple[tuple[Sample, int], ...] = ()
    if len(case.events) > NEVER_IDLE * events_max:
        middle = slice((NEVER_IDLE - 2) * events_max, len(case.events) - events_max)
        leaving += case.events[middle]
        samples = tuple(replace_events(case, [*case.events[: middle.start], *case.events[middle.stop :]], promises))
        incomplete = True
    case.left_out += len(leaving)
    return Left(tuple(leaving), samples, incomplete)


def idle_replies(events: Sequence[CaseEvent], promises: Promises) -> list[CaseEvent]:
    """The replies that change nothing of their case, in order; never its last event, for that says when it was moved.

    What a correction or a withdrawal speaks of may still change: it is none of them.
    """
    revised = {event.facts["revises"] for event in events if "revises" in event.facts}
    replies = _REPLIES - {"replied_by_person"} if "update_every" in promises.metrics else _REPLIES
    idle: list[CaseEvent] = []
    known: set[str] = set()
    last: Trigger | None = None
    moving = _Moving()
    for event in in_turn(effective_events(events), moving):
        trigger = trigger_of(event)
        moving.state = state_after(moving.state, trigger)
        said = {name for name, value in event.facts.items() if value and name in _SAID}
        is_idle = trigger == "replied" or (trigger == last and trigger in replies)
        if is_idle and said <= known and event.event_id not in revised:
            idle.append(event)
        known |= said
        if trigger not in _NEUTRAL:
            last = trigger
    if idle and idle[-1] == events[-1]:
        idle.pop()
    return idle


def _is_misread(
    event: CaseEvent, idle: Sequence[CaseEvent], first: int, leaving: int, events: Sequence[CaseEvent]
) -> bool:
    """Does an event speak of, or land among, replies that have left?"""
    if "revises" in event.facts:
        return True
    if event == events[-1] or trigger_of(event) in _NEUTRAL or event in idle:
        return False
    after_first = first == 0 or follows(event, idle[first - 1])
    behind = first + leaving
    return after_first and (behind >= len(idle) or follows(idle[behind], event))
