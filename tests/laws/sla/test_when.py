"""What a promise may be made by, and what becomes of it when that changes."""

from typing import Any

import pytest

from tests.laws.sla.office import Promising, claim, clocks_of, complaint, contact, opened
from tests.processors.feed import HOUR, MINUTE, Happening, event

CUSTOMER = {"id": "c1"}


def promised(condition: str, *, keys: str = "") -> str:
    return f"  resolve:\n    - {{when: {{{condition}}}, target: 2h{keys}}}\n    - {{target: 8h{keys}}}\n"


Fields = dict[str, Any]
FACTS: list[tuple[str, str, Fields, Fields, tuple[str, Fields]]] = [
    ("channel", "[phone]", {"channel": "phone"}, {"channel": "email"}, ("reclassified", {"channel": "phone"})),
    ("priority", "[high]", {"priority": "high"}, {},
     ("priority_changed", {"from": "normal", "to": "high"})),
    ("category", "[billing]", {"category": "billing"}, {"category": "delivery"},
     ("reclassified", {"category": "billing"})),
    ("product", "[fibre]", {"product": "fibre"}, {}, ("agent_replied", {"product": "fibre"})),
    ("segment", "[gold]", {"customer": {**CUSTOMER, "segment": "gold"}}, {"customer": CUSTOMER},
     ("customer_replied", {"customer": {**CUSTOMER, "segment": "gold"}})),
    ("relationship", "[b2b]", {"customer": {**CUSTOMER, "relationship": "b2b"}}, {"customer": CUSTOMER},
     ("customer_replied", {"customer": {**CUSTOMER, "relationship": "b2b"}})),
    ("country", "[PT]", {"customer": {**CUSTOMER, "country": "PT"}}, {"customer": {**CUSTOMER, "country": "ES"}},
     ("identified", {"customer": {**CUSTOMER, "country": "PT"}})),
    ("vulnerable", "true", {"customer": {**CUSTOMER, "vulnerable": True}}, {"customer": CUSTOMER},
     ("customer_replied", {"customer": {**CUSTOMER, "vulnerable": True}})),
    ("language", "[pt]", {"language": "pt-BR"}, {"language": "es"}, ("reclassified", {"language": "pt"})),
    ("area", "[it]", {"org_unit": "it/desk/l1"}, {"org_unit": "sales/desk/l1"},
     ("assigned", {"owner": "ana", "org_unit": "it/desk/l2"})),
    ("team", "[l2]", {"org_unit": "it/desk/l2"}, {"org_unit": "it/desk/l1"},
     ("transferred", {"from": "l1", "to": "l2"})),
    ("site", "[madrid]", {"org_unit": "it/desk/l1/madrid"}, {"org_unit": "it/desk/l1/porto"},
     ("assigned", {"owner": "ana", "org_unit": "it/desk/l1/madrid"})),
    ("kind", "[inbound]", {}, {"direction": "outbound"}, ("nothing", {})),
    ("source", "[crm]", {}, {"source": "desk"}, ("nothing", {})),
    ("topic", "[contact-events]", {}, {}, ("nothing", {})),
]  # fmt: skip
"""A fact, what is asked of it, an opening that has it, one that has not, and what gives it to that later."""


def targets(promising: Promising, pack: str, log: list[Happening]) -> list[tuple[str, int]]:
    """Each target, and its hours between start and deadline."""
    rows = clocks_of(promising(pack).after(log), "resolve")
    return [(row["target"], round((row["due_at"] - row["started_at"]) / HOUR)) for row in rows]


@pytest.mark.parametrize(("fact", "asked", "fits", "fits_not", "later"), FACTS, ids=[case[0] for case in FACTS])
def test_a_target_is_of_the_cases_that_its_rule_asks_for(
    promising: Promising, fact: str, asked: str, fits: Fields, fits_not: Fields, later: tuple[str, Fields]
) -> None:
    pack = promised(f"{fact}: {asked}")
    assert targets(promising, pack, [opened(0, **fits)]) == [("2h", 2)]
    if fact not in ("topic", "kind", "source"):
        assert targets(promising, pack, [opened(0, **fits_not)]) == [("8h", 8)]


CHANGING = [case for case in FACTS if case[4][0] != "nothing"]


@pytest.mark.parametrize(("fact", "asked", "fits", "fits_not", "later"), CHANGING, ids=[case[0] for case in CHANGING])
def test_it_holds_too_when_the_case_becomes_such_a_one(
    promising: Promising, fact: str, asked: str, fits: Fields, fits_not: Fields, later: tuple[str, Fields]
) -> None:
    what, fields = later
    log = [opened(0, **fits_not), contact(what, HOUR, **fields)]
    assert targets(promising, promised(f"{fact}: {asked}"), log) == [("2h", 2)], "counted from the start"
    assert targets(promising, promised(f"{fact}: {asked}", keys=", on_priority_change: keep"), log) == [("8h", 8)]


OTHERS: list[tuple[str, list[Happening], list[tuple[str, int]]]] = [
    ("queue: [vip]", [opened(), contact("queued", HOUR, queue="vip")], [("2h", 2)]),
    ("queue: [vip]", [opened(), contact("queued", HOUR, queue="other")], [("8h", 8)]),
    ("vulnerable: false", [opened(0, customer={**CUSTOMER, "vulnerable": True})], [("8h", 8)]),
    ("team: [l2]", [opened(0, org_unit="it/desk/l2"), contact("transferred", HOUR, **{"from": "l2", "to": "l1"})],
     [("8h", 8)]),
    ("team: [l1]", [opened(0, org_unit="it/desk/l1"), contact("transferred", HOUR, **{"from": "l1", "to": "l2"}),
                    contact("assigned", 2 * HOUR - MINUTE, owner="a", org_unit="it/desk/l1")], [("8h", 8)]),
    ("product: [fibre]", [opened(0, product="fibre"), contact("agent_replied", HOUR, product="mobile")], [("2h", 2)]),
]  # fmt: skip


@pytest.mark.parametrize(("condition", "log", "expected"), OTHERS, ids=range(len(OTHERS)))
def test_what_else_may_be_asked_for(
    promising: Promising, condition: str, log: list[Happening], expected: list[tuple[str, int]]
) -> None:
    assert targets(promising, promised(condition), log) == expected


def test_a_change_whose_deadline_is_past_gives_the_grace_of_an_escalation(promising: Promising) -> None:
    log = [opened(0, org_unit="it/desk/l1"), contact("transferred", 5 * HOUR, **{"from": "l1", "to": "l2"})]
    (row,) = clocks_of(promising(promised("team: [l2]")).after(log), "resolve")
    assert (row["due_at"] - row["started_at"], row["retroactive"]) == (5 * HOUR + 15 * MINUTE, 1)


def test_what_comes_to_fit_no_rule_is_owed_no_more_and_what_comes_to_fit_one_is_from_the_opening(
    promising: Promising,
) -> None:
    pack = "  resolve: [{when: {category: [billing]}, target: 4h}]\n"
    leaves = [opened(0, category="billing"), contact("reclassified", HOUR, category="delivery")]
    comes = [opened(0, category="delivery"), contact("reclassified", HOUR, category="billing")]
    assert [row["state"] for row in clocks_of(promising(pack).after(leaves), "resolve")] == ["cancelled"]
    assert targets(promising, pack, comes) == [("4h", 4)]


def test_a_wait_keeps_the_target_of_the_queue_that_it_began_in(promising: Promising) -> None:
    pack = "  answer: [{when: {queue: [vip]}, target: 1min}, {target: 9min}]\n"
    handed_round = [opened(), contact("queued", 0, queue="vip"), contact("queued", 30_000, queue="other")]
    assert promising(pack).after(handed_round).clock("C1", "answer")["target"] == "1min"


def test_complaints_are_asked_the_same(promising: Promising) -> None:
    pack = promised("topic_class: [service_continuity]")
    office = promising(pack)
    log = [claim(), complaint("reclassified", HOUR, topic_class="service_continuity")]
    assert office.after(log).clock("R1", "resolve")["target"] == "2h"


def test_an_assignment_that_names_no_other_unit_than_before_leaves_a_case_where_it_was_handed_to(
    promising: Promising,
) -> None:
    unit = "it/desk/l1"
    log = [
        opened(0, org_unit=unit),
        contact("transferred", HOUR, org_unit=unit, **{"from": "l1", "to": "l2"}),
        event("contact.assigned", "C1", HOUR + MINUTE, owner="bea", org_unit=unit),
    ]
    assert targets(promising, promised("team: [l2]"), log) == [("2h", 2)]
