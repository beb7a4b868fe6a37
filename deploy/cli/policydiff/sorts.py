"""Sorts of cases: what the facts of a case are, or are not. Lists of rules divide all cases into them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, NamedTuple, TypeVar

from schemas.errors import OidorError
from schemas.policies.policy import Conditions
from schemas.policies.refusals import always_has, possible_values, topics_of
from schemas.taxonomy import ClockMetric
from schemas.topics import InputTopic

SORTS_MAX: Final = 50_000
"""Sorts that one metric is divided into."""

Decision = TypeVar("Decision")


class TooManySortsError(OidorError):
    """Rules tell too many sorts of cases apart to compare them."""


class Limit(NamedTuple):
    """What one fact is: one of some values, or none of them."""

    one_of: bool
    values: frozenset[object]

    def admits(self, value: object) -> bool:
        return (value in self.values) == self.one_of

    def both(self, other: "Limit") -> "Limit":
        if self.one_of:
            return Limit(True, self.values & other.values if other.one_of else self.values - other.values)
        return Limit(False, self.values | other.values) if not other.one_of else other.both(self)

    def either(self, other: "Limit") -> "Limit":
        if self.one_of:
            return Limit(True, self.values | other.values) if other.one_of else other.either(self)
        return Limit(False, self.values - other.values if other.one_of else self.values & other.values)


_ANYTHING: Final = Limit(False, frozenset())


@dataclass(frozen=True, slots=True)
class Sort:
    """Cases of some topics whose facts lie within limits; what has none can be anything."""

    topics: frozenset[InputTopic]
    limits: Mapping[str, Limit] = field(default_factory=dict)

    def has(self, facts: Mapping[str, object]) -> bool:
        """Is a case with such facts, its topic among them, of this sort?"""
        return facts.get("topic") in self.topics and all(
            limit.admits(facts.get(name)) for name, limit in self.limits.items()
        )

    def merged(self, other: "Sort") -> "Sort | None":
        """The sort of both, where they differ in one fact at most."""
        if self.limits == other.limits:
            return Sort(self.topics | other.topics, self.limits)
        names = self.limits.keys() | other.limits.keys()
        different = [name for name in names if self.limits.get(name) != other.limits.get(name)]
        if self.topics != other.topics or len(different) > 1:
            return None
        (name,) = different
        limits = {**self.limits, **other.limits}
        if name in self.limits and name in other.limits:
            limits[name] = self.limits[name].either(other.limits[name])
        if name not in self.limits or name not in other.limits or limits[name] == _ANYTHING:
            del limits[name]
        return Sort(self.topics, limits)


def all_cases(metric: ClockMetric | None) -> list[Sort]:
    """All that can have a clock of a metric, a sort for each topic; without a metric: a wait in a queue."""
    return [Sort(frozenset({topic})) for topic in topics_of(metric)]


class Way(NamedTuple, Generic[Decision]):
    """One way through packs: the rules that decide, and those that are asked before them and must not fit."""

    fits: tuple[Conditions, ...]
    fits_not: tuple[Conditions, ...]
    decision: Decision | None


def ways(packs: Sequence[Sequence[tuple[Conditions, Decision]]]) -> Iterator[Way[Decision]]:
    """Every way through packs; each case goes one of them.

    Of a pack the first rule that fits counts; one that decides nothing leaves the case to the next pack.
    """
    if not packs:
        yield Way((), (), None)
        return
    first, *others = packs
    before: tuple[Conditions, ...] = ()
    for conditions, decision in first:
        if decision is not None:
            yield Way((conditions,), before, decision)
        else:
            for way in ways(others):
                yield Way((conditions, *way.fits), (*before, *way.fits_not), way.decision)
        before += (conditions,)
    for way in ways(others):
        yield Way(way.fits, (*before, *way.fits_not), way.decision)


def on_both(one: Way[Any], other: Way[Any], metric: ClockMetric | None) -> list[Sort]:
    """The cases that go both of two ways, through the packs of before and of after."""
    return [sort for within in all_cases(metric) for sort in _remaining(within, one, other, metric)]


def _remaining(within: Sort, one: Way[Any], other: Way[Any], metric: ClockMetric | None) -> list[Sort]:
    sort: Sort | None = within
    for conditions in (*one.fits, *other.fits):
        if sort is None:
            return []
        sort = _split(sort, conditions, metric)[0]
    if sort is None:
        return []
    excluding = [
        conditions
        for conditions in dict.fromkeys((*one.fits_not, *other.fits_not))
        if _split(sort, conditions, metric)[0] is not None
    ]
    if any(not _split(sort, conditions, metric)[1] for conditions in excluding):
        return []  # what an earlier rule takes whole need not be divided by the others
    rest = [sort]
    for conditions in excluding:
        rest = [outside for each in rest for outside in _split(each, conditions, metric)[1]]
        if len(rest) > SORTS_MAX:
            raise TooManySortsError(f"{metric or 'short_abandon'}: its rules tell more than {SORTS_MAX} sorts apart")
    return rest


def _split(sort: Sort, conditions: Conditions, metric: ClockMetric | None) -> tuple[Sort | None, list[Sort]]:
    """What of a sort fits, and what does not: the first condition it fails divides it."""
    fitting: Sort | None = sort
    outside: list[Sort] = []
    for name, values in conditions:
        if fitting is None:
            return None, [sort]  # nothing of it fits, so nothing divides it
        failing = _narrowed(fitting, name, Limit(False, frozenset(values)), metric)
        if failing is not None:
            outside.append(failing)
        fitting = _narrowed(fitting, name, Limit(True, frozenset(values)), metric)
    return (None, [sort]) if fitting is None else (fitting, outside)


def _narrowed(sort: Sort, name: str, limit: Limit, metric: ClockMetric | None) -> Sort | None:
    """A sort with one limit more; None when there is no such case."""
    (topic,) = sort.topics
    if name == "topic":
        return sort if limit.admits(topic) else None
    if name in sort.limits:
        limit = sort.limits[name].both(limit)
    possible = possible_values(metric, topic, name)
    if possible is not None:
        limit = Limit(limit.one_of, limit.values & frozenset(possible))
        if not possible:
            return None if limit.one_of else sort
        if always_has(name) and not limit.one_of:
            limit = Limit(True, frozenset(possible) - limit.values)
    if limit.one_of and not limit.values:
        return None
    limits = {**sort.limits, name: limit}
    if limit == _ANYTHING or (always_has(name) and limit == Limit(True, frozenset(possible or ()))):
        del limits[name]
    return Sort(sort.topics, limits)


def fewest(sorts: Iterable[Sort]) -> list[Sort]:
    """The same cases in fewer sorts, where any two of them can be said as one."""
    found: list[Sort] = []
    for sort in sorts:
        merged: Sort | None = sort
        while merged is not None:
            sort, merged = merged, None
            for index, known in enumerate(found):
                merged = known.merged(sort)
                if merged is not None:
                    del found[index]
                    break
        found.append(sort)
    return found
