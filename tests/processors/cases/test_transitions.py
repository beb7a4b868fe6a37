"""The table of case states, pair by pair, and what an event means to it."""

from typing import Any, Final, cast, get_args

import pytest

from processors.cases.case import advance
from processors.cases.conversion import case_event
from processors.cases.events import CaseEvent, Facts
from processors.cases.fold import Fold
from processors.cases.transitions import TERMINAL, TRANSITIONS, state_after, trigger_of
from processors.sla.business_time import CalendarBook
from processors.sla.promises import Promises
from processors.sla.signals import Trigger
from schemas.events.contacts import ERASED
from schemas.events.decoding import decode
from schemas.events.envelope import Event
from schemas.policies.packs import PolicyBook
from schemas.taxonomy import CaseState
from schemas.topics import CONTACTS
from tests.schemas.events import examples

STATES: Final[tuple[CaseState, ...]] = get_args(CaseState)
TRIGGERS: Final[tuple[Trigger, ...]] = get_args(Trigger)
NO_PROMISES: Final = Promises(PolicyBook([], grace_ms=0), CalendarBook([]))


def happened(what: str, /, **facts: Any) -> CaseEvent:
    return CaseEvent(1_000, -1, "e", 1_000, what, cast("Facts", facts))


MEANINGS: list[tuple[Trigger, CaseEvent]] = [
    ("queued", happened("queued")),
    ("assigned", happened("assigned", owner="ana")),
    ("answered_by_person", happened("answered")),
    ("answered_by_bot", happened("answered", actor="bot")),
    ("replied_by_person", happened("agent_replied")),
    ("replied", happened("agent_replied", actor="bot")),
    ("replied", happened("agent_replied", public=False)),
    ("replied", happened("customer_replied", actor="system")),
    ("reopened_by_machine", happened("reopened", actor="bot", reason="customer_reply")),
    ("answered_by_machine", happened("answered", survey="nps", score=6, actor="bot")),
    ("customer_replied", happened("customer_replied")),
    ("resumed", happened("resumed")),
    ("waiting_customer", happened("waiting_customer")),
    ("waiting_third_party", happened("waiting_third_party")),
    ("forwarded_external", happened("forwarded_external")),
    ("abandoned", happened("abandoned")),
    ("callback_requested", happened("callback_requested")),
    ("resolved", happened("resolved", resolution="solved")),
    ("dismissed", happened("resolved", resolution="spam")),
    ("duplicate", happened("resolved", resolution="duplicate")),
    ("closed", happened("closed")),
    ("reopened", happened("reopened")),
    ("merged", happened("merged", into="C2")),
    ("voided", happened("voided")),
    ("revised", happened("voided", revises="e0")),
    ("opened", happened("opened", kind="inbound")),
    ("opened_outbound", happened("opened", kind="outbound")),
    ("answered_unhappy", happened("answered", survey="nps", score=6)),
    ("answered_content", happened("answered", survey="nps", score=7)),
    ("answered_unrated", happened("answered", survey="csat")),
    ("answered_unrated", happened("answered", survey="floor_walk")),
]


@pytest.mark.parametrize(("trigger", "event"), MEANINGS, ids=[trigger for trigger, _ in MEANINGS])
def test_what_an_event_means(trigger: Trigger, event: CaseEvent) -> None:
    assert trigger_of(event) == trigger


@pytest.mark.parametrize(("expires_at", "trigger"), [(999, "answered_late"), (1_000, "answered_unhappy")])
def test_an_answer_counts_until_its_survey_expires(expires_at: int, trigger: Trigger) -> None:
    assert trigger_of(happened("answered", survey="nps", score=0), expires_at) == trigger
    assert trigger_of(happened("answered"), expires_at) == "answered_by_person", "a call is no survey"


@pytest.mark.parametrize(
    ("unhappy", "facts"),
    [
        (True, {"survey": "csat", "score": 2, "scale_max": 5}),
        (False, {"survey": "csat", "score": 3, "scale_max": 5}),
        (True, {"survey": "csat", "score": 4, "scale_max": 10}),
        (False, {"survey": "csat", "score": 5, "scale_max": 10}),
        (True, {"survey": "nps", "score": 6}),
        (False, {"survey": "nps", "score": 7}),
        (True, {"survey": "ces", "score": 2, "scale_max": 7, "direction": "ease"}),
        (False, {"survey": "ces", "score": 3, "scale_max": 7, "direction": "ease"}),
        (True, {"survey": "ces", "score": 6, "scale_max": 7, "direction": "effort"}),
        (False, {"survey": "ces", "score": 5, "scale_max": 7, "direction": "effort"}),
    ],
)
def test_who_is_unhappy(unhappy: bool, facts: dict[str, Any]) -> None:
    assert trigger_of(happened("answered", **facts)) == ("answered_unhappy" if unhappy else "answered_content")


WAITING: Final[tuple[CaseState, ...]] = ("waiting_customer", "waiting_third_party")
ENDS_WAITING: Final[tuple[Trigger, ...]] = (
    "abandoned", "resolved", "duplicate", "dismissed", "closed", "merged", "voided",
)  # fmt: skip
OPEN: Final[tuple[CaseState, ...]] = ("open", "queued", "in_progress", "waiting_customer", "waiting_third_party")
LEADS_TO: dict[CaseState, list[Trigger]] = {
    "queued": ["queued"],
    "in_progress": [
        "assigned", "answered_by_person", "answered_by_bot", "replied_by_person", "resumed", "reopened",
    ],
    "waiting_customer": ["waiting_customer"],
    "waiting_third_party": ["waiting_third_party", "forwarded_external"],
    "abandoned": ["abandoned"],
    "resolved": ["resolved", "duplicate", "dismissed"],
    "closed": ["closed"],
    "merged": ["merged"],
    "void": ["voided"],
}  # fmt: skip
"""What each trigger makes of a case that is not over."""
STILL_MOVES: dict[CaseState, list[Trigger]] = {
    "abandoned": ["reopened", "resolved", "duplicate", "dismissed", "closed", "merged", "voided"],
    "resolved": ["reopened", "closed", "merged", "voided"],
    "closed": ["reopened", "merged", "voided"],
    "merged": ["voided"],
    "void": [],
    "erased": [],
    "evicted": [],
}
"""What moves a case that is over; nothing else does, but who only left may queue, or ask to be called, again."""


def moves(state: CaseState) -> dict[Trigger, CaseState]:
    """Every trigger, and where it leads from a state."""
    still = TRIGGERS if state in OPEN else STILL_MOVES[state]
    leads: dict[Trigger, CaseState] = {
        trigger: after for after, some in LEADS_TO.items() for trigger in some if trigger in still
    }
    if state == "queued" or state == "abandoned":
        leads["callback_requested"] = "open"
    if state == "queued":
        leads["left_queue"] = "open"
    if state == "abandoned":
        leads["queued"] = "queued"
    if state in WAITING:
        leads = {trigger: after for trigger, after in leads.items() if trigger in ENDS_WAITING or after in WAITING}
        leads |= dict.fromkeys(("customer_replied", "resumed", "reopened"), "in_progress")
    return {trigger: leads.get(trigger, state) for trigger in TRIGGERS}


@pytest.mark.parametrize("state", STATES)
def test_a_trigger_leads_where_the_table_says_and_an_illegal_one_nowhere(state: CaseState) -> None:
    assert {trigger: state_after(state, trigger) for trigger in TRIGGERS} == moves(state)


def test_every_state_has_a_row_and_those_that_are_over_can_end_no_more() -> None:
    assert {*TRANSITIONS} == {*STATES}
    assert {*STATES} - {*OPEN} - {"erased", "evicted"} == TERMINAL
    for state in TERMINAL:
        assert ("queued" in TRANSITIONS[state]) == (state == "abandoned")
        assert not {"assigned", "answered_by_person", "waiting_customer", "resumed"} & {*TRANSITIONS[state]}


@pytest.mark.parametrize("state", STATES)
def test_a_fold_walks_the_table(state: CaseState) -> None:
    for trigger, event in MEANINGS:
        fold = Fold((CONTACTS, "crm", "C1"))
        fold.state = state
        advance(fold, event, NO_PROMISES, [])
        assert fold.state == state_after(state, trigger), trigger


@pytest.mark.parametrize("record", examples.valid(), ids=str)
def test_every_event_of_the_contract_has_a_trigger(record: examples.Record) -> None:
    event = decode(record.topic, record.value)
    assert isinstance(event, Event)
    if event.event_type != ERASED:  # of no case
        assert trigger_of(case_event(event, 1, 1, "")) in TRIGGERS
