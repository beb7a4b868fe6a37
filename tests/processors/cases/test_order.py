"""The order of a case's events: by moment, then by what they mean, and by what the case can be told."""

from itertools import permutations
from typing import Any, cast, get_args

import pytest

from processors.cases.case import Case, apply_event
from processors.cases.events import CaseEvent, Facts
from processors.cases.order import RANKS, in_turn, position
from processors.sla.business_time import CalendarBook
from processors.sla.promises import Promises
from processors.sla.signals import Trigger
from schemas.policies.packs import PolicyBook
from schemas.topics import CONTACTS
from tests.processors.cases.journey import HUMAN, case_of, contact, opened, shown
from tests.processors.feed import HOUR, MINUTE, SECOND, T0, Happening

NO_PROMISES = Promises(PolicyBook([], grace_ms=0), CalendarBook([]))


def happened(what: str, at: int = 0, /, *, seq: int = -1, event_id: str = "", **facts: Any) -> CaseEvent:
    return CaseEvent(T0 + at, seq, event_id or f"{what}@{at}", T0 + at, what, cast("Facts", facts))


def test_every_trigger_has_a_rank_of_its_own() -> None:
    assert {*RANKS} == {*get_args(Trigger)}
    assert len({*RANKS.values()}) == len(RANKS)


def test_what_happens_at_one_moment_has_the_order_in_which_it_happens() -> None:
    natural: list[Trigger] = [
        "opened", "identified", "queued", "customer_replied", "assigned", "answered_by_person", "replied_by_person",
        "waiting_customer", "resumed", "resolved", "closed", "reopened", "merged", "voided",
    ]  # fmt: skip
    assert sorted(natural, key=RANKS.__getitem__) == natural


def test_a_sequence_number_goes_before_rank_and_no_number_before_any() -> None:
    events = [happened("opened", seq=9), happened("closed"), happened("resolved", seq=1), happened("assigned", seq=2)]
    for order in permutations(events):
        assert sorted(order, key=position) == events


@pytest.mark.parametrize(
    ("name", "before", "at_once", "taken"),
    [
        ("nothing is over: as they rank", [], ["reopened", "resolved", "agent_replied"],
         ["agent_replied", "resolved", "reopened"]),
        ("it is over: first it is reopened", ["resolved"], ["resolved", "assigned", "reopened"],
         ["reopened", "assigned", "resolved"]),
        ("it is over: first it is merged", ["closed"], ["assigned", "merged"], ["merged", "assigned"]),
        ("it is over: first it is withdrawn", ["abandoned"], ["closed", "voided"], ["voided", "closed"]),
        ("it is over, and the customer writes with the reopening", ["resolved"], ["customer_replied", "reopened"],
         ["reopened", "customer_replied"]),
        ("it waits: first it goes on", ["waiting_customer"], ["waiting_customer", "assigned", "resumed"],
         ["resumed", "assigned", "waiting_customer"]),
        ("it waits: first the customer's words", ["waiting_third_party"], ["queued", "waiting_customer",
         "customer_replied"], ["customer_replied", "queued", "waiting_customer"]),
        ("it does not wait: it waits, then goes on", [], ["resumed", "waiting_customer"],
         ["waiting_customer", "resumed"]),
        ("it gets over among them, twice", [], ["resolved", "reopened", "closed", "waiting_customer"],
         ["waiting_customer", "resolved", "reopened", "closed"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_of_one_moment_is_taken_first_what_the_case_can_be_told(
    name: str, before: list[str], at_once: list[str], taken: list[str]
) -> None:
    earlier = [happened("opened"), *(happened(what, MINUTE) for what in before)]
    for order in permutations([happened(what, 2 * MINUTE) for what in at_once]):
        case = Case((CONTACTS, "crm", "C1"))
        for event in (*earlier, *order):
            apply_event(case, event, NO_PROMISES)
        seen = _Seen(case.fold.state)
        assert [event.type for event in seen.walk(case.events)][len(earlier) :] == taken, name


class _Seen:
    """Walks events as a fold does."""

    def __init__(self, state: Any) -> None:
        self._case, self.state = Case((CONTACTS, "crm", "C1")), "open"

    def walk(self, events: list[CaseEvent]) -> list[CaseEvent]:
        seen: list[CaseEvent] = []
        for event in in_turn(events, cast("Any", self)):
            apply_event(self._case, event._replace(seq=len(seen)), NO_PROMISES)
            self.state = self._case.fold.state
            seen.append(event)
        return seen


@pytest.mark.parametrize(
    ("name", "opening", "earliest"),
    [
        ("rounded down: what is older by less than a second", 412, 0),
        ("the opening itself", 0, 0),
        ("an opening that was rounded down, too", 999, 999),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_opening_comes_first_in_its_second_and_counts_from_the_earliest_event_of_it(
    name: str, opening: int, earliest: int
) -> None:
    log = [opened(opening), contact("assigned", earliest, owner="ana"), contact("resolved", 999, resolution="solved")]
    for order in permutations(log):
        case = case_of(*order)
        assert (case["opened_at"], case["state"], case["incomplete"]) == (T0 + earliest, "resolved", 0)


def test_an_opening_of_the_next_second_is_not_moved() -> None:
    for order in permutations([contact("resolved", 999), opened(SECOND)]):
        case = case_of(*order)
        assert (case["opened_at"], case["incomplete"]) == (T0 + SECOND, 1)


def _handed_on(at: int) -> Happening:
    return contact("transferred", at, **{"from": "n1", "to": "n2"})


@pytest.mark.parametrize(
    ("name", "log", "warned"),
    [
        ("handed on, and so queued", [contact("assigned", SECOND, owner="ana"), _handed_on(MINUTE),
         contact("queued", MINUTE, queue="q2")], []),
        ("queued, and so it was handed on", [contact("assigned", SECOND, owner="ana"),
         contact("queued", MINUTE, queue="q2"), _handed_on(MINUTE)], []),
        ("resolved, then the reply of the same click", [contact("resolved", MINUTE),
         contact("agent_replied", MINUTE, actor=HUMAN)], []),
        ("reopened, then the message that did it", [contact("resolved", MINUTE), contact("reopened", HOUR),
         contact("customer_replied", HOUR)], []),
        ("numbered, and read the wrong way round", [contact("resolved", MINUTE, seq=2),
         contact("agent_replied", MINUTE, actor=HUMAN, seq=1)], ["agent_replied"]),
        ("numbered, and read in order", [contact("agent_replied", MINUTE, actor=HUMAN, seq=1),
         contact("resolved", MINUTE, seq=2)], []),
        ("only one of them numbered", [contact("resolved", MINUTE, seq=2),
         contact("agent_replied", MINUTE, actor=HUMAN)], []),
        ("a moment before", [contact("resolved", MINUTE), contact("agent_replied", MINUTE - 1, actor=HUMAN)],
         ["agent_replied"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_only_what_its_publisher_puts_before_what_was_read_is_out_of_order(
    name: str, log: list[Happening], warned: list[str]
) -> None:
    assert _out_of_order([opened(), *log]) == warned, name


def test_an_opening_that_is_read_behind_others_of_its_second_is_out_of_order_only_if_it_is_older() -> None:
    later = contact("assigned", 500, owner="ana")
    assert _out_of_order([later, opened(900)]) == []
    assert _out_of_order([later, opened(100)]) == ["opened"]
    assert _out_of_order([opened(900), later]) == []


def _out_of_order(log: list[Happening]) -> list[str]:
    rows = shown(*log).table("feedback_events")
    return [row["event_type"].partition(".")[2] for row in rows if "out_of_order" in row["warnings"]]
