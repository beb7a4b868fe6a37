"""P01 SLA warning and P02 SLA breach: one incident a clock, read off the clock itself."""

from collections.abc import Iterator
from typing import Final

from processors.cases.case import Case
from processors.cases.rows import clock_id
from processors.patterns.incidents import incident_row
from processors.rules import Rules
from processors.sla import clocks
from processors.sla.clocks import Clock
from schemas.outputs import IncidentRow
from schemas.policies.packs import in_words
from schemas.taxonomy import ClockState, Severity

_SERIOUS_SHARE = 0.8
"""From this share of the target on a warning is more than information."""


def incidents(case: Case, partition: int, now: int, rules: Rules) -> Iterator[IncidentRow]:
    for clock, reading in zip(case.fold.clocks, case.readings, strict=True):
        passed = clocks.warnings(clock, now)
        if passed:
            yield _warning(case, clock, partition, reading, passed)
        if reading in _BROKEN or clocks.retracted(clock):
            yield _breach(case, clock, partition, now)


_BROKEN: Final = ("breached_open", "breached")


def _warning(case: Case, clock: Clock, partition: int, reading: ClockState, passed: list[int]) -> IncidentRow:
    share = clock.target.warn_at[len(passed) - 1]
    ended = None if clock.is_open else clock.ended_at
    closed = clock.due_at if reading in _BROKEN else ended
    return incident_row(
        case,
        "P01",
        clock_id(case, clock),
        partition=partition,
        severity="warning" if share >= _SERIOUS_SHARE else "info",
        opened_at=passed[0],
        updated_at=max(passed[-1], closed or 0),
        closed_at=closed,
        close_reason="" if closed is None else reading.removesuffix("_open"),
        attribution=clock.attribution,
        summary=f"{clock.metric} has used {share:.0%} of its {clock.target.in_words}",
        evidence=_evidence(clock),
        policy_id=clock.target.policy_id,
        metric=clock.metric,
    )


def _breach(case: Case, clock: Clock, partition: int, now: int) -> IncidentRow:
    closed = None if clock.is_open else clock.ended_at
    reason = "" if closed is None else "retracted" if closed <= clock.due_at else "breached"
    twice = clock.twice_at
    overdue_twice = (closed is None and now > twice + clock.target.grace_ms) or (closed is not None and closed > twice)
    return incident_row(
        case,
        "P02",
        clock_id(case, clock),
        partition=partition,
        severity=_severity(case, overdue_twice),
        opened_at=clock.due_at,
        updated_at=max(twice if overdue_twice else clock.due_at, closed or 0),
        closed_at=closed,
        close_reason=reason,
        attribution=clock.attribution,
        summary=f"{clock.metric} was due in {clock.target.in_words} and {_what_became(clock)}",
        evidence=_evidence(clock),
        policy_id=clock.target.policy_id,
        metric=clock.metric,
    )


def _what_became(clock: Clock) -> str:
    if clock.is_open:
        return "was not met"
    if clock.ended_at <= clock.due_at:
        return "was met, as we heard later"
    ended = "met" if clock.phase == "stopped" else "given up"
    return f"was {ended} {in_words(clock.ended_at - clock.due_at)} late"


def _severity(case: Case, overdue_twice: bool) -> Severity:
    urgent = case.fold.facts["priority"] == "urgent"
    return "critical" if urgent or case.fold.vulnerable or overdue_twice else "warning"


def _evidence(clock: Clock) -> dict[str, int | str]:
    said: dict[str, int | str] = {
        "started_at": clock.started_at,
        "due_at": clock.due_at,
        "target": clock.target.written,
        "target_ms": clock.whole_ms,
    }
    if clock.paused_ms:
        said["paused_ms"] = clock.paused_ms
    if clock.escalated:
        said["retroactive"] = 1
    if clock.calendar is not None:
        # Whoever notifies may keep what is not urgent for the hours of this calendar.
        said["route_hours"] = clock.calendar.calendar_id
    return said
