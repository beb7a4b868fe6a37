"""`LeavingOrder`: which case of an input topic leaves next when there are too many. Derived: nothing is written."""

from collections.abc import Mapping
from heapq import heapify, heappop, heappush
from typing import Final

from processors.cases.case import Case
from processors.cases.events import CaseKey

_PRUNED_FROM: Final = 1_000

_Entry = tuple[int, CaseKey]


class LeavingOrder:
    """Cases that are over, the one first that reads the same for longest; a function of what was read.

    A promise that nobody kept, but that no event has ended either, is still owed: its case leaves when it has expired,
    and not earlier in this order.
    """

    def __init__(self) -> None:
        self._owing: list[_Entry] = []
        self._settled: list[_Entry] = []

    def __len__(self) -> int:
        return len(self._owing) + len(self._settled)

    def note(self, case: Case, settled_at: int, cases: Mapping[CaseKey, Case]) -> None:
        """Note a case that is over, whenever anything of it changed. One that is over no more may stay.

        `settled_at` is that of the case, ms.
        """
        leaves_by = at, owes_nothing = settled_at, case.owes_nothing
        if case.leaves_by != leaves_by:
            case.leaves_by = leaves_by
            heap = self._settled if owes_nothing else self._owing
            heappush(heap, (at, case.key))
            if len(heap) > 4 * len(cases) + _PRUNED_FROM:
                heap[:] = [entry for entry in heap if _current(entry, cases, owes_nothing=owes_nothing)]
                heapify(heap)

    def pop(self, cases: Mapping[CaseKey, Case], expired_to: int) -> Case | None:
        """Take out the case to leave next; None: of all that are there something is owed.

        `expired_to`: of cases that read the same since before it, ms, nothing is awaited any more.
        """
        owing, settled = self._owing, self._settled
        while owing and (owing[0][0] < expired_to or _current(owing[0], cases, owes_nothing=False) is None):
            case = _current(heappop(owing), cases, owes_nothing=False)
            if case is not None:
                case.leaves_by = None
                return case
        while settled:
            case = _current(heappop(settled), cases, owes_nothing=True)
            if case is not None:
                case.leaves_by = None
                return case
        return None


def _current(entry: _Entry, cases: Mapping[CaseKey, Case], *, owes_nothing: bool) -> Case | None:
    at, key = entry
    case, place = cases.get(key), (at, owes_nothing)
    if case is None or not case.is_over:
        return None
    return case if place == case.leaves_by == (case.settled_at, case.owes_nothing) else None
