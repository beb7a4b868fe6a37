"""Folding again: the stored events of a partition, decoded once, as cases under any promises.

A case is a function of its events and of what merges and links tell it of others; the order of arrival does not matter.
So a case is folded once, when all of its events are there, instead of with every event that comes.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from deploy.reading.stored import StoredEvent
from processors.cases import merges
from processors.cases.case import Case, refold
from processors.cases.conversion import case_event
from processors.cases.events import CaseEvent, CaseKey
from processors.cases.order import position
from processors.cases.standing import ALONE, Standing
from processors.pipeline.merging import Merge, closing_circles, merges_of
from processors.sla.promises import Promises
from schemas.events.decoding import decode
from schemas.outputs import Rejection

Standings = Mapping[CaseKey, Standing]
"""How the cases stand that do not stand alone."""


class Log:
    """The events of the cases of one partition, as a fold needs them; nothing of it depends on any promise."""

    def __init__(self) -> None:
        self.events: defaultdict[CaseKey, list[CaseEvent]] = defaultdict(list)
        """In the order of their topic's log, until `sort`; then in that of the case."""
        self.rejected: Counter[str] = Counter()
        """Reason -> stored events that this release rejects."""
        self.unreadable: set[CaseKey] = set()
        """The cases that they are of."""

    def add(self, stored: StoredEvent) -> None:
        event = decode(stored.topic, stored.value)
        if isinstance(event, Rejection):
            self.rejected[event.reason] += 1
            self.unreadable.add(stored.case)
        else:
            told = case_event(event, stored.occurred_at, stored.timestamp, stored.category)
            self.events[stored.case].append(told)

    def sort(self) -> None:
        for events in self.events.values():
            events.sort(key=position)


@dataclass(frozen=True, slots=True)
class Merging:
    """How merges stand among the cases of a partition, and in which order cases are folded that give others a part."""

    standings: Standings
    order: Sequence[CaseKey]
    """Each case behind all of those that are merged into it."""


def merging(log: Log, now: Mapping[str, int], promises: Promises) -> Merging:
    """`now`: input topic -> the moment, ms, to which its timers fired. Merges are the same under all promises."""
    own = {
        key: found
        for key, events in log.events.items()
        if any(event.type == "merged" for event in events) and (found := merges_of(_alone(key, events, promises)))
    }
    ignored = closing_circles(own)
    standings: dict[CaseKey, Standing] = {}
    into: dict[CaseKey, CaseKey] = {}
    for key, found in own.items():
        counting = [merge for merge in found if merge.event_id not in ignored.get(key, ())]
        standing = _standing(log, key, counting, ignored.get(key, ()), now)
        if standing != ALONE:
            standings[key] = standing
        if counting:
            into[key] = (key[0], key[1], counting[-1].into)
    return Merging(standings, list(_survivors_last(log.events, into)))


def _alone(key: CaseKey, events: list[CaseEvent], promises: Promises) -> Case:
    case = Case(key)
    case.events, case.fold = events, refold(key, events, promises, [])
    return case


def _standing(
    log: Log, key: CaseKey, counting: Sequence[Merge], ignored: tuple[str, ...], now: Mapping[str, int]
) -> Standing:
    if not counting:
        return Standing(ignored=ignored) if ignored else ALONE
    last = counting[-1]
    is_found = (key[0], key[1], last.into) in log.events
    elsewhere = not is_found and now[key[0]] > merges.lapses_at(last.occurred_at)
    return Standing(last.into if is_found else "", elsewhere, ignored)


def _survivors_last(cases: Iterable[CaseKey], into: Mapping[CaseKey, CaseKey]) -> Iterator[CaseKey]:
    awaited = Counter(into.values())
    ready = deque(key for key in cases if not awaited[key])
    while ready:
        key = ready.popleft()
        yield key
        if (survivor := into.get(key)) is not None:
            awaited[survivor] -= 1
            if not awaited[survivor]:
                ready.append(survivor)


def folded(log: Log, order: Iterable[CaseKey], standings: Standings, promises: Promises) -> Iterator[Case]:
    """Each case under some promises, given what those that are merged into it give it."""
    given: defaultdict[CaseKey, list[CaseEvent]] = defaultdict(list)
    for key in order:
        events = log.events.get(key)
        if events is None:  # the survivor of a merge is elsewhere
            continue
        if key in given:
            events = sorted([*events, *given.pop(key)], key=position)
        case = Case(key)
        case.standing = standings.get(key, ALONE)
        case.events, case.fold = events, refold(key, events, promises, [], case.standing)
        if (carried := merges.carry_over(key, case.fold)) is not None:
            given[carried[0]] += carried[1]
        yield case
