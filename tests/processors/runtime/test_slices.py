"""Slices and readings: what they promise to whoever processes slices."""

from collections.abc import Mapping

import pytest
from faust.types import TP
from hypothesis import given
from hypothesis import strategies as st

from processors.runtime.slices import OPEN_TRANSACTION_MS, FetchEpochs, Missing, Slice
from processors.runtime.timeouts import STALLED_SECONDS
from tests.processors.durability.counting import Record

HERE = TP("acme-contact-events", 3)


def offsets(batch: Slice) -> list[int]:
    return [record.offset for record in batch]


def records(*at: int) -> list[Record]:
    return [Record(offset, b"") for offset in at]


def a_slice(*at: int, begin: int) -> Slice:
    return Slice(records(*at), topic="contact-events", partition=3, begin=begin, epoch=1)


slices = st.builds(
    lambda at, hole: a_slice(*sorted(at), begin=min(at) - hole if min(at) >= hole else 0),
    st.sets(st.integers(0, 60), min_size=1),
    st.integers(0, 5),
)


@given(slices, st.integers(1, 20))
def test_the_pieces_of_a_slice_are_its_records_and_leave_no_gap(whole: Slice, size: int) -> None:
    pieces = list(whole.cut(size))

    assert [offset for piece in pieces for offset in offsets(piece)] == offsets(whole)
    assert all(0 < len(piece) <= size for piece in pieces)
    assert [piece.begin for piece in pieces] == [whole.begin, *(piece.end for piece in pieces[:-1])]
    assert {(piece.topic, piece.partition, piece.epoch) for piece in pieces} == {("contact-events", 3, 1)}


@given(slices, st.integers(0, 70))
def test_what_lies_since_an_offset_is_exactly_that(whole: Slice, offset: int) -> None:
    rest = whole.since(offset)

    assert offsets(rest) == [at for at in offsets(whole) if at >= offset]
    assert rest.begin <= max(offset, whole.begin) or not rest


def test_a_slice_begins_where_its_reading_stood_so_that_a_hole_belongs_to_it() -> None:
    marks = FetchEpochs({"acme-contact-events": "contact-events"})
    marks.seek(HERE, 10)

    first, second = marks.mark(HERE, records(12, 13)), marks.mark(HERE, records(20))

    assert (first.begin, first.end) == (10, 14)
    assert (second.begin, second.end) == (14, 21)
    assert (first.topic, first.partition) == ("contact-events", 3)


def test_after_a_seek_slices_are_of_a_newer_reading_and_begin_there() -> None:
    marks = FetchEpochs({})
    before = marks.mark(HERE, records(5, 6))

    epoch = marks.seek(HERE, 2)
    after = marks.mark(HERE, records(2, 3))

    assert before.epoch < epoch == after.epoch
    assert after.begin == 2


def test_after_a_new_assignment_nothing_is_claimed_about_what_lies_before_a_slice() -> None:
    marks = FetchEpochs({})
    old = marks.seek(HERE, 2)

    marks.start_over()
    fresh = marks.mark(HERE, records(9))

    assert fresh.epoch > old
    assert fresh.begin == 9


CASES: dict[str, tuple[Mapping[str, int], bool]] = {
    "everything was handed over": ({"position": 7, "stable": 7, "high": 7}, True),
    "transaction markers at the end have no record": ({"position": 9, "stable": 9, "high": 9}, True),
    "records wait": ({"position": 6, "stable": 7, "high": 7}, False),
    "an open transaction may still add records from before": ({"position": 7, "stable": 7, "high": 8}, False),
    "an empty partition is at its end": ({"position": 0, "stable": 0, "high": 0}, True),
}


@pytest.mark.parametrize(("seen", "at_end"), CASES.values(), ids=CASES.keys())
def test_when_a_partition_is_at_its_end(seen: Mapping[str, int], at_end: bool) -> None:
    assert FetchEpochs({}).progress(HERE, at=0, **seen).at_end is at_end


def test_a_transaction_left_open_holds_the_end_back_for_a_minute_only() -> None:
    marks = FetchEpochs({})
    stuck = {"position": 7, "stable": 7, "high": 8}

    ends = [marks.progress(HERE, at=at, **stuck).at_end for at in (0, OPEN_TRANSACTION_MS - 1, OPEN_TRANSACTION_MS)]

    assert ends == [False, False, True]


def test_transactions_that_follow_each_other_do_not_add_up_to_one_that_is_stuck() -> None:
    marks = FetchEpochs({})

    ends = [
        marks.progress(HERE, position=at, stable=at, high=at + 1, at=at * OPEN_TRANSACTION_MS // 2).at_end
        for at in range(6)
    ]

    assert not any(ends)


def test_the_end_is_known_as_of_when_the_fetch_was_sent_and_for_what_was_handed_over() -> None:
    marks = FetchEpochs({})
    epoch = marks.seek(HERE, 4)
    marks.asked(HERE, 1_000)

    at_first = marks.progress(HERE, position=4, stable=4, high=4, at=9_000)
    marks.mark(HERE, records(4, 5))
    marks.asked(HERE, 2_000)
    later = marks.progress(HERE, position=7, stable=7, high=7, at=9_000)

    assert (at_first.epoch, at_first.end, at_first.asked_at) == (epoch, 4, 1_000)
    assert (later.epoch, later.end, later.asked_at) == (epoch, 6, 2_000)


def test_a_slice_says_when_its_log_may_be_another_than_the_one_that_was_read() -> None:
    marks = FetchEpochs({})
    before, after = object(), object()
    marks.asked(HERE, 1_000, before)
    assert marks.mark(HERE, records(4, 5)).doubt == 0
    marks.asked(HERE, 2_000, before)
    assert marks.mark(HERE, records(7)).doubt == 0, "a hole is none"

    marks.asked(HERE, 3_000, after)
    of_another_broker = marks.mark(HERE, records(8, 9))
    assert of_another_broker.doubt > 0
    assert of_another_broker.part(1, 2).doubt == of_another_broker.doubt
    marks.seek(HERE, 8)
    marks.start_over()
    assert marks.mark(HERE, records(8)).doubt == of_another_broker.doubt, "a seek settles nothing"

    marks.seek(HERE, 9)
    from_the_beginning = marks.mark(HERE, records(0, 1))
    assert from_the_beginning.doubt > of_another_broker.doubt, "nobody sought what it begins with"
    assert marks.progress(HERE, position=2, stable=9, high=9, at=0).doubt == from_the_beginning.doubt
    assert marks.mark(TP("other", 0), records(0)).doubt == 0


def test_records_that_were_handed_over_and_did_not_come_are_overdue_after_a_while() -> None:
    missing = Missing()

    def overdue(at: float, *, offset: int = 7) -> bool:
        return missing.overdue(True, offset, at)

    assert [overdue(0), overdue(STALLED_SECONDS - 1), overdue(STALLED_SECONDS)] == [False, False, True]
    assert not overdue(STALLED_SECONDS + 1), "they were read again: now they have time to come"
    assert not overdue(3 * STALLED_SECONDS, offset=8), "other records are missing now"
    assert not missing.overdue(False, 8, 3 * STALLED_SECONDS + 1)
    assert not overdue(5 * STALLED_SECONDS, offset=8), "nothing was missing in between"
