"""After an outage of ours one incident of ours tells what broke meanwhile, pages, and closes with the last of it."""

import time
from pathlib import Path
from typing import Any

import pytest

from processors.settings import Settings
from tests.attacks.installation import Target, event, now
from tests.stack.running import until

pytestmark = pytest.mark.stack

SETTINGS = {"partitions": 2, "page_window": 8}
TOLD = "SELECT state, severity, evidence FROM v_incidents WHERE pattern = 'missed_pages'"
CALL: dict[str, Any] = {"channel": "phone", "direction": "inbound", "priority": "urgent", "org_unit": "billing"}
ANSWER_SECONDS = 25
"""Target and grace."""


def test_what_broke_while_no_worker_ran_is_told_by_one_incident_of_ours(settings: Settings, tmp_path: Path) -> None:
    target = Target(settings, tmp_path)
    oidor = target.installation
    try:
        worker = oidor.start("worker")
        oidor.start("warehouse")
        opened_at = now()
        target.send(event("contact.opened", "K", "c1", seq=0, **CALL))
        target.send(event("contact.queued", "K", "c1", seq=1, queue="q"))
        target.flush()
        target.wait_until_read(2)
        worker.kill()
        time.sleep(max(0.0, ANSWER_SECONDS + 10 - (now() - opened_at) / 1000))

        oidor.start("worker")

        until(lambda: len(oidor.ask(TOLD)) == 1, 20, "what was missed is told")
        ((state, severity, evidence),) = oidor.ask(TOLD)
        assert (state, severity) == ("open", "critical")
        assert '"still_open":{"billing":{"critical":1' in evidence
        assert {page[0] for page in target.pages()} == {"missed_pages"}, "nothing else pages, for it is too old"

        target.send(event("contact.answered", "K", "c1", seq=2, channel="phone", actor={"kind": "human"}))
        target.flush()
        until(lambda: oidor.ask(TOLD)[0][0] == "closed", 20, "it closes with the last of it")
    finally:
        oidor.stop()
