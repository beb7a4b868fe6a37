"""How it stands with what the page shows: whether all of it is of now, and what is wrong."""

from collections.abc import Iterator, Sequence
from typing import Final, Literal

import msgspec

from deploy.board.processes import Floor, Heard

Level = Literal["good", "doubtful", "bad"]
Kind = Literal["kafka", "topic", "nobody", "silent", "problem", "partitions", "behind", "warehouse", "reading"]

SILENT_MS: Final = 5_000
"""A process that has not answered for so long does not."""
STALE_MS: Final = 15_000
"""Figures of a partition so old are no picture of now."""
BEHIND_MS: Final = 60_000
"""So far behind, breaches are told late."""
SINK_SECONDS: Final = 60.0
KAFKA_MS: Final = 15_000
"""Without an answer of Kafka for so long incidents may be missing."""


class Trouble(msgspec.Struct, frozen=True):
    """One thing that is wrong: its kind, which the page has words for, and what is known of it."""

    kind: Kind
    level: Level
    text: str = ""
    who: str = ""
    seconds: float | None = None
    count: int | None = None
    of: int | None = None


class Health(msgspec.Struct, frozen=True):
    """The one line."""

    level: Level
    behind_seconds: float | None
    """How far the slowest partition is; None where nothing is known."""
    sink_seconds: float | None
    """How long the oldest row waits for ClickHouse; None without a warehouse that answers."""
    workers: int
    workers_known: int
    partitions: int
    """Of these as many are of now."""
    partitions_expected: int
    troubles: tuple[Trouble, ...]


class KafkaStanding(msgspec.Struct, frozen=True):
    """How the board's own reading stands."""

    answered_at: int
    """Ms; 0: never."""
    caught_up: bool
    troubles: tuple[str, ...] = ()


def health(floor: Floor, kafka: KafkaStanding, now: int) -> Health:
    """Judges at a moment, ms."""
    silent = {one.address for one in floor.heard.values() if now - one.heard_at > SILENT_MS}
    workers = _of(floor, "worker")
    fresh = [one for one in floor.partitions.values() if now - one.heard_at <= SILENT_MS]
    answering = [one for one in workers if one.address not in silent]
    warehouses = [one.floor for one in _of(floor, "warehouse") if one.floor and one.address not in silent]
    read_to = min((one.floor.read_to_at for one in fresh), default=0)
    behind = max(0, now - read_to) / 1000 if read_to else None
    sink = max((one.sink_lag_seconds for one in warehouses), default=None)
    troubles = [
        *_of_kafka(kafka, now),
        *_of_processes(floor, silent, answering, now),
        *_of_partitions(floor, now, behind),
    ]
    if sink is not None and sink > SINK_SECONDS:
        troubles.append(Trouble("warehouse", "doubtful", seconds=round(sink)))
    level: Level = "good"
    for one in troubles:
        level = "bad" if "bad" in (level, one.level) else "doubtful"
    return Health(
        level,
        behind,
        sink,
        len(answering),
        len(workers),
        len(fresh),
        max(floor.partitions_expected, len(fresh)),
        tuple(troubles),
    )


def _of(floor: Floor, role: str) -> list[Heard]:
    """Of those that never answered it is not known what they are."""
    return [one for one in floor.heard.values() if one.floor is not None and one.floor.role == role]


def _of_kafka(kafka: KafkaStanding, now: int) -> Iterator[Trouble]:
    if kafka.answered_at and now - kafka.answered_at > KAFKA_MS:
        yield Trouble("kafka", "bad", seconds=round((now - kafka.answered_at) / 1000))
    elif kafka.troubles:
        yield from (Trouble("topic", "bad", text) for text in kafka.troubles)
    elif not kafka.caught_up:
        yield Trouble("reading", "doubtful")


def _of_processes(floor: Floor, silent: set[str], answering: Sequence[Heard], now: int) -> Iterator[Trouble]:
    if not answering:
        yield Trouble("nobody", "bad")
    for one in floor.heard.values():
        if one.address in silent:
            age = round((now - one.heard_at) / 1000) if one.heard_at else None
            yield Trouble("silent", "doubtful", one.trouble, one.address, age)
        elif one.floor is not None and one.floor.problems:
            yield Trouble("problem", "doubtful", "; ".join(one.floor.problems[:3]), one.address)


def _of_partitions(floor: Floor, now: int, behind: float | None) -> Iterator[Trouble]:
    expected = floor.partitions_expected
    stale = [now - one.heard_at for one in floor.partitions.values() if now - one.heard_at > SILENT_MS]
    missing = expected - len(floor.partitions)
    if stale or missing > 0:
        grave = missing > 0 or max(stale) > STALE_MS
        yield Trouble(
            "partitions",
            "bad" if grave else "doubtful",
            seconds=round(max(stale) / 1000) if stale else None,
            count=len(stale) + max(missing, 0),
            of=expected,
        )
    if behind is not None and behind * 1000 > BEHIND_MS:
        yield Trouble("behind", "bad", seconds=round(behind))
