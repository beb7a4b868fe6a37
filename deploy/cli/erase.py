"""`oidor erase`: a customer is forgotten by the workers, and masked in what is stored.

The erasure is published to every partition of contact-events: cases that were opened before anyone knew whose they are
lie wherever they were opened. Workers forget the customer and write their last rows anew. Rows of single events cannot
be replaced so: a mutation masks them, and older versions of rows with them.
"""

import json
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from clickhouse_driver import Client
from kafka import KafkaProducer
from kafka.errors import KafkaError

from deploy.cli.acls import require_access
from deploy.cli.connected import connected
from deploy.cli.copies import copies
from deploy.cli.topics import TopicError, administrator
from processors.runtime.security import kafka_python_client
from processors.settings import Settings
from schemas.erasure import customer_hash
from schemas.errors import OidorError
from schemas.events.contacts import ERASED
from schemas.events.decoding import decode
from schemas.outputs import Rejection
from schemas.topics import CONTACTS

_CONNECT_MS: Final = 8_000
SEND_SECONDS: Final = 20
MUTATION_SECONDS: Final = 600
ROUNDS: Final = 5
"""Times that stored rows are looked for again: the last ones of before may still have been on their way."""
_KEYS_A_STATEMENT: Final = 1_000
_POLL_SECONDS: Final = 0.5
_NO_PARTITION: Final = 2**32 - 1


class EraseError(OidorError):
    """Why a customer is not erased, or not wholly; one line."""


@dataclass(frozen=True, slots=True)
class Masking:
    """Rows of one table that name the customer, and what becomes of them."""

    table: str
    update: str
    where: str


MASKINGS: Final = (
    Masking("cases", "customer_id = '', erased = 1", "customer_id = %(customer)s"),
    Masking("sla_clocks", "customer_id = '', erased = 1", "customer_id = %(customer)s"),
    # By its customer alone: that a subject begins like a customer id says nothing, `a` is no part of `a|b`.
    Masking(
        "incidents",
        "customer_id = '', subject = multiIf(subject = %(customer)s, '', "
        "startsWith(subject, %(begins)s), substring(subject, %(from)s), subject)",
        "customer_id = %(customer)s",
    ),
    Masking("rejected_events", "got = ''", "got = %(customer)s"),
    # Those that name nobody first: that they are the customer's is known by those that do.
    Masking("feedback_events", "payload = '', erased = 1", "customer_id = '' AND payload != '' AND %(keys)s"),
    Masking("feedback_events", "customer_id = '', payload = '', erased = 1", "customer_id = %(customer)s"),
)


def publish(settings: Settings, customer_id: str, source: str) -> str:
    """Publish the erasure; returns its event id. Raises EraseError."""
    event_id = f"erase-{uuid.uuid4().hex}"
    now = datetime.now(UTC)
    event = {
        "event_id": event_id, "event_type": ERASED, "schema_version": "1.0", "occurred_at": now.isoformat(),
        "source": source, "entity_id": event_id, "customer": {"id": customer_id},
    }  # fmt: skip
    value = json.dumps(event).encode()
    if settings.erase_sources and source not in settings.erase_sources:
        allowed = ", ".join(settings.erase_sources)
        raise EraseError(f"source {source} may not erase, OIDOR_ERASE_SOURCES names {allowed}: say one with --source")
    refused = decode(CONTACTS, value)
    if isinstance(refused, Rejection):
        raise EraseError(f"{refused.field} {refused.got!r}: {refused.reason}, expected {refused.expected}")
    require_access(settings, "erase")  # the producer would try in vain until its time is over
    try:
        producer = KafkaProducer(**kafka_python_client(settings), acks="all", bootstrap_timeout_ms=_CONNECT_MS)
        try:
            sent = [
                producer.send(
                    settings.input_prefix + CONTACTS,
                    value,
                    customer_id.encode(),
                    partition=number,
                    timestamp_ms=round(now.timestamp() * 1000),
                )
                for number in range(settings.partitions)
            ]
            for one in sent:
                one.get(timeout=SEND_SECONDS)
        finally:
            producer.close(timeout=5)
    except (KafkaError, OSError, ValueError, AssertionError) as error:
        raise EraseError(f"Kafka at {settings.brokers} did not take the erasure: {error!r}") from error
    return event_id


def wait_until_processed(settings: Settings, event_id: str, source: str, seconds: float) -> None:
    """Wait until every partition has processed the erasure, and that is stored. Raises EraseError."""
    deadline = time.monotonic() + seconds
    with connected(settings, MUTATION_SECONDS, EraseError) as client:
        while True:
            ((done,),) = client.execute(
                "SELECT uniqExact(partition) FROM feedback_events WHERE event_id = %(event)s AND source = %(source)s",
                {"event": event_id, "source": source},
            )
            if done >= settings.partitions:
                return
            if time.monotonic() > deadline:
                raise EraseError(
                    f"published, but only {done} of {settings.partitions} partitions have processed it within "
                    f"{seconds:g} s: are `oidor worker` and `oidor warehouse` running? The erasure waits for them; "
                    "then mask what is stored with --rows-only"
                )
            time.sleep(_POLL_SECONDS)


def mask(settings: Settings, customer_id: str) -> dict[str, int]:
    """Mask what is stored of a customer, and what still comes; table -> rows. Raises EraseError.

    Who reads the rows again, from copies that Kafka has, then knows that they were erased.
    """
    total = {masking.table: 0 for masking in MASKINGS}
    with connected(settings, MUTATION_SECONDS, EraseError) as client:
        _remember(client, customer_id)
        for _ in range(ROUNDS):
            found = _mask_once(client, customer_id)
            if not any(found.values()):
                return total
            total = {table: total[table] + rows for table, rows in found.items()}
            time.sleep(2 * settings.warehouse_interval)
    raise EraseError(
        f"{sum(total.values())} rows were masked, and new ones about the customer keep coming: stop who publishes "
        "them, then mask again with --rows-only"
    )


def _remember(client: Client, customer_id: str) -> None:
    """As the partition that no worker has: theirs may be of another moment."""
    now = datetime.now(UTC)
    row = [customer_hash(customer_id), _NO_PARTITION, now, round(now.timestamp()) << 32, now]
    client.execute("INSERT INTO erasures (customer, partition, erased_at, version, last_recorded_at) VALUES", [row])


def _mask_once(client: Client, customer_id: str) -> dict[str, int]:
    begins = f"{customer_id}|"
    parameters = {"customer": customer_id, "begins": begins, "from": len(customer_id.encode()) + 1}
    entities = client.execute(
        "SELECT DISTINCT topic, source, entity_id FROM feedback_events WHERE customer_id = %(customer)s", parameters
    )
    masked = {masking.table: 0 for masking in MASKINGS}
    for masking in MASKINGS:
        for where in _conditions(masking.where, entities):
            ((rows,),) = client.execute(f"SELECT count() FROM {masking.table} WHERE {where}", parameters)
            if rows:
                client.execute(
                    f"ALTER TABLE {masking.table} UPDATE {masking.update} WHERE {where}",
                    parameters,
                    settings={"mutations_sync": 2},
                )
                masked[masking.table] += rows
    return masked


def _conditions(where: str, entities: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Yield a condition; one that names entities once for each thousand of them."""
    if "%(keys)s" not in where:
        yield where
        return
    for start in range(0, len(entities), _KEYS_A_STATEMENT):
        named = ", ".join(
            "(" + ", ".join(map(_quoted, entity)) + ")" for entity in entities[start : start + _KEYS_A_STATEMENT]
        )
        yield where.replace("%(keys)s", f"(topic, source, entity_id) IN ({named})")


def _quoted(text: str) -> str:
    # What follows is filled in by the driver, to which a percent sign means something.
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("%", "%%") + "'"


def report(settings: Settings, customer_id: str, rows: dict[str, int]) -> list[str]:
    """Say what was masked, and for each place where copies are left when the last of them is gone."""
    lines = [
        f"masked {sum(rows.values())} rows that named {customer_id}: "
        + ", ".join(f"{table} {count}" for table, count in rows.items()),
        "ClickHouse masks what it is given again, and removes the former content of the rows as it deletes old parts, "
        "within minutes; its backups go when you delete them",
        "Kafka still has copies, at the latest:",
    ]
    try:
        with administrator(settings) as admin:
            lines += [f"  {one}" for one in copies(admin, settings, time.time_ns() // 1_000_000)]
    except TopicError as error:
        lines.append(f"  of which nothing is known now, ask `oidor doctor` later: {error}")
    return lines
