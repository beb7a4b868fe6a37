"""Business time: due moments, the business time between two moments, working days. No I/O, no clock of its own.

Opening hours are wall times, and time passes in UTC. A wall time becomes a moment by one rule: *the first moment at
which the local clock has reached it*. So
    a time that comes twice (clocks go back) is its first coming, and the repeated hour belongs to whatever is open
    or closed when the clock goes back: a night shift over it is an hour longer;
    a time that is skipped (clocks go forward) is the moment of the jump: a night shift over it is an hour shorter,
    an interval that lies within the skipped hour is empty, a date that is skipped is no working day.
The rule never goes backward, so neighbouring intervals neither overlap nor leave a hole, and a day has 23, 24 or 25 h.

Intervals are half-open: at its closing time an office is closed. `add(start, d)` is the *least* moment `t >= start`
with `count(start, t) == d`. Hence a promise that fills the day is due at closing time, not next morning; `add(s, 0)`
is `s`; and `add(s, a + b) == add(add(s, a), b)` without exception.

Years are computed when first needed, once: two bisections answer a question, whatever the distance within a year.
"""

import json
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from itertools import accumulate
from typing import Final
from zoneinfo import ZoneInfo

import holidays

from schemas.policies.calendars import MINUTES_A_DAY, WEEKDAYS, CalendarDefinition, Interval, recorded
from schemas.policies.texts import PolicyText, digest_of

FIRST_YEAR: Final = 1900
LAST_YEAR: Final = 2399
COUNTED_FROM: Final = 1_735_689_600_000
"""2025-01-01, UTC: where each calendar begins to count. Any moment would do; this one asks for few years."""
"""Events lie within 1900 to 2299; a due moment may be a century later. Bounds what a calendar can keep."""

_COMPARED_YEARS: Final = range(2020, 2051)
_MINUTE: Final = 60_000
_DAY: Final = 86_400_000
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()


class BeyondCalendarError(ValueError):
    """A moment outside the years `FIRST_YEAR` to `LAST_YEAR` (local time), asked for or arrived at."""


class Calendar:
    """One version of a calendar. Nothing that it answers ever changes; moments are milliseconds since the epoch UTC."""

    def __init__(self, definition: CalendarDefinition) -> None:
        self.calendar_id = definition.calendar_id
        self.version = definition.version
        self.zone = definition.zone
        self.definition, self._hours = definition, _HoursOfDays(definition)
        self._always = self._hours.always
        self._zone = ZoneInfo(definition.zone)
        years = range(FIRST_YEAR, LAST_YEAR + 2)
        self._year_starts = [_reached(self._zone, date(year, 1, 1).toordinal(), 0) for year in years]
        self._years: list[_Year | None] = [None] * (len(years) - 1)

    @cached_property
    def content(self) -> str:
        """When it is open, as text: equal for calendars that agree, in any process; of its country for some decades."""
        unsaid = {"version", "national_holidays"}
        said = self.definition.model_dump(mode="json", exclude_defaults=True, exclude=unsaid, warnings=False)
        said["weekly"] = {weekday: hours for weekday, hours in said["weekly"].items() if hours}
        days = [day.isoformat() for day in self._hours.national(_COMPARED_YEARS)]
        return json.dumps([said, days], sort_keys=True)

    def national_holidays(self) -> Mapping[date, str]:
        """The holidays of its country, for some decades."""
        return self._hours.national(_COMPARED_YEARS)

    @cached_property
    def text(self) -> str:
        """As it was read, with the holidays of its country for some decades; '' of one that was not read."""
        text, names = self.definition.text, self.national_holidays()
        return text if not text or not names or self.definition.national_holidays else recorded(text, names)

    @cached_property
    def digest(self) -> str:
        """Of its text; '' of one that has none."""
        return digest_of(self.text) if self.text else ""

    def add(self, start_ms: int, business_ms: int) -> int:
        """The due moment: the least `t >= start_ms` with `business_ms` of business time between. O(log n) a year.

        Raises `ValueError` for a negative duration, `BeyondCalendarError`.
        """
        if business_ms <= 0:
            if business_ms < 0:
                raise ValueError("business time is added, not taken away")
            return start_ms
        if self._always:
            return start_ms + business_ms
        index = bisect_right(self._year_starts, start_ms) - 1
        year = self._years[index] if 0 <= index < len(self._years) else None
        if year is None:
            year = self._year(index)
        wanted = year.open_before(start_ms) + business_ms
        while wanted > year.open_ms:
            wanted -= year.open_ms
            index += 1
            year = self._year(index)
        at = bisect_left(year.totals, wanted)
        return year.closes[at] - (year.totals[at] - wanted)

    def count(self, start_ms: int, end_ms: int) -> int:
        """Business milliseconds from `start_ms` to before `end_ms`; negative when they are the other way round.

        Raises `BeyondCalendarError`.
        """
        if self._always:
            return end_ms - start_ms
        if end_ms < start_ms:
            return -self.count(end_ms, start_ms)
        first, last = self._index(start_ms), self._index(end_ms)
        between = sum(self._year(index).open_ms for index in range(first, last))
        return between + self._year(last).open_before(end_ms) - self._year(first).open_before(start_ms)

    def counted_to(self, at_ms: int) -> int:
        """Business milliseconds from `COUNTED_FROM` to a moment, negative before it: two of them tell the time between.

        Raises `BeyondCalendarError`.
        """
        return self.count(COUNTED_FROM, at_ms)

    def add_working_days(self, received_ms: int, days: int) -> int:
        """The last millisecond, local, of the working day that is the `days`-th after the day of receipt.

        Raises `ValueError` for less than one day, `BeyondCalendarError`.
        """
        if days < 1:
            raise ValueError("a deadline in working days is one day or more: the day of receipt does not count")
        index = self._index(received_ms)
        year = self._year(index)
        wanted = year.worked[bisect_right(year.days, received_ms) - 1] + days
        while wanted > year.worked[-1]:
            wanted -= year.worked[-1]
            index += 1
            year = self._year(index)
        following = bisect_left(year.worked, wanted) + 1
        return (year.days[following] if following < len(year.days) else self._year_starts[index + 1]) - 1

    def is_open(self, at_ms: int) -> bool:
        """Raises `BeyondCalendarError`."""
        return self.next_open(at_ms) == at_ms

    def next_open(self, at_ms: int) -> int:
        """`at_ms` when open, else the next opening. Raises `BeyondCalendarError`."""
        return at_ms if self._always else self.add(at_ms, 1) - 1

    def _index(self, at_ms: int) -> int:
        return bisect_right(self._year_starts, at_ms) - 1

    def _year(self, index: int) -> "_Year":
        if not 0 <= index < len(self._years):
            raise BeyondCalendarError(f"calendar {self.calendar_id} knows the years {FIRST_YEAR} to {LAST_YEAR}")
        year = self._years[index]
        if year is None:
            bounds = self._year_starts[index], self._year_starts[index + 1]
            year = self._years[index] = _build(self._hours, self._zone, FIRST_YEAR + index, bounds)
        return year


class CalendarBook:
    """All calendars, asked by id and moment. Raises `ValueError` when built with one id and `valid_from` twice."""

    def __init__(self, definitions: Iterable[CalendarDefinition]) -> None:
        versions: dict[str, list[tuple[int, Calendar]]] = {}
        renewed: dict[str, list[tuple[int, Calendar]]] = {}
        for definition in sorted(definitions, key=lambda one: one.valid_from_ms):
            of_id = versions.setdefault(definition.calendar_id, [])
            if of_id and of_id[-1][0] == definition.valid_from_ms:
                raise ValueError(f"calendar {definition.calendar_id} has two versions with one valid_from")
            of_id.append((definition.valid_from_ms, Calendar(definition)))
            if definition.recompute_open:
                renewed.setdefault(definition.calendar_id, []).append(of_id[-1])
        self._versions: Mapping[str, list[tuple[int, Calendar]]] = versions
        self._renewed: Mapping[str, list[tuple[int, Calendar]]] = renewed
        self.calendar_ids = tuple(versions)
        self.renewals = frozenset(valid_from for of_id in renewed.values() for valid_from, _ in of_id)
        """When versions come into force that hold for open clocks, too, ms."""

    def calendar(self, calendar_id: str, at_ms: int, open_at_ms: int | None = None) -> Calendar:
        """The version in force at `at_ms`, when the clock starts; before the first one, the first. Raises `KeyError`.

        A clock keeps the version it started on: hours that change under it do not move its deadline. But for a version
        that holds for open clocks, too: that one, when it is in force while the clock is open, at `open_at_ms`.
        """
        for valid_from, renewed in reversed(self._renewed.get(calendar_id, ())):
            if at_ms < valid_from <= (at_ms if open_at_ms is None else open_at_ms):
                return renewed
        versions = self._versions[calendar_id]
        return versions[max(bisect_right(versions, at_ms, key=lambda version: version[0]) - 1, 0)][1]

    @property
    def definitions(self) -> list[CalendarDefinition]:
        """All versions of all calendars."""
        return [one.definition for versions in self._versions.values() for _, one in versions]

    def content(self, calendar_ids: Iterable[str]) -> Sequence[str]:
        """What some calendars answer, as text: see `Calendar.content`."""
        return [one.content for calendar_id in sorted(calendar_ids) for _, one in self._versions[calendar_id]]

    def texts(self, calendar_ids: Iterable[str]) -> list[PolicyText]:
        """Of all versions of some calendars."""
        versions = (one for calendar_id in sorted(calendar_ids) for _, one in self._versions[calendar_id])
        return [PolicyText.of("calendar", one.calendar_id, one.version, one.text) for one in versions if one.text]

    def counted_to(self, at_ms: int) -> Mapping[str, int]:
        """Calendar and version -> business milliseconds up to a moment: what their `Calendar.counted_to` say.

        Nothing before `COUNTED_FROM`: who reads years of old records has no use for what they would cost.
        """
        if at_ms < COUNTED_FROM:
            return {}
        return {
            f"{one.calendar_id} {one.version}": one.counted_to(at_ms)
            for versions in self._versions.values()
            for _, one in versions
        }


@dataclass(frozen=True, slots=True)
class _Year:
    """A local year. `opens`, `closes`: its intervals in UTC milliseconds, in order, none touching the next.

    `totals`: open milliseconds from the start of the year to the end of each interval. `days`: the moment each date
    begins. `worked`: working days from the start of the year to each date, itself included.
    """

    opens: "array[int]"
    closes: "array[int]"
    totals: "array[int]"
    open_ms: int
    days: "array[int]"
    worked: "array[int]"

    def open_before(self, at_ms: int) -> int:
        """Open milliseconds from the start of the year to `at_ms`."""
        index = bisect_right(self.opens, at_ms) - 1
        if index < 0:
            return 0
        remaining = self.closes[index] - at_ms
        return self.totals[index] - remaining if remaining > 0 else self.totals[index]


def _build(hours: "_HoursOfDays", zone: ZoneInfo, year: int, bounds: tuple[int, int]) -> _Year:
    start, end = bounds
    first, last = date(year, 1, 1).toordinal(), date(year, 12, 31).toordinal()
    days = [_reached(zone, day, 0) for day in range(first, last + 1)]
    lengths = (after - begin for begin, after in zip(days, [*days[1:], end], strict=True))
    worked = accumulate(int(length > 0 and hours.working(day)) for day, length in enumerate(lengths, first))
    intervals = (
        (max(_reached(zone, day, interval.opens), start), min(_reached(zone, day, interval.closes), end))
        for day in range(first - 1, last + 1)  # the night shift of the last day of the year before reaches into this
        for interval in hours.on(day)
    )
    merged = list(_merged(intervals))
    totals = array("q", accumulate(closes - opens for opens, closes in merged))
    return _Year(
        opens=array("q", (opens for opens, _ in merged)),
        closes=array("q", (closes for _, closes in merged)),
        totals=totals,
        open_ms=totals[-1] if totals else 0,
        days=array("q", days),
        worked=array("q", worked),
    )


def _merged(intervals: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Their union, in order; what is empty is left out."""
    current: tuple[int, int] | None = None
    for opens, closes in sorted(intervals):
        if opens >= closes:
            continue
        if current is not None and opens <= current[1]:
            current = current[0], max(current[1], closes)
        else:
            if current is not None:
                yield current
            current = opens, closes
    if current is not None:
        yield current


def _reached(zone: ZoneInfo, day: int, minutes: int) -> int:
    """The first moment at which the local clock has reached `minutes` after midnight of the ordinal `day`."""
    wall = datetime.fromordinal(day).replace(tzinfo=zone) + timedelta(minutes=minutes)
    wall_ms = (day - _EPOCH_DAY) * _DAY + minutes * _MINUTE
    before, after = _offset_ms(wall), _offset_ms(wall.replace(fold=1))
    if before >= after:
        return wall_ms - before
    skipped_seconds = range((wall_ms - after) // 1000, (wall_ms - before) // 1000 + 1)
    jump = bisect_left(
        skipped_seconds, after, key=lambda second: _offset_ms(datetime.fromtimestamp(second, UTC).astimezone(zone))
    )
    return skipped_seconds[jump] * 1000


def _offset_ms(moment: datetime) -> int:
    offset = moment.utcoffset()
    assert offset is not None
    return offset // timedelta(milliseconds=1)


class _HoursOfDays:
    """The intervals of a date, by its ordinal: own dates, then the country's holidays, then the week; and openings."""

    def __init__(self, definition: CalendarDefinition) -> None:
        self._weekly = [definition.weekly.get(weekday, ()) for weekday in WEEKDAYS]
        self._own = {day.toordinal(): hours for day, hours in definition.holidays.dates.items()}
        self._openings = {day.toordinal(): hours for day, hours in definition.openings.items()}
        country, subdivision = definition.holidays.country, definition.holidays.subdivision
        self._national = None if country is None else _of_country(country, subdivision)
        self._recorded = {day.toordinal(): name for day, name in definition.national_holidays.items()}
        years = {day.year for day in definition.national_holidays}
        self._recorded_years = range(min(years), max(years) + 1) if years else range(0)
        self.always = country is None and not self._own and all(_is_whole_day(hours) for hours in self._weekly)

    def on(self, day: int) -> tuple[Interval, ...]:
        return self._regular(day) + self._openings.get(day, ())

    def working(self, day: int) -> bool:
        return bool(self._weekly[(day - 1) % 7]) and bool(self._regular(day))

    def national(self, years: range) -> dict[date, str]:
        """The holidays of the country by name, in order; none where own dates and the week say everything."""
        if self._national is None:
            return {}
        named = ((day, self._name(day)) for day in _days_of(years))
        return {day: name for day, name in named if name is not None}

    def _name(self, day: date) -> str | None:
        """What a holiday of the country is called; None of another day."""
        if day.year in self._recorded_years:
            return self._recorded.get(day.toordinal())
        return None if self._national is None else self._national.get(day)

    def _regular(self, day: int) -> tuple[Interval, ...]:
        own = self._own.get(day)
        if own is not None:
            return own
        if self._national is not None and self._name(date.fromordinal(day)) is not None:
            return ()
        return self._weekly[(day - 1) % 7]


def _of_country(country: str, subdivision: str | None) -> holidays.HolidayBase:
    """Its holidays by its own names for them, whatever the locale of the process."""
    language = holidays.country_holidays(country).default_language
    return holidays.country_holidays(country, subdiv=subdivision, language=language)


def _days_of(years: range) -> Iterator[date]:
    first, last = date(years[0], 1, 1).toordinal(), date(years[-1], 12, 31).toordinal()
    return map(date.fromordinal, range(first, last + 1))


def _is_whole_day(hours: tuple[Interval, ...]) -> bool:
    reached = 0
    for interval in hours:
        if interval.opens > reached:
            return False
        reached = interval.closes
    return reached >= MINUTES_A_DAY
