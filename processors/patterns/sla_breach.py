"""P02 SLA breach: a clock is past its deadline, or ended after it. One incident a clock, dated at the deadline."""

from collections.abc import Sequence
from typing import Final

from processors.cases.case import Case
from processors.cases.rows import clock_id
from processors.patterns.incidents import BROKEN, Incident, clock_evidence
from processors.patterns.pattern import CasePattern
from processors.sla import clocks
from processors.sla.clocks import Clock, Reading
from schemas.policies.durations import in_words
from schemas.policies.patterns import NO_PARAMETERS, Parameters
from schemas.taxonomy import Severity


def incidents(case: Case, readings: Sequence[Reading], now: int, _: Parameters) -> list[Incident]:
    read = zip(case.fold.clocks, readings, strict=True)
    # What is inherited was an incident of the case that was merged into this one.
    return [
        _incident(case, clock, now)
        for clock, reading in read
        if (reading.state in BROKEN or reading.retracted) and clock.inherited_at is None
    ]


def _incident(case: Case, clock: Clock, now: int) -> Incident:
    closed = None if clock.is_open else clock.ended_at
    reason = "" if closed is None else "retracted" if closed <= clock.due_at else "breached"
    twice = clock.twice_at
    overdue_twice = (closed is None and now > twice + clock.target.grace_ms) or (closed is not None and closed > twice)
    return Incident(
        case,
        clock_id(case, clock),
        severity=_severity(case, overdue_twice),
        opened_at=clock.due_at,
        updated_at=max(twice if overdue_twice else clock.due_at, closed or 0),
        closed_at=closed,
        known_at=clock.started_record_at,
        close_reason=reason,
        summary=f"{clock.metric} was due in {clock.target.in_words} and {_what_became(clock)}",
        evidence=_evidence(clock),
        attribution=clock.attribution,
        policy_id=clock.target.policy_id,
        metric=clock.metric,
    )


def _what_became(clock: Clock) -> str:
    if clock.is_open:
        return "was not met"
    if clock.ended_at <= clock.due_at:
        return f"was {'met' if clock.phase == 'stopped' else 'owed no longer'}, as we heard later"
    ended = "met" if clock.phase == "stopped" else "given up"
    late_ms, elapsed_ms = clocks.overdue(clock)
    if clock.calendar is None:
        return f"was {ended} {in_words(elapsed_ms)} late"
    hours = in_words(late_ms, largest="h")
    return f"was {ended} {hours} late by the office hours of {clock.calendar.calendar_id}"


def _evidence(clock: Clock) -> dict[str, int | str]:
    evidence = clock_evidence(clock)
    late_ms, elapsed_ms = clocks.overdue(clock)
    if elapsed_ms:
        evidence |= {"overdue_ms": late_ms, "overdue_elapsed_ms": elapsed_ms}
    return evidence


def _severity(case: Case, overdue_twice: bool) -> Severity:
    urgent = case.fold.facts["priority"] == "urgent"
    return "critical" if urgent or case.fold.vulnerable or overdue_twice else "warning"


PATTERN: Final = CasePattern(
    id="P02",
    name="SLA breach",
    severities=("warning", "critical"),
    closes="when the clock ends: as breached, or as retracted when it turns out that it ended in time",
    parameters=NO_PARAMETERS,
    version="2",
    incidents=incidents,
)
