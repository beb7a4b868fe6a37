"""`Changelog`: what each checkpoint appends to the log of a state, and how the state is read back from it.

A message of the state topic is (encoding, sequence, part, entries). An entry is a change of a table, (table, version,
key, content, whole), or the last of a checkpoint: ("meta", values), everything of fixed size, with the next input
offsets and the `Provenance`. A message is at most `message_bytes` long, so a checkpoint may be several parts, numbered
from 0; all of them are in one transaction. What is missing in between, or at the beginning, is noticed by the numbers.

Tables come and go without a new application id: one that is added is empty in a log that does not know it, one that is
removed is passed over once its name stands in `removed_tables`. A change of an older version is migrated by its table.
What a newer Oidor wrote is refused, for what is not understood would be lost with the next checkpoint.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from processors.durability.compaction import Compaction
from processors.durability.provenance import (
    OTHER_VERSION,
    Fingerprint,
    InputTopic,
    Position,
    Provenance,
    StateLog,
    begins_late,
    is_cut,
)
from processors.durability.table import Table, encode
from schemas.errors import OidorError
from schemas.outputs import Change

ENCODING: Final = 6
_META: Final = "meta"
_SEQUENCES: Final = (1 << 32) - 1
_UNREADABLE: Final = (msgspec.MsgspecError, LookupError, TypeError, ValueError, AttributeError)
"""What decoding raises for a message of another version, or of nobody's."""
_MESSAGE_ROOM: Final = 1_000
"""Bytes of a message beside its entries, at most."""


class StateError(OidorError):
    """A state that cannot be used; one line that says why and what to do."""


class LostError(StateError):
    """A part of the log is missing: what is left gives no state."""

    def __init__(self, number: int, what: str) -> None:
        self.what = what
        super().__init__(
            f"partition {number}: the log of its state {what}: a part of it was deleted. Restore the "
            "topic, or with all workers stopped `oidor inputs accept --from beginning` begins such partitions anew"
        )


class ForeignError(StateError):
    """The log is of another version, which can go on with it."""

    def __init__(self, number: int, what: str) -> None:
        self.what = what
        super().__init__(f"partition {number}: its state {what}: {OTHER_VERSION}")


@dataclass(frozen=True, slots=True)
class LogLimits:
    """How long a log and its messages may get."""

    message_bytes: int
    """A message of the log, at most."""
    log_to_state: float
    """How many times as long as the state its log may be before it is compacted; 0: every checkpoint compacts."""


class Durable(Protocol):
    """The part of a state that its log holds."""

    @property
    def number(self) -> int:
        """Of its partition."""

    @property
    def tables(self) -> Mapping[str, Table]:
        """By name. A table is declared once, here."""

    @property
    def removed_tables(self) -> frozenset[str]:
        """Names of tables that former versions wrote and this one does without."""

    def meta(self) -> dict[str, Any]:
        """Everything of fixed size, by name, as MessagePack carries it: written with every checkpoint."""

    def restore(self, meta: Mapping[str, Any]) -> None:
        """Take in what `meta` gave, of this version or another: a name may be missing, or unknown."""


class Delta(NamedTuple):
    """What one checkpoint appends to the log."""

    sequence: int
    messages: list[bytes]
    needed_from: int
    """The sequence of the oldest delta that the state still needs, with this one; 0: all of them."""


class Changelog:
    """The log of one partition's state, and where it has got to."""

    def __init__(self, state: Durable, topics: Iterable[str], limits: LogLimits) -> None:
        """`state` is empty; `topics` are the inputs, by logical name."""
        self.sequence = self.generation = self.partitions = 0
        """Checkpoints so far; the Unix second at which the empty state was created; partitions of every topic then."""
        self.offsets: dict[str, int] = dict.fromkeys(topics, 0)
        """Input topic -> the next offset to process."""
        self.inputs: dict[str, InputTopic] = {}
        """Input topic -> the one on Kafka that the state was computed from."""
        self.needed_from = 0
        """The sequence of the oldest checkpoint that the state needs, as of the last one."""
        self.raised = 0
        """What versions were raised by, to exceed those of a state that was lost."""
        self.first: Position | None = None
        """Where the log begins; None while nothing was read of it."""
        self._state, self._limits = state, limits
        self._compaction = Compaction(state.tables, limits.log_to_state)
        self._last: Position | None = None
        self._read: dict[str, Any] = {}
        """Input topic -> the last record that was read since the log was, as a consumer gave it."""
        self._recorded: dict[str, Fingerprint] = {}
        """Input topic -> the last record as of the last checkpoint."""
        self._complete = True

    def initialise(self, generation: int, partitions: int) -> None:
        """There is nothing in the log: this is the first opening."""
        self.generation, self.partitions = generation, partitions

    @property
    def version(self) -> int:
        """Of the rows of the last checkpoint: greater than that of all before, and of all earlier generations."""
        return self.generation << 32 | self.sequence + self.raised

    @property
    def provenance(self) -> Provenance:
        """What a checkpoint that is made now records; it stays as it is."""
        offsets, last_records = dict(self.offsets), dict(self.last_records)
        return Provenance(self.inputs, self.partitions, offsets, last_records, self.needed_from, self.version)

    @property
    def last_records(self) -> Mapping[str, Fingerprint]:
        """Input topic -> the last record that was read. None is described before somebody asks: most are never."""
        self._recorded |= {topic: Fingerprint.of(record) for topic, record in self._read.items()}
        self._read.clear()
        return self._recorded

    def advance(self, topic: str, record: Any) -> None:
        """Go on behind a record of an input."""
        self.offsets[topic] = max(record.offset + 1, self.offsets[topic])
        self._read[topic] = record

    @property
    def incarnations(self) -> dict[str, int]:
        """Input topic -> which topic of this name the state was computed from."""
        return {topic: self.inputs[topic].incarnation if topic in self.inputs else 0 for topic in self.offsets}

    def begin(self) -> int:
        """Begin a checkpoint; returns the version of its rows."""
        self.sequence += 1
        return self.version

    def write(self) -> Delta:
        """Drain what changed in the tables. The state is ahead of the log until this is committed."""
        entries = list(self._changes())
        meta = self._meta()
        # A key that is rewritten whole has what was added to it: what compaction rewrites comes after the changes.
        entries += self._compaction.rewrite(self.sequence, sum(map(len, entries)) + len(_encode((_META, meta))))
        # Read back, a log may seem to be needed from further back than it was: what was cut since is not missed.
        self.needed_from = meta["needed_from"] = max(self.needed_from, self._compaction.needed_from)
        entries.append(_encode((_META, meta)))
        messages = [
            _encode((ENCODING, self.sequence, part, chunk))
            for part, chunk in enumerate(_chunks(entries, self._limits.message_bytes - _MESSAGE_ROOM))
        ]
        for message in messages:
            self._compaction.advance(message)
        return Delta(self.sequence, messages, self.needed_from)

    def _changes(self) -> Iterator[bytes]:
        for table in self._state.tables.values():
            for change in table.changes():
                entry = encode(table, change)
                self._compaction.observe(table, change, len(entry), self.sequence)
                yield entry

    def _meta(self) -> dict[str, Any]:
        return {
            "generation": self.generation,
            "raised": self.raised,
            "partitions": self.partitions,
            "inputs": self.inputs,
            "needed_from": self.needed_from,
            "offsets": self.offsets,
            "last_records": self.last_records,
            "state": self._state.meta(),
        }

    def apply(self, message: bytes) -> None:
        """Take in a message, in the order of the log. Raises `StateError`."""
        try:
            encoding, position, entries = _opened(message)
            if encoding != ENCODING:
                raise self._foreign(_of_encoding(encoding))
            self._take_place(position)
            for entry in entries:
                self._apply(_decode_entry(entry), len(entry))
        except _UNREADABLE as error:
            raise self._foreign(_unreadable(error)) from error
        self._compaction.advance(message)

    def check_whole(self) -> None:
        """All of the log was applied: raise `StateError` when its beginning or its end is missing."""
        if self.first is None:
            return
        if is_cut(self.first, self.needed_from):
            raise self._lost(begins_late(self.first, self.needed_from))
        if not self._complete:
            raise self._lost(f"ends within checkpoint {self.sequence}")

    def _take_place(self, position: Position) -> None:
        last = self._last
        if last is None:
            self.first = position
        elif position != (Position(last.sequence + 1, 0) if self._complete else Position(last.sequence, last.part + 1)):
            raise self._lost(f"has a gap after checkpoint {last.sequence}")
        self._last, self._complete, self.sequence = position, False, position.sequence

    def _apply(self, entry: tuple[Any, ...], size: int) -> None:
        name, *content = entry
        if name == _META:
            self._restore(*content)
            return
        table = self._state.tables.get(name)
        if table is None:
            if name not in self._state.removed_tables:
                raise self._foreign(f"has a table {name}, which this version does not know")
            return
        version, key, *rest = content
        if version > table.version:
            raise self._foreign(f"has version {version} of table {name}, this version reads {table.version}")
        change = Change(tuple(key), *rest)
        table.apply(change, version)
        self._compaction.observe(table, change, size, self.sequence)

    def _restore(self, meta: dict[str, Any]) -> None:
        self.generation, self.raised, self.partitions = meta["generation"], meta["raised"], meta["partitions"]
        self.inputs = {topic: InputTopic(*one) for topic, one in meta["inputs"].items()}
        self.needed_from = meta["needed_from"]
        self.offsets.update(meta["offsets"])
        self._recorded = _last_records(meta)
        self._state.restore(meta["state"])
        self._complete = True

    def _lost(self, what: str) -> LostError:
        return LostError(self._state.number, what)

    def _foreign(self, what: str) -> ForeignError:
        return ForeignError(self._state.number, what)


def foreign(message: bytes) -> str | None:
    """Why this version cannot read a message of a log, as "has encoding 6, ..."; None when it can."""
    try:
        encoding, _, entries = _opened(message)
        if encoding != ENCODING:
            return _of_encoding(encoding)
        name, *content = _decode_entry(entries[-1])
        if name == _META:
            _recorded(message, content[0])
    except _UNREADABLE as error:
        return _unreadable(error)
    return None


def decisive(messages: Sequence[bytes]) -> bytes | None:
    """The last of a log's messages that ends a checkpoint, or that this version cannot read; None without any."""
    telling = (one for one in reversed(messages) if foreign(one) is not None or provenance_of(one) is not None)
    return next(telling, None)


def state_log(low: int, first: bytes | None, last: bytes | None) -> StateLog:
    """What a log is like of which `low` is the first offset, given its first message and its `decisive` one."""
    ends = [one for one in (first, last) if one is not None]
    unread = next((why for one in ends if (why := foreign(one)) is not None), None)
    if unread is not None:
        return StateLog(low, None, None, unread)
    begins = None if first is None else position_of(first)
    return StateLog(low, begins, None if last is None else provenance_of(last))


def meta_of(message: bytes) -> Mapping[str, Any] | None:
    """What `Durable.meta` gave for a checkpoint, from its last message; None of any other message."""
    meta = _meta_in(message)
    return None if meta is None else meta["state"]


def provenance_of(message: bytes) -> Provenance | None:
    """What a checkpoint recorded of its inputs and its log, from its last message; None of any other message."""
    meta = _meta_in(message)
    try:
        return None if meta is None else _recorded(message, meta)
    except _UNREADABLE:
        return None


def _recorded(message: bytes, meta: Mapping[str, Any]) -> Provenance:
    inputs = {topic: InputTopic(*one) for topic, one in meta["inputs"].items()}
    version = meta["generation"] << 32 | _opened(message)[1].sequence + meta["raised"]
    return Provenance(inputs, meta["partitions"], meta["offsets"], _last_records(meta), meta["needed_from"], version)


def accepted(last: bytes, offsets: Mapping[str, int], inputs: Mapping[str, InputTopic], beyond: int) -> bytes | None:
    """The one message of a checkpoint that changes nothing but where it goes on, after the one that ends with `last`.

    `offsets` and `inputs` by logical name; its rows, and all later ones, have versions beyond `beyond`. None when
    `last` ends no checkpoint.
    """
    meta = _meta_in(last)
    if meta is None:
        return None
    sequence = _opened(last)[1].sequence + 1
    if beyond >= meta["generation"] << 32 | sequence + meta["raised"]:
        meta |= {"generation": beyond >> 32, "raised": (beyond & _SEQUENCES) + 1 - sequence}
    meta |= {
        "offsets": meta["offsets"] | offsets,
        "last_records": {topic: one for topic, one in meta["last_records"].items() if topic not in offsets},
        "inputs": meta["inputs"] | inputs,
    }
    return _encode((ENCODING, sequence, 0, [msgspec.Raw(_encode((_META, meta)))]))


def _last_records(meta: Mapping[str, Any]) -> dict[str, Fingerprint]:
    return {topic: Fingerprint(*one) for topic, one in meta["last_records"].items()}


def position_of(message: bytes) -> Position | None:
    """Where a message stands in its log; None when this version cannot say."""
    try:
        encoding, position, _ = _opened(message)
    except _UNREADABLE:
        return None
    return position if encoding == ENCODING else None


def _meta_in(message: bytes) -> dict[str, Any] | None:
    try:
        encoding, _, entries = _opened(message)
        name, *content = _decode_entry(entries[-1])
        return content[0] if (encoding, name) == (ENCODING, _META) else None
    except _UNREADABLE:
        return None


def _of_encoding(encoding: object) -> str:
    by = "a newer" if isinstance(encoding, int) and encoding > ENCODING else "another"
    return f"was written by {by} release of Oidor (its encoding is {encoding}, this version reads {ENCODING})"


def _unreadable(error: Exception) -> str:
    return f"is not readable ({type(error).__name__}: {error})"


def _opened(message: bytes) -> tuple[int, Position, list[msgspec.Raw]]:
    """Encoding, position and entries; of another encoding nothing but that is known."""
    try:
        encoding, sequence, part, entries = _decode(message)
    except msgspec.ValidationError:
        encoding = _decode_any(message)[0]
        if encoding == ENCODING:
            raise
        return encoding, Position(0, 0), []
    return encoding, Position(sequence, part), entries


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


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(tuple[int, int, int, list[msgspec.Raw]]).decode
_decode_any: Final = msgspec.msgpack.Decoder(tuple[Any, ...]).decode
_decode_entry: Final = _decode_any
