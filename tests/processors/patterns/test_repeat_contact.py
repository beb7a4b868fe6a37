"""P08 repeat contact: what counts, when it opens and closes, and what moves it."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.processors.feed import DAY, HOUR, T0, Feed, Happening
from tests.processors.patterns.incidents_after import RULES, contact, incidents_after, opened, with_parameters


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
    assert [row["severity"] for row in incidents_after(*log).of("P08")] == severities, name


def test_it_opens_with_the_contact_that_makes_it_and_tells_who_and_what() -> None:
    repeat = incidents_after(*calls(0, 1, 2)).one("P08")
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
    case = incidents_after(*calls(0, 1, 2), *[call(10 + n, 2 * DAY + n, category="delivery") for n in range(2)])
    assert [row["subject"] for row in case.of("P08")] == ["c1|billing"]
    case.then(contact("reclassified", 3 * DAY, "C2", category="delivery"))
    assert [row["subject"] for row in case.of("P08")] == ["c1|delivery"]
    assert case.transitions[-2:] == [("P08", "c1|billing", "withdrawn"), ("P08", "c1|delivery", "opened")]


def resolved(*numbers: int, at: float) -> list[Happening]:
    return [contact("resolved", round(at * DAY), f"C{number}") for number in numbers]


def test_it_closes_after_a_quiet_week_when_all_is_resolved() -> None:
    case = incidents_after(*calls(0, 1, 2), *resolved(0, 1, 2, at=3), until=9 * DAY)
    assert case.one("P08")["state"] == "open"
    repeat = case.then(until=9 * DAY + 1).one("P08")
    assert (repeat["state"], repeat["close_reason"], repeat["closed_at"]) == ("closed", "quiet", T0 + 9 * DAY)


def test_it_closes_only_when_all_is_resolved() -> None:
    case = incidents_after(*calls(0, 1, 2), *resolved(0, 1, at=3), until=20 * DAY)
    assert case.one("P08")["state"] == "open"
    repeat = case.then(*resolved(2, at=21)).one("P08")
    assert (repeat["state"], repeat["closed_at"]) == ("closed", T0 + 21 * DAY)


def test_a_contact_after_the_quiet_begins_anew() -> None:
    log = [*calls(0, 1, 2), *resolved(0, 1, 2, at=3), *[call(10 + n, (20 + n) * DAY) for n in range(3)]]
    first, second = incidents_after(*log).of("P08")
    assert (first["state"], first["closed_at"]) == ("closed", T0 + 9 * DAY)
    assert (second["state"], second["opened_at"]) == ("open", T0 + 22 * DAY)


def test_a_contact_while_something_is_unresolved_belongs_to_the_same_trouble() -> None:
    log = [*calls(0, 1, 2), *resolved(0, 1, at=3), call(10, 20 * DAY)]
    repeat = incidents_after(*log, until=21 * DAY).one("P08")
    assert (repeat["state"], json.loads(repeat["evidence"])["contacts"]) == ("open", ["C0", "C1", "C2", "C10"])


def test_an_earlier_contact_that_arrives_late_moves_the_opening() -> None:
    case = incidents_after(*calls(0, 1, 1.5))
    (before,) = case.of("P08")
    case.then(opened("early", round(0.9 * DAY), arrives=round(1.6 * DAY), category="billing"))
    (after,) = case.of("P08")
    assert (before["opened_at"], after["opened_at"]) == (T0 + round(1.5 * DAY), T0 + DAY)
    assert ("P08", "c1|billing", "withdrawn") in case.transitions


def test_three_contacts_a_day_for_a_month_are_one_incident_that_stays_open() -> None:
    log = [each for n in range(90) for each in (call(n, 8 * n * HOUR), contact("resolved", 8 * n * HOUR + 1, f"C{n}"))]
    repeat = incidents_after(*log, until=30 * DAY).one("P08")
    assert (repeat["state"], repeat["opened_at"]) == ("open", T0 + 16 * HOUR)


def test_hundreds_of_contacts_are_one_incident_and_stay_one() -> None:
    case = incidents_after(*(call(number, number * HOUR) for number in range(200)))
    repeat = case.one("P08")
    assert (repeat["state"], repeat["severity"], repeat["opened_at"]) == ("open", "critical", T0 + 2 * HOUR)
    assert case.transitions.count(("P08", "c1|billing", "opened")) == 1


@pytest.mark.parametrize(
    ("yaml", "severities"),
    [
        ("P08: {warning: 4}", []),
        ("P08: {critical: 3}", ["critical"]),
        ("P08: {window_days: 1.5}", []),
        ("P08: {warning: 2, window_days: 1.5}", ["warning"]),
    ],
)
def test_how_many_and_within_which_time_can_be_changed(tmp_path: Path, yaml: str, severities: list[str]) -> None:
    run = incidents_after(*calls(0, 1, 2), rules_=with_parameters(tmp_path, yaml))
    assert [row["severity"] for row in run.of("P08")] == severities
