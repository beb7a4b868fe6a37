"""`max.message.bytes` of a topic of ours is lowered for a while: valid events wait, and nobody is to blame for them."""

import os
import time
from pathlib import Path
from typing import Final

import pytest

from deploy.local.stack import Service
from processors.settings import Settings
from tests.attacks.installation import Target, ready
from tests.stack.running import until

pytestmark = pytest.mark.stack

SETTINGS = {"partitions": 2}

LIMIT: Final = "3000"
USUAL: Final = "1048588"
LONGER_THAN_ANY_TURN: Final = 20.0
"""Seconds: a watchdog that counts pauses between attempts has ended the worker by then."""


def _problems(worker: Service) -> list[str]:
    return [f"{problem['what']}: {problem['means']}" for problem in ready(worker)[1]["problems"]]


def test_events_wait_for_a_limit_to_be_lifted_the_worker_says_so_and_none_is_rejected(
    settings: Settings, tmp_path: Path
) -> None:
    target = Target(settings, tmp_path / "logs")
    try:
        worker = target.start("worker")
        target.start("warehouse")
        target.open_cases("A", 10)
        target.wait_until_read(10)

        topic = f"{settings.topic_prefix}feedback-rows"
        target.configure(topic, max_message_bytes=LIMIT)
        target.open_cases("L", 20, text=os.urandom(3_000).hex())
        until(lambda: "raise max.message.bytes" in str(_problems(worker)), 30, "it says what to do")
        time.sleep(LONGER_THAN_ANY_TURN)
        assert worker.alive
        assert ready(worker)[0] == 503

        target.configure(topic, max_message_bytes=USUAL)
        target.wait_until_read(30)
        until(lambda: ready(worker)[0] == 200, 15, "it is ready again")
        counts = target.ask("SELECT sum(records_read), sum(accepted), sum(rejected) FROM v_reconciliation")
        assert counts == [(30, 30, 0)]
    finally:
        target.installation.stop()
