"""`Log`: what durability asks of Kafka, and no more; and how long an answer may take."""

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Final, NamedTuple, Protocol

from processors.runtime.timeouts import ANSWER_SECONDS

SEND_SECONDS: Final = ANSWER_SECONDS - 5
"""No answer of the broker to one request of a producer for so long: it asks again, within what opening may take."""
COMMIT_SECONDS: Final = 2 * SEND_SECONDS + 5
"""A transaction that takes longer, two requests that are answered at last included, has failed: the log decides."""
CLOSE_SECONDS: Final = 5.0
"""What closing, or deleting, may take: nobody waits for it, and the next owner ends what is left open."""

_MESSAGE_ROOM: Final = 100_000
_USUAL_LIMIT: Final = 1_000_000
"""Of a topic as Kafka makes it, less what surrounds a message."""


def longest_message(message_bytes: int) -> int:
    """The bytes beyond which a message is a defect of ours: one that is shorter, and refused, met a topic's limit.

    A small OIDOR_MESSAGE_BYTES does not make it smaller: what cannot be split may be longer than that.
    """
    return max(message_bytes + _MESSAGE_ROOM, _USUAL_LIMIT)


class Outgoing(Protocol):
    """One message of a transaction, for the partition of the log that sends it."""

    @property
    def topic(self) -> str: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes: ...
    @property
    def headers(self) -> tuple[tuple[str, bytes], ...]: ...


class Appended(NamedTuple):
    """What the broker answers to a transaction."""

    offset: int
    """Of the first message of the delta."""
    broker_time: int | None
    """What time it is there, ms, as this is returned; None when it does not say."""


class Log(Protocol):
    """The log of one partition's state, and the transactions that append to it."""

    async def open(self) -> None:
        """Fence every earlier owner, and abort what it left open."""

    def read(self) -> AsyncIterator[Sequence[bytes]]:
        """The state's committed messages, oldest first, up to the end as it is now; none at all says: still at it."""

    async def transaction(self, outputs: Iterable[Outgoing], delta: Sequence[bytes]) -> Appended:
        """All of it or none. An error decides nothing."""

    async def truncate(self, offset: int) -> None:
        """Delete the state's messages before an offset, or leave it to the next time. Never raises."""

    async def close(self) -> None:
        """Never raises, never takes long."""
