"""Rule 10: another priority or class."""

from typing import Any

import pytest

from tests.laws.sla.office import CLASSES, Promising, claim, complaint, contact, opened, shown
from tests.processors.feed import HOUR, MINUTE, T0, Happening


def raised(when: int, to: str = "urgent") -> Happening:
    return contact("priority_changed", when, **{"from": "normal", "to": to})


PRIORITIES = [
    ("raised in time: from the original start", [raised(HOUR)], 2.0, 0),
    ("raised at its deadline", [raised(2 * HOUR)], 2.0, 0),
    ("punished for a promotion", [raised(3 * HOUR)], 3.5, 1),
    ("lowered: the time used stays used", [raised(HOUR, "low")], 40.0, 0),
    ("escapes by demotion", [raised(9 * HOUR, "low")], 8.0, 0),
    ("raised when it was broken already", [raised(9 * HOUR)], 8.0, 0),
    ("there and back", [raised(HOUR), raised(HOUR + MINUTE, "normal")], 8.0, 0),
    ("raised late, and lowered again", [raised(3 * HOUR), raised(3 * HOUR + MINUTE, "normal")], 8.0, 0),
]


@pytest.mark.parametrize(("complaint", "log", "due", "retroactive"), PRIORITIES, ids=[case[0] for case in PRIORITIES])
def test_rule_10_priority(
    promising: Promising, complaint: str, log: list[Happening], due: float, retroactive: int
) -> None:
    row = promising(CLASSES).after([opened(), *log]).clock("C1", "resolve")
    assert ((row["due_at"] - T0) / HOUR, row["retroactive"]) == (due, retroactive)


def test_rule_10_a_promotion_that_is_dealt_with_at_once_is_met_and_reported_apart(promising: Promising) -> None:
    log = [opened(), raised(3 * HOUR), contact("resolved", 3 * HOUR + 20 * MINUTE)]
    assert shown(promising(CLASSES).after(log).clock("C1", "resolve"), "state", "retroactive") == {
        "state": "met",
        "retroactive": 1,
    }


@pytest.mark.parametrize(
    ("complaint", "to", "due"), [("no longer", "low", 10), ("but shorter", "urgent", 1), ("by class it may", None, 20)]
)
def test_rule_10_a_legal_clock_never_gets_longer_by_priority(
    promising: Promising, complaint: str, to: str | None, due: int
) -> None:
    office = promising("""\
  final_response:
    - {when: {topic_class: [general]}, target: 20h, legal: true}
    - {when: {priority: [urgent]}, target: 1h, legal: true}
    - {when: {priority: [low]}, target: 99h, legal: true}
    - {target: 10h, legal: true}
""")
    change = (
        complaint_event("priority_changed", **{"from": "normal", "to": to})
        if to
        else complaint_event("reclassified", topic_class="general")
    )
    row = office.after([claim(), change]).clock("R1", "final_response")
    assert (row["due_at"] - T0) / HOUR == due, complaint


def complaint_event(what: str, **fields: Any) -> Happening:
    return complaint(what, 30 * MINUTE, **fields)


def test_rule_10_what_becomes_a_claim_is_promised_from_its_receipt(promising: Promising) -> None:
    log = [claim(kind="praise"), complaint("reclassified", HOUR, kind="claim")]
    row = promising(CLASSES).after(log).clock("R1", "resolve")
    assert shown(row, "started_at", "due_at") == {"started_at": T0, "due_at": T0 + 8 * HOUR}


def test_rule_10_what_becomes_praise_is_owed_no_more(promising: Promising) -> None:
    log = [claim(), complaint("reclassified", HOUR, kind="praise")]
    assert promising(CLASSES).after(log).clock("R1", "resolve")["state"] == "cancelled"


def test_rule_10_a_pack_may_keep_the_target_of_the_start(promising: Promising) -> None:
    office = promising(
        "  resolve: [{when: {priority: [urgent]}, target: 2h}, {target: 8h, on_priority_change: keep}]\n"
    )
    assert office.after([opened(), raised(HOUR)]).clock("C1", "resolve")["due_at"] == T0 + 8 * HOUR
