"""An evaluation is a function of case, now and rules; time changes it at its next timer, and not before."""

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from processors.cases import waits
from processors.cases.case import Case, Evaluation
from processors.cases.events import CaseKey
from processors.pipeline.evaluation import evaluate
from processors.sla import clocks
from processors.sla.clocks import NEVER
from schemas.topics import CONTACTS
from tests.laws.disturbances import RULES as EVERY_CLOCK
from tests.laws.journeys import logs
from tests.processors.feed import DAY, HOUR, MINUTE, T0, Feed, Happening, event, rules
from tests.processors.patterns.incidents_after import contact, opened

RULES = rules()
URGENT: dict[str, Any] = {"priority": "urgent", "org_unit": "es/care", "category": "billing"}
DUE = 4 * HOUR


def case_after(*log: Happening, key: CaseKey = (CONTACTS, "crm", "C1")) -> Case:
    feed = Feed(RULES)
    feed.feed(*log)
    return feed.state.cases[key]


def evaluated(case: Case, at: int) -> Evaluation:
    return evaluate(case, 3, T0 + at, RULES)


def test_all_that_follows_from_a_case_is_one_value() -> None:
    case = case_after(opened(**URGENT))
    evaluation = evaluated(case, DUE + 2 * MINUTE)
    assert evaluation.clocks == (case.fold.latest["resolve"],)
    assert evaluation.states == ("breached_open",)
    assert [(sample.at_ms, sample.attribution[2]) for sample in evaluation.outcomes] == [(T0 + DUE, "es")]
    assert sorted(row.pattern for row in evaluation.incidents.values()) == ["P01", "P02"]
    assert {row.partition for row in evaluation.incidents.values()} == {3}
    assert evaluation.memberships["P08"][:2] == (("c1", "billing"), T0)
    assert evaluation.gauges == (
        ("backlog_cases", "inbound", "es", "urgent", str(T0)),
        ("sla_overdue", "default", "resolve", "es"),
    )
    assert (evaluation.carry_over, evaluation.failures) == (None, ())


def test_a_test_counts_nowhere() -> None:
    evaluation = evaluated(case_after(opened(**URGENT, test=True)), DUE + DAY)
    assert evaluation.states == ("breached_open",)
    assert (evaluation.outcomes, evaluation.incidents, evaluation.memberships, evaluation.gauges) == ((), {}, {}, ())


def test_a_case_that_was_merged_carries_over_since_when_its_customer_waits() -> None:
    carry_over = evaluated(case_after(opened(), contact("merged", HOUR, into="C2")), HOUR).carry_over
    assert carry_over is not None
    survivor, (absorbed,) = carry_over
    assert (survivor, absorbed.facts["opened_at"]) == ((CONTACTS, "crm", "C2"), T0)


def test_the_next_timer_is_when_a_clock_reads_differently_and_at_last_when_the_case_may_leave() -> None:
    case = case_after(opened(**URGENT))
    warned, due, twice = (T0 + round(share * DUE) + MINUTE for share in (0.8, 1, 2))
    assert [evaluated(case, at).next_timer for at in (0, round(0.9 * DUE), DUE + HOUR)] == [warned, due, twice]
    assert evaluated(case, 2 * DUE + HOUR).next_timer == NEVER
    over = case_after(opened(), contact("resolved", HOUR))
    assert evaluated(over, HOUR).next_timer == T0 + HOUR + RULES.case_retention_ms


@settings(max_examples=60)
@given(logs(), st.data())
def test_until_its_next_timer_no_case_reads_differently(log: list[Happening], data: st.DataObject) -> None:
    feed = Feed(EVERY_CLOCK)
    feed.feed(*log)
    for case in feed.state.cases.values():
        now = feed.state.watermarks.timers_fired_to[case.key[0]]
        evaluation = evaluate(case, 0, now, EVERY_CLOCK)
        assert evaluation == case.evaluation, "the one that was emitted"
        until = min(evaluation.next_timer, now + 40 * DAY)
        later = evaluate(case, 0, data.draw(st.integers(now, max(now, until))), EVERY_CLOCK)
        assert later._replace(next_timer=0) == evaluation._replace(next_timer=0)


@settings(max_examples=60)
@given(logs())
def test_what_clocks_and_waits_remember_having_said_is_what_they_would_say_anew(log: list[Happening]) -> None:
    feed = Feed(EVERY_CLOCK)
    for happening in log:
        feed.feed(happening)
        for case in feed.state.cases.values():
            now = feed.state.watermarks.timers_fired_to[case.key[0]]
            for clock in case.fold.clocks:
                remembered, anew = clocks.read(clock, now), clocks.read(replace(clock), now)
                assert remembered._replace(since=0) == anew._replace(since=0)
            said = [(one.sample, one.until) for one in waits.read(case.fold, now)]
            for wait in case.fold.waits:
                wait.said = None
            assert said == [(one.sample, one.until) for one in waits.read(case.fold, now)]


def test_other_rules_give_another_evaluation_of_the_same_case() -> None:
    case = case_after(opened(), contact("resolved", HOUR))
    keeping = replace(RULES, case_retention_ms=DAY)
    assert evaluate(case, 0, T0 + HOUR, keeping).next_timer == T0 + HOUR + DAY


def test_a_survey_is_in_no_backlog_and_leaves_though_nothing_closes_it() -> None:
    answered = event("survey.answered", "S1", 0, kind="csat", mode="sms", score=5, scale_max=5)
    evaluation = evaluated(case_after(answered, key=("survey-events", "crm", "S1")), HOUR)
    assert (evaluation.gauges, evaluation.next_timer) == ((), T0 + RULES.case_retention_ms)
