"""Business time: the vectors that people compute by hand, and the laws, against a walk minute by minute."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.sla.business_time import FIRST_YEAR, LAST_YEAR, BeyondCalendarError, Calendar, CalendarBook
from schemas.policies import calendars
from schemas.policies.calendars import WEEKDAYS, CalendarDefinition

SECOND: Final = 1_000
MINUTE: Final = 60_000
HOUR: Final = 60 * MINUTE
PACKS: Final = Path(__file__).parents[3] / "deploy" / "policies" / "calendars"


def ms(moment: str) -> int:
    """Milliseconds of an ISO 8601 moment; Madrid time when it has no offset."""
    parsed = datetime.fromisoformat(moment)
    return round((parsed if parsed.tzinfo else parsed.replace(tzinfo=ZoneInfo("Europe/Madrid"))).timestamp() * 1000)


def shown(at_ms: int, zone: str = "Europe/Madrid") -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(ZoneInfo(zone)).isoformat(timespec="milliseconds")


def same(at_ms: int, moment: str, zone: str = "Europe/Madrid") -> None:
    assert shown(at_ms, zone) == shown(ms(moment), zone)


def calendar(zone: str = "Europe/Madrid", **parts: Any) -> Calendar:
    return Calendar(CalendarDefinition.model_validate({"calendar_id": "c", "version": "1", "zone": zone, **parts}))


def shipped(name: str) -> Calendar:
    return Calendar(calendars.load(PACKS / f"{name}.yaml"))


SPLIT = shipped("es-madrid-split")
SPAIN = shipped("es-working-days")
ALWAYS = shipped("always")
NIGHT = calendar(weekly={"saturday": ["22:00-06:00"]})

# Vectors


@pytest.mark.parametrize(
    ("number", "asked", "start", "hours", "due"),
    [
        (1, SPLIT, "2026-11-24T10:00", 2, "2026-11-24T12:00"),
        (2, SPLIT, "2026-11-24T13:30", 1, "2026-11-24T16:30"),
        (3, SPLIT, "2026-11-27T18:00", 1, "2026-11-30T09:30"),
        (4, SPLIT, "2026-11-25T07:00", 2, "2026-11-25T11:00"),
        (5, SPLIT, "2026-11-24T14:30", 0.5, "2026-11-24T16:30"),
        (6, SPLIT, "2026-12-07T18:00", 2, "2026-12-09T10:30"),
        (7, SPLIT, "2026-11-24T17:30", 1, "2026-11-24T18:30"),
        (8, SPLIT, "2026-11-24T18:30", 1, "2026-11-25T10:00"),
        (9, SPLIT, "2026-11-28T12:00", 1, "2026-11-30T10:00"),
        (10, ALWAYS, "2026-10-25T00:30+02:00", 4, "2026-10-25T03:30+01:00"),
        (11, ALWAYS, "2027-03-28T00:30+01:00", 4, "2027-03-28T05:30+02:00"),
        (12, NIGHT, "2026-10-24T23:00+02:00", 4, "2026-10-25T02:00+01:00"),
        (16, SPLIT, "2026-11-24T10:00", 8, "2026-11-25T10:30"),
    ],
)  # fmt: skip
def test_vectors_of_business_hours(number: int, asked: Calendar, start: str, hours: float, due: str) -> None:
    due_at = asked.add(ms(start), round(hours * HOUR))
    same(due_at, due)
    assert asked.count(ms(start), due_at) == hours * HOUR, number


def test_vector_13_business_time_between_two_moments() -> None:
    assert SPLIT.count(ms("2026-11-27T18:00"), ms("2026-11-30T10:00")) == 1.5 * HOUR


@pytest.mark.parametrize(
    ("number", "resumed", "due"),
    [
        (14, "2026-11-25T09:30", "2026-11-25T12:30"),
        (15, "2026-11-28T20:00", "2026-11-30T12:00"),
    ],
)  # fmt: skip
def test_vectors_of_a_pause_what_was_left_runs_on_from_the_reply(number: int, resumed: str, due: str) -> None:
    left = 4 * HOUR - SPLIT.count(ms("2026-11-24T10:00"), ms("2026-11-24T11:00"))
    assert left == 3 * HOUR, number
    same(SPLIT.add(ms(resumed), left), due)


@pytest.mark.parametrize("asked", [SPLIT, SPAIN], ids=["own dates", "national holidays"])
@pytest.mark.parametrize(
    ("number", "received", "due"),
    [
        (17, "2026-11-23T00:00", "2026-12-15"),
        (17, "2026-11-23T23:59:59.999", "2026-12-15"),
        (18, "2026-11-27T23:50", "2026-12-21"),
        (18, "2026-11-28T12:00", "2026-12-21"),
        (19, "2026-12-15T09:00", "2027-01-08"),
    ],
)  # fmt: skip
def test_vectors_of_fifteen_working_days(asked: Calendar, number: int, received: str, due: str) -> None:
    same(asked.add_working_days(ms(received), 15), f"{due}T23:59:59.999")


# Edges


def test_no_business_time_is_due_at_once_open_or_closed() -> None:
    for moment in ("2026-11-24T10:00", "2026-11-24T15:00", "2026-11-24T18:30", "2026-11-28T12:00"):
        assert SPLIT.add(ms(moment), 0) == ms(moment)


@pytest.mark.parametrize(
    ("at", "is_open", "next_open"),
    [
        ("2026-11-24T08:59:59.999", False, "2026-11-24T09:00"),
        ("2026-11-24T09:00", True, "2026-11-24T09:00"),
        ("2026-11-24T13:59:59.999", True, "2026-11-24T13:59:59.999"),
        ("2026-11-24T14:00", False, "2026-11-24T16:00"),
        ("2026-11-27T18:30", False, "2026-11-30T09:00"),
        ("2026-12-24T18:30", False, "2026-12-28T09:00"),
        ("2026-12-31T18:30", False, "2027-01-04T09:00"),
    ],
)  # fmt: skip
def test_an_office_is_open_from_its_opening_until_before_its_closing(at: str, is_open: bool, next_open: str) -> None:
    assert SPLIT.is_open(ms(at)) is is_open
    same(SPLIT.next_open(ms(at)), next_open)


EVERY_DAY = {weekday: ["09:00-17:00"] for weekday in WEEKDAYS}


@pytest.mark.parametrize(
    ("name", "parts", "hours"),
    [
        ("a plain Thursday", {}, 8),
        ("a full holiday", {"holidays": {"dates": {date(2026, 12, 24): []}}}, 0),
        ("a partial one", {"holidays": {"dates": {date(2026, 12, 24): ["09:00-12:00"]}}}, 3),
        ("an exceptional opening besides", {"openings": {date(2026, 12, 24): ["18:00-20:00"]}}, 10),
        ("one within the hours adds nothing", {"openings": {date(2026, 12, 24): ["10:00-12:00"]}}, 8),
        ("one that overlaps counts once", {"openings": {date(2026, 12, 24): ["16:00-20:00"]}}, 11),
        (
            "one on a holiday",
            {"holidays": {"dates": {date(2026, 12, 24): []}}, "openings": {date(2026, 12, 24): ["10:00-12:00"]}},
            2,
        ),
    ],
)  # fmt: skip
def test_the_hours_of_a_special_day(name: str, parts: dict[str, Any], hours: float) -> None:
    special = calendar(weekly=EVERY_DAY, **parts)
    assert special.count(ms("2026-12-24T00:00"), ms("2026-12-25T00:00")) == hours * HOUR, name


def test_an_own_date_wins_over_the_library() -> None:
    holidays = {"country": "ES", "dates": {date(2026, 12, 25): ["09:00-12:00"]}}
    assert (
        calendar(weekly=EVERY_DAY, holidays=holidays).count(ms("2026-12-25T00:00"), ms("2026-12-26T00:00")) == 3 * HOUR
    )


def test_holidays_of_a_region_come_on_top_of_those_of_the_country() -> None:
    start, end = ms("2026-05-02T00:00"), ms("2026-05-03T00:00")
    country = calendar(weekly=EVERY_DAY, holidays={"country": "ES"})
    region = calendar(weekly=EVERY_DAY, holidays={"country": "ES", "subdivision": "MD"})
    assert (country.count(start, end), region.count(start, end)) == (8 * HOUR, 0)


def test_a_bank_holiday_on_a_saturday_has_its_substitute_in_england() -> None:
    same(shipped("uk").next_open(ms("2026-12-24T17:00+00:00")), "2026-12-29T09:00+00:00", "Europe/London")


def test_a_holiday_takes_the_night_shift_that_begins_on_it_and_leaves_the_one_of_the_eve() -> None:
    nights = calendar(weekly={day: ["22:00-06:00"] for day in WEEKDAYS}, holidays={"dates": {date(2026, 12, 25): []}})
    assert nights.is_open(ms("2026-12-25T05:59"))
    assert not nights.is_open(ms("2026-12-25T23:00"))
    assert not nights.is_open(ms("2026-12-26T05:59"))


def test_a_night_shift_runs_across_new_year() -> None:
    nights = calendar(weekly={day: ["22:00-06:00"] for day in WEEKDAYS})
    same(nights.add(ms("2026-12-31T23:00"), 7 * HOUR), "2027-01-01T06:00")
    assert nights.count(ms("2026-12-31T22:30"), ms("2027-01-01T05:00")) == 6.5 * HOUR


@pytest.mark.parametrize(
    ("name", "interval", "day", "hours"),
    [
        ("a shift over the hour that comes twice", "22:00-06:00", "2026-10-24", 9),
        ("a shift over the hour that is skipped", "22:00-06:00", "2027-03-27", 7),
        ("an end that comes twice is its first coming", "22:00-02:30", "2026-10-24", 4.5),
        ("an opening that comes twice is its first coming", "02:30-04:00", "2026-10-25", 2.5),
        ("an end that is skipped is the jump", "22:00-02:30", "2027-03-27", 4),
        ("an opening that is skipped is the jump", "02:30-04:00", "2027-03-28", 1),
        ("what lies within the skipped hour is empty", "02:15-02:45", "2027-03-28", 0),
        ("the long day", "00:00-24:00", "2026-10-25", 25),
        ("the short day", "00:00-24:00", "2027-03-28", 23),
    ],
)  # fmt: skip
def test_when_the_clocks_change(name: str, interval: str, day: str, hours: float) -> None:
    given_day = date.fromisoformat(day)
    only = calendar(weekly={WEEKDAYS[given_day.weekday()]: [interval]})
    noon_before, days_after = ms(f"{given_day - timedelta(days=1)}T12:00"), ms(f"{given_day + timedelta(days=2)}T12:00")
    assert only.count(noon_before, days_after) == hours * HOUR, name


def test_a_date_that_a_country_skipped_is_no_working_day() -> None:
    samoa = calendar("Pacific/Apia", weekly={day: ["09:00-17:00"] for day in WEEKDAYS})
    thursday = ms("2011-12-29T10:00-10:00")
    same(samoa.add_working_days(thursday, 1), "2011-12-31T23:59:59.999+14:00", "Pacific/Apia")
    assert samoa.count(thursday, ms("2011-12-31T10:00+14:00")) == 8 * HOUR


def test_saturday_is_a_working_day_only_if_the_week_says_so_and_an_opening_does_not() -> None:
    friday, saturday, monday = ms("2026-11-27T12:00"), "2026-11-28T23:59:59.999", "2026-11-30T23:59:59.999"
    week = {day: ["09:00-17:00"] for day in WEEKDAYS[:5]}
    same(calendar(weekly=week).add_working_days(friday, 1), monday)
    same(calendar(weekly=week, openings={date(2026, 11, 28): ["09:00-17:00"]}).add_working_days(friday, 1), monday)
    same(calendar(weekly={**week, "saturday": ["09:00-10:00"]}).add_working_days(friday, 1), saturday)


def test_a_partial_holiday_is_a_working_day() -> None:
    partial = calendar(weekly=EVERY_DAY, holidays={"dates": {date(2026, 12, 24): ["09:00-12:00"]}})
    same(partial.add_working_days(ms("2026-12-23T12:00"), 1), "2026-12-24T23:59:59.999")


def test_round_the_clock_is_plain_addition_in_any_year() -> None:
    for start in (0, ms("2026-10-25T00:30+02:00"), -(10**15)):
        assert ALWAYS.add(start, 4 * HOUR) - start == ALWAYS.count(start, start + 4 * HOUR) == 4 * HOUR
        assert ALWAYS.is_open(start)


def test_a_promise_that_fills_the_year_is_due_at_its_last_closing() -> None:
    same(SPLIT.add(ms("2026-12-31T17:30"), HOUR), "2026-12-31T18:30")
    same(SPLIT.add(ms("2026-12-31T17:30"), HOUR + 1), "2027-01-04T09:00:00.001")


def test_years_away_are_added_up() -> None:
    assert SPLIT.add(ms("2026-11-24T10:00"), SPLIT.count(ms("2026-11-24T10:00"), ms("2040-06-12T11:00"))) == ms(
        "2040-06-12T11:00"
    )
    assert SPLIT.count(ms("2040-06-12T11:00"), ms("2026-11-24T10:00")) < 0


@pytest.mark.parametrize("moment", [f"{FIRST_YEAR - 1}-12-30T00:00+00:00", f"{LAST_YEAR + 1}-01-02T00:00+00:00"])
def test_beyond_its_years_a_calendar_says_so(moment: str) -> None:
    at = round((datetime.fromisoformat(moment) - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(milliseconds=1))
    questions: list[Callable[[], int]] = [
        lambda: SPLIT.add(at, 1),
        lambda: SPLIT.count(at, at),
        lambda: SPLIT.add_working_days(at, 1),
        lambda: SPLIT.next_open(at),
    ]
    for question in questions:
        with pytest.raises(BeyondCalendarError, match=f"{FIRST_YEAR} to {LAST_YEAR}"):
            question()


def test_time_is_not_taken_away() -> None:
    with pytest.raises(ValueError, match="not taken away"):
        SPLIT.add(0, -1)
    with pytest.raises(ValueError, match="one day or more"):
        SPLIT.add_working_days(0, 0)


# Versions


def version(number: str, valid_from: str, hours: str) -> CalendarDefinition:
    return CalendarDefinition.model_validate(
        {"calendar_id": "shop", "version": number, "zone": "UTC", "valid_from": datetime.fromisoformat(valid_from),
         "weekly": {day: [hours] for day in WEEKDAYS}}
    )  # fmt: skip


def test_a_clock_gets_the_version_in_force_when_it_starts_and_before_the_first_one_the_first() -> None:
    book = CalendarBook(
        [version("2", "2026-01-01T00:00+00:00", "10:00-12:00"), version("1", "2025-01-01T00:00+00:00", "09:00-12:00")]
    )
    changed = ms("2026-01-01T00:00+00:00")
    assert [book.calendar("shop", at).version for at in (0, changed - 1, changed, changed + HOUR)] == [
        "1",
        "1",
        "2",
        "2",
    ]
    assert book.calendar_ids == ("shop",)
    with pytest.raises(KeyError, match="unknown"):
        book.calendar("unknown", 0)


def test_two_versions_from_one_moment_are_refused() -> None:
    one = version("1", "2025-01-01T00:00+00:00", "09:00-12:00")
    with pytest.raises(ValueError, match="shop has two versions"):
        CalendarBook([one, one.model_copy(update={"version": "2"})])


# Laws, against a reference

ZONES: Final = {
    "Europe/Madrid": ("2026-10-25T01:00", "2027-03-28T01:00"),
    "America/New_York": ("2026-11-01T06:00", "2027-03-14T07:00"),
    "Asia/Kolkata": ("2026-12-31T18:30",),
    "Pacific/Auckland": ("2026-09-26T14:00", "2027-04-03T14:00"),
    "Australia/Lord_Howe": ("2026-10-03T15:30", "2027-04-03T15:00"),
    "America/St_Johns": ("2010-11-07T02:31", "2011-03-13T03:31"),
    "Pacific/Apia": ("2011-12-30T10:00",),
    "UTC": ("2026-12-31T23:00",),
}
"""Zone -> moments, UTC, around which something happens: clocks change, also by half an hour, at midnight, by a day."""

Minutes = tuple[int, int]
Plan = dict[date, list[Minutes]]


class Reference:
    """Walks UTC minute by minute, looks at the wall clock, and asks whether an interval contains what it shows.

    The wall clock is read as the latest time that it has shown: that is the rule for an hour that comes twice.
    """

    def __init__(self, zone: str, weekly: list[list[Minutes]], special: Plan, openings: Plan) -> None:
        self.zone, self.weekly, self.special, self.openings = ZoneInfo(zone), weekly, special, openings
        self._open: dict[date, frozenset[int]] = {}

    def open_minutes(self, first: int, last: int) -> list[int]:
        """The minutes in [first, last) that are open, in milliseconds; the walk begins three days before."""
        shown_latest = datetime(1, 1, 1)  # noqa: DTZ001  a wall clock has no zone
        found = []
        for at in range(first - 3 * 24 * HOUR, last, MINUTE):
            wall = datetime.fromtimestamp(at // 1000, UTC).astimezone(self.zone).replace(tzinfo=None)
            shown_latest = max(shown_latest, wall)
            if at >= first and self.is_open(shown_latest):
                found.append(at)
        return found

    def is_open(self, wall: datetime) -> bool:
        day = wall.date()
        if day not in self._open:
            self._open[day] = frozenset(self._minutes(day))
        return wall.hour * 60 + wall.minute in self._open[day]

    def _minutes(self, day: date) -> Iterator[int]:
        """Those of a day that are open, and what is left of a shift of the day before."""
        for minute in range(1440):
            if any(opens <= minute < closes for opens, closes in self.hours(day)) or any(
                opens <= minute + 1440 < closes for opens, closes in self.hours(day - timedelta(days=1))
            ):
                yield minute

    def hours(self, day: date) -> list[Minutes]:
        return self.special.get(day, self.weekly[day.weekday()]) + self.openings.get(day, [])


def written(minutes: Minutes) -> str:
    opens, closes = minutes[0], minutes[1] if minutes[1] <= 1440 else minutes[1] - 1440
    return f"{opens // 60:02}:{opens % 60:02}-{closes // 60:02}:{closes % 60:02}"


@st.composite
def days(draw: st.DrawFn, at_least: int = 0) -> list[Minutes]:
    """Split shifts, the last one sometimes until the next morning."""
    count = draw(st.integers(at_least, 3))
    marks = sorted(draw(st.lists(st.integers(0, 95), min_size=2 * count, max_size=2 * count, unique=True)))
    shifts = [(opens * 15, closes * 15) for opens, closes in zip(marks[::2], marks[1::2], strict=True)]
    until_morning: bool = draw(st.booleans())
    if shifts and until_morning:
        opens = shifts[-1][0]
        closes_next_day = draw(st.integers(0, max(opens // 15 - 1, 0))) * 15
        shifts[-1] = (opens, 1440 + closes_next_day) if closes_next_day < opens else (opens, 1440)
    return shifts


@st.composite
def offices(draw: st.DrawFn) -> tuple[Calendar, Reference, int]:
    """A calendar, its reference, and a moment near which the clocks change or the year ends."""
    zone = draw(st.sampled_from(sorted(ZONES)))
    near = ms(draw(st.sampled_from(ZONES[zone])) + "+00:00")
    weekly = [draw(days()) for _ in range(7)]
    open_day = draw(st.integers(0, 6))
    weekly[open_day] = draw(days(at_least=1))
    today = datetime.fromtimestamp(near // 1000, UTC).date()
    around = st.integers(-4, 4).map(lambda days_away: today + timedelta(days=days_away))
    special = draw(st.dictionaries(around, days(), max_size=3))
    openings = draw(st.dictionaries(around, days(), max_size=2))
    built = calendar(
        zone,
        weekly={
            weekday: [written(shift) for shift in shifts] for weekday, shifts in zip(WEEKDAYS, weekly, strict=True)
        },
        holidays={"dates": {day: [written(shift) for shift in shifts] for day, shifts in special.items()}},
        openings={day: [written(shift) for shift in shifts] for day, shifts in openings.items()},
    )
    return built, Reference(zone, weekly, special, openings), near


@settings(max_examples=60)
@given(offices(), st.integers(-3 * 24 * 60, 3 * 24 * 60), st.data())
def test_it_agrees_with_a_walk_minute_by_minute(
    office: tuple[Calendar, Reference, int], away: int, data: st.DataObject
) -> None:
    built, reference, near = office
    start = near + away * MINUTE
    end = start + 7 * 24 * HOUR
    open_minutes = reference.open_minutes(start, end)
    assert built.count(start, end) == len(open_minutes) * MINUTE
    business = data.draw(st.integers(0, len(open_minutes)), label="business minutes")
    due = open_minutes[business - 1] + MINUTE if business else start
    assert built.add(start, business * MINUTE) == due
    moment = data.draw(st.integers(0, 7 * 24 * 60 - 1), label="minute asked") * MINUTE + start
    assert built.is_open(moment) == (moment in open_minutes)
    later = [minute for minute in open_minutes if minute >= moment]
    if later:
        assert built.next_open(moment) == later[0]


MOMENTS = st.integers(-10 * 24 * HOUR, 10 * 24 * HOUR)
DURATIONS = st.integers(0, 60 * HOUR) | st.sampled_from([0, 1, MINUTE, HOUR])


@given(offices(), MOMENTS, DURATIONS)
def test_law_what_is_added_is_what_is_counted_and_no_sooner_moment_does(
    office: tuple[Calendar, Reference, int], away: int, business: int
) -> None:
    built, _, near = office
    due = built.add(near + away, business)
    assert built.count(near + away, due) == business
    assert due == near + away or built.count(near + away, due - 1) < business


@given(offices(), st.tuples(MOMENTS, MOMENTS, MOMENTS))
def test_law_time_between_is_additive_and_never_more_than_what_passed(
    office: tuple[Calendar, Reference, int], away: tuple[int, int, int]
) -> None:
    built, _, near = office
    a, b, c = (near + one for one in away)
    assert built.count(a, c) == built.count(a, b) + built.count(b, c)
    first, last = min(a, b), max(a, b)
    assert 0 <= built.count(first, last) <= last - first


@given(offices(), MOMENTS, DURATIONS, DURATIONS)
def test_law_a_promise_in_two_parts_is_the_whole_promise(
    office: tuple[Calendar, Reference, int], away: int, one: int, other: int
) -> None:
    built, _, near = office
    assert built.add(near + away, one + other) == built.add(built.add(near + away, one), other)


@given(offices(), st.tuples(MOMENTS, MOMENTS), st.tuples(DURATIONS, DURATIONS))
def test_law_a_later_start_or_a_longer_promise_is_never_due_sooner(
    office: tuple[Calendar, Reference, int], away: tuple[int, int], business: tuple[int, int]
) -> None:
    built, _, near = office
    (early, late), (short, long) = sorted(away), sorted(business)
    assert built.add(near + early, short) <= built.add(near + late, short) <= built.add(near + late, long)


@given(offices(), st.tuples(MOMENTS, MOMENTS), st.integers(1, 40))
def test_law_working_days_never_go_back_and_come_one_by_one(
    office: tuple[Calendar, Reference, int], away: tuple[int, int], count: int
) -> None:
    built, _, near = office
    early, late = sorted(near + one for one in away)
    due = built.add_working_days(early, count)
    assert early < due <= built.add_working_days(late, count)
    assert built.add_working_days(due, 1) == built.add_working_days(early, count + 1)


@settings(max_examples=60)
@given(offices(), MOMENTS, st.integers(1, 20))
def test_working_days_agree_with_a_walk_day_by_day(
    office: tuple[Calendar, Reference, int], away: int, count: int
) -> None:
    built, reference, near = office
    received = near + away
    day = latest_date(reference.zone, received)
    left = count
    while left:
        day += timedelta(days=1)
        worked = reference.weekly[day.weekday()] and reference.special.get(day, reference.weekly[day.weekday()])
        left -= bool(worked) and exists(reference.zone, day)
    due = built.add_working_days(received, count)
    assert latest_date(reference.zone, due) == day
    assert latest_date(reference.zone, due + 1) > day


def latest_date(zone: ZoneInfo, at_ms: int) -> date:
    """The latest date that the wall clock has shown by then."""
    walk = range(at_ms - 24 * HOUR, at_ms, 10 * SECOND)
    return max(datetime.fromtimestamp(at // 1000, UTC).astimezone(zone).date() for at in (*walk, at_ms))


def exists(zone: ZoneInfo, day: date) -> bool:
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=zone)
    return noon.astimezone(UTC).astimezone(zone).date() == day


@pytest.mark.parametrize("name", ["es-working-days", "uk", "es-madrid-split", "always"])
def test_a_calendar_read_from_its_recorded_text_answers_the_same(name: str) -> None:
    calendar = shipped(name)
    again = Calendar(CalendarDefinition.read(calendar.text, name))
    assert (again.content, again.text, again.digest) == (calendar.content, calendar.text, calendar.digest)
    christmas = ms("2026-12-21T10:00+01:00")
    assert again.add(christmas, 60 * HOUR) == calendar.add(christmas, 60 * HOUR)
    assert again.add_working_days(christmas, 15) == calendar.add_working_days(christmas, 15)


def test_a_recorded_calendar_does_not_ask_the_library_for_the_years_that_it_holds() -> None:
    uk = shipped("uk")
    assert "2027-01-01: New Year's Day" in uk.text
    moved = uk.text.replace("2027-01-01: New Year's Day", "2027-01-05: Another Day")
    again = Calendar(CalendarDefinition.read(moved, "uk"))
    assert again.is_open(ms("2027-01-01T10:00+00:00"))
    assert not again.is_open(ms("2027-01-05T10:00+00:00"))
    assert not again.is_open(ms("2019-01-01T10:00+00:00")), "of other years it does"
    assert again.digest != uk.digest


def test_the_text_of_a_calendar_is_the_same_whatever_the_locale(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGUAGE", "uk")
    assert "2027-01-01: Año Nuevo" in shipped("es-working-days").text
