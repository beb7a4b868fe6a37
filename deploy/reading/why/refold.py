"""The stored events of a case once more through the code that decided it, and what each of them did to its clocks.

First all that bears on the case goes through `step`, as its records arrived: merges, what surveys name, what is told
twice. Then the events of the case are folded one by one, and its clocks are looked at before and after each.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Final

from deploy.reading.stored import CaseKey, StoredEvent
from deploy.reading.why.records import Heard
from processors.cases import effects, merges
from processors.cases.case import Case, advance
from processors.cases.corrections import effective_events
from processors.cases.events import CaseEvent
from processors.cases.fold import Fold, Hold
from processors.cases.order import in_turn
from processors.pipeline.step import EMPTY, step
from processors.rules import Rules
from processors.sla import clocks
from processors.sla.clocks import Clock
from processors.sla.promises import Promises
from processors.state.partition import PartitionState
from schemas.topics import INPUTS

_FOR_EVER: Final = 200 * 366 * 86_400_000
_WITHOUT_BOUND: Final = 10_000_000
_FOLDED_INTO_NOTHING: Final = frozenset({"beyond_retention", "erased_customer"})
"""Warnings of events that were stored, and belong to no case."""

ClockKey = tuple[str, int]
"""Metric, instance."""
Identity = tuple[str, str, int]
"""Event id, type, moment: which event of a case it is."""


@dataclass(frozen=True, slots=True)
class _Slice:
    topic: str
    event: StoredEvent

    def __iter__(self) -> Iterator[StoredEvent]:
        yield self.event


@dataclass(frozen=True, slots=True)
class Step:
    """One event of a case as it counted, and the clocks before and after it.

    One of type `renewed`, without an id, says that versions of packs or calendars came to hold for open clocks.
    """

    event: CaseEvent
    before: dict[ClockKey, Clock]
    after: dict[ClockKey, Clock]
    state: str
    """Of the case, afterwards."""
    hold: Hold | None
    team: str
    is_repeated: bool
    was_merged: bool
    """Whether the case was merged before it: what is said of it is then said to the one that survives."""

    @property
    def identity(self) -> Identity:
        return self.event.event_id, self.event.type, self.event.occurred_at


@dataclass(slots=True)
class Refolded:
    """A case as it stands at a moment, by one set of rules."""

    case: Case
    fold: Fold
    steps: list[Step]
    rejected: Counter[str] = field(default_factory=Counter)
    """Reason -> stored events that this release rejects."""


def refold(key: CaseKey, heard: Iterable[Heard], rules: Rules, now: int) -> Refolded | None:
    """Fold a case as it stands when time has passed to `now`, ms; None when no event of it counts."""
    state, rejected = _processed(heard, rules, now)
    case = state.cases.get(key)
    if case is None:
        return None
    fold, steps = _walked(case, rules.promises, now)
    return Refolded(case, fold, steps, rejected)


def _processed(heard: Iterable[Heard], rules: Rules, now: int) -> tuple[PartitionState, Counter[str]]:
    """The state of a partition that has read nothing else, and forgets nothing."""
    kept = replace(
        rules,
        case_retention_ms=_FOR_EVER,
        cases_max=_WITHOUT_BOUND,
        dedup_max_ids=_WITHOUT_BOUND,
        erase_sources=frozenset(),
    )
    rejected: Counter[str] = Counter()
    state: PartitionState | None = None
    for one in heard:
        event = one.event
        if not event.payload or _FOLDED_INTO_NOTHING.intersection(one.warnings):
            continue
        if state is None:
            state = PartitionState(event.partition, kept)
        for topic in INPUTS:
            state.advance_watermark(topic, min(event.timestamp, now))
        step(state, _Slice(event.topic, event), state.now)
        rejected.update(refused.row.reason for refused in state.pending.rejected)
        state.pending.rejected.clear()
    state = PartitionState(0, kept) if state is None else state
    for topic in INPUTS:
        state.advance_watermark(topic, now)
    step(state, EMPTY, state.now)
    return state, rejected


def _walked(case: Case, promises: Promises, now: int) -> tuple[Fold, list[Step]]:
    fold, steps = Fold(case.key, case.standing), list[Step]()
    effective = merges.counting(effective_events(case.events), case.standing)
    for event in in_turn(effective, fold):
        steps += _renewed(fold, promises, event.occurred_at)
        before, repeated, was_merged = _clocks(fold), fold.repeated, fold.state == "merged"
        advance(fold, event, promises, [])
        steps.append(
            Step(event, before, _clocks(fold), fold.state, fold.hold, fold.team, fold.repeated > repeated, was_merged)
        )
    return fold, [*steps, *_renewed(fold, promises, now)]


def _renewed(fold: Fold, promises: Promises, until: int) -> Iterator[Step]:
    """What versions do to open clocks that come into force by a moment, ms."""
    while (moment := promises.renewal_after(fold.renewed_to)) is not None and moment <= until:
        before = _clocks(fold)
        effects.renew(fold, moment, promises)
        if any(clock.recomputed_at == moment for clock in fold.clocks):
            event = CaseEvent(moment, -1, "", moment, "renewed", {})
            yield Step(event, before, _clocks(fold), fold.state, fold.hold, fold.team, False, False)


def _clocks(fold: Fold) -> dict[ClockKey, Clock]:
    return {(clock.metric, clock.instance): copy(clock) for clock in fold.clocks}


def let_go(refolded: Refolded, ended: Sequence[tuple[ClockKey, int]]) -> None:
    """Cancel what ran of a case that had to leave the state, when that is stored to have ended, ms."""
    moments = dict(ended)
    for clock in refolded.fold.clocks:
        at = moments.get((clock.metric, clock.instance))
        if clock.is_open and at is not None:
            clocks.apply_signal(clock, "cancel", at, at)
