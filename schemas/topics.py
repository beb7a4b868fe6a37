"""The registry of Kafka topics: name, key, partitions, cleanup and retention, and why."""

from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

DAY_MS: Final = 86_400_000

RECORD_AHEAD_MS: Final = 300_000
"""What the timestamp of an input's record may lie ahead of the clock: one record from the future moves time."""
AHEAD_LIMIT: Final = "message.timestamp.after.max.ms"
"""Kafka's name of that limit, which brokers before 3.6 do not know."""

COMPACTION_LAG_MS: Final = 7 * DAY_MS
"""After which a record that another one replaced is gone: of somebody who was erased, say."""

CONTACTS: Final = "contact-events"
COMPLAINTS: Final = "complaint-events"
SURVEYS: Final = "survey-events"
ROWS: Final = "feedback-rows"
INCIDENTS: Final = "feedback-incidents"
REJECTED: Final = "feedback-rejected"
ACTIONS: Final = "feedback-actions"

InputTopic = Literal["contact-events", "complaint-events", "survey-events"]
INPUTS: Final[tuple[InputTopic, ...]] = (CONTACTS, COMPLAINTS, SURVEYS)

EVENT_PREFIX: Final[dict[str, tuple[str, ...]]] = {
    CONTACTS: ("contact.", "customer."),
    COMPLAINTS: ("complaint.",),
    SURVEYS: ("survey.",),
}
"""What every `event_type` of an input topic begins with: one of these."""


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic as it must exist. `retention_ms` and `retention_bytes`: -1 keeps everything."""

    name: str
    key: str
    cleanup: Literal["delete", "compact"]
    retention_ms: int
    retention_bytes: int = -1
    durable: bool = False
    """Losing a record of it loses state: a finite retention is refused, and two in-sync replicas are asked for."""
    append_time: bool = False
    """Its records have the time at which the broker appended them: whoever writes them learns what time it is there."""
    partitions: int | None = None
    """None: as many as the inputs, for a partition of it belongs to one of theirs."""

    @property
    def timestamp_type(self) -> str:
        return "LogAppendTime" if self.append_time else "CreateTime"

    def config(self, replication: int) -> dict[str, str]:
        """Kafka topic configuration, by Kafka's own names."""
        config = {
            "cleanup.policy": self.cleanup,
            "retention.ms": str(self.retention_ms),
            "retention.bytes": str(self.retention_bytes),
            "message.timestamp.type": self.timestamp_type,
        }
        if self.cleanup == "compact":
            config["max.compaction.lag.ms"] = str(COMPACTION_LAG_MS)
        if self.name in INPUTS:
            config[AHEAD_LIMIT] = str(RECORD_AHEAD_MS)
        if self.durable and replication > 1:
            config["min.insync.replicas"] = "2"
        return config


NO_ID: Final = bytes(16)
"""The id of a topic whose broker tells none."""


class TopicIdentity(NamedTuple):
    """What the metadata of a cluster say of one topic."""

    id: bytes
    """16 bytes, another one whenever the topic is made (KIP-516)."""
    partitions: int


def state_topic(app_id: str) -> str:
    """The checkpoints of one application: `oidor` -> `oidor-state`."""
    return f"{app_id}-state"


def registry(app_id: str, input_retention_ms: int = 7 * DAY_MS) -> tuple[Topic, ...]:
    """Every topic that Oidor reads or writes.

    An `input_retention_ms` of -1 keeps history for ever, which is what reading logs of past years needs: the broker
    deletes by record timestamp, not by age of the file.
    """
    return (
        *(
            Topic(name, "customer id, or the entity id of an anonymous customer", "delete", input_retention_ms)
            for name in INPUTS
        ),
        Topic(ROWS, "the source's partition number", "delete", 14 * DAY_MS),
        Topic(INCIDENTS, "incident id", "compact", -1),
        Topic(REJECTED, "source", "delete", 14 * DAY_MS),
        Topic(ACTIONS, "incident or maintenance id", "delete", 400 * DAY_MS, append_time=True, partitions=1),
        Topic(state_topic(app_id), "the source's partition number", "delete", -1, durable=True, append_time=True),
    )
