"""What is noted of a step that takes long, when, and what follows from it."""

from collections.abc import Hashable
from concurrent.futures import Future
from typing import Any

from faust.types import TP

from processors.runtime.suspects import DEATHS_MAX, NOTED_SECONDS, THIS_PROCESS, Suspects, Work, WorkWatch, decode

CONTACTS_0 = TP("contact-events", 0)


class Group:
    """Takes notes, or does not answer."""

    def __init__(self) -> None:
        self.notes: list[tuple[TP, int, str]] = []
        self.works = True

    def note(self, tp: TP, offset: int, text: str) -> "Future[bool]":
        self.notes.append((tp, offset, text))
        done: Future[bool] = Future()
        done.set_result(self.works)
        return done


def work(step: Hashable) -> Work:
    return Work(step, CONTACTS_0, 120, Suspects(120, 220))


def looked(group: Group, seconds: range, in_hand: Any) -> WorkWatch:
    watch = WorkWatch(lambda: work(in_hand(watch_at[0]) if callable(in_hand) else in_hand), group.note)
    watch_at = [0]
    for second in seconds:
        watch_at[0] = second
        watch.look(second)
    return watch


def test_a_step_that_takes_five_seconds_is_noted_once_with_its_records() -> None:
    group = Group()
    looked(group, range(30), "the same step")
    assert group.notes == [(CONTACTS_0, 120, Suspects(120, 220).encode())]


def test_steps_that_follow_each_other_are_not_noted_however_long_all_of_them_take() -> None:
    group = Group()
    looked(group, range(60), lambda second: f"step {second // int(NOTED_SECONDS)}")
    assert group.notes == []


def test_time_in_which_the_process_was_stopped_makes_no_record_a_suspect() -> None:
    group = Group()
    looked(group, range(0, 9_000, 3_000), "the same step")
    assert group.notes == []


def test_a_note_that_was_not_taken_is_tried_again() -> None:
    group = Group()
    group.works = False
    looked(group, range(9), "the same step")
    assert len(group.notes) > 1


def test_a_watch_that_fails_fails_nobody() -> None:
    def breaks() -> Work:
        raise RuntimeError("dictionary changed size during iteration")

    WorkWatch(breaks, Group().note).look(1.0)


def test_a_note_says_what_was_encoded_and_other_metadata_says_nothing() -> None:
    suspects = Suspects(120, 121, ("a", "b"))
    assert decode(suspects.encode()) == suspects
    for other in ("", "oidor", "{}", '{"suspects":[1]}', '{"suspects":["a",2,[]]}', "[1,2]"):
        assert decode(other) is None


def test_one_record_on_which_three_other_processes_have_ended_is_condemned() -> None:
    suspects = Suspects(120, 121)
    for number in range(DEATHS_MAX):
        assert not suspects.condemned
        suspects = suspects.by(f"process {number}").by(f"process {number}")
    assert suspects.condemned
    assert not suspects._replace(end=122).condemned, "it may have been the other"


def test_this_process_has_not_ended() -> None:
    assert not Suspects(120, 121, ("a", "b")).by(THIS_PROCESS).condemned


def test_names_of_processes_do_not_pile_up() -> None:
    suspects = Suspects(120, 121)
    for number in range(1_000):
        suspects = suspects.by(f"process {number}")
    assert len(suspects.encode()) < 200
