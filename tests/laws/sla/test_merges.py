"""Rule 12, merges: the case that survives goes on with the wait of the other one, and each breach is counted once."""

from itertools import permutations
from typing import Any, Final

import pytest

from tests.laws.sla.office import BOT, HUMAN, Promising, clocks_of, contact, opened
from tests.processors.feed import HOUR, MINUTE, T0, Happening, event
from tests.processors.views import Row, Views

RESOLVE: Final = "  resolve: [{target: 8h}]\n"
ANSWERS: Final = "  first_response: [{target: 4h}]\n  next_response: [{target: 4h}]\n"
PRIORITIES: Final = "  resolve:\n    - {when: {priority: [urgent]}, target: 2h}\n    - {target: 8h}\n"
PAUSABLE: Final = "  resolve: [{target: 8h, pausable: true, pause_reasons: [info], max_pause: 30d}]\n"


def merged(hours: float, entity: str, into: str, **fields: Any) -> Happening:
    return contact("merged", round(hours * HOUR), entity, into=into, **fields)


def resolved(hours: float, entity: str) -> Happening:
    return contact("resolved", round(hours * HOUR), entity, actor=HUMAN)


def replied(hours: float, entity: str) -> Happening:
    return contact("agent_replied", round(hours * HOUR), entity, actor=HUMAN)


def asked(hours: float, entity: str, **fields: Any) -> Happening:
    return contact("customer_replied", round(hours * HOUR), entity, **fields)


def opened_at(hours: float, entity: str, **fields: Any) -> Happening:
    return opened(round(hours * HOUR), entity, **fields)


def reads(row: Row) -> tuple[str, float, float, int]:
    """State, start and deadline in hours after T0, and whether it is inherited."""
    return row["state"], (row["started_at"] - T0) / HOUR, (row["due_at"] - T0) / HOUR, row["inherited"]


def counts(views: Views) -> tuple[int, int]:
    """Promises kept, and broken, as the KPIs count them."""
    totals = views.kpi_totals()
    return tuple(  # type: ignore[return-value]
        sum(amount for name, amount in totals.items() if name.endswith(f"_{how}") and not name.startswith("contacts_"))
        for how in ("met", "breached")
    )


def breaches(views: Views) -> list[str]:
    return sorted(row["entity_id"] for row in views.incidents() if row["pattern"] == "P02")


A_B: Final = [opened_at(0, "A"), opened_at(2, "B")]
A_B_C: Final = [*A_B, opened_at(4, "C")]
ALL_ANSWERED: Final = [replied(1, "A"), replied(2.5, "B"), replied(4.5, "C")]
CANCELLED: Final = ("cancelled", 0, 8, 0)

OF_RESOLVE: Final[list[tuple[str, list[Happening], dict[str, tuple[Any, ...]], tuple[int, int], list[str]]]] = [
    ("the survivor keeps the earliest start", [*A_B, merged(3, "A", "B"), resolved(7, "B")],
     {"A": CANCELLED, "B": ("met", 0, 8, 0)}, (1, 0), []),
    ("late by the customer's time", [*A_B, merged(3, "A", "B"), resolved(9, "B")],
     {"A": CANCELLED, "B": ("breached", 0, 8, 0)}, (0, 1), ["B"]),
    ("a survivor that is the older one", [*A_B, merged(3, "B", "A"), resolved(7, "A")],
     {"A": ("met", 0, 8, 0), "B": ("cancelled", 2, 10, 0)}, (1, 0), []),
    ("a chain", [*A_B_C, merged(5, "A", "B"), merged(6, "B", "C"), resolved(9.5, "C")],
     {"C": ("breached", 0, 8, 0)}, (0, 1), ["C"]),
    ("a chain from its far end", [*A_B_C, merged(5, "B", "C"), merged(6, "A", "B"), resolved(9.5, "C")],
     {"C": ("breached", 0, 8, 0)}, (0, 1), ["C"]),
    ("a chain at one moment", [*A_B_C, merged(5, "A", "B"), merged(5, "B", "C"), resolved(9.5, "C")],
     {"C": ("breached", 0, 8, 0)}, (0, 1), ["C"]),
    ("two into one", [*A_B_C, merged(5, "A", "C"), merged(6, "B", "C"), resolved(9, "C")],
     {"C": ("breached", 0, 8, 0)}, (0, 1), ["C"]),
    ("a breach stays a breach, counted once", [*A_B, merged(9, "A", "B"), resolved(9.5, "B")],
     {"A": ("breached", 0, 8, 0), "B": ("breached", 0, 8, 1)}, (0, 1), ["A"]),
    ("inherited though nobody has resolved it yet", [*A_B, merged(9, "A", "B")],
     {"A": ("breached", 0, 8, 0), "B": ("breached", 0, 8, 1)}, (0, 1), ["A"]),
    ("inherited along a chain", [*A_B_C, merged(9, "A", "B"), merged(9.5, "B", "C"), resolved(10, "C")],
     {"A": ("breached", 0, 8, 0), "B": ("breached", 0, 8, 1), "C": ("breached", 0, 8, 1)}, (0, 1), ["A"]),
    ("both were broken before", [*A_B, merged(11, "A", "B"), resolved(12, "B")],
     {"A": ("breached", 0, 8, 0), "B": ("breached", 2, 10, 0)}, (0, 2), ["A", "B"]),
    ("what was kept before stays kept", [*A_B, resolved(3, "B"), merged(9, "A", "B")],
     {"A": ("breached", 0, 8, 0), "B": ("met", 2, 10, 0)}, (1, 1), ["A"]),
    ("over before the other one was opened: no wait to go on with",
     [opened_at(0, "A"), resolved(1, "A"), opened_at(20, "B"), merged(21, "A", "B"), resolved(27, "B")],
     {"A": ("met", 0, 8, 0), "B": ("met", 20, 28, 0)}, (2, 0), []),
    ("into itself", [opened_at(0, "A"), merged(3, "A", "A")], {"A": ("breached_open", 0, 8, 0)}, (0, 1), ["A"]),
    ("taken back", [*A_B, merged(3, "A", "B", event_id="oops"),
     contact("voided", 4 * HOUR, "A", voids_event_id="oops")],
     {"A": ("breached_open", 0, 8, 0), "B": ("breached_open", 2, 10, 0)}, (0, 2), ["A", "B"]),
    ("put right", [*A_B_C, merged(5, "A", "B", event_id="oops"), resolved(7, "C"), resolved(7, "B"),
     contact("corrected", 8 * HOUR, "A", corrects_event_id="oops", values={"into": "C"})],
     {"A": CANCELLED, "B": ("met", 2, 10, 0), "C": ("met", 0, 8, 0)}, (2, 0), []),
    ("what was withdrawn gives nothing", [*A_B, merged(3, "A", "B"), contact("voided", 4 * HOUR, "A")],
     {"B": ("breached_open", 2, 10, 0)}, (0, 1), ["B"]),
    ("a desk that closes what it has merged", [*A_B, merged(3, "A", "B"), contact("closed", 3 * HOUR + 1, "A"),
     resolved(4, "A")], {"A": CANCELLED, "B": ("breached_open", 0, 8, 0)}, (0, 1), ["B"]),
    ("a circle of two: the last counts for nothing", [*A_B, merged(3, "A", "B"), merged(4, "B", "A")],
     {"A": CANCELLED, "B": ("breached_open", 0, 8, 0)}, (0, 1), ["B"]),
    ("a circle of two at one moment: by the entity", [*A_B, merged(3, "A", "B"), merged(3, "B", "A")],
     {"A": CANCELLED, "B": ("breached_open", 0, 8, 0)}, (0, 1), ["B"]),
    ("a circle of three", [*A_B_C, merged(6, "B", "C"), merged(5, "C", "A"), merged(7, "A", "B")],
     {"A": ("breached_open", 0, 8, 0), "B": ("cancelled", 2, 10, 0), "C": ("cancelled", 4, 12, 0)}, (0, 1), ["A"]),
    ("a circle that is opened again", [*A_B, merged(3, "A", "B", event_id="oops"), merged(4, "B", "A"),
     contact("voided", 5 * HOUR, "A", voids_event_id="oops")],
     {"A": ("breached_open", 0, 8, 0), "B": ("cancelled", 2, 10, 0)}, (0, 1), ["A"]),
    ("into one that is not here", [opened_at(0, "A"), merged(3, "A", "Z")], {"A": CANCELLED}, (0, 0), []),
    ("into one that is not here, and broken before", [opened_at(0, "A"), merged(9, "A", "Z")],
     {"A": ("breached", 0, 8, 0)}, (0, 1), ["A"]),
    ("into one that is not here, and broken before that was known", [opened_at(0, "A"), merged(7.9, "A", "Z")],
     {"A": ("breached", 0, 8, 0)}, (0, 1), ["A"]),
    ("told by the survivor", [opened_at(2, "B"), contact("absorbed", 3 * HOUR, "B", **{"from": "A",
     "opened_at": "2025-11-24T00:00:00Z"}), resolved(9, "B")], {"B": ("breached", 0, 8, 0)}, (0, 1), ["B"]),
    ("told by the survivor, too late", [opened_at(2, "B"), contact("absorbed", 9 * HOUR, "B", **{"from": "A",
     "opened_at": "2025-11-24T00:00:00Z"}), resolved(10, "B")], {"B": ("breached", 0, 8, 1)}, (0, 0), []),
]  # fmt: skip


@pytest.mark.parametrize(
    ("complaint", "log", "expected", "counted", "incidents"), OF_RESOLVE, ids=[case[0] for case in OF_RESOLVE]
)
def test_rule_12_what_becomes_of_the_clocks_of_a_merge(
    promising: Promising,
    complaint: str,
    log: list[Happening],
    expected: dict[str, tuple[Any, ...]],
    counted: tuple[int, int],
    incidents: list[str],
) -> None:
    views = promising(RESOLVE).after(log)
    assert {entity: reads(views.clock(entity, "resolve")) for entity in expected} == expected, complaint
    assert counts(views) == counted
    assert breaches(views) == incidents


def test_rule_12_with_the_survivors_own_targets(promising: Promising) -> None:
    log = [opened_at(0, "A"), opened_at(1, "B", priority="urgent"), merged(1.5, "A", "B"), resolved(1.9, "B")]
    assert reads(promising(PRIORITIES).after(log).clock("B", "resolve")) == ("met", 0, 2, 0)
    late = [opened_at(0, "A"), opened_at(1, "B", priority="urgent"), merged(2.5, "A", "B"), resolved(2.6, "B")]
    views = promising(PRIORITIES).after(late)
    assert (reads(views.clock("A", "resolve")), reads(views.clock("B", "resolve"))) == (
        CANCELLED,
        ("breached", 0, 2, 1),
    )
    assert (counts(views), breaches(views)) == ((0, 0), [])


def test_rule_12_what_the_merged_case_waited_for_is_no_wait_of_the_survivor(promising: Promising) -> None:
    waits = contact("waiting_customer", HOUR, "A", reason="info")
    log = [opened_at(0, "A"), waits, opened_at(50, "B"), merged(50.5, "A", "B"), resolved(56.5, "B")]
    assert reads(promising(PAUSABLE).after(log).clock("B", "resolve")) == ("met", 0, 57, 0)


OF_ANSWERS: Final[list[tuple[str, list[Happening], dict[tuple[str, str], list[tuple[Any, ...]]], list[str]]]] = [
    ("an answer in the merged case is one", [*A_B, replied(2.5, "A"), merged(3, "A", "B")],
     {("A", "first_response"): [("met", 0, 4, 0)], ("B", "first_response"): [("met", 0, 4, 1)],
      ("B", "next_response"): []}, []),
    ("an answer before the survivor's own question", [*A_B, replied(1, "A"), merged(3, "A", "B")],
     {("B", "first_response"): [("met", 0, 4, 1)], ("B", "next_response"): [("breached_open", 2, 6, 0)]}, ["B"]),
    ("a late answer in the merged case is a breach of that one", [*A_B, replied(4.5, "A"), merged(5, "A", "B")],
     {("A", "first_response"): [("breached", 0, 4, 0)], ("B", "first_response"): [("breached", 0, 4, 1)]}, ["A"]),
    ("nobody has answered either", [*A_B, merged(3, "A", "B"), replied(3.5, "B")],
     {("A", "first_response"): [("cancelled", 0, 4, 0)], ("B", "first_response"): [("met", 0, 4, 0)]}, []),
    ("what the merged case was asked the survivor owes",
     [*A_B, replied(1, "A"), replied(2.5, "B"), asked(2.6, "A"), merged(3, "A", "B")],
     {("A", "next_response"): [("cancelled", 2.6, 6.6, 0)], ("B", "next_response"): [("breached_open", 2.6, 6.6, 0)]},
     ["B"]),
    ("and keeps by an answer",
     [*A_B, replied(1, "A"), replied(2.5, "B"), asked(2.6, "A"), merged(3, "A", "B"), replied(6, "B")],
     {("B", "next_response"): [("met", 2.6, 6.6, 0)]}, []),
    ("the survivor waits since the earlier of two questions",
     [*A_B, replied(1, "A"), replied(2.5, "B"), asked(2.6, "A"), asked(2.8, "B"), merged(3, "A", "B")],
     {("B", "next_response"): [("breached_open", 2.6, 6.6, 0)]}, ["B"]),
    ("the opening of the merged case was a question",
     [*A_B, replied(2.5, "B"), merged(3, "A", "B"), replied(3.5, "B")],
     {("A", "first_response"): [("cancelled", 0, 4, 0)], ("B", "first_response"): [("met", 2, 6, 0)],
      ("B", "next_response"): [("met", 0, 4, 0)]}, []),
    ("asked in the old thread", [*A_B, replied(1, "A"), replied(2.5, "B"), merged(3, "A", "B"), asked(6, "A")],
     {("A", "next_response"): [], ("B", "next_response"): [("breached_open", 6, 10, 0)]}, ["B"]),
    ("asked and answered in the old thread",
     [*A_B, replied(1, "A"), replied(2.5, "B"), merged(3, "A", "B"), asked(6, "A"), replied(7, "A")],
     {("B", "next_response"): [("met", 6, 10, 0)]}, []),
    ("asked in the oldest of three threads",
     [*A_B_C, *ALL_ANSWERED, merged(5, "A", "B"), merged(6, "B", "C"), asked(7, "A")],
     {("C", "next_response"): [("breached_open", 7, 11, 0)]}, ["C"]),
    ("asked between two merges",
     [*A_B_C, *ALL_ANSWERED, merged(5, "A", "B"), asked(5.5, "A"), merged(6, "B", "C")],
     {("B", "next_response"): [("cancelled", 5.5, 9.5, 0)], ("C", "next_response"): [("breached_open", 5.5, 9.5, 0)]},
     ["C"]),
    ("a message in the old thread of a case that is solved reopens nothing",
     [*A_B, replied(1, "A"), replied(2.5, "B"), merged(3, "A", "B"), resolved(4, "B"), asked(6, "A")],
     {("B", "next_response"): []}, []),
    ("but a reopening there does", [*A_B, replied(1, "A"), replied(2.5, "B"), merged(3, "A", "B"), resolved(4, "B"),
     asked(6, "A"), contact("reopened", 6 * HOUR, "A", reason="customer_reply")],
     {("B", "next_response"): [("breached_open", 6, 10, 0)]}, ["B"]),
    ("taken back: the message is the case's own",
     [*A_B, replied(1, "A"), replied(2.5, "B"), merged(3, "A", "B", event_id="oops"), asked(6, "A"),
      contact("voided", 7 * HOUR, "A", voids_event_id="oops")],
     {("A", "next_response"): [("breached_open", 6, 10, 0)], ("B", "next_response"): []}, ["A"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("complaint", "log", "expected", "incidents"), OF_ANSWERS, ids=[case[0] for case in OF_ANSWERS]
)
def test_rule_12_what_was_asked_and_answered_in_a_merged_case(
    promising: Promising,
    complaint: str,
    log: list[Happening],
    expected: dict[tuple[str, str], list[tuple[Any, ...]]],
    incidents: list[str],
) -> None:
    views = promising(ANSWERS).after(log)
    found = {key: [reads(row) for row in clocks_of(views, key[1], key[0])] for key in expected}
    assert found == expected, complaint
    assert breaches(views) == incidents


def test_rule_12_a_person_who_was_asked_for_in_the_merged_case(promising: Promising) -> None:
    human = "  human_on_request: [{target: 5min}]\n"
    bot = contact("answered", MINUTE, "A", actor=BOT)
    asked_for = contact("human_requested", 2 * HOUR, "A")
    log = [opened_at(0, "A"), opened_at(1, "B"), bot, asked_for, merged(2.05, "A", "B")]
    views = promising(human).after(log)
    assert [reads(row)[:2] for row in clocks_of(views, "human_on_request", "B")] == [("breached_open", 2)]
    assert reads(clocks_of(views, "human_on_request", "A")[0])[0] == "cancelled"


def test_rule_12_an_acknowledgement_of_the_merged_complaint_is_one(promising: Promising) -> None:
    def complained(what: str, hours: int, entity: str, **fields: Any) -> Happening:
        return event(f"complaint.{what}", entity, hours * HOUR, **fields)

    log = [complained("opened", n, entity, kind="claim", channel="post") for n, entity in enumerate("AB")]
    log += [complained("acknowledged", 2, "A"), complained("merged", 3, "A", into="B")]
    views = promising("  acknowledge: [{target: 4h}]\n  resolve: [{target: 8h}]\n").after(log)
    assert [reads(views.clock(entity, "acknowledge")) for entity in "AB"] == [("met", 0, 4, 0), ("met", 0, 4, 1)]
    assert reads(views.clock("B", "resolve")) == ("breached_open", 0, 8, 0)


@pytest.mark.parametrize("order", [*permutations(range(3))], ids=str)
def test_rule_12_in_whatever_order_the_three_are_read(promising: Promising, order: tuple[int, ...]) -> None:
    office = promising(RESOLVE)
    log = [Happening(one.topic, one.event, T0 + 3 * HOUR) for one in [*A_B, merged(3, "A", "B")]]
    read = office.after([log[index] for index in order])
    assert read.clocks() == office.after(log).clocks()
    assert read.clock("B", "resolve")["started_at"] == T0


def warned(views: Views) -> dict[str, tuple[str, ...]]:
    return {row["event_id"]: row["warnings"] for row in views.table("feedback_events") if row["warnings"]}


def test_rule_12_a_merge_that_leads_nowhere_is_warned_of(promising: Promising) -> None:
    log = [opened_at(0, "A"), merged(1, "A", "A", event_id="itself"), merged(2, "A", "Z", event_id="nothing")]
    views = promising(RESOLVE).after([*log, asked(3, "A", event_id="unheard")])
    assert warned(views) == {
        "itself": ("dangling_reference",),
        "nothing": ("dangling_reference",),
        "unheard": ("merged_elsewhere",),
    }
    assert (views.case("A")["merged_into"], views.case("A")["merged_elsewhere"]) == ("Z", 1)


def test_rule_12_the_clocks_of_a_merge_run_until_its_survivor_must_be_elsewhere(promising: Promising) -> None:
    log = [opened_at(0, "A"), merged(3, "A", "Z")]
    office = promising(RESOLVE)
    for minutes, state, elsewhere in ((9, "running", 0), (11, "cancelled", 1)):
        views = office.after(log, 3 * HOUR + minutes * MINUTE)
        assert views.clock("A", "resolve")["state"] == state
        assert (views.case("A")["state"], views.case("A")["merged_elsewhere"]) == ("merged", elsewhere)


def test_rule_12_a_survivor_that_appears_later_undoes_that(promising: Promising) -> None:
    late = opened(HOUR, "Z", arrives=5 * HOUR)
    views = promising(RESOLVE).after([opened_at(0, "A"), merged(3, "A", "Z"), late, resolved(9, "Z")])
    assert (reads(views.clock("A", "resolve")), views.case("A")["merged_elsewhere"]) == (CANCELLED, 0)
    assert views.clock("A", "resolve")["stopped_at"] == T0 + 3 * HOUR
    assert reads(views.clock("Z", "resolve")) == ("breached", 0, 8, 0)
