"""A message as traffic hands it to Kafka, and how events of ours are written."""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final, NamedTuple

import msgspec

_ENCODER: Final = msgspec.json.Encoder()
_MADRID: Final = timezone(timedelta(hours=1))


class Message(NamedTuple):
    """`topic` is the registry's name, without an installation's prefix; `timestamp_ms` milliseconds since the epoch."""

    topic: str
    key: str
    value: bytes
    timestamp_ms: int


def encode(event: Mapping[str, Any]) -> bytes:
    """The value of a message: JSON, UTF-8."""
    return _ENCODER.encode(event)


def rfc3339(at_ms: int, local: bool = False) -> str:
    """A point in time with its offset: UTC, or `local`, at +01:00."""
    seconds, milliseconds = divmod(at_ms, 1000)
    moment = datetime.fromtimestamp(seconds, _MADRID if local else UTC)
    text = moment.isoformat()
    fraction = f".{milliseconds:03}" if milliseconds else ""
    return f"{text[:19]}{fraction}{text[19:] if local else 'Z'}"


_MOMENT: Final = re.compile(
    rb'"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?)(Z|[+-][0-9]{2}:[0-9]{2})"'
)


def shifted(messages: Iterable[Message], by_ms: int) -> Iterator[Message]:
    """The same messages at another time: timestamps, and every RFC 3339 moment in their values. Offsets stay."""

    def moved(found: re.Match[bytes]) -> bytes:
        moment = datetime.fromisoformat(found[1].decode()) + timedelta(milliseconds=by_ms)
        timespec = "milliseconds" if moment.microsecond else "seconds"
        return b'"%b%b"' % (moment.isoformat(timespec=timespec).encode(), found[2])

    for message in messages:
        yield message._replace(value=_MOMENT.sub(moved, message.value), timestamp_ms=message.timestamp_ms + by_ms)
