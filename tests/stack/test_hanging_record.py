"""A record on which a worker hangs: three workers end alone on it, wherever they run, and the fourth rejects it."""

from pathlib import Path

import pytest

from processors.runtime.shutdown import EXIT_STUCK
from processors.runtime.suspects import DEATHS_MAX
from processors.settings import Settings
from tests.attacks.installation import Target, opened
from tests.stack.running import until

pytestmark = pytest.mark.stack

SETTINGS = {"partitions": 2}

HANGS = {"FAULT_HANGS_ON": "cursed", "FAULT_SILENT_SECONDS": "7"}


def test_a_record_that_hangs_every_worker_is_rejected_and_all_others_are_taken(
    settings: Settings, tmp_path: Path
) -> None:
    target = Target(settings, tmp_path / "logs")
    try:
        target.start("warehouse")
        worker = target.start("worker", module="tests.stack.failing_worker", env=HANGS)
        target.open_cases("A", 10)
        target.wait_until_read(10)

        target.send(opened("cursed", "c1", source="cursed"))
        target.flush()
        for life in range(DEATHS_MAX):
            until(lambda worker=worker: not worker.alive, 30, "the worker ends itself")  # type: ignore[misc]
            assert worker.exit_code == EXIT_STUCK
            if life == 0:
                target.open_cases("B", 10)
            worker = target.installation.launch("worker", module="tests.stack.failing_worker", env=HANGS)

        target.wait_until_read(21)
        assert worker.alive
        assert target.ask("SELECT reason FROM rejected_events") == [("processing_error",)]
        counts = target.ask("SELECT sum(records_read), sum(accepted), sum(rejected) FROM v_reconciliation")
        assert counts == [(21, 20, 1)]
    finally:
        target.installation.stop()
