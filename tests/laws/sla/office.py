"""An office that promises what a pack says, and the events that it hears of; shared by the tests of SLA rules."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from processors.rules import Rules
from tests.processors.feed import DAY, HOUR, T0, Feed, Happening, event, rules
from tests.processors.views import Row, Views

MADRID = ZoneInfo("Europe/Madrid")
HUMAN, BOT = {"kind": "human"}, {"kind": "bot"}
CALENDARS = Path(__file__).parents[3] / "deploy" / "policies" / "calendars"
NIGHT = """\
calendar_id: night
version: "1"
zone: Europe/Madrid
weekly: {saturday: ["22:00-06:00"]}
"""


@dataclass(frozen=True)
class Office:
    """A pack in force."""

    rules: Rules

    def after(self, log: Sequence[Happening], until: int | None = None) -> Views:
        """The warehouse after a log, and the year that follows it, or until T0 + `until` ms."""
        feed, views = Feed(self.rules), Views()
        feed.feed(*log)
        last = max(happening.record_at for happening in log) - T0
        feed.until(last + 366 * DAY if until is None else until)
        views.insert(feed.checkpoint())
        return views


class Promising:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for path in CALENDARS.glob("*.yaml"):
            (folder / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
        (folder / "night.yaml").write_text(NIGHT, encoding="utf-8")

    def __call__(self, clocks: str) -> Office:
        pack = self.folder / "pack" / "p.yaml"
        pack.parent.mkdir(exist_ok=True)
        pack.write_text(f'policy_id: p\nversion: "1"\nclocks:\n{clocks}', encoding="utf-8")
        return Office(rules(policies=(pack,), calendars=self.folder))


def at(local: str) -> int:
    """ms after T0 of a moment in Madrid."""
    return round(datetime.fromisoformat(local).replace(tzinfo=MADRID).timestamp() * 1000) - T0


def local(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, MADRID).isoformat(sep=" ", timespec="minutes")[:16]


def opened(when: int = 0, entity: str = "C1", **fields: Any) -> Happening:
    said: dict[str, Any] = {"direction": "inbound", "channel": "email", "priority": "normal", "seq": 0, **fields}
    return event("contact.opened", entity, when, **said)


def contact(what: str, when: int, entity: str = "C1", **fields: Any) -> Happening:
    return event(f"contact.{what}", entity, when, **fields)


def complaint(what: str, when: int, **fields: Any) -> Happening:
    return event(f"complaint.{what}", "R1", when, **fields)


def claim(when: int = 0, **fields: Any) -> Happening:
    return complaint("opened", when, **{"kind": "claim", "channel": "post", "seq": 0, **fields})


def shown(row: Row, *names: str) -> dict[str, Any]:
    return {name: row[name] for name in names}


def clocks_of(views: Views, metric: str, entity: str = "C1") -> list[Row]:
    mine = [row for row in views.clocks() if (row["entity_id"], row["metric"]) == (entity, metric)]
    return sorted(mine, key=lambda row: int(row["instance"]))


SPLIT = "calendar: es-madrid-split"

PAUSABLE = "  resolve: [{target: 4h, pausable: true, pause_reasons: [info, evidence], max_pause: 5d}]\n"
WAITS = contact("waiting_customer", HOUR, reason="info")

RESPONSES = "  first_response: [{target: 8h}]\n  next_response: [{target: 2h}]\n"
FIRST = contact("agent_replied", HOUR, actor=HUMAN)

CLASSES = """\
  resolve:
    - {when: {kind: [praise]}}
    - {when: {priority: [urgent]}, target: 2h, grace_on_escalation: 30min}
    - {when: {priority: [low]}, target: 40h}
    - {target: 8h}
"""
