"""What counts as stuck and for how long, and that a stuck process really ends."""

import asyncio
import subprocess
import sys
import textwrap
import time
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from faust.types import TP

from deploy.local.children import python_environment
from processors.batching import Reach
from processors.runtime import STUCK
from processors.symptoms import (
    Leaders,
    Part,
    Stretch,
    of_reading,
    of_rebalance,
    of_tasks,
    of_timer,
    unfetched,
)
from processors.watchdog import Silence, Standstill, Symptom
from tests.processors.fake_log import JumpingLoop

SLOW = Symptom("slow", limit=10)
FLICKERING = Symptom("flickering", limit=10, forgiving=3)
CONTACTS_0, CONTACTS_1 = TP("contact-events", 0), TP("contact-events", 1)


def ends_after(standstill: Standstill, looks: Sequence[tuple[float, Mapping[Any, Symptom]]]) -> float | None:
    """The moment at which something has lasted too long."""
    return next((now for now, symptoms in looks if standstill.look(symptoms, now)), None)


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

    def test_what_lasts_is_told_before_it_has_lasted_too_long(self) -> None:
        standstill = Standstill()
        assert ends_after(standstill, [(t, {"a": SLOW, "b": FLICKERING}) for t in range(6)]) is None
        assert standstill.lasting(5) == ["slow", "flickering"]
        standstill.look({}, 6)
        assert standstill.lasting(5) == ["flickering"]

    def test_silence_is_measured_in_steps_of_the_listener(self) -> None:
        silence = Silence()
        heard = [silence.listen(beats, now) for beats, now in ((1, 0), (2, 1), (2, 2), (2, 3), (2, 500), (3, 501))]
        assert heard == [0, 0, 1, 2, 4, 0]


def reach(end: int | None, asked_at: int = 0) -> Reach:
    return Reach(reading=1, end=end, at_end=False, asked_at=asked_at, high_watermark=100, held_ms=0)


class TestWhatIsOurFault:
    def test_a_timer_that_is_late(self) -> None:
        assert of_timer(ticked_at=10, now=12) == {}
        assert list(of_timer(ticked_at=10, now=14)) == ["timer"]

    def test_a_partition_that_does_not_come_around_but_not_one_that_commits_or_waits_for_its_turn(self) -> None:
        parts = [Part(0, True, 90), Part(1, False, 90), Part(2, True, None), Part(3, False, None), Part(4, True, 99)]

        found = of_tasks(parts, dead=[], now=100)

        assert {(symptom.text, symptom.limit) for symptom in found.values()} == {
            ("partition 0 does not come around (serve)", 20),
            ("partition 1 does not come around (opening)", 60),
        }

    def test_a_task_that_is_dead(self) -> None:
        assert [symptom.text for symptom in of_tasks([], [7], 0).values()] == ["partition 7 has no task any more"]

    def test_records_that_were_handed_over_and_are_not_taken_but_not_what_a_commit_holds_up(self) -> None:
        stretches = [Stretch(CONTACTS_0, 5, reach(end=9)), Stretch(CONTACTS_1, 5, reach(end=9), held_up=True)]

        assert set(of_reading(stretches, [])) == {("taken", CONTACTS_0, 5), ("taken", "contact-events", 10)}
        assert of_reading([Stretch(CONTACTS_0, 9, reach(end=9)), Stretch(CONTACTS_1, 3, reach(end=None))], []) == {}

    def test_what_another_partition_takes_is_progress_of_the_topic_and_not_of_the_partition(self) -> None:
        before = of_reading([Stretch(CONTACTS_0, 5, reach(9)), Stretch(CONTACTS_1, 5, reach(9))], [])
        after = of_reading([Stretch(CONTACTS_0, 5, reach(9)), Stretch(CONTACTS_1, 6, reach(9))], [])

        assert before.keys() & after.keys() == {("taken", CONTACTS_0, 5)}

    def test_partitions_that_are_not_fetched_only_while_their_leader_answers(self) -> None:
        silent = Stretch(CONTACTS_0, 5, reach(end=5, asked_at=1_000))
        stretches = [silent, Stretch(CONTACTS_1, 5, reach(end=5, asked_at=99_000))]

        assert unfetched(stretches, wall=100_000) == {CONTACTS_0}
        assert of_reading(stretches, answered=[]) == {}
        assert ("fetched", CONTACTS_0, 5) in of_reading(stretches, answered=[CONTACTS_0])

    def test_a_rebalance_that_does_not_end_only_while_the_broker_answers(self) -> None:
        assert of_rebalance(joined=True, rebalancing=True, answered=[]) == {}
        assert of_rebalance(joined=True, rebalancing=False, answered=[CONTACTS_0]) == {}
        assert list(of_rebalance(joined=True, rebalancing=True, answered=[CONTACTS_0])) == ["rebalance"]
        assert list(of_rebalance(joined=False, rebalancing=False, answered=[CONTACTS_0])) == ["rebalance"]


def test_a_leader_that_does_not_answer_is_no_finding() -> None:
    async def scene() -> list[frozenset[TP]]:
        answers: list[dict[TP, int] | Exception] = [{CONTACTS_0: 7}, TimeoutError(), {CONTACTS_0: 7}]

        async def ends(_: object) -> dict[TP, int]:
            answer = answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

        leaders = Leaders(lambda: [CONTACTS_0], ends)
        task = asyncio.create_task(leaders.run())
        seen = []
        for _ in range(3):
            await asyncio.sleep(3.01)
            seen.append(leaders.answered)
        task.cancel()
        return seen

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        assert runner.run(scene()) == [{CONTACTS_0}, frozenset(), {CONTACTS_0}]


WATCHED = """
import asyncio, sys, threading, time
from processors.watchdog import Standstill, Symptom, Watchdog
import processors.watchdog

processors.watchdog.THREAD_SECONDS = 2

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
        (("lambda: {}", "alive", "time.sleep(60)"), STUCK, "the event loop has not run for"),
        (("lambda: {}", "hangs", ""), STUCK, "the consumer's thread does not run"),
        (('lambda: {"a": Symptom("nobody takes records", 2)}', "alive", ""), STUCK, "nobody takes records"),
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
