"""Eviction: which cases leave when there is no room, what is said of it, and events of keys that left."""

import json
from pathlib import Path
from typing import Any

import pytest

from processors.patterns import registry
from processors.state.partition import PartitionState
from processors.worker import census
from schemas.topics import COMPLAINTS, CONTACTS
from tests.processors.feed import DAY, HOUR, MINUTE, T0, Feed, Happening, event, recovered, rules
from tests.processors.views import Row, Views

EVERY_CLOCK = Path(__file__).parents[2] / "laws" / "every_clock.yaml"
RETENTION = 30 * DAY
RULES = rules(cases_max=3, case_retention_days=30)


def contact(entity_id: str, at: int, kind: str = "opened", **fields: Any) -> Happening:
    usual = {"direction": "inbound", "channel": "email"} if kind == "opened" else {}
    return event(f"contact.{kind}", entity_id, at, **{"customer": entity_id} | usual | fields)


def resolved(entity_id: str, at: int) -> Happening:
    return contact(entity_id, at, "resolved", resolution="solved")


def held(state: PartitionState) -> list[str]:
    return [key[2] for key in state.cases]


def warnings_of(views: Views) -> dict[str, tuple[str, ...]]:
    return {row["event_id"]: row["warnings"] for row in views.table("feedback_events") if row["warnings"]}


def own(views: Views) -> list[Row]:
    return [row for row in views.table("incidents") if row["subject"] == "oidor|0"]


class Run:
    def __init__(self, rules_: Any = RULES) -> None:
        self.feed, self.views = Feed(rules_), Views()

    def then(self, *log: Happening, until: int | None = None) -> "Run":
        self.feed.feed(*log)
        if until is not None:
            self.feed.until(until)
        self.views.insert(self.feed.checkpoint())
        return self

    @property
    def state(self) -> PartitionState:
        return self.feed.state


# Who leaves


def test_what_is_over_leaves_first_the_oldest_first_and_open_cases_stay() -> None:
    run = Run().then(contact("A", 0), contact("B", 1), resolved("B", HOUR), contact("C", 2), resolved("C", MINUTE))
    assert held(run.then(contact("D", 2 * HOUR)).state) == ["A", "B", "D"]
    assert held(run.then(contact("E", 3 * HOUR)).state) == ["A", "D", "E"]
    assert (run.state.dropped["cases"], run.state.dropped["open_cases"]) == (2, 0)
    assert own(run.views) == []
    assert run.views.case("B")["state"] == "resolved", "what was written of it stands"


def test_one_that_is_reopened_does_not_leave_as_one_that_is_over() -> None:
    run = Run().then(contact("A", 0), resolved("A", 1), contact("B", 2), resolved("B", MINUTE), contact("C", MINUTE))
    run.then(contact("A", HOUR, "reopened", reason="not_fixed"), contact("D", 2 * HOUR))
    assert held(run.state) == ["A", "C", "D"]


def test_a_closed_case_whose_final_response_is_still_owed_leaves_as_an_open_one() -> None:
    run = Run(rules(cases_max=2, case_retention_days=30, policies=(EVERY_CLOCK,)))
    complaint = event("complaint.opened", "A", 0, kind="claim", channel="email", customer="A")
    run.then(complaint, event("complaint.closed", "A", MINUTE, customer="A"))
    run.then(
        event("complaint.opened", "B", HOUR, kind="claim", channel="email", customer="B"),
        event("complaint.resolved", "B", 2 * HOUR, customer="B", outcome="upheld"),
        event("complaint.opened", "C", 3 * HOUR, kind="claim", channel="email", customer="C"),
    )
    assert held(run.state) == ["A", "C"]


def test_each_topic_has_its_own_room() -> None:
    run = Run().then(*(contact(f"A{n}", n) for n in range(3)))
    run.then(*(event("complaint.opened", f"R{n}", n, kind="claim", channel="email") for n in range(3)))
    assert len(run.state.cases) == 6
    run.then(contact("A3", HOUR))
    assert {topic: run.state.cases.of_topic[topic] for topic in (CONTACTS, COMPLAINTS)} == {CONTACTS: 3, COMPLAINTS: 3}


# What is said


def test_an_open_case_that_leaves_has_a_last_row_and_keeps_what_was_broken() -> None:
    run = Run().then(contact("A", 0, priority="urgent"), until=HOUR)
    run.then(*(contact(name, 8 * DAY) for name in "BCD"))
    assert run.views.case("A")["state"] == "evicted"
    assert {row["state"] for row in run.views.clocks() if row["entity_id"] == "A"} <= {"breached", "cancelled"}
    assert run.views.clock("A", "resolve")["state"] == "breached"
    incidents = [row for row in run.views.incidents() if row["entity_id"] == "A"]
    assert {row["state"] for row in incidents} == {"closed"}
    assert {row["close_reason"] for row in incidents if row["pattern"] == "P02"} == {"evicted"}


def test_a_clock_that_still_ran_is_neither_kept_nor_broken() -> None:
    run = Run().then(*(contact(name, n) for n, name in enumerate("ABCD")), until=20 * DAY)
    assert {row["state"] for row in run.views.clocks() if row["entity_id"] == "A"} == {"cancelled"}
    assert not [row for row in run.views.incidents() if row["entity_id"] == "A"]


def test_one_incident_of_ours_counts_and_names_them_and_ends_when_none_has_left_for_an_hour() -> None:
    run = Run().then(*(contact(f"A{n}", n * MINUTE) for n in range(5)))
    (row,) = own(run.views)
    assert (row["pattern"], row["severity"], row["state"]) == ("evicted_cases", "critical", "open")
    assert (row["opened_at"], row["updated_at"]) == (T0 + 3 * MINUTE, T0 + 4 * MINUTE)
    assert json.loads(row["evidence"]) == {"cases": 2, "cases_max": 3, "named": ["crm:A0", "crm:A1"]}
    assert run.state.gauges["incidents_open", "evicted_cases", "critical", ""] == 1
    run.feed.restart()
    assert run.state.gauges["incidents_open", "evicted_cases", "critical", ""] == 1
    (row,) = own(run.then(contact("A5", HOUR)).views)
    assert json.loads(row["evidence"])["cases"] == 3
    (row,) = own(run.then(until=3 * HOUR).views)
    assert (row["state"], row["close_reason"], row["closed_at"]) == ("closed", "quiet", T0 + 2 * HOUR)
    assert ("incidents_open", "evicted_cases", "critical", "") not in run.state.gauges
    assert len(own(run.then(contact("A6", 5 * HOUR)).views)) == 2, "another shortage is another incident"


def test_an_incident_of_a_subject_that_loses_its_last_case_does_not_stay_open() -> None:
    log = [contact(f"A{n}", n * HOUR, customer="c1", category="billing") for n in range(3)]
    run = Run().then(*log)
    assert [row["state"] for row in run.views.incidents() if row["pattern"] == "P08"] == ["open"]
    run.then(*(contact(f"B{n}", DAY + n) for n in range(3)))
    (row,) = [row for row in run.views.incidents() if row["pattern"] == "P08"]
    assert (row["state"], row["close_reason"]) == ("closed", "evicted")
    assert "P08" in registry.SUBJECT_PATTERNS
    assert not [gauge for gauge in run.state.gauges if gauge[:2] == ("incidents_open", "P08")]


def test_the_retention_that_is_held_is_shown() -> None:
    run = Run().then(contact("A", 0), resolved("A", HOUR))
    assert census([run.state], T0).case_retention_seconds == 30 * 86_400
    run.then(*(contact(name, 2 * DAY) for name in "BCD"))
    assert census([run.state], T0).case_retention_seconds == 2 * 86_400 - 3_600
    run.feed.restart()
    run.then(contact("D", 3 * DAY, "customer_replied"))
    assert census([run.state], T0).case_retention_seconds == 3 * 86_400 - 3_600, (
        "and grows again while none leaves early"
    )
    assert census([], T0).case_retention_seconds is None


@pytest.mark.parametrize("early", [True, False], ids=["for want of room", "expired"])
@pytest.mark.parametrize("noticed", [True, False], ids=["its time noticed", "not noticed"])
def test_a_merge_that_waits_for_its_survivor_ends_when_its_case_leaves(early: bool, noticed: bool) -> None:
    run = Run(rules(cases_max=1 if early else 3, case_retention_days=1))
    run.then(contact("A", 0), contact("A", MINUTE, "merged", into="Z"), until=HOUR if noticed else None)
    run.then(contact("B", 3 * DAY), contact("A", 3 * DAY, "customer_replied"))
    assert held(run.state) == ["B"]
    assert (run.views.case("A")["merged_into"], run.views.case("A")["merged_elsewhere"]) == ("Z", 1)
    assert {row["state"] for row in run.views.clocks() if row["entity_id"] == "A"} == {"cancelled"}


# Who is over long ago, and was heard of today

LATER = 40 * DAY
OLD = [contact("A", 0), resolved("A", HOUR)]


def late(kind: str, at: int, arrives: int, **fields: Any) -> Happening:
    return contact("A", at, kind, arrives=arrives, **fields)


IMPORTED = [late("opened", 0, LATER, direction="inbound", channel="email"), late("resolved", HOUR, LATER)]
RETURNS = late("reopened", LATER + MINUTE, LATER + MINUTE, reason="not_fixed")

MOVED: list[tuple[str, list[Happening], list[Happening]]] = [
    ("imported whole, then closed long ago", IMPORTED, [late("closed", 2 * HOUR, LATER + MINUTE)]),
    ("imported whole, and reopened today", IMPORTED, [RETURNS]),
    ("imported, and the rest of it an hour later", IMPORTED[:1], [late("resolved", HOUR, LATER + HOUR), RETURNS]),
    ("imported, and put right", IMPORTED, [late("corrected", LATER, LATER + MINUTE, values={"channel": "chat"},
                                                corrects_event_id="A.opened.0.")]),
    ("told today of what happened long ago, behind its end", [*OLD, late("closed", 2 * HOUR, 20 * DAY)], [RETURNS]),
    ("told today of what happened before its end", [*OLD, late("agent_replied", MINUTE, 20 * DAY)], [RETURNS]),
    ("told by a record that is put right on its last day", [*OLD, late("closed", 2 * HOUR, 29 * DAY)],
     [late("transferred", 30 * MINUTE, LATER, **{"from": "n1", "to": "n2"}), late("customer_replied", LATER + DAY,
                                                                               LATER + DAY)]),
]  # fmt: skip


@pytest.mark.parametrize("restarted", [False, True], ids=["", "restarted"])
@pytest.mark.parametrize(("name", "before", "after"), MOVED, ids=[case[0] for case in MOVED])
def test_what_was_heard_of_within_the_retention_is_here(
    name: str, before: list[Happening], after: list[Happening], restarted: bool
) -> None:
    run = Run().then(*before, until=min(LATER, before[-1].record_at - T0))
    for happening in after:
        run.then(contact("LIVE", happening.record_at - T0 - 1), until=happening.record_at - T0 - 1)
        if restarted:
            run.feed.restart()
        run.then(happening)
    assert {warning for row in warnings_of(run.views).values() for warning in row} <= {"out_of_order", "repeated"}
    assert run.views.case("A")["events"] == len(before) + len(after)


def test_it_leaves_when_nothing_was_heard_of_it_for_the_whole_retention() -> None:
    run = Run().then(*IMPORTED, until=LATER + RETENTION - MINUTE)
    assert held(run.state) == ["A"]
    run.then(
        contact("LIVE", LATER + RETENTION + MINUTE),
        late("closed", LATER + RETENTION + 2 * MINUTE, LATER + RETENTION + 2 * MINUTE),
        until=LATER + RETENTION + HOUR,
    )
    assert held(run.state) == ["LIVE"]
    assert {*warnings_of(run.views).values()} == {("beyond_retention",)}


@pytest.mark.parametrize("over", [False, True], ids=["open", "over"])
def test_of_too_many_those_leave_first_that_were_heard_of_the_longest_ago(over: bool) -> None:
    old = [contact("A", -DAY, arrives=LATER), contact("B", HOUR), contact("C", 2 * HOUR)]
    ended = [contact("A", -DAY + 1, "resolved", arrives=LATER), resolved("B", 3 * HOUR), resolved("C", 4 * HOUR)]
    log = sorted([*old, *ended] if over else old, key=lambda happening: happening.record_at)
    run = Run(rules(cases_max=3, case_retention_days=300)).then(*log, contact("D", LATER + HOUR))
    assert sorted(held(run.state)) == ["A", "C", "D"]


# What comes of keys that left


@pytest.mark.parametrize("restarted", [False, True])
def test_an_event_of_a_key_that_left_is_stored_and_folds_nothing(restarted: bool) -> None:
    run = Run().then(*(contact(name, n) for n, name in enumerate("ABCD")))
    before = run.views.kpi_totals()
    if restarted:
        run.feed.restart()
    run.then(contact("A", 1, "agent_replied", arrives=HOUR), contact("A", HOUR, event_id="again"), until=20 * DAY)
    assert held(run.state) == ["B", "C", "D"]
    assert warnings_of(run.views) == {"A.agent_replied.1.": ("beyond_retention",), "again": ("beyond_retention",)}
    assert run.views.kpi_totals()["contacts_opened"] == before["contacts_opened"]
    assert run.views.case("A")["events"] == 1


def test_a_duplicate_of_a_key_that_left_is_a_duplicate() -> None:
    run = Run().then(*(contact(name, n) for n, name in enumerate("ABCD")), contact("A", 0, arrives=HOUR))
    assert sum(progress.duplicate for progress in run.state.progress.values()) == 1
    assert warnings_of(run.views) == {}


def test_a_key_is_known_to_have_left_whether_or_not_time_was_noticed_to_pass() -> None:
    log = [contact("A", 0), resolved("A", HOUR), contact("B", RETENTION + 2 * HOUR)]
    for until in (None, RETENTION + 3 * HOUR):
        run = Run().then(*log, until=until)
        run.then(contact("A", RETENTION + 3 * HOUR, "reopened", reason="not_fixed"))
        assert warnings_of(run.views) == {f"A.reopened.{RETENTION + 3 * HOUR}.": ("beyond_retention",)}


def test_what_is_older_than_all_that_is_remembered_opens_a_case_only_by_an_opening_and_says_so() -> None:
    forgetful = rules(cases_max=1, case_retention_days=30, departed_max_keys=4, dedup_max_ids=4, disorder=3_600)
    run = Run(forgetful).then(*(contact(f"A{n}", n * MINUTE) for n in range(10)))
    assert min(run.state.departed[CONTACTS].since, run.state.seen[CONTACTS].since) > T0 + 4 * MINUTE
    run.then(
        contact("X", 2 * MINUTE, "customer_replied", arrives=10 * MINUTE),
        contact("Y", 2 * MINUTE, arrives=11 * MINUTE),
        contact("Z", 11 * MINUTE + 1, "customer_replied"),
    )
    assert warnings_of(run.views) == {
        f"X.customer_replied.{2 * MINUTE}.": ("beyond_retention",),
        f"Y.opened.{2 * MINUTE}.": ("maybe_repeated",),
        f"Z.customer_replied.{11 * MINUTE + 1}.": ("missing_open",),
    }
    assert {row["entity_id"] for row in run.views.cases()} == {*(f"A{n}" for n in range(10)), "Y", "Z"}


def test_while_nothing_was_forgotten_an_unknown_key_is_new_however_old() -> None:
    run = Run(rules(cases_max=1, case_retention_days=30, dedup_max_ids=4, disorder=3_600))
    run.then(*(contact(f"A{n}", n * MINUTE) for n in range(10)), contact("X", 1, "customer_replied", arrives=HOUR))
    assert run.state.seen[CONTACTS].since > T0
    assert census([run.state], T0).departed_seconds is None
    assert warnings_of(run.views)[f"X.customer_replied.{1}."] == ("missing_open",)


def test_keys_that_left_survive_the_compaction_of_the_log() -> None:
    feed = Feed(rules(cases_max=2, case_retention_days=30))
    for n in range(40):
        feed.feed(contact(f"A{n}", n * MINUTE))
        feed.checkpoint()
    again = recovered(feed.messages, feed.rules)
    assert len(feed.messages) < sum(len(delta.messages) for delta in feed.deltas), "the log was cut"
    assert again.entries() == feed.state.entries()
    assert again.entries()["departed_keys"] == 38
    assert [*again.departed[CONTACTS].snapshot()] != []
