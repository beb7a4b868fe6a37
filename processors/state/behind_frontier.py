"""`BehindFrontier`: which sources' records come so late that deadlines they could have met are decided before."""

from typing import Any, Final

from processors.state.sources import HOUR_MS, SOURCES_MAX
from schemas.observations import BehindRecords
from schemas.topics import INPUTS

FORGOTTEN_MS: Final = 6 * HOUR_MS
"""Without such a record for so long, by record timestamps, the next one begins another count."""
_ENTRIES_MAX: Final = len(INPUTS) * SOURCES_MAX


class BehindFrontier:
    """The accepted records of each source and topic that came behind the frontier by more than a grace.

    The frontier is the moment up to which the deadlines of a topic were decided; of a topic that was read to its end it
    goes with the wall clock. So which records these are depends on when they were read: it decides nothing.
    """

    def __init__(self) -> None:
        self.found: dict[tuple[str, str], BehindRecords] = {}
        """By topic and source."""

    def note(self, topic: str, source: str, record_at: int, frontier: int) -> None:
        """A record with this timestamp came when the frontier was further, both in ms."""
        known = self.found.get((topic, source))
        if known is None or record_at - known.last_at > FORGOTTEN_MS:
            known = BehindRecords(0, record_at, record_at, 0)
        last_at, furthest = max(known.last_at, record_at), max(known.furthest_ms, frontier - record_at)
        self.found[topic, source] = BehindRecords(known.records + 1, known.since, last_at, furthest)
        if len(self.found) > _ENTRIES_MAX:
            del self.found[min(self.found, key=lambda one: (self.found[one].last_at, one))]

    def meta(self) -> list[list[Any]]:
        """What a checkpoint writes: topic, source, and what was found of them."""
        return [[*of, *found] for of, found in self.found.items()]

    def restore(self, meta: list[list[Any]]) -> None:
        """Take in what `meta` gave."""
        self.found = behind_records(meta)


def behind_records(meta: list[list[Any]]) -> dict[tuple[str, str], BehindRecords]:
    """What was written, by topic and source."""
    return {(topic, source): BehindRecords(*found) for topic, source, *found in meta}
