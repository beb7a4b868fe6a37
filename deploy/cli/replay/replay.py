"""`oidor replay`: the same history once more, under another application id, into a database of its own.

A worker and a warehouse of this release read what the input topics still hold and write to topics and a database that
nobody else reads: what the installation does goes on undisturbed, and nobody is paged. What came of it can be compared,
and taken over by hand.
"""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from kafka import KafkaAdminClient
from kafka.admin import OffsetSpec
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from deploy.cli.offsets import Offsets, committed_by, offsets_of, partitions_of, waiting_between
from deploy.cli.replay.compare import Difference, Span, compare
from deploy.cli.topics import administrator, create
from deploy.clickhouse.migrate import migrate
from deploy.local.processes import orderly_exit
from deploy.local.stack import Service, fetch
from processors.durability import verdicts
from processors.runtime.security import kafka_python_client
from processors.settings import SECRETS, Settings
from schemas.errors import OidorError
from schemas.topics import INPUTS, ROWS
from sinks.clickhouse import Address, connect

READY_SECONDS: Final = 60
STILL_SECONDS: Final = 300
"""A replay that does not get on for so long is given up."""
SETTLING_SECONDS: Final = 3
"""A timer, a checkpoint and what it writes to Kafka."""
NO_PAGES: Final = 0.001
"""The page window of a replay, seconds: every deadline lies behind it."""
_STOP_SECONDS: Final = 6.0


class ReplayError(OidorError):
    """Why a replay cannot be, or did not end; one line."""


@dataclass(frozen=True, slots=True)
class Replay:
    """What was done: the settings it ran under, the span of record times, and how many records."""

    settings: Settings
    span: Span
    records: int
    differences: tuple[Difference, ...] = ()

    @property
    def equal(self) -> bool:
        return not any(difference.any for difference in self.differences)


def replay(
    settings: Settings, *, since: datetime | None, into: str | None, diff: bool, home: Path, console: Console
) -> Replay:
    """Replay what the inputs hold from `since` (None: from their first record) up to now.

    Raises ReplayError, and what topics, migrations and children raise, in one line each.
    """
    began = datetime.now(UTC)
    target = beside(settings, began, since, into)
    _must_be_empty(target)
    create(target)
    migrate(target)
    target = _with_verdicts(settings, target, home)
    with _progress(console) as progress, administrator(target) as admin, orderly_exit(), _running(target, home) as run:
        worker, warehouse = run
        _read(admin, target, worker, warehouse, _first(admin, target), began, progress)
    span = Span(_ms(since) if since else None, _ms(began))
    records = _records(target)
    differences = _compared(settings, target, span) if diff else ()
    return Replay(target, span, records, differences)


def beside(settings: Settings, began: datetime, since: datetime | None, into: str | None) -> Settings:
    """Derive settings that share nothing with `settings` but the input topics. Raises ReplayError."""
    stamp = f"{began:%Y%m%d%H%M%S}"
    database = into or f"{settings.clickhouse_database}_replay"
    if database == settings.clickhouse_database:
        raise ReplayError(f"{database} is the database of the installation: give another --into")
    changes: dict[str, Any] = {
        "app_id": f"{settings.app_id}-replay-{stamp}",
        "topic_prefix": f"{settings.topic_prefix}replay-{stamp}-",
        "clickhouse_database": database,
        "page_window": NO_PAGES,
        "replay_from": since,
        "worker_port": 0,
        "warehouse_port": 0,
    }
    return Settings(**(settings.model_dump(exclude_unset=True) | changes))


def _must_be_empty(target: Settings) -> None:
    """Raise ReplayError when rows of an earlier replay would stand beside those of this one."""
    database = target.clickhouse_database
    client = connect(Address.of(target), 30, database="")
    try:
        tables = "SELECT count() FROM system.tables WHERE database = '{}' AND name = 'ingest_progress'"
        if not client.execute(tables.format(database))[0][0]:
            return
        if client.execute(f"SELECT count() FROM {database}.ingest_progress")[0][0]:
            raise ReplayError(f"database {database} holds an earlier replay: drop it, or give another --into")
    finally:
        client.disconnect()


def _with_verdicts(settings: Settings, target: Settings, home: Path) -> Settings:
    """Let the replay reject as from the future what the installation did: by its own clock all of that is past."""
    database = settings.clickhouse_database
    client = connect(Address.of(settings), 60, database="")
    try:
        asked = "SELECT count() FROM system.tables WHERE database = '{}' AND name = 'rejected_events'"
        if not client.execute(asked.format(database))[0][0]:
            return target
        rejected = client.execute(
            f"SELECT DISTINCT topic, partition, offset FROM {database}.rejected_events "
            "WHERE reason = 'record_from_future' AND (topic, partition, incarnation) IN "
            f"(SELECT topic, partition, max(incarnation) FROM {database}.ingest_progress GROUP BY topic, partition)"
        )
    finally:
        client.disconnect()
    if not rejected:
        return target
    file = home / target.app_id / "verdicts.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    verdicts.write(file, verdicts.spans_of(rejected))
    return target.model_copy(update={"replay_verdicts": file.resolve()})


@contextmanager
def _running(target: Settings, home: Path) -> Iterator[tuple[Service, Service]]:
    """Run a worker and a warehouse; stop them in the order in which they need each other."""
    values = target.model_dump(exclude_unset=True, exclude=set(SECRETS))  # they find secrets where we found them
    services = [
        Service.of(command, command, values, home / target.app_id / f"{command}.log")
        for command in ("worker", "warehouse")
    ]
    try:
        for service in services:
            service.start()
        for service in services:
            service.wait_ready(READY_SECONDS)
        yield services[0], services[1]
    finally:
        for service in services:
            service.terminate(_STOP_SECONDS)


# Waiting until everything is read and stored


def _read(
    admin: KafkaAdminClient,
    target: Settings,
    worker: Service,
    warehouse: Service,
    first: Offsets,
    began: datetime,
    progress: Progress,
) -> None:
    inputs = partitions_of({target.input_prefix + topic: target.partitions for topic in INPUTS})
    ends = offsets_of(admin, inputs, OffsetSpec.LATEST, committed=True)
    task = progress.add_task("records read", total=sum(ends[part] - first[part] for part in inputs))
    _drain(admin, target, worker, (target.app_id, first, ends), progress, task)
    task = progress.add_task("deadlines decided", total=1)
    _decided(worker, _ms(began))
    time.sleep(SETTLING_SECONDS)
    worker.terminate(_STOP_SECONDS)  # its last checkpoint is the last that there is to store
    progress.update(task, completed=1)

    rows = partitions_of({target.topic_prefix + ROWS: target.partitions})
    low = offsets_of(admin, rows, OffsetSpec.EARLIEST, committed=True)
    ends = offsets_of(admin, rows, OffsetSpec.LATEST, committed=True)
    task = progress.add_task("row batches stored", total=sum(ends[part] - low[part] for part in rows))
    _drain(admin, target, warehouse, (f"{target.app_id}-warehouse", low, ends), progress, task)


def _first(admin: KafkaAdminClient, target: Settings) -> Offsets:
    """Find where the replay begins to read, as its worker does."""
    parts = partitions_of({target.input_prefix + topic: target.partitions for topic in INPUTS})
    low = offsets_of(admin, parts, OffsetSpec.EARLIEST, committed=True)
    if target.replay_from is None:
        return low
    ends = offsets_of(admin, parts, OffsetSpec.LATEST, committed=True)
    found = admin.list_partition_offsets(dict.fromkeys(parts, _ms(target.replay_from)))
    return {part: found[part].offset if found[part].offset >= 0 else ends[part] for part in parts}


def _drain(
    admin: KafkaAdminClient,
    target: Settings,
    service: Service,
    what: tuple[str, Offsets, Offsets],
    progress: Progress,
    task: TaskID,
) -> None:
    """Wait until a group has read from some offsets to others; what is left may be markers, which nobody reads."""
    group, first, ends = what
    moved, before = time.monotonic(), -1
    while True:
        committed = committed_by(admin, group)
        at = {part: max(offset, committed.get(part, 0)) for part, offset in first.items()}
        left = {part: offset for part, offset in at.items() if offset < ends[part]}
        done = sum(min(at[part], ends[part]) - offset for part, offset in first.items())
        progress.update(task, completed=done)
        if done != before:
            moved, before = time.monotonic(), done
        elif not waiting_between(kafka_python_client(target), left, ends):
            progress.update(task, completed=progress.tasks[task].total)
            return
        _go_on(service, moved)
        time.sleep(1)


def _decided(worker: Service, moment: int) -> None:
    """Wait until the watermarks of all partitions have passed a moment, ms."""
    began = time.monotonic()
    while True:
        status, page = fetch(worker.ready_url)
        parts = json.loads(page)["partitions"].values() if status == 200 else ()
        if parts and min(part["now"] for part in parts) >= moment:
            return
        _go_on(worker, began)
        time.sleep(0.5)


def _go_on(service: Service, moved: float) -> None:
    if not service.alive:
        raise service.failure(f"ended with code {service.exit_code}")
    if time.monotonic() - moved > STILL_SECONDS:
        raise service.failure(f"has not got on for {STILL_SECONDS} s")


# What came of it


def _records(target: Settings) -> int:
    client = connect(Address.of(target), 60, database=target.clickhouse_database)
    try:
        return int(client.execute("SELECT sum(records_read) FROM v_reconciliation")[0][0])
    finally:
        client.disconnect()


def _compared(settings: Settings, target: Settings, span: Span) -> tuple[Difference, ...]:
    client = connect(Address.of(settings), 600, database="")
    try:
        return tuple(compare(client, settings.clickhouse_database, target.clickhouse_database, span))
    finally:
        client.disconnect()


def report(done: Replay, settings: Settings, console: Console) -> None:
    """Print what was replayed, what differs, and how to take it over."""
    target = done.settings
    console.print(
        f"{done.records} records of {done.span} are in database {target.clickhouse_database}, "
        f"under the application id {target.app_id}."
    )
    if done.differences:
        console.print(difference_table(done.differences, settings.clickhouse_database, target.clickhouse_database))
        verdict = "[green]the views show the same" if done.equal else "[red]the views differ"
        left_out = {one.view: one.erased for one in done.differences if one.erased}
        rows = ", ".join(f"{view} {count}" for view, count in left_out.items())
        erased = f"; rows of customers who were erased are left out: {rows}" if rows else ""
        console.print(f"[bold]{verdict}[/bold]{erased}")
    if done.span.since is not None:
        console.print("What began before that time is unknown to it: taken over, that history is missing.")
    console.print("\nTo take it over: stop worker and warehouse, and start them, and all who read the views, with")
    for name, value in _taken_over(target).items():
        console.print(f"  {name}={value}", highlight=False)
    console.print("They go on where the replay ended. Consumers of incidents then read the topics of that prefix.")
    console.print("To throw it away, drop the database, and delete")
    console.print(f"  the topics {target.topic_prefix}* and {target.app_id}-state", highlight=False)


def _taken_over(target: Settings) -> Mapping[str, str]:
    return {
        "OIDOR_APP_ID": target.app_id,
        "OIDOR_TOPIC_PREFIX": target.topic_prefix,
        "OIDOR_CLICKHOUSE_DATABASE": target.clickhouse_database,
    }


def difference_table(differences: tuple[Difference, ...], here: str, there: str) -> Table:
    """Tabulate view by view how many rows there are, and how many of them only one of the databases shows."""
    table = Table(
        "view", f"rows of {here}", f"rows of {there}", f"only in {here}", f"only in {there}", "such as",
        title="Comparison", title_justify="left",
    )  # fmt: skip
    for one in differences:
        examples = [f"- {text}" for text in one.examples_here[:1]] + [f"+ {text}" for text in one.examples_there[:1]]
        mark = "[red]" if one.any else ""
        counts = (one.here.rows, one.there.rows, one.only_here, one.only_there)
        shown = "\n".join(text[:200].replace("[", r"\[") for text in examples)
        table.add_row(f"{mark}{one.view}", *map(str, counts), shown)
    return table


def _progress(console: Console) -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=console)


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
