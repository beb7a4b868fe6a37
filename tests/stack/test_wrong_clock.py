"""A worker whose clock is a day off holds time, is not ready and says so; put right, it goes on, and nothing was lost.

What such a clock decided in a state is withdrawn when the state is opened with a right one.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from deploy.local.stack import Service, fetch
from processors.settings import Settings
from tests.attacks.installation import Target, ahead, event, now, opened, ready
from tests.stack.running import READY_SECONDS, until

pytestmark = pytest.mark.stack

SETTINGS = {"partitions": 2}
OFF: Final = {"ahead": 86_400, "back": -86_400}
CALLS: Final = 4
MODULE: Final = "tests.stack.clock_worker"
HUMAN: Final = {"channel": "phone", "actor": {"kind": "human"}}


class Clock:
    """The clock of a worker, off by so many seconds."""

    def __init__(self, home: Path) -> None:
        self._file = home / "clock"
        self.env = {"CLOCK_FILE": str(self._file), "PYTHONPATH": str(Path(__file__).parents[2])}
        self.off(0)

    def off(self, seconds: int) -> None:
        self._file.write_text(str(seconds))


def wrong_clock(service: Service) -> Mapping[str, Any] | None:
    """What `/ready` says of the clock, if that makes the worker not ready."""
    status, page = fetch(service.ready_url)
    if status != 503:
        return None
    told: list[Mapping[str, Any]] = [one for one in json.loads(page)["problems"] if "clock" in one["what"]]
    return told[0] if told else None


def answered_calls(target: Target, letter: str) -> None:
    """Calls that are answered at once."""
    for number in range(CALLS):
        target.send(event("contact.queued", f"{letter}{number}", f"c{number}", channel="phone", queue="q"))
        target.send(event("contact.answered", f"{letter}{number}", f"c{number}", at=now() + 500, **HUMAN))
    target.flush()


@pytest.mark.parametrize("mode", OFF)
def test_a_clock_that_is_a_day_off_decides_nothing_pages_nobody_and_rejects_nothing(
    mode: str, settings: Settings, tmp_path: Path
) -> None:
    target, clock = Target(settings, tmp_path), Clock(tmp_path)
    oidor, read = target.installation, 0
    try:
        worker = oidor.start("worker", module=MODULE, env=clock.env)
        oidor.start("warehouse")
        target.open_cases("O", CALLS)
        target.wait_until_read(read := read + CALLS)

        clock.off(OFF[mode])
        until(lambda: wrong_clock(worker) is not None, 10, "a wrong clock is told")
        told = wrong_clock(worker)
        assert told is not None
        assert re.search(r" 86\d{3}\.\d s ", told["what"])
        assert ("ahead of" if mode == "ahead" else "behind") in told["what"]
        assert "time is held" in told["means"]
        until(lambda: oidor.metric("feedback_clock_agrees") == 0, 5, "by metric, too")
        assert round(oidor.metric("feedback_clock_ahead_seconds"), -1) == OFF[mode]
        answered_calls(target, "W")  # taken, whatever our clock says
        target.wait_until_read(read := read + 2 * CALLS)
        assert max(ahead(worker).values()) < 1_000, "no time has moved by it"

        clock.off(0)
        worker.wait_ready(READY_SECONDS)
        until(lambda: min(ahead(worker).values()) > -3_000, 10, "time goes on")
        answered_calls(target, "N")
        target.wait_until_read(read := read + 2 * CALLS)

        worker.terminate(10)
        clock.off(OFF[mode])
        worker = oidor.launch("worker", module=MODULE, env=clock.env)
        until(lambda: wrong_clock(worker) is not None, READY_SECONDS, "it is told at a start as well")
        assert max(ahead(worker).values()) < 1_000
        clock.off(0)
        worker.wait_ready(READY_SECONDS)
        answered_calls(target, "R")
        target.wait_until_read(read := read + 2 * CALLS)
        until(lambda: min(ahead(worker).values()) > -3_000, 10, "time goes on")

        assert oidor.ask("SELECT state, count() FROM v_sla WHERE metric = 'answer' GROUP BY state") == [
            ("met", 3 * CALLS)
        ]
        assert target.number("SELECT countIf(state LIKE 'breached%') FROM v_sla") == 0
        assert target.number("SELECT count() FROM rejected_events") == 0
        assert oidor.open_differences() == 0
        assert oidor.metric("feedback_time_set_back_total") == 0
        assert [page for page in target.pages() if page[0] != "P08"] == []  # contacts of a customer are repeated
    finally:
        oidor.stop()


@pytest.mark.parametrize("noticed", ["at the next start", "while running"])
def test_what_a_clock_decided_that_nobody_judged_is_withdrawn(noticed: str, settings: Settings, tmp_path: Path) -> None:
    """As when brokers and workers were wrong together, and only the brokers have been put right."""
    target, clock, believed = Target(settings, tmp_path), Clock(tmp_path), tmp_path / "believed"
    oidor, read = target.installation, CALLS
    believed.touch()
    try:
        worker = oidor.start("worker", module=MODULE, env=clock.env | {"CLOCK_BELIEVED": str(believed)})
        oidor.start("warehouse")
        target.open_cases("O", CALLS)
        target.wait_until_read(read)
        clock.off(OFF["ahead"])
        broken = "SELECT countIf(state = 'breached_open') FROM v_sla"
        until(lambda: target.number(broken) >= CALLS, 30, "deadlines of tomorrow are decided")
        if noticed == "at the next start":
            worker.terminate(10)
            worker = oidor.start("worker")
        else:
            believed.unlink()
            for number in range(CALLS):  # a checkpoint, which asks the broker
                target.send(opened(f"P{number}", f"p{number}"))
            target.flush()
            target.wait_until_read(read := read + CALLS)
            until(lambda: wrong_clock(worker) is not None, 10, "two clocks contradict each other: nothing is undone")
            assert target.number(broken) >= CALLS
            clock.off(0)

        until(lambda: oidor.metric("feedback_time_set_back_total") >= 1, 15, "time is set back")
        until(lambda: max(ahead(worker).values()) < 1_000, 10, "in every partition")
        until(lambda: target.number(broken) == 0, 30, "what was decided is withdrawn")
        until(lambda: target.number("SELECT count() FROM v_incidents WHERE pattern = 'P02'") == 0, 30, "incidents, too")
        answered_calls(target, "N")
        target.wait_until_read(read + 2 * CALLS)
        assert target.number("SELECT countIf(state = 'met') FROM v_sla WHERE metric = 'answer'") == CALLS
        assert target.number("SELECT count() FROM v_incidents WHERE state = 'open'") == 0
        assert ready(worker)[0] == 200
        # To a worker that believes its clock a day has passed in which it was not there; that is withdrawn, too.
        assert {page[0] for page in target.pages()} <= {"missed_pages"}
    finally:
        oidor.stop()
