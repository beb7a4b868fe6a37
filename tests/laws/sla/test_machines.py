"""Machines are not people: what a system or a bot says for a customer resumes, starts and reopens nothing."""

from typing import Any

import pytest

from tests.laws.sla.office import BOT, HUMAN, Promising, clocks_of, contact, opened
from tests.processors.feed import DAY, HOUR, MINUTE, T0, Happening, event
from tests.processors.views import views_after

SYSTEM, CUSTOMER = {"kind": "system"}, {"kind": "customer"}
AUTOMATIC: dict[str, Any] = {"actor": SYSTEM, "reason": "customer_reply"}
PACK = """\
  first_response: [{target: 4h}]
  next_response: [{target: 2h}]
  resolve: [{target: 8h, pausable: true, on_reopen: restart}]
"""
ANSWERED = contact("agent_replied", HOUR, actor=HUMAN)
WAITS = contact("waiting_customer", 2 * HOUR, reason="info")
RESOLVED = contact("resolved", 2 * HOUR, actor=HUMAN)


@pytest.mark.parametrize("machine", [SYSTEM, BOT], ids=["system", "bot"])
@pytest.mark.parametrize(
    ("name", "log", "states"),
    [
        ("an out-of-office note ends no pause", [ANSWERED, WAITS, ("customer_replied", {})],
         {"resolve": ["paused"], "next_response": []}),
        ("it asks for no answer", [ANSWERED, ("customer_replied", {})], {"resolve": ["running"], "next_response": []}),
        ("it reopens nothing",
         [ANSWERED, RESOLVED, ("customer_replied", {}), ("reopened", {"reason": "customer_reply"})],
         {"resolve": ["met"], "next_response": []}),
        ("nor before anybody answered", [contact("resolved", HOUR), ("reopened", {"reason": "customer_reply"})],
         {"first_response": ["cancelled"], "resolve": ["met"]}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_a_machine_says_for_a_customer(
    promising: Promising, machine: dict[str, str], name: str, log: list[Any], states: dict[str, list[str]]
) -> None:
    said = [
        one if isinstance(one, Happening) else contact(one[0], 3 * HOUR + n, actor=machine, **one[1])
        for n, one in enumerate(log)
    ]
    views = promising(PACK).after([opened(), *said], until=4 * HOUR)
    assert {metric: [row["state"] for row in clocks_of(views, metric)] for metric in states} == states, name
    assert views.case("C1")["reopens"] == 0
    by_machine = [row for row in views.table("feedback_events") if "machine_for_customer" in row["warnings"]]
    assert len(by_machine) == sum(isinstance(one, tuple) and not isinstance(one, Happening) for one in log)


@pytest.mark.parametrize(
    ("name", "actor"), [("who says nothing of it", {}), ("the customer", {"actor": CUSTOMER}),
                        ("somebody who writes it down", {"actor": HUMAN})],
)  # fmt: skip
def test_the_customer_s_own_words_count(promising: Promising, name: str, actor: dict[str, Any]) -> None:
    log = [opened(), ANSWERED, WAITS, contact("customer_replied", 3 * HOUR, **actor)]
    views = promising(PACK).after(log, until=4 * HOUR)
    (resolve,), (answer,) = clocks_of(views, "resolve"), clocks_of(views, "next_response")
    assert (resolve["state"], resolve["paused_ms"], answer["started_at"]) == ("running", HOUR, T0 + 3 * HOUR), name


@pytest.mark.parametrize(
    ("name", "log", "reopens"),
    [
        ("the customer wrote, and an automation reopened it",
         [contact("customer_replied", 3 * HOUR), contact("reopened", 3 * HOUR + 5, **AUTOMATIC)], 1),
        ("both at one moment",
         [contact("reopened", 3 * HOUR, **AUTOMATIC), contact("customer_replied", 3 * HOUR)], 1),
        ("the customer wrote before it was resolved",
         [contact("customer_replied", 90 * MINUTE),
          contact("reopened", 3 * HOUR, **AUTOMATIC)], 0),
        ("an automation, for a reason of its own",
         [contact("reopened", 3 * HOUR, actor=SYSTEM, reason="not_fixed")], 1),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_an_automation_reopens_for_a_customer_who_has_spoken(
    promising: Promising, name: str, log: list[Happening], reopens: int
) -> None:
    for order in ([opened(), ANSWERED, RESOLVED, *log], [*log[::-1], RESOLVED, ANSWERED, opened()]):
        assert promising(PACK).after(order).case("C1")["reopens"] == reopens, name


def test_a_correction_of_who_wrote_it_counts() -> None:
    wrote = contact("customer_replied", HOUR, actor=SYSTEM, event_id="m")
    right = contact("corrected", 2 * HOUR, corrects_event_id="m", values={"actor": CUSTOMER})
    log = [opened(), contact("waiting_customer", MINUTE), wrote]
    assert views_after(log).case("C1")["state"] == "waiting_customer"
    assert views_after([*log, right]).case("C1")["state"] == "in_progress"


def test_an_automatic_mail_answers_nobody(promising: Promising) -> None:
    log = [opened(), contact("agent_replied", MINUTE, actor=SYSTEM), contact("answered", 2 * MINUTE, actor=SYSTEM)]
    (first,) = clocks_of(promising(PACK).after(log, until=HOUR), "first_response")
    assert first["state"] == "running"


def test_a_scanner_that_clicks_a_survey_has_no_opinion(promising: Promising) -> None:
    def answer(at: int, score: int, **fields: Any) -> Happening:
        return event("survey.answered", "S1", at, kind="csat", mode="email", score=score, **fields)

    pack = "  follow_up: [{target: 48h}]\n"
    clicked = promising(pack).after([answer(MINUTE, 1, actor=BOT)])
    assert clocks_of(clicked, "follow_up", "S1") == []
    assert clicked.kpi_totals().get("surveys_answered", 0) == 0
    both = promising(pack).after([answer(HOUR, 5), answer(DAY, 1, actor=SYSTEM)])
    assert both.kpi_totals()["csat_positive"] == 1
