"""A call that is merged while it waits: the case that survives goes on with the wait, and it is decided once."""

from itertools import permutations
from pathlib import Path
from typing import Any, Final

import pytest

from processors.rules import Rules
from tests.processors.feed import DAY, SECOND, T0, Happening, event, rules
from tests.processors.views import Views, views_after

HUMAN = {"kind": "human"}
PACK: Final = """\
policy_id: p
version: "1"
clocks:
  answer:
    - {when: {queue: [vip]}, target: 10s, grace: 5s, warn_at: []}
    - {target: 60s, grace: 5s, warn_at: []}
  resolve:
    - {target: 8h, warn_at: []}
"""


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Rules:
    path: Path = tmp_path_factory.mktemp("packs") / "p.yaml"
    path.write_text(PACK)
    return rules(policies=(path,))


def call(what: str, seconds: float, entity: str = "A", **fields: Any) -> Happening:
    said: dict[str, dict[str, Any]] = {
        "opened": {"direction": "inbound", "channel": "phone"},
        "queued": {"queue": "sales"},
        "answered": {"actor": HUMAN},
        "agent_replied": {"actor": HUMAN},
        "merged": {"into": "B"},
        "transferred": {"from": "n1", "to": "n2"},
    }
    return event(f"contact.{what}", entity, round(seconds * SECOND), **{**said.get(what, {}), **fields})


A: Final = [call("opened", 0), call("queued", 5)]
TICKET: Final = call("opened", -3_600, "B", channel="email")
CALL: Final = [call("opened", 2, "B"), call("queued", 7, "B")]
TAKEN: Final = [call("opened", 2, "B"), call("queued", 7, "B"), call("answered", 10, "B")]
MERGED: Final = call("merged", 20)
Numbers = dict[str, int]

CASES: Final[list[tuple[str, list[Happening], dict[str, list[str]], Numbers]]] = [
    ("answered in the ticket in time", [*A, TICKET, MERGED, call("answered", 60, "B")],
     {"A": ["cancelled"], "B": ["met"]},
     {"waits": 1, "waits_answered": 1, "waits_promised": 1, "waits_in_target": 1, "contacts_offered": 1,
      "wait_ms": 55_000, "answer_met": 1}),
    ("answered in the call that was merged", [*A, TICKET, MERGED, call("answered", 60)],
     {"A": ["cancelled"], "B": ["met"]},
     {"waits": 1, "waits_answered": 1, "waits_promised": 1, "waits_in_target": 1, "wait_ms": 55_000, "answer_met": 1}),
    ("answered too late by the customer's time", [*A, TICKET, MERGED, call("answered", 70, "B")],
     {"A": ["cancelled"], "B": ["breached"]},
     {"waits": 1, "waits_answered": 1, "waits_promised": 1, "waits_in_target": 0, "answer_breached": 1}),
    ("broken before the merge: once, by the call", [*A, TICKET, call("merged", 90), call("answered", 100, "B")],
     {"A": ["breached"], "B": ["breached"]},
     {"waits": 1, "waits_answered": 1, "waits_promised": 1, "waits_in_target": 0, "answer_breached": 1}),
    ("nobody answers", [*A, TICKET, MERGED], {"A": ["cancelled"], "B": ["breached_open"]},
     {"waits": 1, "waits_unknown": 1, "answer_breached": 1}),
    ("given up in the call that was merged", [*A, TICKET, MERGED, call("abandoned", 40)],
     {"A": ["cancelled"], "B": ["cancelled"]},
     {"waits": 1, "waits_ended": 1, "waits_abandoned": 1, "contacts_abandoned": 1, "waits_answered": 0}),
    ("asked to be called back", [*A, TICKET, MERGED, call("callback_requested", 40)],
     {"A": ["cancelled"], "B": ["met"]}, {"waits": 1, "waits_callback": 1, "waits_in_target": 1, "answer_met": 1}),
    ("queued again in the call that was merged", [*A, call("answered", 10), TICKET, MERGED, call("queued", 30),
     call("answered", 50)], {"A": ["met"], "B": ["met"]},
     {"waits": 2, "waits_answered": 2, "waits_in_target": 2, "answer_met": 2}),
    ("queued in the call only once it was merged", [A[0], TICKET, MERGED, call("queued", 30, queue="vip"),
     call("answered", 50)], {"B": ["breached"]},
     {"waits": 1, "waits_answered": 1, "waits_promised": 1, "waits_in_target": 0, "answer_breached": 1}),
    ("two calls of one customer", [*A, *CALL, MERGED, call("answered", 60, "B")],
     {"A": ["cancelled"], "B": ["met"]},
     {"waits": 1, "waits_answered": 1, "waits_in_target": 1, "contacts_offered": 1, "wait_ms": 55_000,
      "answer_met": 1}),
    ("the other call was answered meanwhile", [*A, *TAKEN, MERGED, call("answered", 60, "B")],
     {"A": ["cancelled"], "B": ["met", "met"]},
     {"waits": 2, "waits_answered": 2, "waits_in_target": 2, "contacts_offered": 1, "answer_met": 2}),
    ("a chain", [*A, call("opened", 1, "C"), TICKET, call("merged", 20, into="C"), call("merged", 30, "C"),
     call("answered", 60)], {"A": ["cancelled"], "C": ["cancelled"], "B": ["met"]},
     {"waits": 1, "waits_answered": 1, "waits_in_target": 1, "wait_ms": 55_000, "answer_met": 1}),
    ("into a ticket that is over", [*A, TICKET, call("resolved", 15, "B"), MERGED], {"A": ["cancelled"]},
     {"waits": 1, "waits_ended": 1, "waits_promised": 0, "waits_undecided": 0, "waits_unknown": 0}),
    ("into one that is not here", [*A, call("merged", 20, into="Z")], {"A": ["breached"]},
     {"waits": 1, "waits_ended": 1, "waits_promised": 1, "waits_in_target": 0, "waits_unknown": 0}),
    ("into one that is not here, and answered", [*A, call("merged", 20, into="Z"), call("answered", 60)],
     {"A": ["met"]}, {"waits": 1, "waits_answered": 1, "waits_promised": 1, "waits_in_target": 1, "wait_ms": 55_000}),
    ("into one that comes later", [*A, MERGED, call("opened", 30, "B", channel="email"), call("answered", 60, "B")],
     {"A": ["cancelled"], "B": ["met"]}, {"waits": 1, "waits_answered": 1, "waits_promised": 1, "waits_in_target": 1}),
    ("taken back", [*A, TICKET, call("merged", 20, event_id="oops"), call("voided", 30, voids_event_id="oops"),
     call("answered", 60)], {"A": ["met"]},
     {"waits": 1, "waits_answered": 1, "waits_in_target": 1, "wait_ms": 55_000, "answer_met": 1}),
    ("answered before the merge", [*A, call("answered", 10), TICKET, MERGED], {"A": ["met"]},
     {"waits": 1, "waits_answered": 1, "waits_in_target": 1, "wait_ms": 5_000, "answer_met": 1}),
]  # fmt: skip
OF_WAITS: Final = ("waits", "answer_", "contacts_offered", "contacts_answered", "contacts_abandoned", "wait_ms")


def read(views: Views) -> tuple[dict[str, list[str]], Numbers]:
    states: dict[str, list[str]] = {}
    for row in sorted(views.clocks(), key=lambda row: int(row["instance"])):
        if row["metric"] == "answer":
            states.setdefault(row["entity_id"], []).append(row["state"])
    return states, {name: n for name, n in views.kpi_totals().items() if name.startswith(OF_WAITS)}


@pytest.mark.parametrize(("name", "log", "states", "numbers"), CASES, ids=[case[0] for case in CASES])
def test_the_survivor_goes_on_with_a_wait(
    name: str, log: list[Happening], states: dict[str, list[str]], numbers: Numbers, pack: Rules
) -> None:
    found, counted = read(views_after(log, until=2 * DAY, rules_=pack))
    assert found == states, name
    assert {each: counted.get(each, 0) for each in numbers} == numbers, name


@pytest.mark.parametrize("log", [case[1] for case in CASES], ids=[case[0] for case in CASES])
def test_in_whatever_order_it_is_told(log: list[Happening], pack: Rules) -> None:
    expected = read(views_after(log, until=2 * DAY, rules_=pack))
    for order in [*permutations(log)][:: max(1, len(log) ** 2 // 12)][:60]:
        assert read(views_after(order, until=2 * DAY, rules_=pack)) == expected


def test_the_wait_counts_in_the_minute_of_its_queueing_by_its_queue(pack: Rules) -> None:
    log = [*A, TICKET, call("merged", 200), call("answered", 400, "B")]
    minutes = [row for row in views_after(log, rules_=pack).kpis() if row["dimension"] == "queue" and row["waits"]]
    assert [(row["minute"] - T0, row["dimension_value"], row["waits_answered"]) for row in minutes] == [(0, "sales", 1)]


def test_who_gives_up_a_merged_call_leaves_the_ticket_open(pack: Rules) -> None:
    views = views_after([*A, TICKET, MERGED, call("abandoned", 40)], until=DAY // 24, rules_=pack)
    assert (views.case("B")["state"], views.clock("B", "resolve")["state"]) == ("open", "running")
    call_alone = views_after([*A, call("abandoned", 40)], until=DAY // 24, rules_=pack)
    assert call_alone.case("A")["state"] == "abandoned"
