"""What becomes of published messages, and what they say."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import msgspec

from deploy.traffic.messages import Message
from schemas.events.decoding import admit, decode, occurred_ms
from schemas.events.envelope import Event
from schemas.outputs import Rejection


def judged(message: Message) -> Event | Rejection:
    event = decode(message.topic, message.value)
    if isinstance(event, Rejection):
        return event
    return admit(event, occurred_ms(event), message.key.encode(), message.timestamp_ms) or event


def bodies(messages: Iterable[Message]) -> list[dict[str, Any]]:
    return [msgspec.json.decode(message.value) for message in messages]


def by_entity(messages: Iterable[Message]) -> dict[str, list[dict[str, Any]]]:
    entities: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for body in bodies(messages):
        entities[body["entity_id"]].append(body)
    return entities
