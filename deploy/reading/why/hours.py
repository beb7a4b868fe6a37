"""A calendar, walked: which stretches of time it counts, and why it does not count the others.

`processors.sla.business_time` answers how much and until when, from sums of years. Here every stretch is looked at, day
by day, so that it can be shown; that both come to the same millisecond is what a telling checks.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final, Literal
from zoneinfo import ZoneInfo

import holidays as holiday_library

from schemas.policies.calendars import WEEKDAYS, CalendarDefinition, Interval

Because = Literal["night", "break", "out_of_hours", "weekend", "day_off", "holiday"]
LANGUAGES: Final[Mapping[str, tuple[str, ...]]] = {"en": ("en_US", "en_GB", "en"), "es": ("es",)}
"""Language of a telling -> what the `holidays` library may call it."""

_DAY: Final = timedelta(days=1)
_SATURDAY: Final = 5
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Holiday:
    """A date on which an office that is open by the week was closed, or closed earlier."""

    date: str
    names: Mapping[str, str]
    """Language -> name; empty when the calendar gives none."""
    is_partial: bool = False


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of time that counts or does not, [begins_at, ends_at) in milliseconds since the epoch."""

    begins_at: int
    ends_at: int
    counts: bool
    because: tuple[Because, ...] = ()
    """Why it does not count."""
    holidays: tuple[Holiday, ...] = ()

    @property
    def lasts_ms(self) -> int:
        return self.ends_at - self.begins_at


class Hours:
    """The hours of one version of a calendar."""

    def __init__(self, definition: CalendarDefinition) -> None:
        self.definition = definition
        self._zone = ZoneInfo(definition.zone)
        country, subdivision = definition.holidays.country, definition.holidays.subdivision
        self._names = {} if country is None else _named(country, subdivision)
        self._recorded = definition.national_holidays
        years = {day.year for day in self._recorded}
        self._recorded_years = range(min(years), max(years) + 1) if years else range(0)

    def walk(self, start: int, end: int) -> list[Stretch]:
        """What of [start, end) counts and what does not, in order."""
        stretches, at = list[Stretch](), start
        for opens, closes in self._opened(start, end):
            if at < opens:
                stretches.append(self._closed(at, opens))
            stretches.append(Stretch(opens, closes, counts=True))
            at = closes
        if at < end:
            stretches.append(self._closed(at, end))
        return stretches

    def count(self, start: int, end: int) -> int:
        """Milliseconds of [start, end) that count."""
        return sum(closes - opens for opens, closes in self._opened(start, end))

    def after(self, start: int, counted_ms: int) -> int:
        """The least moment by which so much has counted since a start."""
        if counted_ms <= 0:
            return start
        left = counted_ms
        for opens, closes in self._from(start):
            if left <= closes - opens:
                return opens + left
            left -= closes - opens
        raise AssertionError("a calendar opens again")

    def end_of_working_day(self, received: int, days: int) -> int:
        """The last millisecond of the working day that is the `days`-th after the date of receipt."""
        day, left = self._date(received), days
        while left:
            day += _DAY
            begins, ends = self._bounds(day)
            left -= int(begins < ends and self._is_worked(day))
        return self._bounds(day)[1] - 1

    def working_days(self, start: int, end: int) -> int:
        """Working days that begin after the date of `start` and by that of `end`."""
        day, last, found = self._date(start), self._date(end), 0
        while day < last:
            day += _DAY
            begins, ends = self._bounds(day)
            found += int(begins < ends and self._is_worked(day))
        return found

    def _date(self, at: int) -> date:
        return datetime.fromtimestamp(at // 1000, self._zone).date()

    def _bounds(self, day: date) -> tuple[int, int]:
        return reached(self._zone, day, 0), reached(self._zone, day + _DAY, 0)

    def _opened(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        for opens, closes in self._from(start):
            if opens >= end:
                return
            yield opens, min(closes, end)

    def _from(self, start: int) -> Iterator[tuple[int, int]]:
        """Stretches that are open from a moment on, none touching the next."""
        current: tuple[int, int] | None = None
        day = self._date(start) - _DAY  # its night shift may reach into the first day
        while True:
            for opens, closes in sorted(self._intervals(day)):
                if current is not None and opens <= current[1]:
                    current = current[0], max(current[1], closes)
                    continue
                if current is not None and current[1] > max(current[0], start):
                    yield max(current[0], start), current[1]
                current = opens, closes
            # A stretch that never ends is handed on day by day.
            if current is not None and current[1] >= self._bounds(day)[1] and current[1] > start:
                upto = self._bounds(day)[1]
                if upto > max(current[0], start):
                    yield max(current[0], start), upto
                    current = (upto, current[1])
            day += _DAY

    def _intervals(self, day: date) -> Iterable[tuple[int, int]]:
        for interval in (*self._regular(day), *self.definition.openings.get(day, ())):
            opens, closes = (reached(self._zone, day, minutes) for minutes in (interval.opens, interval.closes))
            if opens < closes:
                yield opens, closes

    def _weekly(self, day: date) -> tuple[Interval, ...]:
        return self.definition.weekly.get(WEEKDAYS[day.weekday()], ())

    def _regular(self, day: date) -> tuple[Interval, ...]:
        own = self.definition.holidays.dates.get(day)
        if own is not None:
            return own
        return () if self._is_national(day) else self._weekly(day)

    def _is_national(self, day: date) -> bool:
        """Whether the country has a holiday; where those of its year are recorded, they are the ones that held."""
        if day.year in self._recorded_years:
            return day in self._recorded
        return any(day in named for named in self._names.values())

    def _is_worked(self, day: date) -> bool:
        return bool(self._weekly(day)) and bool(self._regular(day))

    # Why it is closed

    def _closed(self, start: int, end: int) -> Stretch:
        day, because, found = self._date(start), dict[Because, None](), list[Holiday]()
        while self._bounds(day)[0] < end:
            begins, ends = self._bounds(day)
            why, holiday = self._why(day, max(begins, start), min(ends, end))
            because[why] = None
            if holiday is not None:
                found.append(holiday)
            day += _DAY
        if len(because) > 1:
            because.pop("out_of_hours", None)
        elif "out_of_hours" in because and self._date(start) != self._date(end - 1):
            because = {"night": None}
        return Stretch(start, end, False, tuple(because), tuple(found))

    def _why(self, day: date, start: int, end: int) -> tuple[Because, Holiday | None]:
        weekly, regular = self._weekly(day), self._regular(day)
        if not weekly:
            return ("weekend" if day.weekday() >= _SATURDAY else "day_off"), None
        if not regular:
            return "holiday", self._holiday(day, is_partial=False)
        usual = [(reached(self._zone, day, one.opens), reached(self._zone, day, one.closes)) for one in weekly]
        if regular != weekly and any(opens < end and start < closes for opens, closes in usual):
            return "holiday", self._holiday(day, is_partial=True)
        opened = [*self._intervals(day)]
        if opened and min(opened)[0] < start and end < max(closes for _, closes in opened):
            return "break", None
        return "out_of_hours", None

    def _holiday(self, day: date, *, is_partial: bool) -> Holiday:
        return Holiday(day.isoformat(), self.names_of(day), is_partial)

    def names_of(self, day: date) -> Mapping[str, str]:
        """What a holiday of the country is called, by language."""
        names = {language: named[day] for language, named in self._names.items() if day in named}
        recorded = self._recorded.get(day)
        return dict.fromkeys(LANGUAGES, recorded) | names if recorded is not None else names


@lru_cache(maxsize=16)
def _named(country: str, subdivision: str | None) -> Mapping[str, holiday_library.HolidayBase]:
    supported = holiday_library.country_holidays(country, subdiv=subdivision).supported_languages
    chosen = {
        language: next((name for name in names if name in supported), None) for language, names in LANGUAGES.items()
    }
    return {
        language: holiday_library.country_holidays(country, subdiv=subdivision, language=name)
        for language, name in chosen.items()
    }


@lru_cache(maxsize=65_536)
def reached(zone: ZoneInfo, day: date, minutes: int) -> int:
    """The first moment, ms, at which the local clock has come to so many minutes after the midnight of a date."""
    wall = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(minutes=minutes)
    around = [(wall + shift).astimezone(zone).utcoffset() for shift in (-_DAY, _DAY)]
    told = [wall - offset for offset in around if offset is not None]
    right = [moment for moment in told if moment.astimezone(zone).replace(tzinfo=UTC) == wall]
    if right:
        return (min(right) - _EPOCH) // _MS
    return _jump(zone, min(told), max(told))


def _jump(zone: ZoneInfo, early: datetime, late: datetime) -> int:
    """The second between two moments at which the clock goes forward."""
    before = early.astimezone(zone).utcoffset()
    low, high = (round((one - _EPOCH).total_seconds()) for one in (early, late))
    while low < high:
        middle = (low + high) // 2
        if datetime.fromtimestamp(middle, zone).utcoffset() == before:
            low = middle + 1
        else:
            high = middle
    return low * 1000
