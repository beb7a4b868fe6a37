"""`RecordedTexts`: which texts of rules a partition has recorded, so that each is written once while it is in force."""

from collections.abc import Iterable, Iterator
from typing import Final

from processors.state.table import StateTable
from schemas.outputs import Change, Key
from schemas.policies.texts import PolicyText

_RECORDED: Final = 1


class RecordedTexts(StateTable):
    """A key is kind, name and digest of a text that is in force; one that comes into force again is recorded again."""

    name = "recorded_texts"

    def __init__(self) -> None:
        self._known: dict[Key, None] = {}
        self._changed: dict[Key, None] = {}

    def record(self, texts: Iterable[PolicyText]) -> list[PolicyText]:
        """Take in all texts that are in force; returns those that were not before, which are to be written."""
        in_force = {(text.kind, text.name, text.digest): text for text in texts}
        new = [text for key, text in in_force.items() if key not in self._known]
        self._changed |= dict.fromkeys(in_force.keys() ^ self._known.keys())
        self._known = dict.fromkeys(in_force)
        return new

    def changes(self) -> Iterator[Change]:
        changed, self._changed = self._changed, {}
        for key in changed:
            yield Change(key, _RECORDED if key in self._known else None, whole=True)

    def all_keys(self) -> Iterable[Key]:
        return list(self._known)

    def whole(self, key: Key) -> Iterator[Change] | None:
        return iter([Change(key, _RECORDED, whole=True)]) if key in self._known else None

    def apply(self, change: Change, version: int) -> None:
        key = tuple(change.key)
        if change.content is None:
            self._known.pop(key, None)
        else:
            self._known[key] = None
