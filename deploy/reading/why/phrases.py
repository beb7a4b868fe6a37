"""Times, dates, durations and lists in the words of a language."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from deploy.reading.why.hours import Holiday, Stretch
from deploy.reading.why.journal import Promised
from deploy.reading.why.words import Words


@dataclass(frozen=True, slots=True)
class Phrases:
    """How moments and spans of time are said: in a zone, with the year where it is not that of the story."""

    words: Words
    zone: str
    year: int

    def own(self, ms: int, promised: Promised | None = None) -> str:
        """Own time of a clock: a day of business time is ambiguous, so hours are the greatest unit.

        A working day ends a millisecond before midnight: of such a promise nobody reads the milliseconds.
        """
        if promised is not None and promised.working_days:
            ms = (ms + 500) // 1_000 * 1_000
        return self.duration(ms, largest=3_600_000) if promised is None or promised.calendar else self.duration(ms)

    def duration(self, ms: int, largest: int = 86_400_000) -> str:
        parts, left = list[str](), abs(ms)
        for unit, one, several in self.words.units:
            if unit <= largest:
                amount, left = divmod(left, unit)
                if amount:
                    parts.append(f"{amount} {one if amount == 1 else several}")
        return self.listed(parts) if parts else self.words.nothing

    def moment(self, at: int, *, year: bool = False) -> str:
        date_ = self.short_date(self.local(at).date(), year=year)
        if self.ends_day(at):
            return self.words.end_of_day.format(date=date_)
        return self.words.moment.format(date=date_, time=self.time(at))

    def ends_day(self, at: int) -> bool:
        """Whether it is the last millisecond of a day, as deadlines in working days are."""
        return at % 1_000 == 999 and self.local(at).date() != self.local(at + 1).date()

    def time(self, at: int) -> str:
        if at % 1_000 == 999:
            at += 1
        local = self.local(at)
        if local.microsecond:
            return local.strftime("%H:%M:%S.") + f"{local.microsecond // 1000:03}"
        return local.strftime("%H:%M:%S" if local.second else "%H:%M")

    def short_date(self, day: date, *, year: bool = False) -> str:
        other = year or day.year != self.year
        return self.dated(self.words.date_of_year if other else self.words.date, day)

    def dated(self, form: str, day: date) -> str:
        words = self.words
        return form.format(
            weekday=words.weekdays[day.weekday()], short_weekday=words.short_weekdays[day.weekday()], day=day.day,
            month=words.months[day.month - 1], short_month=self._month(day), year=day.year,
        )  # fmt: skip

    def local(self, at: int) -> datetime:
        return datetime.fromtimestamp(at / 1000, ZoneInfo(self.zone))

    def offset(self, at: int) -> str:
        text = self.local(at).strftime("%z")
        hours = text[:3] + (f":{text[3:5]}" if text[3:5] != "00" else "")
        return hours.replace("+0", "+").replace("-0", "-")

    def due(self, at: int, promised: Promised) -> str:
        """A deadline; where its calendar is of another zone, as it is called there."""
        if not promised.zone or promised.zone == self.zone:
            return self.moment(at)
        there = replace(self, zone=promised.zone)
        return f"{there.moment(at)} ({promised.zone})"

    def listed(self, parts: Iterable[str], *, either: bool = False) -> str:
        between, last = self.words.alternatives if either else self.words.joined
        *most, end = [*parts] or [""]
        return between.join(most) + last + end if most else end

    # What is not counted

    def skipped(self, stretches: Sequence[Stretch]) -> str:
        """What was not counted: holidays by name, weekends by date, nights and breaks by number."""
        counts, dates = dict[str, int](), dict[str, list[str]]()
        named: dict[str, Holiday] = {}
        for one in stretches:
            if one.counts:
                continue
            bigger = [why for why in one.because if why in ("weekend", "day_off", "holiday")]
            for because in bigger or one.because:
                counts[because] = counts.get(because, 0) + 1
                if because in ("weekend", "day_off"):
                    dates.setdefault(because, []).append(self._first_off(one, because))
            named |= {holiday.date: holiday for holiday in one.holidays}
        parts = []
        for why, count in counts.items():
            if why != "holiday":
                single, several = self.words.because[why]
                told = ", ".join(dates.get(why, ())[:8]) + (", …" if len(dates.get(why, ())) > 8 else "")
                parts.append((single if count == 1 else several).format(count=count, dates=told))
        parts += [self._holiday(one) for one in named.values()]
        return self.listed(parts)

    def _first_off(self, stretch: Stretch, why: str) -> str:
        """The days of a stretch that are off by the week, as 28-29 Nov."""
        day, last = self.local(stretch.begins_at).date(), self.local(stretch.ends_at - 1).date()
        days = []
        while day <= last:
            if (day.weekday() >= 5) == (why == "weekend") and not any(
                one.date == day.isoformat() for one in stretch.holidays
            ):
                days.append(day)
            day += timedelta(days=1)
        if not days:
            return self.short_date(self.local(stretch.begins_at).date())
        month = self._month(days[0])
        if len(days) == 1 or days[0].month != days[-1].month:
            return " – ".join(f"{one.day} {self._month(one)}" for one in dict.fromkeys((days[0], days[-1])))
        return f"{days[0].day}–{days[-1].day} {month}"

    def _month(self, day: date) -> str:
        return self.words.months[day.month - 1][:3]

    def _holiday(self, holiday: Holiday) -> str:
        day = self.short_date(date.fromisoformat(holiday.date))
        name = holiday.names.get(self.words.language) or next(iter(holiday.names.values()), "")
        if not name:
            return self.words.holiday_unnamed.format(date=day)
        return (self.words.holiday_partial if holiday.is_partial else self.words.holiday).format(name=name, date=day)


def rounded(ms: int) -> int:
    """To whole seconds, once it is minutes: what nobody reckons with."""
    return ms if ms < 60_000 else ms - ms % 1_000
