"""What is told twice: taken in, counted once, and warned."""

from typing import Any

import pytest

from tests.processors.cases.journey import HUMAN, RULES, complaint, contact, opened, totals
from tests.processors.feed import DAY, HOUR, MINUTE, SECOND, Feed, Happening, event
from tests.processors.views import Row, Views, differences


def fed(log: list[Happening]) -> Views:
    feed, views = Feed(RULES), Views()
    feed.feed(*log)
    feed.until(2 * DAY)
    views.insert(feed.checkpoint())
    return views


def told(what: str, at: int = HOUR, /, **fields: Any) -> Happening:
    return contact(what, at, **fields)


def again(one: Happening, after: int = 800) -> Happening:
    """The same webhook a moment later, with an id of its own."""
    what, at = one.event["event_type"], one.record_at
    said = {name: value for name, value in one.event.items() if name not in ("event_id", "occurred_at")}
    copy = event(what, said.pop("entity_id"), 0, event_id=f"again.{one.event['event_id']}")
    moment = event(what, "x", at - event(what, "x", 0).record_at + after).event["occurred_at"]
    return Happening(one.topic, {**copy.event, **said, "occurred_at": moment}, at + after)


CLAIM = complaint("opened", 0, kind="claim", channel="post")
MOVED = {"from": "n1", "to": "n2"}
TWICE: list[tuple[str, list[Happening]]] = [
    ("an opening", [opened(priority="high")]),
    ("an assignment", [opened(), told("assigned", owner="ana")]),
    ("a hand-over", [opened(), told("transferred", **MOVED)]),
    ("a caller who gave up", [opened(channel="phone"), told("queued", 0, queue="q"), told("abandoned")]),
    ("a resolution", [opened(), told("resolved", resolution="solved", resolved_level=1, talk_seconds=300)]),
    ("a resolution by closing", [opened(), told("closed")]),
    ("a closing", [opened(), told("resolved", MINUTE), told("closed")]),
    ("a reopening", [opened(), told("resolved", MINUTE), told("reopened")]),
    ("a reopening that somebody has taken", [opened(), told("resolved", MINUTE), told("reopened", 2 * MINUTE),
                                              told("assigned", 2 * MINUTE, owner="ana")]),
    ("spam", [opened(), told("resolved", resolution="spam")]),
    ("a duplicate", [opened(), told("resolved", resolution="duplicate")]),
    ("a merge", [opened(), told("merged", into="C2")]),
    ("a complaint", [CLAIM]),
    ("an acknowledgement", [CLAIM, complaint("acknowledged", HOUR)]),
    ("a decision", [CLAIM, complaint("resolved", HOUR, outcome="upheld")]),
    ("a complaint that is reopened", [CLAIM, complaint("resolved", MINUTE, outcome="upheld"),
                                      complaint("reopened", HOUR)]),
    ("an invitation", [event("survey.invited", "S1", 0, kind="csat", mode="email")]),
]  # fmt: skip


def without_counts_of_events(views: Views) -> tuple[list[Row], list[Row], list[Row], Row]:
    cases = [{k: v for k, v in row.items() if k not in ("events", "last_event_at")} for row in views.cases()]
    return cases, views.clocks(), views.incidents(), totals(views)


@pytest.mark.parametrize(("name", "log"), TWICE, ids=[case[0] for case in TWICE])
@pytest.mark.parametrize("after", [0, 800, 90 * SECOND], ids=["at once", "a moment later", "a minute and a half later"])
def test_told_twice_counts_once_and_is_warned_in_any_order(name: str, log: list[Happening], after: int) -> None:
    once = fed(log)
    for order in (
        [*log, again(log[-1], after)],
        [again(log[-1], after), *log],
        [*log[:-1], again(log[-1], after), log[-1]],
    ):
        twice = fed(order)
        assert without_counts_of_events(twice) == without_counts_of_events(once), name
        warned = [row["warnings"] for row in twice.table("feedback_events")]
        assert sum("repeated" in warnings for warnings in warned) == 1


HANDED_ON = [
    ("from who no longer has it", [("n1", "n2"), ("n2", "n3"), ("n1", "n4")], 2, "n3"),
    ("to who already has it", [("n1", "n2"), ("n3", "n2")], 1, "n2"),
    ("to oneself", [("n1", "n1")], 0, ""),
    ("there and back and there again", [("n1", "n2"), ("n2", "n1"), ("n1", "n2")], 3, "n2"),
    ("from somebody nobody spoke of: a hand-over before it was not told", [("n1", "n2"), ("n7", "n8")], 2, "n8"),
    ("from a person of the team that has it", [("n1", "n2"), ("ana", "eva"), ("n2", "n3")], 3, "n3"),
]


@pytest.mark.parametrize(("name", "transfers", "counted", "team"), HANDED_ON, ids=[case[0] for case in HANDED_ON])
def test_a_hand_over_counts_that_changes_who_has_the_case(
    name: str, transfers: list[tuple[str, str]], counted: int, team: str
) -> None:
    log = [told("transferred", n * MINUTE, **{"from": giver, "to": taker})
           for n, (giver, taker) in enumerate(transfers, 1)]  # fmt: skip
    views = fed([opened(org_unit="es"), *log])
    assert (views.case("C1")["transfers"], views.case("C1")["team"]) == (counted, team), name
    assert totals(views).get("contacts_transferred", 0) == counted


NEWS = [
    ("resolved again after a reopening", [told("resolved", 1), told("reopened", 2), told("resolved", 3)],
     {"contacts_resolved": 2, "contacts_reopened": 1}),
    ("reopened again after a resolution",
     [told("resolved", 1), told("reopened", 2), told("resolved", 3), told("reopened", 4)],
     {"contacts_resolved": 2, "contacts_reopened": 2}),
    ("handed on as before, after a reopening",
     [told("transferred", 1, **MOVED), told("resolved", 2), told("reopened", 3), told("transferred", 4, **MOVED)],
     {"contacts_transferred": 2}),
    ("handed on as before, given back by an assignment",
     [told("transferred", 1, **MOVED), told("assigned", 2, owner="n1"), told("transferred", 3, **MOVED)],
     {"contacts_transferred": 2}),
    ("closed after the resolution", [told("resolved", 1), told("closed", 2)], {"contacts_resolved": 1}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "log", "numbers"), NEWS, ids=[case[0] for case in NEWS])
def test_what_is_news_counts(name: str, log: list[Happening], numbers: Row) -> None:
    views = fed([opened(), *log])
    found = totals(views)
    assert {count: found.get(count, 0) for count in numbers} == numbers, name
    assert not any("repeated" in row["warnings"] for row in views.table("feedback_events"))


def test_what_was_resolved_turns_out_to_be_spam() -> None:
    views = fed([opened(priority="urgent"), told("resolved", 5 * HOUR), told("resolved", 6 * HOUR, resolution="spam")])
    assert {row["state"] for row in views.clocks()} == {"cancelled"}
    assert "resolve_breached" not in totals(views)


def test_a_repetition_may_say_what_nobody_had_said() -> None:
    log = [opened(), told("resolved", resolution="solved")]
    case = fed([*log, told("resolved", HOUR + 800, resolution="informed", product="fibre")]).case("C1")
    assert (case["resolution"], case["product"]) == ("solved", "fibre")


def test_an_opening_that_is_told_twice_leaves_the_priority_that_it_has_by_then() -> None:
    log = [opened(priority="low"), told("priority_changed", 1, **{"from": "low", "to": "urgent"}),
           opened(MINUTE, event_id="2", priority="low")]  # fmt: skip
    for order in (log, log[::-1]):
        assert fed(order).case("C1")["priority"] == "urgent"
    assert differences(fed(log), fed(log[::-1])) == []


def test_an_answer_of_a_person_is_no_repetition_of_one_of_a_bot() -> None:
    log = [opened(channel="phone"), told("answered", 1, actor={"kind": "bot"}), told("answered", 2, actor=HUMAN)]
    assert totals(fed(log))["contacts_answered"] == 1
