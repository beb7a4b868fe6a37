"""Conversion: what a case keeps of a decoded event.

What any event may state is taken over by its name, `Stated`; what single event types tell beside it says `_TELLS`, and
what speaks of another event, `_REVISES`.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, cast

from processors.cases.events import CaseEvent, CorrectedFacts, Facts, Stated
from processors.enrichment.categories import map_category
from schemas.events import complaints, contacts, surveys
from schemas.events.decoding import to_ms
from schemas.events.envelope import Cause, Circumstances, CorrectedValues, Customer, Event


def case_event(event: Event, occurred_at: int, record_at: int, category: str) -> CaseEvent:
    """What a case keeps of an event; `category` is the mapped one."""
    fields = event.__dict__  # pydantic's attributes cost several times what its dictionary does
    kind, seq = fields["event_type"].partition(".")[2], fields["seq"]
    revise = _REVISES.get(type(event))
    facts = None if revise is None else revise(event)
    if facts is None:
        facts = _stated(fields, category)
        if fields["test"]:
            facts["test"] = True
        tell = _TELLS.get(type(event))
        if tell is not None:
            tell(event, facts)
    return CaseEvent(occurred_at, -1 if seq is None else seq, fields["event_id"], record_at, kind, facts)


_OF_EVENT: Final = tuple(
    name for name in Stated.__annotations__ if name in Circumstances.model_fields and name != "category"
)
_OF_CUSTOMER: Final = tuple(name for name in Stated.__annotations__ if name in Customer.model_fields)
_OF_CAUSE: Final = tuple(name for name in Stated.__annotations__ if name in Cause.model_fields)


def _stated(fields: Mapping[str, Any], category: str) -> Facts:
    """What any event may tell, and a correction; `fields` are those of `Circumstances`."""
    facts: dict[str, Any] = {}
    _take_over(_OF_EVENT, fields, facts)
    if category:
        facts["category"] = category
    customer, cause = fields["customer"], fields["cause"]
    if customer is not None:
        of_customer = customer.__dict__
        facts["customer_id"] = of_customer["id"]
        _take_over(_OF_CUSTOMER, of_customer, facts)
        if of_customer["vulnerable"]:
            facts["vulnerable"] = True
    if cause is not None:
        _take_over(_OF_CAUSE, cause.__dict__, facts)
    return cast("Facts", facts)


def _take_over(names: tuple[str, ...], fields: Mapping[str, Any], facts: dict[str, Any]) -> None:
    for name in names:
        value = fields[name]
        if value is not None:
            facts[name] = value


def _contact_opened(event: contacts.ContactOpened, facts: Facts) -> None:
    facts["kind"] = event.direction
    _priority(event, facts)


def _complaint_opened(event: complaints.ComplaintOpened, facts: Facts) -> None:
    facts["kind"] = event.kind
    _priority(event, facts)
    if event.topic_class is not None:
        facts["topic_class"] = event.topic_class
    if event.received_at is not None:
        facts["received_at"] = to_ms(event.received_at)


def _priority(event: Event, facts: Facts) -> None:
    if event.priority is not None:
        facts["priority"] = event.priority


def _machine(said: Circumstances, facts: Facts) -> None:
    """Of what is done by or to customers only this tells: that no person did it."""
    if said.actor is not None and said.actor.kind in ("system", "bot"):
        facts["actor"] = said.actor.kind


def _actor(said: Circumstances, facts: Facts) -> None:
    if said.actor is not None and said.actor.kind is not None:
        facts["actor"] = said.actor.kind


def _queued(event: contacts.ContactQueued, facts: Facts) -> None:
    facts["queue"] = event.queue


def _callback_requested(event: contacts.ContactCallbackRequested, facts: Facts) -> None:
    if event.promised_at is not None:
        facts["promised_at"] = to_ms(event.promised_at)


def _answered(event: contacts.ContactAnswered, facts: Facts) -> None:
    _actor(event, facts)
    if event.wait_seconds is not None:
        facts["wait_ms"] = _ms(event.wait_seconds)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _abandoned(event: contacts.ContactAbandoned, facts: Facts) -> None:
    if event.in_ivr is not None:
        facts["in_ivr"] = event.in_ivr


def _agent_replied(event: contacts.ContactAgentReplied, facts: Facts) -> None:
    _actor(event, facts)
    if not event.public:
        facts["public"] = False


def _assigned(event: contacts.ContactAssigned | complaints.ComplaintAssigned, facts: Facts) -> None:
    facts["owner"] = event.owner


def _transferred(event: contacts.ContactTransferred | complaints.ComplaintTransferred, facts: Facts) -> None:
    facts["from"], facts["to"] = event.from_, event.to


def _reason(
    event: contacts.ContactReopened
    | complaints.ComplaintReopened
    | contacts.ContactWaitingCustomer
    | contacts.ContactWaitingThirdParty
    | complaints.ComplaintWaitingCustomer
    | complaints.ComplaintWaitingThirdParty,
    facts: Facts,
) -> None:
    if event.reason is not None:
        facts["reason"] = event.reason


def _reopened(event: contacts.ContactReopened | complaints.ComplaintReopened, facts: Facts) -> None:
    _machine(event, facts)
    _reason(event, facts)


def _priority_changed(
    event: contacts.ContactPriorityChanged | complaints.ComplaintPriorityChanged, facts: Facts
) -> None:
    facts["priority"] = event.to


def _reclassified(event: complaints.ComplaintReclassified, facts: Facts) -> None:
    if event.kind is not None:
        facts["kind"] = event.kind
    if event.topic_class is not None:
        facts["topic_class"] = event.topic_class


def _contact_resolved(event: contacts.ContactResolved, facts: Facts) -> None:
    _actor(event, facts)
    if event.resolution is not None:
        facts["resolution"] = event.resolution
    if event.resolved_level is not None:
        facts["level"] = event.resolved_level
    _handling(event, facts)


def _handling(said: contacts.ContactResolved | contacts.ContactValues, facts: Facts) -> None:
    if said.talk_seconds is not None:
        facts["talk_ms"] = _ms(said.talk_seconds)
    if said.hold_seconds is not None:
        facts["hold_ms"] = _ms(said.hold_seconds)
    if said.wrap_seconds is not None:
        facts["wrap_ms"] = _ms(said.wrap_seconds)


def _complaint_resolved(event: complaints.ComplaintResolved, facts: Facts) -> None:
    facts["resolution"] = event.outcome


def _merged(event: contacts.ContactMerged | complaints.ComplaintMerged, facts: Facts) -> None:
    facts["into"] = event.into


def _absorbed(event: contacts.ContactAbsorbed | complaints.ComplaintAbsorbed, facts: Facts) -> None:
    facts["from"], facts["opened_at"] = event.from_, to_ms(event.opened_at)


def _invited(event: surveys.SurveyInvited, facts: Facts) -> None:
    _survey(event, facts)
    if event.expires_at is not None:
        facts["expires_at"] = to_ms(event.expires_at)


def _survey(event: surveys.SurveyInvited | surveys.SurveyAnswered, facts: Facts) -> None:
    facts["kind"] = facts["survey"] = event.kind
    facts["mode"] = event.mode
    links = event.links
    if links is not None:
        if links.contact_id is not None:
            facts["contact_id"] = links.contact_id
        if links.complaint_id is not None:
            facts["complaint_id"] = links.complaint_id


def _survey_answered(event: surveys.SurveyAnswered, facts: Facts) -> None:
    _machine(event, facts)
    _survey(event, facts)


def _visit_answered(event: surveys.MysteryShopperAnswered | surveys.FloorWalkAnswered, facts: Facts) -> None:
    _survey_answered(event, facts)
    if event.site is not None:
        facts["visited_site"] = event.site


def _nps_answered(event: surveys.NpsAnswered, facts: Facts) -> None:
    _survey_answered(event, facts)
    if event.score is not None:
        facts["score"] = event.score


def _scaled_answer(event: surveys.CsatAnswered | surveys.CesAnswered, facts: Facts) -> None:
    _survey_answered(event, facts)
    if event.score is not None:
        facts["score"], facts["scale_max"] = event.score, event.scale_max
        if event.scale_min != 1:
            facts["scale_min"] = event.scale_min


def _ces_answered(event: surveys.CesAnswered, facts: Facts) -> None:
    _scaled_answer(event, facts)
    if event.direction is not None:
        facts["direction"] = event.direction


_TELLS: Final[Mapping[type[Event], Callable[[Any, Facts], None]]] = {
    contacts.ContactOpened: _contact_opened,
    contacts.ContactQueued: _queued,
    contacts.ContactCallbackRequested: _callback_requested,
    contacts.ContactAnswered: _answered,
    contacts.ContactAbandoned: _abandoned,
    contacts.ContactCustomerReplied: _machine,
    contacts.ContactAgentReplied: _agent_replied,
    contacts.ContactResolved: _contact_resolved,
    complaints.ComplaintOpened: _complaint_opened,
    complaints.ComplaintReclassified: _reclassified,
    complaints.ComplaintResolved: _complaint_resolved,
    **dict.fromkeys((contacts.ContactAssigned, complaints.ComplaintAssigned), _assigned),
    **dict.fromkeys((contacts.ContactTransferred, complaints.ComplaintTransferred), _transferred),
    **dict.fromkeys((contacts.ContactPriorityChanged, complaints.ComplaintPriorityChanged), _priority_changed),
    **dict.fromkeys((contacts.ContactMerged, complaints.ComplaintMerged), _merged),
    **dict.fromkeys((contacts.ContactAbsorbed, complaints.ComplaintAbsorbed), _absorbed),
    **dict.fromkeys((contacts.ContactReopened, complaints.ComplaintReopened), _reopened),
    **dict.fromkeys((contacts.ContactWaitingCustomer, complaints.ComplaintWaitingCustomer), _reason),
    **dict.fromkeys((contacts.ContactWaitingThirdParty, complaints.ComplaintWaitingThirdParty), _reason),
    surveys.SurveyInvited: _invited,
    surveys.SurveyFollowupContacted: _machine,
    surveys.CsatAnswered: _scaled_answer,
    surveys.NpsAnswered: _nps_answered,
    surveys.CesAnswered: _ces_answered,
    **dict.fromkeys((surveys.MysteryShopperAnswered, surveys.FloorWalkAnswered), _visit_answered),
    surveys.CustomAnswered: _survey_answered,
}
"""Event type -> what it tells beside the envelope; one that is missing tells nothing that a case needs."""


def _voided(event: contacts.ContactVoided | complaints.ComplaintVoided) -> Facts | None:
    return None if event.voids_event_id is None else {"revises": event.voids_event_id}


def _corrected(event: contacts.ContactCorrected | complaints.ComplaintCorrected) -> Facts:
    right = event.values
    facts = cast("CorrectedFacts", _stated(right.__dict__, map_category(right.category, right.category_raw)[0]))
    fields = cast("dict[str, object]", facts)
    for name, fact in _CORRECTABLE[type(right)].items():
        value = getattr(right, name)
        if value is not None:
            fields[fact] = to_ms(value) if isinstance(value, datetime) else value
    _actor(right, facts)
    if isinstance(right, contacts.ContactValues):
        _handling(right, facts)
    if right.customer is not None and right.customer.vulnerable is not None:
        facts["vulnerable"] = right.customer.vulnerable
    return {"revises": event.corrects_event_id, "values": facts}


_OF_ANY: Final = {name: name for name in ("occurred_at", "priority", "owner", "to", "reason", "into", "test")} | {
    "from_": "from"
}
_CORRECTABLE: Final[Mapping[type[CorrectedValues], Mapping[str, str]]] = {
    contacts.ContactValues: {
        **_OF_ANY,
        "direction": "kind",
        "public": "public",
        "resolution": "resolution",
        "resolved_level": "level",
        "in_ivr": "in_ivr",
        "opened_at": "opened_at",
        "queue": "queue",
        "promised_at": "promised_at",
    },
    complaints.ComplaintValues: {
        **_OF_ANY,
        "kind": "kind",
        "topic_class": "topic_class",
        "received_at": "received_at",
        "outcome": "resolution",
        "opened_at": "opened_at",
    },
}
"""Field of the right values -> the fact that it is."""

_REVISES: Final[Mapping[type[Event], Callable[[Any], Facts | None]]] = {
    contacts.ContactCorrected: _corrected,
    contacts.ContactVoided: _voided,
    complaints.ComplaintCorrected: _corrected,
    complaints.ComplaintVoided: _voided,
}
"""Event type -> the facts of one that speaks of another event; None when it speaks of its case after all."""
