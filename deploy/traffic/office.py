"""What all generated stories of one run share: chance, customers, identifiers, how busy it is, and what a case is."""

from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import Any, Final

from deploy.traffic.matters import MATTERS, customer, personal_sentences

Fields = dict[str, Any]
Step = tuple[float, str, str, Fields]
"""Seconds since the start, topic, key, event without its time, and without its id unless another event names it."""
Story = Iterator[Step]

MINUTE: Final = 60.0
HOUR: Final = 3600.0
DAY: Final = 86_400.0

SITES: Final = ("madrid", "sevilla", "valencia", "bilbao")
BOT: Final = {"kind": "bot", "id": "bot-1"}
SYSTEM: Final = {"kind": "system"}
_CHANNELS: Final = (("phone", 46), ("chat", 14), ("whatsapp", 8), ("email", 18), ("web_form", 10), ("app", 4))
_PRIORITIES: Final = (("low", 15), ("normal", 60), ("high", 20), ("urgent", 5))


class Office:
    """What all stories of one run share: chance, customers, identifiers, and how busy it is.

    `start` begins another story; `moment` writes seconds since the start as RFC 3339.
    """

    def __init__(
        self, random: Random, run: str, customers: int, personal: float,
        start: Callable[[Story], None], moment: Callable[[float], str],
    ) -> None:  # fmt: skip
        self.random, self.run, self.start, self.moment = random, run, start, moment
        self.customers, self.personal = customers, personal
        self.load = 1.0
        """How many times the usual arrivals there are: waiting grows with it."""
        self.cases = 0
        self.sentences = {language: personal_sentences(random, language, 200) for language in ("es", "en")}
        self.channels, self.priorities, self.matters = _spread(_CHANNELS), _spread(_PRIORITIES), _spread(
            tuple((matter, matter.weight) for matter in MATTERS)
        )  # fmt: skip

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def pick(self, values: Any) -> Any:
        return values[int(self.random.random() * len(values))]

    def around(self, mean: float) -> float:
        """A duration of that mean, in its unit: mostly shorter, sometimes much longer."""
        return self.random.expovariate(1 / mean)

    def words(self, texts: Mapping[str, tuple[str, ...]], language: str) -> str:
        said: str = self.pick(texts[language])
        return f"{said}. {self.pick(self.sentences[language])}" if self.chance(self.personal) else said

    def agent(self) -> Fields:
        """One of sixty persons."""
        return {
            "kind": "human",
            "id": f"agent-{int(self.random.random() * 60):02}",
            "level": 2 if self.chance(0.15) else 1,
        }

    def somebody(self) -> Fields:
        """Some customers come often, most of them seldom."""
        return customer(int(self.customers * self.random.random() ** 3))


def _spread(weighted: tuple[tuple[Any, float], ...]) -> list[Any]:
    return [value for value, weight in weighted for _ in range(round(weight))]


class Case:
    """One contact, complaint or survey: its identifiers, and the envelope that its events repeat."""

    def __init__(
        self, office: Office, topic: str, source: str, who: Fields | None, language: str, org_unit: str | None
    ) -> None:
        office.cases += 1
        self.entity_id = f"{topic[:2]}-{office.run}-{office.cases:x}"
        self.topic, self.key, self.seq = topic, who["id"] if who else self.entity_id, 0
        self.envelope: Fields = {
            "schema_version": "1.0",
            "source": source,
            "entity_id": self.entity_id,
            "language": language,
        }
        if org_unit:
            self.envelope["org_unit"] = org_unit
        if who:
            self.envelope["customer"] = who

    def step(self, at: float, event_type: str, **fields: Any) -> Step:
        self.seq += 1
        return at, self.topic, self.key, {"event_type": event_type, "seq": self.seq, **self.envelope, **fields}

    def named_step(self, at: float, event_type: str, **fields: Any) -> Step:
        """A step whose event has an id of its own, so that a later one can correct or withdraw it: see `last_id`."""
        return self.step(at, event_type, event_id=f"{self.entity_id}-{self.seq + 1}", **fields)

    @property
    def last_id(self) -> str:
        """The id of the event before, which was a named one."""
        return f"{self.entity_id}-{self.seq}"

    def told_by_others(self, at: float, event_type: str, **fields: Any) -> Step:
        """A step that another system tells: it does not number the events of this one."""
        return at, self.topic, self.key, {"event_type": event_type, **self.envelope, **fields}
