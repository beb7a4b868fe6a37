"""What to make of a failure: whose fault it is, which record causes it, and what a reader of the log should do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from aiokafka.errors import (
    MessageSizeTooLargeError,
    ProducerFenced,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)

_ADVICE: Final[Mapping[type[BaseException], str]] = {
    TransactionalIdAuthorizationFailed: "allow this account to write transactional ids that begin with OIDOR_APP_ID",
    TopicAuthorizationFailedError: "allow this account to read the inputs, and to read and write all topics of Oidor",
    MessageSizeTooLargeError: "raise max.message.bytes of Oidor's topics above OIDOR_MESSAGE_BYTES, or lower that",
    ProducerFenced: "another process has it now, or had it in between",
}


def advice(error: BaseException) -> str:
    """What to do about a failure that does not heal by itself, or needs nothing done; '' about any other."""
    return next((advice for kind, advice in _ADVICE.items() if isinstance(error, kind)), "")


class RecordPosition(NamedTuple):
    """Where a record lies in its partition."""

    topic: str
    offset: int


@dataclass
class PoisonTracker:
    """Finds the record that breaks a partition. It outlives the partition, and counts failures of our own only.

    After three failures at the same offsets, the records up to where the last attempt got are processed in isolation:
    one by one, with a commit each. The one that fails then is rejected the next time.
    """

    durable: dict[str, int] = field(default_factory=dict)
    """The offsets at which the last failures began."""
    taken_to: dict[str, int] = field(default_factory=dict)
    """How far any attempt got, by topic."""
    failures: int = 0
    """In a row, at the same offsets."""
    poisoned: set[RecordPosition] = field(default_factory=set)

    ISOLATING_AFTER: Final = 3

    def note_failure(
        self, durable: Mapping[str, int], taken_to: Mapping[str, int], isolated: RecordPosition | None
    ) -> None:
        """Note a failure of a state that was durable up to `durable`, and had begun all before `taken_to`.

        `isolated`: the only record that was being processed.
        """
        if isolated is not None:
            self.poisoned.add(isolated)
        elif self.durable == dict(durable):
            self.failures += 1
        else:
            self.durable, self.failures = dict(durable), 1
            self.poisoned.clear()
        self.taken_to = {topic: max(offset, self.taken_to.get(topic, 0)) for topic, offset in taken_to.items()}

    def isolating(self, topic: str, offset: int) -> bool:
        """Is a record to be processed in isolation?"""
        return self.failures >= self.ISOLATING_AFTER and offset < self.taken_to.get(topic, 0)
