"""The order in which cases that are over leave."""

from typing import Any

from processors.cases.events import CaseKey
from processors.state.leaving import LeavingOrder
from schemas.topics import CONTACTS
from tests.processors.feed import HOUR, MINUTE, SECOND, T0, Feed, Happening, event, rules

RULES = rules()
NEVER_EXPIRED = 0


def contact(entity_id: str, kind: str, at: int, **fields: Any) -> Happening:
    return event(f"contact.{kind}", entity_id, at, **fields)


def opened(entity_id: str, at: int) -> Happening:
    return contact(entity_id, "opened", at, direction="inbound", channel="email")


def resolved(entity_id: str, at: int) -> Happening:
    return contact(entity_id, "resolved", at, resolution="solved")


def order_of(feed: Feed) -> list[str]:
    """Every case that is over, in the order in which they would leave."""
    leaving, cases, found = feed.state.leaving[CONTACTS], feed.state.cases, list[CaseKey]()
    while (case := leaving.pop(cases, NEVER_EXPIRED)) is not None:
        found.append(case.key)
    return [entity_id for _, _, entity_id in found]


def test_the_one_that_was_moved_longest_ago_is_first_whatever_came_last() -> None:
    feed = Feed(RULES)
    feed.feed(*(opened(name, n) for n, name in enumerate("ABCD")))
    feed.feed(resolved("B", HOUR), resolved("A", 2 * HOUR), resolved("C", 3 * HOUR))
    feed.feed(contact("B", "customer_replied", 4 * HOUR))
    assert order_of(feed) == ["A", "C", "B"]
    assert order_of(feed) == [], "each once"


def test_it_is_the_same_after_a_restart() -> None:
    feed = Feed(RULES)
    feed.feed(*(opened(name, n) for n, name in enumerate("ABC")), *(resolved(name, HOUR) for name in "CAB"))
    feed.checkpoint()
    feed.restart()
    assert order_of(feed) == ["A", "B", "C"]


def test_what_is_open_again_or_gone_is_passed_over() -> None:
    feed = Feed(RULES)
    feed.feed(*(opened(name, n) for n, name in enumerate("ABC")), *(resolved(name, HOUR) for name in "ABC"))
    feed.feed(contact("A", "reopened", HOUR + 1, reason="not_fixed"))
    feed.state.cases.remove(feed.state.cases[CONTACTS, "crm", "B"])
    assert order_of(feed) == ["C"]
    feed.feed(resolved("A", HOUR + 2))
    assert order_of(feed) == ["A"]


def test_what_is_still_owed_waits_until_it_has_expired() -> None:
    feed = Feed(RULES)
    invited = event("survey.invited", "S", 0, kind="csat", mode="email")
    feed.feed(invited, event("survey.answered", "S", MINUTE, kind="csat", mode="email", score=1))
    (case,) = feed.state.cases.values()
    leaving = feed.state.leaving[case.key[0]]
    assert not case.owes_nothing
    assert leaving.pop(feed.state.cases, T0 + HOUR) is None
    assert leaving.pop(feed.state.cases, case.settled_at + 1) is case


def test_once_nothing_is_owed_any_more_it_leaves_with_the_others_though_nothing_moved() -> None:
    feed = Feed(RULES)
    feed.feed(opened("A", 0), resolved("A", SECOND))
    (case,) = feed.state.cases.values()
    leaving = LeavingOrder()
    clock = case.fold.clocks[-1]
    phase, clock.phase = clock.phase, "running"
    case.leaves_by = None
    leaving.note(case, case.settled_at, feed.state.cases)
    assert leaving.pop(feed.state.cases, NEVER_EXPIRED) is None
    clock.phase = phase
    leaving.note(case, case.settled_at, feed.state.cases)
    assert leaving.pop(feed.state.cases, NEVER_EXPIRED) is case


def test_a_case_that_is_moved_without_end_does_not_make_it_grow() -> None:
    feed = Feed(RULES)
    feed.feed(opened("A", 0), resolved("A", SECOND))
    leaving: LeavingOrder = feed.state.leaving[CONTACTS]
    for n in range(3_000):
        feed.feed(contact("A", "customer_replied", 2 * SECOND + n))
    assert len(leaving) <= 1_100
    assert order_of(feed) == ["A"]
