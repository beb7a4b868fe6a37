"""Told twice: which events say again what their case knows.

Webhooks fire twice, each time with another id. What is told again is stored and warned `repeated`; it counts nothing
and moves nothing, but that it may say something of the case that nobody had said.
"""

from collections.abc import Callable, Mapping
from typing import Final

from processors.cases.events import CaseEvent
from processors.cases.fold import Fold
from processors.cases.transitions import state_after
from processors.sla.signals import Trigger


def is_repeated(fold: Fold, event: CaseEvent, trigger: Trigger) -> bool:
    """Does an event tell of its case, as it stands before it, what was told already?"""
    judge = _JUDGES.get(trigger)
    return judge is not None and judge(fold, event)


def _opened(fold: Fold, _: CaseEvent) -> bool:
    return fold.opened_at is not None


def _invited(fold: Fold, _: CaseEvent) -> bool:
    return fold.invited


def _assigned(fold: Fold, event: CaseEvent) -> bool:
    again = fold.owned and fold.owner == event.facts.get("owner")
    return again and state_after(fold.state, "assigned") == fold.state


def _transferred(fold: Fold, event: CaseEvent) -> bool:
    """From who no longer has it, or to who already has it: as far as transfers since the last reopening say."""
    giver, taker = event.facts.get("from", ""), event.facts.get("to", "")
    return giver == taker or fold.holders.get(giver) is False or fold.holders.get(taker) is True


def _abandoned(fold: Fold, _: CaseEvent) -> bool:
    return fold.state == "abandoned"


def _acknowledged(fold: Fold, _: CaseEvent) -> bool:
    return fold.acknowledged_at is not None


def _resolved(fold: Fold, _: CaseEvent) -> bool:
    return fold.resolved_at is not None


def _dismissed(fold: Fold, event: CaseEvent) -> bool:
    """That what was resolved never was a case is news."""
    return fold.resolved_at is not None and fold.resolution == event.facts.get("resolution")


def _closed(fold: Fold, _: CaseEvent) -> bool:
    return fold.closed_at is not None


def _reopened(fold: Fold, _: CaseEvent) -> bool:
    return fold.reopens > 0 and not fold.is_over


def _merged(fold: Fold, event: CaseEvent) -> bool:
    merged = fold.merged
    return fold.state == "merged" and merged is not None and merged.facts.get("into") == event.facts.get("into")


_JUDGES: Final[Mapping[Trigger, Callable[[Fold, CaseEvent], bool]]] = {
    "opened": _opened,
    "opened_outbound": _opened,
    "invited": _invited,
    "assigned": _assigned,
    "transferred": _transferred,
    "abandoned": _abandoned,
    "acknowledged": _acknowledged,
    "resolved": _resolved,
    "duplicate": _resolved,
    "dismissed": _dismissed,
    "closed": _closed,
    "reopened": _reopened,
    "merged": _merged,
}
"""Trigger -> whether it is told again; one that is missing may be told any number of times."""
