"""`Words`: all that a language must have to tell a case.

Templates are of `str.format`. Where there is no word for a value, the value itself is shown.
"""

from collections.abc import Mapping
from dataclasses import dataclass

Table = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The words of one language."""

    language: str
    weekdays: tuple[str, ...]
    short_weekdays: tuple[str, ...]
    months: tuple[str, ...]
    day: str
    """A day as a heading."""
    date: str
    """A day in a sentence."""
    date_of_year: str
    """The same of another year."""
    moment: str
    """With `date` and `time`."""
    end_of_day: str
    units: tuple[tuple[int, str, str], ...]
    """Milliseconds, one, several; the greatest first."""
    nothing: str
    joined: tuple[str, str]
    """What stands between the parts of a list, and before the last."""
    alternatives: tuple[str, str]
    titles: Table
    """By topic."""
    headings: Table
    says: Table
    """Sentences of the telling itself."""
    statuses: Table
    """Of an entry that does not count."""
    events: Table
    """Event type, also with its topic before it, or how it was done behind: `answered:machine`."""
    labels: Table
    """Facts of events and of cases."""
    values: Table
    """What a fact says, where that has a word."""
    metrics: Table
    instance: str
    promises: Table
    marks: Table
    """By `marks.MarkKind`."""
    was: str
    missed_open: str
    """By how much, where all of it was business time."""
    missed: str
    states: Table
    """Of a clock, in a word."""
    verdicts: Table
    flags: Table
    rules: Table
    because: Mapping[str, tuple[str, str]]
    """Why time is not counted: once, several times."""
    holiday: str
    holiday_unnamed: str
    holiday_partial: str
    waits: Table
    reasons: Table
    case_states: Table
    warnings: Table
    noticed: str
    notes: Table
    checks: Table
