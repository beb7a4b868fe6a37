"""`oidor whatif` beside a running installation, a process for each core."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deploy.cli.settings import SHIPPED
from deploy.cli.whatif import HALF_THE_TIME
from deploy.traffic.scenarios import STORM_LOG, journeys
from processors.settings import Settings
from tests.stack.running import command, installed

pytestmark = pytest.mark.stack

EVENTS = 3_000
SETTINGS = {"partitions": 3}
BEGAN = datetime.now(UTC) - timedelta(days=20)
SINCE = ("--from", BEGAN.isoformat(), "--json")


def answer(settings: Settings, pack: Path) -> dict[str, Any]:
    done = command(settings, "whatif", "--policy", str(pack), *SINCE)
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def breached(units: list[dict[str, Any]], side: str) -> int:
    return sum(unit[side]["breached"] for unit in units)


def test_with_the_same_pack_nothing_differs_and_with_another_the_same_question_has_the_same_answer(
    settings: Settings, tmp_path: Path
) -> None:
    with installed(settings, tmp_path) as oidor:
        oidor.start("worker")
        oidor.start("warehouse")
        oidor.publish(journeys(STORM_LOG, 5, BEGAN, limit=EVENTS, rate=EVENTS / 86_400))
        oidor.settle(EVENTS)

        same = answer(settings, SHIPPED / "default.yaml")
        assert (same["flips"], same["differing"], same["left_out"]["differing"]) == ([], [], 0)
        assert same["cases"] > 100
        ((stored,),) = oidor.ask(
            "SELECT count() FROM v_sla WHERE outcome = 'breached' AND inherited = 0 AND erased = 0"
        )
        assert breached(same["units"], "was") == breached(same["units"], "would_be") == stored > 0

        half = answer(settings, HALF_THE_TIME)
        assert breached(half["units"], "would_be") > breached(half["units"], "was") == stored
        assert sum(flip["gained"] for flip in half["flips"]) > 0
        assert answer(settings, HALF_THE_TIME) == half

        late = command(
            settings, "whatif", "--policy", str(HALF_THE_TIME), "--from", "2026-01-01T00:00:00Z", "--to", "1d"
        )
        assert "would be: clocks" in late.stdout, late.stdout + late.stderr
