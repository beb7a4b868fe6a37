"""The examples of the contract, `schemas/examples/<topic>/{valid,warned,invalid}/*.json`, as records."""

import base64
import json
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from schemas.events.decoding import MAX_BYTES, to_ms
from schemas.topics import INPUTS

EXAMPLES = Path(__file__).parents[3] / "schemas" / "examples"
USUAL_DELAY_MS = 2_000


@dataclass(frozen=True)
class Record:
    """One example as it would be read from Kafka."""

    path: Path
    topic: str
    key: bytes | None
    timestamp: int
    value: bytes
    reason: str = ""
    field: str = ""

    def __str__(self) -> str:
        return f"{self.topic}/{self.path.stem}"


@dataclass(frozen=True)
class Warned:
    """An example that is accepted, and whose publisher is told that something is odd about it."""

    record: Record
    warnings: tuple[str, ...]
    partitioner: str
    """Of the client that would have sent it to that partition."""
    partition: int
    partitions: int

    def __str__(self) -> str:
        return str(self.record)


@cache
def valid() -> tuple[Record, ...]:
    """Every valid example: its file is the event, its key and timestamp are what a good publisher would choose."""
    return tuple(_valid(path) for topic in INPUTS for path in sorted(EXAMPLES.glob(f"{topic}/valid/*.json")))


@cache
def warned() -> tuple[Warned, ...]:
    """Every example that is accepted with a warning: its file tells the warnings, the record and the event."""
    return tuple(_warned(path) for topic in INPUTS for path in sorted(EXAMPLES.glob(f"{topic}/warned/*.json")))


@cache
def invalid() -> tuple[Record, ...]:
    """Every invalid example: its file tells reason, field and value, and key and timestamp where they matter."""
    return tuple(_invalid(path) for topic in INPUTS for path in sorted(EXAMPLES.glob(f"{topic}/invalid/*.json")))


def _valid(path: Path) -> Record:
    event = json.loads(path.read_bytes())
    return Record(path, path.parts[-3], _good_key(event), _good_timestamp(event), path.read_bytes())


def _invalid(path: Path) -> Record:
    example = json.loads(path.read_bytes())
    value, event = _value(example)
    record = {"key": None, "timestamp": None, **example.get("record", {})}
    key = record["key"].encode() if record["key"] else None if "key" in example.get("record", {}) else _good_key(event)
    timestamp = _ms(record["timestamp"]) if record["timestamp"] else _good_timestamp(event)
    return Record(path, path.parts[-3], key, timestamp, value, example["reason"], example["field"])


def _warned(path: Path) -> Warned:
    example = json.loads(path.read_bytes())
    value, event = _value(example)
    sent = example["record"]
    record = Record(path, path.parts[-3], sent["key"].encode(), _good_timestamp(event), value)
    return Warned(record, tuple(example["warnings"]), sent["partitioner"], sent["partition"], sent["partitions"])


def example_value(example: dict[str, Any]) -> bytes:
    """The bytes of an invalid example."""
    return _value(example)[0]


def _value(example: dict[str, Any]) -> tuple[bytes, dict[str, Any]]:
    """The bytes of the record, and the event in them as far as there is one."""
    match example:
        case {"value": event}:
            return json.dumps(event, ensure_ascii=False).encode(), event
        case {"value_text": text}:
            return text.encode(), {}
        case {"value_base64": text}:
            return base64.b64decode(text), {}
        case {"value_repeat": {"event": event, "field": field, "character": character, "times": times}}:
            assert times >= MAX_BYTES
            return json.dumps({**event, field: character * times}).encode(), event
    raise AssertionError(f"no value in {example}")


def _good_key(event: dict[str, Any]) -> bytes:
    customer = event.get("customer")
    return str(customer["id"] if isinstance(customer, dict) else event.get("entity_id")).encode()


def _good_timestamp(event: dict[str, Any]) -> int:
    try:
        return _ms(event["occurred_at"]) + USUAL_DELAY_MS
    except (KeyError, TypeError, ValueError):
        return 0


def _ms(text: str) -> int:
    return to_ms(datetime.fromisoformat(text))
