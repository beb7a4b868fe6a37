"""Seen event ids: two generations, bounded, and the same after a restart."""

from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.state.seen_ids import SeenIds, id_hash


class TwoGenerations:
    """What `SeenIds` is, written with two plain sets."""

    def __init__(self, most: int) -> None:
        self.half = max(1, most // 2)
        self.young: set[int] = set()
        self.old: set[int] = set()

    def add(self, value: int) -> None:
        if len(self.young) >= self.half:
            self.young, self.old = set(), self.young
        self.young.add(value)


IDS = st.integers(1, 2**64 - 1) | st.integers(1, 40) | st.integers(1, 40).map(lambda n: n << 10)
"""Any, few that come again, and such as all want the same slot of a small table."""


@settings(max_examples=200)
@given(st.integers(1, 30) | st.integers(1_500, 2_500), st.lists(IDS, max_size=200), st.lists(IDS, max_size=30))
def test_it_remembers_what_two_plain_sets_would(most: int, ids: list[int], others: list[int]) -> None:
    seen, model = SeenIds(most), TwoGenerations(most)
    for moment, value in enumerate(ids):
        assert (value in seen) is (value in model.young | model.old)
        if value not in seen:
            seen.add(value, moment)
            model.add(value)
        assert len(seen) == len(model.young) + len(model.old) <= most + 1
    for value in (*others, *ids):
        assert (value in seen) is (value in model.young | model.old)


@given(st.integers(1, 30), st.lists(st.lists(IDS, max_size=40), max_size=6))
def test_what_was_drained_makes_the_same_again(most: int, checkpoints: list[list[int]]) -> None:
    seen, again = SeenIds(most), SeenIds(most)
    for number, ids in enumerate(checkpoints):
        remember(seen, ids, 1_000 + number)
        for epoch, drained in seen.drain():
            again.restore(epoch, drained)
        again.moments = seen.moments
    assert_same(seen, again, {value for ids in checkpoints for value in ids})


@given(st.integers(1, 30), st.lists(IDS, max_size=80), st.lists(IDS, max_size=20), st.data())
def test_a_snapshot_and_what_came_after_it_makes_the_same_in_any_order_and_twice(
    most: int, before: list[int], after: list[int], data: st.DataObject
) -> None:
    seen, again = SeenIds(most), SeenIds(most)
    remember(seen, before, 1_000)
    seen.drain()
    snapshot = list(seen.snapshot())
    remember(seen, after, 2_000)
    for epoch, ids in data.draw(st.permutations([*snapshot, *seen.drain(), *snapshot])):
        again.restore(epoch, ids)
    again.moments = seen.moments
    assert_same(seen, again, {*before, *after})


def remember(seen: SeenIds, ids: list[int], record_at: int) -> None:
    for value in ids:
        if value not in seen:
            seen.add(value, record_at)


def assert_same(seen: SeenIds, again: SeenIds, values: set[int]) -> None:
    assert {value for value in values if value in again} == {value for value in values if value in seen}
    assert (len(again), again.since) == (len(seen), seen.since)
    assert again.drain() == [], "what was restored is not written again"


def test_between_half_of_the_bound_and_all_of_it_is_remembered() -> None:
    seen = SeenIds(1_000)
    for value in range(1, 10_001):
        seen.add(value, value)
    known = [value for value in range(1, 10_001) if value in seen]
    assert known == list(range(10_001 - len(known), 10_001))
    assert 500 <= len(known) <= 1_000


def test_it_knows_since_when_it_remembers_everything() -> None:
    seen = SeenIds(4)
    assert seen.since == 0
    for value in range(1, 8):
        seen.add(value, 100 * value)
    assert [value for value in range(1, 8) if value in seen] == [5, 6, 7]
    assert seen.since == 500


@pytest.mark.parametrize("ids", [10_000, 65_537, 100_000, 131_000])
def test_an_id_takes_at_most_forty_bytes(ids: int) -> None:
    """While it fills its first generation, just after and just before the table doubles: the worst of its life."""
    seen = SeenIds(2 * ids)
    for number in range(ids):
        seen.add(id_hash("crm", f"event-{number}"), number)
    seen.drain()
    tables = [table.slots for table in (seen._young, seen._old)]
    assert all(isinstance(slots, array) for slots in tables)
    assert sum(slots.itemsize * len(slots) for slots in tables) <= 40 * ids


def test_a_hash_is_of_source_and_id_and_is_never_nothing() -> None:
    assert id_hash("a", "b") == id_hash("a", "b")
    assert len({id_hash("a", "b"), id_hash("b", "a"), id_hash("ab", ""), id_hash("", "ab")}) == 4
    assert all(0 < id_hash("crm", str(number)) < 2**64 for number in range(1_000))
