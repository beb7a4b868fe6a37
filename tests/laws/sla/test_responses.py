"""Rule 9, and 11 of first responses: who owes the customer a word, an update, a person or a call."""

from typing import Any

import pytest

from tests.laws.sla.office import BOT, FIRST, HUMAN, RESPONSES, Promising, claim, clocks_of, complaint, contact, opened
from tests.processors.feed import DAY, HOUR, MINUTE, SECOND, T0, Happening, event

NEXT = [
    ("nobody wrote", [FIRST], []),
    ("answered in time",
     [FIRST, contact("customer_replied", 2 * HOUR), contact("agent_replied", 3 * HOUR, actor=HUMAN)], ["met"]),
    ("nobody answers", [FIRST, contact("customer_replied", 2 * HOUR)], ["breached_open"]),
    ("next response eternal after thanks",
     [FIRST, contact("customer_replied", 2 * HOUR), contact("resolved", 4 * HOUR)], ["cancelled"]),
    ("resolved when the answer was overdue",
     [FIRST, contact("customer_replied", 2 * HOUR), contact("resolved", 4 * HOUR + 1)], ["breached"]),
    ("thanks after the resolution", [FIRST, contact("resolved", 2 * HOUR), contact("customer_replied", 3 * HOUR)], []),
    ("a second message does not start it anew",
     [FIRST, contact("customer_replied", 2 * HOUR), contact("customer_replied", 3 * HOUR),
      contact("agent_replied", 4 * HOUR + 1, actor=HUMAN)], ["breached"]),
    ("a bot answers", [FIRST, contact("customer_replied", 2 * HOUR), contact("agent_replied", 3 * HOUR, actor=BOT)],
     ["breached_open"]),
    ("an internal note answers nobody",
     [FIRST, contact("customer_replied", 2 * HOUR), contact("agent_replied", 3 * HOUR, actor=HUMAN, public=False)],
     ["breached_open"]),
    ("each run of messages is one promise",
     [FIRST, contact("customer_replied", 2 * HOUR), contact("agent_replied", 3 * HOUR, actor=HUMAN),
      contact("customer_replied", 9 * HOUR), contact("agent_replied", 12 * HOUR, actor=HUMAN)], ["met", "breached"]),
    ("while the first response is owed it is the promise", [contact("customer_replied", HOUR)], []),
    ("reopened by a message", [FIRST, contact("resolved", 2 * HOUR), contact("customer_replied", 3 * HOUR),
     contact("reopened", 3 * HOUR + SECOND, reason="customer_reply")], ["breached_open"]),
]  # fmt: skip


@pytest.mark.parametrize(("complaint", "log", "states"), NEXT, ids=[case[0] for case in NEXT])
def test_rule_9_next_response(promising: Promising, complaint: str, log: list[Happening], states: list[str]) -> None:
    views = promising(RESPONSES).after([opened(), *log])
    assert [row["state"] for row in clocks_of(views, "next_response")] == states


def test_rule_9_a_next_response_never_hides_an_unmet_first_one(promising: Promising) -> None:
    log = [opened(), contact("customer_replied", HOUR), contact("customer_replied", 7 * HOUR)]
    (first,) = clocks_of(promising(RESPONSES).after(log), "first_response")
    assert (first["state"], first["due_at"]) == ("breached_open", T0 + 8 * HOUR)


@pytest.mark.parametrize(
    ("complaint", "log", "states"),
    [
        ("first response by a bot", [contact("agent_replied", HOUR, actor=BOT)], ["breached_open"]),
        (
            "5 days instead of 10 minutes: reopened after only a bot had a part",
            [
                contact("answered", SECOND, actor=BOT),
                contact("resolved", MINUTE, actor=BOT),
                contact("reopened", 5 * DAY),
                contact("agent_replied", 5 * DAY + 10 * MINUTE, actor=HUMAN),
            ],
            ["cancelled", "met"],
        ),
        (
            "reopened after a person had answered: no second first response",
            [FIRST, contact("resolved", 2 * HOUR), contact("reopened", DAY)],
            ["met"],
        ),
        (
            "reopened after a person had solved it without a word",
            [contact("resolved", 2 * HOUR, actor=HUMAN), contact("reopened", DAY)],
            ["cancelled"],
        ),
    ],
)
def test_rule_11_first_response(promising: Promising, complaint: str, log: list[Happening], states: list[str]) -> None:
    views = promising(RESPONSES).after([opened(), *log])
    assert [row["state"] for row in clocks_of(views, "first_response")] == states, complaint


REPLY = {"actor": HUMAN}
ONE_CLICK = [
    ("the reply stored first", [("agent_replied", 0, REPLY), ("resolved", 1, {})], "met", 0),
    ("both at one moment", [("resolved", 0, {}), ("agent_replied", 0, REPLY)], "met", 0),
    ("the status stored first", [("resolved", 0, {}), ("agent_replied", 1, REPLY)], "met", 1),
    ("closed at once", [("closed", 0, {}), ("agent_replied", 2, REPLY)], "met", 2),
    ("resolved and closed", [("resolved", 0, {}), ("closed", 1, {}), ("agent_replied", 2, REPLY)], "met", 2),
    ("answered by a person", [("resolved", 0, {}), ("answered", 2, REPLY)], "met", 2),
    ("more than two seconds later", [("resolved", 0, {}), ("agent_replied", 2.001, REPLY)], "cancelled", 0),
    ("a machine replies", [("resolved", 0, {}), ("agent_replied", 1, {"actor": BOT})], "cancelled", 0),
    ("a note", [("resolved", 0, {}), ("agent_replied", 1, {**REPLY, "public": False})], "cancelled", 0),
    ("to another message", [("resolved", 0, {}), ("customer_replied", 1, {}), ("agent_replied", 2, REPLY)],
     "cancelled", 0),
    ("to a machine's message",
     [("resolved", 0, {}), ("customer_replied", 1, {"actor": BOT}), ("agent_replied", 2, REPLY)], "met", 2),
    ("it was a duplicate", [("resolved", 0, {"resolution": "duplicate"}), ("agent_replied", 1, REPLY)],
     "cancelled", 0),
    ("it was spam", [("agent_replied", 0, REPLY), ("resolved", 1, {"resolution": "spam"})], "cancelled", 0),
    ("it was spam after all",
     [("resolved", 0, {}), ("resolved", 1, {"resolution": "spam"}), ("agent_replied", 2, REPLY)], "cancelled", 0),
]  # fmt: skip


@pytest.mark.parametrize(("name", "steps", "state", "stopped"), ONE_CLICK, ids=[case[0] for case in ONE_CLICK])
@pytest.mark.parametrize("metric", ["first_response", "next_response", "update_every", "human_on_request"])
def test_a_reply_and_a_resolution_are_one_click(
    promising: Promising, metric: str, name: str, steps: list[Any], state: str, stopped: float
) -> None:
    before = {
        "next_response": [contact("agent_replied", MINUTE, actor=HUMAN), contact("customer_replied", HOUR)],
        "human_on_request": [contact("human_requested", HOUR)],
    }.get(metric, [])
    log = [opened(), *before, *(contact(what, 2 * HOUR + round(at * SECOND), **said) for what, at, said in steps)]
    for order in (log, log[::-1]):
        rows = clocks_of(promising(f"  {metric}: [{{target: 4h}}]\n").after(order), metric)
        row = rows[0]
        assert (row["state"], row["stopped_at"] - T0) == (state, 2 * HOUR + round(stopped * SECOND)), name
        assert not any(each["state"] == "breached_open" for each in rows)


@pytest.mark.parametrize(
    ("name", "resolved", "replied", "state"),
    [
        ("due between them, resolved in time", -500, 1000, "cancelled"),
        ("resolved too late", 1, 1000, "breached"),
        ("both in time", -1500, 0, "met"),
    ],
)
def test_a_reply_after_the_resolution_breaks_nothing(
    promising: Promising, name: str, resolved: int, replied: int, state: str
) -> None:
    log = [opened(), contact("resolved", 4 * HOUR + resolved), contact("agent_replied", 4 * HOUR + replied)]
    assert promising("  first_response: [{target: 4h}]\n").after(log).clock("C1", "first_response")["state"] == state


def test_k09_counts_from_the_reopening_that_a_person_first_saw(promising: Promising) -> None:
    log = [opened(), contact("resolved", MINUTE, actor=BOT), contact("reopened", 5 * DAY)]
    views = promising(RESPONSES).after([*log, contact("agent_replied", 5 * DAY + 10 * MINUTE, actor=HUMAN)])
    (row,) = (row for row in views.kpis() if row["dimension"] == "all" and row["first_response_ms"])
    assert row["first_response_ms"] == 10 * MINUTE


def test_updates_are_owed_again_after_each_one(promising: Promising) -> None:
    log = [claim(), complaint("progress_sent", 6 * DAY), complaint("progress_sent", 14 * DAY)]
    views = promising("  update_every: [{target: 7d}]\n").after(
        [*log, complaint("resolved", 15 * DAY, outcome="upheld")]
    )
    rows = clocks_of(views, "update_every", "R1")
    assert [(row["state"], (row["started_at"] - T0) // DAY) for row in rows] == [
        ("met", 0),
        ("breached", 6),
        ("cancelled", 14),
    ]


@pytest.mark.parametrize(
    ("complaint", "log", "states"),
    [
        ("a person within three minutes", [contact("answered", 4 * MINUTE, actor=HUMAN)], ["met"]),
        ("another bot", [contact("answered", 4 * MINUTE, actor=BOT)], ["breached_open"]),
        ("asked twice is one promise", [contact("human_requested", 3 * MINUTE)], ["breached_open"]),
        ("gave up in time", [contact("abandoned", 2 * MINUTE)], ["cancelled"]),
        ("gave up when it was too late", [contact("abandoned", 9 * MINUTE)], ["breached"]),
    ],
)
def test_a_person_on_request(promising: Promising, complaint: str, log: list[Happening], states: list[str]) -> None:
    views = promising("  human_on_request: [{target: 180s}]\n").after(
        [opened(channel="bot"), contact("human_requested", MINUTE), *log]
    )
    assert [row["state"] for row in clocks_of(views, "human_on_request")] == states, complaint


def survey(what: str, when: int, **fields: Any) -> Happening:
    return event(f"survey.{what}", "S1", when, **fields)


def nps(score: int, when: int = 0) -> Happening:
    return survey("answered", when, kind="nps", mode="email", score=score)


INVITED = survey("invited", 0, kind="nps", mode="email", expires_at="2025-11-26T00:00:00Z")
CALLED = survey("followup_contacted", 40 * HOUR, owner="ana")


@pytest.mark.parametrize(
    ("complaint", "log", "states"),
    [
        ("content: nobody has to call", [nps(9)], []),
        ("unhappy, and called", [nps(3), CALLED], ["met"]),
        ("unhappy, and called too late", [nps(3), survey("followup_contacted", 49 * HOUR, owner="ana")], ["breached"]),
        ("unhappy, and forgotten", [nps(3)], ["breached_open"]),
        ("unhappy, then content", [nps(3), nps(10, HOUR)], ["cancelled"]),
        ("content, then unhappy", [nps(10), nps(3, HOUR)], ["breached_open"]),
        ("after it expired nobody is asked", [INVITED, nps(3, 3 * DAY)], []),
        (
            "low effort is good, high effort is bad",
            [survey("answered", 0, kind="ces", mode="email", score=7, direction="effort")],
            ["breached_open"],
        ),
    ],
)
def test_an_unhappy_answer_is_followed_up(
    promising: Promising, complaint: str, log: list[Happening], states: list[str]
) -> None:
    views = promising("  follow_up: [{target: 48h}]\n").after(log)
    assert [row["state"] for row in clocks_of(views, "follow_up", "S1")] == states, complaint
