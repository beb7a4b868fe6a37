"""Business calendars as data: when an office works. Written in YAML, checked here, computed with in the processors.

    calendar_id: es-madrid-split
    version: "1"
    valid_from: 2000-01-01T00:00:00Z    # clocks that start from then on use this version
    zone: Europe/Madrid
    weekly:
      monday: ["09:00-14:00", "16:00-18:30"]
      saturday: ["22:00-06:00"]         # until Sunday 06:00; belongs to Saturday
    holidays:
      country: ES                       # from the `holidays` library, with `subdivision: MD` those of a region
      dates: {2026-11-02: [], 2026-12-24: ["09:00-12:00"]}   # own ones, full or with the hours that remain
    openings: {2026-12-19: ["10:00-14:00"]}                  # besides whatever else is open that day
    national_holidays: {2026-12-25: Navidad}                 # of the years that it spans, instead of the library's

An interval belongs to the day on which it opens: a holiday takes away what would have opened on it, and leaves the
night shift that came in the evening before. An own date wins over the library. The holidays of a country change with
the release of the library: where a calendar is recorded, its text gets those that hold, with their names.

A *working day* has weekly intervals and is no full holiday. An exceptional opening does not make one: a deadline
that a law counts in working days does not move because a shop opened on a Sunday.
"""

import re
import zoneinfo
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Final, Literal

import holidays as holiday_library
import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationInfo,
    field_validator,
    model_validator,
)

from schemas.policies.versions import Versioned, read_versions
from schemas.policies.yaml_lines import load_with_lines, text_of

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: Final[tuple[Weekday, ...]] = (
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
)  # fmt: skip

MINUTES_A_DAY: Final = 24 * 60


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """Open from `opens` until before `closes`: minutes of local wall time after the midnight its day begins with.

    `closes` is beyond 1440 when the interval crosses midnight.
    """

    opens: int
    closes: int


def _interval(value: object) -> Interval:
    if isinstance(value, Interval):
        return value
    match = _INTERVAL.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError('an interval is two local times from 00:00 to 24:00, such as "09:00-14:00" or "22:00-06:00"')
    opens, closes = int(match[1]) * 60 + int(match[2]), int(match[3]) * 60 + int(match[4])
    if max(opens, closes) > MINUTES_A_DAY or opens == MINUTES_A_DAY:
        raise ValueError(f"{value} is outside the day: times are 00:00 to 23:59, and 24:00 as an end")
    if opens == closes:
        raise ValueError(f'{value} is empty or a whole day: write "00:00-24:00" for a whole day')
    return Interval(opens, closes if closes > opens else closes + MINUTES_A_DAY)


_INTERVAL: Final = re.compile(r"(\d\d):([0-5]\d)\s*-\s*(\d\d):([0-5]\d)")


def _apart(intervals: tuple[Interval, ...]) -> tuple[Interval, ...]:
    ordered = tuple(sorted(intervals))
    for earlier, later in pairwise(ordered):
        if later.opens < earlier.closes:
            raise ValueError("two intervals of this day overlap")
    return ordered


def _as_tuple(value: object) -> object:
    if not isinstance(value, list | tuple):
        raise ValueError('the hours of a day are a list, such as ["09:00-14:00", "16:00-18:30"]; [] for none')
    return tuple(value)


Hours = Annotated[
    tuple[Annotated[Interval, PlainValidator(_interval)], ...], BeforeValidator(_as_tuple), AfterValidator(_apart)
]
"""The intervals of one day, in order; empty for none."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class Holidays(_Strict):
    """The days on which an office is closed, or open at other hours."""

    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] | None = None
    """ISO 3166 code of two letters; quote NO, which YAML takes for false."""
    subdivision: str | None = None
    """As the `holidays` library calls it: MD for Madrid, ENG for England."""
    dates: Mapping[date, Hours] = {}
    """Own dates, with the hours that remain open; none for a full holiday."""

    @field_validator("country")
    @classmethod
    def _known_country(cls, value: str | None) -> str | None:
        if value is not None:
            _ask_library(value, None)
        return value

    @field_validator("subdivision")
    @classmethod
    def _known_subdivision(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and "country" in info.data:  # a wrong country has its own message
            if info.data["country"] is None:
                raise ValueError("a subdivision needs its country")
            _ask_library(info.data["country"], value)
        return value


def _ask_library(country: str, subdivision: str | None) -> None:
    try:
        holiday_library.country_holidays(country, subdiv=subdivision)
    except NotImplementedError as error:
        raise ValueError(f"the holidays library has no {' '.join(filter(None, (country, subdivision)))}") from error


def _known_zone(value: str) -> str:
    try:
        zoneinfo.ZoneInfo(value)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{value!r} is no zone of the IANA database, such as Europe/Madrid or UTC") from error
    return value


class CalendarDefinition(_Strict, Versioned):
    """One version of one calendar."""

    calendar_id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
    recompute_open: bool = False
    """Whether it holds from `valid_from` on for clocks that run then, too: counted by it from when they began."""
    zone: Annotated[str, AfterValidator(_known_zone)]
    weekly: Mapping[Weekday, Hours]
    holidays: Holidays = Holidays()
    openings: Mapping[date, Hours] = {}
    national_holidays: Mapping[date, str] = {}
    """Holidays of the country by name; from the first of their years to the last the library is not asked."""

    @field_validator("weekly")
    @classmethod
    def _opens_some_day(cls, value: Mapping[Weekday, tuple[Interval, ...]]) -> Mapping[Weekday, tuple[Interval, ...]]:
        if not any(value.values()):
            raise ValueError("a calendar that never opens has no due times: give a weekday its intervals")
        return value

    @model_validator(mode="after")
    def _national_holidays_are_of_a_country(self) -> "CalendarDefinition":
        if self.national_holidays and self.holidays.country is None:
            raise ValueError("national_holidays need the country, holidays.country; own ones stand in holidays.dates")
        return self

    @model_validator(mode="after")
    def _begins_some_time(self) -> "CalendarDefinition":
        if self.recompute_open and "valid_from" not in self.model_fields_set:
            raise ValueError("recompute_open: no clock ran before it: say valid_from, from when on it holds")
        return self

    @property
    def saturdays_are_working_days(self) -> bool:
        return bool(self.weekly.get("saturday"))


def load(path: Path) -> CalendarDefinition:
    """Read one calendar. Raises `YamlRefusedError`."""
    return CalendarDefinition.read(text_of(path), str(path))


def recorded(text: str, national_holidays: Mapping[date, str]) -> str:
    """The text of a calendar with the holidays of its country in it, so that it answers what it answers today."""
    added = _dump({"national_holidays": dict(national_holidays)})
    document = load_with_lines(text, "")
    if _can_be_continued(document.root, text):
        return f"{text.rstrip()}\n# Recorded with the calendar: the holidays of its country.\n{added}"
    return _dump(document.content) + added


def _can_be_continued(root: yaml.Node | None, text: str) -> bool:
    """Whether a name at the top may follow the text."""
    in_lines = root is not None and not getattr(root, "flow_style", True) and root.start_mark.column == 0
    return in_lines and not any(line.startswith("...") for line in text.splitlines())


def _dump(content: object) -> str:
    return yaml.safe_dump(content, allow_unicode=True, sort_keys=False, width=10_000)


def load_all(paths: Iterable[Path]) -> tuple[CalendarDefinition, ...]:
    """Read every calendar. Raises `YamlRefusedError`, also for two versions of one that cannot be told apart."""
    return read_versions(paths, load, _clash)


def _clash(calendar: CalendarDefinition, earlier: CalendarDefinition) -> str | None:
    same = calendar.calendar_id == earlier.calendar_id
    if not same or (calendar.version != earlier.version and calendar.valid_from != earlier.valid_from):
        return None
    return (
        f"calendar {calendar.calendar_id}: another file has version {earlier.version}, "
        f"valid from {earlier.valid_from.isoformat()}: versions differ in both"
    )
