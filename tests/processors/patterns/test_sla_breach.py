"""P02 SLA breach: how grave it is, what it says, what closes it, and what takes it back."""

import json
from typing import Any

import pytest

from tests.processors.feed import DAY, HOUR, MINUTE, T0, Happening
from tests.processors.patterns.incidents_after import contact, incidents_after, opened

DUE = 4 * HOUR

SEVERITIES: list[tuple[str, dict[str, Any], int, str]] = [
    ("an ordinary breach", {"priority": "high"}, 8 * HOUR + HOUR, "warning"),
    ("an urgent one", {"priority": "urgent"}, 4 * HOUR + HOUR, "critical"),
    ("twice overdue", {"priority": "high"}, 16 * HOUR + MINUTE + 1, "critical"),
    ("not quite twice overdue", {"priority": "high"}, 16 * HOUR + MINUTE, "warning"),
]


@pytest.mark.parametrize(("name", "fields", "now", "severity"), SEVERITIES, ids=[case[0] for case in SEVERITIES])
def test_the_severity_of_a_breach(name: str, fields: dict[str, Any], now: int, severity: str) -> None:
    breach = incidents_after(opened(**fields), until=now).one("P02")
    assert (breach["severity"], breach["state"]) == (severity, "open"), name


WORDS: list[tuple[str, list[Happening], str]] = [
    ("still open", [], "resolve was due in 4 h and was not met"),
    ("late", [contact("resolved", DUE + 51 * HOUR)], "resolve was due in 4 h and was met 2 d 3 h late"),
    ("just late", [contact("resolved", DUE + 1)], "resolve was due in 4 h and was met less than 1 s late"),
    ("given up", [contact("abandoned", DUE + 90 * MINUTE)], "resolve was due in 4 h and was given up 1 h 30 min late"),
    (
        "retracted",
        [contact("resolved", DUE, arrives=DUE + HOUR)],
        "resolve was due in 4 h and was met, as we heard later",
    ),
    (
        "given up in time",
        [contact("abandoned", DUE, arrives=DUE + HOUR)],
        "resolve was due in 4 h and was owed no longer, as we heard later",
    ),
]


@pytest.mark.parametrize(("name", "log", "summary"), WORDS, ids=[case[0] for case in WORDS])
def test_the_summary_of_a_breach_says_durations_as_people_do(name: str, log: list[Happening], summary: str) -> None:
    assert incidents_after(opened(priority="urgent"), *log, until=4 * DAY).one("P02")["summary"] == summary, name


def test_a_breach_of_a_promise_to_a_vulnerable_customer_is_critical() -> None:
    happening = opened(priority="high")
    happening.event["customer"] = {"id": "c1", "vulnerable": True}
    assert incidents_after(happening, until=9 * HOUR).one("P02")["severity"] == "critical"


@pytest.mark.parametrize(("resolved_at", "severity"), [(16 * HOUR, "warning"), (16 * HOUR + 1, "critical")])
def test_a_breach_keeps_the_severity_it_had_when_it_ended(resolved_at: int, severity: str) -> None:
    breach = incidents_after(opened(priority="high"), contact("resolved", resolved_at), until=40 * HOUR).one("P02")
    assert breach["severity"] == severity


def test_a_breach_opens_at_its_deadline_and_closes_when_the_work_is_done() -> None:
    case = incidents_after(opened(priority="urgent"), until=5 * HOUR)
    assert (case.one("P02")["opened_at"], case.one("P02")["closed_at"]) == (T0 + DUE, None)
    breach = case.then(contact("resolved", 6 * HOUR)).one("P02")
    assert (breach["state"], breach["close_reason"], breach["closed_at"]) == ("closed", "breached", T0 + 6 * HOUR)
    said = {"started_at": T0, "due_at": T0 + DUE, "target": "4h", "target_ms": DUE}
    said |= {"overdue_ms": 2 * HOUR, "overdue_elapsed_ms": 2 * HOUR}
    assert json.loads(breach["evidence"]) == said
    assert [step for step in case.transitions if step[0] == "P02"] == [
        ("P02", "contact-events:crm:C1:resolve:1", "opened"),
        ("P02", "contact-events:crm:C1:resolve:1", "closed"),
    ]


def test_a_breach_that_was_none_is_closed_as_retracted() -> None:
    case = incidents_after(opened(priority="urgent"), until=5 * HOUR).then(contact("resolved", HOUR, arrives=6 * HOUR))
    breach = case.one("P02")
    assert (breach["state"], breach["close_reason"]) == ("closed", "retracted")
    assert breach["incident_id"] == incidents_after(opened(priority="urgent"), until=5 * HOUR).one("P02")["incident_id"]


def test_a_breach_of_what_was_never_owed_is_withdrawn() -> None:
    case = incidents_after(opened(priority="urgent"), until=5 * HOUR).then(
        contact("resolved", 6 * HOUR, resolution="spam")
    )
    assert case.of("P02") == []
    assert case.transitions[-1] == ("P02", "contact-events:crm:C1:resolve:1", "withdrawn")


def test_an_incident_is_withdrawn_when_an_earlier_event_shows_that_it_never_was() -> None:
    """Urgent since its opening, so it seemed; the opening itself, which arrives late, says low."""
    case = incidents_after(opened(priority="urgent", event_id="first", at=1), until=5 * HOUR)
    assert len(case.of("P02")) == 1
    case.then(opened(priority="low", at=0, arrives=5 * HOUR))
    assert case.of("P02") == []
    assert ("P02", "contact-events:crm:C1:resolve:1", "withdrawn") in case.transitions


def test_what_is_open_is_counted_by_pattern_severity_and_area() -> None:
    case = incidents_after(opened(priority="urgent", org_unit="es/care"), until=5 * HOUR)
    gauge = ("incidents_open", "P02", "critical", "es")
    assert case.feed.state.gauges[gauge] == 1
    case.then(contact("resolved", 6 * HOUR))
    assert gauge not in case.feed.state.gauges
