"""`why`: the journal of a case of a database, and how it is written down; what the command and the board ask."""

import json
from dataclasses import replace
from typing import Final

from deploy.reading.stored import CaseKey, Database
from deploy.reading.why import texts
from deploy.reading.why.chosen import chosen
from deploy.reading.why.english import ENGLISH
from deploy.reading.why.journal import Journal, document
from deploy.reading.why.page import page
from deploy.reading.why.records import Records, read
from deploy.reading.why.spanish import SPANISH
from deploy.reading.why.telling import tell
from deploy.reading.why.text import text
from deploy.reading.why.wording import blocks
from processors.rules import Rules

WORDS: Final = {words.language: words for words in (ENGLISH, SPANISH)}


def find(client: Database, database: str, case: str) -> CaseKey:
    """Find a case by how it is called. Raises WhyError, which says which may be meant."""
    return chosen(client, database, case)


def why(
    client: Database, database: str, key: CaseKey, rules: Rules, *, at: int | None = None, zone: str = ""
) -> Journal:
    """Tell a case that is stored; `rules` are those that are configured, `at` (ms) tells it as it read then."""
    return of_records(read(client, database, key), rules, at=at, zone=zone)


def of_records(records: Records, rules: Rules, *, at: int | None = None, zone: str = "") -> Journal:
    """Tell a case from what is stored of it."""
    found = texts.chosen(records.texts, records.clocks, rules)
    journal = tell(records, found.books, found.of_clock, at, zone)
    return replace(journal, notes={**journal.notes, "missing_texts": found.missing}) if found.missing else journal


def as_text(journal: Journal, language: str = "en") -> str:
    """Write a journal down for people."""
    return text(blocks(journal, WORDS[language]))


def as_html(journal: Journal, language: str = "en") -> str:
    """Write a journal down as an HTML fragment, all of it escaped."""
    return page(blocks(journal, WORDS[language]), language)


def as_json(journal: Journal) -> str:
    """Write a journal down for machines."""
    return json.dumps(document(journal), indent=2, ensure_ascii=False)
