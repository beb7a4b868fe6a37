"""Isolation: a pattern, or the topics of a text, that raises costs its own result, and no record."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from processors.cases.case import apply_event
from processors.patterns import registry
from processors.state.partition import PartitionState
from schemas.observations import Observations
from schemas.topics import CONTACTS
from tests.processors.feed import DAY, HOUR, MINUTE, SECOND, T0, Feed, Happening, event
from tests.processors.patterns.incidents_after import RULES, Incidents, contact, opened
from tests.processors.views import Views

URGENT: dict[str, Any] = {"priority": "urgent", "org_unit": "es/care"}
DUE = 4 * HOUR
A_TO_B: dict[str, Any] = {"from": "a", "to": "b"}
B_TO_A: dict[str, Any] = {"from": "b", "to": "a"}


class BadReleaseError(Exception):
    """Its message would quote a customer."""


def _raise(*_: Any) -> Any:
    raise BadReleaseError("ana.garcia@example.com")


def _raise_late(*_: Any) -> Iterator[Any]:
    yield from ()
    raise BadReleaseError("ana.garcia@example.com")


Broken = Callable[..., None]


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Broken:
    """Let parts of one pattern raise; of none, let all be as they are declared."""
    cases, subjects = registry.CASE_PATTERNS, registry.SUBJECT_PATTERNS

    def break_(pattern_id: str = "", **parts: Any) -> None:
        assert not pattern_id or pattern_id in registry.PATTERN_IDS
        of_cases = [replace(one, **parts) if one.id == pattern_id else one for one in cases]
        of_subjects = {key: replace(one, **parts) if key == pattern_id else one for key, one in subjects.items()}
        monkeypatch.setattr(registry, "CASE_PATTERNS", of_cases)
        monkeypatch.setattr(registry, "SUBJECT_PATTERNS", of_subjects)

    return break_


def accepted(state: PartitionState) -> tuple[int, int]:
    days = list(state.progress.values())
    return sum(day.accepted for day in days), sum(day.rejected for day in days)


FIFTY = [opened(f"C{number}", number * MINUTE, category=f"k{number // 3}", **URGENT) for number in range(50)]


@pytest.mark.parametrize("raising", [_raise, _raise_late])
@pytest.mark.parametrize("pattern", ["P01", "P02", "P10"])
def test_a_pattern_of_cases_that_raises_costs_its_own_incidents_only(
    broken: Broken, pattern: str, raising: Callable[..., Any]
) -> None:
    broken(pattern, incidents=raising)
    clean = Incidents().then(*FIFTY)
    feed = clean.feed
    assert accepted(feed.state) == (50, 0)
    assert feed.state.health.parts[pattern].errors == 50
    assert feed.state.health.parts[pattern].lacking == 50
    clean.then(until=DAY)
    assert [bool(clean.of(one)) for one in ("P01", "P02", "P08")] == [one != pattern for one in ("P01", "P02", "P08")]


def test_a_pattern_of_subjects_that_raises_costs_its_own_incidents_only(broken: Broken) -> None:
    broken("P08", incidents=_raise_late)
    run = Incidents().then(*FIFTY, until=DAY)
    assert accepted(run.feed.state) == (50, 0)
    assert run.of("P08") == []
    assert len(run.of("P02")) == 50
    third = len([number for number in range(50) if number % 3 == 2])
    assert run.feed.state.health.parts["P08"].errors == third, "it is asked from the third contact on"


@pytest.mark.parametrize("part", ["membership", "least", "quiet_at"])
def test_whatever_of_a_pattern_raises_it_is_the_pattern_that_fails(broken: Broken, part: str) -> None:
    broken("P08", **{part: _raise})
    run = Incidents().then(*FIFTY, until=DAY)
    assert accepted(run.feed.state) == (50, 0)
    assert run.of("P08") == []
    assert len(run.of("P02")) == 50
    assert run.feed.state.health.parts["P08"].errors > 0


def test_the_topics_of_a_text_that_cannot_be_found_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("processors.pipeline.step.text_topics", _raise)
    feed, counts = Feed(RULES), 0
    for number in range(50):
        said = {"text": "nobody answers the phone"} if number % 2 else {}
        observations = feed.feed(opened(f"C{number}", number, **said))
        counts += observations.counts.get(("isolated_errors", "text_topics"), 0)
    assert accepted(feed.state) == (50, 0)
    assert (counts, feed.state.health.parts["text_topics"].errors) == (25, 25)
    assert {row.topics for row in feed.state.pending.events} == {()}
    assert len(feed.state.cases) == 50


def test_what_failed_is_counted_by_name_and_its_error_says_where_and_quotes_nobody(
    broken: Broken, caplog: pytest.LogCaptureFixture
) -> None:
    broken("P10", incidents=_raise)
    feed = Feed(RULES)
    observations = feed.feed(*FIFTY)
    assert observations.counts["isolated_errors", "P10"] == 50
    part = feed.state.health.parts["P10"]
    assert part.last_error.startswith("BadReleaseError at test_isolation.py:")
    assert part.last_error_at == T0 + 49 * MINUTE, "record time"
    assert len(caplog.records) == 6, "the 1st, 2nd, 4th, 8th, 16th and 32nd time"
    assert "ana.garcia" not in caplog.text + part.last_error


def test_what_a_pattern_said_before_it_raised_stands_until_it_works_again(broken: Broken) -> None:
    run = Incidents().then(opened(), contact("transferred", 1, **A_TO_B), contact("transferred", 2, **B_TO_A))
    (before,) = run.of("P10")
    broken("P10", incidents=_raise)
    run.then(contact("assigned", MINUTE, owner="ana"), contact("resolved", HOUR))
    assert run.of("P10") == [before]
    assert [step for step in run.transitions if step[0] == "P10"] == [("P10", "contact-events:crm:C1:0", "opened")]
    assert run.feed.state.gauges["incidents_open", "P10", "warning", ""] == 1
    broken()
    run.then(contact("closed", 2 * HOUR))
    assert (run.one("P10")["closed_at"], run.one("P10")["close_reason"]) == (T0 + HOUR, "auto")
    assert run.feed.state.health.parts["P10"].lacking == 0


def test_what_was_said_of_a_subject_stands_until_the_pattern_works_again(broken: Broken) -> None:
    log = [opened(f"C{number}", number * HOUR, category="billing") for number in range(4)]
    run = Incidents().then(*log[:3])
    (before,) = run.of("P08")
    broken("P08", incidents=_raise_late)
    run.then(contact("voided", 3 * HOUR, "C2"))
    assert run.of("P08") == [before]
    broken()
    run.then(log[3])
    assert run.one("P08")["opened_at"] == T0 + 3 * HOUR
    assert ("P08", "c1|billing", "withdrawn") in run.transitions


def test_incidents_come_with_the_next_event_once_a_pattern_works_again(broken: Broken) -> None:
    broken("P10", incidents=_raise)
    run = Incidents()
    for number in range(3):
        name = f"C{number}"
        run.then(opened(name), contact("transferred", 1, name, **A_TO_B), contact("transferred", 2, name, **B_TO_A))
    assert run.of("P10") == []
    broken()
    run.then(*(contact("assigned", HOUR, f"C{number}", owner="ana") for number in range(3)))
    assert [row["opened_at"] for row in run.of("P10")] == [T0 + 2] * 3


def test_a_pattern_that_raises_at_a_deadline_holds_up_no_other_and_no_other_case(broken: Broken) -> None:
    run = Incidents().then(*FIFTY[:3])
    broken("P01", incidents=_raise)
    observations = run.feed.until(DUE + HOUR)
    assert observations.counts["isolated_errors", "P01"] >= 3
    assert {(row.pattern, row.entity_id) for row, _ in observations.incidents} == {
        ("P02", f"C{number}") for number in range(3)
    }


# A release that fails, and the one that does not


def log_of_a_bad_release() -> list[Happening]:
    handed = [contact("transferred", 1, **A_TO_B), contact("transferred", 2, **B_TO_A), contact("resolved", 3)]
    calls = [opened(f"D{number}", 4 + number, category="billing") for number in range(3)]
    return [opened(**URGENT), *handed, *calls]


@pytest.mark.parametrize("pattern", ["P10", "P08"])
def test_what_a_bad_release_did_not_say_the_next_one_says_after_its_restart(broken: Broken, pattern: str) -> None:
    broken(pattern, incidents=_raise)
    run = Incidents().then(*log_of_a_bad_release(), until=MINUTE)
    assert run.of(pattern) == []
    broken()
    run.feed.restart()
    run.then(until=2 * MINUTE)
    expected = Incidents().then(*log_of_a_bad_release(), until=2 * MINUTE)
    assert run.of(pattern) == expected.of(pattern) != []
    assert run.feed.state.gauges == expected.feed.state.gauges
    assert run.feed.state.health.parts[pattern].lacking == 0


@pytest.mark.parametrize("pattern", ["P10", "P08"])
def test_a_release_that_fails_as_well_opens_and_owes_it_still(broken: Broken, pattern: str) -> None:
    broken(pattern, incidents=_raise)
    run = Incidents().then(*log_of_a_bad_release())
    errors = run.feed.state.health.parts[pattern].errors
    run.feed.restart()
    assert len(run.feed.state.cases) == 4
    assert run.feed.state.health.parts[pattern].errors == errors
    assert run.feed.state.health.parts[pattern].lacking > 0
    broken()
    run.feed.checkpoint()
    run.feed.restart()
    run.then(until=2 * MINUTE)
    assert len(run.of(pattern)) == 1


def test_a_restart_says_nothing_again_when_nothing_failed() -> None:
    run = Incidents().then(*log_of_a_bad_release(), until=MINUTE)
    run.feed.restart()
    observations: Observations = run.feed.until(2 * MINUTE)
    assert observations.incidents == []
    assert not run.feed.state.pending.incidents


# Elsewhere


def test_a_case_leaves_a_history_whose_pattern_raises(broken: Broken) -> None:
    run = Incidents().then(*(opened(f"C{number}", number, category="billing") for number in range(3)))
    broken("P08", incidents=_raise)
    retention = RULES.case_retention_ms
    log = [contact("resolved", HOUR + number, f"C{number}") for number in range(3)]
    run.then(*log, until=10 * DAY)
    run.then(opened("D", retention + 20 * DAY, customer="c2"), until=retention + 40 * DAY)
    assert len(run.of("P08")) == 1
    assert accepted(run.feed.state) == (7, 0)


def test_who_is_erased_is_forgotten_whatever_raises(broken: Broken, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Incidents().then(*log_of_a_bad_release(), until=5 * HOUR)
    named = [row for row in run.views.table("incidents") if row["customer_id"] == "c1"]
    assert {row["pattern"] for row in named} >= {"P08", "P10"}
    broken("P08", incidents=_raise)
    monkeypatch.setattr("processors.pipeline.folding.evaluated", _raise)
    run.then(event("customer.erased", "E", 6 * HOUR))
    assert accepted(run.feed.state) == (8, 0)
    assert list(run.feed.state.cases) == []
    assert len(run.feed.state.subjects) == 0
    assert run.feed.state.gauges == {}
    for table in ("incidents", "cases", "sla_clocks"):
        assert not [row for row in run.views.table(table) if "c1" in (row["customer_id"], row.get("subject"))]


def test_a_merge_is_accepted_though_the_case_that_survives_cannot_be_folded(monkeypatch: pytest.MonkeyPatch) -> None:
    feed = Feed(RULES)
    feed.feed(opened("C1"), opened("C2", SECOND))
    before = feed.state.cases[CONTACTS, "crm", "C2"].evaluation
    applied = 0

    def failing_carry_over(case: Any, each: Any, promises: Any) -> Any:
        nonlocal applied
        if each.type == "absorbed":
            applied += 1
            raise BadReleaseError
        return apply_event(case, each, promises)

    monkeypatch.setattr("processors.pipeline.folding.apply_event", failing_carry_over)
    observations = feed.feed(contact("merged", MINUTE, "C1", into="C2"))
    assert (applied, observations.counts["isolated_errors", "carry_over"]) == (1, 1)
    assert accepted(feed.state) == (3, 0)
    survivor = feed.state.cases[CONTACTS, "crm", "C2"]
    assert (len(survivor.events), survivor.evaluation) == (1, before)
    assert feed.state.cases[CONTACTS, "crm", "C1"].fold.state == "merged"
    views = Views()
    views.insert(feed.checkpoint())
    assert views.case("C1")["state"] == "merged"
