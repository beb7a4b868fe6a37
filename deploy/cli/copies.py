"""Where Kafka may still have copies about somebody who was erased, and until when."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, OffsetSpec

from deploy.cli.offsets import offsets_of, partitions_of
from deploy.cli.topics import Planned, plan
from processors.settings import Settings
from schemas.topics import state_topic

_CONFIGS: Final = ("cleanup.policy", "retention.ms", "segment.ms", "max.compaction.lag.ms")
_FOR_EVER_MS: Final = 100 * 365 * 86_400_000
"""What Kafka calls a limit and is none."""


@dataclass(frozen=True, slots=True)
class Copies:
    """What one topic has from before an erasure."""

    topic: str
    partitions: tuple[int, ...]
    """Those whose log still begins before it."""
    until: int | None
    """When the broker has deleted the last of it at the latest, ms; None: nothing says so."""
    how: str
    """What deletes it."""

    @property
    def rewritten(self) -> bool:
        """Whether it goes as Oidor rewrites it, and not by a time limit of the broker."""
        return self.how == REWRITTEN

    def __str__(self) -> str:
        if not self.partitions:
            return f"{self.topic}: none left in its log"
        if self.rewritten:
            return f"{self.topic}: until {self.how}; {len(self.partitions)} partitions have not been yet"
        if self.until is None:
            return f"{self.topic}: for ever ({self.how})"
        return f"{self.topic}: until {datetime.fromtimestamp(self.until / 1000, UTC):%Y-%m-%d %H:%M} UTC ({self.how})"


REWRITTEN: Final = "the worker has rewritten its log, a part with each checkpoint"


def copies(admin: KafkaAdminClient, settings: Settings, erased_at: int) -> list[Copies]:
    """Look at every topic that may have copies of what was before a moment, ms."""
    topics = {one.name: one for one in plan(settings)}
    configs = admin.describe_configs(
        [ConfigResource("TOPIC", name, dict.fromkeys(_CONFIGS)) for name in topics], config_filter="all"
    )["topic"]
    return [
        _copies(admin, settings, topic, {key: str(one["value"]) for key, one in configs[name].items()}, erased_at)
        for name, topic in topics.items()
        if configs.get(name)
    ]


def _copies(
    admin: KafkaAdminClient, settings: Settings, topic: Planned, config: Mapping[str, str], erased_at: int
) -> Copies:
    partitions = tuple(_beginning_before(admin, topic, erased_at))
    if topic.name == state_topic(settings.app_id):
        return Copies(topic.name, partitions, None, REWRITTEN)
    name = "max.compaction.lag.ms" if "compact" in config["cleanup.policy"] else "retention.ms"
    limit = int(config[name])
    if not 0 <= limit < _FOR_EVER_MS:
        return Copies(topic.name, partitions, None, f"{name} sets no limit")
    # A segment goes as a whole, when the newest record in it is that old.
    return Copies(topic.name, partitions, erased_at + limit + int(config["segment.ms"]), f"{name} and segment.ms")


def _beginning_before(admin: KafkaAdminClient, topic: Planned, moment: int) -> Iterator[int]:
    parts = partitions_of({topic.name: topic.partitions})
    first = offsets_of(admin, parts, OffsetSpec.EARLIEST, committed=False)
    end = offsets_of(admin, parts, OffsetSpec.LATEST, committed=False)
    after: Any = admin.list_partition_offsets(dict.fromkeys(parts, moment + 1))
    for part in parts:
        # Without a record that late all of them are earlier.
        following = after[part].offset if after[part].offset >= 0 else end[part]
        if first[part] < following:
            yield part.partition
