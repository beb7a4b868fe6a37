"""The rules by which a case was kept: those whose texts its clocks name, else those that are configured."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import yaml

from deploy.reading.why.hours import Hours
from deploy.reading.why.records import Row, Text
from deploy.reading.why.refold import ClockKey
from processors.rules import Rules
from processors.sla.business_time import Calendar, CalendarBook
from processors.sla.promises import Promises
from schemas.policies import packs
from schemas.policies.calendars import CalendarDefinition
from schemas.policies.packs import PolicyBook
from schemas.policies.policy import Policy
from schemas.policies.yaml_lines import YamlRefusedError


@dataclass(frozen=True, slots=True)
class Made:
    """What packs and calendars say."""

    promises: Promises
    policies: Mapping[tuple[str, str], Policy]
    """By id and version."""
    hours: Mapping[tuple[str, str], Hours]
    """By id and version of the calendar."""


@dataclass(frozen=True, slots=True)
class Book:
    """One set of rules, with the texts that they were made from."""

    rules: Rules
    made: Made
    first_seen: Mapping[str, int]
    """Digest of a text -> when it came into force first, ms, where that is recorded."""

    def policy(self, policy_id: str, version: str) -> Policy | None:
        return self.made.policies.get((policy_id, version))

    def hours(self, calendar: Calendar) -> Hours:
        """The hours of a calendar of these rules."""
        return self.made.hours[calendar.calendar_id, calendar.version]


@dataclass(frozen=True, slots=True)
class Chosen:
    """The books of one case: the first holds for most of its clocks, and where a clock has none of its own."""

    books: Sequence[Book]
    of_clock: Mapping[ClockKey, Book]
    missing: int = 0
    """Clocks that name a text that is not recorded, or that this release cannot read: told by what is configured."""


@dataclass(frozen=True, slots=True)
class _InForce:
    """One text of settings: which texts were in force together."""

    said: Mapping[str, Any]
    digests: Sequence[str]
    """Of packs in the order in which they are asked, and of calendars."""
    first_seen: int


def chosen(texts: Iterable[Text], clocks: Sequence[Row], configured: Rules) -> Chosen:
    """Choose for each clock the rules that were in force when its row was written, by the digests that it names."""
    library = _Library([*texts, *_configured(configured)], configured)
    here = library.book(library.settings[-1])
    assert here is not None, "what is configured was read from these texts"
    of_clock: dict[ClockKey, Book] = {}
    missing = 0
    for row in clocks:
        book = library.book_of(row)
        missing += int(book is None)
        of_clock[row["metric"], row["instance"]] = here if book is None else book
    counts = Counter(id(book) for book in of_clock.values())
    books = {id(book): book for book in of_clock.values()}
    ordered = [books[one] for one, _ in counts.most_common()] or [here]
    return Chosen(ordered, of_clock, missing)


def _configured(rules: Rules) -> list[Text]:
    return [Text(one.kind, one.name, one.text_version, one.digest, one.text) for one in rules.texts]


class _Library:
    def __init__(self, texts: Sequence[Text], configured: Rules) -> None:
        self._configured = configured
        self._texts = {text.digest: text for text in texts}
        self._first_seen = {text.digest: text.first_seen for text in texts if text.first_seen}
        self.settings = [_in_force(text) for text in texts if text.kind == "settings"]
        self._books: dict[tuple[str, ...], Book | None] = {}

    def book_of(self, row: Row) -> Book | None:
        """The rules of a clock; None when its texts are not recorded, or cannot be read."""
        named = {digest for digest in (row.get("policy_digest"), row.get("calendar_digest")) if digest}
        among = [one for one in self.settings if named.issubset(one.digests)]
        known = [one for one in among if 0 < one.first_seen <= row.get("last_recorded_at", 0)]
        # The last that came into force before the row was written; else whichever has its texts.
        ordered = [*sorted(known, key=lambda one: one.first_seen, reverse=True), *reversed(among)]
        return next((book for one in ordered if (book := self.book(one)) is not None), None)

    def book(self, in_force: _InForce) -> Book | None:
        """Make the rules that were in force together; None when this release cannot read them."""
        key = (*in_force.digests, str(in_force.said.get("grace")), str(in_force.said.get("case_events_max")))
        if key not in self._books:
            try:
                self._books[key] = self._made(in_force)
            except (YamlRefusedError, KeyError, ValueError):
                self._books[key] = None
        return self._books[key]

    def _made(self, in_force: _InForce) -> Book:
        texts = [self._texts[digest] for digest in in_force.digests]
        said = in_force.said
        made = _read(tuple((one.kind, one.name, one.text) for one in texts), round(float(said["grace"]) * 1000))
        rules = replace(self._configured, promises=made.promises, case_events_max=int(said["case_events_max"]))
        return Book(rules, made, self._first_seen)


@lru_cache(maxsize=256)
def _in_force(text: Text) -> _InForce:
    said = yaml.safe_load(text.text)
    named = [line.split() for line in said.get("texts", ())]
    return _InForce(said, [words[-1] for words in named if words[0] in ("pack", "calendar")], text.first_seen)


@lru_cache(maxsize=32)  # who tells case after case reads a text once
def _read(texts: tuple[tuple[str, str, str], ...], grace_ms: int) -> Made:
    """Read packs and calendars. Raises `YamlRefusedError`, `ValueError`."""
    definitions = [CalendarDefinition.read(text, name) for kind, name, text in texts if kind == "calendar"]
    ids = {one.calendar_id for one in definitions}
    policies = [packs.read(text, name, ids) for kind, name, text in texts if kind == "pack"]
    return Made(
        Promises(PolicyBook(policies, grace_ms=grace_ms), CalendarBook(definitions)),
        {(one.policy_id, one.version): one for one in policies},
        {(one.calendar_id, one.version): Hours(one) for one in definitions},
    )
