"""The gap of the reconciliation: what differs for good, and not what is on its way."""

import asyncio
from collections.abc import Sequence

import pytest
from clickhouse_driver.errors import NetworkError

from sinks.metrics.warehouse import WarehouseMetrics
from sinks.reconciliation import Gaps, Reconciliation

HERE, THERE = ("contact-events", 0), ("survey-events", 3)


def shown(looks: Sequence[Gaps | Exception]) -> tuple[float | None, float | None]:
    """The gap, and when it was looked at last, after these looks at 1, 2, ... s."""
    metrics, answers, wall = WarehouseMetrics(), list(looks), iter(range(1_000, 100_000, 1_000))

    def ask() -> Gaps:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def play() -> None:
        reconciliation = Reconciliation(ask, metrics, lambda: next(wall))
        for _ in looks:
            await reconciliation.look()

    asyncio.run(play())
    value = metrics.registry.get_sample_value
    return value("feedback_reconciliation_gap_records"), value("feedback_reconciliation_last_run_timestamp_seconds")


@pytest.mark.parametrize(
    ("looks", "gap"),
    [
        ([{}, {}, {}], 0),
        ([{HERE: 5}, {HERE: 5}], 0),
        ([{HERE: 5}, {HERE: 5}, {HERE: 5}], 5),
        ([{HERE: 5}, {}, {HERE: 5}], 0),
        ([{HERE: 5, THERE: -2}, {HERE: 9, THERE: -2}, {HERE: 3, THERE: -2}], 5),
        ([{HERE: 5}, {HERE: 5}, {HERE: 5}, {}], 0),
    ],
)
def test_what_differs_at_three_looks_in_a_row_is_a_gap(looks: Sequence[Gaps], gap: int) -> None:
    assert shown(looks) == (gap, len(looks))


def test_a_database_that_does_not_answer_changes_no_gap_and_is_no_look() -> None:
    assert shown([{HERE: 5}] * 3 + [NetworkError("gone")]) == (5, 3)
