"""Whose a survey is that names a contact or a complaint: that one's, whichever comes first and whatever comes later."""

from itertools import permutations
from typing import Any

import pytest

from processors.pipeline import linking
from processors.pipeline.set_back import set_back
from tests.laws.disturbances import EVERY_CLOCK
from tests.processors.feed import DAY, HOUR, MINUTE, T0, Feed, Happening, event, rules
from tests.processors.views import Views, differences, views_after

RULES = rules(policies=(EVERY_CLOCK,), disorder=60 * 86_400, kpi_memory=90 * 86_400)


def opened(entity_id: str = "C1", at: int = 0, source: str = "desk", **fields: Any) -> Happening:
    said: dict[str, Any] = {"org_unit": "es/care/billing", "channel": "chat", **fields}
    return event("contact.opened", entity_id, at, source=source, direction="inbound", **said)


def contact(what: str, at: int, **fields: Any) -> Happening:
    return event(f"contact.{what}", "C1", at, source="desk", **fields)


def complaint(at: int = 0, **fields: Any) -> Happening:
    return event("complaint.opened", "R1", at, source="claims", kind="claim", **fields)


def answer(at: int = HOUR, entity_id: str = "S1", **fields: Any) -> Happening:
    said: dict[str, Any] = {"kind": "csat", "mode": "email", "score": 5, "links": {"contact_id": "C1"}, **fields}
    return event("survey.answered", entity_id, at, source="survey", **said)


def invited(at: int = MINUTE, **fields: Any) -> Happening:
    said: dict[str, Any] = {"kind": "csat", "mode": "email", **fields}
    return event("survey.invited", "S1", at, source="survey", **said)


def whose(views: Views, count: str = "csat_answered") -> dict[str, set[str]]:
    """Dimension -> the values that an answer counts for."""
    found: dict[str, set[str]] = {}
    for row in views.kpis():
        if row[count] and row["dimension"] in ("area", "team", "channel", "product", "area_channel"):
            found.setdefault(row["dimension"], set()).add(row["dimension_value"])
    return found


BILLING = {"area": {"es"}, "team": {"billing"}, "channel": {"chat"}, "area_channel": {"es|chat"}}
CASES: list[tuple[str, list[Happening], dict[str, set[str]]]] = [
    ("the contact that it names", [opened(), answer()], BILLING),
    ("the contact's, not that of who asked", [opened(), answer(channel="email", org_unit="pt/x/y")], BILLING),
    ("its own, where the contact says nothing", [opened(), answer(product="loan")], {**BILLING, "product": {"loan"}}),
    ("the invitation names it", [opened(), invited(links={"contact_id": "C1"}), answer(links={})], BILLING),
    ("handed on before", [opened(), contact("transferred", MINUTE, **{"from": "billing", "to": "l2"}), answer()],
     {**BILLING, "team": {"l2"}}),
    ("known later", [opened(), answer(), contact("reclassified", DAY, product="card")],
     {**BILLING, "product": {"card"}}),
    ("put right later",
     [opened(event_id="wrong", channel="phone"), answer(),
      contact("corrected", DAY, corrects_event_id="wrong", values={"channel": "chat"})], BILLING),
    ("a complaint", [complaint(org_unit="pt/a/legal", channel="post"), answer(links={"complaint_id": "R1"})],
     {"area": {"pt"}, "team": {"legal"}, "channel": {"post"}, "area_channel": {"pt|post"}}),
    ("of both the contact", [opened(), complaint(org_unit="pt/a/legal"),
                             answer(links={"complaint_id": "R1", "contact_id": "C1"})], BILLING),
    ("of both the one that is here", [opened(), answer(links={"complaint_id": "R9", "contact_id": "C1"})], BILLING),
    ("of two desks that of the customer",
     [opened(source="a", customer="c2", org_unit="pt/x/y"), opened(), answer()], BILLING),
    ("a changed answer, once", [opened(), answer(score=1), answer(2 * HOUR, score=4)], BILLING),
    ("nobody's, when the contact is not here", [opened("C2"), answer()], {}),
    ("its own, when the contact is not here", [answer(org_unit="es/care/billing", channel="chat")], BILLING),
]  # fmt: skip


@pytest.mark.parametrize(("name", "log", "expected"), CASES, ids=[name for name, *_ in CASES])
def test_an_answer_counts_for_who_dealt_with_the_case_that_it_names(
    name: str, log: list[Happening], expected: dict[str, set[str]]
) -> None:
    shown = [views_after(order, rules_=RULES) for order in permutations(log)]
    for views in shown:
        assert whose(views) == expected
        assert views.kpi_totals()["csat_answered"] == 1
        assert differences(views, shown[0]) == []


def test_the_promise_to_call_an_unhappy_customer_is_of_the_same_team() -> None:
    for order in permutations([opened(), answer(score=1), contact("reclassified", DAY, product="card")]):
        views = views_after(order, rules_=RULES)
        clock = views.clock("S1", "follow_up")
        assert (clock["area"], clock["team"], clock["channel"]) == ("es", "billing", "chat")
        assert whose(views, "follow_up_breached") == {**BILLING, "product": {"card"}}


def test_a_crash_and_a_contact_that_has_left_change_nothing_of_it() -> None:
    feed, views = Feed(RULES), Views()
    feed.feed(opened(), answer())
    views.insert(feed.checkpoint())
    feed.restart()
    (survey,) = (case for key, case in feed.state.cases.items() if key[2] == "S1")
    assert survey.fold.place.team == "billing"
    assert not feed.state.changed
    leaving = feed.state.cases["contact-events", "desk", "C1"]
    feed.state.cases.remove(leaving)
    feed.feed(answer(2 * HOUR, score=1))
    views.insert(feed.checkpoint())
    assert whose(views) == BILLING


def test_an_id_that_hundreds_of_surveys_name_is_no_contact_of_a_customer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linking, "SURVEYS_MAX", 3)
    log = [opened(), *(answer(entity_id=f"S{number}") for number in range(4))]
    few = views_after(log[:4], rules_=RULES)
    assert whose(few) == BILLING
    for order in permutations(log):
        assert whose(views_after(order, rules_=RULES)) == {}


def test_who_leaves_is_named_by_nobody() -> None:
    feed = Feed(RULES)
    feed.feed(opened(), answer())
    assert len(feed.state.links.of_case) == 1
    feed.feed(event("customer.erased", "c1", 2 * HOUR))
    assert len(feed.state.links.of_case) == 0


def warned(views: Views) -> set[str]:
    return {row["entity_id"] for row in views.table("feedback_events") if "dangling_reference" in row["warnings"]}


@pytest.mark.parametrize(
    ("name", "log", "expected"),
    [
        ("a contact that is nowhere", [answer(), opened("C2", HOUR)], {"S1"}),
        ("a complaint that is nowhere", [answer(links={"complaint_id": "R1"}), opened("C2", HOUR)], {"S1"}),
        ("one of the two is here", [opened(), answer(links={"contact_id": "C1", "complaint_id": "R9"})], set()),
        ("no case is named", [answer(links={})], set()),
        ("the contact comes minutes later", [answer(), opened(at=HOUR, arrives=HOUR + 9 * MINUTE)], set()),
        ("the contact comes too late", [answer(), opened(at=HOUR, arrives=HOUR + 11 * MINUTE)], {"S1"}),
    ],
)
def test_an_answer_is_warned_when_what_it_names_did_not_come_in_ten_minutes(
    name: str, log: list[Happening], expected: set[str]
) -> None:
    for order in permutations(log):
        assert warned(views_after(order, rules_=RULES)) == expected
        feed, views = Feed(RULES), Views()
        for happening in order:
            feed.feed(happening)
            views.insert(feed.checkpoint())
            feed.restart()
        feed.until(DAY)
        views.insert(feed.checkpoint())
        assert warned(views) == expected


def test_a_warning_of_a_time_that_had_not_come_is_written_over() -> None:
    for order in ([answer(), opened(at=HOUR, arrives=HOUR + 9 * MINUTE)], [answer()]):
        feed, views = Feed(RULES), Views()
        feed.feed(order[0])
        feed.until(DAY)
        views.insert(feed.checkpoint())
        assert warned(views) == {"S1"}
        feed.restart()
        set_back(feed.state, T0 + HOUR + MINUTE)
        views.insert(feed.checkpoint())
        assert warned(views) == set()
        feed.feed(*order[1:])
        feed.until(DAY)
        views.insert(feed.checkpoint())
        assert warned(views) == ({"S1"} if len(order) == 1 else set())


def test_what_an_erased_customer_answered_is_not_written_again() -> None:
    feed, views = Feed(RULES), Views()
    feed.feed(answer(text="me"))
    views.insert(feed.checkpoint())
    feed.feed(event("customer.erased", "c1", 2 * HOUR))
    views.insert(feed.checkpoint())
    assert not len(feed.state.dangling)
    feed.until(DAY)
    assert not feed.checkpoint().rows.get("feedback_events")
