"""What is told of a case: one small case for each kind of thing."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from deploy.reading.why.journal import Journal, document
from deploy.reading.why.why import as_html, as_text, of_records
from processors.rules import Rules
from tests.deploy.reading.why.stored import Stored
from tests.processors.feed import DAY, HOUR, MINUTE, T0, Feed, Happening, event, rules

PACK: Final = """\
policy_id: desk
version: "3"
clocks:
  acknowledge: [{when: {topic: [complaint-events]}, target: 4h, calendar: es-madrid-split}]
  first_response: [{when: {topic: [contact-events]}, target: 2h, calendar: es-madrid-split}]
  next_response: [{when: {topic: [contact-events]}, target: 2h, calendar: es-madrid-split}]
  resolve:
    - {when: {topic: [contact-events], priority: [urgent]}, target: 1h, calendar: es-madrid-split}
    - when: {topic: [contact-events]}
      target: 8h
      calendar: es-madrid-split
      pausable: true
      max_pause: 1d
  final_response: [{when: {topic: [complaint-events]}, working_days: 5, calendar: es-working-days, legal: true}]
  callback: [{target: 1h}]
  own: [{when: {topic: [contact-events]}, target: 30min, per: team}]
"""
FIRST_MONDAY: Final = 14 * DAY
"""Monday 8 December 2025, a holiday in Spain."""
TEN: Final = 9 * HOUR
"""Ten in the morning of Madrid, after a midnight of UTC."""


@pytest.fixture(scope="module")
def by(tmp_path_factory: pytest.TempPathFactory) -> Rules:
    path: Path = tmp_path_factory.mktemp("packs") / "desk.yaml"
    path.write_text(PACK)
    return rules(policies=(path,))


def contact(at: int = TEN, name: str = "C1", **said: Any) -> Happening:
    return event("contact.opened", name, at, direction="inbound", channel="email", **said)


def then(kind: str, at: int, name: str = "C1", **said: Any) -> Happening:
    return event(f"contact.{kind}", name, at, **said)


def told(by: Rules, *log: Happening, case: str = "C1", until: int = 30 * DAY, at: int | None = None) -> Journal:
    heard = sorted(log, key=lambda one: one.record_at)
    journal = of_records(Stored.of(Feed(by), heard, until).of_case(case), by, at=at)
    assert journal.agrees, journal.differences
    return journal


def marks(journal: Journal, metric: str) -> list[str]:
    return [mark.kind for entry in journal.entries for mark in entry.marks if mark.metric == metric]


def said(journal: Journal, language: str = "en") -> str:
    return " ".join(as_text(journal, language).split())


SOLVED: Final = {"resolution": "solved"}
PERSON: Final = {"actor": {"kind": "human"}}


# Kept, broken, and what is not counted


def test_a_promise_that_is_kept_over_a_night_says_what_was_left(by: Rules) -> None:
    journal = told(by, contact(17 * HOUR), then("resolved", DAY + TEN, **SOLVED))

    assert marks(journal, "resolve") == ["started", "kept"]
    assert "Resolution is KEPT: 1 hour and 30 minutes used, 6 hours and 30 minutes to spare" in said(journal)
    assert "(without the night)" in said(journal)
    assert "Mon 24 Nov, 18:00–18:30: 30 minutes Tue 25 Nov, 09:00–10:00: 1 hour" in said(journal)


def test_a_promise_that_is_broken_says_when_and_by_how_much_in_both_times(by: Rules) -> None:
    journal = told(by, contact(), then("resolved", DAY + TEN + 8 * HOUR, **SOLVED))

    assert marks(journal, "resolve")[-2:] == ["due", "broken"]
    assert "Broken: due Tue 25 Nov, 10:30, done Tue 25 Nov, 18:00, 5 hours and 30 minutes of business time" in said(
        journal
    )
    assert "(7 hours and 30 minutes by the wall clock) late" in said(journal)
    assert "Incumplido: vencía el mar 25 nov a las 10:30 y se hizo el mar 25 nov a las 18:00" in said(journal, "es")


def test_weekends_are_told_by_date_and_holidays_by_name(by: Rules) -> None:
    opened = event("complaint.opened", "R1", 11 * DAY + TEN, kind="claim", channel="email")
    journal = told(by, opened, case="R1", until=25 * DAY)

    assert "the weekend of 6–7 Dec" in said(journal)
    assert "the holiday “Immaculate Conception” (Mon 8 Dec)" in said(journal)
    assert "el fin de semana del 6–7 dic y el festivo «Inmaculada Concepción» (lun 8 dic)" in said(journal, "es")
    assert "by the end of working day 5 after receipt; due the end of Mon 15 Dec" in said(journal)


def test_a_promise_that_still_runs_says_what_is_left(by: Rules) -> None:
    journal = told(by, contact(), until=TEN + 3 * HOUR)

    assert journal.clocks[-1].state == "running"
    assert "Still in time: due Tue 25 Nov, 10:30" in said(journal)
    assert "En plazo: vence el mar 25 nov a las 10:30" in said(journal, "es")


def test_what_is_broken_and_open_is_late_until_the_watermark(by: Rules) -> None:
    journal = told(by, contact(), until=DAY + TEN + HOUR + 30 * MINUTE)

    assert marks(journal, "resolve")[-1] == "due"
    assert "still not done 1 hour of business time" in said(journal)


# Pauses


def test_a_pause_is_told_with_its_length_and_what_was_left(by: Rules) -> None:
    log = (contact(), then("waiting_customer", TEN + HOUR, reason="info"), then("customer_replied", TEN + 5 * HOUR))
    journal = told(by, *log, until=TEN + 6 * HOUR)

    assert marks(journal, "resolve") == ["started", "paused", "resumed"]
    assert "Resolution is paused (waiting for the customer, for information): 1 hour used, 7 hours left" in said(
        journal
    )
    assert "runs on after a pause of 4 hours: 7 hours left" in said(journal)
    assert "plazo en pausa (a la espera del cliente, por información)" in said(journal, "es")


def test_a_pause_that_nobody_ends_ends_at_its_limit(by: Rules) -> None:
    journal = told(by, contact(), then("waiting_customer", TEN + HOUR), until=3 * DAY)

    assert "pause_over" in marks(journal, "resolve")
    assert "nobody ended the pause, and it may last no longer than 1 day" in said(journal)


# Teams


def test_who_used_a_promise_is_told_and_what_is_of_each_team(by: Rules) -> None:
    log = (
        contact(org_unit="es/care/n1"),
        then("transferred", TEN + HOUR, **{"from": "n1"}, to="n2"),
        then("assigned", TEN + HOUR + MINUTE, owner="ana"),
        then("resolved", TEN + 3 * HOUR, **SOLVED),
    )
    journal = told(by, *log)

    (resolve,) = [clock for clock in journal.clocks if clock.metric == "resolve"]
    assert resolve.used_by == (("n1", HOUR), ("n2", 2 * HOUR))
    assert "Who used it, until its end, its deadline or the last hand-off: n1 1 hour; n2 2 hours." in said(journal)
    assert [clock.instance for clock in journal.clocks if clock.metric == "own"] == [1, 2]
    assert "It is a promise of each team" in said(journal)
    assert "Es un compromiso de cada equipo" in said(journal, "es")


# Other promises on the way


def test_a_change_of_priority_says_the_rule_that_holds_now_and_time_to_react(by: Rules) -> None:
    log = (contact(), then("priority_changed", TEN + 3 * HOUR, **{"from": "normal"}, to="urgent"))
    journal = told(by, *log, until=DAY)

    assert "escalated" in marks(journal, "resolve")
    assert "time to react until Mon 24 Nov, 13:15 (was Tue 25 Nov, 10:30)" in said(journal)
    assert "by rule 1 for “resolve” of pack desk 3, because it is a contact and priority is urgent" in said(journal)
    assert "Lo fija la regla 1 de «resolve» del paquete desk, versión 3" in said(journal, "es")


def test_what_a_reopening_continues_has_what_was_left(by: Rules) -> None:
    log = (
        contact(),
        then("resolved", TEN + 2 * HOUR, **SOLVED),
        then("reopened", DAY + TEN, reason="not_fixed"),
        then("resolved", DAY + TEN + HOUR, **SOLVED),
    )
    journal = told(by, *log)

    assert "Resolution no. 2 goes on with the 6 hours that were left" in said(journal)
    assert journal.clocks[-1].allotted_own_ms == 6 * HOUR
    assert "of which this instance had 6 hours" in said(journal)


def test_a_moment_that_the_customer_was_told_is_said_so(by: Rules) -> None:
    journal = told(by, contact(), then("callback_requested", TEN + HOUR, promised_at="2025-11-24T15:00:00Z"), until=DAY)

    assert "Call back begins: by the moment that the customer was told; due Mon 24 Nov, 16:00" in said(journal)


def test_what_never_was_a_case_was_never_owed(by: Rules) -> None:
    journal = told(by, contact(), then("resolved", TEN + HOUR, resolution="spam"))

    assert marks(journal, "resolve")[-1] == "annulled"
    assert "it had never been owed" in said(journal)
    assert {clock.state for clock in journal.clocks} == {"cancelled"}


# What was late, merged, corrected, repeated, withdrawn


def test_a_record_that_came_late_is_told_with_when_it_came(by: Rules) -> None:
    late = then("resolved", TEN + HOUR, **SOLVED, arrives=5 * DAY)
    journal = told(by, contact(), late)

    (entry,) = [one for one in journal.entries if one.event_type == "resolved"]
    assert entry.late
    assert "Retracted: it had been reported as broken" in said(journal)
    assert "its record came 4 days and 14 hours afterwards, on Sat 29 Nov, 01:00" in said(journal)
    assert "constó como incumplido" in said(journal, "es")


def test_what_was_merged_into_it_is_told_as_the_other_case_s(by: Rules) -> None:
    log = (
        contact(TEN, "C0"),
        then("customer_replied", TEN + MINUTE, "C0"),
        contact(TEN + HOUR),
        then("merged", TEN + 2 * HOUR, "C0", into="C1"),
        then("agent_replied", TEN + 3 * HOUR, "C0", **PERSON),
    )
    survivor, merged = told(by, *log), told(by, *log, case="C0")

    assert "Case C0 is merged into this one" in said(survivor)
    assert "in case C0, which was merged into this one" in said(survivor)
    assert "began_earlier" in marks(survivor, "resolve")
    assert "said to the case that this one was merged into" in said(merged)
    assert "merged into C1" in said(merged)


def test_a_correction_is_told_where_it_came_and_where_it_counts(by: Rules) -> None:
    log = (
        contact(),
        then("resolved", TEN + HOUR, **SOLVED, event_id="wrong"),
        then("corrected", TEN + 5 * HOUR, corrects_event_id="wrong", values={"occurred_at": "2025-11-24T13:00:00Z"}),
    )
    journal = told(by, *log)

    (entry,) = [one for one in journal.entries if one.event_type == "resolved"]
    assert (entry.at, entry.corrected_by) == (T0 + 13 * HOUR, ("C1.corrected.50400000.",))
    assert "as corrected later by event C1.corrected" in said(journal)


def test_what_was_withdrawn_or_said_twice_is_told_and_counts_nothing(by: Rules) -> None:
    log = (
        contact(),
        then("resolved", TEN + HOUR, **SOLVED, event_id="wrong"),
        then("voided", TEN + 2 * HOUR, voids_event_id="wrong"),
        then("resolved", TEN + 3 * HOUR, **SOLVED),
        then("resolved", TEN + 4 * HOUR, **SOLVED),
    )
    journal = told(by, *log)

    assert [entry.status for entry in journal.entries if entry.event_type == "resolved"] == [
        "withdrawn", "counts", "repeated",
    ]  # fmt: skip
    assert "Event wrong is withdrawn" in said(journal)
    assert "This had been said already" in said(journal)
    assert "Ya se había comunicado" in said(journal, "es")


def test_a_case_that_nothing_was_promised_says_so(by: Rules) -> None:
    journal = told(by, event("contact.opened", "C1", TEN, direction="outbound", channel="phone"))

    assert (journal.clocks, "Nothing was promised" in said(journal)) == ((), True)


# Limits


def test_a_case_that_had_to_leave_says_that_nobody_watched_it_any_more(by: Rules) -> None:
    tight = replace(by, cases_max=1)
    log = (contact(), contact(TEN + HOUR, "C2"), contact(TEN + 2 * HOUR, "C3"))
    stored = Stored.of(Feed(tight), log, DAY)
    journal = of_records(stored.of_case("C1"), tight)

    assert journal.agrees, journal.differences
    assert (journal.case.state, "let_go" in marks(journal, "resolve")) == ("evicted", True)
    assert "nobody watched it any more" in said(journal)


def test_events_beyond_the_bound_of_a_case_are_counted_and_left_out(by: Rules) -> None:
    few = replace(by, case_events_max=5, settings={**by.settings, "case_events_max": 5})
    replies = [then("customer_replied", TEN + number * MINUTE, seq=number) for number in range(1, 20)]
    stored = Stored.of(Feed(few), [contact(seq=0), *replies], DAY)
    journal = of_records(stored.of_case("C1"), few)

    assert journal.agrees, journal.differences
    assert journal.notes["left_out"] > 10
    assert "events were more than a case keeps" in said(journal)


def test_what_it_was_told_of_a_moment_is_without_what_came_later(by: Rules) -> None:
    journal = told(by, contact(), then("resolved", TEN + 2 * HOUR, **SOLVED), at=T0 + TEN + HOUR)

    assert (journal.was_asked, journal.case.state, journal.clocks[-1].state) == (True, "open", "running")


# Forms


@pytest.mark.parametrize("language", ["en", "es"])
def test_of_who_was_erased_one_sentence_is_told_and_nothing_else(by: Rules, language: str) -> None:
    erased = event("customer.erased", "erase", DAY, customer="c1")
    journal = of_records(Stored.of(Feed(by), [contact(), erased], 2 * DAY).of_case("C1"), by)

    assert (journal.erased, journal.entries) == (True, ())
    assert len(as_text(journal, language).strip().splitlines()) <= 5
    assert "C1" in as_html(journal, language)


def test_html_escapes_all_that_publishers_say(by: Rules) -> None:
    hostile = "<script>alert(1)</script>"
    page = as_html(told(by, contact(product=hostile, category=hostile), until=DAY))

    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert page.startswith('<article class="why" lang="en">')


def test_the_journal_for_machines_has_moments_and_every_stretch(by: Rules) -> None:
    journal = document(told(by, contact(17 * HOUR), then("resolved", DAY + TEN, **SOLVED)))

    (resolve,) = [clock for clock in journal["clocks"] if clock["metric"] == "resolve"]
    assert resolve["started_at"] == "2025-11-24T17:00:00.000Z"
    assert [one.get("because", []) for one in resolve["spans"][0]["stretches"]] == [[], ["night"], []]
    assert resolve["promised"]["conditions"] == [["topic", ["contact-events"]]]


PAUSABLE: Final = """\
policy_id: desk
version: "3"
clocks:
  resolve: [{when: {topic: [contact-events]}, target: 4h, calendar: es-madrid-split, pausable: true, warn_at: []}]
"""


@pytest.mark.parametrize("language", ["en", "es"])
def test_a_whole_telling_reads_as_it_is_written_down(language: str, tmp_path: Path) -> None:
    path = tmp_path / "desk.yaml"
    path.write_text(PAUSABLE)
    log = (
        contact(11 * DAY + 15 * HOUR),
        then("waiting_customer", 11 * DAY + 16 * HOUR, reason="info"),
        then("customer_replied", 15 * DAY + TEN),
        then("resolved", 15 * DAY + TEN + 3 * HOUR + 30 * MINUTE, **SOLVED),
    )
    golden = Path(__file__).parent / "golden" / f"{language}.txt"
    assert as_text(told(rules(policies=(path,)), *log), language) == golden.read_text(encoding="utf-8")
