"""Compaction of a log, of whatever tables: how long it gets, how little is written twice, and what may be deleted."""

import random
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.durability.changelog import Changelog, Delta, LogLimits
from processors.durability.table import Table
from schemas.outputs import Change, Key

ALWAYS, USUAL = LogLimits(message_bytes=5_000, log_to_state=0), LogLimits(message_bytes=5_000, log_to_state=2)


class Lists(dict[str, list[int]]):
    """Keys that are appended to, replaced and removed: the log says what is held."""

    name, version, purges, held = "lists", 1, False, None

    def __init__(self) -> None:
        super().__init__()
        self.fresh: list[Change] = []

    def append(self, key: str, number: int) -> None:
        self.setdefault(key, []).append(number)
        self.fresh.append(Change((key,), [number]))

    def replace(self, key: str, numbers: list[int]) -> None:
        self[key] = numbers
        self.fresh.append(Change((key,), [*numbers], whole=True))

    def remove(self, key: str) -> None:
        del self[key]
        self.fresh.append(Change((key,)))

    def items_in(self, content: Any) -> int:
        raise AssertionError("not asked where held is None")

    def changes(self) -> Iterator[Change]:
        fresh, self.fresh = self.fresh, []
        return iter(fresh)

    def all_keys(self) -> Iterable[Key]:
        return [(key,) for key in self]

    def whole(self, key: Key) -> Iterator[Change] | None:
        held = self.get(key[0])
        return None if held is None else iter([Change(key, held, whole=True)])

    def apply(self, change: Change, version: int) -> None:
        (key,) = change.key
        if change.content is None:
            self.pop(key, None)
        elif change.whole:
            self[key] = list(change.content)
        else:
            self.setdefault(key, []).extend(change.content)


class Latest(dict[int, int]):
    """One key whose items overwrite each other, written in pieces, of which old ones leave without a word."""

    name, version = "latest", 1
    PIECE = 3

    def __init__(self, *, purges: bool = False) -> None:
        super().__init__()
        self.purges = purges
        self.fresh: dict[int, None] = {}

    def put(self, item: int, number: int) -> None:
        self[item] = number
        self.fresh[item] = None

    @property
    def held(self) -> int | None:
        return len(self)

    def items_in(self, content: Any) -> int:
        return len(content)

    def changes(self) -> Iterator[Change]:
        fresh, self.fresh = self.fresh, {}
        return self._pieces(list(fresh))

    def all_keys(self) -> Iterable[Key]:
        return [()]

    def whole(self, key: Key) -> Iterator[Change] | None:
        return self._pieces(sorted(self))

    def apply(self, change: Change, version: int) -> None:
        for item, number in change.content:
            self[item] = number

    def _pieces(self, items: list[int]) -> Iterator[Change]:
        for start in range(0, len(items), self.PIECE):
            yield Change((), [(item, self[item]) for item in items[start : start + self.PIECE] if item in self])


class State:
    number = 0
    removed_tables: frozenset[str] = frozenset()

    def __init__(self, *, purges: bool = False) -> None:
        self.lists, self.latest = Lists(), Latest(purges=purges)
        self.tables: Mapping[str, Table] = {table.name: table for table in (self.lists, self.latest)}

    def meta(self) -> dict[str, Any]:
        return {}

    def restore(self, meta: Mapping[str, Any]) -> None: ...


class Log:
    """A changelog in front of a broker that deletes whatever is not needed at once."""

    def __init__(self, limits: LogLimits, state: State | None = None) -> None:
        self.state = state or State()
        self.changelog = Changelog(self.state, [], limits)
        self.changelog.initialise(1, 1)
        self.limits = limits
        self.deltas: list[Delta] = []

    def commit(self) -> Delta:
        self.changelog.begin()
        delta = self.changelog.write()
        self.deltas = [*(held for held in self.deltas if held.sequence >= delta.needed_from), delta]
        return delta

    def reopened(self) -> "Log":
        again = Log(self.limits)
        for delta in self.deltas:
            for message in delta.messages:
                again.changelog.apply(message)
        again.deltas = [*self.deltas]
        return again

    def size(self) -> int:
        return sum(len(message) for delta in self.deltas for message in delta.messages)

    def holds(self, what: bytes) -> bool:
        return any(what in message for delta in self.deltas for message in delta.messages)


def whole_size(state: State) -> int:
    """Bytes of the state, written whole once into a log of its own."""
    log = Log(USUAL)
    for key, numbers in state.lists.items():
        log.state.lists.replace(key, numbers)
    for item, number in state.latest.items():
        log.state.latest.put(item, number)
    return sum(map(len, log.commit().messages))


KEYS, NUMBERS = st.sampled_from("abcdef"), st.integers(0, 2**40)
STEPS = st.lists(
    st.tuples(st.sampled_from(["append", "replace", "remove", "put", "leave", "commit", "reopen"]), KEYS, NUMBERS),
    max_size=60,
)


@settings(max_examples=200)
@given(STEPS, st.sampled_from([ALWAYS, USUAL]), st.booleans())
def test_what_is_left_of_a_compacted_log_says_all_of_the_state(
    steps: list[tuple[str, str, int]], limits: LogLimits, purges: bool
) -> None:
    log = Log(limits, State(purges=purges))
    for what, key, number in steps:
        lists, latest = log.state.lists, log.state.latest
        if what == "append":
            lists.append(key, number)
        elif what == "replace":
            lists.replace(key, [number, number])
        elif what == "remove" and key in lists:
            lists.remove(key)
        elif what == "put":
            latest.put(number % 10, number)
        elif what == "commit":
            log.commit()
        elif what == "reopen":
            log.commit()
            log = log.reopened()
    log.commit()
    again = log.reopened().state
    assert (again.lists, again.latest) == (log.state.lists, log.state.latest)


def test_a_state_that_only_grows_is_written_once() -> None:
    log = Log(USUAL)
    for number in range(200):
        for place in range(20):
            log.state.lists.append(f"key-{number}-{place}", number)
        log.commit()

    assert log.deltas[-1].needed_from == 0
    assert log.size() < 1.5 * whole_size(log.state)


@pytest.mark.parametrize(("what", "times"), [("replaced", 3.2), ("overwritten in one key", 4.2)])
def test_however_often_the_same_changes_the_log_stays_within_a_few_times_the_state(what: str, times: float) -> None:
    """Of many keys each is needed only until it is rewritten; one that holds all, until its last piece is."""
    log, dice = Log(USUAL), random.Random(1)
    for number in range(400):
        log.state.lists.replace(f"key-{number}", [number] * 20)
        log.state.latest.put(number, number << 32)
    longest = 0.0
    for number in range(1_000):
        for _ in range(20):
            if what == "replaced":
                log.state.lists.replace(f"key-{dice.randrange(400)}", [number] * 20)
            else:
                log.state.latest.put(dice.randrange(400), number << 32)
        log.commit()
        if number % 25 == 0:
            longest = max(longest, log.size() / whole_size(log.state))

    assert log.deltas[-1].needed_from > 0
    assert 2 < longest < times


def test_what_was_removed_makes_room() -> None:
    log = Log(USUAL)
    for number in range(1_000):
        log.state.lists.replace(f"key-{number}", [number] * 20)
        if number >= 20:
            log.state.lists.remove(f"key-{number - 20}")
        log.commit()

    assert len(log.state.lists) == 20
    assert log.size() < 8 * whole_size(log.state)


def test_a_restart_compacts_as_who_never_restarted() -> None:
    log = Log(USUAL)
    for number in range(300):
        log.state.lists.replace(f"key-{number % 50}", [number] * 20)
        log.commit()
    again = log.reopened()
    for number in range(300):
        for one in (log, again):
            one.state.lists.replace(f"key-{number % 50}", [number] * 20)
            one.commit()

    assert again.state.lists == log.state.lists
    assert 0.9 < again.size() / log.size() < 1.1


def test_after_a_change_of_a_table_that_purges_nothing_from_before_stays_and_one_round_is_enough() -> None:
    log = Log(USUAL, State(purges=True))
    log.state.lists.replace("a", [1])
    log.commit()
    for number in range(50):
        log.state.lists.replace(f"key-{number}", [number] * 20)
        log.commit()
    assert log.holds(b"key-0")

    log.state.lists.remove("a")
    log.state.lists.remove("key-0")
    log.state.latest.put(1, 1)
    purge = log.commit().sequence
    while log.deltas[0].sequence <= purge:
        log.state.lists.append("z", 1)
        log.commit()

    assert not log.holds(b"key-0")
    needed = log.deltas[-1].needed_from
    for _ in range(10):
        log.state.lists.append("z", 1)
        log.commit()
    assert log.deltas[-1].needed_from == needed
