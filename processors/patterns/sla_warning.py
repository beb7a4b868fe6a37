"""P01 SLA warning: a clock has used a share of its target that its policy warns at. One incident a clock."""

from collections.abc import Sequence
from typing import Final

from processors.cases.case import Case
from processors.cases.rows import clock_id
from processors.patterns.incidents import BROKEN, Incident, clock_evidence
from processors.patterns.pattern import CasePattern
from processors.sla.clocks import Clock, Reading
from schemas.policies.patterns import Parameters, parameter


class SlaWarningParameters(Parameters):
    serious_share: float = parameter(0.8, unit="share of the target", gt=0, le=1)
    """From here on a warning is more than information: what is left is less than most queues take to react."""


def incidents(case: Case, readings: Sequence[Reading], now: int, parameters: SlaWarningParameters) -> list[Incident]:
    read = zip(case.fold.clocks, readings, strict=True)
    return [_incident(case, clock, reading, parameters) for clock, reading in read if reading.warned]


def _incident(case: Case, clock: Clock, reading: Reading, parameters: SlaWarningParameters) -> Incident:
    state, passed = reading.state, reading.warned
    share = clock.target.warn_at[len(passed) - 1]
    ended = None if clock.is_open else clock.ended_at
    closed = clock.inherited_at or (clock.due_at if state in BROKEN else ended)
    return Incident(
        case,
        clock_id(case, clock),
        severity="warning" if share >= parameters.serious_share else "info",
        opened_at=passed[0],
        updated_at=max(passed[-1], closed or 0),
        closed_at=closed,
        known_at=clock.started_record_at,
        close_reason="" if closed is None else state.removesuffix("_open"),
        summary=f"{clock.metric} has used {share:.0%} of its {clock.target.in_words}",
        evidence=clock_evidence(clock),
        attribution=clock.attribution,
        policy_id=clock.target.policy_id,
        metric=clock.metric,
    )


PATTERN: Final = CasePattern(
    id="P01",
    name="SLA warning",
    severities=("info", "warning"),
    closes="when the clock ends, or at its deadline",
    parameters=SlaWarningParameters(),
    version="2",
    incidents=incidents,
)
