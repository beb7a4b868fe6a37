"""What a telling reckons by walking the calendar is what `v_sla` shows, of any case, to the millisecond."""

from pathlib import Path

import pytest

from deploy.reading.why.why import WORDS, as_html, as_json, as_text, of_records
from deploy.traffic.readers import servicenow
from processors.pipeline.step import step
from processors.rules import Rules
from tests.deploy.reading.why.stored import Stored
from tests.laws.disturbances import END, RULES
from tests.laws.journeys import of_seed
from tests.processors.feed import DAY, T0, FakeBatch, FakeRecord, Feed, rules
from tests.processors.views import Views

POLICIES = Path(__file__).parents[4] / "deploy" / "policies"


def check(stored: Stored, by: Rules, *, in_every_form: bool = True) -> tuple[int, int]:
    """Tell every case; returns how many cases and clocks there are."""
    cases = clocks = 0
    for records in stored.records():
        journal = of_records(records, by)
        assert journal.differences == (), records.key
        assert len(journal.clocks) == len(records.clocks)
        for language in WORDS if in_every_form else ():
            assert as_text(journal, language)
            assert as_html(journal, language)
        assert not in_every_form or as_json(journal)
        cases, clocks = cases + 1, clocks + len(journal.clocks)
    return cases, clocks


def journeys(seed: int, entities: int, until: int) -> Stored:
    log = sorted(of_seed(seed, entities), key=lambda happening: happening.record_at)
    if until < END:
        log = [one for one in log if one.record_at <= T0 + until]
    return Stored.of(Feed(RULES), log, until)


@pytest.mark.parametrize("seed", range(2))
def test_journeys_of_every_kind_are_told_as_they_are_stored(seed: int) -> None:
    cases, clocks = check(journeys(seed, 30, END), RULES)
    assert cases > 30
    assert clocks > 100


@pytest.mark.parametrize("days", [2, 5])
def test_so_they_are_while_they_still_go_on(days: int) -> None:
    cases, clocks = check(journeys(7, 40, days * DAY), RULES)
    assert cases > 5
    assert clocks > 20


def test_what_an_input_that_is_ahead_of_the_others_has_decided_is_told_so() -> None:
    log = sorted(of_seed(5, 40), key=lambda happening: happening.record_at)
    cases, _ = check(Stored.of(Feed(RULES), log, 2 * DAY), RULES)
    assert cases > 40


@pytest.mark.stack
@pytest.mark.parametrize("days", [4, 40])
def test_a_thousand_journeys_are(days: int) -> None:
    cases, clocks = check(journeys(2026, 1_000, days * DAY), RULES, in_every_form=False)
    assert cases > 1_000 if days == 40 else cases > 500
    assert clocks > 1_500


@pytest.mark.stack
@pytest.mark.parametrize("pack", ["default", "servicenow-demo"])
def test_all_cases_of_the_real_desk_log_are(pack: str) -> None:
    by = rules(policies=(POLICIES / f"{pack}.yaml",))
    feed, views = Feed(by), Views()
    records = [
        FakeRecord(message.topic, 0, offset, message.timestamp_ms, message.key.encode(), message.value)
        for offset, message in enumerate(servicenow())
    ]
    step(feed.state, FakeBatch(records[0].topic, tuple(records)), 0)
    views.insert(feed.checkpoint())
    feed.until(records[-1].timestamp + DAY - T0)
    views.insert(feed.checkpoint())
    cases, clocks = check(Stored(feed, views), by)
    assert cases > 400
    assert clocks > 400
