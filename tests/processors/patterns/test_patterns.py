"""Failure patterns: what opens an incident, how grave it is, what closes it, and what takes it back."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from processors.patterns.ping_pong import crossing
from tests.processors.feed import DAY, HOUR, MINUTE, T0, Feed, Happening, event, rules
from tests.processors.views import Row, Views

RULES = rules()
HUMAN = {"kind": "human"}


def opened(entity_id: str = "C1", at: int = 0, **fields: Any) -> Happening:
    said = {"direction": "inbound", "channel": "in_person", **fields}
    return event("contact.opened", entity_id, at, **said)


def contact(what: str, at: int, entity_id: str = "C1", **fields: Any) -> Happening:
    return event(f"contact.{what}", entity_id, at, **fields)


class Told:
    """What two sinks were told: the warehouse's rows, and the transitions as they came."""

    def __init__(self) -> None:
        self.feed, self.views = Feed(RULES), Views()
        self.transitions: list[tuple[str, str, str]] = []

    def then(self, *log: Happening, until: int | None = None) -> "Told":
        for happening in log:
            self._note(self.feed.feed(happening).incidents)
        if until is not None:
            self._note(self.feed.until(until).incidents)
        self.views.insert(self.feed.checkpoint())
        return self

    def _note(self, incidents: Sequence[tuple[Any, str]]) -> None:
        self.transitions += [(row.pattern, row.subject, transition) for row, transition in incidents]

    def of(self, pattern: str) -> list[Row]:
        found = [row for row in self.views.incidents() if row["pattern"] == pattern]
        return sorted(found, key=lambda row: (row["opened_at"], row["subject"]))

    def one(self, pattern: str) -> Row:
        (row,) = self.of(pattern)
        return row


def told(*log: Happening, until: int | None = None) -> Told:
    return Told().then(*log, until=until)


# P01 SLA warning, P02 SLA breach: an urgent contact is promised four hours, and warned of at 80 %

DUE = 4 * HOUR
WARNED = round(0.8 * DUE)


def test_a_warning_opens_when_its_share_is_used_and_says_how_much() -> None:
    before = told(opened(priority="urgent"), until=WARNED + MINUTE)
    assert before.of("P01") == []
    warning = before.then(until=WARNED + MINUTE + 1).one("P01")
    assert (warning["state"], warning["severity"], warning["opened_at"]) == ("open", "warning", T0 + WARNED)
    assert warning["summary"] == "resolve has used 80% of its 4 h"


def test_half_of_the_time_is_information_only() -> None:
    warning = told(opened(channel="email"), until=5 * HOUR).one("P01")
    assert (warning["metric"], warning["severity"], warning["opened_at"]) == ("first_response", "info", T0 + 4 * HOUR)


@pytest.mark.parametrize(
    ("name", "log", "reason", "closed_at"),
    [
        ("resolved in time", [contact("resolved", DUE - 1)], "met", DUE - 1),
        ("given up", [contact("abandoned", DUE - 1)], "cancelled", DUE - 1),
        ("withdrawn", [contact("merged", DUE - 1, into="C2")], None, None),
        ("broken", [], "breached", DUE),
        ("broken, then resolved", [contact("resolved", DUE + HOUR)], "breached", DUE),
    ],
)
def test_a_warning_closes(name: str, log: list[Happening], reason: str | None, closed_at: int | None) -> None:
    case = told(opened(priority="urgent"), until=WARNED + HOUR // 10).then(*log, until=DUE + 2 * HOUR)
    if reason is None:
        assert (case.of("P01"), case.transitions[-1][2]) == ([], "withdrawn"), name
        return
    warning = case.one("P01")
    assert (warning["close_reason"], warning["closed_at"]) == (reason, T0 + (closed_at or 0)), name


SEVERITIES: list[tuple[str, dict[str, Any], int, str]] = [
    ("an ordinary breach", {"priority": "high"}, 8 * HOUR + HOUR, "warning"),
    ("an urgent one", {"priority": "urgent"}, 4 * HOUR + HOUR, "critical"),
    ("twice overdue", {"priority": "high"}, 16 * HOUR + MINUTE + 1, "critical"),
    ("not quite twice overdue", {"priority": "high"}, 16 * HOUR + MINUTE, "warning"),
]


@pytest.mark.parametrize(("name", "fields", "now", "severity"), SEVERITIES, ids=[case[0] for case in SEVERITIES])
def test_the_severity_of_a_breach(name: str, fields: dict[str, Any], now: int, severity: str) -> None:
    breach = told(opened(**fields), until=now).one("P02")
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
]


@pytest.mark.parametrize(("name", "log", "summary"), WORDS, ids=[case[0] for case in WORDS])
def test_the_summary_of_a_breach_says_durations_as_people_do(name: str, log: list[Happening], summary: str) -> None:
    assert told(opened(priority="urgent"), *log, until=4 * DAY).one("P02")["summary"] == summary, name


def test_a_breach_of_a_promise_to_a_vulnerable_customer_is_critical() -> None:
    happening = opened(priority="high")
    happening.event["customer"] = {"id": "c1", "vulnerable": True}
    assert told(happening, until=9 * HOUR).one("P02")["severity"] == "critical"


@pytest.mark.parametrize(("resolved_at", "severity"), [(16 * HOUR, "warning"), (16 * HOUR + 1, "critical")])
def test_a_breach_keeps_the_severity_it_had_when_it_ended(resolved_at: int, severity: str) -> None:
    breach = told(opened(priority="high"), contact("resolved", resolved_at), until=40 * HOUR).one("P02")
    assert breach["severity"] == severity


def test_a_breach_opens_at_its_deadline_and_closes_when_the_work_is_done() -> None:
    case = told(opened(priority="urgent"), until=5 * HOUR)
    assert (case.one("P02")["opened_at"], case.one("P02")["closed_at"]) == (T0 + DUE, None)
    breach = case.then(contact("resolved", 6 * HOUR)).one("P02")
    assert (breach["state"], breach["close_reason"], breach["closed_at"]) == ("closed", "breached", T0 + 6 * HOUR)
    said = {"started_at": T0, "due_at": T0 + DUE, "target": "4h", "target_ms": DUE}
    assert json.loads(breach["evidence"]) == said
    assert [step for step in case.transitions if step[0] == "P02"] == [
        ("P02", "contact-events:crm:C1:resolve:1", "opened"),
        ("P02", "contact-events:crm:C1:resolve:1", "closed"),
    ]


def test_a_breach_that_was_none_is_closed_as_retracted() -> None:
    case = told(opened(priority="urgent"), until=5 * HOUR).then(contact("resolved", HOUR, arrives=6 * HOUR))
    breach = case.one("P02")
    assert (breach["state"], breach["close_reason"]) == ("closed", "retracted")
    assert breach["incident_id"] == told(opened(priority="urgent"), until=5 * HOUR).one("P02")["incident_id"]


def test_a_breach_of_what_was_never_owed_is_withdrawn() -> None:
    case = told(opened(priority="urgent"), until=5 * HOUR).then(contact("resolved", 6 * HOUR, resolution="spam"))
    assert case.of("P02") == []
    assert case.transitions[-1] == ("P02", "contact-events:crm:C1:resolve:1", "withdrawn")


def test_an_incident_is_withdrawn_when_an_earlier_event_shows_that_it_never_was() -> None:
    """Urgent since its opening, so it seemed; the opening itself, which arrives late, says low."""
    case = told(opened(priority="urgent", event_id="first", at=1), until=5 * HOUR)
    assert len(case.of("P02")) == 1
    case.then(opened(priority="low", at=0, arrives=5 * HOUR))
    assert case.of("P02") == []
    assert ("P02", "contact-events:crm:C1:resolve:1", "withdrawn") in case.transitions


# P08 repeat contact


def call(number: int, at: int, *, category: str = "billing", **fields: Any) -> Happening:
    return opened(f"C{number}", at, category=category, seq=0, **fields)


def calls(*days: float, **fields: Any) -> list[Happening]:
    return [call(number, round(day * DAY), **fields) for number, day in enumerate(days)]


WEEK = 7.0


@pytest.mark.parametrize(
    ("name", "log", "severities"),
    [
        ("two are no pattern", calls(0, 1), []),
        ("three in a week", calls(0, 1, 6.9), ["warning"]),
        ("a third just within the week", [*calls(0, 1), call(2, 7 * DAY - 1)], ["warning"]),
        ("a third after exactly seven days", calls(0, 1, 7), []),
        ("four", calls(0, 1, 2, 3), ["warning"]),
        ("five within a week", calls(0, 1, 2, 3, 4), ["critical"]),
        ("five, but never five within a week", calls(0, 1, 2, 8, 8.5), ["warning"]),
        ("what we began does not count", [*calls(0, 1), call(2, 2 * DAY, direction="outbound")], []),
        ("another category", [*calls(0, 1), call(2, 2 * DAY, category="delivery")], []),
        ("another customer", [*calls(0, 1), call(2, 2 * DAY, customer="c2")], []),
        ("over any channel", [*calls(0, 1), call(2, 2 * DAY, channel="chat")], ["warning"]),
        ("without a category", [opened(f"C{n}", n * DAY) for n in range(3)], []),
        ("a test", [*calls(0, 1), call(2, 2 * DAY, test=True)], []),
        ("two withdrawn and the like", [*calls(0, 1, 2), contact("voided", 3 * DAY, "C2")], []),
        ("merged: the same contact", [*calls(0, 1, 2), contact("merged", 3 * DAY, "C2", into="C1")], []),
        ("spread out", calls(0, 5, 10, 15, 20), []),
    ],
)
def test_repeat_contact(name: str, log: list[Happening], severities: list[str]) -> None:
    assert [row["severity"] for row in told(*log).of("P08")] == severities, name


def test_it_opens_with_the_contact_that_makes_it_and_tells_who_and_what() -> None:
    repeat = told(*calls(0, 1, 2)).one("P08")
    assert (repeat["opened_at"], repeat["subject"], repeat["state"]) == (T0 + 2 * DAY, "c1|billing", "open")
    assert json.loads(repeat["evidence"]) == {"contacts": ["C0", "C1", "C2"], "channels": ["in_person"]}


def test_nobody_in_particular_repeats_nothing() -> None:
    log = calls(0, 1, 2)
    for happening in log:
        del happening.event["customer"]
    feed = Feed(RULES)
    for happening in log:
        outputs = feed.feed(happening)
        assert [row for row, _ in outputs.incidents if row.pattern == "P08"] == []
    assert len(feed.state.cases) == 3


def test_a_contact_of_another_category_after_all_moves_to_it() -> None:
    case = told(*calls(0, 1, 2), *[call(10 + n, 2 * DAY + n, category="delivery") for n in range(2)])
    assert [row["subject"] for row in case.of("P08")] == ["c1|billing"]
    case.then(contact("reclassified", 3 * DAY, "C2", category="delivery"))
    assert [row["subject"] for row in case.of("P08")] == ["c1|delivery"]
    assert case.transitions[-2:] == [("P08", "c1|billing", "withdrawn"), ("P08", "c1|delivery", "opened")]


def resolved(*numbers: int, at: float) -> list[Happening]:
    return [contact("resolved", round(at * DAY), f"C{number}") for number in numbers]


def test_it_closes_after_a_quiet_week_when_all_is_resolved() -> None:
    case = told(*calls(0, 1, 2), *resolved(0, 1, 2, at=3), until=9 * DAY)
    assert case.one("P08")["state"] == "open"
    repeat = case.then(until=9 * DAY + 1).one("P08")
    assert (repeat["state"], repeat["close_reason"], repeat["closed_at"]) == ("closed", "quiet", T0 + 9 * DAY)


def test_it_closes_only_when_all_is_resolved() -> None:
    case = told(*calls(0, 1, 2), *resolved(0, 1, at=3), until=20 * DAY)
    assert case.one("P08")["state"] == "open"
    repeat = case.then(*resolved(2, at=21)).one("P08")
    assert (repeat["state"], repeat["closed_at"]) == ("closed", T0 + 21 * DAY)


def test_a_contact_after_the_quiet_begins_anew() -> None:
    log = [*calls(0, 1, 2), *resolved(0, 1, 2, at=3), *[call(10 + n, (20 + n) * DAY) for n in range(3)]]
    first, second = told(*log).of("P08")
    assert (first["state"], first["closed_at"]) == ("closed", T0 + 9 * DAY)
    assert (second["state"], second["opened_at"]) == ("open", T0 + 22 * DAY)


def test_a_contact_while_something_is_unresolved_belongs_to_the_same_trouble() -> None:
    log = [*calls(0, 1, 2), *resolved(0, 1, at=3), call(10, 20 * DAY)]
    repeat = told(*log, until=21 * DAY).one("P08")
    assert (repeat["state"], json.loads(repeat["evidence"])["contacts"]) == ("open", ["C0", "C1", "C2", "C10"])


def test_an_earlier_contact_that_arrives_late_moves_the_opening() -> None:
    case = told(*calls(0, 1, 1.5))
    (before,) = case.of("P08")
    case.then(opened("early", round(0.9 * DAY), arrives=round(1.6 * DAY), category="billing"))
    (after,) = case.of("P08")
    assert (before["opened_at"], after["opened_at"]) == (T0 + round(1.5 * DAY), T0 + DAY)
    assert ("P08", "c1|billing", "withdrawn") in case.transitions


def test_three_contacts_a_day_for_a_month_are_one_incident_that_stays_open() -> None:
    log = [each for n in range(90) for each in (call(n, 8 * n * HOUR), contact("resolved", 8 * n * HOUR + 1, f"C{n}"))]
    repeat = told(*log, until=30 * DAY).one("P08")
    assert (repeat["state"], repeat["opened_at"]) == ("open", T0 + 16 * HOUR)


def test_hundreds_of_contacts_are_one_incident_and_stay_one() -> None:
    case = told(*(call(number, number * HOUR) for number in range(200)))
    repeat = case.one("P08")
    assert (repeat["state"], repeat["severity"], repeat["opened_at"]) == ("open", "critical", T0 + 2 * HOUR)
    assert case.transitions.count(("P08", "c1|billing", "opened")) == 1


# P10 ping-pong


@pytest.mark.parametrize(
    ("path", "at"),
    [
        ("ab", None),
        ("abc", None),
        ("aba", 2),
        ("abcd", 3),
        ("abac", 2),
        ("aa", None),
        ("aab", None),
    ],
)
def test_crossing(path: str, at: int | None) -> None:
    transfers = [(number, path[number - 1], path[number]) for number in range(1, len(path))]
    assert crossing(transfers, 3) == at


def handed(path: str, at: int = 0) -> list[Happening]:
    return [
        contact("transferred", at + number * MINUTE, **{"from": path[number - 1], "to": path[number]})
        for number in range(1, len(path))
    ]


def test_ping_pong_opens_at_the_transfer_back_and_closes_at_resolution() -> None:
    case = told(opened(), *handed("aba"))
    open_one = case.one("P10")
    assert (open_one["state"], open_one["opened_at"], open_one["severity"]) == ("open", T0 + 2 * MINUTE, "warning")
    assert open_one["summary"] == "handed on 2 times: a > b > a"
    closed = case.then(
        contact("resolved", HOUR), contact("closed", 2 * HOUR), contact("outcome", 3 * HOUR, kind="lost")
    )
    assert (closed.one("P10")["close_reason"], closed.one("P10")["closed_at"]) == ("auto", T0 + HOUR)


def test_what_is_handed_on_after_its_resolution_is_no_ping_pong() -> None:
    assert told(opened(), contact("resolved", 1), *handed("abab")).of("P10") == []


def test_reopening_starts_the_count_again_and_what_was_stays() -> None:
    log = [opened(), *handed("aba"), contact("resolved", HOUR), contact("reopened", 2 * HOUR)]
    case = told(*log)
    assert [(row["state"], row["closed_at"]) for row in case.of("P10")] == [("closed", T0 + HOUR)]
    case.then(*handed("ab", 3 * HOUR))
    assert len(case.of("P10")) == 1
    case.then(*handed("ba", 4 * HOUR))
    assert [(row["state"], row["subject"][-2:]) for row in case.of("P10")] == [("closed", ":0"), ("open", ":1")]


def test_a_transfer_that_is_withdrawn_takes_its_incident_along() -> None:
    log = [opened(), *handed("aba")]
    case = told(*log, contact("voided", HOUR, voids_event_id=log[-1].event["event_id"]))
    assert case.of("P10") == []
    assert [transition for pattern, _, transition in case.transitions if pattern == "P10"] == ["opened", "withdrawn"]


# Open incidents are counted as they stand


def test_what_is_open_is_counted_by_pattern_severity_and_area() -> None:
    case = told(opened(priority="urgent", org_unit="es/care"), until=5 * HOUR)
    gauge = ("pattern_incidents_open", "P02", "critical", "es")
    assert case.feed.state.gauges[gauge] == 1
    case.then(contact("resolved", 6 * HOUR))
    assert gauge not in case.feed.state.gauges
