"""What counts as our own fault, for how long, and what does not: whatever moves, or waits for a peer."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from faust.types import TP

from processors.runtime import symptoms
from processors.runtime.membership import Membership
from processors.runtime.slices import FetchProgress
from processors.runtime.symptoms import LeaderMonitor, PartitionTask, Progress
from processors.runtime.watchdog import TELLING_SECONDS, Standstill, Symptom
from tests.processors.durability.fake_log import JumpingLoop
from tests.processors.runtime.looking import ends_after

CONTACTS_0, CONTACTS_1 = TP("contact-events", 0), TP("contact-events", 1)


def progress(end: int | None, asked_at: int = 0, *, buffered: bool = False) -> FetchProgress:
    return FetchProgress(
        epoch=1, end=end, at_end=False, asked_at=asked_at, high_watermark=100, held_ms=0, buffered=buffered
    )


class TestWhatIsOurFault:
    def test_a_timer_that_is_late(self) -> None:
        assert symptoms.of_timer(ticked_at=10, now=12) == {}
        assert list(symptoms.of_timer(ticked_at=10, now=14)) == ["timer"]

    def test_a_partition_that_does_not_come_around_but_not_one_that_commits_or_waits_for_its_turn(self) -> None:
        heartbeats = [(True, 90), (False, 90), (True, None), (False, None), (True, 99)]
        tasks = [PartitionTask(number, *heartbeat) for number, heartbeat in enumerate(heartbeats)]

        found = symptoms.of_tasks(tasks, dead=[], now=100)

        assert {(symptom.text, symptom.limit) for symptom in found.values()} == {
            ("partition 0 does not come around (serve)", 20),
            ("partition 1 does not come around (opening)", 20),
        }

    def test_a_task_that_is_dead(self) -> None:
        assert [symptom.text for symptom in symptoms.of_tasks([], [7], 0).values()] == [
            "partition 7 has no task any more"
        ]

    def test_records_that_were_handed_over_and_are_not_taken_but_not_what_a_commit_holds_up(self) -> None:
        both = [Progress(CONTACTS_0, 5, progress(end=9)), Progress(CONTACTS_1, 5, progress(end=9), held_up=True)]

        assert set(symptoms.of_reading(both, [])) == {("taken", "contact-events", 10), ("behind", CONTACTS_0, 5)}
        taken = [Progress(CONTACTS_0, 9, progress(end=9)), Progress(CONTACTS_1, 3, progress(end=None))]
        assert symptoms.of_reading(taken, []) == {}

    def test_records_that_were_fetched_and_that_nobody_hands_over_while_no_partition_gets_on(self) -> None:
        waits = Progress(CONTACTS_0, 5, progress(end=5, buffered=True))
        before = symptoms.of_reading([waits, Progress(CONTACTS_1, 5, progress(end=5))], [])
        after = symptoms.of_reading([waits, Progress(CONTACTS_1, 6, progress(end=6))], [])

        assert [symptom.text for symptom in before.values()] == ["records were fetched, and nobody hands them over"]
        assert not before.keys() & after.keys(), "it is the next one's turn later"
        assert symptoms.of_reading([waits._replace(held_up=True)], []) == {}

    def test_partitions_that_are_not_fetched_only_while_their_leader_answers(self) -> None:
        silent = Progress(CONTACTS_0, 5, progress(end=5, asked_at=1_000))
        both = [silent, Progress(CONTACTS_1, 5, progress(end=5, asked_at=99_000))]

        assert symptoms.unfetched(both, wall=100_000) == {CONTACTS_0}
        waits = silent._replace(fetched=progress(end=5, asked_at=1_000, buffered=True))
        assert symptoms.unfetched([waits], wall=100_000) == set()
        assert symptoms.of_reading(both, answered=[]) == {}
        assert ("fetched", CONTACTS_0, 10) in symptoms.of_reading(both, answered=[CONTACTS_0])

    def test_a_partition_that_nobody_opens_but_not_one_that_waits_behind_another(self) -> None:
        waits, opens, works = PartitionTask(0, False, None), PartitionTask(1, False, 99), PartitionTask(2, True, 99)

        assert set(symptoms.of_opening([waits, works], assigned=[0, 2, 3])) == {("turn", 0, 1), ("turn", 3, 0)}
        assert symptoms.of_opening([waits, opens, works], assigned=[0, 1, 2, 3]) == {}
        assert symptoms.of_opening([works], assigned=[2]) == {}

    def test_who_is_no_member_or_does_not_get_through_a_rebalance_but_only_while_the_group_answers(self) -> None:
        def said(membership: Membership | None, working: bool) -> set[str]:
            return {one.text for one in symptoms.of_membership(membership, working, session_seconds=10).values()}

        assert said(None, False) == said(None, True) == said(Membership(7, True), True) == set()
        assert "the group does not know this member, though its coordinator answers" in said(Membership(7, False), True)
        assert "a rebalance does not end, though its coordinator answers" in said(Membership(7, True), False)

    def test_a_session_that_may_be_long_makes_a_rebalance_long(self) -> None:
        limits = [
            min(one.limit for one in symptoms.of_membership(Membership(1, True), False, session).values())
            for session in (6, 45)
        ]
        assert limits == [22, 57]

    def test_an_insert_that_outlives_the_limit_of_its_question(self) -> None:
        assert symptoms.of_inserting(due=10, now=13) == {}
        assert list(symptoms.of_inserting(due=10, now=14)) == ["insert"]


WITHIN_SECONDS = 28
"""And a second or two until the process has ended."""


def assigned(now: float, reads: Callable[[float], float]) -> Mapping[Any, Symptom]:
    """One partition that is being opened, whose task came around last at `reads(now)`."""
    part = PartitionTask(0, False, reads(now))
    return {**symptoms.of_tasks([part], [], now), **symptoms.of_opening([part], [0])}


def fetching(now: float, *, answered_until: float, leader_answers: bool = True) -> Mapping[Any, Symptom]:
    contacts = Progress(CONTACTS_0, 5, progress(end=5, asked_at=round(1000 * min(now, answered_until))))
    return symptoms.of_reading([contacts], symptoms.unfetched([contacts], round(1000 * now)) if leader_answers else [])


WEDGES: dict[str, Callable[[float], Mapping[Any, Symptom]]] = {
    "the timer": lambda now: symptoms.of_timer(0, now),
    "a partition that is served": lambda now: symptoms.of_tasks([PartitionTask(0, True, 0)], [], now),
    "an opening that reads no more": lambda now: assigned(now, lambda _: 0),
    "a partition that nobody opens": lambda now: symptoms.of_opening([], [0]),
    "a turn that nobody has": lambda now: symptoms.of_opening([PartitionTask(0, False, None)], [0]),
    "a dead task": lambda now: symptoms.of_tasks([], [0], now),
    "records that nobody takes": lambda now: symptoms.of_reading([Progress(CONTACTS_0, 5, progress(9))], []),
    "a slice that is lost however often it is read again": lambda now: symptoms.of_reading(
        [Progress(CONTACTS_0, 5, progress(5 if now % 10 < 2 else 9))], []
    ),
    "records that nobody hands over": lambda now: symptoms.of_reading(
        [Progress(CONTACTS_0, 5, progress(5, buffered=True))], []
    ),
    "records that nobody fetches": lambda now: fetching(now, answered_until=0),
    "a member that is none": lambda now: symptoms.of_membership(Membership(7, False), True, 10),
    "a rebalance": lambda now: symptoms.of_membership(Membership(7, True), False, 10),
    "a group that leaves a question without an answer": lambda now: symptoms.of_membership(
        None if now % 21 < 3 else Membership(7, False), True, 10
    ),
    "an insert": lambda now: symptoms.of_inserting(0, now),
}

SLOW_OR_WAITING: dict[str, Callable[[float], Mapping[Any, Symptom]]] = {
    "a large state that is read a second at a time": lambda now: assigned(now, lambda now: now // 1),
    "an opening that a stalled broker fails every 15 s": lambda now: assigned(now, lambda now: now // 15 * 15),
    "a turn behind three rounds of others that get on": lambda now: symptoms.of_opening(
        [PartitionTask(0, False, None), PartitionTask(1, False, now)], [0, 1]
    ),
    "pauses of 5 s between attempts to open": lambda now: (
        symptoms.of_opening([PartitionTask(0, False, None)], [0]) if now % 6 < 5 else assigned(now, lambda now: now)
    ),
    "a commit that hangs, with a limit of its own": lambda now: symptoms.of_tasks(
        [PartitionTask(0, True, None)], [], now
    ),
    "a partition that takes a slice in 8 s": lambda now: symptoms.of_reading(
        [Progress(CONTACTS_0, int(now // 8), progress(99))], []
    ),
    "a partition whose turn comes after 40 s of others": lambda now: symptoms.of_reading(
        [Progress(CONTACTS_0, int(now // 40), progress(int(now // 40), buffered=True)),
         Progress(CONTACTS_1, int(now), progress(99))] if now % 40 > 20 else [], []
    ),
    "records that wait for a commit": lambda now: symptoms.of_reading(
        [Progress(CONTACTS_0, 5, progress(9), held_up=True)], []
    ),
    "a broker that is away": lambda now: fetching(now, answered_until=0, leader_answers=False),
    "a group whose coordinator is away": lambda now: symptoms.of_membership(None, False, 10),
    "a rebalance that waits 15 s for a member in each of its generations": lambda now: symptoms.of_membership(
        Membership(int(now // 17), True), now % 34 >= 33, 10
    ),
    "a member that joins again after it was thrown out": lambda now: symptoms.of_membership(
        Membership(int(now // 30), now % 30 > 5), now % 30 > 20, 10
    ),
    "a backlog on a machine that is busy with other work": lambda now: symptoms.of_reading(
        [Progress(TP("contact-events", p), int(now + 40 * p / 12) // 40, progress(end=10_000)) for p in range(12)], []
    ),
    "a partition that is opened every 5 s, and fails within a moment": lambda now: symptoms.of_opening(
        [PartitionTask(0, False, None, attempts=1 + int(now) // 5)], [0]
    ),
    "inserts that ClickHouse does not take": lambda now: symptoms.of_inserting(now // 40 * 40 + 40, now),
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
    assert shown.lasting() or found <= 2 * TELLING_SECONDS


@pytest.mark.parametrize("slow", SLOW_OR_WAITING.values(), ids=SLOW_OR_WAITING.keys())
def test_what_moves_or_waits_for_a_peer_is_not_stuck(slow: Callable[[float], Mapping[Any, Symptom]]) -> None:
    assert ends_after(Standstill(), [(now, slow(now)) for now in range(600)]) is None


def test_a_partition_that_stands_still_while_others_get_on_is_shown_and_ends_nobody() -> None:
    standstill = Standstill()
    looks = [
        symptoms.of_reading([Progress(CONTACTS_0, 5, progress(9)), Progress(CONTACTS_1, now, progress(now))], [])
        for now in range(600)
    ]
    assert ends_after(standstill, list(enumerate(looks))) is None
    assert standstill.lasting() == ["contact-events[0] at 5: records were handed over and not taken, while others are"]


def test_rebalances_without_end_are_found_though_each_of_them_ends() -> None:
    looks = [(now, symptoms.of_membership(Membership(now // 10, True), False, 10)) for now in range(200)]
    assert ends_after(Standstill(), looks) == 120


def test_a_leader_that_does_not_answer_is_no_finding() -> None:
    async def scene() -> list[frozenset[TP]]:
        answers: list[dict[TP, int] | Exception] = [{CONTACTS_0: 7}, TimeoutError(), {CONTACTS_0: 7}]

        async def ends(_: object) -> dict[TP, int]:
            answer = answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

        leaders = LeaderMonitor(lambda: [CONTACTS_0], ends)
        task = asyncio.create_task(leaders.run())
        seen = []
        for _ in range(3):
            await asyncio.sleep(3.01)
            seen.append(leaders.answered)
        task.cancel()
        return seen

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        assert runner.run(scene()) == [{CONTACTS_0}, frozenset(), {CONTACTS_0}]
