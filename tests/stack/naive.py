"""What a log must lead to, in one pass of plain Python: nothing of ours but how a record is decoded.

The log is what the broker has, whatever was published how often; so it is read back from there.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from kafka import KafkaConsumer, TopicPartition

from processors.settings import Settings
from schemas.events.decoding import admit, decode, occurred_ms
from schemas.events.envelope import Event
from schemas.outputs import Rejection
from schemas.topics import CONTACTS, INPUTS
from tests.stack.running import Installation

_POLL_MS = 1_000


class Count(NamedTuple):
    """How many records of one topic-partition ended how: topic, partition, outcome."""

    topic: str
    partition: int
    outcome: str


@dataclass
class Result:
    records: Counter[Count] = field(default_factory=Counter)
    events: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    """Accepted (topic, source, event_id, entity_id)."""
    contacts: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(source, entity_id) of the contacts that were opened."""

    def differences(self, found: "Result") -> "Differences":
        """What is here and not in `found`, and what `found` has beyond it."""
        parts: list[tuple[Counter[Any], Counter[Any]]] = [
            (self.records, found.records),
            (self.events, found.events),
            (self.contacts, found.contacts),
        ]
        lost = [expected - got for expected, got in parts]
        doubled = [got - expected for expected, got in parts]
        return Differences(
            sum(one.total() for one in lost),
            sum(one.total() for one in doubled),
            [
                *(f"lost {next(iter(one))}" for one in lost if one),
                *(f"beyond {next(iter(one))}" for one in doubled if one),
            ],
        )


class Differences(NamedTuple):
    lost: int
    doubled: int
    examples: list[str]


def of_log(settings: Settings) -> Result:
    """One pass over the input topics as they are on the broker."""
    result = Result()
    seen: set[tuple[object, ...]] = set()
    for topic in INPUTS:
        for record in _records(settings, topic):
            result.records[Count(topic, record.partition, _outcome(result, seen, topic, record))] += 1
    return result


def _outcome(result: Result, seen: set[tuple[object, ...]], topic: str, record: Any) -> str:
    event = decode(topic, record.value or b"")
    if isinstance(event, Rejection) or admit(event, occurred_ms(event), record.key, record.timestamp) is not None:
        return "rejected"
    # An id that is used again for something else is another event.
    said = event.source, event.event_id, event.event_type, event.entity_id, occurred_ms(event)
    identity = (topic, record.partition, *said)
    if identity in seen:
        return "duplicate"
    seen.add(identity)
    result.events[topic, event.source, event.event_id, event.entity_id] += 1
    if _opens_a_contact(topic, event):
        result.contacts[event.source, event.entity_id] = 1
    return "accepted"


def _opens_a_contact(topic: str, event: Event) -> bool:
    return topic == CONTACTS and event.event_type == "contact.opened"


def of_views(oidor: Installation) -> Result:
    """The same, as the views tell it."""
    counted = oidor.ask(
        "SELECT topic, partition, sum(accepted), sum(duplicate), sum(rejected) FROM v_reconciliation "
        "GROUP BY topic, partition"
    )
    outcomes = {
        Count(topic, partition, outcome): int(count)
        for topic, partition, *counts in counted
        for outcome, count in zip(("accepted", "duplicate", "rejected"), counts, strict=True)
    }
    events = oidor.ask("SELECT topic, source, event_id, entity_id FROM feedback_events FINAL")
    contacts = oidor.ask(f"SELECT source, entity_id FROM v_cases WHERE topic = '{CONTACTS}' AND opened_at IS NOT NULL")
    return Result(
        +Counter(outcomes),
        Counter((topic, source, event_id, entity_id) for topic, source, event_id, entity_id in events),
        Counter((source, entity_id) for source, entity_id in contacts),
    )


def _records(settings: Settings, topic: str) -> Iterable[Any]:
    """What a `read_committed` reader gets of a topic, up to its end as it is now."""
    consumer = KafkaConsumer(
        bootstrap_servers=settings.brokers,
        isolation_level="read_committed",
        enable_auto_commit=False,
        max_poll_records=5_000,
    )
    try:
        parts = [TopicPartition(settings.input_prefix + topic, number) for number in range(settings.partitions)]
        consumer.assign(parts)
        consumer.seek_to_beginning(*parts)
        ends = consumer.end_offsets(parts)
        while any(consumer.position(part) < ends[part] for part in parts):
            for records in consumer.poll(_POLL_MS).values():
                yield from records
    finally:
        consumer.close()
