"""The bound of a case: replies that change nothing leave from its middle, and nothing that is promised changes."""

from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.cases.bound import NEVER_IDLE, idle_replies
from tests import laws
from tests.laws.journeys import of_seed
from tests.processors.feed import DAY, HOUR, MINUTE, SECOND, Feed, Happening, event, rules
from tests.processors.views import Views

EVERY_CLOCK = Path(laws.__file__).parent / "every_clock.yaml"
BOUND = 8
RULES, UNBOUND = rules(case_events_max=BOUND), rules(case_events_max=10_000)
CHATTY: list[tuple[str, dict[str, Any]]] = [
    ("customer_replied", {}),
    ("customer_replied", {}),
    ("customer_replied", {}),
    ("customer_replied", {"product": "fibre"}),
    ("agent_replied", {"actor": {"kind": "human"}}),
    ("agent_replied", {"actor": {"kind": "human"}}),
    ("agent_replied", {"actor": {"kind": "bot"}}),
    ("agent_replied", {"actor": {"kind": "human"}, "public": False}),
    ("waiting_customer", {"reason": "info"}),
    ("assigned", {"owner": "ana"}),
    ("resolved", {"resolution": "solved"}),
    ("reopened", {"reason": "not_fixed"}),
    ("priority_changed", {"from": "normal", "to": "urgent"}),
]


def contact(kind: str, at: int, **fields: Any) -> Happening:
    return event(f"contact.{kind}", "C1", at, **fields)


def opened(**fields: Any) -> Happening:
    return contact("opened", 0, **{"direction": "inbound", "channel": "email", "category": "billing"} | fields)


def replies(count: int, kind: str = "customer_replied", first: int = 1) -> list[Happening]:
    return [contact(kind, (first + n) * SECOND) for n in range(count)]


def shown(rules_: Any, log: list[Happening]) -> Views:
    feed, views = Feed(rules_), Views()
    feed.feed(*log)
    feed.until(40 * DAY)
    views.insert(feed.checkpoint())
    return views


def promised(views: Views) -> Any:
    """All that is said of clocks, KPIs and incidents, and of cases but how many events they are folded from."""
    cases = [{k: v for k, v in row.items() if k != "events_left_out"} for row in views.table("cases")]
    return cases, views.clocks(), views.table("incidents"), views.kpis()


def marked(views: Views) -> bool:
    return any("beyond_case_events" in row["warnings"] for row in views.table("feedback_events"))


def test_replies_in_the_middle_leave_and_are_counted() -> None:
    feed, views = Feed(RULES), Views()
    log = [opened(), *replies(20), contact("resolved", MINUTE, resolution="solved")]
    feed.feed(*log)
    (case,) = feed.state.cases.values()
    left = [one for one in log if one.event["event_id"] not in {kept.event_id for kept in case.events}]
    assert (len(case.events), case.left_out, feed.state.dropped["case_events"]) == (BOUND, len(left), len(left))
    assert left == log[4:-4], "from the middle, by the order of the case"
    views.insert(feed.checkpoint())
    assert (views.case("C1")["events"], views.case("C1")["events_left_out"]) == (len(log), len(left))
    assert not marked(views), "nothing that it says would be another thing with them"


@pytest.mark.parametrize("seed", range(20))
def test_which_replies_leave_follows_from_the_events_and_not_from_their_arrival(seed: int) -> None:
    log = [opened(), *replies(40), contact("resolved", MINUTE, resolution="solved")]
    shuffled = log.copy()
    Random(seed).shuffle(shuffled)
    (one,), (other,) = (_fed(order).state.cases.values() for order in (log, shuffled))
    assert [kept.event_id for kept in one.events] == [kept.event_id for kept in other.events]
    assert one.left_out == other.left_out


def _fed(log: list[Happening]) -> Feed:
    feed = Feed(RULES)
    feed.feed(*log)
    return feed


@st.composite
def chats(draw: st.DrawFn) -> list[Happening]:
    at, log = 0, [opened(seq=0)]
    steps = st.lists(st.sampled_from(CHATTY), min_size=BOUND, max_size=NEVER_IDLE * BOUND - 1)
    for seq, (kind, fields) in enumerate(draw(steps), 1):
        at += draw(st.sampled_from([0, SECOND, 20 * MINUTE, 5 * HOUR]))
        log.append(contact(kind, at, seq=seq, **fields))
    return log


@settings(max_examples=150)
@given(chats())
def test_a_case_in_order_says_what_it_would_say_with_all_of_its_events(log: list[Happening]) -> None:
    bounded = shown(RULES, log)
    assert promised(bounded) == promised(shown(UNBOUND, log))
    assert not marked(bounded)


@settings(max_examples=150)
@given(chats(), st.data())
def test_in_any_order_too_unless_an_event_says_that_replies_around_it_have_left(
    log: list[Happening], data: st.DataObject
) -> None:
    arrival = data.draw(st.permutations(log))
    end = max(happening.record_at for happening in log)
    shuffled = [Happening(one.topic, one.event, end) for one in arrival]
    bounded = shown(RULES, shuffled)
    if not marked(bounded):
        assert promised(bounded) == promised(shown(UNBOUND, shuffled))


@settings(max_examples=100)
@given(chats(), st.integers(1, 40))
def test_a_crash_leaves_the_same(log: list[Happening], at: int) -> None:
    feed, views = Feed(RULES), Views()
    feed.feed(*log[:at])
    views.insert(feed.checkpoint())
    feed.restart()
    feed.feed(*log[at:])
    feed.restart()
    feed.until(40 * DAY)
    views.insert(feed.checkpoint())
    undisturbed = shown(RULES, log)
    assert promised(views) == promised(undisturbed)
    assert views.case("C1") == undisturbed.case("C1")


def test_what_lands_among_replies_that_have_left_is_marked() -> None:
    views = shown(RULES, [opened(), *replies(40), contact("agent_replied", 20_500, arrives=41 * SECOND)])
    assert [row["event_type"] for row in views.table("feedback_events") if "beyond_case_events" in row["warnings"]] == [
        "contact.agent_replied"
    ]


def test_what_says_something_new_or_is_spoken_of_stays() -> None:
    feed = Feed(RULES)
    said = contact("customer_replied", 15 * SECOND, product="fibre", event_id="said")
    corrected = contact("corrected", 30 * SECOND, corrects_event_id="m", values={"category": "delivery"})
    of_it = contact("customer_replied", 16 * SECOND + 1, event_id="m")
    feed.feed(opened(), said, of_it, corrected, *replies(12, first=16), *replies(9, first=40))
    (case,) = feed.state.cases.values()
    assert {"said", "m"} <= {kept.event_id for kept in case.events}
    assert case.fold.facts["product"] == "fibre"


def test_answers_are_not_idle_where_each_begins_the_next_promise() -> None:
    every_clock = rules(policies=(EVERY_CLOCK,))
    feed = Feed(every_clock)
    feed.feed(opened(), *replies(5, "agent_replied"))
    (case,) = feed.state.cases.values()
    assert idle_replies(case.events, every_clock.promises) == []
    assert len(idle_replies(case.events, UNBOUND.promises)) == 3


def test_of_what_matters_the_middle_leaves_at_last_and_the_end_holds() -> None:
    feed, views = Feed(RULES), Views()
    for n in range(NEVER_IDLE * BOUND):
        kind, fields = [("resolved", {"resolution": "solved"}), ("reopened", {"reason": "not_fixed"})][n % 2]
        feed.feed(opened() if n == 0 else contact(kind, n * MINUTE, **fields))
    (case,) = feed.state.cases.values()
    assert (len(case.events), case.left_out) == (NEVER_IDLE * BOUND, 0)
    feed.feed(contact("resolved", 10 * HOUR, resolution="solved"))
    feed.feed(contact("closed", 11 * HOUR))
    views.insert(feed.checkpoint())
    left = BOUND + 1
    assert (len(case.events), case.left_out) == (NEVER_IDLE * BOUND + 2 - left, left)
    assert [one.type for one in case.events[:2] + case.events[-2:]] == ["opened", "reopened", "resolved", "closed"]
    assert (views.case("C1")["state"], views.case("C1")["events_left_out"]) == ("closed", left)
    assert [row["event_type"] for row in views.table("feedback_events") if row["warnings"]] == ["contact.resolved"]


def test_a_case_costs_no_more_events_than_its_bound_whatever_comes() -> None:
    feed = Feed(RULES)
    for happening in of_seed(3, 1):
        feed.feed(happening)
    for n in range(600):
        kind, fields = CHATTY[n % len(CHATTY)]
        feed.feed(event(f"contact.{kind}", "E1", n * MINUTE, **fields))
    assert max(len(case.events) for case in feed.state.cases.values()) <= NEVER_IDLE * BOUND


def test_cases_without_end_that_are_merged_into_one_do_not_make_it_grow() -> None:
    feed = Feed(RULES)
    feed.feed(opened())
    for n in range(NEVER_IDLE * BOUND + 20):
        other = event("contact.opened", f"X{n}", n * MINUTE, direction="inbound", channel="email")
        feed.feed(other, event("contact.merged", f"X{n}", n * MINUTE + SECOND, into="C1"))
    assert max(len(case.events) for case in feed.state.cases.values()) <= NEVER_IDLE * BOUND
