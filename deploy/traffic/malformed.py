"""Broken copies of good messages, one for each way that publishers break them."""

import re
from collections.abc import Callable
from random import Random
from typing import Any, Final

from deploy.traffic.messages import Message, encode, rfc3339
from schemas.topics import INPUTS

Fields = dict[str, Any]
DAY_MS: Final = 86_400_000


def malformed(random: Random, message: Message, event: Fields) -> Message:
    """A copy of `message`, whose value is `event`, that must be rejected; it has an event id of its own."""
    ways = [*_WAYS, *((_wrong_score,) if "score" in event else ()), *((_wrong_amount,) if "amount" in event else ())]
    broken = ways[int(random.random() * len(ways))](message, {**event, "event_id": f"{event['event_id']}-x"})
    return broken if isinstance(broken, Message) else message._replace(value=encode(broken))


Way = Callable[[Message, Fields], "Fields | Message"]


def _cut_off(message: Message, event: Fields) -> Message:
    return message._replace(value=message.value[: len(message.value) * 2 // 3])


def _latin_1(message: Message, event: Fields) -> Message:
    return message._replace(value=encode({**event, "text": "reclamación"}).decode().encode("latin-1", "replace"))


def _without_time(message: Message, event: Fields) -> Fields:
    return {name: value for name, value in event.items() if name != "occurred_at"}


def _number_for_name(message: Message, event: Fields) -> Fields:
    return {**event, "entity_id": 4711}


def _unknown_priority(message: Message, event: Fields) -> Fields:
    return {**event, "priority": "asap"}


def _spanish_date(message: Message, event: Fields) -> Fields:
    return {**event, "occurred_at": "23/11/2026 10:05"}


def _naive(message: Message, event: Fields) -> Fields:
    return {**event, "occurred_at": re.sub(r"(Z|[+-][0-9:]{5})$", "", event["occurred_at"])}


def _from_tomorrow(message: Message, event: Fields) -> Fields:
    return {**event, "occurred_at": rfc3339(message.timestamp_ms + DAY_MS)}


def _from_long_ago(message: Message, event: Fields) -> Fields:
    return {**event, "occurred_at": rfc3339(message.timestamp_ms - 500 * DAY_MS)}


def _next_version(message: Message, event: Fields) -> Fields:
    return {**event, "schema_version": "2.0"}


def _other_topic(message: Message, event: Fields) -> Message:
    other = INPUTS[(INPUTS.index(message.topic) + 1) % len(INPUTS)]
    return message._replace(topic=other, value=encode(event))


def _other_key(message: Message, event: Fields) -> Message:
    return message._replace(key="round-robin", value=encode(event))


def _address_for_pseudonym(message: Message, event: Fields) -> Fields:
    return {**event, "customer": {"id": "ana.perez@example.com"}}


def _wrong_score(message: Message, event: Fields) -> Fields:
    return {**event, "score": 99}


def _wrong_amount(message: Message, event: Fields) -> Fields:
    return {**event, "amount": "12,50"}


_WAYS: Final[tuple[Way, ...]] = (
    _cut_off, _latin_1, _without_time, _number_for_name, _unknown_priority, _spanish_date, _naive, _from_tomorrow,
    _from_long_ago, _next_version, _other_topic, _other_key, _address_for_pseudonym,
)  # fmt: skip
