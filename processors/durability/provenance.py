"""`Provenance`: from which topics a state was computed, and whether those on the cluster are still the same.

A topic that was deleted and made again has the name of the old one and other records at its offsets; a state that goes
on with it skips what it takes for read. The same holds for a log that lost its end and has grown again. So each
checkpoint records names, topic ids, the number of partitions, the last record that was read of each input, and from
which checkpoint on its own log is needed. What is recorded and what is found are compared here, without asking anybody.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from hashlib import blake2b
from typing import Any, Final, NamedTuple, Self

from schemas.topics import NO_ID, TopicIdentity

_REREAD: Final = "with all workers stopped, `oidor inputs accept --from beginning` reads"
_ANEW: Final = (
    "restore the topic, or with all workers stopped `oidor inputs accept --from beginning` begins such partitions anew "
    "with what the inputs still hold"
)

OTHER_VERSION: Final = "run the version that wrote it, or a new OIDOR_APP_ID on a new database"
_OTHER_COUNT: Final = (
    "customers move between partitions when their number changes: a new OIDOR_APP_ID on a new database, and a replay"
)


class InputTopic(NamedTuple):
    """A topic by its name on Kafka and its id, 16 bytes, and which of those of this name it is for the rows."""

    name: str
    id: bytes = NO_ID
    incarnation: int = 0
    """Part of the key of whatever is stored by offset, so that other records at the same offsets replace nothing.

    0 at first. `oidor inputs accept` raises it when reading goes on in another topic, or at offsets below what was
    read: the topic was cut, its state is begun anew, or all of Kafka was restored to an older moment. Nothing else
    does, so that what is read again after a crash, or by a replay, replaces itself.
    """

    def is_other_than(self, id_: bytes) -> bool:
        """Whether an id is certainly that of another topic: one that is not known may be any."""
        return NO_ID not in (self.id, id_) and self.id != id_


class Fingerprint(NamedTuple):
    """A record by which a log is known again: where it stands, and what it is."""

    offset: int
    timestamp: int
    """Of Kafka, in ms."""
    digest: bytes
    """Of key and value, 8 bytes."""

    @classmethod
    def of(cls, record: Any) -> Self:
        """Describe a record as a consumer gives it."""
        digest = blake2b(digest_size=8)
        for content in (record.key, record.value):
            digest.update(b"-" if content is None else b"%d:%b" % (len(content), content))
        return cls(record.offset, record.timestamp, digest.digest())


class Provenance(NamedTuple):
    """What the last checkpoint of a partition recorded."""

    inputs: Mapping[str, InputTopic]
    """By logical name."""
    partitions: int
    """Of each input."""
    offsets: Mapping[str, int]
    """Logical name -> next offset."""
    last_records: Mapping[str, Fingerprint]
    """By logical name, the last that were read; none of an input that nothing was read of since it was accepted."""
    needed_from: int
    """The sequence of the oldest checkpoint in the log that the state needs."""
    version: int
    """Of its rows."""


class Position(NamedTuple):
    """Where a message stands in the log of a state: which checkpoint, and which message of it, from 0."""

    sequence: int
    part: int


class StateLog(NamedTuple):
    """The log of one partition's state as the cluster has it."""

    low: int
    """The first offset that there is."""
    first: Position | None
    """Of the first committed message; None when there is none."""
    last: Provenance | None
    """Of the last checkpoint; None when there is none."""
    foreign: str | None = None
    """Why this version cannot read it, as "has encoding 6, ..."; what stands in it is not known then."""


class Contradiction(NamedTuple):
    """One thing that is not as it was recorded."""

    kind: str
    """Those of one kind and `to_do` differ in the partition only, and are told together."""
    seen: str
    to_do: str


def contradictions_of_topics(
    recorded: Mapping[str, InputTopic], partitions: int, topics: Mapping[str, TopicIdentity]
) -> Iterator[Contradiction]:
    """Compare inputs, by logical name, with the topics of the cluster, by name."""
    for known in recorded.values():
        name, topic = known.name, topics.get(known.name)
        if topic is None:
            yield Contradiction("topic", f"{name} does not exist", "find out who deleted it; `oidor topics create`")
            continue
        if known.is_other_than(topic.id):
            seen = f"{name} is not the topic that was read before (it was deleted and made again, or moved here)"
            yield Contradiction(f"id {name}", seen, f"{_REREAD} the new one from its first record")
        if topic.partitions != partitions:
            yield Contradiction(
                f"partitions {name}",
                f"{name} has {topic.partitions} partitions, the state was written with {partitions}",
                _OTHER_COUNT,
            )


def contradictions_of_settings(
    recorded: Provenance, configured: Mapping[str, str], partitions: int
) -> Iterator[Contradiction]:
    """Compare what was recorded with the inputs, by logical name, and the partitions that a process is to read."""
    if recorded.partitions != partitions:
        seen = f"the state was written with {recorded.partitions} partitions, OIDOR_PARTITIONS is {partitions}"
        yield Contradiction("partitions", seen, _OTHER_COUNT)
    for topic, name in configured.items():
        known = recorded.inputs.get(topic)
        if known is not None and known.name != name:
            yield Contradiction(
                "names",
                f"the state was computed from {known.name}, and {name} is to be read",
                "two installations cannot share an OIDOR_APP_ID: give this one its own. Only if the inputs were moved "
                "to these names, with all workers stopped: `oidor inputs accept --from beginning`",
            )
            return


def contradictions_of_state(known: InputTopic, topics: Mapping[str, TopicIdentity]) -> Iterator[Contradiction]:
    """Compare the topic of the state as a process first saw it with what the cluster has now."""
    topic = topics.get(known.name)
    if topic is None:
        yield Contradiction("state", f"{known.name} does not exist", f"find out who deleted it: {_ANEW}")
    elif known.is_other_than(topic.id):
        seen = f"{known.name} was deleted and made again under this process, which alone knows what it held"
        yield Contradiction("state", seen, _ANEW)


def contradictions_of_ends(
    number: int, inputs: Mapping[str, str], offsets: Mapping[str, int], ends: Mapping[tuple[str, int], int]
) -> Iterator[Contradiction]:
    """Compare next offsets, by logical name, with where the logs end, by name and partition."""
    for topic, name in inputs.items():
        offset, end = offsets.get(topic, 0), ends.get((name, number))
        if end is not None and offset > end:
            seen = f"{name}[{number}] ends at {end}, and was read up to {offset} (it was cut, or restored)"
            yield Contradiction("end", seen, f"{_REREAD} it again, and events that were read before count once")


def contradictions_of_records(
    number: int, inputs: Mapping[str, str], recorded: Mapping[str, Fingerprint], others: Collection[tuple[str, int]]
) -> Iterator[Contradiction]:
    """Say of which inputs the last record that was read, by logical name, is another now: `others`, by name and
    partition.
    """
    for topic, name in inputs.items():
        if topic in recorded and (name, number) in others:
            seen = (
                f"{name}[{number}] has not the record at {recorded[topic].offset} any more that was read there (it was "
                "cut or restored, and has grown again)"
            )
            yield Contradiction("grown", seen, f"{_REREAD} it again, and events that were read before count once")


def is_other(recorded: Fingerprint, there: Fingerprint | None, *, compacted: bool) -> bool:
    """Whether what lies at the offset of a record is not that record; None: there is none, as compaction leaves it."""
    return not compacted if there is None else there != recorded


def contradictions_of_versions(written: Mapping[int, int], stored: Mapping[int, int]) -> Iterator[Contradiction]:
    """Compare the last versions that were written of partitions with the greatest that a database has stored of them.

    Rows are stored after they were written: newer ones are of a state that is not there any more. What nothing is
    known of was not asked for yet, or begins anew with versions beyond all former ones.
    """
    if behind := sorted(number for number, version in stored.items() if version > written.get(number, version)):
        seen = f"newer rows are stored of partitions {behind} than Kafka knows of (it was restored to an older moment)"
        to_do = "new rows lose to them: with all workers stopped `oidor inputs accept --from beginning` raises versions"
        yield Contradiction("versions", seen, to_do)


def contradictions_of_log(
    topic: str, number: int, log: StateLog, committed: Mapping[str, int]
) -> Iterator[Contradiction]:
    """Compare the log of a state on `topic` with itself, and with what the group has committed, by input name."""
    if log.foreign is not None:
        yield foreign(topic, number, log.foreign)
    elif log.last is None:
        read = next(((name, offset) for name, offset in committed.items() if offset > 0), None)
        if read is not None:
            seen = f"{topic}[{number}] is empty, and {read[0]}[{number}] was read up to {read[1]}"
            yield Contradiction("empty", seen, _ANEW)
        elif log.low > 0:
            yield Contradiction("empty", f"{topic}[{number}] is empty, and had {log.low} messages", _ANEW)
    elif log.first is not None and is_cut(log.first, log.last.needed_from):
        yield cut(topic, number, log.first, log.last.needed_from)


def cut(topic: str, number: int, first: Position, needed_from: int) -> Contradiction:
    """Say that a log does not reach back to where its state needs it."""
    return incomplete(topic, number, begins_late(first, needed_from))


def incomplete(topic: str, number: int, what: str) -> Contradiction:
    """Say that a log lacks a part, as "has a gap ..."."""
    return Contradiction("cut", f"{topic}[{number}] {what}", f"a part of the state was deleted: {_ANEW}")


def foreign(topic: str, number: int, what: str) -> Contradiction:
    """Say that this version cannot read a log, and another can, as "is not readable ..."."""
    return Contradiction("foreign", f"{topic}[{number}] {what}", OTHER_VERSION)


def emptied(topic: str, number: int) -> Contradiction:
    """Say that nothing is left of a log under the process that writes to it."""
    return Contradiction("empty", f"{topic}[{number}] is empty, and this process wrote to it", _ANEW)


def begins_late(first: Position, needed_from: int) -> str:
    return f"begins with checkpoint {first.sequence}, and is needed from {max(1, needed_from)}"


def is_cut(first: Position, needed_from: int) -> bool:
    """Whether a log that begins so lacks something that its state needs."""
    return first > Position(max(1, needed_from), 0)


def told(contradictions: Iterable[Contradiction]) -> list[str]:
    """Tell each in one line, those of a kind together."""
    return [f"{seen}: {to_do}" for seen, to_do in summed(contradictions)]


def summed(contradictions: Iterable[Contradiction]) -> Iterator[tuple[str, str]]:
    """Sum up those of a kind: what was seen, and what to do."""
    kinds: dict[tuple[str, str], list[str]] = {}
    for kind, seen, to_do in contradictions:
        kinds.setdefault((kind, to_do), []).append(seen)
    for (_, to_do), seen_of_kind in kinds.items():
        first, *others = dict.fromkeys(seen_of_kind)
        yield first + (f" (and {len(others)} more like it)" if others else ""), to_do
