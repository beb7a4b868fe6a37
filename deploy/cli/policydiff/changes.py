"""What changes for which cases between two sets of rules, without words for it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final, NamedTuple

from deploy.cli.policydiff.sorts import Sort, fewest, on_both, ways
from processors.sla.business_time import CalendarBook
from schemas.policies.packs import PolicyBook, Target
from schemas.policies.policy import SHORT_ABANDON_MS, Conditions, Policy
from schemas.taxonomy import CLOCK_METRICS, ClockMetric

_BEGINNING: Final = -(2**62)
"""Earlier than any moment, ms."""


class Promise(NamedTuple):
    """What is promised, whoever promises it."""

    target: Target
    """Without the pack, its version and the place of the rule in it."""
    hours: str
    """What its calendar says of when it is open; '': elapsed time."""


Decided = Promise | int | None
"""A promise; of a wait that nobody had to wait for its threshold, ms; None: nothing is promised."""


@dataclass(frozen=True, slots=True)
class Change:
    """Something that becomes otherwise for some cases."""

    metric: ClockMetric | None
    """None: who did not wait (`short_abandon`)."""
    sorts: Sequence[Sort]
    before: Decided
    after: Decided
    since: int | None = None
    """Of clocks that start from then on, ms; None: from ever."""
    until: int | None = None
    """Of clocks that start before; None: for ever."""

    def concerns(self, metric: ClockMetric | None, started_at: int, facts: Mapping[str, object]) -> bool:
        """Does it change what a clock is promised that starts at a moment (ms), in a case with such facts?"""
        within = (self.since is None or started_at >= self.since) and (self.until is None or started_at < self.until)
        return metric == self.metric and within and any(sort.has(facts) for sort in self.sorts)


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Packs in the order in which they are asked, and the calendars that they name."""

    policies: Sequence[Policy]
    calendars: CalendarBook
    grace_ms: int

    @property
    def book(self) -> PolicyBook:
        return PolicyBook(self.policies, grace_ms=self.grace_ms)

    @property
    def one_version_each(self) -> bool:
        """Whether there is one version of each pack."""
        return len({policy.policy_id for policy in self.policies}) == len(self.policies)

    def from_ever(self) -> "RuleSet":
        """The same, as if its packs had always been in force."""
        earliest = Policy.model_fields["valid_from"].default
        policies = [policy.model_copy(update={"valid_from": earliest}) for policy in self.policies]
        return replace(self, policies=policies)

    def moments(self) -> set[int]:
        """When other versions come into force, ms."""
        named = self.book.calendar_ids
        of_calendars = {one.valid_from_ms for one in self.calendars.definitions if one.calendar_id in named}
        return {policy.valid_from_ms for policy in self.policies} | of_calendars


def changes(old: RuleSet, new: RuleSet) -> list[Change]:
    """All that becomes otherwise, by metric; a time in which both say what they say throughout is told apart."""
    moments = sorted(old.moments() | new.moments())
    found: list[Change] = []
    for begin, end in pairwise([None, *moments, None]):
        at = _BEGINNING if begin is None else begin
        for change in _changes_at(old, new, at):
            found = _continued(found, replace(change, since=begin, until=end))
    order = [*CLOCK_METRICS, None]
    return sorted(found, key=lambda change: (order.index(change.metric), change.since or _BEGINNING))


def _continued(found: list[Change], change: Change) -> list[Change]:
    """With one more change; one that goes on from the time before is one with it."""
    for index, known in enumerate(found):
        longer = replace(known, until=change.until)
        if known.until == change.since is not None and longer == replace(change, since=known.since):
            return [*found[:index], longer, *found[index + 1 :]]
    return [*found, change]


_Packs = Sequence[Sequence[tuple[Conditions, Decided]]]


def _changes_at(old: RuleSet, new: RuleSet, at: int) -> Iterator[Change]:
    for metric in CLOCK_METRICS:
        yield from _of(metric, _promises(old, metric, at), _promises(new, metric, at))
    yield from _of(None, old.book.short_abandons(at), new.book.short_abandons(at), otherwise=SHORT_ABANDON_MS)


def _promises(rules: RuleSet, metric: ClockMetric, at: int) -> _Packs:
    return [
        [(when, _promise(target, rules.calendars, at)) for when, target in pack]
        for pack in rules.book.decisions(metric, at)
    ]


def _of(metric: ClockMetric | None, old: _Packs, new: _Packs, *, otherwise: Decided = None) -> Iterator[Change]:
    found: dict[tuple[Decided, Decided], list[Sort]] = {}
    after = list(ways(new))
    for one in ways(old):
        was: Decided = otherwise if one.decision is None else one.decision
        for other in after:
            becomes: Decided = otherwise if other.decision is None else other.decision
            if was != becomes and (sorts := on_both(one, other, metric)):
                found.setdefault((was, becomes), []).extend(sorts)
    for (was, becomes), sorts in found.items():
        yield Change(metric, fewest(sorts), was, becomes)


def _promise(target: Target | None, calendars: CalendarBook, at: int) -> Promise | None:
    if target is None:
        return None
    hours = calendars.calendar(target.calendar_id, at).content if target.calendar_id else ""
    return Promise(replace(target, policy_id="", policy_version="", policy_digest="", rule=0), hours)


def decided(rules: RuleSet, metric: ClockMetric, started_at: int, facts: Mapping[str, object]) -> Promise | None:
    """What one clock is promised."""
    return _promise(rules.book.target(metric, started_at, facts), rules.calendars, started_at)


def of_packs(policies: Iterable[Policy]) -> dict[str, Mapping[str, object]]:
    """What packs say that is of no metric, by pack: of their last versions."""
    known = {"version", "valid_from", "policy_id", "clocks", "short_abandon"}
    ordered = sorted(policies, key=lambda policy: policy.valid_from_ms)
    return {policy.policy_id: policy.model_dump(mode="json", exclude=known) for policy in ordered}
