"""An open partition of the warehouse: what is missing of it for too long."""

from types import SimpleNamespace

import pytest

from processors import warehouse
from processors.durability.assignment import STALLED_SECONDS
from processors.warehouse import Part


def test_records_that_were_handed_over_and_did_not_come_are_overdue_after_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    part, moment = Part(3, next=7), [0.0]
    monkeypatch.setattr(warehouse, "time", SimpleNamespace(monotonic=lambda: moment[0]))

    def overdue(at: float, *, missing: bool = True) -> bool:
        moment[0] = at
        return part.overdue(missing)

    assert [overdue(0), overdue(STALLED_SECONDS - 1), overdue(STALLED_SECONDS)] == [False, False, True]
    assert not overdue(STALLED_SECONDS + 1), "it was read again: now it has time to come"
    part.next = 8
    assert not overdue(3 * STALLED_SECONDS), "other records are missing now"
    assert not overdue(3 * STALLED_SECONDS + 1, missing=False)
    assert not overdue(5 * STALLED_SECONDS), "nothing was missing in between"
