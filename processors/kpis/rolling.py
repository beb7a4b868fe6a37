"""Rolling windows: what the KPI minutes in memory amount to, by area, up to now. For gauges, which are asked often."""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from processors.kpis.partials import MINUTE_MS, OTHER, Partials
from processors.kpis.samples import SLOT
from processors.kpis.sums import PartialId, Slots
from schemas.kpis import DIMENSIONS, Count
from schemas.observations import ROLLING_MINUTES, WindowCounts
from schemas.taxonomy import CLOCK_METRICS

_ADDED_TO: Final[Mapping[int, int]] = {
    **{SLOT[Count[name]]: index for index, name in enumerate(WindowCounts._fields) if name in Count.__members__},
    **{
        SLOT[Count[f"{metric}_{outcome}"]]: WindowCounts._fields.index(f"promises_{outcome}")
        for metric in CLOCK_METRICS
        for outcome in ("met", "breached")
    },
}
"""Slot of a count -> what of a window it is added to."""
_AREA: Final = DIMENSIONS.index("area")
_ALL: Final = DIMENSIONS.index("all"), "all"
_NOTHING: Final[Mapping[PartialId, Slots]] = MappingProxyType({})
_SOON_MINUTES: Final = 60
"""A longer window is added up once a minute: it changes little meanwhile, and has many minutes."""
_APART_MS: Final = 5_000

Totals = dict[str, WindowCounts]
"""By area; '' of what has none."""


class RollingWindows:
    """The windows of one partition. What it remembers follows from the KPI minutes, and is derived again any time."""

    def __init__(self, partials: Iterable[Partials], number: int = 0) -> None:
        """`number`: of the partition. Those of one process do not all add up long windows at the same moment."""
        self._partials, self._shift_ms = tuple(partials), number * _APART_MS
        self._remembered: dict[int, tuple[int, Totals]] = {}
        """Minutes of a long window -> for which minute it was added up last, and what it came to."""

    def up_to(self, now: int) -> Iterator[tuple[str, str, WindowCounts]]:
        """Each window with each area, and what it amounts to: its last minute is the one of `now`, ms."""
        last = now - now % MINUTE_MS
        for name, minutes in ROLLING_MINUTES.items():
            due = last if minutes <= _SOON_MINUTES else (now + self._shift_ms) // MINUTE_MS
            for area, counts in self._window(last, minutes, due).items():
                yield name, area, counts

    def _window(self, last: int, minutes: int, due: int) -> Totals:
        if minutes <= _SOON_MINUTES:
            return self._added_up(last, minutes)
        at, totals = self._remembered.get(minutes, (0, {}))
        if at != due:
            totals = self._added_up(last, minutes)
            self._remembered[minutes] = due, totals
        return totals

    def _added_up(self, last: int, minutes: int) -> Totals:
        totals: dict[str, list[int]] = {}
        for partials in self._partials:
            held, areas = partials.minutes, [*partials.values_of(_AREA), OTHER]
            wanted = [(area, (_AREA, area)) for area in areas] + [("", _ALL)]
            for minute in range(last - (minutes - 1) * MINUTE_MS, last + MINUTE_MS, MINUTE_MS):
                of_minute = held.get(minute, _NOTHING)
                for area, key in wanted if of_minute else ():
                    if (slots := of_minute.get(key)) is not None:
                        total = totals.setdefault(area, [0] * len(WindowCounts._fields))
                        for slot, amount in slots.items():
                            if (index := _ADDED_TO.get(slot)) is not None:
                                total[index] += amount
        everywhere = totals.pop("", [0] * len(WindowCounts._fields))
        of_none = [amount - sum(column) for amount, *column in zip(everywhere, *totals.values(), strict=True)]
        return {area: WindowCounts(*total) for area, total in (totals | {"": of_none}).items()}
