"""What a checkpoint writes of the state, and how it is read back.

A message of the state topic is (encoding, sequence, entries). Entries that change something say it whole or as an
append; beside them every checkpoint rewrites parts of the state *in rotation*, whole, as many bytes as changed. What
lies before the oldest part that was not rewritten since can be deleted: the topic stays within three times the state,
and no checkpoint ever stops to write a snapshot. Read from there, an append may come before what it appends to: the
rotation brings the whole later.

| entry | content |
|---|---|
| `append`, `case` | case key, its new events; all of its events |
| `gone` | case key |
| `ids` | topic, epoch, 8 bytes each |
| `values` | topic, (dimension, value) pairs that KPIs admitted |
| `partials` | topic, minute, (dimension, value, slots) of each |
| `erased` | (hash of a customer id, moment) pairs |
| `progress` | topic, day, counts |
| `meta` | everything of fixed size |
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

import msgspec

from processors.cases import Case
from processors.fold import CaseEvent

if TYPE_CHECKING:
    from processors.kpis import PartialId, Slots
    from processors.partition import PartitionState, Pending

ENCODING: Final = 3
_LEAST_ROTATION: Final = 512
"""Bytes rewritten in rotation at least, so that a quiet partition gets round as well."""
_IDS_AN_ENTRY: Final = 4_096
_VALUES_AN_ENTRY: Final = 100
_PARTIALS_AN_ENTRY: Final = 32
_MESSAGE_ROOM: Final = 1_000

Entry = tuple[Any, ...]

Part = tuple[Any, ...]
"""What of the state is rewritten together: its kind, and which of its kind."""


class StateError(Exception):
    """A state that cannot be used; one line that says why and what to do."""


class Rotation:
    """The rewriting of all that stays, a few parts with each checkpoint: those that were written whole longest ago.

    So the parts stand in the order in which they were written last, and the first says from where the log is needed.
    """

    def __init__(self) -> None:
        self._written: OrderedDict[Part, int] = OrderedDict()
        """The sequence at which each part was last written whole, or came into being; 0: before this process."""
        self._under_way: Iterator[Entry] = iter(())
        self.needed_from = 0
        """The sequence from which the log holds the whole state; 0: from its beginning."""

    def next(self, state: PartitionState, new: Iterable[Part], budget: int) -> Iterator[bytes]:
        """Encoded entries of about `budget` bytes; `new` are parts that may have come into being since the last."""
        written, sequence = self._written, state.sequence
        if not written:
            written.update(dict.fromkeys(_parts(state), 0))
        for part in new:
            written.setdefault(part, sequence)
        while budget > 0:
            entry = next(self._under_way, None)
            if entry is not None:
                encoded = _encoder.encode(entry)
                budget -= len(encoded)
                yield encoded
                continue
            part, since = next(iter(written.items()))
            if since == sequence:
                return
            self.needed_from = since
            whole = _whole(state, part)
            if whole is None:
                del written[part]
            else:
                self._under_way = whole
                written[part] = sequence
                written.move_to_end(part)


def messages(state: PartitionState, pending: Pending, rotation: Rotation) -> Iterator[bytes]:
    """The delta of one checkpoint, in messages of at most `message_bytes`."""
    changes = [_encoder.encode(entry) for entry in _changes(state, pending)]
    budget = max(_LEAST_ROTATION, sum(map(len, changes)))
    # A case that is rewritten whole has what was appended to it: the rotation comes after the changes.
    encoded = [*changes, *rotation.next(state, _new_parts(state, pending), budget), _encoder.encode(_meta(state))]
    chunk: list[msgspec.Raw] = []
    size = 0
    for entry in encoded:
        if chunk and size + len(entry) > state.rules.message_bytes - _MESSAGE_ROOM:
            yield _encoder.encode((ENCODING, state.sequence, chunk))
            chunk, size = [], 0
        chunk.append(msgspec.Raw(entry))
        size += len(entry)
    yield _encoder.encode((ENCODING, state.sequence, chunk))


def _changes(state: PartitionState, pending: Pending) -> Iterator[Entry]:
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
        yield from _values(topic, owner.new_values)
        for minute in owner.changed:
            yield from _partials(topic, minute, owner.changed)
    for topic, day in pending.progress:
        yield "progress", topic, day, state.progress[topic, day]


def _partials(topic: str, minute: int, minutes: dict[int, dict[PartialId, Slots]]) -> Iterator[Entry]:
    """The partials of a minute, each as it is when its turn comes; those that have left by then are passed over."""
    partials = list(minutes[minute])
    for start in range(0, len(partials), _PARTIALS_AN_ENTRY):
        held = minutes.get(minute, {})
        part = partials[start : start + _PARTIALS_AN_ENTRY]
        yield "partials", topic, minute, [(*partial, held[partial]) for partial in part if partial in held]


def _values(topic: str, values: list[PartialId]) -> Iterator[Entry]:
    for start in range(0, len(values), _VALUES_AN_ENTRY):
        yield "values", topic, values[start : start + _VALUES_AN_ENTRY]


def _parts(state: PartitionState) -> Iterator[Part]:
    """Everything that stays."""
    for topic, owner in state.partials.items():
        yield "ids", topic
        yield "values", topic
        for minute in owner.minutes:
            yield "minute", topic, minute
    yield ("erased",)
    yield ("progress",)
    for key in state.cases:
        yield "case", key


def _new_parts(state: PartitionState, pending: Pending) -> Iterator[Part]:
    """Of those that come and go, what this checkpoint writes of."""
    for topic, owner in state.partials.items():
        for minute in owner.changed:
            yield "minute", topic, minute
    for key in pending.appended:
        yield "case", key
    for key in pending.rewritten:
        yield "case", key


def whole(state: PartitionState) -> Iterator[Entry]:
    """Entries from which the state can be read back, but for `meta`."""
    for part in _parts(state):
        yield from _whole(state, part) or ()


def _whole(state: PartitionState, part: Part) -> Iterator[Entry] | None:
    """A part as it is when its turn comes; None when it is not there any more."""
    match part:
        case ("case", key):
            case = state.cases.get(key)
            return None if case is None else iter([("case", key, case.events)])
        case ("minute", topic, minute):
            minutes = state.partials[topic].minutes
            return _partials(topic, minute, minutes) if minute in minutes else None
        case ("ids", topic):
            snapshot = state.seen[topic].snapshot()
            return (entry for epoch, ids in snapshot for entry in _ids(topic, epoch, ids))
        case ("values", topic):
            return _values(topic, state.partials[topic].known_values())
        case ("erased",):
            return (("erased", erased) for erased in state.erased.snapshot())
        case _:
            return iter([("progress", *day, counts) for day, counts in state.progress.items()])


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
    elif what == "partials":
        topic, minute, partials = content
        for dimension, value, slots in partials:
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
