"""`Retention`: how long cases that are over are kept in fact, and which open ones had to leave."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

NAMED: Final = 20
"""Of open cases that leave, so many are named beside their number."""


@dataclass(frozen=True, slots=True)
class Evicted:
    """Open cases that left because there was no room, from the first until none did for some time."""

    opened_at: int
    """Ms: when the first left, by the record that took its place."""
    updated_at: int
    """The same of the last."""
    cases: int
    named: tuple[str, ...]
    """source:entity_id of the first of them."""


class Retention:
    """Of one partition; of fixed size, so it is written with every checkpoint."""

    def __init__(self, case_retention_ms: int) -> None:
        self._longest_ms = case_retention_ms
        self.left_to: dict[str, int] = {}
        """Input topic -> when the latest case that had to leave early was last moved, ms."""
        self.evicted: Evicted | None = None

    def note_early(self, topic: str, moved_at: int) -> None:
        """Note a case that left before its time."""
        self.left_to[topic] = max(moved_at, self.left_to.get(topic, 0))

    def reaches_ms(self, max_timestamp: Mapping[str, int]) -> int:
        """How far back cases that are over are all kept."""
        held = [max(0, max_timestamp.get(topic, 0) - left_to) for topic, left_to in self.left_to.items()]
        return min(self._longest_ms, *held) if held else self._longest_ms

    def meta(self) -> dict[str, Any]:
        """What a checkpoint writes, but for what goes without saying."""
        said = {"left_to": self.left_to, "evicted": self.evicted and asdict(self.evicted)}
        return {name: value for name, value in said.items() if value}

    def restore(self, meta: Mapping[str, Any]) -> None:
        self.left_to = dict(meta.get("left_to", {}))
        evicted = meta.get("evicted")
        self.evicted = evicted and Evicted(**evicted | {"named": tuple(evicted["named"])})
