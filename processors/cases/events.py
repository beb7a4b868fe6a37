"""From a decoded event to what the fold needs of it: a small dictionary of facts that were said."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from processors.cases.fold import CaseEvent
from processors.enrichment.categories import map_category
from schemas.events.decoding import to_ms
from schemas.events.envelope import Event
from schemas.topics import COMPLAINTS, CONTACTS, SURVEYS

_PLAIN: Final = ("org_unit", "channel", "product", "otc_stage", "demand_type")

Fields = Mapping[str, Any]


def case_event(topic: str, event: Event, occurred_at: int, record_at: int, category: str) -> CaseEvent:
    """What a case keeps of an event. `category` is the mapped one."""
    kind = event.event_type.partition(".")[2]
    fields = event.__dict__
    facts = _envelope(fields, category)
    if event.test:
        facts["test"] = True
    specific = _SPECIFIC[topic].get(kind)
    if specific is not None:
        specific(fields, facts)
    return CaseEvent(occurred_at, -1 if event.seq is None else event.seq, event.event_id, record_at, kind, facts)


def _envelope(fields: Fields, category: str) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for name in _PLAIN:
        value = fields[name]
        if value is not None:
            facts[name] = value
    if category:
        facts["category"] = category
    customer = fields["customer"]
    if customer is not None:
        facts["customer_id"] = customer.id
        if customer.relationship is not None:
            facts["relationship"] = customer.relationship
        if customer.segment is not None:
            facts["segment"] = customer.segment
        if customer.vulnerable:
            facts["vulnerable"] = True
    cause = fields["cause"]
    if cause is not None:
        if cause.element is not None:
            facts["element"] = cause.element
        if cause.origin_area is not None:
            facts["origin_area"] = cause.origin_area
    return facts


def _copy(**names: str) -> Callable[[Fields, dict[str, Any]], None]:
    """Take fields over under the fold's names, when they were said."""
    pairs = tuple(names.items())

    def take(fields: Fields, facts: dict[str, Any]) -> None:
        for fact, field in pairs:
            value = fields[field]
            if value is not None:
                facts[fact] = value

    return take


def _contact_opened(fields: Fields, facts: dict[str, Any]) -> None:
    facts["kind"] = fields["direction"]
    _priority(fields, facts)


def _complaint_opened(fields: Fields, facts: dict[str, Any]) -> None:
    facts["kind"] = fields["kind"]
    _priority(fields, facts)
    if fields["topic_class"] is not None:
        facts["topic_class"] = fields["topic_class"]
    if fields["received_at"] is not None:
        facts["received_at"] = to_ms(fields["received_at"])


def _priority(fields: Fields, facts: dict[str, Any]) -> None:
    if fields["priority"] is not None:
        facts["priority"] = fields["priority"]


def _actor(fields: Fields, facts: dict[str, Any]) -> None:
    actor = fields["actor"]
    if actor is not None and actor.kind is not None:
        facts["actor"] = actor.kind


def _replied(fields: Fields, facts: dict[str, Any]) -> None:
    _actor(fields, facts)
    if not fields["public"]:
        facts["public"] = False


def _answered(fields: Fields, facts: dict[str, Any]) -> None:
    _actor(fields, facts)
    if fields["wait_seconds"] is not None:
        facts["wait_ms"] = round(fields["wait_seconds"] * 1000)


def _contact_resolved(fields: Fields, facts: dict[str, Any]) -> None:
    _actor(fields, facts)
    _copy(resolution="resolution", level="resolved_level")(fields, facts)
    _handling(fields, facts)


def _handling(fields: Fields, facts: dict[str, Any]) -> None:
    for name, fact in (("talk_seconds", "talk_ms"), ("hold_seconds", "hold_ms"), ("wrap_seconds", "wrap_ms")):
        if fields.get(name) is not None:
            facts[fact] = round(fields[name] * 1000)


def _invited(fields: Fields, facts: dict[str, Any]) -> None:
    facts["kind"] = facts["survey"] = fields["kind"]
    if fields["expires_at"] is not None:
        facts["expires_at"] = to_ms(fields["expires_at"])


def _survey_answered(fields: Fields, facts: dict[str, Any]) -> None:
    facts["kind"] = facts["survey"] = fields["kind"]
    for name in ("score", "scale_max", "direction"):
        if fields.get(name) is not None:
            facts[name] = fields[name]


def _revision(fields: Fields, facts: dict[str, Any]) -> None:
    """A correction says nothing of the case itself: only of the event that it corrects."""
    right: Fields = fields["values"].__dict__
    facts.clear()
    facts["revises"] = fields["corrects_event_id"]
    facts["values"] = values = _envelope(right, map_category(right["category"], right["category_raw"])[0])
    for name, fact in _CORRECTABLE.items():
        value = right.get(name)
        if value is not None:
            values[fact] = to_ms(value) if isinstance(value, datetime) else value
    _actor(right, values)
    _handling(right, values)
    if right["customer"] is not None and right["customer"].vulnerable is not None:
        values["vulnerable"] = right["customer"].vulnerable


_CORRECTABLE: Final = {
    "occurred_at": "occurred_at", "received_at": "received_at", "expires_at": "expires_at", "priority": "priority",
    "topic_class": "topic_class", "direction": "kind", "owner": "owner", "from_": "from", "to": "to",
    "public": "public", "reason": "reason", "into": "into", "resolution": "resolution", "outcome": "resolution",
    "resolved_level": "level", "in_ivr": "in_ivr", "score": "score", "scale_max": "scale_max", "test": "test",
}  # fmt: skip
_COMPLAINT_KIND: Final = _copy(kind="kind", topic_class="topic_class")


def _voided(fields: Fields, facts: dict[str, Any]) -> None:
    if fields["voids_event_id"] is not None:
        facts.clear()
        facts["revises"] = fields["voids_event_id"]


def _complaint_corrected(fields: Fields, facts: dict[str, Any]) -> None:
    _revision(fields, facts)
    if fields["values"].kind is not None:
        facts["values"]["kind"] = fields["values"].kind


_SHARED: Final = {
    "assigned": _copy(owner="owner"),
    "transferred": _copy(**{"from": "from_", "to": "to"}),
    "priority_changed": _copy(priority="to"),
    "reopened": _copy(reason="reason"),
    "waiting_customer": _copy(reason="reason"),
    "waiting_third_party": _copy(reason="reason"),
    "merged": _copy(into="into"),
    "voided": _voided,
}
_SPECIFIC: Final[Mapping[str, Mapping[str, Callable[[Fields, dict[str, Any]], None]]]] = {
    CONTACTS: {
        **_SHARED,
        "opened": _contact_opened,
        "answered": _answered,
        "abandoned": _copy(in_ivr="in_ivr"),
        "agent_replied": _replied,
        "resolved": _contact_resolved,
        "corrected": _revision,
    },
    COMPLAINTS: {
        **_SHARED,
        "opened": _complaint_opened,
        "reclassified": _COMPLAINT_KIND,
        "resolved": _copy(resolution="outcome"),
        "corrected": _complaint_corrected,
    },
    SURVEYS: {
        "invited": _invited,
        "answered": _survey_answered,
    },
}
