"""What a case counts among while it is open, for gauges: told in time, or so late that nobody could be called.

Alarms are set on gauges. An import of old tickets beside live traffic is no alarm, and still a backlog: what had been
as it is for `page_window` when its record came counts in gauges of its own, `imported_...`. What happens to it from
then on counts as what happens to anything: a deadline that passes later is a live breach.
"""

from typing import Final

from processors.cases import waits
from processors.cases.case import Case, Labels
from processors.sla.clocks import Clock, Reading
from schemas.topics import SURVEYS

OpenClocks = list[tuple[Clock, Reading]]

_IMPORTED: Final = {
    "sla_on_track": "on_track",
    "sla_paused": "paused",
    "sla_at_risk": "at_risk",
    "sla_overdue": "overdue",
}
"""Gauge of an open clock -> the state by which `imported_sla_clocks` tells it."""


def was_told_late(moment: int, known_at: int, page_window_ms: int) -> bool:
    """Had what began at a moment lasted too long to page when the record came that says so? All in ms."""
    return known_at - moment >= page_window_ms


def is_imported(case: Case, page_window_ms: int) -> bool:
    """Is a case one of which nothing was told in time?"""
    for event in case.events:  # noqa: SIM110  nearly always the first one ends it: a generator costs more
        if event.record_at - event.occurred_at < page_window_ms:
            return False
    return True


def gauges(case: Case, still_open: OpenClocks, now: int, page_window_ms: int) -> tuple[Labels, ...]:
    """What a case counts among as of `now`, ms, of the gauges of what is open."""
    fold, area = case.fold, case.fold.area
    counted: list[Labels] = []
    imported = is_imported(case, page_window_ms)
    if case.key[0] != SURVEYS:
        kind, priority = fold.facts.get("kind", ""), fold.facts["priority"]
        if imported:
            counted.append(("imported_cases", kind, area, priority))
        else:
            since = case.events[0].occurred_at if fold.opened_at is None else fold.opened_at
            counted.append(("backlog_cases", kind, area, priority, str(since)))
    waiting = waits.lasting(fold, now)
    if waiting is not None and not imported:
        counted.append(("queue_length", fold.facts.get("queue", ""), area, str(waiting.since)))
    for clock, reading in still_open:
        name, since = _gauge(clock, reading)
        policy_id, metric = clock.target.policy_id, clock.metric
        if clock.started_record_at - since < page_window_ms:
            counted.append((name, policy_id, metric, area))
        else:
            counted.append(("imported_sla_clocks", _IMPORTED[name], policy_id, metric, area))
    return tuple(counted)


def _gauge(clock: Clock, reading: Reading) -> tuple[str, int]:
    """The gauge of an open clock, and since when it counts there, ms."""
    if reading.state == "breached_open":
        return "sla_overdue", clock.due_at
    if reading.state == "paused":
        return "sla_paused", clock.paused_at
    return ("sla_at_risk", reading.warned[0]) if reading.warned else ("sla_on_track", clock.started_at)
