"""Generated traffic: the same scenario, seed and start give the same bytes, in order of arrival."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from heapq import heappop, heappush
from itertools import islice
from random import Random
from typing import Any, Final

from deploy.traffic.contacts import forgotten, visit
from deploy.traffic.malformed import malformed
from deploy.traffic.matters import MATTERS
from deploy.traffic.messages import Message, encode, rfc3339
from deploy.traffic.office import DAY, HOUR, MINUTE, Fields, Office, Step, Story
from deploy.traffic.surveys import inspection


@dataclass(frozen=True, slots=True)
class Window:
    """A part of every day of a scenario: seconds after its start, and how long."""

    begin: float
    length: float

    def holds(self, seconds: float) -> bool:
        return 0 <= seconds % DAY - self.begin < self.length


@dataclass(frozen=True, slots=True)
class Scenario:
    """What traffic looks like. Shares are of events, 0 to 1."""

    name: str
    rate: float
    """Messages a second of simulated time, in the mean."""
    customers: int = 5_000
    day_shape: bool = True
    """Whether nights are quiet; else the rate is even."""
    burst: Window | None = None
    burst_factor: float = 4.0
    silence: Window | None = None
    """Nothing at all arrives."""
    duplicates: float = 0.0
    late: float = 0.0
    malformed: float = 0.0
    repeated: float = 0.0
    """Of events that a desk may tell twice, as two events: openings, hand-overs, resolutions, closings."""
    reused: float = 0.0
    """Events under an id that another event of the same source has had."""
    erased: float = 0.0
    """Of customers' first contacts: those by somebody who asks to be forgotten right after."""
    personal: float = 0.05
    """Of texts: those that give away personal data."""
    lateness: tuple[float, float] = (2 * MINUTE, 4 * HOUR)
    """Seconds by which late messages come late, least and most."""


DEMO: Final = Scenario(
    "demo", rate=0.05, burst=Window(2 * HOUR, 30 * MINUTE), silence=Window(5 * HOUR, HOUR),
    duplicates=0.01, late=0.01, malformed=0.005,
)  # fmt: skip
STEADY: Final = Scenario(
    "steady", rate=20, customers=20_000, day_shape=False, duplicates=0.001, late=0.001, malformed=0.0005
)
STORM_LOG: Final = Scenario(
    "storm-log", rate=20, customers=2_000, day_shape=False, duplicates=0.10, late=0.08, malformed=0.05, personal=0.3,
    lateness=(61, 30 * MINUTE), repeated=0.03, reused=0.01, erased=0.02,
)  # fmt: skip
SCENARIOS: Final = {scenario.name: scenario for scenario in (DEMO, STEADY, STORM_LOG)}


def journeys(
    scenario: Scenario, seed: int, start: datetime, *, limit: int | None = None, rate: float | None = None
) -> Iterator[Message]:
    """Messages of customers' journeys from `start` on, in order of timestamp; endless without `limit`.

    `limit` counts duplicates and malformed messages too. `rate`, messages a second of simulated time, goes before the
    scenario's. `limit` messages span limit / rate seconds at whatever hour they start, never more than a minute or
    fifty messages longer; less when they end by night, which cases that are under way keep busier than its share.
    Raises ValueError for a naive `start` or a rate that is not positive.
    """
    if start.tzinfo is None:
        raise ValueError("start has no time zone: give it one, such as datetime.now(UTC)")
    rate = scenario.rate if rate is None else rate
    if not (rate > 0 and math.isfinite(rate)):
        raise ValueError(f"rate is {rate}: messages a second must be more than 0")
    run = _Run(scenario, seed, round(start.timestamp() * 1000))
    messages = run.messages(rate, DAY if limit is None else limit / rate)
    return messages if limit is None else islice(messages, limit)


_TRANSPORT_MS: Final = 150  # from what happened to its arrival
_REPEATED: Final = 0.2  # seconds until the same is told again: nothing else happens meanwhile
_REPEATABLE: Final = frozenset(
    f"{of}.{what}" for of in ("contact", "complaint") for what in ("opened", "transferred", "resolved", "closed")
)
_HOURS: Final = (3, 2, 2, 2, 2, 3, 6, 14, 40, 80, 95, 100, 95, 80, 60, 62, 75, 80, 70, 52, 36, 22, 12, 6)
_MEAN_HOUR: Final = sum(_HOURS) / 24

_Pending = tuple[float, int, Story | None, Any]
"""When, a number that keeps order, and a story with its next step, or None with a message on its way."""
_Arrival = tuple[int, int, Message]


class _Run:
    """The stories that are under way. Time is seconds since the start in which silences do not exist."""

    def __init__(self, scenario: Scenario, seed: int, start_ms: int) -> None:
        self._scenario, self._start_ms = scenario, start_ms
        self._random = Random(f"{scenario.name}/{seed}/{start_ms}")
        self._run = f"{seed:x}{start_ms // 1000:x}"
        self._pending: list[_Pending] = []
        self._number = 0
        self._awake = DAY - (scenario.silence.length if scenario.silence else 0)
        self._faults = scenario.duplicates + scenario.late + scenario.malformed
        self._ids: dict[tuple[str, str], str] = {}
        """The id that a source has used last on a topic, and that nothing refers to."""
        self._office = Office(
            self._random,
            self._run,
            scenario.customers,
            scenario.personal,
            self._begin,
            lambda at: rfc3339(self._ms(at)),
        )

    def messages(self, rate: float, span: float) -> Iterator[Message]:
        """Messages in order, `rate` a second in the mean of the first `span` seconds."""
        slot = min(MINUTE, 50 / rate)
        rate *= span / self._shapes(span)
        now = due = sent = 0.0
        while True:
            due += slot * rate * self._shape(now)
            # What is under way has its say first; new visits fill up what the hour should bring, now more, now less.
            arrived = self._due(now + slot)
            while sent + len(arrived) < due + 20 * (self._random.random() - 0.5):
                at = now + slot * self._random.random()
                self._begin(self._first(at))
                arrived += self._due(now + slot)
            arrived.sort()
            for _, _, message in arrived:
                yield message
            sent += len(arrived)
            now += slot

    def _shapes(self, span: float) -> float:
        """The integral of the shape over the first `span` seconds."""
        step = max(1.0, span / 5_000)
        total = now = 0.0
        while (ahead := span - self._seconds(now)) > 0:
            total += self._shape(now) * min(step, ahead)
            now += step
        return total

    def _first(self, at: float) -> Story:
        """How something begins that does not follow from anything before."""
        if self._office.chance(0.01):
            return inspection(self._office, at)
        if self._scenario.erased and self._office.chance(self._scenario.erased):
            return forgotten(self._office, at)
        return self._visit(at)

    def _visit(self, at: float) -> Story:
        burst = self._scenario.burst is not None and self._scenario.burst.holds(self._seconds(at))
        self._office.load = self._scenario.burst_factor if burst else 1.0
        return visit(self._office, at, MATTERS[0] if burst and self._office.chance(0.7) else None)

    def _shape(self, now: float) -> float:
        """How many times the mean rate arrives at this moment."""
        seconds = self._seconds(now)
        factor = 1.0
        if self._scenario.day_shape:
            hour = datetime.fromtimestamp(self._start_ms / 1000 + seconds + HOUR, UTC).hour  # Madrid's, in winter
            factor = _HOURS[hour] / _MEAN_HOUR
        if self._scenario.burst is not None and self._scenario.burst.holds(seconds):
            factor *= self._scenario.burst_factor
        return factor

    def _seconds(self, at: float) -> float:
        """Seconds since the start, silences included: nothing ever falls into one."""
        silence = self._scenario.silence
        if silence is None:
            return at
        days, seconds = divmod(at, self._awake)
        return days * DAY + (seconds if seconds < silence.begin else seconds + silence.length)

    def _ms(self, at: float) -> int:
        return self._start_ms + int(self._seconds(at) * 1000)

    def _begin(self, story: Story) -> None:
        """Begin a story, or go on with it."""
        if (step := next(story, None)) is not None:
            self._number += 1
            heappush(self._pending, (step[0], self._number, story, step))

    def _due(self, end: float) -> list[_Arrival]:
        """What arrives before `end`, in no order."""
        arrived: list[_Arrival] = []
        pending = self._pending
        while pending and pending[0][0] < end:
            _, number, story, waiting = heappop(pending)
            if story is None:
                arrived.append((waiting.timestamp_ms, number, waiting))
                continue
            self._happen(waiting, arrived)
            self._begin(story)
        return arrived

    def _happen(self, step: Step, arrived: list[_Arrival]) -> None:
        at, topic, key, fields = step
        self._number += 1
        occurred_ms = self._ms(at)
        event = {
            "event_id": self._id(topic, fields),
            "occurred_at": rfc3339(occurred_ms, local=fields["language"] == "es"),
            **fields,
        }
        message = Message(topic, key, encode(event), occurred_ms + _TRANSPORT_MS)
        if self._scenario.repeated and fields["event_type"] in _REPEATABLE:
            self._repeat(at + _REPEATED, message, event)
        chance = self._random.random()
        if chance >= self._faults:
            arrived.append((message.timestamp_ms, self._number, message))
        else:
            self._go_wrong(chance, at, message, event, arrived)

    def _id(self, topic: str, fields: Fields) -> str:
        """A new id; of a source that uses ids again, sometimes the last one."""
        if "event_id" in fields:
            return ""  # it has one of its own, for others name it
        origin = topic, fields["source"]
        if self._scenario.reused and origin in self._ids and self._random.random() < self._scenario.reused:
            return self._ids[origin]
        self._ids[origin] = f"{self._run}-{self._number:x}"
        return self._ids[origin]

    def _repeat(self, at: float, message: Message, event: Fields) -> None:
        """Tell the same again, as another event, which has no number."""
        if self._random.random() < self._scenario.repeated:
            self._number += 1
            again = {name: value for name, value in event.items() if name != "seq"} | {
                "event_id": f"{self._run}-{self._number:x}",
                "occurred_at": rfc3339(self._ms(at), local=event["language"] == "es"),
            }
            self._arrive(at, message._replace(value=encode(again)))

    def _go_wrong(self, chance: float, at: float, message: Message, event: Fields, arrived: list[_Arrival]) -> None:
        scenario = self._scenario
        if chance < scenario.late:
            least, most = scenario.lateness
            self._arrive(at + least * (most / least) ** self._random.random(), message)
            return
        arrived.append((message.timestamp_ms, self._number, message))
        if chance < scenario.late + scenario.duplicates:
            self._arrive(at + 1 + self._random.expovariate(1 / MINUTE), message)
        else:
            self._number += 1
            arrived.append((message.timestamp_ms, self._number, malformed(self._random, message, event)))

    def _arrive(self, at: float, message: Message) -> None:
        """The same message, later."""
        self._number += 1
        heappush(self._pending, (at, self._number, None, message._replace(timestamp_ms=self._ms(at) + _TRANSPORT_MS)))
