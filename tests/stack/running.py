"""An installation under test: real worker and warehouse processes between a real broker and a real database."""

import contextlib
import json
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from clickhouse_driver import Client
from kafka import KafkaConsumer

from deploy.cli.replay.compare import compare, compared
from deploy.cli.topics import create
from deploy.clickhouse.migrate import migrate
from deploy.local.processes import python_environment, python_module
from deploy.local.stack import Service, fetch
from deploy.traffic.messages import Message
from deploy.traffic.publish import publish
from processors.settings import Settings
from schemas.topics import INCIDENTS, ROWS
from sinks.clickhouse import Address, connect

READY_SECONDS: Final = 40


class Installation:
    """One application id with its own database; `settings` say where everything is."""

    def __init__(self, settings: Settings, home: Path) -> None:
        self.settings, self.home = settings, home
        self.services: list[Service] = []
        create(settings)
        migrate(settings)

    def start(self, command: str, **how: Any) -> Service:
        """Start a worker or a warehouse, and wait until it is ready."""
        service = self.launch(command, **how)
        service.wait_ready(READY_SECONDS)
        return service

    def launch(
        self, command: str, *, module: str = "deploy.cli", env: Mapping[str, str] = MappingProxyType({}), **others: Any
    ) -> Service:
        """Start one and return at once. `module` is what runs instead of ours, `others` are settings of its own."""
        said = self.settings.model_dump(exclude_unset=True) | others
        name = f"{command}-{len(self.services)}"
        log = self.home / f"{self.settings.app_id}-{name}.log"
        service = Service.of(command, name, said, log, module=module, env=env)
        service.start()
        self.services.append(service)
        return service

    def publish(self, messages: Iterable[Message], **how: Any) -> int:
        return publish(messages, self.settings.brokers, prefix=self.settings.input_prefix, **how)

    def client(self) -> Client:
        return connect(Address.of(self.settings), 30, database=self.settings.clickhouse_database)

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = self.client().execute(sql)
        return rows

    def read(self) -> int:
        return int(self.ask("SELECT sum(records_read) FROM v_reconciliation")[0][0])

    def open_differences(self) -> int:
        sums = "sum(abs(difference_read) + abs(difference_stored) + abs(difference_rejected))"
        return int(self.ask(f"SELECT {sums} FROM v_reconciliation")[0][0])

    def settle(self, records: int, seconds: float = 90, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Wait until all records are read, stored and accounted for, and every deadline so far was decided.

        `meanwhile` is called again and again until they are stored.
        """

        def stored() -> bool:
            meanwhile()
            return self.read() == records and self.open_differences() == 0

        until(stored, seconds, f"{records} records stored")
        until(lambda: self._undecided() == 0, 20, "every deadline decided")
        time.sleep(3)  # a timer, a checkpoint and an insert after it
        until(self._all_inserted, 60, "every row inserted")

    def _all_inserted(self) -> bool:
        """Rows of one checkpoint go to one table after the other: the last may wait for seconds."""
        lag = self.metric("feedback_consumer_lag_events", topic=ROWS)
        return lag == 0 and self.metric("feedback_sink_pending_rows") == 0

    def _undecided(self) -> int:
        """Clocks that run although their deadline lies two minutes back: a grace and a checkpoint."""
        sql = "SELECT count() FROM v_sla WHERE state = 'running' AND due_at < now64(3) - INTERVAL 125 SECOND"
        return int(self.ask(sql)[0][0])

    def differences(self, other: "Installation") -> list[str]:
        """What views show of the same records here and not there, row for row, or there and not here.

        Both databases are on one server. What is about customers who were erased is left out, and what says when we
        wrote it.
        """
        here, there = (each.settings.clickhouse_database for each in (self, other))
        return [
            f"{one.view}: {one.only_here} rows only in {here}, such as {one.examples_here}, "
            f"{one.only_there} only in {there}, such as {one.examples_there}"
            for one in compare(self.client(), here, there)
            if one.any
        ]

    def rows(self, view: str) -> list[tuple[Any, ...]]:
        names = ", ".join(compared(self.client(), self.settings.clickhouse_database, view))
        return self.ask(f"SELECT {names} FROM {view} ORDER BY ALL")

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric over all workers."""
        total = 0.0
        for service in self.services:
            if service.alive:
                _, text = fetch(service.ready_url.removesuffix("/ready") + "/metrics")
                for line in text.splitlines():
                    said = all(f'{label}="{value}"' in line for label, value in labels.items())
                    if said and line.startswith((f"{name}{{", f"{name} ")):
                        total += float(line.rpartition(" ")[2])
        return total

    def incidents(self) -> list[dict[str, Any]]:
        """Every message of `feedback-incidents`, committed ones, in order within a partition."""
        return incidents_on(self.settings.topic_prefix + INCIDENTS, self.settings.brokers)

    def stop(self) -> None:
        for service in self.services:
            service.kill()


@contextlib.contextmanager
def installed(settings: Settings, home: Path) -> Iterator[Installation]:
    installation = Installation(settings, home)
    try:
        yield installation
    finally:
        installation.stop()


def incidents_on(topic: str, brokers: str) -> list[dict[str, Any]]:
    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=brokers,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        consumer_timeout_ms=4_000,
    )
    try:
        return [json.loads(record.value) for record in consumer]
    finally:
        consumer.close()


def until(holds: Callable[[], bool], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.2)


def command(settings: Settings, *said: str, timeout: float = 240) -> subprocess.CompletedProcess[str]:
    """What `oidor` says, with its settings in the environment, when this is said to it."""
    return subprocess.run(
        [*python_module("deploy.cli"), *said],
        env=python_environment(settings.model_dump(exclude_unset=True)),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
