"""`oidor whatif`: what the stored past would have been under other promises.

Both sides come of the same stored events. What was is what is stored of the clocks, as `v_sla` shows it; that folding
the events again by the promises that were in force comes to the same is checked case by case, and a case of which it
does not is left out of both sides, and named. So a difference is never one of the machinery: with the same promises
there is none.
"""

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Final

from deploy.reading.stored import CaseKey, Database, Position, events_of_input
from deploy.reading.whatif import readings, selection
from deploy.reading.whatif.comparison import Compared, Span
from deploy.reading.whatif.links import linked
from deploy.reading.whatif.overtime import Overtime, Staffing
from deploy.reading.whatif.readings import Readings
from deploy.reading.whatif.refold import Log, Standings, folded, merging
from deploy.reading.whatif.selection import Components, Reason
from processors.cases.case import Case
from processors.sla.clocks import NEVER
from processors.sla.promises import Promises
from schemas.topics import INPUTS

_NAMED: Final = 20
"""Cases that are named of those that differ."""
_TOLD_EVERY: Final = 1_000
Progress = Callable[[int, int], None]
"""Is told how many of how many events of a partition were read."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked."""

    span: Span
    in_force: Sequence[Promises]
    """Those that were, the newest first, by which cases are folded to check what is stored."""
    tried: Promises
    retention_ms: int
    kpi_memory_ms: int
    staffing: Staffing


@dataclass(slots=True)
class Answer:
    """Of one partition, or of all."""

    compared: Compared = field(default_factory=Compared)
    overtime: Overtime = field(default_factory=Overtime)
    left_out: Counter[Reason] = field(default_factory=Counter)
    differing: list[str] = field(default_factory=list)
    """Some of the cases that do not come to what is stored, with what differs first."""
    rejected: Counter[str] = field(default_factory=Counter)
    """Reason -> stored events that this release rejects."""
    events: int = 0
    read_to_at: int = NEVER
    """The least watermark of its partitions, ms."""
    seconds: float = 0.0
    """Of computing, of all processes together."""

    def update(self, other: "Answer") -> None:
        """Add the answer of another partition."""
        self.compared.update(other.compared)
        self.overtime.update(other.overtime)
        self.left_out.update(other.left_out)
        self.differing = (self.differing + other.differing)[:_NAMED]
        self.rejected.update(other.rejected)
        self.events += other.events
        self.read_to_at = min(self.read_to_at, other.read_to_at)
        self.seconds += other.seconds


def of_partition(
    client: Database,
    database: str,
    position: Position,
    question: Question,
    progress: Progress = lambda done, total: None,
) -> Answer:
    """Answer a question of one partition."""
    began = time.monotonic()
    asked = selection.select(client, database, position, question.span.begin, question.retention_ms)
    selection.store(client, asked.cases)
    was, changed = readings.stored(client, database, position)
    log, count = _read(client, database, position, progress)
    now: dict[str, int] = {topic: _timers_fired_to(position, topic, question.kpi_memory_ms) for topic in INPUTS}
    merged = merging(log, now, question.tried)
    standings = {**linked(client, database, position.partition, log), **merged.standings}
    cases = Cases(log, merged.order, standings, position.partition, now)
    answer = Answer(events=count, rejected=log.rejected, read_to_at=position.read_to_at)
    unknown: tuple[tuple[Reason, set[CaseKey]], ...] = (("changed_meanwhile", changed), ("unreadable", log.unreadable))
    out = dict(asked.left_out)
    for reason, keys in unknown:
        out.update((key, reason) for key in sorted(keys - out.keys()))
    for key, (stored, again) in sorted(_differing(cases, was, asked.components, question.in_force).items()):
        if key not in out:
            out[key] = "differing"
            answer.differing.append(_described(key, stored, again))
    del answer.differing[_NAMED:]
    out = selection.spread(out, asked.components)
    for case, would_be in cases.under(question.tried):
        if case.key not in out and not case.fold.test:
            flips = answer.compared.compare(case.key, was.get(case.key, ()), would_be, question.span)
            answer.overtime.add(case, flips, question.staffing)
    answer.left_out.update(out.values())
    answer.seconds = time.monotonic() - began
    return answer


@dataclass(frozen=True, slots=True)
class Cases:
    """The cases of a partition, to be folded under any promises."""

    log: Log
    order: Sequence[CaseKey]
    standings: Standings
    partition: int
    now: Mapping[str, int]

    def under(self, promises: Promises, that: Collection[CaseKey] | None = None) -> Iterator[tuple[Case, Readings]]:
        """Those cases, or all, and how their clocks read."""
        order = self.order if that is None else [key for key in self.order if key in that]
        for case in folded(self.log, order, self.standings, promises):
            yield case, readings.of_case(case, self.partition, self.now[case.key[0]])


def _differing(
    cases: Cases, was: Mapping[CaseKey, Readings], components: Components, in_force: Sequence[Promises]
) -> dict[CaseKey, tuple[Readings, Readings]]:
    """The cases that come to what is stored under no promises that were ever in force: as stored, as folded last.

    A worker folds the cases that it has by what is configured then. So all clocks of a case are of one time; those of
    the cases that are merged with it may be of another.
    """
    differing: dict[CaseKey, tuple[Readings, Readings]] = {
        key: (stored, ()) for key, stored in was.items() if key not in cases.log.events
    }
    again: Collection[CaseKey] | None = None
    other: dict[CaseKey, tuple[Readings, Readings]] = {}
    for number, promises in enumerate(in_force):
        found = {
            case.key: (was.get(case.key, ()), folded_again)
            for case, folded_again in cases.under(promises, again)
            if folded_again != was.get(case.key, [])
        }
        other = {key: found[key] for key in (other if number else found) if key in found}
        again = other.keys() | {key for one in components if not other.keys().isdisjoint(one) for key in one}
        if not other:
            break
    return {**other, **differing}


def _read(client: Database, database: str, position: Position, progress: Progress) -> tuple[Log, int]:
    """The events of the cases that were selected, and how many they are."""
    log, read = Log(), 0
    topics = [topic for topic in INPUTS if topic in position.inputs]
    total = sum(_count(client, database, position, topic) for topic in topics)
    progress(0, total)
    for topic in topics:
        for event in events_of_input(client, database, position, topic, that=selection.those_of(topic)):
            log.add(event)
            read += 1
            if read % _TOLD_EVERY == 0:
                progress(read, total)
    progress(read, total)
    log.sort()
    return log, read


def _count(client: Database, database: str, position: Position, topic: str) -> int:
    """About how many events will be read: versions of one that are not merged yet count twice."""
    where = f"topic = '{topic}' AND partition = {position.partition} AND {selection.those_of(topic)}"
    ((count,),) = client.execute(f"SELECT count() FROM {database}.feedback_events WHERE {where}")
    return int(count)


def _timers_fired_to(position: Position, topic: str, kpi_memory_ms: int) -> int:
    """The moment, ms, as of which the clocks of a topic were stored: see `processors.state.watermarks`."""
    reached = position.inputs.get(topic)
    return position.read_to_at if reached is None else max(position.read_to_at, reached.record_at - kpi_memory_ms)


def _described(key: CaseKey, stored: Readings, again: Readings) -> str:
    """Name a case, and what of it differs first."""
    one, other = next((pair for pair in zip_longest(stored, again) if pair[0] != pair[1]), (None, None))
    if one is None or other is None:
        which, clock = ("not stored", other) if one is None else ("not found again", one)
        return f"{':'.join(key)}: {'' if clock is None else f'{clock.metric} {clock.instance}'} {which}"
    fields = [name for name, a, b in zip(one._fields, one, other, strict=True) if a != b]
    return f"{':'.join(key)}: {one.metric} {one.instance}: {', '.join(fields)}"
