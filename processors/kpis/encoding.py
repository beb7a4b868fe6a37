"""Partials as the durable state writes them: numbered by the lists of the release that wrote them.

In memory accumulators and dimensions are numbered, which is what makes adding fast; numbers change with every release
that adds, removes or reorders one. So the lists themselves are written, too, once for all partials that are numbered by
them, and numbers are mapped by name when they are read by another release: what that does not know is dropped, what it
knows and the writer did not is absent.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from processors.kpis.sums import Alike, PartialId, Slots
from schemas.kpis import ACCUMULATORS, DIMENSIONS, HISTOGRAM_WIDTH

_PLACE: Final[Mapping[str, int]] = {name: place for place, name in enumerate(ACCUMULATORS)}
_DIMENSION: Final[Mapping[str, int]] = {name: index for index, name in enumerate(DIMENSIONS)}


class Names:
    """The accumulators and dimensions of the release that numbered something, in order."""

    def __init__(self, accumulators: Sequence[str], dimensions: Sequence[str]) -> None:
        self.accumulators, self.dimensions = tuple(accumulators), tuple(dimensions)
        self._same = (self.accumulators, self.dimensions) == (tuple(ACCUMULATORS), tuple(DIMENSIONS))
        self._places = [_PLACE.get(name) for name in accumulators]
        self._indices = [_DIMENSION.get(name) for name in dimensions]

    @property
    def are_ours(self) -> bool:
        """Whether they are those of this release."""
        return self._same

    def partials(self, written: Iterable[Alike]) -> Iterator[tuple[PartialId, Slots]]:
        """The partials that were written, in the numbers of this release; those it knows nothing of are left out."""
        for slots, ids in written:
            mapped = slots if self._same else self._mapped(slots)
            if mapped or not slots:
                for partial_id in self.values(ids):
                    yield partial_id, mapped

    def values(self, written: Iterable[PartialId]) -> Iterator[PartialId]:
        """The dimension values that were written, but for those of dimensions that this release does not know."""
        for dimension, value in written:
            index = self._indices[dimension]
            if index is not None:
                yield index, value

    def limits(self, written: Mapping[int, int]) -> Iterator[tuple[int, int]]:
        """The limits of dimensions that were written, but for those of dimensions that this release does not know."""
        for dimension, limit in written.items():
            index = self._indices[dimension]
            if index is not None:
                yield index, limit

    def _mapped(self, slots: Slots) -> Slots:
        mapped: Slots = {}
        for slot, amount in slots.items():
            from_end, bucket = divmod(slot, HISTOGRAM_WIDTH)
            place = self._places[-from_end if from_end else slot]
            if place is not None:
                mapped[(len(ACCUMULATORS) - place) * HISTOGRAM_WIDTH + bucket if from_end else place] = amount
        return mapped


OURS: Final = Names(ACCUMULATORS, DIMENSIONS)
