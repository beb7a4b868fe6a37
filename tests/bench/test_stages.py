"""The benchmark of `step` finds the functions that it times: they move, and nobody runs it for weeks."""

from tests.bench import stages
from tests.bench.corpus import log_of


def test_every_stage_is_timed_where_the_pipeline_looks_its_functions_up() -> None:
    cost = stages.measure(log_of(1_000), rounds=1)
    assert set(cost.stages) == {*stages.STAGES, "other"}
    assert cost.total > 0
    assert cost.checkpoint_bytes > 0
