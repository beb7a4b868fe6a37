"""What `oidor doctor` looks at: broker, consumer groups and database, as facts. Changes nothing."""

import math
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from clickhouse_driver import errors
from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import OffsetSpec

from deploy.cli.copies import copies
from deploy.cli.doctor.diagnosis import MERGED_DAYS, RECONCILED_SECONDS
from deploy.cli.doctor.facts import (
    Broker,
    ConsumerGroup,
    Database,
    Facts,
    InputPartition,
    MergesElsewhere,
    OpenTransaction,
    PartitionLag,
    StatePartition,
    Unreconciled,
)
from deploy.cli.doctor.outdated_kpis import outdated_kpis
from deploy.cli.doctor.placed_keys import with_sources
from deploy.cli.inputs import AcceptError, stored_versions
from deploy.cli.logs import unopenable
from deploy.cli.offsets import (
    Offsets,
    committed_by,
    last_messages,
    members_of,
    offsets_of,
    partitions_of,
    waiting_between,
)
from deploy.cli.topics import TopicError, administrator, described, plan, problems
from deploy.clickhouse.migrate import MigrationError, pending
from processors.durability.changelog import meta_of
from processors.durability.inspection import NoAnswerError
from processors.durability.provenance import summed
from processors.runtime.security import kafka_python_client
from processors.settings import Settings
from processors.state.behind_frontier import behind_records
from processors.state.health import PartHealth
from processors.worker import contradictions, written_versions
from schemas.topics import INPUTS, ROWS, state_topic
from sinks.clickhouse import Address, connect, one_line

WATCH_SECONDS: Final = 6.0
"""More than the time between two commits of a worker to its group: who has not moved by then stands still."""

ATTENDED_MS: Final = 120_000
"""Without a checkpoint for so long, a partition is not open in any worker."""

_PATIENCE_SECONDS: Final = 30
_ABSENT_MS: Final = 500
"""What a broker may take to appear, where none listens."""
_LAST_CHECKPOINT_OFFSETS: Final = 50
"""Among so many offsets is the end of a checkpoint, markers and aborted transactions between them."""


def examine(settings: Settings) -> Facts:
    """Look at everything; takes seconds, and `WATCH_SECONDS` more when a group is behind."""
    database = _database(settings)
    erased_at = database.erased_at if isinstance(database, Database) else None
    return Facts(time.time_ns() // 1_000_000, _broker(settings, erased_at), database)


def _broker(settings: Settings, erased_at: int | None) -> Broker | str:
    planned = plan(settings)
    try:
        with administrator(settings, absent_ms=_ABSENT_MS) as admin:
            there = described(admin, planned)
            topics = {name: shape.partitions for name, shape in there.items() if not shape.hidden}
            inputs = {name: count for name, count in topics.items() if name in _inputs(settings)}
            state, groups = list(_state_parts(admin, settings, topics)), _groups(admin, settings, topics)
            wrong = [*contradictions(settings), *unopenable(settings, _unattended(state, groups))]
            return Broker(
                problems=tuple(problems(settings, planned, there)),
                partitions=inputs,
                inputs=tuple(_input_parts(admin, inputs)),
                state=tuple(state),
                groups=tuple(groups),
                copies=() if erased_at is None else tuple(copies(admin, settings, erased_at)),
                contradictions=tuple(summed(wrong)),
                versions=written_versions(settings),
            )
    except (TopicError, NoAnswerError) as error:
        return str(error)


def _inputs(settings: Settings) -> list[str]:
    return [settings.input_prefix + topic for topic in INPUTS]


def _newest(admin: KafkaAdminClient, parts: Iterable[TopicPartition]) -> dict[TopicPartition, int | None]:
    """The greatest record timestamp of each partition, ms; None of an empty one."""
    found = admin.list_partition_offsets(dict.fromkeys(parts, OffsetSpec.MAX_TIMESTAMP))
    return {part: answer.timestamp if answer.timestamp >= 0 else None for part, answer in found.items()}


def _input_parts(admin: KafkaAdminClient, topics: Mapping[str, int]) -> Iterator[InputPartition]:
    parts = partitions_of(topics)
    if not parts:
        return
    stable = offsets_of(admin, parts, OffsetSpec.LATEST, committed=True)
    high = offsets_of(admin, parts, OffsetSpec.LATEST, committed=False)
    newest = _newest(admin, parts)
    opened = _open_transactions(admin, [part for part in parts if high[part] > stable[part]])
    for part in parts:
        yield InputPartition(part.topic, part.partition, stable[part], high[part], newest[part], opened.get(part, ()))


def _open_transactions(
    admin: KafkaAdminClient, parts: list[TopicPartition]
) -> dict[TopicPartition, tuple[OpenTransaction, ...]]:
    if not parts:
        return {}
    names = {
        listing.producer_id: listing.transactional_id
        for listings in admin.list_transactions().values()
        for listing in listings
    }
    return {
        part: tuple(
            OpenTransaction(names.get(one.producer_id, ""), one.current_transaction_start_offset, one.last_timestamp)
            for one in state.active_producers
            if one.current_transaction_start_offset >= 0
        )
        for part, state in admin.describe_producers(parts).items()
    }


def _state_parts(admin: KafkaAdminClient, settings: Settings, topics: Mapping[str, int]) -> Iterator[StatePartition]:
    topic = state_topic(settings.app_id)
    parts = partitions_of({topic: topics[topic]} if topic in topics else {})
    if not parts:
        return
    low = offsets_of(admin, parts, OffsetSpec.EARLIEST, committed=False)
    high = offsets_of(admin, parts, OffsetSpec.LATEST, committed=False)
    newest, sizes = _newest(admin, parts), _sizes(admin, topic)
    stable = offsets_of(admin, parts, OffsetSpec.LATEST, committed=True)
    begin = {
        part: max(low[part], stable[part] - _LAST_CHECKPOINT_OFFSETS) for part in parts if stable[part] > low[part]
    }
    last = last_messages(kafka_python_client(settings), begin, stable)
    for part in parts:
        meta = next((said for one in reversed(last.get(part, [])) if (said := meta_of(one)) is not None), {})
        health = {name: PartHealth(*known) for name, known in meta.get("health", {}).items()}
        size, messages = sizes.get(part.partition, 0), high[part] - low[part]
        behind = behind_records(meta.get("behind_frontier", []))
        yield StatePartition(
            part.partition, size, messages, newest[part], meta.get("halted"), meta.get("now"), health, behind
        )


def _unattended(state: Iterable[StatePartition], groups: Iterable[ConsumerGroup]) -> list[int]:
    """Partitions that nobody has open: whoever has one writes a checkpoint every minute."""
    running = any(group.members for group in groups if group.command == "worker")
    since = time.time_ns() // 1_000_000 - ATTENDED_MS if running else math.inf
    return [part.partition for part in state if part.messages and (part.last_checkpoint or 0) < since]


def _sizes(admin: KafkaAdminClient, topic: str) -> dict[int, int]:
    """Partition -> bytes on disk of its largest copy: what was deleted counts until its segment goes."""
    sizes: dict[int, int] = {}
    for broker in admin.describe_log_dirs([topic]):
        for directory in broker["log_dirs"]:
            for found in directory["topics"]:
                for part in found["partitions"]:
                    number = part["partition_index"]
                    sizes[number] = max(sizes.get(number, 0), part["partition_size"])
    return sizes


def _groups(admin: KafkaAdminClient, settings: Settings, topics: Mapping[str, int]) -> list[ConsumerGroup]:
    inputs, rows = _inputs(settings), [settings.topic_prefix + ROWS]
    wanted = [("worker", settings.app_id, inputs), ("warehouse", f"{settings.app_id}-warehouse", rows)]
    groups = [
        _group(admin, settings, command, name, {topic: topics[topic] for topic in read if topic in topics})
        for command, name, read in wanted
    ]
    if any(one.waiting for group in groups if group.members for one in group.lags):
        time.sleep(WATCH_SECONDS)
        groups = [_watched(group, committed_by(admin, group.name)) for group in groups]
    return groups


def _group(
    admin: KafkaAdminClient, settings: Settings, command: str, name: str, topics: Mapping[str, int]
) -> ConsumerGroup:
    parts = partitions_of(topics)
    committed = committed_by(admin, name)
    low = offsets_of(admin, parts, OffsetSpec.EARLIEST, committed=True) if parts else {}
    ends = offsets_of(admin, parts, OffsetSpec.LATEST, committed=True) if parts else {}
    begin = {part: max(committed.get(part, 0), low[part]) for part in parts}
    behind = {part: begin[part] for part in parts if begin[part] < ends[part]}
    waiting = waiting_between(kafka_python_client(settings), behind, ends)
    lags = (
        PartitionLag(part.topic, part.partition, committed.get(part), ends[part], part in waiting) for part in parts
    )
    return ConsumerGroup(command, name, members_of(admin, name), tuple(lags))


def _watched(group: ConsumerGroup, later: Offsets) -> ConsumerGroup:
    lags = (
        PartitionLag(
            one.topic,
            one.partition,
            one.committed,
            one.end,
            one.waiting,
            moved=later.get(TopicPartition(one.topic, one.partition), 0) > (one.committed or 0),
        )
        for one in group.lags
    )
    return ConsumerGroup(group.command, group.name, group.members, tuple(lags))


def _database(settings: Settings) -> Database | str:
    try:
        missing = pending(settings)
    except MigrationError as error:
        return str(error)
    client = connect(Address.of(settings), _PATIENCE_SECONDS, database="")
    try:
        skew = _skew(client)
        differences = () if missing else tuple(_differences(client, settings.clickhouse_database))
        erased_at = None if missing else _last_erasure(client, settings.clickhouse_database)
        merges = None if missing else _merges_elsewhere(client, settings.clickhouse_database)
        stored = Database(tuple(missing), skew, differences, erased_at, stored_versions(settings), merges)
        if missing:
            return stored
        memory_s = math.ceil(settings.kpi_memory_ms / 1_000)
        database, days = settings.clickhouse_database, settings.raw_ttl_days
        outdated = outdated_kpis(client, database, memory_s=memory_s, raw_ttl_days=days)
        return replace(with_sources(stored, client, database), outdated_kpis=outdated)
    except AcceptError as error:
        return str(error)
    except (errors.Error, OSError, EOFError) as error:
        return f"ClickHouse at {settings.clickhouse_host}:{settings.clickhouse_port}: {one_line(error)}"
    finally:
        client.disconnect()


def _last_erasure(client: Any, database: str) -> int | None:
    ((count, last),) = client.execute(
        f"SELECT count(), toUnixTimestamp64Milli(max(erased_at)) FROM {database}.erasures"
    )
    return int(last) if count else None


def _merges_elsewhere(client: Any, database: str) -> MergesElsewhere | None:
    ((count, last, unknown),) = client.execute(
        "SELECT count(), argMax(concat(source, ':', entity_id, ' into ', merged_into), last_event_at), "
        f"countIf(NOT survivor_found) FROM {database}.v_merged_elsewhere "
        f"WHERE NOT carried AND last_event_at > now64(3) - INTERVAL {MERGED_DAYS} DAY"
    )
    return MergesElsewhere(int(count), str(last), int(unknown)) if count else None


def _skew(client: Any) -> int:
    """Its clock less ours, ms: the least of three questions' worth of travelling time taken off."""
    answers = []
    for _ in range(3):
        before = time.time_ns() // 1_000_000
        ((theirs,),) = client.execute("SELECT toUnixTimestamp64Milli(now64(3))")
        after = time.time_ns() // 1_000_000
        answers.append((after - before, theirs - (before + after) // 2))
    return int(min(answers)[1])


def _differences(client: Any, database: str) -> Iterator[Unreconciled]:
    """Those that are not on their way any more."""
    key = "topic, partition, incarnation, day"
    for row in client.execute(
        "SELECT topic, partition, incarnation, toString(day), difference_read, difference_stored, difference_rejected "
        f"FROM {database}.v_reconciliation AS r LEFT JOIN (SELECT topic, partition, incarnation, "
        "toDate(day, 'UTC') AS day, max(last_recorded_at) AS recorded_at "
        f"FROM {database}.ingest_progress GROUP BY {key}) AS p USING {key} "
        "WHERE (difference_read != 0 OR difference_stored != 0 OR difference_rejected != 0) "
        f"AND recorded_at < now64(3) - INTERVAL {RECONCILED_SECONDS} SECOND ORDER BY {key}"
    ):
        yield Unreconciled(*row)
