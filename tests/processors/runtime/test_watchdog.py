"""What counts as stuck and for how long, and that a stuck process really ends."""

import asyncio
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError
from faust.types import TP

from deploy.local.processes import python_environment
from processors.runtime.membership import Group, Member, Standing
from processors.runtime.service import EXIT_STUCK
from processors.runtime.slices import FetchProgress
from processors.runtime.symptoms import (
    Leaders,
    Part,
    Stretch,
    of_inserting,
    of_membership,
    of_opening,
    of_reading,
    of_tasks,
    of_timer,
    unfetched,
)
from processors.runtime.watchdog import TELLING_SECONDS, Silence, Standstill, Symptom
from tests.processors.durability.fake_log import JumpingLoop

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


def progress(end: int | None, asked_at: int = 0, *, buffered: bool = False) -> FetchProgress:
    return FetchProgress(
        epoch=1, end=end, at_end=False, asked_at=asked_at, high_watermark=100, held_ms=0, buffered=buffered
    )


class TestWhatIsOurFault:
    def test_a_timer_that_is_late(self) -> None:
        assert of_timer(ticked_at=10, now=12) == {}
        assert list(of_timer(ticked_at=10, now=14)) == ["timer"]

    def test_a_partition_that_does_not_come_around_but_not_one_that_commits_or_waits_for_its_turn(self) -> None:
        parts = [Part(0, True, 90), Part(1, False, 90), Part(2, True, None), Part(3, False, None), Part(4, True, 99)]

        found = of_tasks(parts, dead=[], now=100)

        assert {(symptom.text, symptom.limit) for symptom in found.values()} == {
            ("partition 0 does not come around (serve)", 20),
            ("partition 1 does not come around (opening)", 20),
        }

    def test_a_task_that_is_dead(self) -> None:
        assert [symptom.text for symptom in of_tasks([], [7], 0).values()] == ["partition 7 has no task any more"]

    def test_records_that_were_handed_over_and_are_not_taken_but_not_what_a_commit_holds_up(self) -> None:
        stretches = [Stretch(CONTACTS_0, 5, progress(end=9)), Stretch(CONTACTS_1, 5, progress(end=9), held_up=True)]

        assert set(of_reading(stretches, [])) == {("taken", CONTACTS_0, 5)}
        assert (
            of_reading([Stretch(CONTACTS_0, 9, progress(end=9)), Stretch(CONTACTS_1, 3, progress(end=None))], []) == {}
        )

    def test_records_that_were_fetched_and_that_nobody_hands_over_while_no_partition_gets_on(self) -> None:
        waits = Stretch(CONTACTS_0, 5, progress(end=5, buffered=True))
        before = of_reading([waits, Stretch(CONTACTS_1, 5, progress(end=5))], [])
        after = of_reading([waits, Stretch(CONTACTS_1, 6, progress(end=6))], [])

        assert [symptom.text for symptom in before.values()] == ["records were fetched, and nobody hands them over"]
        assert not before.keys() & after.keys(), "it is the next one's turn later"
        assert of_reading([waits._replace(held_up=True)], []) == {}

    def test_partitions_that_are_not_fetched_only_while_their_leader_answers(self) -> None:
        silent = Stretch(CONTACTS_0, 5, progress(end=5, asked_at=1_000))
        stretches = [silent, Stretch(CONTACTS_1, 5, progress(end=5, asked_at=99_000))]

        assert unfetched(stretches, wall=100_000) == {CONTACTS_0}
        assert (
            unfetched([silent._replace(progress=progress(end=5, asked_at=1_000, buffered=True))], wall=100_000) == set()
        )
        assert of_reading(stretches, answered=[]) == {}
        assert ("fetched", CONTACTS_0, 5) in of_reading(stretches, answered=[CONTACTS_0])

    def test_a_partition_that_nobody_opens_but_not_one_that_waits_behind_another(self) -> None:
        waits, opens, works = Part(0, False, None), Part(1, False, 99), Part(2, True, 99)

        assert set(of_opening([waits, works], assigned=[0, 2, 3])) == {("turn", 0), ("turn", 3)}
        assert of_opening([waits, opens, works], assigned=[0, 1, 2, 3]) == {}
        assert of_opening([works], assigned=[2]) == {}

    def test_who_is_no_member_or_does_not_get_through_a_rebalance_but_only_while_the_group_answers(self) -> None:
        def said(standing: Standing | None, working: bool) -> set[str]:
            return {symptom.text for symptom in of_membership(standing, working, session_seconds=10).values()}

        assert said(None, False) == said(None, True) == said(Standing(7, True), True) == set()
        assert "the group does not know this member, though its coordinator answers" in said(Standing(7, False), True)
        assert "a rebalance does not end, though its coordinator answers" in said(Standing(7, True), False)

    def test_a_session_that_may_be_long_makes_a_rebalance_long(self) -> None:
        limits = [
            min(one.limit for one in of_membership(Standing(1, True), False, session).values()) for session in (6, 45)
        ]
        assert limits == [22, 57]

    def test_an_insert_that_outlives_the_limit_of_its_question(self) -> None:
        assert of_inserting(due=10, now=13) == {}
        assert list(of_inserting(due=10, now=14)) == ["insert"]


WITHIN_SECONDS = 28
"""And a second or two until the process has ended."""


def assigned(now: float, reads: Callable[[float], float]) -> Mapping[Any, Symptom]:
    """One partition that is being opened, whose task came around last at `reads(now)`."""
    part = Part(0, False, reads(now))
    return {**of_tasks([part], [], now), **of_opening([part], [0])}


def fetching(now: float, *, answered_until: float, leader_answers: bool = True) -> Mapping[Any, Symptom]:
    stretch = Stretch(CONTACTS_0, 5, progress(end=5, asked_at=round(1000 * min(now, answered_until))))
    return of_reading([stretch], unfetched([stretch], round(1000 * now)) if leader_answers else [])


WEDGES: dict[str, Callable[[float], Mapping[Any, Symptom]]] = {
    "the timer": lambda now: of_timer(0, now),
    "a partition that is served": lambda now: of_tasks([Part(0, True, 0)], [], now),
    "an opening that reads no more": lambda now: assigned(now, lambda _: 0),
    "a partition that nobody opens": lambda now: of_opening([], [0]),
    "a turn that nobody has": lambda now: of_opening([Part(0, False, None)], [0]),
    "a dead task": lambda now: of_tasks([], [0], now),
    "records that nobody takes": lambda now: of_reading([Stretch(CONTACTS_0, 5, progress(9))], []),
    "one partition of two that nobody takes from": lambda now: of_reading(
        [Stretch(CONTACTS_0, 5, progress(9)), Stretch(CONTACTS_1, round(now), progress(round(now)))], []
    ),
    "a slice that is lost however often it is read again": lambda now: of_reading(
        [Stretch(CONTACTS_0, 5, progress(5 if now % 10 < 2 else 9))], []
    ),
    "records that nobody hands over": lambda now: of_reading([Stretch(CONTACTS_0, 5, progress(5, buffered=True))], []),
    "records that nobody fetches": lambda now: fetching(now, answered_until=0),
    "a member that is none": lambda now: of_membership(Standing(7, False), True, 10),
    "a rebalance": lambda now: of_membership(Standing(7, True), False, 10),
    "a group that leaves a question without an answer": lambda now: of_membership(
        None if now % 21 < 3 else Standing(7, False), True, 10
    ),
    "an insert": lambda now: of_inserting(0, now),
}

SLOW_OR_WAITING: dict[str, Callable[[float], Mapping[Any, Symptom]]] = {
    "a large state that is read a second at a time": lambda now: assigned(now, lambda now: now // 1),
    "an opening that a stalled broker fails every 15 s": lambda now: assigned(now, lambda now: now // 15 * 15),
    "a turn behind three rounds of others that get on": lambda now: of_opening(
        [Part(0, False, None), Part(1, False, now)], [0, 1]
    ),
    "pauses of 5 s between attempts to open": lambda now: (
        of_opening([Part(0, False, None)], [0]) if now % 6 < 5 else assigned(now, lambda now: now)
    ),
    "a commit that hangs, with a limit of its own": lambda now: of_tasks([Part(0, True, None)], [], now),
    "a partition that takes a slice in 8 s": lambda now: of_reading(
        [Stretch(CONTACTS_0, int(now // 8), progress(99))], []
    ),
    "a partition whose turn comes after 40 s of others": lambda now: of_reading(
        [Stretch(CONTACTS_0, int(now // 40), progress(int(now // 40), buffered=True)),
         Stretch(CONTACTS_1, int(now), progress(99))] if now % 40 > 20 else [], []
    ),
    "records that wait for a commit": lambda now: of_reading([Stretch(CONTACTS_0, 5, progress(9), held_up=True)], []),
    "a broker that is away": lambda now: fetching(now, answered_until=0, leader_answers=False),
    "a group whose coordinator is away": lambda now: of_membership(None, False, 10),
    "a rebalance that waits 15 s for a member in each of its generations": lambda now: of_membership(
        Standing(int(now // 17), True), now % 34 >= 33, 10
    ),
    "a member that joins again after it was thrown out": lambda now: of_membership(
        Standing(int(now // 30), now % 30 > 5), now % 30 > 20, 10
    ),
    "inserts that ClickHouse does not take": lambda now: of_inserting(now // 40 * 40 + 40, now),
}  # fmt: skip


@pytest.mark.parametrize("wedge", WEDGES.values(), ids=WEDGES.keys())
def test_whatever_wedges_is_found_within_half_a_minute_and_shown_before(
    wedge: Callable[[float], Mapping[Any, Symptom]],
) -> None:
    standstill = Standstill()
    found = ends_after(standstill, [(now, wedge(now)) for now in range(60)])
    assert found is not None
    assert found <= WITHIN_SECONDS
    shown = Standstill()
    assert ends_after(shown, [(now, wedge(now)) for now in range(int(found))]) is None
    assert shown.lasting(TELLING_SECONDS if found > 2 * TELLING_SECONDS else 0)


@pytest.mark.parametrize("slow", SLOW_OR_WAITING.values(), ids=SLOW_OR_WAITING.keys())
def test_what_moves_or_waits_for_a_peer_is_not_stuck(slow: Callable[[float], Mapping[Any, Symptom]]) -> None:
    assert ends_after(Standstill(), [(now, slow(now)) for now in range(600)]) is None


def test_rebalances_without_end_are_found_though_each_of_them_ends() -> None:
    looks = [(now, of_membership(Standing(now // 10, True), False, 10)) for now in range(200)]
    assert ends_after(Standstill(), looks) == 120


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


class Answers:
    """A ledger that says one thing after the other, and at last nothing."""

    def __init__(self, *answers: frozenset[str] | Exception | None) -> None:
        self._answers = list(answers)

    async def members(self) -> frozenset[str]:
        answer = self._answers.pop(0) if self._answers else None
        if answer is None:
            await asyncio.sleep(1_000_000)
        if isinstance(answer, Exception):
            raise answer
        assert answer is not None
        return answer

    async def close(self) -> None:
        pass


def test_a_group_that_does_not_answer_says_nothing_of_its_members() -> None:
    async def scene() -> list[Standing | None]:
        ledger = Answers(frozenset({"me", "other"}), frozenset({"other"}), KafkaConnectionError("gone"))
        group = Group(ledger, lambda: Member("me", 4))
        task = asyncio.create_task(group.run())
        seen = []
        for _ in range(3):
            await asyncio.sleep(3.01)
            seen.append(group.standing)
        await asyncio.sleep(9)
        seen.append(group.standing)
        task.cancel()
        return seen

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        assert runner.run(scene()) == [Standing(4, True), Standing(4, False), None, None]


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
