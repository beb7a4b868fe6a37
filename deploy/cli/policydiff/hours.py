"""What changes in calendars, in words."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from processors.sla.business_time import Calendar, CalendarBook
from schemas.policies.calendars import MINUTES_A_DAY, WEEKDAYS, CalendarDefinition, Interval

_NAMED_MAX = 6
"""Days that a line names; of more it says how many."""


def calendar_lines(old: CalendarBook, new: CalendarBook) -> Iterator[str]:
    """A heading for each calendar that says otherwise when it is open, and below it what it says."""
    before, after = _versions(old), _versions(new)
    for key in [*before, *(key for key in after if key not in before)]:
        name = f"calendar {key}"
        if key not in before:
            yield f"{name}: new"
        elif key not in after:
            yield f"{name}: gone"
        elif before[key].content != after[key].content:
            yield name
            yield from (f"  {line}" for line in _compared(before[key], after[key]))


def _versions(book: CalendarBook) -> dict[str, Calendar]:
    """Calendars by id, with the version where there are several."""
    ids = [one.calendar_id for one in book.definitions]
    return {
        one.calendar_id if ids.count(one.calendar_id) == 1 else f"{one.calendar_id} {one.version}": Calendar(one)
        for one in book.definitions
    }


def _compared(before: Calendar, after: Calendar) -> Iterator[str]:
    was, becomes = before.definition, after.definition
    if was.zone != becomes.zone:
        yield f"zone: {was.zone} -> {becomes.zone}"
    if was.valid_from != becomes.valid_from:
        yield f"in force from {was.valid_from:%Y-%m-%d} -> {becomes.valid_from:%Y-%m-%d}"
    for weekday in WEEKDAYS:
        hours = was.weekly.get(weekday, ()), becomes.weekly.get(weekday, ())
        if hours[0] != hours[1]:
            yield f"{weekday}: {_hours(hours[0])} -> {_hours(hours[1])}"
    yield from _days("own holiday", _closed(was), _closed(becomes))
    yield from _days("opening", _opened(was), _opened(becomes))
    yield from _days("national holiday", before.national_holidays(), after.national_holidays())


def _closed(definition: CalendarDefinition) -> Mapping[date, str]:
    return {day: _hours(hours) for day, hours in definition.holidays.dates.items()}


def _opened(definition: CalendarDefinition) -> Mapping[date, str]:
    return {day: _hours(hours) for day, hours in definition.openings.items()}


def _days(what: str, before: Mapping[date, str], after: Mapping[date, str]) -> Iterator[str]:
    """Days that are new, gone, or otherwise; what a holiday of a country is called makes no difference."""
    new = [f"{day} ({after[day]})" for day in sorted(after.keys() - before.keys())]
    gone = [f"{day} ({before[day]})" for day in sorted(before.keys() - after.keys())]
    other = [
        f"{day} ({before[day]} -> {after[day]})"
        for day in sorted(before.keys() & after.keys())
        if what != "national holiday" and before[day] != after[day]
    ]
    for how, days in (("new", new), ("gone", gone), ("other hours", other)):
        if days:
            yield f"{what}, {how}: {_some(days)}"


def _some(days: Sequence[str]) -> str:
    more = len(days) - _NAMED_MAX
    return ", ".join(days[:_NAMED_MAX]) + (f" and {more} more" if more > 0 else "")


def _hours(hours: Sequence[Interval]) -> str:
    return ", ".join(f"{_time(one.opens)}-{_time(one.closes)}" for one in hours) or "closed"


def _time(minutes: int) -> str:
    if minutes > MINUTES_A_DAY:
        minutes -= MINUTES_A_DAY
    return f"{minutes // 60:02}:{minutes % 60:02}"
