"""`oidor inputs accept`: the way through what changed the inputs or the state under an installation.

A topic that was made again, a mirror, a cluster that was restored: somebody has to say where reading goes on. What is
said is written as one checkpoint a partition, each a transaction; nothing else of a state changes. A state that lacks a
part is given up, and begun anew; one that another release wrote is never touched.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final, Literal, TypeVar

from aiokafka.errors import KafkaError, ProducerFenced
from clickhouse_driver import errors
from faust.types import TP
from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import OffsetSpec

from deploy.cli.logs import Reading, changelogs, read
from deploy.cli.offsets import Offsets, members_of, offsets_of, partitions_of
from deploy.cli.topics import administrator, check
from processors.durability.changelog import ForeignError, accepted, provenance_of, state_log
from processors.durability.cluster import KafkaCluster
from processors.durability.inspection import grown_again
from processors.durability.log import Log
from processors.durability.provenance import (
    InputTopic,
    Provenance,
    StateLog,
    contradictions_of_log,
    contradictions_of_settings,
    foreign,
    told,
)
from processors.settings import Settings
from processors.worker import durability, kafka_cluster, kafka_log
from schemas.errors import OidorError
from schemas.topics import TopicIdentity, state_topic
from sinks import versions
from sinks.clickhouse import Address, connect, one_line

From = datetime | Literal["beginning", "end"]

_PATIENCE_SECONDS: Final = 30

K = TypeVar("K", int, tuple[str, int])


class AcceptError(OidorError):
    """Why nothing, or not all, was accepted; one line."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What the database has stored."""

    versions: Mapping[int, int]
    """Partition -> the greatest version of its rows."""
    incarnations: Mapping[tuple[str, int], int]
    """Logical name of an input and partition -> the greatest incarnation of its rows."""


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be written for one partition."""

    number: int
    offsets: Mapping[str, int]
    """Of the inputs that go on elsewhere, by logical name."""
    anew: bool
    """The state lacks a part, and is given up."""
    beyond: int
    """The greatest version of its rows, stored or written."""
    behind: bool
    """The state is older than what is stored."""
    last: bytes | None


def accept(settings: Settings, begin: From) -> list[str]:
    """Write what the topics are now, and where reading goes on, into the states; returns what was done, in lines.

    Raises AcceptError, TopicError when the topics are not as they must be, and what the rules raise.
    """
    if wrong := [problem for problem in check(settings) if "retention" not in problem.text]:
        raise AcceptError(f"{wrong[0]}: the topics must be there, in the right shape, before they can be accepted")
    stored = Stored(stored_versions(settings), _asked(settings, versions.stored_incarnations))
    with administrator(settings) as admin:
        _require_stopped(admin, settings)
        return asyncio.run(_accept(settings, begin, admin, stored))


async def _accept(settings: Settings, begin: From, admin: KafkaAdminClient, stored: Stored) -> list[str]:
    names, topic = durability(settings).inputs, state_topic(settings.app_id)
    parts = partitions_of(dict.fromkeys(names.values(), settings.partitions))
    logs = {number: kafka_log(number, settings) for number in range(settings.partitions)}
    cluster = kafka_cluster(settings)
    try:
        # A worker that hangs is no member, and may go on at any moment: fenced, it writes nothing behind what is read.
        await asyncio.gather(*(log.open() for log in logs.values()))
        _require_stopped(admin, settings)
        low = offsets_of(admin, parts, OffsetSpec.EARLIEST, committed=True)
        ends = offsets_of(admin, parts, OffsetSpec.LATEST, committed=True)
        topics = await cluster.topics([*names.values(), topic])
        changes = await _changes(settings, cluster, logs, topics, _starts(admin, begin, low, ends), ends, stored)
        for change in changes:
            await _write(settings, change, logs[change.number], topics, stored, admin)
    except (KafkaError, OSError) as error:
        raise AcceptError(_interrupted(error)) from error
    finally:
        await asyncio.gather(*(log.close() for log in logs.values()))
        await cluster.close()
    return _lines(settings, changes, low, ends)


def _interrupted(error: Exception) -> str:
    if isinstance(error, ProducerFenced):
        return (
            "a worker has opened a partition meanwhile: nothing of it was changed. Stop all workers, also those that "
            "hang, and accept again"
        )
    return f"Kafka did not do all of it: {error!r}. Accept again: what was written stays, and is not written twice"


async def _changes(
    settings: Settings,
    cluster: KafkaCluster,
    logs: Mapping[int, Log],
    topics: Mapping[str, TopicIdentity],
    starts: Offsets,
    ends: Offsets,
    stored: Stored,
) -> list[Change]:
    names, topic, numbers = durability(settings).inputs, state_topic(settings.app_id), range(settings.partitions)
    committed = await cluster.committed([TP(name, number) for name in names.values() for number in numbers])
    low, readings = await cluster.begins(topic, numbers), await _readings(settings, logs)
    states = {number: state_log(low[number], last, last) for number, (last, _) in readings.items()}
    recorded = {number: state.last for number, state in states.items() if state.last is not None}
    others = await grown_again(cluster, recorded, names)
    changes = []
    for number in numbers:
        (last, lost), log = readings[number], states[number]
        of_group = {name: committed.get(TP(name, number), 0) for name in names.values()}
        anew = lost is not None or (last is None and any(contradictions_of_log(topic, number, log, of_group)))
        if not anew and log.last is None:
            continue  # nothing was ever read of it
        moved = set(names) if anew else _moved(settings, number, log, topics, ends, others)
        offsets = {logical: starts[TopicPartition(names[logical], number)] for logical in names if logical in moved}
        behind = log.last is not None and stored.versions.get(number, 0) > log.last.version
        if offsets or behind:
            beyond = max(stored.versions.get(number, 0), 0 if log.last is None else log.last.version)
            changes.append(Change(number, offsets, anew, beyond, behind, last))
    return changes


async def _readings(settings: Settings, logs: Mapping[int, Log]) -> dict[int, Reading]:
    """Read all logs of states. Raises AcceptError when another release can read one of them, and this one cannot."""
    new, readings, of_others = changelogs(settings), {}, []
    for number, log in logs.items():
        try:
            readings[number] = await read(log, partial(new, number))
        except ForeignError as error:
            of_others.append(foreign(state_topic(settings.app_id), number, error.what))
    if of_others:
        raise AcceptError(f"{told(of_others)[0]}. Nothing was accepted, and nothing deleted")
    return readings


def _moved(
    settings: Settings,
    number: int,
    log: StateLog,
    topics: Mapping[str, TopicIdentity],
    ends: Offsets,
    others: Collection[TP],
) -> set[str]:
    """The inputs, by logical name, that are others than those that were read, end before, or have grown again since."""
    recorded = log.last
    assert recorded is not None
    names = durability(settings).inputs
    of_settings = contradictions_of_settings(recorded, {}, settings.partitions)
    for line in told(of_settings):
        raise AcceptError(line)
    return {
        logical
        for logical, name in names.items()
        if _is_other(recorded, logical, name, topics)
        or recorded.offsets[logical] > ends[TopicPartition(name, number)]
        or TP(name, number) in others
    }


def _is_other(recorded: Provenance, logical: str, name: str, topics: Mapping[str, TopicIdentity]) -> bool:
    known = recorded.inputs.get(logical, InputTopic(name))
    return known.name != name or known.is_other_than(topics[name].id)


def _starts(admin: KafkaAdminClient, begin: From, low: Offsets, ends: Offsets) -> Offsets:
    if begin == "beginning":
        return low
    if begin == "end":
        return ends
    found = admin.list_partition_offsets(dict.fromkeys(low, round(begin.timestamp() * 1000)))
    # The first record since that moment may lie behind an open transaction: nothing behind its beginning is read yet.
    return {part: min(found[part].offset, ends[part]) if found[part].offset >= 0 else ends[part] for part in low}


async def _write(
    settings: Settings,
    change: Change,
    log: Log,
    topics: Mapping[str, TopicIdentity],
    stored: Stored,
    admin: KafkaAdminClient,
) -> None:
    inputs = _accepted_inputs(settings, change, topics, stored)
    if change.anew or change.last is None:
        began = await log.transaction([], _anew(settings, change, inputs))
        # Only now, and only what lies before: were this one fenced, the log would be another's by now.
        part = TopicPartition(state_topic(settings.app_id), change.number)
        await asyncio.to_thread(admin.delete_records, {part: began.offset})
    else:
        message = accepted(change.last, change.offsets, inputs, change.beyond)
        assert message is not None
        await log.transaction([], [message])


def _accepted_inputs(
    settings: Settings, change: Change, topics: Mapping[str, TopicIdentity], stored: Stored
) -> dict[str, InputTopic]:
    """What is recorded of the inputs: a new incarnation of those of which anything may be read a second time."""
    recorded = None if change.last is None else provenance_of(change.last)
    found = {}
    for logical, name in durability(settings).inputs.items():
        known = recorded.inputs.get(logical) if recorded is not None else None
        incarnation = 0 if known is None else known.incarnation
        if change.behind or logical in change.offsets:
            incarnation = 1 + max(incarnation, stored.incarnations.get((logical, change.number), 0))
        found[logical] = InputTopic(name, topics[name].id, incarnation)
    return found


def _anew(settings: Settings, change: Change, inputs: Mapping[str, InputTopic]) -> Sequence[bytes]:
    """The first checkpoint of an empty state."""
    changelog = changelogs(settings)(change.number)
    changelog.initialise(max(int(time.time()), (change.beyond >> 32) + 1), settings.partitions)
    changelog.inputs = dict(inputs)
    changelog.offsets.update(change.offsets)
    changelog.begin()
    return changelog.write().messages


def _lines(settings: Settings, changes: Sequence[Change], low: Offsets, ends: Offsets) -> list[str]:
    names, lines = durability(settings).inputs, []
    if not changes:
        return ["nothing to accept: the topics are those that were read, and nothing newer is stored"]
    for logical, name in names.items():
        begins = {change.number: change.offsets[logical] for change in changes if logical in change.offsets}
        if not begins:
            lines.append(f"{name}: goes on where it was read up to")
            continue
        read = sum(ends[TopicPartition(name, number)] - offset for number, offset in begins.items())
        skipped = sum(offset - low[TopicPartition(name, number)] for number, offset in begins.items())
        lines.append(
            f"{name}: {len(begins)} partitions go on at {_said(begins)}: {read} records that are there will be read, "
            f"{skipped} are skipped"
        )
    if anew := [change.number for change in changes if change.anew]:
        lines.append(
            f"partitions {anew} begin anew: what their states knew is given up; cases opened before what is read "
            "now have no opening"
        )
    if raised := [change.number for change in changes if change.behind and not change.anew]:
        lines.append(f"partitions {raised}: rows get versions beyond those that are stored")
    lines.append("start the workers")
    return lines


def _said(begins: Mapping[int, int]) -> str:
    return ", ".join(f"[{number}] {offset}" for number, offset in begins.items())


def _require_stopped(admin: KafkaAdminClient, settings: Settings) -> None:
    if members := members_of(admin, settings.app_id):
        raise AcceptError(
            f"{members} workers run (members of group {settings.app_id}): stop all of them first (one that was killed "
            f"is a member for {settings.session_timeout:g} s more)"
        )


def stored_versions(settings: Settings) -> dict[int, int]:
    """The greatest version that the database has stored of each partition's rows. Raises AcceptError."""
    return _asked(settings, versions.stored_versions)


def _asked(settings: Settings, question: Callable[[Any, str], dict[K, int]]) -> dict[K, int]:
    """What a database answers to a question about its rows; nothing, when it has no tables yet."""
    client: Any = connect(Address.of(settings), _PATIENCE_SECONDS, database="")
    database = settings.clickhouse_database
    try:
        tables = "SELECT count() FROM system.tables WHERE database = %(database)s AND name = 'ingest_progress'"
        if not client.execute(tables, {"database": database})[0][0]:
            return {}
        return question(client, database)
    except (errors.Error, OSError, EOFError) as error:
        raise AcceptError(
            f"ClickHouse at {settings.clickhouse_host}:{settings.clickhouse_port} must say what is stored, so that "
            f"nothing written from now on loses to it: {one_line(error)}"
        ) from error
    finally:
        client.disconnect()
