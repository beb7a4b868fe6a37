"""What is published, from a seed: who writes what to which offset, and when. The same in every run of the seed."""

import random
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache, cached_property
from itertools import islice
from typing import Final, NamedTuple
from zlib import crc32

from faust.types import TP

from deploy.traffic.messages import Message
from deploy.traffic.office import HOUR
from deploy.traffic.scenarios import STORM_LOG, journeys
from schemas.topics import COMPLAINTS, INPUTS

START: Final = datetime(2026, 11, 16, 8, tzinfo=UTC)
MESSAGES: Final = 260
_OFTEN: Final = range(40, 130)
"""Messages of a customer who calls again and again; others have fewer."""
_CORPUS: Final = 16_000
_CORPUS_SECONDS: Final = 3 * 86_400
_LATE: Final = replace(STORM_LOG, late=0.10, lateness=(61, 40 * HOUR))
"""Some so late that the minute that they count in has left the memory."""
_SELDOM: Final = (
    "customer.erased", "contact.absorbed", "contact.merged", "contact.corrected", "contact.voided",
    "contact.callback_requested", "complaint.merged",
)  # fmt: skip
"""Each log has at least one of them."""


class Publication(NamedTuple):
    """One offset of a log: a record, or the marker that ends a transaction."""

    at: int
    """When it is published at the earliest, ms."""
    message: Message | None
    transaction: int | None
    committed: bool = True
    """Of a marker: how the transaction ends."""


@dataclass(frozen=True, eq=False)
class Traffic:
    """The logs of the input topics, as they will be."""

    partitions: int
    logs: dict[TP, tuple[Publication, ...]]

    @cached_property
    def begins(self) -> int:
        return min(publication.at for log in self.logs.values() for publication in log)

    @cached_property
    def ends(self) -> int:
        return max(publication.at for log in self.logs.values() for publication in log)

    def committed(self, tp: TP) -> Iterator[tuple[int, Message]]:
        """The records that count, with their offsets."""
        log = self.logs.get(tp, ())
        aborted = {each.transaction for each in log if each.message is None and not each.committed}
        for offset, each in enumerate(log):
            if each.message is not None and (each.transaction is None or each.transaction not in aborted):
                yield offset, each.message


@cache
def _corpus() -> dict[str, tuple[Message, ...]]:
    """Three days of traffic, by customer."""
    by_customer: dict[str, list[Message]] = defaultdict(list)
    for message in journeys(_LATE, 7, START, limit=_CORPUS, rate=_CORPUS / _CORPUS_SECONDS):
        by_customer[message.key].append(message)
    return {key: tuple(messages) for key, messages in by_customer.items()}


@cache
def traffic(seed: int) -> Traffic:
    """A log of one customer who comes often and others who do not, some of it written in transactions."""
    dice = random.Random(f"traffic {seed}")
    partitions = dice.choice((2, 3))
    by_number: dict[TP, list[Message]] = {TP(topic, n): [] for topic in INPUTS for n in range(partitions)}
    for message in sorted(_some_customers(dice), key=lambda message: message.timestamp_ms):
        by_number[TP(message.topic, crc32(message.key.encode()) % partitions)].append(message)
    logs = {tp: tuple(_in_transactions(messages, dice)) for tp, messages in by_number.items()}
    return Traffic(partitions, logs)


def _some_customers(dice: random.Random) -> list[Message]:
    corpus = _corpus()
    often = [key for key, messages in corpus.items() if len(messages) in _OFTEN]
    keys = [key for key, messages in corpus.items() if len(messages) < _OFTEN.start]
    dice.shuffle(keys)
    complaints = {key: sum(message.topic == COMPLAINTS for message in corpus[key]) for key in keys}
    keys.sort(key=lambda key: -min(complaints[key], 4) if dice.random() < 0.5 else 0)
    chosen = list(corpus[dice.choice(often)])
    keys[:0] = [key for event_type in _SELDOM for key in _who_tell(event_type, dice)]
    for key in dict.fromkeys(keys):
        if len(chosen) < MESSAGES:
            chosen += corpus[key]
    return chosen


def _who_tell(event_type: str, dice: random.Random) -> Iterator[str]:
    """A customer of whom such an event tells, and who else has to do with the case."""
    told = f'"event_type":"{event_type}"'.encode()
    theirs = {key: of for key, of in _corpus().items() if len(of) < _OFTEN.start}
    keys = [key for key, messages in theirs.items() if any(told in message.value for message in messages)]
    dice.shuffle(keys)
    for key in islice(keys, 1):
        yield key
        named = {name for message in theirs[key] for name in _NAMED.findall(message.value)}
        yield from (other for other, of in theirs.items() if any(_is_about(message, named) for message in of))


_NAMED: Final = re.compile(rb'"(?:into|from)":"(co-[0-9a-f-]+)"')


def _is_about(message: Message, entities: set[bytes]) -> bool:
    return any(b'"entity_id":"%b"' % entity in message.value for entity in entities)


def _in_transactions(messages: Sequence[Message], dice: random.Random) -> Iterator[Publication]:
    """Some upstreams write in transactions, some of which are aborted and written again."""
    transactional = dice.random() < 0.5
    number = start = 0
    while start < len(messages):
        size = dice.randint(1, 8)
        group = messages[start : start + size]
        start += size
        if not transactional or dice.random() < 0.3:
            yield from (Publication(message.timestamp_ms, message, None) for message in group)
            continue
        ends = group[-1].timestamp_ms
        if dice.random() < 0.3:
            number += 1
            yield from (Publication(message.timestamp_ms, message, number) for message in group)
            yield Publication(ends, None, number, committed=False)
        number += 1
        yield from (Publication(message.timestamp_ms, message, number) for message in group)
        # Records of others come between the last of a transaction and its marker.
        meanwhile = messages[start : start + dice.randint(0, 2)]
        start += len(meanwhile)
        yield from (Publication(message.timestamp_ms, message, None) for message in meanwhile)
        yield Publication(meanwhile[-1].timestamp_ms if meanwhile else ends, None, number)
