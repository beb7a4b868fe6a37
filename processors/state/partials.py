"""The tables of KPI minutes: partials, the values of dimensions that have a name, and the lists that number both."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from processors.kpis.encoding import OURS, Names
from processors.kpis.partials import Partials
from processors.kpis.sums import Alike, PartialId, alike, pieces
from processors.state.table import StateTable
from schemas.outputs import Change, Key

_VALUES_A_CHANGE: Final = 100
_TURNS: Final = 2


class NameTable(StateTable):
    """The lists of accumulators and dimensions that partials and values are numbered by: one for each release.

    A key is the number of a list, written whole. A list of another release is needed until compaction has written all
    that is numbered by it once more: then it has had two turns, and leaves.
    """

    name = "kpi_names"

    def __init__(self) -> None:
        self.number = 0
        """Of the list of this release; 0 until the first checkpoint."""
        self._lists: dict[int, Names] = {}
        self._turns: dict[int, int] = {}
        self._waiting: deque[tuple[int, Callable[[Names], None]]] = deque()

    def read(self, number: int, read: Callable[[Names], None]) -> None:
        """Read something that is numbered by a list: at once, or when the list has come; in the order of the log."""
        self._waiting.append((number, read))
        self._read_on()

    def _read_on(self) -> None:
        while self._waiting and self._waiting[0][0] in self._lists:
            number, read = self._waiting.popleft()
            read(self._lists[number])

    def changes(self) -> Iterator[Change]:
        if not self.number:
            self.number = next((number for number, names in self._lists.items() if names.are_ours), 0)
        if not self.number:
            self.number = max(self._lists, default=0) + 1
            self._lists[self.number] = OURS
            yield self._change(self.number)

    def all_keys(self) -> Iterable[Key]:
        return [(number,) for number in self._lists]

    def whole(self, key: Key) -> Iterator[Change] | None:
        (number,) = key
        if number != self.number:
            self._turns[number] = self._turns.get(number, 0) + 1
            if self._turns[number] >= _TURNS:
                del self._lists[number]
                return None
        return iter([self._change(number)])

    def apply(self, change: Change, version: int) -> None:
        (number,) = change.key
        self._lists[number] = Names(*change.content)
        self._read_on()

    def _change(self, number: int) -> Change:
        names = self._lists[number]
        return Change((number,), (names.accumulators, names.dimensions), whole=True)


class PartialTable(StateTable):
    """The partials of each input topic. A key is (topic, minute); a change is some partials of it, each complete."""

    name = "partials"

    def __init__(self, partials: Mapping[str, Partials], names: NameTable) -> None:
        self._partials, self._names = partials, names

    @property
    def held(self) -> int | None:
        return sum(partials.count for partials in self._partials.values())

    def items_in(self, content: Any) -> int:
        _, written = content
        return sum(len(ids) for _, ids in written)

    def changes(self) -> Iterator[Change]:
        for topic, partials in self._partials.items():
            for minute, changed in partials.drain_changed().items():
                for piece in changed:
                    yield self._change(topic, minute, piece)

    def all_keys(self) -> Iterable[Key]:
        return [(topic, minute) for topic, partials in self._partials.items() for minute in partials.minutes]

    def whole(self, key: Key) -> Iterator[Change] | None:
        topic, minute = key
        minutes = self._partials[topic].minutes
        return self._whole(topic, minute) if minute in minutes else None

    def apply(self, change: Change, version: int) -> None:
        topic, minute = change.key
        number, written = change.content
        partials = self._partials[topic]

        def read(names: Names) -> None:
            if minute >= partials.closed_before_ms:  # else it has left since, while this waited for its list
                for partial_id, slots in names.partials(written):
                    partials.restore(minute, partial_id, slots)

        self._names.read(number, read)

    def _whole(self, topic: str, minute: int) -> Iterator[Change]:
        """Each partial as it is when its turn comes; those that have left by then are passed over."""
        minutes = self._partials[topic].minutes
        for piece in [*pieces(minutes.get(minute, {}))]:
            held = minutes.get(minute, {})
            some = {one: held[one] for _, ids in piece for one in ids if one in held}
            yield self._change(topic, minute, alike(some))

    def _change(self, topic: str, minute: int, written: Sequence[Alike]) -> Change:
        return Change((topic, minute), (self._names.number, written))


class DimensionValueTable(StateTable):
    """The values of each dimension of an input topic that have a name, and its limit. A key is a topic; a change adds
    some, and lowers limits.
    """

    name = "dimension_values"

    def __init__(self, partials: Mapping[str, Partials], names: NameTable) -> None:
        self._partials, self._names = partials, names

    def changes(self) -> Iterator[Change]:
        for topic, partials in self._partials.items():
            values, partials.new_values = partials.new_values, []
            yield from self._added(topic, values)

    def all_keys(self) -> Iterable[Key]:
        return [(topic,) for topic in self._partials]

    def whole(self, key: Key) -> Iterator[Change] | None:
        (topic,) = key
        return self._added(topic, self._partials[topic].admitted_values())

    def apply(self, change: Change, version: int) -> None:
        (topic,) = change.key
        number, written, limits = change.content
        partials = self._partials[topic]

        def read(names: Names) -> None:
            for dimension, limit in names.limits(limits):
                partials.restore_limit(dimension, limit)
            for value in names.values(written):
                partials.restore_value(value)

        self._names.read(number, read)

    def _added(self, topic: str, values: Sequence[PartialId]) -> Iterator[Change]:
        for start in range(0, len(values), _VALUES_A_CHANGE):
            some = values[start : start + _VALUES_A_CHANGE]
            yield Change((topic,), (self._names.number, some, self._partials[topic].limits))
