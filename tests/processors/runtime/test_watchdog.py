"""What counts as stuck and for how long, and that a stuck process really ends."""

import subprocess
import sys
import textwrap
import time

import pytest

from deploy.local.processes import python_environment
from processors.runtime.shutdown import EXIT_STUCK
from processors.runtime.watchdog import Silence, Standstill, Symptom
from tests.processors.runtime.looking import ends_after

SLOW = Symptom("slow", limit=10)
FLICKERING = Symptom("flickering", limit=10, forgiving=3)


class TestHowLong:
    def test_a_symptom_counts_once_it_has_lasted_for_its_limit(self) -> None:
        assert ends_after(Standstill(), [(t, {"a": SLOW}) for t in range(100, 130)]) == 110

    def test_one_that_goes_away_begins_anew(self) -> None:
        looks = [(t, {} if t == 105 else {"a": SLOW}) for t in range(100, 115)]
        assert ends_after(Standstill(), looks) is None

    def test_a_forgiving_one_may_be_away_for_a_moment(self) -> None:
        looks = [(t, {} if t == 105 else {"a": FLICKERING}) for t in range(100, 130)]
        assert ends_after(Standstill(), looks) == 110 + 1

    def test_progress_in_the_key_begins_anew(self) -> None:
        assert ends_after(Standstill(), [(t, {("a", t // 8): SLOW}) for t in range(200)]) is None

    def test_time_in_which_the_process_was_stopped_does_not_count(self) -> None:
        standstill = Standstill()
        assert ends_after(standstill, [(1, {"a": SLOW}), (2, {"a": SLOW}), (600, {"a": SLOW}), (601, {})]) is None

    def test_a_loop_that_turns_once_in_five_seconds_stretches_every_limit(self) -> None:
        assert ends_after(Standstill(), [(t, {"a": SLOW}) for t in range(100, 200, 5)]) == 150

    def test_what_lasts_is_told_before_it_has_lasted_too_long(self) -> None:
        standstill = Standstill()
        assert ends_after(standstill, [(t, {"a": SLOW, "b": FLICKERING}) for t in range(6)]) is None
        assert standstill.lasting() == ["slow", "flickering"]
        standstill.look({}, 6)
        assert standstill.lasting() == ["flickering"]

    def test_silence_is_measured_in_steps_of_the_listener(self) -> None:
        silence = Silence()
        heard = [silence.listen(beats, now) for beats, now in ((1, 0), (2, 1), (2, 2), (2, 3), (2, 500), (3, 501))]
        assert heard == [0, 0, 1, 2, 4, 0]


WATCHED = """
import asyncio, sys, threading, time
from processors.runtime.watchdog import Standstill, Symptom, Watchdog
import processors.runtime.watchdog

processors.runtime.watchdog.THREAD_SECONDS = 2

async def run():
    watchdog = Watchdog({look}, {pulse}, silent_seconds=3)
    task = asyncio.create_task(watchdog.run())
    await asyncio.sleep(1.5)
    {then}
    await asyncio.sleep(8)
    watchdog.stop()
    await task

async def alive(): pass
async def hangs(since=time.monotonic()):
    if time.monotonic() - since > 2: await asyncio.sleep(60)

asyncio.run(run())
"""


@pytest.mark.parametrize(
    ("case", "code", "said"),
    [
        (("lambda: {}", "alive", ""), 0, ""),
        (("lambda: {}", "alive", "time.sleep(60)"), EXIT_STUCK, "the event loop has not run for"),
        (("lambda: {}", "hangs", ""), EXIT_STUCK, "the consumer's thread does not run"),
        (('lambda: {"a": Symptom("nobody takes records", 2)}', "alive", ""), EXIT_STUCK, "nobody takes records"),
    ],
    ids=["healthy", "loop", "thread", "work"],
)
def test_a_stuck_process_ends_itself_and_says_why_with_its_stacks(
    case: tuple[str, str, str], code: int, said: str
) -> None:
    look, pulse, then = case
    program = textwrap.dedent(WATCHED).replace("{look}", look).replace("{pulse}", pulse).replace("{then}", then)

    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=python_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == code, done.stderr
    assert said in done.stderr
    if code:
        assert "most recent call first" in done.stderr
        assert time.monotonic() - began < 20
