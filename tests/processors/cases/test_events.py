"""From a decoded event to the facts that a case keeps of it."""

from collections.abc import Mapping
from typing import Any, get_type_hints

import pytest

from processors.cases.conversion import case_event
from processors.cases.events import CorrectedFacts, Facts
from schemas.events.contacts import ERASED
from schemas.events.decoding import decode
from schemas.events.envelope import Event
from schemas.topics import COMPLAINTS, CONTACTS, SURVEYS
from tests.schemas.events import examples
from tests.schemas.events.samples import event_of

SAID = {
    "customer": {"id": "c1", "relationship": "b2b", "segment": "gold", "vulnerable": True},
    "cause": {"element": "people", "origin_area": "it"},
    "org_unit": "es/care/n1", "channel": "chat", "product": "fibre", "otc_stage": "payment", "demand_type": "failure",
    "priority": "urgent", "test": True,
}  # fmt: skip


def facts_of(topic: str, event_type: str, /, **fields: Any) -> Facts:
    return case_event(event_of(topic, event_type=event_type, **fields), 5, 7, fields.get("category", "")).facts


def test_what_any_event_states_of_its_case_bears_the_name_of_its_field() -> None:
    assert facts_of(CONTACTS, "contact.opened", category="billing", **SAID) == {
        "customer_id": "c1", "relationship": "b2b", "segment": "gold", "vulnerable": True,
        "element": "people", "origin_area": "it", "org_unit": "es/care/n1", "channel": "chat", "product": "fibre",
        "otc_stage": "payment", "demand_type": "failure", "category": "billing", "priority": "urgent", "test": True,
        "kind": "inbound",
    }  # fmt: skip


def test_the_priority_is_that_of_an_opening_or_of_a_change() -> None:
    assert "priority" not in facts_of(CONTACTS, "contact.assigned", owner="ana", priority="urgent")
    assert facts_of(CONTACTS, "contact.priority_changed", **{"from": "low", "to": "high"})["priority"] == "high"


TOLD: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    (CONTACTS, "answered", {"actor": {"kind": "bot"}, "wait_seconds": 1.5}, {"actor": "bot", "wait_ms": 1500}),
    (CONTACTS, "answered", {"actor": {"id": "a1"}}, {}),
    (CONTACTS, "customer_replied", {"actor": {"kind": "customer"}}, {}),
    (CONTACTS, "customer_replied", {"actor": {"kind": "system"}}, {"actor": "system"}),
    (CONTACTS, "abandoned", {"in_ivr": False}, {"in_ivr": False}),
    (CONTACTS, "agent_replied", {"public": False}, {"public": False}),
    (CONTACTS, "agent_replied", {"public": True}, {}),
    (CONTACTS, "assigned", {"owner": "ana"}, {"owner": "ana"}),
    (COMPLAINTS, "transferred", {"from": "n1", "to": "n2"}, {"from": "n1", "to": "n2"}),
    (CONTACTS, "waiting_customer", {"reason": "info"}, {"reason": "info"}),
    (COMPLAINTS, "reopened", {}, {}),
    (CONTACTS, "reopened", {"actor": {"kind": "bot"}, "reason": "not_fixed"}, {"actor": "bot", "reason": "not_fixed"}),
    (CONTACTS, "merged", {"into": "C2"}, {"into": "C2"}),
    (
        CONTACTS,
        "resolved",
        {"resolution": "solved", "resolved_level": 1, "talk_seconds": 60, "wrap_seconds": 0.25},
        {"resolution": "solved", "level": 1, "talk_ms": 60_000, "wrap_ms": 250},
    ),
    (COMPLAINTS, "resolved", {"outcome": "upheld"}, {"resolution": "upheld"}),
    (
        COMPLAINTS,
        "opened",
        {"kind": "claim", "topic_class": "general", "received_at": "1970-01-01T00:00:01Z"},
        {"kind": "claim", "topic_class": "general", "received_at": 1_000},
    ),
    (COMPLAINTS, "reclassified", {"kind": "praise"}, {"kind": "praise"}),
    (
        SURVEYS,
        "invited",
        {"kind": "nps", "expires_at": "1970-01-01T00:00:02Z"},
        {"kind": "nps", "survey": "nps", "mode": "email", "expires_at": 2_000},
    ),
    (SURVEYS, "answered", {"kind": "nps", "score": 9}, {"kind": "nps", "survey": "nps", "mode": "email", "score": 9}),
    (
        SURVEYS,
        "answered",
        {"kind": "ces", "score": 2, "direction": "ease"},
        {"kind": "ces", "survey": "ces", "mode": "email", "score": 2, "scale_max": 7, "direction": "ease"},
    ),
    (
        SURVEYS,
        "answered",
        {"kind": "csat", "score": None, "text": "in words", "links": {"contact_id": "C1"}},
        {"kind": "csat", "survey": "csat", "mode": "email", "contact_id": "C1"},
    ),
    (
        SURVEYS,
        "answered",
        {"kind": "csat", "score": 0, "scale_min": 0, "scale_max": 3},
        {"kind": "csat", "survey": "csat", "mode": "email", "score": 0, "scale_min": 0, "scale_max": 3},
    ),
    (CONTACTS, "voided", {}, {}),
    (CONTACTS, "voided", {"voids_event_id": "e0"}, {"revises": "e0"}),
]


@pytest.mark.parametrize(("topic", "what", "fields", "told"), TOLD)
def test_what_an_event_type_tells(topic: str, what: str, fields: dict[str, Any], told: dict[str, Any]) -> None:
    own = dict(facts_of(topic, f"{topic.removesuffix('-events')}.{what}", **fields))
    if "revises" not in told:
        assert (own.pop("customer_id"), own.pop("channel")) == ("c_9f2", "phone")
    assert own == told


def test_a_correction_says_nothing_of_the_case_but_what_was_wrong_about_the_other_event() -> None:
    right = {
        "occurred_at": "1970-01-01T00:00:03Z", "channel": "chat", "category_raw": "Facturación", "from": "n1",
        "direction": "outbound", "customer": {"id": "c7", "vulnerable": False}, "actor": {"kind": "bot"},
        "talk_seconds": 2,
    }  # fmt: skip
    assert facts_of(CONTACTS, "contact.corrected", corrects_event_id="e0", values=right, product="fibre") == {
        "revises": "e0",
        "values": {
            "occurred_at": 3_000, "channel": "chat", "category": "billing", "kind": "outbound", "customer_id": "c7",
            "vulnerable": False, "actor": "bot", "talk_ms": 2_000, "from": "n1",
        },
    }  # fmt: skip


@pytest.mark.parametrize("record", examples.valid(), ids=str)
def test_every_fact_of_an_example_has_a_name_and_its_type(record: examples.Record) -> None:
    one = decode(record.topic, record.value)
    assert isinstance(one, Event)
    if one.event_type != ERASED:  # of no case
        assert wrong(case_event(one, 1, 1, "").facts, Facts) == {}


def wrong(facts: Mapping[str, Any], declared: type) -> dict[str, Any]:
    """The facts that are not declared so."""
    types = get_type_hints(declared)
    found = {name: value for name, value in facts.items() if name != "values" and type(value) is not types.get(name)}
    return found | wrong(facts["values"], CorrectedFacts) if "values" in facts else found
