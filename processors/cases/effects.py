"""Which promises a case makes, and what its events do to their clocks: `clocks.SIGNALS` applied to a fold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from processors.sla import clocks
from processors.sla.business_time import Calendar, CalendarBook
from processors.sla.clocks import ANNULS_ALL, SIGNALS, SIGNALS_OF, Clock, Signal
from schemas.policies.packs import PolicyBook, Target
from schemas.taxonomy import ClockMetric

if TYPE_CHECKING:
    from processors.cases.fold import CaseEvent, Fold

_ANSWERED: Final = frozenset({"answered_by_person", "replied_by_person"})
_FROM_OPENING: Final = frozenset(metric for metric, table in SIGNALS.items() if table.get("opened") == "start")


class Promises:
    """The packs in force and the calendars that they name."""

    def __init__(self, book: PolicyBook, calendars: CalendarBook) -> None:
        self._book, self._calendars = book, calendars
        self.metrics = book.metrics

    def promise(
        self, metric: ClockMetric, started_at: int, facts: Mapping[str, str]
    ) -> tuple[Target, Calendar | None] | None:
        """The promise for a clock that starts then, with the version of its calendar that it keeps; None: none."""
        target = self._book.target(metric, started_at, facts)
        if target is None:
            return None
        calendar_id = target.calendar_id
        return target, self._calendars.calendar(calendar_id, started_at) if calendar_id else None


def signal(fold: Fold, event: CaseEvent, trigger: str, promises: Promises) -> None:
    """What an event does to the clocks of its case."""
    if trigger == "reopened":
        _take(fold, event, _reopening(fold, event), promises)
    _take(fold, event, trigger, promises)
    if trigger == "opened" and not fold.clocks:
        fold.unmatched += 1


def _reopening(fold: Fold, event: CaseEvent) -> str:
    """Who is owed what by a reopening, besides a solution."""
    if not fold.answered_by_anyone:
        return "reopened_unanswered"
    by_message = fold.unanswered_since is not None or event.facts.get("reason") == "customer_reply"
    return "reopened_by_message" if by_message else ""


def _take(fold: Fold, event: CaseEvent, trigger: str, promises: Promises) -> None:
    for metric, what in SIGNALS_OF.get(trigger, ()):
        if metric in promises.metrics:
            clock = fold.latest.get(metric)
            if what in _BEGINNING:
                _begin(fold, event, trigger, metric, what, clock, promises)
            elif what in ("change", "rewind"):
                _change(fold, event, trigger, metric, clock, promises)
            elif clock is not None and (clock.is_open or what == "annul"):
                _signal(fold, event, trigger, what, clock)
                if what == "lap":
                    _start(fold, event, metric, event.occurred_at, promises)
    if trigger in _ANSWERED:
        for clock in fold.latest.values():
            clocks.forgotten_pause_ends(clock, event.occurred_at)
            clocks.customer_answered(clock, event.occurred_at)


_BEGINNING: Final[frozenset[Signal]] = frozenset(("start", "again", "reopen"))


def _begin(
    fold: Fold,
    event: CaseEvent,
    trigger: str,
    metric: ClockMetric,
    what: Signal,
    last: Clock | None,
    promises: Promises,
) -> None:
    at = event.occurred_at
    if last is not None and ((last.phase, what) not in clocks.TRANSITIONS):
        return
    if what == "reopen":
        if last is not None:
            _reopen(fold, event, last, promises)
    elif metric == "next_response" and not _owes_next_response(fold, trigger):
        return
    else:
        start = fold.opened_at if trigger == "opened" and fold.opened_at is not None else at
        _start(fold, event, metric, start, promises)
        if trigger == "opened" and fold.absorbed_from is not None and metric in fold.latest:
            clocks.rewound(fold.latest[metric], fold.absorbed_from, at)


def _owes_next_response(fold: Fold, trigger: str) -> bool:
    """While the first response is owed, or when all is over, a message asks for none of its own."""
    first = fold.latest.get("first_response")
    return (first is None or not first.is_open) and (not fold.is_over or trigger == "reopened_by_message")


def _start(fold: Fold, event: CaseEvent, metric: ClockMetric, at: int, promises: Promises) -> None:
    promise = promises.promise(metric, at, fold.matching())
    if promise is not None:
        last = fold.latest.get(metric)
        instance = 1 if last is None else last.instance + 1
        fold.add_clock(clocks.started(metric, *promise, at, event.record_at, instance=instance))


def _reopen(fold: Fold, event: CaseEvent, last: Clock, promises: Promises) -> None:
    on_reopen = last.target.on_reopen
    if on_reopen == "restart":
        _start(fold, event, last.metric, event.occurred_at, promises)
    elif on_reopen == "continue" and last.ended_at <= last.due_at:
        again = clocks.started(
            last.metric,
            last.target,
            last.calendar,
            event.occurred_at,
            event.record_at,
            instance=last.instance + 1,
            continues=last,
        )
        fold.add_clock(again)


def _change(
    fold: Fold, event: CaseEvent, trigger: str, metric: ClockMetric, clock: Clock | None, promises: Promises
) -> None:
    at = event.occurred_at
    if trigger == "absorbed":
        if clock is not None and metric in _FROM_OPENING:
            clocks.rewound(clock, event.facts["opened_at"], at)
    elif clock is None:
        if metric in _FROM_OPENING and fold.opened_at is not None and fold.owes_from_opening(metric):
            _start_late(fold, event, metric, fold.opened_at, promises)
    elif clock.is_open and clock.target.recomputes:
        promise = promises.promise(metric, clock.origin, fold.matching())
        if promise is None:
            _signal(fold, event, trigger, "cancel", clock)
        else:
            legal = trigger == "priority_changed" and (clock.target.legal or promise[0].legal)
            clocks.changed(clock, *promise, at, may_lengthen=not legal)


def _start_late(fold: Fold, event: CaseEvent, metric: ClockMetric, opened_at: int, promises: Promises) -> None:
    """A change gave the case a promise that it had not: from when it was opened."""
    promise = promises.promise(metric, opened_at, fold.matching())
    if promise is not None:
        fold.add_clock(clocks.started(metric, *promise, event.occurred_at, event.record_at))
        clocks.rewound(fold.latest[metric], opened_at, event.occurred_at)


def _signal(fold: Fold, event: CaseEvent, trigger: str, what: Signal, clock: Clock) -> None:
    at = event.occurred_at
    if what == "extend":
        clocks.extended(clock, at)
        return
    mine = fold.clocks if what == "annul" and trigger in ANNULS_ALL else (clock,)
    for each in mine:
        if each.metric != clock.metric:
            continue
        was_open = each.is_open
        reason = (trigger, event.facts.get("reason", "other"))
        unanswered = fold.unanswered_since is not None
        clocks.signalled(each, what, at, event.record_at, reason=reason, unanswered=unanswered)
        if was_open and not each.is_open and each.attribution is None:
            each.attribution = fold.attribution()
