"""Emission writes differences: nothing for nothing, each once, and what was taken back was never there."""

from typing import Any

from hypothesis import given, settings

from processors.cases.case import NOT_EVALUATED, Case
from processors.pipeline.emission import CASE_TIMER, emit
from processors.pipeline.folding import evaluated
from processors.state.partition import PartitionState
from schemas.observations import Observations
from schemas.topics import CONTACTS
from tests.laws.journeys import logs
from tests.processors.feed import HOUR, MINUTE, T0, Feed, Happening, rules
from tests.processors.patterns.incidents_after import contact, opened
from tests.processors.views import Views

RULES = rules()
URGENT: dict[str, Any] = {"priority": "urgent", "category": "billing"}
DUE = 4 * HOUR


def feed_after(*log: Happening, until: int | None = None) -> Feed:
    feed = Feed(RULES)
    feed.feed(*log)
    if until is not None:
        feed.until(until)
    return feed


def the_case(feed: Feed, entity_id: str = "C1") -> Case:
    return feed.state.cases[CONTACTS, "crm", entity_id]


def content(state: PartitionState) -> tuple[Any, ...]:
    """What emission moves, without what a checkpoint drained."""
    amounts = {
        (topic, minute, key): dict(slots)
        for topic, partials in state.partials.items()
        for minute, held in partials.minutes.items()
        for key, slots in held.items()
        if slots
    }
    return amounts, dict(state.gauges), {key: [*state.subjects[key].cases] for key in state.subjects}


def test_the_same_evaluation_again_writes_and_observes_nothing() -> None:
    feed = feed_after(opened(**URGENT), until=DUE + HOUR)
    feed.checkpoint()
    timers, observations = len(feed.state.timers[CONTACTS]), Observations()
    case = the_case(feed)
    assert emit(feed.state, case, evaluated(feed.state, case), observations) == []
    assert observations == Observations()
    assert not feed.state.changed
    assert len(feed.state.timers[CONTACTS]) == timers


@settings(max_examples=50)
@given(logs())
def test_what_is_emitted_and_taken_back_was_never_there(log: list[Happening]) -> None:
    feed = feed_after(*log)
    state = feed.state
    before = content(state)
    for case in list(state.cases.values()):
        emitted = case.evaluation
        emit(state, case, NOT_EVALUATED._replace(carry_over=emitted.carry_over), Observations())
        emit(state, case, emitted, Observations())
    assert content(state) == before


def test_an_incident_is_opened_changed_and_closed_once_each() -> None:
    feed = Feed(RULES)
    steps = [
        feed.feed(opened(**URGENT)),
        feed.until(DUE - MINUTE),
        feed.until(DUE + HOUR),
        feed.until(3 * DUE),
        feed.feed(contact("resolved", 3 * DUE + HOUR)),
    ]
    assert [[(row.pattern, transition) for row, transition in step.incidents] for step in steps] == [
        [],
        [("P01", "opened")],
        [("P01", "closed"), ("P02", "opened")],
        [("P02", "updated")],
        [("P02", "closed")],
    ]


def test_an_outcome_that_turns_out_otherwise_is_taken_back_in_its_minute() -> None:
    feed = feed_after(opened(**URGENT), until=DUE + HOUR)
    observations = feed.feed(contact("resolved", HOUR, arrives=DUE + HOUR))
    assert [at for at, key in observations.moments if key[0] == "sla_retractions"] == [T0 + DUE]
    views = Views()
    views.insert(feed.checkpoint())
    totals = {"resolve_met": 0, "resolve_breached": 0}
    for row in views.kpis():
        if row["dimension"] == "all":
            totals = {name: total + row[name] for name, total in totals.items()}
    assert totals == {"resolve_met": 1, "resolve_breached": 0}


def test_a_clock_that_never_was_is_void() -> None:
    queued = contact("queued", MINUTE, queue="q", channel="phone")
    feed, views = feed_after(opened(channel="phone"), queued), Views()
    views.insert(feed.checkpoint())
    assert views.clock("C1", "answer")["state"] == "running"
    feed.feed(contact("voided", 2 * MINUTE, voids_event_id=queued.event["event_id"]))
    views.insert(feed.checkpoint())
    (void,) = [row for row in views.table("sla_clocks") if row["void"]]
    assert void["metric"] == "answer"
    assert "answer" not in {row["metric"] for row in views.clocks()}


def test_a_case_waits_for_its_next_timer_and_for_no_former_one() -> None:
    feed = feed_after(opened(**URGENT), contact("resolved", HOUR))
    case = the_case(feed)
    kinds = {timer.kind for timer in feed.state.timers[CONTACTS].pop_due(T0 + DUE + HOUR)}
    assert kinds == {CASE_TIMER}, "of the deadline that is no more"
    assert feed.state.timers[CONTACTS].next() == case.evaluation.next_timer


def test_cases_merged_into_each_other_in_turn_settle() -> None:
    """Three cases, each merged into the next, and the last into the first: a circle of publishers' making."""
    log = [opened(f"C{number}", number) for number in range(3)]
    log += [contact("merged", HOUR + number, f"C{number}", into=f"C{(number + 1) % 3}") for number in range(3)]
    feed = feed_after(*log)
    assert [case.fold.state for case in feed.state.cases.values()] == ["merged", "merged", "open"]
    assert [len(case.events) for case in feed.state.cases.values()] == [2, 3, 3]


def test_the_wait_of_a_merged_customer_reaches_a_case_that_is_opened_later() -> None:
    early = feed_after(opened("C2", HOUR), opened("C1", 0), contact("merged", 2 * HOUR, into="C2"))
    late = feed_after(opened("C1", 0), contact("merged", 2 * HOUR, into="C2"), opened("C2", HOUR, arrives=2 * HOUR))
    for feed in (early, late):
        clock = the_case(feed, "C2").fold.latest["resolve"]
        assert clock.started_at == T0
