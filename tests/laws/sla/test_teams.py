"""Clocks of teams, the time until somebody has a case, and who used how much of what was promised."""

from typing import Any

import pytest

from tests.laws.sla.office import (
    HUMAN,
    SPLIT,
    Office,
    Promising,
    at,
    claim,
    clocks_of,
    complaint,
    contact,
    opened,
)
from tests.processors.feed import DAY, HOUR, MINUTE, T0, Happening
from tests.processors.views import Row

PER_TEAM = "  resolve: [{target: 8h, per: team}]\n"
BEGUN = opened(0, org_unit="it/desk/l1")
RESOLVED = contact("resolved", 9 * HOUR, actor=HUMAN)


def handed(when: int, giver: str = "l1", taker: str = "l2") -> Happening:
    return contact("transferred", when, **{"from": giver, "to": taker})


def read(row: Row) -> tuple[str, str, float, float, float | None]:
    """Team, state, and the hours of start, deadline and end."""
    start, due, end = (
        None if row[one] is None else (row[one] - T0) / HOUR for one in ("started_at", "due_at", "stopped_at")
    )
    assert start is not None
    assert due is not None
    return row["team"], row["state"], start, due, end


TEAMS: list[tuple[str, str, list[Happening], list[tuple[str, str, float, float, float | None]]]] = [
    ("one team", PER_TEAM, [BEGUN, contact("resolved", 7 * HOUR)], [("l1", "met", 0, 8, 7)]),
    ("handed on in time", PER_TEAM, [BEGUN, handed(7 * HOUR), RESOLVED],
     [("l1", "cancelled", 0, 8, 7), ("l2", "met", 7, 15, 9)]),
    ("handed on too late: a breach stays a breach", PER_TEAM, [BEGUN, handed(8 * HOUR + MINUTE), RESOLVED],
     [("l1", "breached", 0, 8, 8 + 1 / 60), ("l2", "met", 8 + 1 / 60, 16 + 1 / 60, 9)]),
    ("handed on at the deadline", PER_TEAM, [BEGUN, handed(8 * HOUR), RESOLVED],
     [("l1", "cancelled", 0, 8, 8), ("l2", "met", 8, 16, 9)]),
    ("handed back: from when it came again", PER_TEAM, [BEGUN, handed(HOUR), handed(2 * HOUR, "l2", "l1"), RESOLVED],
     [("l1", "cancelled", 0, 8, 1), ("l2", "cancelled", 1, 9, 2), ("l1", "met", 2, 10, 9)]),
    ("handed on within the team", PER_TEAM, [BEGUN, handed(HOUR, "x", "l1"), RESOLVED], [("l1", "breached", 0, 8, 9)]),
    ("assigned to another unit", PER_TEAM,
     [BEGUN, contact("assigned", 2 * HOUR, owner="bea", org_unit="it/desk/l2"), RESOLVED],
     [("l1", "cancelled", 0, 8, 2), ("l2", "met", 2, 10, 9)]),
    ("assigned within the unit", PER_TEAM,
     [BEGUN, contact("assigned", 2 * HOUR, owner="bea", org_unit="it/desk/l1"), contact("resolved", 3 * HOUR)],
     [("l1", "met", 0, 8, 3)]),
    ("nobody's at first", PER_TEAM, [opened(), handed(HOUR, "x", "l2"), RESOLVED],
     [("", "cancelled", 0, 8, 1), ("l2", "met", 1, 9, 9)]),
    ("each by its own target",
     "  resolve: [{when: {team: [l1]}, target: 2h, per: team}, {when: {team: [l2]}, target: 4h, per: team}]\n",
     [BEGUN, handed(HOUR), RESOLVED], [("l1", "cancelled", 0, 2, 1), ("l2", "breached", 1, 5, 9)]),
    ("a team that is promised nothing", "  resolve: [{when: {team: [l1]}, target: 2h, per: team}]\n",
     [BEGUN, handed(HOUR), RESOLVED], [("l1", "cancelled", 0, 2, 1)]),
    ("what follows is promised from the opening",
     "  resolve: [{when: {team: [l1]}, target: 2h, per: team}, {target: 12h}]\n",
     [BEGUN, handed(HOUR), RESOLVED], [("l1", "cancelled", 0, 2, 1), ("l2", "met", 0, 12, 9)]),
    ("what was promised from the opening ends with the first team",
     "  resolve: [{when: {team: [l2]}, target: 2h, per: team}, {target: 12h}]\n",
     [BEGUN, handed(8 * HOUR), RESOLVED], [("l1", "cancelled", 0, 12, 8), ("l2", "met", 8, 10, 9)]),
    ("a priority that makes it a matter of teams",
     "  resolve: [{when: {priority: [urgent]}, target: 2h, per: team}, {target: 12h}]\n",
     [BEGUN, handed(4 * HOUR), contact("priority_changed", 5 * HOUR, **{"from": "normal", "to": "urgent"}), RESOLVED],
     [("l2", "cancelled", 0, 12, 5), ("l2", "breached", 4, 6, 9)]),
    ("paused: it goes on waiting, and the next team's time does, too",
     "  resolve: [{target: 2h, per: team, pausable: true}]\n",
     [BEGUN, contact("waiting_customer", HOUR, reason="info"), handed(3 * HOUR), contact("customer_replied", 5 * HOUR),
      contact("resolved", 6 * HOUR)],
     [("l1", "cancelled", 0, 1 + 1 + 2, 3), ("l2", "met", 3, 7, 6)]),
    ("reopened where it was resolved: what was left", PER_TEAM,
     [BEGUN, handed(HOUR), contact("resolved", 3 * HOUR), contact("reopened", 5 * HOUR), contact("resolved", 6 * HOUR)],
     [("l1", "cancelled", 0, 8, 1), ("l2", "met", 1, 9, 3), ("l2", "met", 5, 11, 6)]),
    ("reopened by another team: its own", PER_TEAM,
     [BEGUN, contact("resolved", 3 * HOUR), handed(4 * HOUR), contact("reopened", 5 * HOUR), RESOLVED],
     [("l1", "met", 0, 8, 3), ("l2", "met", 5, 13, 9)]),
    ("handed on after the end", PER_TEAM, [BEGUN, contact("resolved", 3 * HOUR), handed(4 * HOUR)],
     [("l1", "met", 0, 8, 3)]),
    ("voided", PER_TEAM, [BEGUN, handed(HOUR), contact("voided", 2 * HOUR)],
     [("l1", "cancelled", 0, 8, 1), ("l2", "cancelled", 1, 9, 2)]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "pack", "log", "expected"), TEAMS, ids=[case[0] for case in TEAMS])
def test_each_team_has_its_own_clock_from_when_the_case_came_to_it(
    promising: Promising, name: str, pack: str, log: list[Happening], expected: list[Any]
) -> None:
    rows = [read(row) for row in clocks_of(promising(pack).after(log), "resolve")]
    assert rows == [
        tuple(pytest.approx(one) if isinstance(one, int | float) else one for one in row) for row in expected
    ]


OF_TEAMS: list[tuple[str, list[Happening], list[tuple[str, str]]]] = [
    ("first_response", [BEGUN, handed(HOUR), contact("agent_replied", 2 * HOUR, actor=HUMAN)],
     [("l1", "cancelled"), ("l2", "met")]),
    ("next_response", [BEGUN, contact("agent_replied", HOUR, actor=HUMAN), contact("customer_replied", 2 * HOUR),
                       handed(3 * HOUR), contact("agent_replied", 4 * HOUR, actor=HUMAN)],
     [("l1", "cancelled"), ("l2", "met")]),
    ("human_on_request", [BEGUN, contact("human_requested", HOUR), handed(2 * HOUR),
                          contact("answered", 3 * HOUR, actor=HUMAN)], [("l1", "cancelled"), ("l2", "met")]),
    ("update_every", [BEGUN, handed(HOUR), contact("resolved", 2 * HOUR)], [("l1", "cancelled"), ("l2", "cancelled")]),
    ("final_response", [BEGUN, handed(HOUR), contact("resolved", 2 * HOUR)], [("l1", "cancelled"), ("l2", "met")]),
    ("own", [BEGUN, handed(HOUR), contact("assigned", 2 * HOUR, owner="a")], [("l1", "cancelled"), ("l2", "met")]),
]  # fmt: skip


@pytest.mark.parametrize(("metric", "log", "expected"), OF_TEAMS, ids=[case[0] for case in OF_TEAMS])
def test_of_whatever_is_promised_by_team(
    promising: Promising, metric: str, log: list[Happening], expected: list[tuple[str, str]]
) -> None:
    pack = f"  first_response: [{{target: 8h}}]\n  {metric}: [{{target: 8h, per: team}}]\n"
    if metric == "first_response":
        pack = "  first_response: [{target: 8h, per: team}]\n"
    rows = clocks_of(promising(pack).after(log), metric)
    assert [(row["team"], row["state"]) for row in rows] == expected


def test_a_complaint_is_acknowledged_by_the_team_that_has_it(promising: Promising) -> None:
    log = [claim(0, org_unit="it/desk/l1"), complaint("transferred", HOUR, **{"from": "l1", "to": "l2"}),
           complaint("acknowledged", 2 * HOUR)]  # fmt: skip
    rows = clocks_of(promising("  acknowledge: [{target: 8h, per: team}]\n").after(log), "acknowledge", "R1")
    assert [(row["team"], row["state"]) for row in rows] == [("l1", "cancelled"), ("l2", "met")]


# Until somebody has it

OWN = "  own: [{target: 1h}]\n"
OWNED = contact("assigned", 30 * MINUTE, owner="ana")
OWNERS: list[tuple[str, list[Happening], list[tuple[str, float, float | None]]]] = [
    ("assigned", [BEGUN, OWNED], [("met", 0, 0.5)]),
    ("assigned too late", [BEGUN, contact("assigned", 2 * HOUR, owner="ana")], [("breached", 0, 2)]),
    ("nobody", [BEGUN], [("breached_open", 0, None)]),
    ("a reply is no owner", [BEGUN, contact("agent_replied", 30 * MINUTE, actor=HUMAN)], [("breached_open", 0, None)]),
    ("resolved by nobody's", [BEGUN, contact("resolved", 30 * MINUTE)], [("cancelled", 0, 0.5)]),
    ("assigned to another", [BEGUN, OWNED, contact("assigned", 2 * HOUR, owner="bea")], [("met", 0, 0.5)]),
    ("handed on before anybody had it", [BEGUN, handed(15 * MINUTE), OWNED], [("met", 0, 0.5)]),
    ("handed to another team", [BEGUN, OWNED, handed(HOUR), contact("assigned", 3 * HOUR, owner="bea")],
     [("met", 0, 0.5), ("breached", 1, 3)]),
    ("to the same one in another team", [BEGUN, OWNED, handed(HOUR), contact("assigned", 90 * MINUTE, owner="ana")],
     [("met", 0, 0.5), ("met", 1, 1.5)]),
    ("handed on within the team", [BEGUN, OWNED, handed(HOUR, "x", "l1")], [("met", 0, 0.5)]),
    ("reopened with an owner", [BEGUN, OWNED, contact("resolved", HOUR), contact("reopened", 2 * HOUR)],
     [("met", 0, 0.5)]),
    ("reopened with none", [BEGUN, contact("resolved", 30 * MINUTE), contact("reopened", 2 * HOUR)],
     [("cancelled", 0, 0.5), ("breached_open", 2, None)]),
    ("what we began is ours", [opened(0, direction="outbound"), handed(HOUR)], []),
]  # fmt: skip


@pytest.mark.parametrize(("name", "log", "expected"), OWNERS, ids=[case[0] for case in OWNERS])
def test_a_case_is_owned_once_it_is_assigned(
    promising: Promising, name: str, log: list[Happening], expected: list[tuple[str, float, float | None]]
) -> None:
    rows = [read(row) for row in clocks_of(promising(OWN).after(log), "own")]
    assert [(state, start, end) for _, state, start, _, end in rows] == expected


def test_a_complaint_is_owned_too(promising: Promising) -> None:
    log = [claim(), complaint("assigned", 30 * MINUTE, owner="ana")]
    assert promising(OWN).after(log).clock("R1", "own")["state"] == "met"


# Who used how much of it

USED: list[tuple[str, str, list[Happening], dict[str, float]]] = [
    ("one team", "target: 8h", [BEGUN, RESOLVED], {"l1": 9}),
    ("two teams", "target: 8h", [BEGUN, handed(7 * HOUR), RESOLVED], {"l1": 7, "l2": 2}),
    ("there and back", "target: 8h", [BEGUN, handed(HOUR), handed(3 * HOUR, "l2", "l1"), RESOLVED], {"l1": 7, "l2": 2}),
    ("while it runs, what those used that handed it on", "target: 400d", [BEGUN, handed(HOUR)], {"l1": 1}),
    ("while it runs with the first", "target: 400d", [BEGUN], {}),
    ("overdue and open: up to the deadline", "target: 8h", [BEGUN, handed(7 * HOUR)], {"l1": 7, "l2": 1}),
    ("without pauses", "target: 8h, pausable: true",
     [BEGUN, contact("waiting_customer", 2 * HOUR, reason="info"), handed(3 * HOUR),
      contact("customer_replied", 6 * HOUR), RESOLVED], {"l1": 2, "l2": 3}),
    ("handed on at the end", "target: 8h", [BEGUN, handed(9 * HOUR), contact("resolved", 9 * HOUR)], {"l1": 9}),
    ("nobody's", "target: 8h", [opened(), RESOLVED], {"": 9}),
]  # fmt: skip


def used(office: Office, log: list[Happening], metric: str = "resolve") -> dict[str, float]:
    row = clocks_of(office.after(log, until=100 * DAY), metric)[-1]
    if row["stopped_at"] is not None and not row["paused_ms"]:
        assert sum(row["used_ms"]) == row["business_ms"]
    return {team: ms / HOUR for team, ms in zip(row["used_teams"], row["used_ms"], strict=True)}


@pytest.mark.parametrize(("name", "rule", "log", "expected"), USED, ids=[case[0] for case in USED])
def test_who_used_how_much_of_a_clock(
    promising: Promising, name: str, rule: str, log: list[Happening], expected: dict[str, float]
) -> None:
    assert used(promising(f"  resolve: [{{{rule}}}]\n"), log) == expected


def test_it_is_told_in_the_hours_of_the_clock(promising: Promising) -> None:
    log = [
        opened(at("2026-11-24 13:00"), org_unit="it/desk/l1"),
        handed(at("2026-11-24 17:00")),
        contact("resolved", at("2026-11-25 10:00")),
    ]
    assert used(promising(f"  resolve: [{{target: 8h, {SPLIT}}}]\n"), log) == {"l1": 2, "l2": 2.5}


def test_a_reopened_clock_tells_what_it_used_itself(promising: Promising) -> None:
    log = [BEGUN, contact("resolved", 3 * HOUR), handed(4 * HOUR), contact("reopened", 5 * HOUR), RESOLVED]
    assert used(promising("  resolve: [{target: 8h}]\n"), log) == {"l2": 4}
