"""The log of a state: tables come and go with releases, and what cannot be understood is refused."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
import pytest

from processors.durability.changelog import (
    ENCODING,
    Changelog,
    LogLimits,
    StateError,
    accepted,
    meta_of,
    provenance_of,
)
from processors.durability.provenance import Fingerprint
from processors.durability.table import Table
from schemas.outputs import Change, Key
from tests.processors.durability.counting import Record

LIMITS = LogLimits(message_bytes=2_000, log_to_state=2)


class Numbers(dict[str, int]):
    """A table of version 2. Version 1 wrote its numbers as text."""

    purges = False
    held = None

    def __init__(self, name: str = "numbers", version: int = 2) -> None:
        super().__init__()
        self.name, self.version = name, version
        self.fresh: list[str] = []

    def put(self, key: str, number: int) -> None:
        self[key] = number
        self.fresh.append(key)

    def items_in(self, content: Any) -> int:
        return 1

    def changes(self) -> Iterator[Change]:
        fresh, self.fresh = self.fresh, []
        return (self._change(key) for key in fresh)

    def all_keys(self) -> Iterable[Key]:
        return [(key,) for key in self]

    def whole(self, key: Key) -> Iterator[Change] | None:
        return iter([self._change(key[0])])

    def apply(self, change: Change, version: int) -> None:
        self[change.key[0]] = int(change.content) if version == 1 else change.content

    def _change(self, key: str) -> Change:
        return Change((key,), str(self[key]) if self.version == 1 else self[key], whole=True)


class State:
    """A state with these tables."""

    number = 3

    def __init__(self, *tables: Numbers, removed: Iterable[str] = ()) -> None:
        self.tables: Mapping[str, Table] = {table.name: table for table in tables}
        self.removed_tables = frozenset(removed)
        self.said: dict[str, Any] = {}

    def meta(self) -> dict[str, Any]:
        return self.said

    def restore(self, meta: Mapping[str, Any]) -> None:
        self.said = dict(meta)


def written(state: State, checkpoints: int = 1) -> list[bytes]:
    log = Changelog(state, ["in"], LIMITS)
    log.initialise(7, 12)
    messages = []
    for _ in range(checkpoints):
        log.begin()
        messages += log.write().messages
    return messages


def read(messages: Iterable[bytes], state: State) -> Changelog:
    log = Changelog(state, ["in"], LIMITS)
    for message in messages:
        log.apply(message)
    return log


def test_what_was_written_is_read() -> None:
    numbers, again = Numbers(), Numbers()
    numbers.put("a", 1)
    numbers.put("b", 2)
    state = State(numbers)
    state.said = {"now": 5}
    log = Changelog(state, ["in"], LIMITS)
    log.initialise(7, 12)
    log.offsets["in"] = 40
    log.begin()

    found = State(again)
    back = read(log.write().messages, found)

    assert again == numbers == {"a": 1, "b": 2}
    assert (back.sequence, back.generation, back.partitions, back.offsets) == (1, 7, 12, {"in": 40})
    assert found.said == {"now": 5}


def test_the_last_record_of_an_input_is_known_again_until_another_place_to_go_on_from_is_accepted() -> None:
    log = Changelog(State(), ["in", "quiet"], LIMITS)
    log.initialise(7, 12)
    log.advance("in", Record(4, b"before"))
    log.advance("in", Record(5, b"value", 1_000, b"key"))
    log.begin()
    (message,) = log.write().messages

    recorded, back = provenance_of(message), read([message], State())

    assert recorded is not None
    assert recorded.last_records == back.last_records == {"in": Fingerprint.of(Record(5, b"value", 1_000, b"key"))}
    assert recorded.offsets == {"in": 6, "quiet": 0}
    moved = accepted(message, {"in": 0}, {}, beyond=0)
    assert moved is not None
    assert read([message, moved], State()).last_records == {}


@pytest.mark.parametrize(
    "other",
    [
        Record(6, b"value", 1_000, b"key"),
        Record(5, b"value", 1_001, b"key"),
        Record(5, b"value2", 1_000, b"key"),
        Record(5, b"valu", 1_000, b"ekey"),
        Record(5, b"value", 1_000),
        Record(5, b"value", 1_000, b""),
    ],
)
def test_a_record_with_another_place_time_key_or_value_is_another(other: Record) -> None:
    assert Fingerprint.of(other) != Fingerprint.of(Record(5, b"value", 1_000, b"key"))


def test_a_checkpoint_that_is_longer_than_a_message_is_several() -> None:
    numbers, again = Numbers(), Numbers()
    for number in range(500):
        numbers.put(f"key-{number:04}", number)

    messages = written(State(numbers))
    read(messages, State(again))

    assert len(messages) > 1
    assert max(map(len, messages)) <= LIMITS.message_bytes
    assert again == numbers


def test_versions_of_rows_grow_with_every_checkpoint_and_with_every_new_state() -> None:
    log = Changelog(State(), [], LIMITS)
    log.initialise(7, 12)
    assert [log.begin(), log.begin()] == [7 << 32 | 1, 7 << 32 | 2]
    newer = Changelog(State(), [], LIMITS)
    newer.initialise(8, 12)
    assert newer.begin() > log.version


# Releases


def test_a_table_that_is_added_is_empty_in_an_older_log_and_written_from_then_on() -> None:
    numbers = Numbers()
    numbers.put("a", 1)
    old = written(State(numbers))
    state = State(Numbers(), Numbers("added", 1))
    log = read(old, state)
    added = state.tables["added"]
    assert isinstance(added, Numbers)
    added.put("x", 9)
    log.begin()

    again = State(Numbers(), Numbers("added", 1))
    read([*old, *log.write().messages], again)

    assert [*map(repr, again.tables.values())] == ["{'a': 1}", "{'x': 9}"]


def test_a_change_of_an_older_version_is_migrated_by_its_table() -> None:
    old, new = Numbers(version=1), Numbers(version=2)
    old.put("a", 1)

    read(written(State(old)), State(new))

    assert new == {"a": 1}


def test_a_table_that_was_removed_is_passed_over_and_leaves_the_log_with_compaction() -> None:
    gone, kept = Numbers("gone"), Numbers("kept")
    gone.put("a", 1)
    kept.put("b", 2)
    old = written(State(gone, kept))

    state = State(Numbers("kept"), removed=["gone"])
    log = read(old, state)
    needed_from = 0
    while needed_from < 2:
        log.begin()
        needed_from = log.write().needed_from

    assert [*map(repr, state.tables.values())] == ["{'b': 2}"]


REFUSED = {
    "a table that a newer version added": ([Numbers("newer")], "has a table newer, which this version does not know"),
    "a newer version of a table": ([Numbers(version=3)], "has version 3 of table numbers, this version reads 2"),
}


@pytest.mark.parametrize(("tables", "why"), REFUSED.values(), ids=REFUSED.keys())
def test_what_a_newer_version_wrote_is_refused_in_one_line_that_says_what_to_do(
    tables: list[Numbers], why: str
) -> None:
    for table in tables:
        table.put("a", 1)

    with pytest.raises(StateError, match=why) as refused:
        read(written(State(*tables)), State(Numbers()))

    assert str(refused.value).startswith("partition 3: ")
    assert "run the version that wrote it" in str(refused.value)
    assert "\n" not in str(refused.value)


FOREIGN = {
    "a newer encoding": (msgspec.msgpack.encode((ENCODING + 1, 7, ["anything"])), f"this version reads {ENCODING}"),
    "an encoding that is no number": (msgspec.msgpack.encode(("six", 7)), "its encoding is six"),
    "an older encoding": (msgspec.msgpack.encode((ENCODING - 1, 7, [])), "a new OIDOR_APP_ID"),
    "no message of ours": (b"{}", "not readable"),
    "an entry that is none": (msgspec.msgpack.encode((ENCODING, 7, [1])), "not readable"),
    "an entry without content": (msgspec.msgpack.encode((ENCODING, 7, [["numbers"]])), "not readable"),
    "content of another kind": (msgspec.msgpack.encode((ENCODING, 7, [["numbers", 1, ["a"], "x"]])), "not readable"),
    "nothing": (b"", "not readable"),
}


@pytest.mark.parametrize(("message", "why"), FOREIGN.values(), ids=FOREIGN.keys())
def test_what_is_no_log_of_ours_is_refused_in_one_line(message: bytes, why: str) -> None:
    with pytest.raises(StateError, match=why) as refused:
        read([message], State(Numbers()))

    assert str(refused.value).startswith("partition 3: ")
    assert "\n" not in str(refused.value)


def test_the_last_message_of_a_checkpoint_says_what_the_state_said_of_itself() -> None:
    numbers = Numbers()
    for number in range(500):
        numbers.put(f"key-{number:04}", number)
    state = State(numbers)
    state.said = {"halted": "why"}

    *others, last = written(state)

    assert meta_of(last) == {"halted": "why"}
    assert [meta_of(message) for message in (*others, b"", b"{}")] == [None] * (len(others) + 2)
