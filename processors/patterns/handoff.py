"""P10 ping-pong: a case handed on three times, or back to a team that had it (A to B to A), before it is resolved."""

from collections.abc import Iterator, Sequence

from processors.cases import TERMINAL, Case
from processors.rows import incident_row
from processors.rules import Rules
from schemas.outputs import IncidentRow

Transfer = tuple[int, str, str]
"""occurred_at, from, to"""


def incidents(case: Case, partition: int, now: int, rules: Rules) -> Iterator[IncidentRow]:
    """At most one in each cycle from opening, or reopening, to resolution."""
    transfers = case.fold.cycle_transfers
    opened_at = crossing(transfers, rules.ping_pong_transfers)
    if opened_at is None or case.fold.test or case.fold.state in ("void", "merged"):
        return
    closed = case.last_event_at if case.fold.resolved_at is None else case.fold.resolved_at
    over = case.fold.state in TERMINAL
    path = [transfers[0][1], *(to for _, _, to in transfers)]
    yield incident_row(
        case,
        "P10",
        ":".join((*case.key, str(case.fold.reopens))),
        partition=partition,
        severity="warning",
        opened_at=opened_at,
        updated_at=max(transfers[-1][0], closed if over else 0),
        closed_at=closed if over else None,
        close_reason="auto" if over else "",
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
