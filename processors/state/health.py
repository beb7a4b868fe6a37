"""`Health`: which optional parts of ours failed, how often, and what was the last error of each.

A part is a pattern, by its id, or something else that costs only its own result when it raises, such as the topics of a
text. It is written with every checkpoint, so that it is known after a restart what is owed: results that a part did not
give, while the records that they belong to were accepted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

PARTS_MAX: Final = 64
"""Parts that are told apart; beyond it `other`."""
ERROR_LENGTH: Final = 200


@dataclass(slots=True)
class PartHealth:
    """What is known of a part that failed at least once."""

    errors: int = 0
    """Since the state began."""
    last_error: str = ""
    """Type and place in the code, never a value: an error may quote what a customer wrote."""
    last_error_at: int = 0
    """Record time, ms."""
    lacking: int = 0
    """Cases and histories that were last evaluated without the part."""


class Health:
    def __init__(self) -> None:
        self.parts: dict[str, PartHealth] = {}

    def failed(self, part: str, error: str, at: int) -> PartHealth:
        """Note one error of a part, at record time `at`, ms."""
        known = self._part(part)
        known.errors += 1
        known.last_error, known.last_error_at = error[:ERROR_LENGTH], max(known.last_error_at, at)
        return known

    def lack(self, part: str, change: int) -> None:
        """So many more cases or histories lack the result of a part, or fewer."""
        self._part(part).lacking += change

    def settle(self) -> frozenset[str]:
        """The parts that cases or histories lack, which are counted anew from now on."""
        lacked = frozenset(part for part, known in self.parts.items() if known.lacking)
        for part in lacked:
            self.parts[part].lacking = 0
        return lacked

    def _part(self, part: str) -> PartHealth:
        known = self.parts.get(part)
        if known is None:
            known = self.parts.setdefault(part if len(self.parts) < PARTS_MAX else "other", PartHealth())
        return known

    def snapshot(self) -> dict[str, tuple[Any, ...]]:
        """part -> errors, last error, when, how many lack it"""
        return {
            part: (known.errors, known.last_error, known.last_error_at, known.lacking)
            for part, known in self.parts.items()
        }

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Take in what `snapshot` gave."""
        self.parts = {part: PartHealth(*known) for part, known in snapshot.items()}
