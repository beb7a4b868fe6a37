"""How many staff hours another promise would have wanted earlier, and in which hours of the week."""

from datetime import UTC, datetime
from typing import Any

from deploy.cli.settings import SHIPPED
from deploy.reading.whatif.comparison import Flip
from deploy.reading.whatif.overtime import Overtime, Staffing
from deploy.reading.whatif.readings import Reading
from processors.cases.case import Case
from processors.cases.events import CaseEvent
from processors.rules import load_calendars
from schemas.taxonomy import ClockState

MINUTE = 60_000
KEY = ("contact-events", "crm", "C1")
MADRID = load_calendars(SHIPPED / "calendars").calendar("es-madrid-split", 1_764_000_000_000)


def at(day: int, hour: int, minute: int = 0) -> int:
    """UTC, in a week of November 2026: the 23rd is a Monday."""
    return int(datetime(2026, 11, day, hour, minute, tzinfo=UTC).timestamp() * 1000)


def case(**facts: Any) -> Case:
    found = Case(KEY)
    found.events = [CaseEvent(0, -1, "e1", 0, "resolved", facts)]  # type: ignore[arg-type]
    return found


def late(due: int, ended: int | None = None, *, gained: bool = True) -> Flip:
    state: ClockState = "breached_open" if ended is None else "breached"
    reading = Reading("resolve", 0, 1, "n1", "email", due, ended, state, 0, 0)
    return Flip(KEY, "resolve", "n1", gained, None, reading)


def test_the_work_on_a_case_counts_in_the_hour_of_the_week_of_its_new_deadline_local() -> None:
    found = Overtime()
    found.add(case(talk_ms=8 * MINUTE, wrap_ms=2 * MINUTE), [late(at(23, 8, 30), at(23, 9))], Staffing(MADRID))
    assert (found.cases, found.handling_ms) == ({9: 1}, {9: 10 * MINUTE})
    assert (found.stated, found.late_ms, found.undone, found.outside_cases) == (1, 30 * MINUTE, 0, 0)


def test_a_case_with_two_late_clocks_counts_once_at_the_earlier() -> None:
    found = Overtime()
    found.add(case(talk_ms=MINUTE), [late(at(24, 9), at(24, 10)), late(at(23, 9), at(24, 10))], Staffing())
    assert found.cases == {9: 1}


def test_a_deadline_when_the_calendar_is_closed_is_outside_and_one_at_closing_time_is_not() -> None:
    for due, outside in ((at(23, 22), 1), (at(28, 11), 1), (at(23, 17, 30), 0), (at(23, 17, 31), 1)):
        found = Overtime()
        found.add(case(talk_ms=MINUTE), [late(due, due + MINUTE)], Staffing(MADRID))
        assert (found.outside_cases, found.outside_ms) == (outside, outside * MINUTE), due


def test_what_states_no_handling_time_has_the_assumed_one_or_none() -> None:
    found = Overtime()
    found.add(case(), [late(at(23, 9))], Staffing(handling_ms=10 * MINUTE))
    assert (found.assumed, found.unknown, found.handling_ms[9], found.undone) == (1, 0, 10 * MINUTE, 1)

    found = Overtime()
    found.add(case(), [late(at(23, 9))], Staffing())
    assert (found.assumed, found.unknown, found.handling_ms[9], found.cases[9]) == (0, 1, 0, 1)


def test_a_breach_that_would_be_none_wants_no_work() -> None:
    found = Overtime()
    found.add(case(), [late(at(23, 9), at(23, 10), gained=False)], Staffing())
    assert not found.cases
