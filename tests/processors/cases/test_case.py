"""A case folded from its events: in any order, counted or kept out, and forgotten at last."""

from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from schemas.topics import CONTACTS, SURVEYS
from tests.processors.cases.journey import HUMAN, JOURNEY, RULES, case_of, complaint, contact, opened, shown, totals
from tests.processors.feed import DAY, HOUR, MINUTE, SECOND, T0, Feed, Happening, event, recovered, rules
from tests.processors.views import Views, differences

# States

Step = tuple[str, dict[str, Any]]
RESOLVED: Step = ("resolved", {})
REOPENED: Step = ("reopened", {})
PERSON: Step = ("answered", {"actor": HUMAN})

STATES: list[tuple[list[Step], str]] = [
    ([], "open"),
    ([("queued", {"queue": "q"})], "queued"),
    ([PERSON], "in_progress"),
    ([("answered", {"actor": {"kind": "bot"}})], "in_progress"),
    ([("assigned", {"owner": "ana"})], "in_progress"),
    ([("agent_replied", {"actor": HUMAN})], "in_progress"),
    ([("agent_replied", {"actor": HUMAN, "public": False})], "open"),
    ([("priority_changed", {"from": "low", "to": "high"})], "open"),
    ([PERSON, ("waiting_customer", {})], "waiting_customer"),
    ([PERSON, ("waiting_customer", {}), ("customer_replied", {})], "in_progress"),
    ([("customer_replied", {})], "open"),
    ([PERSON, ("waiting_third_party", {}), ("customer_replied", {})], "in_progress"),
    ([PERSON, ("waiting_customer", {}), ("assigned", {"owner": "ana"})], "waiting_customer"),
    ([PERSON, ("waiting_customer", {}), ("agent_replied", {"actor": HUMAN})], "waiting_customer"),
    ([PERSON, ("waiting_customer", {}), ("waiting_third_party", {})], "waiting_third_party"),
    ([PERSON, ("waiting_customer", {}), ("customer_replied", {"actor": {"kind": "system"}})], "waiting_customer"),
    ([RESOLVED, ("reopened", {"actor": {"kind": "system"}, "reason": "customer_reply"})], "resolved"),
    ([RESOLVED, ("reopened", {"actor": {"kind": "system"}})], "in_progress"),
    ([PERSON, ("waiting_third_party", {}), ("resumed", {})], "in_progress"),
    ([("abandoned", {})], "abandoned"),
    ([RESOLVED], "resolved"),
    ([("resolved", {"resolution": "spam"})], "resolved"),
    ([RESOLVED, ("assigned", {"owner": "ana"})], "resolved"),
    ([RESOLVED, ("closed", {})], "closed"),
    ([RESOLVED, REOPENED], "in_progress"),
    ([RESOLVED, ("closed", {}), REOPENED], "in_progress"),
    ([RESOLVED, ("closed", {}), RESOLVED], "closed"),
    (
        [RESOLVED, ("customer_replied", {}), ("reopened", {"actor": {"kind": "bot"}, "reason": "customer_reply"})],
        "in_progress",
    ),
    ([("closed", {}), ("queued", {"queue": "q"})], "closed"),
    ([("merged", {"into": "C2"})], "merged"),
    ([("merged", {"into": "C2"}), RESOLVED], "merged"),
    ([("voided", {})], "void"),
    ([("voided", {}), REOPENED], "void"),
    ([("voided", {}), ("merged", {"into": "C2"})], "void"),
]


@pytest.mark.parametrize(
    ("steps", "state"), STATES, ids=[" > ".join(["opened", *(what for what, _ in steps)]) for steps, _ in STATES]
)
def test_state(steps: list[Step], state: str) -> None:
    log = [contact(what, minute * MINUTE, **fields) for minute, (what, fields) in enumerate(steps, start=1)]
    assert case_of(opened(), *log)["state"] == state


def test_a_complaint_that_was_handed_to_others_waits_for_them() -> None:
    log = [complaint("opened", 0, kind="claim", channel="post"), complaint("forwarded_external", MINUTE, to="bank")]
    assert case_of(*log)["state"] == "waiting_third_party"


# Order


@pytest.mark.parametrize("order", list(permutations(range(len(JOURNEY))))[::37])
def test_any_order_of_arrival_gives_the_same_case(order: tuple[int, ...]) -> None:
    shuffled = [JOURNEY[index] for index in order]
    assert differences(shown(*shuffled), shown(*JOURNEY)) == []


def test_opened_after_all_that_followed_is_a_complete_case() -> None:
    case = case_of(*JOURNEY[1:], opened(arrives=MINUTE))
    assert (case["opened_at"], case["incomplete"]) == (T0, 0)
    assert case["resolved_at"] == T0 + 50 * SECOND


def test_events_of_one_moment_are_ordered_by_their_sequence_then_by_their_id() -> None:
    first = contact("assigned", MINUTE, owner="ana", seq=2, event_id="z")
    then = contact("assigned", MINUTE, owner="bea", seq=3, event_id="a")
    last = contact("assigned", MINUTE, owner="eva", seq=3, event_id="b")
    for order in permutations((first, then, last)):
        assert case_of(opened(), *order)["owner"] == "eva"


# What is said of a case


def test_what_was_said_first_holds_and_later_events_fill_what_was_not_said() -> None:
    case = case_of(
        opened(product="fibre"), contact("assigned", MINUTE, owner="ana", product="mobile", otc_stage="payment")
    )
    assert (case["product"], case["otc_stage"]) == ("fibre", "payment")


def test_reclassifying_replaces_what_was_said() -> None:
    case = case_of(opened(product="fibre", category="billing"), contact("reclassified", MINUTE, product="mobile"))
    assert (case["product"], case["category"]) == ("mobile", "billing")


def test_an_anonymous_contact_can_be_identified_under_the_key_it_was_opened_with() -> None:
    anonymous, named = opened(), contact("identified", MINUTE, customer="c9")
    del anonymous.event["customer"]
    feed, views = Feed(RULES), Views()
    feed.take(CONTACTS, [replace(feed.append(happening), key=b"C1") for happening in (anonymous, named)])
    views.insert(feed.checkpoint())
    assert views.case("C1")["customer_id"] == "c9"


def test_assignments_transfers_and_reopenings_are_counted() -> None:
    case = case_of(
        opened(),
        contact("assigned", 1, owner="ana"),
        contact("transferred", 2, **{"from": "n1", "to": "n2"}),
        contact("assigned", 3, owner="bea"),
        contact("transferred", 4, **{"from": "n2", "to": "n3"}),
        contact("resolved", 5),
        contact("reopened", 6, reason="not_fixed"),
        contact("resolved", 7, resolution="solved"),
    )
    assert (case["assignments"], case["transfers"], case["reopens"]) == (2, 2, 1)
    assert (case["owner"], case["team"]) == ("bea", "n3")
    assert (case["first_resolved_at"], case["resolved_at"]) == (T0 + 5, T0 + 7)


# What is kept out of KPIs


def test_tests_are_kept_out_of_every_kpi_and_promise() -> None:
    log = [contact("queued", 0, queue="q", seq=1), contact("answered", 2, actor=HUMAN), contact("resolved", 3 * DAY)]
    views = shown(opened(test=True, channel="phone"), *log, until=4 * DAY)
    assert (totals(views), views.incidents()) == ({}, [])
    assert views.case("C1")["test"] == 1


def test_a_case_that_turns_out_to_be_a_test_leaves_the_kpis_again_in_any_order() -> None:
    log = [opened(), contact("queued", 1, queue="q"), contact("resolved", 2, test=True)]
    for order in permutations(log):
        assert totals(shown(*order)) == {}


ANSWER, RESOLUTION = contact("answered", 9, actor=HUMAN), contact("resolved", 99)


@pytest.mark.parametrize(
    ("name", "log", "warning"),
    [
        ("never opened", [contact("queued", 0, queue="q"), ANSWER, RESOLUTION], "missing_open"),
        (
            "resolved before it was opened",
            [contact("resolved", 0), opened(SECOND), contact("answered", 2 * SECOND, actor=HUMAN)],
            "impossible_transition",
        ),
    ],
    ids=["never opened", "resolved before it was opened"],
)
def test_incomplete_cases_are_kept_out_of_durations(name: str, log: list[Happening], warning: str) -> None:
    feed, views = Feed(RULES), Views()
    feed.feed(*log)
    views.insert(feed.checkpoint())
    assert views.case("C1")["incomplete"] == 1
    assert {"wait_ms", "first_response_ms", "resolution_ms"} & set(totals(views)) == set()
    assert any(warning in row["warnings"] for row in views.table("feedback_events"))


# Surveys


def survey(at: int, score: int | None, **fields: Any) -> Happening:
    answer = {"kind": "csat", "mode": "email", "score": score, **fields}
    return event("survey.answered", "S1", at, event_id=f"answer.{at}", **answer)


INVITED = event("survey.invited", "S1", 0, kind="csat", mode="email", expires_at="2025-11-24T12:00:00Z")


@pytest.mark.parametrize(
    ("name", "log", "score"),
    [
        ("one answer", [INVITED, survey(HOUR, 5)], 1000),
        ("the last answer wins", [INVITED, survey(HOUR, 5), survey(2 * HOUR, 2)], 250),
        ("at the moment of expiry", [INVITED, survey(12 * HOUR, 5)], 1000),
        ("after it, too late", [INVITED, survey(HOUR, 3), survey(12 * HOUR + 1, 5)], 500),
        ("only too late", [INVITED, survey(12 * HOUR + 1, 5)], None),
        ("nobody invited: a walk-in", [survey(HOUR, 3)], 500),
        ("words after a rating leave it", [INVITED, survey(HOUR, 5), survey(2 * HOUR, None, text="because")], 1000),
        ("a rating after words", [INVITED, survey(HOUR, None, text="because"), survey(2 * HOUR, 5)], 1000),
        ("words in time, a rating too late", [INVITED, survey(HOUR, None, text="a"), survey(13 * HOUR, 5)], None),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_one_response_a_survey(name: str, log: list[Happening], score: int | None) -> None:
    for order in permutations(log):
        found = totals(shown(*order))
        assert found.get("csat_score_milli") == score
        assert found.get("surveys_answered") == (None if "only too late" in name else 1)


@pytest.mark.parametrize("hours", [2, 30, 300])
def test_a_rating_that_is_changed_counts_once_however_late(hours: int) -> None:
    first, changed = (
        event("survey.answered", "S1", at, arrives=arrives, kind="nps", mode="email", score=score)
        for at, arrives, score in ((HOUR, HOUR, 3), (hours * HOUR, hours * HOUR, 9))
    )
    late = event("survey.answered", "S1", HOUR, arrives=hours * HOUR, kind="nps", mode="email", score=3)
    for log in ([first, changed], [changed, late]):
        feed, views = Feed(rules()), Views()
        for happening in log:
            feed.feed(happening)
            feed.until(happening.record_at - T0)
            views.insert(feed.checkpoint())
        counted = {name: count for name, count in totals(views).items() if not name.startswith("follow_up")}
        assert counted == {"nps_answered": 1, "nps_promoters": 1, "surveys_answered": 1}


def test_words_after_a_bad_rating_call_nobody_off() -> None:
    log = [survey(HOUR, 1), survey(2 * HOUR, None, text="because")]
    for order in permutations(log):
        (follow_up,) = [row for row in shown(*order).clocks() if row["metric"] == "follow_up"]
        assert (follow_up["state"], follow_up["started_at"]) == ("running", T0 + HOUR)


# Bounds


def later(days: float, entity_id: str = "C2") -> Happening:
    return event("contact.opened", entity_id, round(days * DAY), direction="inbound", channel="email", customer="c2")


def test_a_case_that_is_over_leaves_once_its_topic_is_past_its_retention() -> None:
    feed = Feed(RULES)
    feed.feed(opened(), contact("resolved", HOUR))
    for days, held in ((30, True), (31, False)):
        feed.feed(later(days))
        feed.until(days * DAY)
        assert ((CONTACTS, "crm", "C1") in feed.state.cases) is held


def test_time_alone_does_not_make_a_case_leave() -> None:
    """Its topic may only be behind: what comes yet belongs to it."""
    feed = Feed(RULES)
    feed.feed(opened(), contact("resolved", HOUR))
    feed.until(100 * DAY)
    assert (CONTACTS, "crm", "C1") in feed.state.cases


def test_an_open_case_stays_however_old() -> None:
    feed = Feed(RULES)
    feed.feed(opened(), later(90))
    feed.until(90 * DAY)
    assert (CONTACTS, "crm", "C1") in feed.state.cases


def test_an_event_after_the_retention_is_stored_and_folded_into_nothing() -> None:
    feed, views = Feed(RULES), Views()
    feed.feed(opened(), contact("resolved", HOUR), later(30.5), contact("reopened", 31 * DAY))
    views.insert(feed.checkpoint())
    case = views.case("C1")
    assert (case["state"], case["events"], case["reopens"]) == ("resolved", 2, 0)
    assert views.table("feedback_events")[-1]["warnings"] == ("beyond_retention",)


def test_a_reopening_within_the_retention_finds_its_case() -> None:
    feed, views = Feed(RULES), Views()
    feed.feed(opened(), contact("resolved", HOUR), later(29), contact("reopened", 30 * DAY))
    views.insert(feed.checkpoint())
    assert views.case("C1")["reopens"] == 1


def test_the_oldest_cases_leave_when_there_are_too_many_and_are_counted() -> None:
    feed = Feed(rules(cases_max=2))
    for number in range(4):
        feed.feed(later(number / 100, f"C{number}"))
    assert [key[2] for key in feed.state.cases] == ["C2", "C3"]
    assert feed.state.dropped["cases"] == 2
    assert feed.state.gauges["backlog_cases", "inbound", "", "normal"] == 2


def test_deadlines_of_cases_that_left_early_do_not_pile_up() -> None:
    feed = Feed(rules(cases_max=10))
    for number in range(4_000):
        feed.feed(later(number / 10_000, f"C{number}"))
    assert len(feed.state.timers[CONTACTS]) < 1_200
    feed.until(3 * DAY)
    assert all(clock.phase == "running" for case in feed.state.cases.values() for clock in case.fold.clocks)
    assert feed.state.gauges["sla_overdue", "default", "first_response", ""] == 10


def test_the_bounds_hold_over_a_restart() -> None:
    feed = Feed(RULES)
    feed.feed(*JOURNEY, INVITED, survey(HOUR, 5))
    feed.checkpoint()
    again = recovered(feed.messages, RULES)
    assert {key: case.events for key, case in again.cases.items()} == {
        key: case.events for key, case in feed.state.cases.items()
    }
    assert {key[0] for key in again.cases} == {CONTACTS, SURVEYS}
