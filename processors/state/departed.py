"""Which keys have left the state: 8 bytes each, bounded, the oldest half forgotten at once, as of seen ids."""

from typing import ClassVar

from processors.cases.events import CaseKey
from processors.state.seen_ids import SeenIds, SeenIdTable, id_hash


class DepartedTable(SeenIdTable):
    """The keys of cases that left, of each input topic."""

    name: ClassVar[str] = "departed"


def key_hash(key: CaseKey) -> int:
    """What stays of a key that left; its topic is that of the table."""
    _, source, entity_id = key
    return id_hash(source, entity_id)


def depart(departed: SeenIds, key: CaseKey, at: int) -> None:
    """Remember a key that left when its topic had come to `at`, ms."""
    hashed = key_hash(key)
    if hashed not in departed:
        departed.add(hashed, at)
