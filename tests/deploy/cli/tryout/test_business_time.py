"""How long and how late, in business time and elapsed: in rows of clocks, in KPIs and in what an incident says."""

from collections.abc import Mapping
from typing import Any, Final

import pytest

from deploy.cli.tryout.outcome import Row, Views
from deploy.cli.tryout.rules import rules_of
from deploy.cli.tryout.ticket import read_ticket
from deploy.cli.tryout.tryout import tryout
from tests.deploy.cli.tryout.tickets import lines

OFFICE: Final = """\
calendar_id: office
version: "1"
zone: UTC
weekly: {monday: ["09:00-17:00"], tuesday: ["09:00-17:00"], wednesday: ["09:00-17:00"], thursday: ["09:00-17:00"],
  friday: ["09:00-17:00"]}
"""
MINUTE, HOUR = 60_000, 3_600_000
FRIDAY, MONDAY, TUESDAY = "2026-11-20", "2026-11-23", "2026-11-24"
WEEKEND: Final = 64 * HOUR
"""From 17:00 on Friday to 09:00 on Monday."""


def event(what: str, moment: str, **fields: Any) -> dict[str, Any]:
    said = {"direction": "inbound", "channel": "email"} if what == "opened" else {"actor": {"kind": "human"}}
    identity = {"event_id": f"{what}-{moment}".replace(" ", "T"), "schema_version": "1.0", "source": "desk"}
    case = {"event_type": f"contact.{what}", "entity_id": "C1", "customer": {"id": "cu1"}}
    return {**identity, **case, "occurred_at": f"{moment.replace(' ', 'T')}:00Z", **said, **fields}


def views_of(clock: str, *events: dict[str, Any], until: str = f"{TUESDAY}T18:00:00Z") -> Views:
    """What becomes of a contact under one promise."""
    pack = f'policy_id: p\nversion: "1"\nclocks:\n  {clock}\n'
    about = {"case": "x", "title": "x", "until": until}
    kept = {"settings": {"kpi_memory": 30 * 86_400}}
    ticket = read_ticket("x", lines(about, kept, {"calendar": OFFICE}, {"pack": pack}, *events))
    rules = rules_of(ticket, (), None)
    return tryout(ticket.arrivals, rules.rules, until=ticket.until, page_window_ms=rules.page_window_ms).views


def totals(views: Views) -> Mapping[str, int]:
    """Sums of all minutes."""
    rows = [row for row in views.kpi_minutes() if row["dimension"] == "all"]
    names = {name for row in rows for name in row if name.endswith("_ms")}
    return {name: sum(row[name] for row in rows) for name in names if any(row[name] for row in rows)}


def clock_of(views: Views) -> Row:
    (clock,) = views.clocks()
    return clock


IN_OFFICE: Final = "resolve: [{target: 1h, calendar: office}]"
ELAPSED: Final = "resolve: [{target: 1h}]"
IN_DAYS: Final = "resolve: [{working_days: 1, calendar: office}]"
Times = tuple[int, int, int]
CASES: Final[Mapping[str, tuple[str, str, str, Times]]] = {
    "over a weekend": (
        IN_OFFICE, f"{FRIDAY} 15:55", f"{MONDAY} 09:05", (70 * MINUTE, 10 * MINUTE, WEEKEND + 10 * MINUTE)
    ),
    "in the evening": (
        IN_OFFICE, f"{FRIDAY} 15:55", f"{FRIDAY} 22:00", (65 * MINUTE, 5 * MINUTE, 305 * MINUTE)
    ),
    "due at closing time, done before opening": (
        IN_OFFICE, f"{FRIDAY} 16:00", f"{MONDAY} 08:00", (HOUR, 0, WEEKEND - HOUR)
    ),
    "within one day": (IN_OFFICE, f"{FRIDAY} 10:00", f"{FRIDAY} 12:30", (150 * MINUTE, 90 * MINUTE, 90 * MINUTE)),
    "in time": (IN_OFFICE, f"{FRIDAY} 16:30", f"{MONDAY} 09:10", (40 * MINUTE, 0, 0)),
    "promised in elapsed time": (
        ELAPSED, f"{FRIDAY} 16:00", f"{MONDAY} 09:00", (WEEKEND + HOUR, WEEKEND, WEEKEND)
    ),
    "promised in working days": (
        IN_DAYS, f"{FRIDAY} 10:00", f"{TUESDAY} 10:00", (16 * HOUR, HOUR, 10 * HOUR + 1)
    ),
}  # fmt: skip
"""Promise, opened, resolved; and business time taken, overdue in business time, overdue elapsed"""


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_clock_says_how_long_and_how_late_in_its_own_time_and_so_do_the_kpis(
    case: tuple[str, str, str, Times],
) -> None:
    promise, opened, resolved, expected = case
    views = views_of(promise, event("opened", opened), event("resolved", resolved))
    clock, counted = clock_of(views), totals(views)

    assert (clock["business_ms"], clock["overdue_ms"], clock["overdue_elapsed_ms"]) == expected
    names = ("resolution_business_ms", "overdue_business_ms", "overdue_ms")
    assert tuple(counted.get(name, 0) for name in names) == expected


def test_what_has_no_promise_is_told_in_elapsed_time() -> None:
    views = views_of("answer: [{target: 1h}]", event("opened", f"{FRIDAY} 16:00"), event("resolved", f"{MONDAY} 09:00"))
    counted = totals(views)
    assert counted["resolution_business_ms"] == counted["resolution_ms"] == WEEKEND + HOUR


def test_a_first_response_is_told_in_the_hours_of_its_promise_or_of_the_solution() -> None:
    log = (event("opened", f"{FRIDAY} 16:50"), event("agent_replied", f"{MONDAY} 09:05"))
    for promise in ("first_response: [{target: 2h, calendar: office}]", IN_OFFICE):
        counted = totals(views_of(promise, *log))
        both = counted["first_response_business_ms"], counted["first_response_ms"]
        assert both == (15 * MINUTE, WEEKEND + 15 * MINUTE)


SENTENCES: Final = {
    IN_OFFICE: "resolve was due in 1 h of office and was met 10 min late by the office hours of office",
    ELAPSED: "resolve was due in 1 h and was met 2 d 16 h late",
    IN_DAYS: None,
}


@pytest.mark.parametrize(("promise", "sentence"), SENTENCES.items())
def test_an_incident_speaks_of_office_hours_when_the_promise_does(promise: str, sentence: str | None) -> None:
    views = views_of(promise, event("opened", f"{FRIDAY} 15:55"), event("resolved", f"{MONDAY} 09:05"))
    breaches = [incident["summary"] for incident in views.incidents() if incident["pattern"] == "P02"]
    assert breaches == ([] if sentence is None else [sentence])


def test_what_is_given_up_late_was_not_done_late() -> None:
    views = views_of(IN_OFFICE, event("opened", f"{FRIDAY} 15:55"), event("abandoned", f"{MONDAY} 09:05"))
    assert clock_of(views)["overdue_ms"] == 10 * MINUTE
    assert "overdue_business_ms" not in totals(views)


def test_what_is_judged_by_a_promise_counts_by_its_policy_and_its_target() -> None:
    views = views_of(IN_OFFICE, event("opened", f"{FRIDAY} 15:55"), event("resolved", f"{MONDAY} 09:05"))
    shown = {
        (row["dimension"], row["dimension_value"]): row["overdue_business_ms"]
        for row in views.kpi_minutes()
        if row["resolve_breached"] and row["dimension"] in ("policy", "target", "all")
    }
    assert shown == {
        ("all", "all"): 10 * MINUTE, ("policy", "p"): 10 * MINUTE, ("target", "resolve 1h office"): 10 * MINUTE,
    }  # fmt: skip


OPEN: Final[Mapping[str, tuple[str, str, int, int]]] = {
    "before office opens again": (IN_OFFICE, f"{MONDAY}T08:00:00Z", 5 * MINUTE, WEEKEND - 55 * MINUTE),
    "in office hours": (IN_OFFICE, f"{MONDAY}T10:00:00Z", 65 * MINUTE, WEEKEND + 65 * MINUTE),
    "in elapsed time": (ELAPSED, f"{MONDAY}T10:00:00Z", WEEKEND + 65 * MINUTE, WEEKEND + 65 * MINUTE),
    "not yet": (IN_OFFICE, f"{FRIDAY}T16:50:00Z", 0, 0),
}
"""Promise, now; overdue in its own time and elapsed, of what is due on Friday at 16:55 and still open"""


@pytest.mark.parametrize("case", OPEN.values(), ids=OPEN.keys())
def test_while_a_breach_is_open_its_lateness_is_a_number_too(case: tuple[str, str, int, int]) -> None:
    promise, now, overdue, elapsed = case
    clock = clock_of(views_of(promise, event("opened", f"{FRIDAY} 15:55"), until=now))
    assert (clock["overdue_ms"], clock["overdue_elapsed_ms"], clock["business_ms"]) == (overdue, elapsed, None)
