"""What a log must lead to, in one pass of plain Python: nothing of ours but how a record is decoded.

The log is what the broker has, whatever was published how often; so it is read back from there.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from kafka import KafkaConsumer, TopicPartition

from processors.settings import Settings
from schemas.events.contacts import ERASED
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
    erased: set[tuple[str, str]] = field(default_factory=set)
    """Those of customers who were erased: whether such a one is known depends on which event came first."""

    def differences(self, found: "Result") -> "Differences":
        """What is here and not in `found`, and what `found` has beyond it."""
        erased = self.erased | found.erased
        parts: list[tuple[Counter[Any], Counter[Any]]] = [
            (self.records, found.records),
            (self.events, found.events),
            (_without(self.contacts, erased), _without(found.contacts, erased)),
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


def _without(contacts: Counter[tuple[str, str]], erased: set[tuple[str, str]]) -> Counter[tuple[str, str]]:
    return Counter({contact: count for contact, count in contacts.items() if contact not in erased})


class Differences(NamedTuple):
    lost: int
    doubled: int
    examples: list[str]


def of_log(settings: Settings) -> Result:
    """One pass over the input topics as they are on the broker."""
    result = Result()
    seen: set[tuple[object, ...]] = set()
    opened_by: dict[tuple[str, str], str] = {}
    erased: set[str] = set()
    for topic in INPUTS:
        for record in _records(settings, topic):
            event, outcome = _judged(seen, topic, record)
            result.records[Count(topic, record.partition, outcome)] += 1
            if event is None or outcome != "accepted":
                continue
            result.events[topic, event.source, event.event_id, event.entity_id] += 1
            customer = event.customer.id or "" if event.customer else ""
            if event.event_type == ERASED:
                erased.add(customer)
            elif event.event_type == "contact.opened":
                result.contacts[event.source, event.entity_id] = 1
                opened_by[event.source, event.entity_id] = customer
    result.erased = {contact for contact, customer in opened_by.items() if customer in erased}
    return result


def _judged(seen: set[tuple[object, ...]], topic: str, record: Any) -> tuple[Event | None, str]:
    event = decode(topic, record.value or b"")
    if isinstance(event, Rejection) or admit(event, occurred_ms(event), record.key, record.timestamp) is not None:
        return None, "rejected"
    # An id that is used again for something else is another event.
    said = event.source, event.event_id, event.event_type, event.entity_id, occurred_ms(event)
    identity = (topic, record.partition, *said)
    if identity in seen:
        return event, "duplicate"
    seen.add(identity)
    return event, "accepted"


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
