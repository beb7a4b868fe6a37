"""P10 ping-pong: a case handed on three times, or back to a team that had it (A to B to A), before it is resolved."""

from collections.abc import Iterator, Sequence

from processors.cases.case import Case
from processors.cases.fold import Cycle, Transfer
from processors.patterns.incidents import incident_row
from processors.rules import Rules
from schemas.outputs import IncidentRow


def incidents(case: Case, partition: int, now: int, rules: Rules) -> Iterator[IncidentRow]:
    """At most one in each cycle from opening, or reopening, to resolution."""
    if case.fold.test or case.fold.state in ("void", "merged"):
        return
    for cycle in case.fold.cycles:
        opened_at = crossing(cycle.transfers, rules.ping_pong_transfers)
        if opened_at is not None:
            yield _incident(case, cycle, opened_at, partition)


def _incident(case: Case, cycle: Cycle, opened_at: int, partition: int) -> IncidentRow:
    transfers, closed_at = cycle.transfers, cycle.over_at
    path = [transfers[0][1], *(to for _, _, to in transfers)]
    return incident_row(
        case,
        "P10",
        ":".join((*case.key, str(cycle.number))),
        partition=partition,
        severity="warning",
        opened_at=opened_at,
        updated_at=max(transfers[-1][0], closed_at or 0),
        closed_at=closed_at,
        close_reason="" if closed_at is None else "auto",
        attribution=None,
        summary=f"handed on {len(transfers)} times: {' > '.join(path[:20])}",
        evidence={"transfers": [list(transfer) for transfer in transfers[:20]]},
    )


def crossing(transfers: Sequence[Transfer], most: int) -> int | None:
    """The moment of the transfer that makes it ping-pong; None when there is none."""
    for index, (at, _, to) in enumerate(transfers):
        back = index > 0 and to and transfers[index - 1][1] == to
        if back or index + 1 >= most:
            return at
    return None
