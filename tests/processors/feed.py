"""Events and records for tests of `step`: written as short as they are read."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from deploy.cli.settings import ShippedSettings
from processors.durability.changelog import Changelog, Delta, LogLimits
from processors.patterns import registry
from processors.pipeline.recovery import recover
from processors.pipeline.step import EMPTY, step
from processors.rules import Rules
from processors.state.partition import PartitionState
from schemas.observations import Observations
from schemas.outputs import Checkpoint
from schemas.topics import COMPLAINTS, CONTACTS, INPUTS, SURVEYS

T0 = 1_764_000_000_000 - 1_764_000_000_000 % 86_400_000
"""Midnight, UTC: the moment that tests count from, ms."""
SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000

TOPIC_OF = {"contact": CONTACTS, "customer": CONTACTS, "complaint": COMPLAINTS, "survey": SURVEYS}


@dataclass(frozen=True)
class FakeRecord:
    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


@dataclass(frozen=True)
class FakeBatch:
    topic: str
    records: tuple[FakeRecord, ...]

    def __iter__(self) -> Iterator[FakeRecord]:
        return iter(self.records)


@dataclass(frozen=True)
class Happening:
    """An event and when its record arrived (ms)."""

    topic: str
    event: dict[str, Any]
    record_at: int

    @property
    def key(self) -> bytes:
        customer = self.event.get("customer")
        return str(customer["id"] if customer else self.event["entity_id"]).encode()


def rfc3339(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds")


def event(event_type: str, entity_id: str, at: int, *, arrives: int | None = None, **fields: Any) -> Happening:
    """An event at T0 + `at` ms; its record arrives at the same moment, or at T0 + `arrives`."""
    customer = fields.pop("customer", "c1")
    body = {
        "event_id": fields.pop("event_id", f"{entity_id}.{event_type.partition('.')[2]}.{at}.{fields.get('seq', '')}"),
        "event_type": event_type,
        "schema_version": "1.0",
        "occurred_at": rfc3339(T0 + at),
        "source": fields.pop("source", "crm"),
        "entity_id": entity_id,
        "customer": customer if isinstance(customer, dict) else {"id": customer},
        **fields,
    }
    return Happening(TOPIC_OF[event_type.partition(".")[0]], body, T0 + (at if arrives is None else arrives))


def rules(**settings: Any) -> Rules:
    """Without settings those of an installation."""
    return Rules.of(ShippedSettings(_env_file=None, **settings), registry.DECLARED)


COMPACTED: Final = LogLimits(message_bytes=900_000, log_to_state=0)
"""A log that every checkpoint compacts."""


def opened(messages: Sequence[bytes], rules_: Rules, limits: LogLimits = COMPACTED) -> tuple[PartitionState, Changelog]:
    """A state read back from messages of its log; an empty one, opened for the first time, when there are none."""
    state = PartitionState(0, rules_)
    changelog = Changelog(state, INPUTS, limits)
    for message in messages:
        changelog.apply(message)
    if not messages:
        changelog.initialise(1_700_000_000, 12)
    recover(state)
    return state, changelog


def recovered(messages: Sequence[bytes], rules_: Rules) -> PartitionState:
    """The state alone."""
    return opened(messages, rules_)[0]


class Feed:
    """A partition: its state, the inputs in front of it, and the log behind it; appends records and steps."""

    def __init__(self, rules_: Rules | None = None, limits: LogLimits = COMPACTED) -> None:
        self.rules, self._limits = rules_ or rules(), limits
        self.state, self.changelog = opened([], self.rules, limits)
        self.deltas: list[Delta] = []
        """All that was ever written to the state's log."""
        self.logs: dict[str, list[FakeRecord]] = {topic: [] for topic in INPUTS}

    def append(self, happening: Happening) -> FakeRecord:
        log = self.logs[happening.topic]
        value = json.dumps(happening.event).encode()
        record = FakeRecord(happening.topic, 0, len(log), happening.record_at, happening.key, value)
        log.append(record)
        return record

    def raw(self, topic: str, value: bytes | None, *, key: bytes | None = b"c1", record_at: int = T0) -> Observations:
        log = self.logs[topic]
        record = FakeRecord(topic, 0, len(log), record_at, key, value)
        log.append(record)
        return self.take(topic, [record])

    def take(self, topic: str, records: Iterable[FakeRecord]) -> Observations:
        batch = FakeBatch(topic, tuple(records))
        for record in batch:
            self.changelog.offsets[topic] = record.offset + 1
            self.state.advance_watermark(topic, record.timestamp)
        return step(self.state, batch, self.state.now)

    def take_in_parts(
        self, topic: str, records: Iterable[FakeRecord], spent: Callable[[], bool], between: Callable[[], None]
    ) -> None:
        """As a worker does it: in steps that `spent` cuts short; `between` two of them anything may happen."""
        rest = [*records]
        while True:
            observations = step(self.state, FakeBatch(topic, tuple(rest)), self.state.now, spent)
            for record in rest[: observations.processed]:
                self.changelog.offsets[topic] = record.offset + 1
                self.state.advance_watermark(topic, record.timestamp)
            if observations.finished:
                return
            between()
            rest = [record for record in rest if record.offset >= self.changelog.offsets[topic]]

    def feed(self, *happenings: Happening) -> Observations:
        """One step a run of happenings of one topic; returns the outputs of the last."""
        outputs, run = Observations(), list[FakeRecord]()
        for happening in happenings:
            if run and run[0].topic != happening.topic:
                outputs = self.take(run[0].topic, run)
                run = []
            run.append(self.append(happening))
        return self.take(run[0].topic, run) if run else outputs

    def checkpoint(self, recorded_at: int = T0) -> Checkpoint:
        """Drain the state; what it writes to its log is in `deltas`."""
        checkpoint = self.state.checkpoint(self.changelog.begin(), recorded_at)
        delta = self.changelog.write()
        self.deltas.append(delta)
        return checkpoint

    @property
    def messages(self) -> list[bytes]:
        """What must be left of the state's log."""
        needed_from = self.deltas[-1].needed_from if self.deltas else 0
        return [message for delta in self.deltas if delta.sequence >= needed_from for message in delta.messages]

    def restart(self, messages: Sequence[bytes] | None = None) -> None:
        """Crash, and go on with what the state's log says, or another one; what it does not hold is read again."""
        self.state, self.changelog = opened(self.messages if messages is None else messages, self.rules, self._limits)
        if messages is not None:
            self.deltas = [Delta(self.changelog.sequence, [*messages], 0)]
        for topic, log in self.logs.items():
            if rest := log[self.changelog.offsets[topic] :]:
                self.take(topic, rest)

    def until(self, at: int) -> Observations:
        """Nothing arrives, and time passes to T0 + `at` ms."""
        for topic in INPUTS:
            self.state.advance_watermark(topic, T0 + at)
        return step(self.state, EMPTY, self.state.now)
