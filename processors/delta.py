"""What a checkpoint writes of the state, and how it is read back.

A message of the state topic is (encoding, sequence, entries). Entries that change something say it whole or as an
append; beside them every checkpoint rewrites others of the state *in rotation*, whole, twice as many bytes as changed.
Once a rotation is complete, all that lies before its beginning is in it, and can be deleted: the topic stays within
three times the state, and no checkpoint ever stops to write a snapshot. Read from such a beginning, an append may come
before what it appends to: the rotation brings the whole later.

| entry | content |
|---|---|
| `append`, `case` | case key, its new events; all of its events |
| `gone` | case key |
| `ids` | topic, epoch, 8 bytes each |
| `values` | topic, (dimension, value) pairs that KPIs admitted |
| `partial` | topic, minute, (dimension, value), slots |
| `erased` | (hash of a customer id, moment) pairs |
| `progress` | topic, day, counts |
| `meta` | everything of fixed size |
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

import msgspec

from processors.cases import Case, CaseEvent

if TYPE_CHECKING:
    from processors.partition import ChangedPartial, PartitionState, Pending

ENCODING: Final = 1
ROTATION_FACTOR: Final = 2
"""Bytes rewritten in rotation for each byte that changed."""
_LEAST_ROTATION: Final = 512
"""Bytes rewritten at least, so that a quiet partition gets round as well."""
_IDS_AN_ENTRY: Final = 4_096
_MESSAGE_ROOM: Final = 1_000

Entry = tuple[Any, ...]


class StateError(Exception):
    """A state that cannot be used; one line that says why and what to do."""


class Rotation:
    """The rewriting of all that stays, a part with each checkpoint."""

    def __init__(self) -> None:
        self._entries: Iterator[Entry] = iter(())
        self._began = 0
        self.needed_from = 0
        """The sequence from which the log holds the whole state; 0 while no rotation is complete."""

    def next(self, state: PartitionState, budget: int) -> Iterator[bytes]:
        """Encoded entries of about `budget` bytes; begins anew when it has been round."""
        if not self._began:
            self._began, self._entries = state.sequence, _whole(state)
        while budget > 0:
            entry = next(self._entries, None)
            if entry is None:
                self.needed_from, self._began = self._began, 0
                return
            encoded = _encoder.encode(entry)
            budget -= len(encoded)
            yield encoded


def messages(
    state: PartitionState, pending: Pending, partials: Iterable[ChangedPartial], rotation: Rotation
) -> Iterator[bytes]:
    """The delta of one checkpoint, in messages of at most `message_bytes`."""
    changes = [_encoder.encode(entry) for entry in _changes(state, pending, partials)]
    budget = max(_LEAST_ROTATION, ROTATION_FACTOR * sum(map(len, changes)))
    # A case that is rewritten whole has what was appended to it: the rotation comes after the changes.
    encoded = [*changes, *rotation.next(state, budget), _encoder.encode(_meta(state))]
    chunk: list[msgspec.Raw] = []
    size = 0
    for entry in encoded:
        if chunk and size + len(entry) > state.rules.message_bytes - _MESSAGE_ROOM:
            yield _encoder.encode((ENCODING, state.sequence, chunk))
            chunk, size = [], 0
        chunk.append(msgspec.Raw(entry))
        size += len(entry)
    yield _encoder.encode((ENCODING, state.sequence, chunk))


def _changes(state: PartitionState, pending: Pending, partials: Iterable[ChangedPartial]) -> Iterator[Entry]:
    for key in pending.gone:
        yield "gone", key
    for key, events in pending.appended.items():
        if key not in pending.rewritten:
            yield "append", key, events
    for key in pending.rewritten:
        yield "case", key, state.cases[key].events
    for topic, seen in state.seen.items():
        for epoch, ids in seen.drain():
            yield from _ids(topic, epoch, ids)
    if erased := state.erased.drain():
        yield "erased", erased
    for topic, owner in state.partials.items():
        if owner.new_values:
            yield "values", topic, owner.new_values
    for topic, minute, partial, slots in partials:
        yield "partial", topic, minute, partial, slots
    for topic, day in pending.progress:
        yield "progress", topic, day, state.progress[topic, day]


def _whole(state: PartitionState) -> Iterator[Entry]:
    """Everything that stays, each as it is when its turn comes; what has left by then is passed over."""
    for topic, seen in state.seen.items():
        for epoch, ids in seen.snapshot():
            yield from _ids(topic, epoch, ids)
    for erased in state.erased.snapshot():
        yield "erased", erased
    for topic, owner in state.partials.items():
        for value in owner.known_values():
            yield "values", topic, [value]
        for minute in list(owner.minutes):
            for partial in list(owner.minutes.get(minute, ())):
                slots = owner.minutes.get(minute, {}).get(partial)
                if slots is not None:
                    yield "partial", topic, minute, partial, slots
    for topic, day in list(state.progress):
        yield "progress", topic, day, state.progress[topic, day]
    for key in list(state.cases):
        case = state.cases.get(key)
        if case is not None:
            yield "case", key, case.events


def _ids(topic: str, epoch: int, ids: bytes) -> Iterator[Entry]:
    for start in range(0, len(ids), 8 * _IDS_AN_ENTRY):
        yield "ids", topic, epoch, ids[start : start + 8 * _IDS_AN_ENTRY]


def _meta(state: PartitionState) -> Entry:
    return (
        "meta",
        {
            "generation": state.generation,
            "partitions": state.partitions,
            "offsets": state.offsets,
            "greatest": state.greatest,
            "decided": state.decided,
            "now": state.now,
            "dropped": state.dropped,
            "remembered": {topic: seen.moments for topic, seen in state.seen.items()},
            "floors": {topic: owner.floor for topic, owner in state.partials.items()},
        },
    )


def apply(state: PartitionState, message: bytes) -> None:
    """Take in one message, in the order of the log. Raises `StateError`."""
    try:
        encoding, sequence, entries = _decoder.decode(message)
    except msgspec.MsgspecError as error:
        raise StateError(f"partition {state.number}: its state is not readable ({error})") from error
    if encoding != ENCODING:
        raise StateError(
            f"partition {state.number}: its state has encoding {encoding}, this version reads {ENCODING}: "
            "run the version that wrote it, or a new OIDOR_APP_ID on a new database"
        )
    state.sequence = sequence
    for entry in entries:
        _apply(state, *entry)


def _apply(state: PartitionState, what: str, *content: Any) -> None:
    if what in ("append", "case"):
        key = tuple(content[0])
        case = state.cases.get(key)
        if case is None or what == "case":
            case = state.cases[key] = Case(key)
        case.events.extend(CaseEvent(*event) for event in content[1])
    elif what == "gone":
        state.cases.pop(tuple(content[0]), None)
    elif what == "ids":
        topic, epoch, ids = content
        state.seen[topic].restore(epoch, ids)
    elif what == "erased":
        state.erased.restore(content[0])
    elif what == "values":
        for dimension, value in content[1]:
            state.partials[content[0]].know((dimension, value))
    elif what == "partial":
        topic, minute, (dimension, value), slots = content
        state.partials[topic].put(minute, (dimension, value), slots)
    elif what == "progress":
        topic, day, counts = content
        state.progress[topic, day] = counts
    elif what == "meta":
        _apply_meta(state, content[0])


def _apply_meta(state: PartitionState, meta: dict[str, Any]) -> None:
    state.generation, state.partitions = meta["generation"], meta["partitions"]
    state.offsets.update(meta["offsets"])
    state.greatest.update(meta["greatest"])
    state.decided.update(meta["decided"])
    state.dropped.update(meta["dropped"])
    state.resume(meta["now"])
    for topic, (epoch, since, young_since) in meta["remembered"].items():
        state.seen[topic].moments = epoch, since, young_since
    for topic, floor in meta["floors"].items():
        state.partials[topic].leave_before(floor)


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(tuple[int, int, list[Any]])
