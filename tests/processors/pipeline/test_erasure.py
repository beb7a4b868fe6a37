"""Erasure: who is to be forgotten is in no state, in no row of what was folded, and the numbers stay as they were."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.pipeline.step import EMPTY, step
from processors.rules import ERASED_CUSTOMERS_MAX
from processors.state.erased import Erased
from processors.state.partition import PartitionState
from schemas.erasure import customer_hash
from schemas.outputs import Change
from tests.laws.disturbances import RULES, in_any_batches, law, undisturbed
from tests.laws.journeys import logs
from tests.processors.feed import DAY, HOUR, MINUTE, SECOND, T0, Feed, Happening, event, recovered, rules
from tests.processors.views import Row, Views, differences

WHO = "somebody"
URGENT: dict[str, Any] = {"direction": "inbound", "channel": "email", "category": "billing", "priority": "urgent"}


def contact(what: str, entity: str, when: int, **fields: Any) -> Happening:
    return event(f"contact.{what}", entity, when, **{"customer": WHO, **fields})


def opened(entity: str, when: int, **fields: Any) -> Happening:
    return contact("opened", entity, when, **URGENT | fields)


def erased(when: int, customer: str = WHO, **fields: Any) -> Happening:
    return event("customer.erased", f"E{when}", when, customer=customer, **fields)


THEIRS = [
    opened("C1", 0),
    opened("C2", MINUTE),
    opened("C3", 2 * MINUTE),
    contact("transferred", "C1", 3 * MINUTE, **{"from": "a", "to": "b"}),
    contact("transferred", "C1", 4 * MINUTE, **{"from": "b", "to": "a"}),
    event("complaint.opened", "R1", 5 * MINUTE, customer=WHO, kind="claim", channel="post"),
    event("survey.answered", "S1", 6 * MINUTE, customer=WHO, kind="nps", mode="email", score=2),
]
OF_ANOTHER = [opened("D1", 7 * MINUTE, customer="c2")]


class Run:
    """A partition, what the warehouse would show of it, and the deltas that it wrote."""

    def __init__(self, *log: Happening) -> None:
        self.feed, self.views = Feed(), Views()
        self.then(*log)

    def then(self, *log: Happening, until: int | None = None) -> "Run":
        for happening in log:
            self.feed.feed(happening)
        if until is not None:
            self.feed.until(until)
        self.write()
        return self

    def write(self) -> None:
        self.views.insert(self.feed.checkpoint())

    def kept(self) -> list[bytes]:
        """What stays of the state's log, once it was rewritten since now."""
        since = self.feed.changelog.sequence
        while self.feed.deltas[-1].needed_from <= since:
            self.write()
        return self.feed.messages

    @property
    def state(self) -> PartitionState:
        return self.feed.state

    def of(self, pattern: str) -> list[Row]:
        return [row for row in self.views.incidents() if row["pattern"] == pattern and row["entity_id"] != "D1"]


def test_no_case_no_history_and_no_gauge_of_the_customer_is_left_and_others_stay() -> None:
    run = Run(*THEIRS, *OF_ANOTHER).then(until=5 * HOUR).then(erased(5 * HOUR))
    others = Run(*OF_ANOTHER).then(until=5 * HOUR)
    assert list(run.state.cases) == [("contact-events", "crm", "D1")]
    assert {subject[0] for _, subject in run.state.subjects} == {"c2"}
    assert run.state.gauges == others.state.gauges


def test_the_state_that_is_written_names_the_customer_no_more() -> None:
    run = Run(*THEIRS).then(until=5 * HOUR).then(erased(5 * HOUR))
    assert any(WHO.encode() in message for delta in run.feed.deltas for message in delta.messages)
    assert not any(WHO.encode() in message for message in run.kept())


@pytest.mark.parametrize("table", ["cases", "sla_clocks", "incidents"])
def test_every_row_that_was_folded_is_written_again_without_the_customer(table: str) -> None:
    run = Run(*THEIRS).then(until=5 * HOUR)
    named = run.views.table(table)
    assert named
    assert all(WHO in json.dumps(row) for row in named)
    run.then(erased(5 * HOUR))
    assert len(run.views.table(table)) == len(named)
    assert not any(WHO in json.dumps(row) for row in run.views.table(table))


@pytest.mark.parametrize(
    ("complaint", "pattern"),
    [("warned of for ever", "P01"), ("broken", "P02"), ("called three times", "P08"), ("sent back and forth", "P10")],
)
def test_incidents_that_are_open_close_as_erased(complaint: str, pattern: str) -> None:
    run = Run(*THEIRS).then(until=5 * HOUR)
    was_open = {row["incident_id"] for row in run.of(pattern) if row["state"] == "open"}
    assert was_open, complaint
    run.then(erased(5 * HOUR))
    after = {row["incident_id"]: row for row in run.of(pattern)}
    assert {after[key]["close_reason"] for key in was_open} == {"erased"}
    assert {after[key]["closed_at"] for key in was_open} == {T0 + 5 * HOUR}


def test_the_incident_of_repeat_contact_keeps_its_id_and_loses_whom_it_is_about() -> None:
    (before,) = Run(*THEIRS).then(until=5 * HOUR).of("P08")
    (after,) = Run(*THEIRS).then(until=5 * HOUR).then(erased(5 * HOUR)).of("P08")
    assert before["incident_id"] == after["incident_id"]
    assert (before["subject"], after["subject"]) == (f"{WHO}|billing", "|billing")


def test_a_neighbour_whose_id_begins_alike_keeps_their_incident_and_an_id_with_a_bar_loses_its_own() -> None:
    log = [opened(f"C{len(who)}{n}", n * MINUTE, customer=who) for who in ("a", "a|b") for n in range(3)]
    subjects = {row["customer_id"]: row["subject"] for row in Run(*log).of("P08")}
    assert subjects == {"a": "a|billing", "a|b": "a|b|billing"}
    for who, left in (("a", {"|billing", "a|b|billing"}), ("a|b", {"a|billing", "|billing"})):
        run = Run(*log, erased(HOUR, who))
        assert {row["subject"] for row in run.of("P08")} == left


@pytest.mark.parametrize("table", ["cases", "sla_clocks"])
def test_rows_of_the_customer_are_marked_as_erased_and_no_others(table: str) -> None:
    run = Run(*THEIRS, *OF_ANOTHER, erased(5 * HOUR))
    marks = {row["entity_id"] == "D1": row["erased"] for row in run.views.table(table)}
    assert marks == {True: 0, False: 1}


def test_who_was_erased_is_written_for_the_warehouse_as_a_hash() -> None:
    run = Run(*THEIRS, erased(5 * HOUR))
    (row,) = run.views.table("erasures")
    assert row == {"customer": customer_hash(WHO), "partition": 0, "erased_at": T0 + 5 * HOUR}


def test_an_open_case_is_written_as_erased_and_one_that_was_over_keeps_its_state() -> None:
    run = Run(opened("C1", 0), opened("C2", 0), contact("resolved", "C2", HOUR), erased(2 * HOUR))
    assert [(run.views.case(key)["state"]) for key in ("C1", "C2")] == ["erased", "resolved"]


def test_who_counted_still_counts_and_nothing_counts_twice() -> None:
    before = Run(*THEIRS).then(until=5 * HOUR)
    numbers = before.views.kpis()
    before.then(erased(5 * HOUR)).then(*THEIRS)
    assert before.views.kpis() == numbers, "the same events again are duplicates"
    assert before.state.cases == {}


def test_live_counters_tell_that_open_incidents_closed() -> None:
    run = Run(*THEIRS).then(until=5 * HOUR)
    told = run.feed.feed(erased(5 * HOUR)).incidents
    assert {transition for _, transition in told} == {"closed"}
    assert len(told) == len({incident.incident_id for incident, _ in told})


def test_the_erasure_itself_is_accepted_and_names_nobody() -> None:
    run = Run(erased(HOUR))
    (row,) = run.views.table("feedback_events")
    assert (row["event_type"], row["entity_id"], row["customer_id"], row["payload"]) == (
        "customer.erased", f"E{HOUR}", "", "",
    )  # fmt: skip
    assert run.views.cases() == []


def test_an_erasure_of_a_source_that_may_not_erase_is_rejected_and_erases_nobody() -> None:
    feed = Feed(rules(erase_sources="privacy-desk,crm-admin"))
    feed.feed(*THEIRS, erased(HOUR), erased(2 * HOUR, customer="c2", source="privacy-desk"))
    assert len(feed.state.cases) == 5
    (rejected,) = feed.checkpoint().rejected
    assert (rejected.row.reason, rejected.row.field) == ("erasure_not_allowed", "source")
    assert feed.state.erased.covers("c2", T0)


def test_the_original_of_a_rejected_record_of_the_customer_is_not_kept_and_that_of_others_is() -> None:
    feed = Feed()
    feed.feed(erased(HOUR))
    for key, at in ((WHO.encode(), 0), (b"c2", 0), (WHO.encode(), 2 * HOUR)):
        feed.raw("contact-events", b'{"customer": {"id": "somebody"}', key=key, record_at=T0 + at)
    assert [(one.key, one.value != b"") for one in feed.checkpoint().rejected] == [
        (None, False),
        (b"c2", True),
        (WHO.encode(), True),
    ]


def test_an_erasure_that_is_a_test_erases_nobody() -> None:
    run = Run(*THEIRS, erased(HOUR, test=True))
    assert len(run.state.cases) == 5
    assert len(run.state.erased) == 0


def test_an_erasure_that_comes_days_late_erases_all_the_same() -> None:
    assert Run(*THEIRS, erased(MINUTE, arrives=9 * DAY)).state.cases == {}


# What is read after it

LATER: list[tuple[str, Happening, bool]] = [
    (
        "another topic, read later",
        event("complaint.opened", "R1", HOUR, customer=WHO, kind="claim", channel="post"),
        False,
    ),
    ("a late record of before", opened("C9", HOUR, arrives=30 * HOUR), False),
    ("what the customer does afterwards is new", opened("C9", 3 * HOUR), True),
    ("another customer", opened("C9", HOUR, customer="c2"), True),
]


@pytest.mark.parametrize(("complaint", "happening", "folded"), LATER, ids=[case[0] for case in LATER])
def test_what_is_read_after_the_erasure(complaint: str, happening: Happening, folded: bool) -> None:
    run = Run(erased(2 * HOUR), happening)
    row = next(row for row in run.views.table("feedback_events") if row["event_type"] != "customer.erased")
    assert (len(run.state.cases) == 1) is folded
    assert (row["customer_id"] != "", row["payload"] != "") == (folded, folded)
    assert ("erased_customer" in row["warnings"]) is not folded


def test_a_case_that_goes_on_after_the_erasure_is_another_and_the_old_clocks_stay_masked() -> None:
    goes_on = contact("agent_replied", "C1", 3 * HOUR, actor={"kind": "human"})
    for at_once in (True, False):
        run = Run(opened("C1", 0))
        run = run.then(erased(2 * HOUR), goes_on) if at_once else run.then(erased(2 * HOUR)).then(goes_on)
        assert run.views.clock("C1", "resolve")["customer_id"] == ""
        assert run.views.case("C1")["incomplete"] == 1


@pytest.mark.parametrize("noticed", [True, False], ids=["noticed", "unnoticed"])
def test_a_merge_that_waited_in_vain_reads_so_whether_that_was_noticed_before_the_erasure(noticed: bool) -> None:
    run, erasure = Run(opened("C1", 0)), erased(2 * HOUR)
    merged = contact("merged", "C1", HOUR, into="not here")
    run = run.then(merged, until=2 * HOUR).then(erasure) if noticed else run.then(merged, erasure)
    assert (run.views.case("C1")["state"], run.views.case("C1")["merged_elsewhere"]) == ("merged", 1)


# Whatever crashes, and however it is read


@law
@given(logs(), st.integers(0, 8 * DAY // SECOND), st.data())
def test_a_recovered_state_equals_the_one_that_was_written(log: list[Happening], at: int, data: st.DataObject) -> None:
    feed = Feed(RULES)
    for happening in with_erasure(log, at):
        feed.feed(happening)
        if data.draw(st.booleans()):
            feed.checkpoint()
    feed.checkpoint()
    state, again = feed.state, recovered(feed.messages, RULES)
    for each in (state, again):
        step(each, EMPTY, each.now)
    assert {key: case.events for key, case in again.cases.items()} == {
        key: case.events for key, case in state.cases.items()
    }
    assert {key: case.evaluation.incidents for key, case in again.cases.items()} == {
        key: case.evaluation.incidents for key, case in state.cases.items()
    }
    assert (again.gauges, again.erased.all()) == (state.gauges, state.erased.all())
    assert not any(case.fold.facts.get("customer_id") == "c1" for case in before(again, at))


@law
@given(logs(), st.integers(0, 8 * DAY // SECOND), st.data())
def test_any_batching_with_time_passing_in_between_gives_the_same_views(
    log: list[Happening], at: int, data: st.DataObject
) -> None:
    whole = with_erasure(log, at)
    assert differences(in_any_batches(whole, RULES, data), undisturbed(whole, RULES)) == []


def with_erasure(log: list[Happening], at: int) -> list[Happening]:
    """The log, with customer c1 erased at some second of it."""
    return sorted([*log, erased(at * SECOND, "c1")], key=lambda happening: happening.record_at)


def before(state: PartitionState, at: int) -> list[Any]:
    """Cases with an event of before the erasure; what a merged case gives another one names nobody."""
    return [
        case
        for case in state.cases.values()
        if any(event.occurred_at <= T0 + at * SECOND and "/" not in event.event_id for event in case.events)
    ]


def test_a_log_cut_where_the_rotation_allows_it_still_knows_who_was_erased() -> None:
    run = Run(erased(HOUR)).then(opened("D1", 2 * HOUR, customer="another"))
    assert recovered(run.kept(), RULES).erased.covers(WHO, T0 + HOUR)


def test_erasures_are_bounded_and_the_longest_erased_are_forgotten_in_whatever_order_they_came() -> None:
    one, other = Erased(), Erased()
    pairs = [(number, 1_000 + number) for number in range(ERASED_CUSTOMERS_MAX + 3)]
    one.apply(Change((), pairs), 1)
    other.apply(Change((), pairs[::-1]), 1)
    assert len(one) == len(other) == ERASED_CUSTOMERS_MAX
    assert set(one.all()) == set(other.all()) == set(pairs[3:])


def test_a_second_erasure_covers_what_happened_in_between() -> None:
    run = Run(erased(HOUR), opened("C1", 2 * HOUR), erased(3 * HOUR))
    assert run.state.cases == {}
    assert run.state.erased.covers(WHO, T0 + 2 * HOUR)
