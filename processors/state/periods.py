"""`Periods`: which rules cases were counted by, and from when on.

A period begins where a state is opened whose cases were last counted by other rules: another pack, another KPI. A case
keeps the number of the period in which it began to be counted: what it added before the next one can be found out no
more, for folded again it says what it adds under the rules of today.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from processors.state.table import StateTable
from schemas.kpis import DEFINITION_VERSION
from schemas.outputs import Change, Key

_KEPT: Final = 16
"""Periods; of earlier ones no minute is in memory any more."""


class Period(NamedTuple):
    """A time in which cases were counted by the same rules."""

    digest: str
    """`Rules.digest`"""
    definition_version: int
    """`schemas.kpis.DEFINITION_VERSION`"""
    since: Mapping[str, int]
    """Input topic -> the minute, ms, before which all lies that was counted of its cases before the period."""


class Periods(StateTable):
    """A key is the number of a period, written whole when it begins."""

    name = "periods"

    def __init__(self) -> None:
        self.number = 0
        """Of the period that lasts."""
        self._periods: dict[int, Period] = {}
        self._changed: dict[int, None] = {}

    @property
    def digest(self) -> str:
        """Of the period that lasts; '' before the first."""
        return self._periods[self.number].digest if self._periods else ""

    def begin(self, digest: str, since: Mapping[str, int]) -> None:
        """Begin a period, for a state whose last one had other rules, or that is new."""
        if self._periods:
            self.number += 1
        self._periods[self.number] = Period(digest, DEFINITION_VERSION, since)
        self._changed[self.number] = None
        former = self.number - _KEPT
        if self._periods.pop(former, None) is not None:
            self._changed[former] = None

    def since(self, topic: str) -> int:
        """The minute, ms, before which all lies that cases of a topic were counted before this period; 0: nothing."""
        return self._periods[self.number].since.get(topic, 0) if self._periods else 0

    def definition_version(self, topic: str, minute: int) -> int:
        """The least version of the KPI definitions by which a minute in memory may have been counted."""
        least = DEFINITION_VERSION
        for period in reversed(self._periods.values()):
            least = min(least, period.definition_version)
            if minute >= period.since.get(topic, 0):
                break
        return least

    def changes(self) -> Iterator[Change]:
        changed, self._changed = self._changed, {}
        for number in changed:
            yield Change((number,), self._periods.get(number), whole=True)

    def all_keys(self) -> Iterable[Key]:
        return [(number,) for number in self._periods]

    def whole(self, key: Key) -> Iterator[Change] | None:
        period = self._periods.get(key[0])
        return None if period is None else iter([Change(key, period, whole=True)])

    def apply(self, change: Change, version: int) -> None:
        (number,) = change.key
        if change.content is None:
            self._periods.pop(number, None)
            return
        self._periods[number] = Period(*change.content)
        self._periods = dict(sorted(self._periods.items()))
        self.number = max(self.number, number)
