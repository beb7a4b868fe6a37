"""Incidents after a log of events, as two sinks see them: the rows that stand, and the transitions as they came."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from processors.rules import Rules
from tests.processors.feed import Feed, Happening, event, rules
from tests.processors.views import Row, Views

RULES = rules()


def opened(entity_id: str = "C1", at: int = 0, **fields: Any) -> Happening:
    said = {"direction": "inbound", "channel": "in_person", **fields}
    return event("contact.opened", entity_id, at, **said)


def contact(what: str, at: int, entity_id: str = "C1", **fields: Any) -> Happening:
    return event(f"contact.{what}", entity_id, at, **fields)


class Incidents:
    def __init__(self, rules_: Rules = RULES) -> None:
        self.feed, self.views = Feed(rules_), Views()
        self.transitions: list[tuple[str, str, str]] = []
        """pattern, subject, transition"""

    def then(self, *log: Happening, until: int | None = None) -> "Incidents":
        for happening in log:
            self._note(self.feed.feed(happening).incidents)
        if until is not None:
            self._note(self.feed.until(until).incidents)
        self.views.insert(self.feed.checkpoint())
        return self

    def _note(self, incidents: Sequence[tuple[Any, str]]) -> None:
        self.transitions += [(row.pattern, row.subject, transition) for row, transition in incidents]

    def of(self, pattern: str) -> list[Row]:
        found = [row for row in self.views.incidents() if row["pattern"] == pattern]
        return sorted(found, key=lambda row: (row["opened_at"], row["subject"]))

    def one(self, pattern: str) -> Row:
        (row,) = self.of(pattern)
        return row


def with_parameters(folder: Path, yaml: str) -> Rules:
    """The rules of an installation that changes parameters of patterns."""
    file = folder / "patterns.yaml"
    file.write_text(yaml)
    return rules(patterns=file)


def incidents_after(*log: Happening, until: int | None = None, rules_: Rules = RULES) -> Incidents:
    return Incidents(rules_).then(*log, until=until)
