"""How complaints go, from their opening to a customer who stays or leaves."""

from deploy.traffic.matters import Matter
from deploy.traffic.office import DAY, HOUR, MINUTE, SITES, Case, Fields, Office, Story
from deploy.traffic.surveys import survey
from schemas.topics import COMPLAINTS


def complaint(office: Office, at: float, who: Fields, matter: Matter, about: Case, language: str) -> Story:
    """Complain about a contact that went badly."""
    area = who["country"].lower()
    case = Case(office, COMPLAINTS, "claims", who, language, f"{area}/atencion/reclamaciones/{office.pick(SITES)}")
    severity = 1 + int(office.random.random() * 4)
    opening: Fields = {
        "kind": office.pick(("complaint", "claim", "claim", "incident", "query", "suggestion")),
        "channel": office.pick(("web_form", "email", "phone", "post", "in_person")), "topic_class": matter.topic_class,
        "received_at": office.moment(at - office.around(HOUR)), "severity": severity,
        "priority": ("low", "normal", "high", "urgent")[severity - 1], "category": matter.sent[0],
        "product": matter.product, "process": matter.process, "journey_stage": matter.stage,
        "otc_stage": matter.otc_stage, "demand_type": "failure", "links": {"contact_id": about.entity_id},
        "text": office.words(matter.texts, language),
        "remedy_sought": office.pick(("devolución", "disculpa", "reparación", "baja")),
    }  # fmt: skip
    yield case.step(at, "complaint.opened", **opening)
    if office.chance(0.04):
        office.start(_sent_twice(office, at, case, opening))
    owner = f"gestor-{int(office.random.random() * 12):02}"
    # Most are acknowledged the same day, some late, some never.
    if not office.chance(0.05):
        at += 1 + office.around(4 * HOUR) if not office.chance(0.1) else DAY + office.around(DAY)
        yield case.step(
            at, "complaint.acknowledged", reference_given=office.chance(0.95), durable_copy=office.chance(0.8)
        )
    at += office.around(HOUR)
    yield case.step(at, "complaint.assigned", owner=owner)
    yield from _investigation(office, at, case, matter, severity)


def _sent_twice(office: Office, at: float, case: Case, opening: Fields) -> Story:
    """The same complaint, by post too, say: somebody sees that it is one."""
    envelope = case.envelope
    twice = Case(
        office, COMPLAINTS, envelope["source"], envelope["customer"], envelope["language"], envelope["org_unit"]
    )
    at += 10 * MINUTE + office.around(HOUR)
    yield twice.step(at, "complaint.opened", **{**opening, "channel": "post", "received_at": office.moment(at)})
    yield twice.step(at + 1 + office.around(HOUR), "complaint.merged", into=case.entity_id)


def _investigation(office: Office, at: float, case: Case, matter: Matter, severity: int) -> Story:
    language = case.envelope["language"]
    if office.chance(0.15):
        at += office.around(6 * HOUR)
        yield case.step(at, "complaint.transferred", **{"from": "reclamaciones", "to": matter.team})
    if office.chance(0.25):
        at += office.around(5 * HOUR)
        yield case.step(at, "complaint.waiting_customer", reason="evidence")
        at += office.around(DAY)
        yield case.step(at, "complaint.resumed")
    at += office.around(10 * HOUR)
    cause = {"element": matter.element, "origin_area": matter.origin_area, "code": f"{matter.origin_area}-{severity}"}
    yield case.step(at, "complaint.cause_set", cause=cause, method="5-whys")
    if office.chance(0.3):
        at += office.around(DAY)
        yield case.step(at, "complaint.progress_sent")
    if severity == 4 and office.chance(0.3):
        at += office.around(6 * HOUR)
        yield case.step(at, "complaint.escalated", to="supervisor")
    if office.chance(0.05):  # never answered
        return
    at += office.around(DAY) if not office.chance(0.15) else 4 * DAY + office.around(6 * DAY)
    outcome = office.pick(("upheld", "upheld", "partly_upheld", "rejected", "settled"))
    redress = {} if outcome == "rejected" else {"redress_amount": f"{10 + office.around(80):.2f}", "currency": "EUR"}
    yield case.named_step(at, "complaint.resolved", outcome=outcome, reasoned=office.chance(0.9), **redress)
    if office.chance(0.1):
        at += 1 + office.around(HOUR)
        outcome = "upheld" if outcome == "partly_upheld" else "partly_upheld"
        yield case.step(at, "complaint.corrected", corrects_event_id=case.last_id, values={"outcome": outcome})
    if office.chance(0.3):
        mood = 0.3 if outcome == "rejected" else 0.75
        office.start(survey(office, at + 1 + office.around(HOUR), case.envelope["customer"], case, language, mood))
    at += office.around(2 * DAY)
    if outcome == "rejected" and office.chance(0.3):
        yield case.step(at, "complaint.appealed", to="ombudsman")
        return
    recovered = office.chance(0.7)
    event_type = "complaint.customer_recovered" if recovered else "complaint.customer_lost"
    evidence = office.pick(("purchase", "renewal", "survey")) if recovered else "statement"
    yield case.step(at, event_type, evidence=evidence, amount=f"{office.around(300):.2f}", currency="EUR")
    yield case.step(at + office.around(DAY), "complaint.closed")
