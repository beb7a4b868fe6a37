"""Crash-equivalence: whatever fails, alone or at once, every view ends up as if nothing had."""

from pathlib import Path

import pytest

from deploy.local.stack import Stack
from tests.stack import storm

pytestmark = [pytest.mark.stack, pytest.mark.alone]

SEEDS = (1, 2, 3)
FAULTS = 14
"""In the storm of each seed; `make storm` runs two hundred."""


def test_forty_faults_change_nothing_that_anyone_can_see(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Stack(tmp_path) as stack:
        outcome = storm.run(stack, SEEDS, FAULTS, storm.EVENTS, tmp_path)
    with capsys.disabled():
        print(f"\n{outcome.as_json()}", flush=True)
    assert outcome.faults.total() >= 40
    assert (outcome.lost, outcome.doubled, outcome.differing) == (0, 0, [])
    assert max(outcome.stops, default=0) <= 5
    assert outcome.wedged == []
    assert outcome.killed >= 13
    assert outcome.rejected == 0, "a SIGKILL suspects nobody"
