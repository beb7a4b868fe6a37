"""What a checkpoint writes of the state, and how it is read back.

A message of the state topic is (encoding, sequence, entries). Entries that change something say it whole or as an
append. While the log is longer than `log_to_state` times the state, every checkpoint rewrites parts of the state beside
them *in rotation*, whole, as many bytes as changed. What lies before the oldest part that was not rewritten since can
be deleted: the topic stays within three times the state, a state that only grows is written once, and no checkpoint
ever stops to write a snapshot. Read from there, an append may come before what it appends to: the rotation brings the
whole later. After an erasure it goes round once, so that what was known of the customer leaves the log.

| entry | content |
|---|---|
| `append`, `case` | case key, its new events; all of its events |
| `removed` | case key |
| `ids` | topic, epoch, 8 bytes each |
| `values` | topic, values that dimensions of the KPIs admitted, as `encode_values` writes them |
| `partials` | topic, minute, names of the slots, partials, as `encode_partials` writes them |
| `erased` | (hash of a customer id, moment) pairs |
| `progress` | topic, day, counts |
| `meta` | everything of fixed size |
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from processors.cases.case import Case
from processors.cases.events import CaseEvent
from processors.kpis.encoding import decode_partials, decode_values, encode_partials, encode_values
from schemas.errors import OidorError
from schemas.topics import INPUTS

if TYPE_CHECKING:
    from processors.kpis.partials import PartialId, Slots
    from processors.state.partition import PartitionState, Pending

ENCODING: Final = 4
_LEAST_ROTATION: Final = 512
"""Bytes rewritten in rotation at least, so that a quiet partition gets round as well."""
_IDS_AN_ENTRY: Final = 4_096
_VALUES_AN_ENTRY: Final = 100
_PARTIALS_AN_ENTRY: Final = 32
_MESSAGE_ROOM: Final = 1_000
_NEVER: Final = -1

Entry = tuple[Any, ...]

Part = tuple[Any, ...]
"""What of the state is rewritten together: its kind, and which of its kind."""

_ALWAYS_THERE: Final[tuple[Part, ...]] = (
    *((kind, topic) for kind in ("ids", "values") for topic in INPUTS),
    ("erased",),
    ("progress",),
)


class StateError(OidorError):
    """A state that cannot be used; one line that says why and what to do."""


class _Whole(NamedTuple):
    """Where in the log a part was written whole last, or came into being."""

    sequence: int
    """0: where the log begins."""
    before: int
    """Bytes of the log before that."""
    size: int = 0
    """Bytes of a case, with what was appended to it."""


class Rotation:
    """The rewriting of all that stays, a few parts with each checkpoint: those that were written whole longest ago.

    So the parts stand in the order in which they were written last, and the first says from where the log is needed.
    What is known here is a function of the log: it is the same when the log is read.
    """

    def __init__(self, log_to_state: float) -> None:
        """`log_to_state`: how many times as long as the state its log may be before parts are rewritten; 0: always."""
        self._log_to_state = log_to_state
        self._written: OrderedDict[Part, _Whole] = OrderedDict.fromkeys(_ALWAYS_THERE, _Whole(0, 0))
        self._under_way: Iterator[Entry] = iter(())
        self._replaced: int | None = None
        """The sequence of the last whole copy of the part that is under way: until that is done, it is needed."""
        self._log = self._cases = 0
        """Bytes of the log, and of the cases in the state."""
        self._partials = self._partials_bytes = 0
        """Partials that went through the log, and their bytes: what one takes in the mean."""
        self._erased_at = _NEVER
        """The sequence of the last erasure: nothing up to there may stay."""
        self.needed_from = 0
        """The sequence from which the log holds the whole state; 0: from its beginning."""

    def passed(self, message: bytes) -> None:
        """A message with all its entries was read, or goes into a checkpoint."""
        self._log += len(message)

    def note(self, entry: Entry, size: int, sequence: int) -> None:
        """An entry of so many bytes is in the log, in the next message to pass."""
        match entry[0]:
            case "case":
                part = _case(entry[1])
                self._set(part, _Whole(sequence, self._log, size))
                self._written.move_to_end(part)
            case "append":
                part = _case(entry[1])
                since, before, held = self._written.get(part) or (sequence, self._log, 0)
                self._set(part, _Whole(since, before, held + size))
            case "gone":
                self._left(_case(entry[1]))
            case "erased":
                self._erased_at = sequence
            case "partials":
                self._partials += len(entry[4])
                self._partials_bytes += size
                self._written.setdefault(("minute", entry[1], entry[2]), _Whole(sequence, self._log))

    def budget(self, state: PartitionState, changed: int) -> int:
        """How many bytes a checkpoint rewrites that changes so many."""
        length = self._log - next(iter(self._written.values())).before
        if self.needed_from > self._erased_at and length <= self._log_to_state * self._size(state):
            return 0
        return max(_LEAST_ROTATION, changed)

    def next(self, state: PartitionState, budget: int) -> Iterator[bytes]:
        """Encoded entries of about `budget` bytes."""
        sequence = state.sequence
        while budget > 0:
            entry = next(self._under_way, None)
            if entry is not None:
                encoded = _encoder.encode(entry)
                budget -= len(encoded)
                if entry[0] != "erased":  # it repeats what was erased before
                    self.note(entry, len(encoded), sequence)
                yield encoded
                continue
            self._replaced = None
            part, known = next(iter(self._written.items()))
            if known.sequence == sequence:
                break
            whole = _whole(state, part)
            if whole is None:
                self._left(part)
            else:
                self._under_way, self._replaced = whole, known.sequence
                self._set(part, _Whole(sequence, self._log))
                self._written.move_to_end(part)
        oldest = next(iter(self._written.values())).sequence
        self.needed_from = oldest if self._replaced is None else min(oldest, self._replaced)

    def _size(self, state: PartitionState) -> float:
        """Bytes of the state, but for what is small in any."""
        ids = sum(len(seen) for seen in state.seen.values())
        partials = sum(assignment.count for assignment in state.partials.values())
        return self._cases + 8 * ids + partials * self._partials_bytes / max(1, self._partials)

    def _set(self, part: Part, whole: _Whole) -> None:
        known = self._written.get(part)
        self._cases += whole.size - (known.size if known is not None else 0)
        self._written[part] = whole

    def _left(self, part: Part) -> None:
        known = self._written.pop(part, None)
        if known is not None:
            self._cases -= known.size


def _case(key: Sequence[str]) -> Part:
    return "case", tuple(key)


def messages(state: PartitionState, pending: Pending, rotation: Rotation) -> Iterator[bytes]:
    """The delta of one checkpoint, in messages of at most `message_bytes`."""
    encoded: list[bytes] = []
    for entry in _changes(state, pending):
        encoded.append(_encoder.encode(entry))
        rotation.note(entry, len(encoded[-1]), state.sequence)
    meta = _encoder.encode(_meta(state))
    # A case that is rewritten whole has what was appended to it: the rotation comes after the changes.
    encoded += rotation.next(state, rotation.budget(state, sum(map(len, encoded)) + len(meta)))
    encoded.append(meta)
    for chunk in _chunks(encoded, state.rules.message_bytes - _MESSAGE_ROOM):
        message = _encoder.encode((ENCODING, state.sequence, chunk))
        rotation.passed(message)
        yield message


def _chunks(entries: Iterable[bytes], limit: int) -> Iterator[list[msgspec.Raw]]:
    chunk: list[msgspec.Raw] = []
    size = 0
    for entry in entries:
        if chunk and size + len(entry) > limit:
            yield chunk
            chunk, size = [], 0
        chunk.append(msgspec.Raw(entry))
        size += len(entry)
    yield chunk


def _changes(state: PartitionState, pending: Pending) -> Iterator[Entry]:
    for key in pending.removed:
        yield "gone", key
    for key, events in pending.appended.items():
        if key not in pending.replaced:
            yield "append", key, events
    for key in pending.replaced:
        yield "case", key, state.cases[key].events
    for topic, seen in state.seen.items():
        for epoch, ids in seen.drain():
            yield from _ids(topic, epoch, ids)
    if erased := state.erased.drain():
        yield "erased", erased
    for topic, assignment in state.partials.items():
        yield from _values(topic, assignment.new_values)
        for minute in assignment.changed:
            yield from _partials(topic, minute, assignment.changed)
    for topic, day in pending.progress:
        yield "progress", topic, day, state.progress[topic, day]


def _partials(topic: str, minute: int, minutes: dict[int, dict[PartialId, Slots]]) -> Iterator[Entry]:
    """The partials of a minute, each as it is when its turn comes; those that have left by then are passed over."""
    partials = list(minutes[minute])
    for start in range(0, len(partials), _PARTIALS_AN_ENTRY):
        held = minutes.get(minute, {})
        part = partials[start : start + _PARTIALS_AN_ENTRY]
        yield "partials", topic, minute, *encode_partials((key, held[key]) for key in part if key in held)


def _values(topic: str, values: list[PartialId]) -> Iterator[Entry]:
    for start in range(0, len(values), _VALUES_AN_ENTRY):
        yield "values", topic, encode_values(values[start : start + _VALUES_AN_ENTRY])


def _parts(state: PartitionState) -> Iterator[Part]:
    """Everything that stays."""
    yield from _ALWAYS_THERE
    for topic, assignment in state.partials.items():
        for minute in assignment.minutes:
            yield "minute", topic, minute
    for key in state.cases:
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
            return _values(topic, state.partials[topic].admitted_values())
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
            "max_timestamp": state.max_timestamp,
            "timers_fired_to": state.timers_fired_to,
            "now": state.now,
            "dropped": state.dropped,
            "remembered": {topic: seen.moments for topic, seen in state.seen.items()},
            "closed_before": {topic: assignment.closed_before_ms for topic, assignment in state.partials.items()},
        },
    )


def apply(state: PartitionState, message: bytes, rotation: Rotation) -> None:
    """Take in one message, in the order of the log. Raises `StateError`."""
    try:
        encoding, state.sequence, raw_entries = _decoder.decode(message)
        if encoding != ENCODING:
            raise StateError(
                f"partition {state.number}: its state has encoding {encoding}, this version reads {ENCODING}: "
                "run the version that wrote it, or a new OIDOR_APP_ID on a new database"
            )
        entries = [(_entry_decoder.decode(raw), len(raw)) for raw in raw_entries]
    except msgspec.MsgspecError as error:
        raise StateError(f"partition {state.number}: its state is not readable ({error})") from error
    for entry, size in entries:
        _apply(state, *entry)
        rotation.note(entry, size, state.sequence)
    rotation.passed(message)


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
        for value in decode_values(content[1]):
            state.partials[content[0]].restore_value(value)
    elif what == "partials":
        topic, minute, names, partials = content
        for partial, slots in decode_partials(names, partials):
            state.partials[topic].restore(minute, partial, slots)
    elif what == "progress":
        topic, day, counts = content
        state.progress[topic, day] = counts
    elif what == "meta":
        _apply_meta(state, content[0])


def _apply_meta(state: PartitionState, meta: dict[str, Any]) -> None:
    state.generation, state.partitions = meta["generation"], meta["partitions"]
    state.offsets.update(meta["offsets"])
    state.max_timestamp.update(meta["max_timestamp"])
    state.timers_fired_to.update(meta["timers_fired_to"])
    state.dropped.update(meta["dropped"])
    state.resume(meta["now"])
    for topic, (epoch, since, young_since) in meta["remembered"].items():
        state.seen[topic].moments = epoch, since, young_since
    for topic, moment_ms in meta["closed_before"].items():
        state.partials[topic].evict_before(moment_ms)


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(tuple[int, int, list[msgspec.Raw]])
_entry_decoder: Final = msgspec.msgpack.Decoder(tuple[Any, ...])
