"""Partials: what one minute adds up to by one value of one dimension. Mergeable by adding.

A partial is a flat dictionary slot -> amount, as `PartialRow` has it: it travels as it is. A slot that returns to zero
leaves, so that equal contents are equal dictionaries.

Samples that agree in their minute and attribution are combined before they are spread over the dimensions: of a case
that goes on, the next sample takes back most of what the last one said. And where a minute has few samples, most of its
partials are of the same ones. So an amount is added up once for all partials that it is of: these hold one dictionary,
which is never changed, and are written together.

While a minute is in memory its partials are absolute. Of one that has left it only differences are known: they add up
between two checkpoints, and are written as adjustments. Minutes leave by the quarter-hour, so that what a quarter-hour
amounts to is known as long as any minute of it is.

Of each dimension a bounded number of values has partials of its own: those whose place, a hash, lies below the limit of
the dimension, which is halved when they become too many. So who has a name follows from which values there were, and
not from which came first. What was written by its name before the limit came down to its place is `other` to whoever
reads it by the limit of now, as the views of the warehouse do: `shown_value`.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from operator import ne
from typing import Final
from zlib import crc32

from processors.kpis.samples import Amounts, Sample
from processors.kpis.sums import Alike, PartialId, Slots, Summands, pieces, without_nothing
from schemas.kpis import DIMENSIONS

MINUTE_MS: Final = 60_000
QUARTER_HOUR_MS: Final = 900_000
NO_LIMIT: Final = 2**32
"""The limit of a dimension all of whose values have a name."""
OTHER: Final = "other"

Attribution = tuple[str, ...]
"""A value per dimension, as `Sample` has it, or part of it."""
_PROMISE: Final = DIMENSIONS.index("policy")
"""Dimensions from here on are of the promise: there are few, so what is counted by them is combined by itself."""
Combined = defaultdict[int, dict[Attribution, tuple[tuple[PartialId, ...], int, Slots]]]
"""By minute, ms, and values: over which partials something is to be spread, how many of them are `other`, and what."""
Buckets = dict[int, dict[PartialId, Slots]]
"""By the moment at which a minute, or a quarter-hour, begins, ms: its partials."""


def quarter_hour_of(moment_ms: int) -> int:
    """The moment at which the quarter-hour of a moment begins, ms."""
    return moment_ms - moment_ms % QUARTER_HOUR_MS


def place_of(value: str) -> int:
    """The place of a dimension's value, from 0 to `NO_LIMIT` - 1: what ClickHouse calls CRC32 of it."""
    return crc32(value.encode())


def shown_value(value: str, limit: int) -> str:
    """The name by which a value is read under the limit of its dimension."""
    return value if place_of(value) < limit else OTHER


class Partials:
    """The partials of one input topic in one partition, by minute, with what changed since the last checkpoint."""

    def __init__(self, topic: str, *, values_max: int) -> None:
        """`values_max` bounds the values of each dimension that have a name; samples of any other go to `other`."""
        self.topic = topic
        self._minutes: Buckets = {}
        self._changed: Buckets = {}
        self._adjustments: Buckets = {}
        self._count = 0
        self._combined: Combined = defaultdict(dict)
        """What is still to be spread."""
        self._to_spread_over = 0
        """How many partials these are, those of each that are the same ones counted each time."""
        self._pieces: dict[int, list[list[Alike]]] | None = None
        self.closed_before_ms = 0
        """Minutes that begin before this moment, that of a quarter-hour, have left: what comes later adjusts them."""
        self.closing_before_ms = 0
        """Those before this one are to leave: as soon as what changed in them is written."""
        self.overflowed_values = 0
        """Samples that went to `other` because their dimension has too many values."""
        self.limits: dict[int, int] = {}
        """Index of a dimension -> its limit, where it has one."""
        self.new_values: list[PartialId] = []
        """Dimension values that were given a name since the last checkpoint."""
        self._unwritten: dict[int, set[PartialId]] = {}
        """By quarter-hour: its partials that changed since it was written last."""
        self._values: list[dict[str, PartialId]] = [{} for _ in DIMENSIONS]
        """The values that each dimension admits, with the ids of their partials."""
        self._values_max = values_max

    @property
    def minutes(self) -> Buckets:
        """Those in memory."""
        self._spread()
        return self._minutes

    @property
    def changed(self) -> Buckets:
        """Of these the partials that changed since the last checkpoint."""
        self._spread()
        return self._changed

    @property
    def adjustments(self) -> Buckets:
        """What was added since then to minutes that are not in memory any more, or taken back from them."""
        self._spread()
        return self._adjustments

    @property
    def count(self) -> int:
        """How many are in memory."""
        self._spread()
        return self._count

    def spread_since(self, moment_ms: int, key: PartialId) -> Iterator[Slots]:
        """One partial of each minute that begins at a moment or later, as of about the last checkpoint.

        Who only looks must not spread what was combined since: the less often that is done, the less it costs.
        """
        for minute in [each for each in self._minutes if each >= moment_ms]:
            yield self._minutes[minute].get(key, {})

    @property
    def count_at_most(self) -> int:
        """As many as there can be in memory: known without spreading, which costs the more the oftener it is done."""
        return self._count + self._to_spread_over

    def add(self, sample: Sample, sign: int = 1) -> None:
        """Add a sample, or take it back (sign -1)."""
        attribution, amounts = sample.attribution, sample.amounts
        minute = sample.at_ms - sample.at_ms % MINUTE_MS
        self._combine(minute, 0, attribution[:_PROMISE], amounts, sign)
        promise = attribution[_PROMISE:]
        if any(promise):
            self._combine(minute, _PROMISE, promise, amounts, sign)

    def _combine(self, minute: int, first: int, values: Attribution, amounts: Amounts, sign: int) -> None:
        combined = self._combined[minute].get(values)
        if combined is None:
            combined = self._combined[minute][values] = *self._partial_ids(first, values), {}
            self._to_spread_over += len(combined[0])
        _, others, slots = combined
        self.overflowed_values += others
        for slot, amount in amounts:
            slots[slot] = slots[slot] + sign * amount if slot in slots else sign * amount

    def _spread(self) -> None:
        """Add what was combined to its partials."""
        if not self._combined:
            return
        minutes, self._combined, self._pieces = self._combined, defaultdict(dict), None
        self._to_spread_over = 0
        for minute, combined in minutes.items():
            summands = Summands()
            for ids, _, total in combined.values():
                amounts = without_nothing(total)
                for key in ids:
                    summands[key].append(amounts)
            if minute < self.closed_before_ms:
                summands.add_to(self._adjustments.setdefault(minute, {}))
                continue
            partials = self._minutes.setdefault(minute, {})
            self._count -= len(partials)
            self._changed.setdefault(minute, {}).update(summands.add_to(partials))
            self._count += len(partials)

    def _partial_ids(self, first: int, values: Attribution) -> tuple[tuple[PartialId, ...], int]:
        """The partials of values of the dimensions from `first` on, and how many of them are `other`."""
        ids = tuple(filter(None, map(dict.get, self._values[first:], values)))
        if len(ids) == len(values) - values.count(""):
            return ids, 0
        # A value is new, or is `other`.
        said = [each for each in enumerate(values, first) if each[1]]
        ids = tuple([self._values[each[0]].get(each[1]) or self._admit(*each) for each in said])
        return ids, sum(map(ne, ids, said))

    def _admit(self, dimension: int, value: str) -> PartialId:
        if place_of(value) < self.limits.get(dimension, NO_LIMIT):
            values, admitted = self._values[dimension], (dimension, value)
            values[value] = admitted
            self.new_values.append(admitted)
            while len(values) > self._values_max:
                self.restore_limit(dimension, self.limits.get(dimension, NO_LIMIT) // 2)
                values = self._values[dimension]
            if value in values:
                return admitted
        return dimension, OTHER

    def admitted_values(self) -> list[PartialId]:
        """The values of every dimension that have a name, in no order."""
        return [each for values in self._values for each in values.values()]

    def values_of(self, dimension: int) -> Iterable[str]:
        """The values of a dimension, by its index, that have a name."""
        return self._values[dimension].keys()

    def drain_overflow(self) -> int:
        """Samples that went to `other` since the last call."""
        overflowed, self.overflowed_values = self.overflowed_values, 0
        return overflowed

    # Writing

    def drain_adjustments(self) -> Buckets:
        """What is to be added to minutes that have left."""
        adjustments, self._adjustments = self.adjustments, {}
        return adjustments

    def changed_in_pieces(self) -> Mapping[int, list[list[Alike]]]:
        """The partials that changed, each as it is, as they are written: in rows, and in the log."""
        changed = self.changed
        if self._pieces is None:
            self._pieces = {minute: [*pieces(partials)] for minute, partials in changed.items()}
        return self._pieces

    def drain_changed(self) -> Mapping[int, list[list[Alike]]]:
        """The same, once."""
        drained = self.changed_in_pieces()
        self._changed, self._pieces = {}, None
        return drained

    def drain_quarter_hours(self, over_to_ms: int) -> Iterator[tuple[int, dict[PartialId, Slots]]]:
        """What quarter-hours amount to that are over by a moment, or leave, and have changed since they were written.

        One that goes on is not written: it would be each second, for its last minutes are. `changed` is drained later.
        """
        for minute, partials in self.changed.items():
            self._unwritten.setdefault(quarter_hour_of(minute), set()).update(partials)
        over_to_ms = max(over_to_ms, self.closing_before_ms)
        for quarter_hour in [each for each in self._unwritten if each + QUARTER_HOUR_MS <= over_to_ms]:
            unwritten = self._unwritten.pop(quarter_hour)
            summands = Summands()
            for minute in range(quarter_hour, quarter_hour + QUARTER_HOUR_MS, MINUTE_MS):
                partials = self._minutes.get(minute, {})
                if not partials.keys() <= unwritten:
                    partials = {key: slots for key, slots in partials.items() if key in unwritten}
                summands.gather(partials)
            yield quarter_hour, summands.add_to({})

    def recover_unwritten(self, over_to_ms: int) -> None:
        """Derive which quarter-hours are not written: what a checkpoint left that was made when they were not over."""
        for minute, partials in self.minutes.items():
            quarter_hour = quarter_hour_of(minute)
            if quarter_hour + QUARTER_HOUR_MS > over_to_ms:
                self._unwritten.setdefault(quarter_hour, set()).update(partials)

    # Leaving

    def evict_before(self, moment_ms: int) -> None:
        """Close the quarter-hours that end before a moment, and evict their minutes.

        From one on that was not written since it changed they are evicted by the first call after it was.
        """
        self.closing_before_ms = max(self.closing_before_ms, quarter_hour_of(moment_ms))
        if self.closing_before_ms > self.closed_before_ms:
            oldest_changed = min(self.changed, default=self.closing_before_ms)
            unwritten = min(quarter_hour_of(oldest_changed), *self._unwritten, self.closing_before_ms)
            for minute in [each for each in self.minutes if each < unwritten]:
                self._count -= len(self._minutes.pop(minute))
            self.closed_before_ms = max(self.closed_before_ms, unwritten)

    def reopen_from(self, moment_ms: int) -> None:
        """Hold quarter-hours that begin at a moment or later in memory again: time was set back before them.

        Of earlier ones it is not known any more what they added up to.
        """
        self._spread()
        first_ms = -(-moment_ms // QUARTER_HOUR_MS) * QUARTER_HOUR_MS
        self.closed_before_ms = min(self.closed_before_ms, first_ms)
        self.closing_before_ms = min(self.closing_before_ms, first_ms)

    def evict_oldest(self, partials_max: int) -> int:
        """Close and evict the oldest quarter-hours early, until at most so many partials are left; how many that were.

        One that was not written yet leaves once it is, and counts as evicted.
        """
        sizes: dict[int, int] = {}
        for minute, partials in self.minutes.items():
            if minute >= self.closing_before_ms:
                quarter_hour = quarter_hour_of(minute)
                sizes[quarter_hour] = sizes.get(quarter_hour, 0) + len(partials)
        left = before = sum(sizes.values())
        closing_before_ms = self.closing_before_ms
        for quarter_hour in sorted(sizes):
            if left <= partials_max:
                break
            left -= sizes[quarter_hour]
            closing_before_ms = quarter_hour + QUARTER_HOUR_MS
        self.evict_before(closing_before_ms)
        return before - left

    # Reading back from the state

    def restore(self, minute: int, key: PartialId, slots: Slots) -> None:
        """Put one partial back, in place of what is held of it."""
        partials = self.minutes.setdefault(minute, {})
        self._count += key not in partials
        partials[key] = slots

    def restore_value(self, value: PartialId) -> None:
        """Put a value of a dimension back that was given a name."""
        if place_of(value[1]) < self.limits.get(value[0], NO_LIMIT):
            self._values[value[0]][value[1]] = value

    def restore_limit(self, dimension: int, limit: int) -> None:
        """Let a dimension have a limit at least so low: values beyond it lose their names."""
        if limit < self.limits.get(dimension, NO_LIMIT):
            self._spread()  # what came before went by the names of then
            self.limits[dimension] = limit
            values = self._values[dimension]
            self._values[dimension] = {value: each for value, each in values.items() if place_of(value) < limit}
