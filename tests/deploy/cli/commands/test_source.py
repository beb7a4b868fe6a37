"""`oidor source`: what it refuses, and what it publishes."""

import pytest

from schemas.actions import AnyAction, MaintenancePlanned
from tests.deploy.cli.commands.conftest import Run, mistake

PLAN = ("source", "maintenance", "pbx", "--from", "2026-11-28T22:00:00Z", "--until")


def test_maintenance_is_planned_moved_and_called_off_under_one_id(run: Run, published: list[AnyAction]) -> None:
    first = run(*PLAN, "2026-11-29T02:00:00Z", "--who", "ana").stdout
    (plan,) = published
    assert isinstance(plan, MaintenancePlanned)
    assert first == (
        f"maintenance {plan.maintenance_id} of pbx, planned by ana: "
        "2026-11-28T22:00:00+00:00 to 2026-11-29T02:00:00+00:00\n"
    )
    off = run(*PLAN, "2026-11-28T22:00:00Z", "--plan", plan.maintenance_id, "--who", "ana").stdout
    assert off == f"maintenance {plan.maintenance_id} of pbx, planned by ana: called off\n"
    assert len({one.action_id for one in published}) == 2


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ((*PLAN, "2026-11-28T21:00:00Z"), "ends_at '2026-11-28T21:00:00+00:00': bad_timestamp"),
        ((*PLAN, "tomorrow"), "--until tomorrow: give RFC 3339"),
        (("source", "maintenance", "The PBX", "--until", "2099-11-28T21:00:00Z"), "source 'The PBX'"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_before_anything_is_published(
    said: tuple[str, ...], told: str, run: Run, published: list[AnyAction]
) -> None:
    assert mistake(run(*said)).startswith(told)
    assert published == []
