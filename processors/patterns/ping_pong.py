"""P10 ping-pong: a case handed on three times, or back to a team that had it (A to B to A), before it is resolved."""

from collections.abc import Sequence
from typing import Final

from processors.cases.case import Case
from processors.cases.fold import Cycle, Transfer
from processors.patterns.incidents import Incident
from processors.patterns.pattern import CasePattern
from processors.sla.clocks import Reading
from schemas.policies.patterns import Parameters, parameter


class PingPongParameters(Parameters):
    transfers: int = parameter(3, unit="transfers before resolution", ge=1)
    """Once is routing, twice may be a correction of it; a third says that nobody feels responsible."""


def incidents(case: Case, _: Sequence[Reading], now: int, parameters: PingPongParameters) -> list[Incident]:
    """At most one in each cycle from opening, or reopening, to resolution."""
    if not case.fold.cycles or case.fold.state in ("void", "merged"):
        return []
    crossed = [(cycle, crossing(cycle.transfers, parameters.transfers)) for cycle in case.fold.cycles]
    return [_incident(case, cycle, opened_at) for cycle, opened_at in crossed if opened_at is not None]


def _incident(case: Case, cycle: Cycle, opened_at: int) -> Incident:
    transfers, closed_at = cycle.transfers, cycle.over_at
    path = [transfers[0][1], *(to for _, _, to in transfers)]
    return Incident(
        case,
        ":".join((*case.key, str(cycle.number))),
        severity="warning",
        opened_at=opened_at,
        updated_at=max(transfers[-1][0], closed_at or 0),
        closed_at=closed_at,
        known_at=_known_at(case, opened_at),
        close_reason="" if closed_at is None else "auto",
        summary=f"handed on {len(transfers)} times: {' > '.join(path[:20])}",
        evidence={"transfers": [list(transfer) for transfer in transfers[:20]]},
    )


def _known_at(case: Case, opened_at: int) -> int:
    """When the last record came of the transfers up to a moment."""
    records = (each.record_at for each in case.events if each.type == "transferred" and each.occurred_at <= opened_at)
    return max(records, default=opened_at)


def crossing(transfers: Sequence[Transfer], most: int) -> int | None:
    """The moment of the transfer that makes it ping-pong; None when there is none."""
    for index, (at, _, to) in enumerate(transfers):
        back = index > 0 and to and transfers[index - 1][1] == to
        if back or index + 1 >= most:
            return at
    return None


PATTERN: Final = CasePattern(
    id="P10",
    name="ping-pong",
    severities=("warning",),
    closes="when the case is over",
    parameters=PingPongParameters(),
    version="1",
    incidents=incidents,
)
