"""Events that are put right or withdrawn: the case is what it would have been."""

from itertools import permutations
from typing import Any

import pytest

from tests.processors.cases.journey import HUMAN, JOURNEY, case_of, complaint, contact, opened, shown, totals
from tests.processors.feed import HOUR, MINUTE, T0, Happening

SYSTEM_OF_IT = {"element": "system", "origin_area": "it"}
CORRECTIONS: list[tuple[str, Happening, dict[str, Any], dict[str, Any]]] = [
    ("channel", opened(), {"channel": "chat"}, {"channel": "chat"}),
    ("org_unit", opened(), {"org_unit": "pt/care/n9"}, {"area": "pt", "team": "n9"}),
    ("priority", opened(), {"priority": "urgent"}, {"priority": "urgent"}),
    ("category", opened(category="delivery"), {"category": "billing"}, {"category": "billing"}),
    ("category by its other name", opened(), {"category_raw": "Facturación"}, {"category": "billing"}),
    ("product", opened(product="fibre"), {"product": "mobile"}, {"product": "mobile"}),
    ("order-to-cash stage", opened(), {"otc_stage": "payment"}, {"otc_stage": "payment"}),
    ("cause", opened(), {"cause": SYSTEM_OF_IT}, SYSTEM_OF_IT),
    ("demand", opened(demand_type="value"), {"demand_type": "failure"}, {"demand_type": "failure"}),
    ("customer", opened(), {"customer": {"id": "c7"}}, {"customer_id": "c7"}),
    ("relationship", opened(), {"customer": {"id": "c1", "relationship": "b2b"}}, {"relationship": "b2b"}),
    ("direction", opened(), {"direction": "outbound"}, {"kind": "outbound"}),
    ("moment", opened(), {"occurred_at": "2025-11-23T23:00:00Z"}, {"opened_at": T0 - HOUR}),
    ("owner", contact("assigned", 1, owner="ana", event_id="e"), {"owner": "bea"}, {"owner": "bea"}),
    ("to", contact("transferred", 1, event_id="e", **{"from": "a", "to": "b"}), {"to": "c"}, {"team": "c"}),
    ("resolution", contact("resolved", 1, event_id="e"), {"resolution": "informed"}, {"resolution": "informed"}),
    ("actor", contact("answered", 1, actor={"kind": "bot"}, event_id="e"), {"actor": HUMAN}, {"answered_at": T0 + 1}),
    ("public", contact("agent_replied", 1, actor=HUMAN, event_id="e"), {"public": False}, {"first_response_at": None}),
    ("test", opened(test=True), {"test": False}, {"test": 0}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "wrong", "right", "then"), CORRECTIONS, ids=[case[0] for case in CORRECTIONS])
@pytest.mark.parametrize("first", [False, True], ids=["then corrected", "correction first"])
def test_corrected(name: str, wrong: Happening, right: dict[str, Any], then: dict[str, Any], first: bool) -> None:
    start = [] if wrong.event["event_type"] == "contact.opened" else [opened()]
    fix = contact("corrected", MINUTE, corrects_event_id=wrong.event["event_id"], values=right)
    log = [fix, *start, wrong] if first else [*start, wrong, fix]
    case = case_of(*log)
    assert {column: case[column] for column in then} == then, name


AS_IF_RIGHT: list[tuple[str, Happening, dict[str, Any], dict[str, Any]]] = [
    ("kind", complaint("opened", 0, kind="claim", channel="post", event_id="e"), {"kind": "praise"}, {"praise": 1}),
    (
        "outcome",
        complaint("resolved", 1, outcome="upheld", event_id="e"),
        {"outcome": "rejected"},
        {"complaints_decided": 1, "complaints_resolved": 1},
    ),
    (
        "level",
        contact("resolved", 1, resolved_level=2, event_id="e"),
        {"resolved_level": 1},
        {"contacts_resolved_level1": 1},
    ),
    (
        "handling time",
        contact("resolved", 1, talk_seconds=9, wrap_seconds=5, event_id="e"),
        {"talk_seconds": 60},
        {"handle_ms": 65_000},
    ),
    ("in the menu", contact("abandoned", 9_000, event_id="e"), {"in_ivr": True}, {"contacts_abandoned_ivr": 1}),
    (
        "reason",
        contact("reopened", 9_000, reason="system", event_id="e"),
        {"reason": "not_fixed"},
        {"contacts_reopened": 1},
    ),
]


@pytest.mark.parametrize(("name", "wrong", "right", "then"), AS_IF_RIGHT, ids=[case[0] for case in AS_IF_RIGHT])
def test_a_correction_counts_as_if_it_had_been_right_at_once(
    name: str, wrong: Happening, right: dict[str, Any], then: dict[str, Any]
) -> None:
    topic = wrong.event["event_type"].partition(".")[0]
    make = contact if topic == "contact" else complaint
    views = shown(wrong, make("corrected", MINUTE, corrects_event_id="e", values=right))
    found = totals(views)
    assert {name: found.get(name) for name in then} == then, name
    assert "complaints_upheld" not in found


def test_a_vulnerable_customer_can_be_put_right() -> None:
    wrong = opened(priority="urgent")
    wrong.event["customer"] = {"id": "c1", "vulnerable": True}
    fix = contact(
        "corrected", MINUTE, corrects_event_id="opened", values={"customer": {"id": "c1", "vulnerable": False}}
    )
    lowered = contact("corrected", MINUTE + 1, corrects_event_id="opened", values={"priority": "high"})
    views = shown(wrong, fix, lowered, until=9 * HOUR)
    assert {row["severity"] for row in views.incidents() if row["pattern"] == "P02"} == {"warning"}


def test_an_event_that_is_withdrawn_never_was() -> None:
    wrong = contact("resolved", MINUTE, resolution="solved", event_id="wrong")
    views = shown(opened(), wrong, contact("voided", 2 * MINUTE, voids_event_id="wrong"))
    case = views.case("C1")
    assert (case["state"], case["resolved_at"]) == ("open", None)
    assert "contacts_resolved" not in totals(views)


def test_a_correction_that_is_withdrawn_never_was() -> None:
    fix = contact("corrected", MINUTE, corrects_event_id="opened", values={"channel": "chat"}, event_id="fix")
    assert case_of(opened(), fix, contact("voided", 2 * MINUTE, voids_event_id="fix"))["channel"] == "email"


def test_a_withdrawal_that_is_withdrawn_never_was() -> None:
    log = [
        opened(),
        contact("resolved", MINUTE, event_id="right"),
        contact("voided", 2 * MINUTE, voids_event_id="right", event_id="slip"),
        contact("voided", 3 * MINUTE, voids_event_id="slip"),
    ]
    assert case_of(*log)["state"] == "resolved"


def test_the_last_of_two_corrections_holds() -> None:
    log = [
        opened(),
        contact("corrected", MINUTE, corrects_event_id="opened", values={"channel": "chat", "product": "fibre"}),
        contact("corrected", 2 * MINUTE, corrects_event_id="opened", values={"channel": "phone"}),
    ]
    for order in permutations(log):
        case = case_of(*order)
        assert (case["channel"], case["product"]) == ("phone", "fibre")


def test_a_correction_of_what_nobody_has_seen_changes_nothing() -> None:
    fix = contact("corrected", MINUTE, corrects_event_id="elsewhere", values={"channel": "chat"})
    assert case_of(opened(), fix)["channel"] == "email"


def test_a_withdrawn_case_counts_nowhere() -> None:
    views = shown(*JOURNEY, contact("voided", HOUR))
    assert totals(views) == {}
    assert {clock["state"] for clock in views.clocks()} == {"cancelled"}
    assert views.incidents() == []
