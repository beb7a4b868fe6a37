"""The order in which the events of a case are folded: total, natural, and the same whatever the order of arrival.

Many desks store whole seconds and number nothing, so that the events of one click share a moment. `position` puts them
in the order in which such things happen; `in_turn` lets the case have its say where events share a moment: what is over
can only be reopened, merged or withdrawn, and who is waited for can only answer. Both are functions of the set.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Protocol

from processors.cases.events import CaseEvent
from processors.cases.transitions import TERMINAL, trigger_of
from processors.sla.signals import Trigger
from schemas.taxonomy import CaseState

Position = tuple[int, int, int, int, str, str, int]

OPENINGS: Final = frozenset({"opened", "invited"})
"""Event types that come before all else of their second: clocks of two systems, or rounding, may say otherwise."""
_SECOND_MS: Final = 1_000

_IN_ORDER: Final[tuple[Trigger, ...]] = (
    "opened", "opened_outbound", "invited", "absorbed",
    # What is known of the case, and then holds for all that happens at that moment.
    "identified", "priority_changed", "reclassified", "cause_set", "changed", "corrected", "revised", "outcome",
    "service_suspended", "customer_recovered", "customer_lost", "bounced",
    "queued",
    # The customer's words.
    "customer_replied", "human_requested", "callback_requested", "appealed", "escalated", "answered_unrated",
    "answered_unhappy", "answered_content", "answered_late", "answered_by_machine", "declined",
    # Ours.
    "assigned", "acknowledged", "answered_by_bot", "answered_by_person", "replied_by_person", "replied",
    "progress_sent", "holding_response_sent", "followup_opened", "followup_contacted", "transferred",
    "waiting_customer", "waiting_third_party", "forwarded_external",
    "resumed",
    "abandoned", "hung_up", "left_queue", "expired", "resolved", "duplicate", "dismissed",
    "closed", "followup_closed",
    "reopened", "reopened_unanswered", "reopened_by_message", "reopened_by_machine",
    "merged", "merged_elsewhere", "voided",
)  # fmt: skip
RANKS: Final[Mapping[Trigger, int]] = {trigger: rank for rank, trigger in enumerate(_IN_ORDER)}
"""Trigger -> its place among those of one moment."""

_OVER: Final[frozenset[Trigger]] = frozenset({"reopened", "merged", "voided"})
_WAITING: Final[frozenset[Trigger]] = frozenset({"resumed", "customer_replied", "replied_by_person"})
_FIRST: Final[Mapping[CaseState, frozenset[Trigger]]] = {
    **dict.fromkeys(TERMINAL, _OVER),
    "waiting_customer": _WAITING,
    "waiting_third_party": _WAITING,
}
"""State -> the triggers that are taken first in it, of those that share a moment; absent: by rank alone."""
_INTO_A_QUEUE: Final[frozenset[Trigger]] = frozenset({"transferred"})
"""What comes before a queueing while somebody has the case: it is queued because it was handed on."""
_NONE: Final[frozenset[Trigger]] = frozenset()


def position(event: CaseEvent) -> Position:
    """The key by which the events of a case sort.

    An opening stands at the beginning of its whole second, before all others; then `seq`, none before any; then what
    the events mean, `RANKS`. Two events of a case that agree in id, type and moment are one.
    """
    at, opening = event.occurred_at, event.type in OPENINGS
    if opening:
        at -= at % _SECOND_MS
    return at, 0 if opening else 1, event.seq, RANKS[trigger_of(event)], event.event_id, event.type, event.occurred_at


def follows(event: CaseEvent, last: CaseEvent) -> bool:
    """Does an event come behind another one?"""
    if event.occurred_at > last.occurred_at and event.type not in OPENINGS:
        return True
    return position(event) > position(last)


def is_out_of_order(event: CaseEvent, last: CaseEvent) -> bool:
    """Did an event happen before the last one of its case that was read, as their publishers say themselves?

    Of what shares a moment and bears no numbers nobody said which came first: the case decides it, and no order of
    arrival is wrong. Nor is that of an opening that a clock, or rounding, puts behind others of its second.
    """
    if event.occurred_at == last.occurred_at:
        return 0 <= event.seq < last.seq
    return event.occurred_at < last.occurred_at and not follows(event, last)


def only_follows(event: CaseEvent, last: CaseEvent) -> bool:
    """Does an event come behind the last one of a case, and leave everything before it in its place?

    It does not when it shares its moment with events whose order the case decides, or tells of a moment before the
    opening in its second.
    """
    at, last_at = event.occurred_at, last.occurred_at
    if event.type in OPENINGS:
        return at // _SECOND_MS > last_at // _SECOND_MS
    if at != last_at:
        return at > last_at
    return (event.seq >= 0 or last.type in OPENINGS) and position(event) > position(last)


class _Moving(Protocol):
    @property
    def state(self) -> CaseState: ...


def in_turn(events: Sequence[CaseEvent], moving: _Moving) -> Iterator[CaseEvent]:
    """The events, sorted by `position`, as they are to be folded: each one moves the state that the next one meets.

    An opening counts from the earliest event of its second, so that nothing is older than its case.
    """
    first, count = 0, len(events)
    while first < count:
        event, behind = events[first], first + 1
        if event.type in OPENINGS:
            yield _opening(event, events, behind)
        elif event.seq >= 0 or behind == count or not _share_moment(event, events[behind]):
            yield event
        else:
            while behind < count and _share_moment(event, events[behind]):
                behind += 1
            yield from _of_one_moment(events[first:behind], moving)
        first = behind


def _share_moment(event: CaseEvent, other: CaseEvent) -> bool:
    return other.occurred_at == event.occurred_at and other.seq < 0


def _of_one_moment(sharing: Sequence[CaseEvent], moving: _Moving) -> Iterator[CaseEvent]:
    waiting: dict[Trigger, deque[CaseEvent]] = {}
    for event in sharing:
        waiting.setdefault(trigger_of(event), deque()).append(event)
    while waiting:
        takes_first, trigger = _FIRST.get(moving.state, _NONE), next(iter(waiting))
        if moving.state == "in_progress" and trigger == "queued":
            takes_first = _INTO_A_QUEUE
        trigger = next((one for one in waiting if one in takes_first), trigger)
        yield waiting[trigger].popleft()
        if not waiting[trigger]:
            del waiting[trigger]


def _opening(event: CaseEvent, events: Sequence[CaseEvent], behind: int) -> CaseEvent:
    """An opening as it counts, given what comes behind it."""
    second = event.occurred_at // _SECOND_MS
    earliest = event.occurred_at
    for other in events[behind:]:
        if other.occurred_at // _SECOND_MS != second:
            break
        earliest = min(earliest, other.occurred_at)
    return event if earliest == event.occurred_at else event._replace(occurred_at=earliest)
