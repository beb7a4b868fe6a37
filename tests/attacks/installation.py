"""What the scripts share: an installation on servers of its own, events, short questions, and how a script ends.

The broker forgets in seconds what others forget in days: idle producers and transactional ids after 15 to 20 s, offsets
of an empty group after a minute.
"""

import json
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

from clickhouse_driver.errors import Error
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource

from deploy.local.kafka import server
from deploy.local.stack import Service, Stack, fetch
from processors.settings import Settings
from tests.processors.feed import TOPIC_OF
from tests.stack.running import Installation, incidents_on, until

FORGETFUL: Final = {
    "transactional.id.expiration.ms": 20_000,
    "transaction.remove.expired.transaction.cleanup.interval.ms": 3_000,
    "producer.id.expiration.ms": 15_000,
    "producer.id.expiration.check.interval.ms": 3_000,
    "offsets.retention.minutes": 1,
    "offsets.retention.check.interval.ms": 5_000,
    "log.retention.check.interval.ms": 2_000,
    "log.segment.delete.delay.ms": 1_000,
}
HEAP: Final = "768m"
PARTITIONS: Final = 2
READ_SECONDS: Final = 60

Event = dict[str, Any]


def now() -> int:
    """Wall clock, ms."""
    return time.time_ns() // 1_000_000


def event(event_type: str, entity_id: str, customer: str = "c1", *, at: int | None = None, **fields: Any) -> Event:
    """An event that happens now, or at `at` (ms)."""
    moment = datetime.fromtimestamp((now() if at is None else at) / 1000, UTC)
    return {
        "event_id": f"e{uuid.uuid4().hex[:20]}",
        "event_type": event_type,
        "schema_version": "1.0",
        "occurred_at": moment.isoformat(timespec="milliseconds"),
        "source": "crm",
        "entity_id": entity_id,
        "customer": {"id": customer},
        **fields,
    }


def opened(entity_id: str, customer: str = "c1", *, at: int | None = None, **fields: Any) -> Event:
    usual = {"direction": "inbound", "channel": "email", "priority": "urgent", "category": "billing"}
    return event("contact.opened", entity_id, customer, at=at, **usual | fields)


def resolved(entity_id: str, customer: str = "c1") -> Event:
    return event("contact.resolved", entity_id, customer, resolution="solved")


class Target:
    """An installation under attack, and its publisher."""

    def __init__(self, settings: Settings, home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.settings, self.home = settings, home
        self.installation = Installation(settings, home)
        self.reconnect()

    def reconnect(self) -> None:
        """A publisher that knows topics as they are now."""
        brokers = self.settings.brokers
        self._producer = KafkaProducer(bootstrap_servers=brokers, acks="all", max_request_size=2_000_000)

    def start(self, command: str, **how: Any) -> Service:
        return self.installation.start(command, **how)

    def send(
        self, body: Event, *, at: int | None = None, key: bytes | None = None, partition: int | None = None
    ) -> Any:
        """Publish, with a Kafka timestamp (ms) of now or `at`; the future of the record."""
        topic = self.settings.input_prefix + TOPIC_OF[body["event_type"].partition(".")[0]]
        key = body["customer"]["id"].encode() if key is None else key
        stamp = now() if at is None else at
        return self._producer.send(topic, json.dumps(body).encode(), key, partition=partition, timestamp_ms=stamp)

    def flush(self) -> None:
        self._producer.flush(30)

    def open_cases(self, letter: str, count: int, **fields: Any) -> None:
        """Publish so many openings, each of another customer."""
        for number in range(count):
            self.send(opened(f"{letter}{number}", f"c{number}", **fields))
        self.flush()

    def wait_until_read(self, records: int) -> None:
        until(lambda: self.installation.read() == records, READ_SECONDS, f"{records} records read")

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows; what the database says against the question stands in one."""
        try:
            return self.installation.ask(sql)
        except (Error, OSError, EOFError) as error:
            return [("refused", str(error)[:200])]

    def number(self, sql: str) -> int:
        """The one number that is asked for."""
        return int(self.installation.ask(sql)[0][0] or 0)

    def admin(self) -> KafkaAdminClient:
        return KafkaAdminClient(bootstrap_servers=self.settings.brokers)

    def configure(self, topic: str, **config: str) -> None:
        """Change the configuration of a topic; `_` stands for the dots in names."""
        named = {name.replace("_", "."): value for name, value in config.items()}
        self.admin().alter_configs([ConfigResource("TOPIC", topic, named)])

    def ends(self, topic: str, partitions: int = PARTITIONS) -> list[int]:
        parts = [TopicPartition(topic, number) for number in range(partitions)]
        found = KafkaConsumer(bootstrap_servers=self.settings.brokers).end_offsets(parts)
        return [found[part] for part in parts]

    def pages(self) -> list[tuple[str, str, int]]:
        """What was emitted to page somebody: pattern, case, and in how many ms from now it opened."""
        incidents = incidents_on(self.settings.topic_prefix + "feedback-incidents", self.settings.brokers)
        return [(one["pattern"], one["entity_id"], one["opened_at"] - now()) for one in incidents if one["page"]]


def ready(service: Service) -> tuple[int, Mapping[str, Any]]:
    """Status and content of `/ready`."""
    status, page = fetch(service.ready_url)
    try:
        return status, json.loads(page)
    except ValueError:
        return status, {"problems": [page]}


def ahead(service: Service) -> dict[str, int]:
    """How far the watermark of each partition lies ahead of the wall clock, ms."""
    return {number: part["now"] - now() for number, part in ready(service)[1]["partitions"].items()}


@contextmanager
def servers() -> Iterator[tuple[Stack, Path]]:
    with (
        tempfile.TemporaryDirectory(prefix="oidor-attack-") as folder,
        patch.dict(server._SMALL, FORGETFUL),
        patch.object(server, "_HEAP", HEAP),
        Stack(Path(folder) / "servers") as stack,
    ):
        yield stack, Path(folder)


def settings_on(stack: Stack, name: str, **others: Any) -> Settings:
    named = {
        "app_id": name,
        "input_prefix": f"{name}-",
        "topic_prefix": f"{name}-",
        "clickhouse_database": name,
        "partitions": PARTITIONS,
        "session_timeout": 6,
        "heartbeat_interval": 1,
    }
    return stack.settings(**named | others)


@contextmanager
def target(**others: Any) -> Iterator[Target]:
    """An installation on servers of its own; `others` are settings."""
    with servers() as (stack, home):
        found = Target(settings_on(stack, "attacked", **others), home / "logs")
        try:
            yield found
        finally:
            found.installation.stop()


def say(*what: Any) -> None:
    print(f"[{datetime.now(UTC):%H:%M:%S}]", *what, flush=True)


def end(main: Callable[..., bool], *choices: str) -> None:
    """Run a script's `main` with the mode of the command line, one of `choices`; exit with 0 when Oidor held."""
    modes = sys.argv[1:2] or list(choices[:1])
    if choices and modes[0] not in choices:
        sys.exit(f"usage: python -m {main.__module__} {'|'.join(choices)}")
    held = main(*modes) if choices else main()
    say("HELD" if held else "BROKEN")
    sys.exit(0 if held else 1)
