"""What to make of a failure: whose fault it is, which record causes it, and what a reader of the log should do."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    MessageSizeTooLargeError,
    NotEnoughReplicasAfterAppendError,
    NotEnoughReplicasError,
    ProducerFenced,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)

from processors.runtime.problems import Problem
from processors.runtime.suspects import THIS_PROCESS, Suspects
from processors.runtime.timeouts import ANSWER_SECONDS, REOPENING_SECONDS

_ADVICE: Final[Mapping[type[BaseException], str]] = {
    TransactionalIdAuthorizationFailed: "allow this account to write transactional ids that begin with OIDOR_APP_ID",
    TopicAuthorizationFailedError: "allow this account to read the inputs, and to read and write all topics of Oidor",
    ClusterAuthorizationFailedError: "allow this account to write with an idempotent producer (IdempotentWrite)",
    MessageSizeTooLargeError: "raise max.message.bytes of Oidor's topics above OIDOR_MESSAGE_BYTES, or lower that",
    RecordListTooLargeError: "raise max.message.bytes of Oidor's topics above OIDOR_MESSAGE_BYTES, or lower that",
    NotEnoughReplicasError: "bring back the brokers that hold the copies which min.insync.replicas asks for",
    NotEnoughReplicasAfterAppendError: "bring back the brokers that hold the copies which min.insync.replicas asks for",
    ProducerFenced: "another process has it now, or had it in between",
}

FAILING_SECONDS: Final = ANSWER_SECONDS + REOPENING_SECONDS[-1] + 5
"""Two failures of a partition that are not further apart are the same: an attempt may take so long, and the pause."""


class OversizedError(Exception):
    """A checkpoint leads to a message that is longer than any may be: a defect of ours, and no broker's limit."""


def advice(error: BaseException) -> str:
    """What to do about a failure that does not heal by itself, or needs nothing done; '' about any other."""
    return next((advice for kind, advice in _ADVICE.items() if isinstance(error, kind)), "")


class RecordPosition(NamedTuple):
    """Where a record lies in its partition."""

    topic: str
    offset: int


@dataclass
class PoisonTracker:
    """Finds the record that breaks a partition, or ends a process. It outlives the partition.

    After three failures of our own at the same offsets, the records up to where the last attempt got are processed in
    isolation: one by one, with a commit each. The one that fails then is rejected the next time. So are records on
    which a process was noted to hang; the one on which three processes have ended alone is rejected.
    """

    durable: dict[str, int] = field(default_factory=dict)
    """The offsets at which the last failures began."""
    taken_to: dict[str, int] = field(default_factory=dict)
    """How far any attempt got, by topic."""
    failures: int = 0
    """In a row, at the same offsets."""
    poisoned: set[RecordPosition] = field(default_factory=set)
    noted: dict[str, Suspects] = field(default_factory=dict)
    """What stands in the notes of processes that had the partition, by topic."""

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
        failed = self.failures >= self.ISOLATING_AFTER and offset < self.taken_to.get(topic, 0)
        return failed or self.suspicious(topic, offset)

    def suspicious(self, topic: str, offset: int) -> bool:
        """Is a record, or one behind it, noted to have hung a process?"""
        return topic in self.noted and offset < self.noted[topic].end

    def to_reject(self, record: RecordPosition) -> bool:
        """Has it been found that a record breaks the partition, or ends processes?"""
        noted = self.noted.get(record.topic)
        return record in self.poisoned or (noted is not None and noted.begin == record.offset and noted.condemned)

    def suspects(self, topic: str, begin: int, end: int) -> Suspects:
        """What is to be noted when this process hangs on these records: who hung on the same before stays named."""
        noted = self.noted.get(topic)
        same = noted is not None and (noted.begin, noted.end) == (begin, end)
        return (noted if noted is not None and same else Suspects(begin, end)).by(THIS_PROCESS)


@dataclass
class _Failing:
    error: BaseException
    since: float
    last: float
    count: int = 1


@dataclass
class FailingPartitions:
    """Partitions that fail again and again for what is no fault of ours: a limit, missing rights, no broker."""

    _failing: dict[int, _Failing] = field(default_factory=dict)

    def note(self, number: int, error: BaseException, now: float) -> bool:
        """Notes a failure at `now`, s; returns whether it is another one than the last of this partition."""
        known = self._failing.get(number)
        if known is None or type(known.error) is not type(error) or now - known.last > FAILING_SECONDS:
            self._failing[number] = _Failing(error, now, now)
            return True
        known.error, known.last, known.count = error, now, known.count + 1
        return False

    def __contains__(self, number: int) -> bool:
        return number in self._failing

    def over(self, number: int) -> None:
        """A commit went through, or the partition left."""
        self._failing.pop(number, None)

    def problems(self, now: float, wall: int) -> Iterator[Problem]:
        """What fails in a row, one problem for all partitions that fail alike; `now` in s, `wall` in ms."""
        alike: dict[str, dict[int, _Failing]] = {}
        for number, one in sorted(self._failing.items()):
            if one.count > 1 and now - one.last <= FAILING_SECONDS:
                alike.setdefault(type(one.error).__name__, {})[number] = one
        for name, failing in alike.items():
            error = next(iter(failing.values())).error
            since = wall - round(1000 * (now - min(one.since for one in failing.values())))
            what = f"partitions {sorted(failing)} cannot commit or open: {error!r}"
            to_do = advice(error) or "it is tried again every few seconds"
            yield Problem(f"failing {name}", what, f"{to_do}. Records wait in Kafka, none is lost or rejected", since)
