"""Rows of the warehouse from a case and its clocks: one function a table, and the key that a clock has there."""

from collections.abc import Mapping
from operator import itemgetter
from typing import Any, Final

from processors.cases.case import Case
from processors.cases.events import Stated
from processors.cases.fold import Fold
from processors.cases.merges import survivor_of
from processors.cases.usage import used_by
from processors.sla import clocks
from processors.sla.clocks import Clock
from schemas.kpis import DIMENSIONS
from schemas.outputs import CaseRow, ClockRow
from schemas.taxonomy import ClockState, WaitingOn


def clock_id(case: Case, clock: Clock) -> str:
    """The natural key of a clock: topic:source:entity_id:metric:instance."""
    return f"{':'.join(case.key)}:{clock.metric}:{clock.instance}"


def case_row(case: Case, partition: int) -> CaseRow:
    """The row of a case as its events have folded it."""
    fold, (topic, source, entity_id) = case.fold, case.key
    area, team, site = fold.place
    known: Mapping[str, Any] = fold.facts
    waiting_on, waiting_since = _waiting(fold)
    # `_make` because it is called for every changed case: by its parameters it would take twice as long.
    return CaseRow._make((
        topic, source, entity_id, partition, fold.state, waiting_on, waiting_since, area, team, site, fold.owner,
        fold.facts["priority"], fold.opened_at, fold.first_response_at, fold.answered_at, fold.first_resolved_at,
        fold.resolved_at, fold.closed_at, case.last_event_at, fold.resolution,
        survivor_of(fold), int(fold.state == "merged" and case.standing.elsewhere), len(case.events) + case.left_out,
        case.left_out, fold.assignments, fold.transfers, fold.reopens, int(fold.incomplete), int(fold.test),
        int(fold.erased),
        *[known.get(name, "") for name in _STATED],
    ))  # fmt: skip


_WAITING_ON: Final[Mapping[str, WaitingOn]] = {
    "waiting_customer": "customer",
    "waiting_third_party": "third_party",
}


def _waiting(fold: Fold) -> tuple[WaitingOn, int | None]:
    """For whom a case waits, and since when, ms; one that left the state on its way does for nobody."""
    wait = fold.hold
    if wait is None or wait.state != fold.state:
        return "", None
    return _WAITING_ON[wait.state], wait.since


_CLOCK_DIMENSIONS: Final = itemgetter(
    *(DIMENSIONS.index(name) for name in ("channel", "area", "team", "priority", "kind", "queue"))
)
"""What a row of a clock has of its attribution."""
_STATED: Final = tuple(name for name in CaseRow._fields if name in Stated.__annotations__)


def clock_row(case: Case, clock: Clock, partition: int, now: int) -> ClockRow:
    """The row of a clock, as it reads at `now` (ms)."""
    topic, source, entity_id = case.key
    channel, area, team, priority, kind, queue = _CLOCK_DIMENSIONS(clock.attribution or case.fold.attribution())
    target = clock.target
    reading = clocks.read(clock, now)
    state = reading.state
    paused = state == "paused"
    paused_ms, illegitimate_ms = clocks.paused_ms(clock, now)
    overdue_ms, overdue_elapsed_ms = clocks.overdue(clock)
    calendar = clock.calendar
    version, digest = ("", "") if calendar is None else (calendar.version, calendar.digest)
    teams, used_ms = used_by(case.fold, clock, state)
    return ClockRow._make((
        clock_id(case, clock), topic, source, entity_id, partition, clock.metric, clock.instance,
        target.policy_id, target.policy_version, target.policy_digest, case.fold.facts.get("customer_id", ""), channel,
        area, team, priority, kind, queue, clock.started_at, target.written, target.calendar_id, version, digest,
        int(target.legal),
        clock.allotted_ms, clock.due_at, None if clock.is_open else clock.ended_at, state, clocks.took_ms(clock),
        teams, used_ms,
        overdue_ms, overdue_elapsed_ms, _due_business_ms(clock, state), _waiting(case.fold)[0] if paused else "",
        clock.paused_at if paused else None, paused_ms, illegitimate_ms, clock.recomputed_at,
        int(clocks.retroactive(clock)), int(reading.retracted), int(clock.inherited_at is not None), 0,
        int(case.fold.erased),
    ))  # fmt: skip


def _due_business_ms(clock: Clock, state: ClockState) -> int | None:
    if clock.calendar is None or state != "breached_open":
        return None
    return clock.calendar.counted_to(clock.due_at)
