"""The tables of KPI minutes: partials, and the dimension values that were admitted first; both written by name."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from processors.kpis.encoding import decode_partials, decode_values, encode_partials, encode_values
from processors.kpis.partials import PartialId, Partials, Slots
from processors.state.table import StateTable
from schemas.outputs import Change, Key

_PARTIALS_A_CHANGE: Final = 32
_VALUES_A_CHANGE: Final = 100

Minutes = Mapping[int, Mapping[PartialId, Slots]]


class PartialTable(StateTable):
    """The partials of each input topic. A key is (topic, minute); a change is some partials of it, each complete."""

    name = "partials"

    def __init__(self, partials: Mapping[str, Partials]) -> None:
        self._partials = partials

    @property
    def held(self) -> int | None:
        return sum(partials.count for partials in self._partials.values())

    def items_in(self, content: Any) -> int:
        _, rows = content
        return len(rows)

    def changes(self) -> Iterator[Change]:
        for topic, partials in self._partials.items():
            changed, partials.changed = partials.changed, {}
            for minute in changed:
                yield from _changes(topic, minute, changed)

    def all_keys(self) -> Iterable[Key]:
        return [(topic, minute) for topic, partials in self._partials.items() for minute in partials.minutes]

    def whole(self, key: Key) -> Iterator[Change] | None:
        topic, minute = key
        minutes = self._partials[topic].minutes
        return _changes(topic, minute, minutes) if minute in minutes else None

    def apply(self, change: Change, version: int) -> None:
        topic, minute = change.key
        for partial_id, slots in decode_partials(*change.content):
            self._partials[topic].restore(minute, partial_id, slots)


def _changes(topic: str, minute: int, minutes: Minutes) -> Iterator[Change]:
    """Each partial as it is when its turn comes; those that have left by then are passed over."""
    ids = list(minutes[minute])
    for start in range(0, len(ids), _PARTIALS_A_CHANGE):
        held = minutes.get(minute, {})
        some = ids[start : start + _PARTIALS_A_CHANGE]
        yield Change((topic, minute), encode_partials((one, held[one]) for one in some if one in held))


class DimensionValueTable(StateTable):
    """The values that each dimension of an input topic admitted. A key is a topic; a change adds some."""

    name = "dimension_values"

    def __init__(self, partials: Mapping[str, Partials]) -> None:
        self._partials = partials

    def changes(self) -> Iterator[Change]:
        for topic, partials in self._partials.items():
            values, partials.new_values = partials.new_values, []
            yield from _added(topic, values)

    def all_keys(self) -> Iterable[Key]:
        return [(topic,) for topic in self._partials]

    def whole(self, key: Key) -> Iterator[Change] | None:
        (topic,) = key
        return _added(topic, self._partials[topic].admitted_values())

    def apply(self, change: Change, version: int) -> None:
        (topic,) = change.key
        for value in decode_values(change.content):
            self._partials[topic].restore_value(value)


def _added(topic: str, values: Sequence[PartialId]) -> Iterator[Change]:
    for start in range(0, len(values), _VALUES_A_CHANGE):
        yield Change((topic,), encode_values(values[start : start + _VALUES_A_CHANGE]))
