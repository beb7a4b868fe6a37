"""What is wrong with how sources place their events, and the cure for the client that each of them seems to use.

A customer's events meet in one partition only when all clients place keys alike. Which partitioner a client uses is
told by where its keys lie. What is said of clients stands in their own documentation.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import Final

from deploy.cli.doctor.facts import SourceKeys, SplitCases
from deploy.cli.doctor.finding import Finding
from processors.runtime.partitioners import PARTITIONERS, Partitioner

NO_CHANCE: Final = 100
"""Keys lie where a wrong partitioner puts them as often as one of so many times by chance: then it is named."""

_SPLIT: Final = "SELECT * FROM v_split_cases"
_README: Final = "README, Publishers, has a line for each client"


def fnv1a_partition(key: bytes, partitions: int) -> int:
    """The partition by Sarama's `NewHashPartitioner`, its default, kafka-go's `Hash` and librdkafka's `fnv1a`."""
    hashed = 0x811C9DC5
    for byte in key:
        hashed = (hashed ^ byte) * 0x01000193 & 0xFFFF_FFFF
    signed = hashed - (hashed >> 31 << 32)
    return abs(signed) % partitions


KNOWN: Final[Mapping[str, Partitioner]] = {**PARTITIONERS, "fnv1a": fnv1a_partition}

FAMILIES: Final[Mapping[str, str]] = {
    "murmur2": "Java, kafka-python, aiokafka, KafkaJS, franz-go",
    "crc32": "librdkafka: confluent-kafka for Python, Go and .NET, node-rdkafka, rdkafka for Rust, Ruby and PHP; "
    "or ruby-kafka",
    "fnv1a": "Sarama, or kafka-go's Hash",
}
"""Partitioner -> whose default it is."""

_CURES: Final[Mapping[tuple[str, str], str]] = {
    ("crc32", "murmur2"): "set partitioner=murmur2_random in the producer's configuration (.NET: "
    "Partitioner.Murmur2Random; ruby-kafka: Kafka::Partitioner.new(hash_function: :murmur2))",
    ("fnv1a", "murmur2"): "Sarama: config.Producer.Partitioner = sarama.NewMurmur2Partitioner; "
    "kafka-go: Balancer: kafka.Murmur2Balancer{}",
    ("murmur2", "crc32"): "these clients come without crc32: let the others place keys by murmur2 (librdkafka: "
    "partitioner=murmur2_random), and set OIDOR_PARTITIONER=murmur2",
    ("fnv1a", "crc32"): "kafka-go: Balancer: kafka.CRC32Balancer{}; Sarama comes without crc32: let all place keys by "
    "murmur2, and set OIDOR_PARTITIONER=murmur2",
}
"""(partitioner of a source, the one that it should use) -> what to change in its client"""

_OF_NO_PARTITIONER: Final = (
    "its client looks at no key (kafka-go without a Balancer, Java with partitioner.ignore.keys=true) or chooses "
    f"partitions itself: let it place keys by {{expected}}; {_README}"
)


@dataclass(frozen=True, slots=True)
class _Judged:
    """A source against the partitioner that it should use."""

    source: str
    keys: int
    wrong: int
    """Keys that lie elsewhere."""
    wrong_by: str
    """The partitioner that puts those where they lie, where there is one and it is no chance; else empty."""
    all_by: frozenset[str]
    """The partitioners that put all keys where they lie."""
    sure: bool
    """Whether there are enough keys for that to be no chance."""


def partitioner_findings(
    sources: Sequence[SourceKeys], expected: str, partitions: Mapping[str, int]
) -> Iterator[Finding]:
    """Say of each source whose keys lie elsewhere what its client is; of all that agree, what to set."""
    counts = {*partitions.values()}
    count = counts.pop() if len(counts) == 1 else 1  # of unequal counts another finding speaks
    if count == 1 or not sources:
        return
    judged = [_judge(one, expected, count) for one in sources]
    common = frozenset(KNOWN).intersection(*(one.all_by for one in judged))
    if expected == "any":
        yield _among_themselves(judged, common)
    elif not any(one.wrong for one in judged):
        yield Finding("partitioners", True, f"sources place keys by {expected}: {len(judged)} of the last day")
    elif len(common) == 1 and any(one.sure for one in judged):
        yield _all_otherwise(judged, next(iter(common)), expected)
    else:
        yield from (_misplacing(one, expected) for one in judged if one.wrong)


def _judge(one: SourceKeys, expected: str, partitions: int) -> _Judged:
    keys = [(key.encode(), lies) for key, lies in one.keys]
    place = KNOWN.get(expected)
    wrong = [] if place is None else [(key, lies) for key, lies in keys if place(key, partitions) != lies]
    by = _putting(wrong, partitions)
    named = next(iter(by)) if len(by) == 1 and _is_sure(wrong, partitions) else ""
    return _Judged(one.source, len(keys), len(wrong), named, _putting(keys, partitions), _is_sure(keys, partitions))


def _putting(keys: Sequence[tuple[bytes, int]], partitions: int) -> frozenset[str]:
    """The partitioners that put all of some keys where they lie."""
    return frozenset(name for name, place in KNOWN.items() if all(place(key, partitions) == lies for key, lies in keys))


def _is_sure(keys: Sequence[tuple[bytes, int]], partitions: int) -> bool:
    return len(keys) * log(partitions) >= log(NO_CHANCE)


def _all_otherwise(judged: Sequence[_Judged], by: str, expected: str) -> Finding:
    return Finding(
        "partitioners",
        False,
        f"every source places keys by {by} ({FAMILIES[by]}), and OIDOR_PARTITIONER is {expected}: "
        f"{', '.join(one.source for one in judged)}",
        f"they agree with one another: set OIDOR_PARTITIONER={by if by in PARTITIONERS else 'any'} for the workers",
    )


def _misplacing(one: _Judged, expected: str) -> Finding:
    seen = f"{one.source}: {one.wrong} of its last {one.keys} keys do not lie where {expected} puts them"
    if not one.wrong_by:
        return Finding("partitioners", False, seen, _OF_NO_PARTITIONER.format(expected=expected))
    seen += f", but where {one.wrong_by} does ({FAMILIES[one.wrong_by]})"
    return Finding("partitioners", False, seen, f"{_CURES[one.wrong_by, expected]}; {_README}")


def _among_themselves(judged: Sequence[_Judged], common: frozenset[str]) -> Finding:
    """Where any partitioner will do, those that are known must still be one."""
    known = {one.source: next(iter(one.all_by)) for one in judged if one.sure and len(one.all_by) == 1}
    if len({*known.values()}) > 1:
        said = ", ".join(f"{source} by {name}" for source, name in known.items())
        return Finding(
            "partitioners",
            False,
            f"sources place keys differently: {said}",
            f"let all use one, such as murmur2, so that a customer's events meet; {_README}",
        )
    agreed = sorted(common & {*PARTITIONERS}) if known else []
    if agreed:
        seen = f"sources place keys by {agreed[0]}: with OIDOR_PARTITIONER={agreed[0]} one that does not is named"
        return Finding("partitioners", True, seen)
    return Finding("partitioners", True, "OIDOR_PARTITIONER is any: where keys should lie is not known")


def key_findings(keyed_otherwise: Mapping[str, int]) -> Iterator[Finding]:
    """Name the sources that key events by something else than their customer."""
    for source, events in keyed_otherwise.items():
        yield Finding(
            "keys",
            False,
            f"{source}: {events} events of the last day name a customer and are keyed by their entity",
            "let it send customer.id as the key: what the same customer does elsewhere, and what follows under another "
            "key, is not seen together. Only a case that was opened without a customer keeps entity_id as its key",
        )


def split_case_findings(split: SplitCases | None) -> Iterator[Finding]:
    """Name the cases that live in more than one partition."""
    if split is None:
        yield Finding("split cases", True, "each case of the last day lies in one partition")
        return
    yield Finding(
        "split cases",
        False,
        f"{split.count} cases with events of the last day lie in more than one partition, the last {split.last}; "
        f"they are of {', '.join(split.sources)}, and {split.open_incidents} incidents of them are open",
        "what is answered in one partition is breached and paged in the other: mistrust these incidents, put right the "
        f"client or the key of these sources, and see {_SPLIT}",
    )
