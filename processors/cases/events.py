"""Case events: the few facts that the fold needs of a decoded event.

`Facts` names every fact there is. Those of `Stated` any event may tell of its case: they bear the names of envelope
fields and of columns of `cases`, by which they are taken over, so a field that has all three needs nothing else here.
The others belong to single event types: `_TELLS`.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple, TypedDict, cast

from processors.enrichment.categories import map_category
from schemas.events import complaints, contacts, surveys
from schemas.events.decoding import to_ms
from schemas.events.envelope import Cause, Circumstances, CorrectedValues, Customer, Event
from schemas.events.fields import Record

CaseKey = tuple[str, str, str]
"""topic, source, entity_id"""


class Stated(TypedDict, total=False):
    """What a case is known by."""

    customer_id: str
    org_unit: str
    channel: str
    kind: str
    """Direction of a contact, kind of a complaint or of a survey."""
    category: str
    """As mapped to the common taxonomy."""
    product: str
    element: str
    origin_area: str
    otc_stage: str
    relationship: str
    demand_type: str
    segment: str
    topic_class: str
    mode: str
    """How a survey was asked."""
    visited_site: str
    """Where a mystery shopper or a manager was."""
    queue: str
    """The last that it waited in."""


class CaseFacts(Stated):
    """What is known of a case by now."""

    topic: str
    source: str
    priority: str


_From = TypedDict("_From", {"from": str}, total=False)


class Facts(Stated, _From, total=False):
    """What one event says, and nothing that it does not say. Moments and durations are milliseconds."""

    priority: str
    test: bool
    vulnerable: bool
    actor: str
    public: bool
    """Absent: it is."""
    reason: str
    owner: str
    to: str
    into: str
    """The entity that survives a merge."""
    resolution: str
    """Of a contact; of a complaint its outcome."""
    level: int
    in_ivr: bool
    wait_ms: int
    """As the publisher measured it."""
    talk_ms: int
    hold_ms: int
    wrap_ms: int
    received_at: int
    expires_at: int
    survey: str
    """Kind of the survey that is answered."""
    score: int
    scale_min: int
    scale_max: int
    direction: str
    """Which way the effort was asked for."""
    contact_id: str
    """That a survey is about."""
    complaint_id: str
    promised_at: int
    """When the customer was promised to be called back."""
    opened_at: int
    """Of a case that was merged into this one: since when its customer waits."""
    over_at: int
    """Since when that case was over when it was merged."""
    asked: list[int]
    """What it was asked, and nobody had answered by then, in order."""
    answers: list[int]
    """When persons had answered it, in order."""
    acknowledged_at: int
    person_asked_at: int
    """Since when its customer waits for a person."""
    call_asked_at: int
    """Since when its customer waits to be called back; where they were told by when, that is `promised_at`."""
    queued_at: int
    """Since when its customer waits in a queue, the one that is stated with it."""
    ran: Mapping[str, list[list[int]]]
    """Metric -> from, to: when the clock ran that it still had."""
    revises: str
    """Id of the event that this one corrects or withdraws; it then says nothing of the case itself."""
    values: "CorrectedFacts"


class CorrectedFacts(Facts, total=False):
    """The right facts of an event that is corrected."""

    occurred_at: int


class CaseEvent(NamedTuple):
    """What the fold needs of one event. `cases.order` says which comes first: the tuples are not compared."""

    occurred_at: int
    seq: int
    """-1 when the publisher sends none."""
    event_id: str
    record_at: int
    type: str
    """The event type without its topic's prefix."""
    facts: Facts

    @property
    def is_carried(self) -> bool:
        """Did it happen to a case that was merged into this one? No publisher's event id has a slash."""
        return "/" in self.event_id


def case_event(event: Event, occurred_at: int, record_at: int, category: str) -> CaseEvent:
    """What a case keeps of an event; `category` is the mapped one."""
    kind = event.event_type.partition(".")[2]
    revise = _REVISES.get(type(event))
    facts = None if revise is None else revise(event)
    if facts is None:
        facts = _stated(event, category)
        if event.test:
            facts["test"] = True
        tell = _TELLS.get(type(event))
        if tell is not None:
            tell(event, facts)
    return CaseEvent(occurred_at, -1 if event.seq is None else event.seq, event.event_id, record_at, kind, facts)


_OF_EVENT: Final = tuple(
    name for name in Stated.__annotations__ if name in Circumstances.model_fields and name != "category"
)
_OF_CUSTOMER: Final = tuple(name for name in Stated.__annotations__ if name in Customer.model_fields)
_OF_CAUSE: Final = tuple(name for name in Stated.__annotations__ if name in Cause.model_fields)


def _stated(said: Circumstances, category: str) -> Facts:
    facts: dict[str, Any] = {}
    _take_over(_OF_EVENT, said, facts)
    if category:
        facts["category"] = category
    customer, cause = said.customer, said.cause
    if customer is not None:
        facts["customer_id"] = customer.id
        _take_over(_OF_CUSTOMER, customer, facts)
        if customer.vulnerable:
            facts["vulnerable"] = True
    if cause is not None:
        _take_over(_OF_CAUSE, cause, facts)
    return cast("Facts", facts)


def _take_over(names: tuple[str, ...], said: Record, facts: dict[str, Any]) -> None:
    fields = said.__dict__
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
    """Of what customers do only this tells: that it was none of them."""
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
    facts = cast("CorrectedFacts", _stated(right, map_category(right.category, right.category_raw)[0]))
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
