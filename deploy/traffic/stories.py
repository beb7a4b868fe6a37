"""How generated cases go: a contact, a complaint, a survey, a walk; each yields its steps in order of time."""

from collections.abc import Callable, Generator, Iterator, Mapping
from itertools import pairwise
from random import Random
from typing import Any, Final

from deploy.traffic.matters import ANGER, MATTERS, PRAISE, Matter, customer, personal_sentences
from schemas.topics import COMPLAINTS, CONTACTS, SURVEYS

Fields = dict[str, Any]
Step = tuple[float, str, str, Fields]
"""Seconds since the start, topic, key, event without its id and time."""
Story = Iterator[Step]

MINUTE: Final = 60.0
HOUR: Final = 3600.0
DAY: Final = 86_400.0

_SITES: Final = ("madrid", "sevilla", "valencia", "bilbao")
_CHANNELS: Final = (("phone", 46), ("chat", 14), ("whatsapp", 8), ("email", 18), ("web_form", 10), ("app", 4))
_SOURCES: Final = {"phone": "telephony", "chat": "chat-desk", "whatsapp": "chat-desk"}
_PRIORITIES: Final = (("low", 15), ("normal", 60), ("high", 20), ("urgent", 5))


class Office:
    """What all stories of one run share: chance, customers, identifiers, and how busy it is.

    `start` begins another story; `moment` writes seconds since the start as RFC 3339.
    """

    def __init__(
        self, random: Random, run: str, customers: int, personal: float,
        start: Callable[[Story], None], moment: Callable[[float], str],
    ) -> None:  # fmt: skip
        self.random, self.run, self.start, self.moment = random, run, start, moment
        self.customers, self.personal = customers, personal
        self.load = 1.0
        """How many times the usual arrivals there are: waiting grows with it."""
        self.cases = 0
        self.sentences = {language: personal_sentences(random, language, 200) for language in ("es", "en")}
        self.channels, self.priorities, self.matters = _spread(_CHANNELS), _spread(_PRIORITIES), _spread(
            tuple((matter, matter.weight) for matter in MATTERS)
        )  # fmt: skip

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def pick(self, values: Any) -> Any:
        return values[int(self.random.random() * len(values))]

    def around(self, mean: float) -> float:
        """A duration of that mean, in its unit: mostly shorter, sometimes much longer."""
        return self.random.expovariate(1 / mean)

    def words(self, texts: Mapping[str, tuple[str, ...]], language: str) -> str:
        said: str = self.pick(texts[language])
        return f"{said}. {self.pick(self.sentences[language])}" if self.chance(self.personal) else said

    def somebody(self) -> Fields:
        """Some customers come often, most of them seldom."""
        return customer(int(self.customers * self.random.random() ** 3))


def _spread(weighted: tuple[tuple[Any, float], ...]) -> list[Any]:
    return [value for value, weight in weighted for _ in range(round(weight))]


class _Case:
    """One contact, complaint or survey: its identifiers, and the envelope that its events repeat."""

    def __init__(
        self, office: Office, topic: str, source: str, who: Fields | None, language: str, org_unit: str
    ) -> None:
        office.cases += 1
        self.entity_id = f"{topic[:2]}-{office.run}-{office.cases:x}"
        self.topic, self.key, self.seq = topic, who["id"] if who else self.entity_id, 0
        self.envelope: Fields = {
            "schema_version": "1.0",
            "source": source,
            "entity_id": self.entity_id,
            "org_unit": org_unit,
            "language": language,
        }
        if who:
            self.envelope["customer"] = who

    def step(self, at: float, event_type: str, **fields: Any) -> Step:
        self.seq += 1
        return at, self.topic, self.key, {"event_type": event_type, "seq": self.seq, **self.envelope, **fields}


def visit(office: Office, at: float, cause: Matter | None = None) -> Story:
    """A customer gets in touch, and what follows from it. `cause`: what everybody comes about in a burst."""
    who = None if office.chance(0.06) else office.somebody()
    return _contact(office, at, who, cause or office.pick(office.matters), 0)


def _contact(office: Office, at: float, who: Fields | None, matter: Matter, before: int) -> Story:
    language = "en" if who and who["country"] in ("GB", "IE") else "es"
    channel = office.pick(office.channels)
    area = who["country"].lower() if who else "es"
    org_unit = f"{area}/atencion/{matter.team}/{office.pick(_SITES)}"
    case = _Case(office, CONTACTS, _SOURCES.get(channel, "crm-madrid"), who, language, org_unit)
    opening = _opening(office, case, matter, channel, language, before)
    if channel == "phone":
        ended, mood = yield from _phone(office, at, case, opening)
    elif channel in ("chat", "whatsapp"):
        ended, mood = yield from _chat(office, at, case, opening, language)
    else:
        ended, mood = yield from _written(office, at, case, opening, matter, language)
    if who is None:
        return
    # What was not solved comes back: the same customer, the same matter, often another channel.
    if before < 5 and office.chance(0.6 if mood < 0.4 else 0.08):
        office.start(_contact(office, ended + office.around(20 * HOUR), who, matter, before + 1))
    if office.chance(0.3):
        office.start(_survey(office, ended + office.around(30 * MINUTE), who, case, language, mood))
    if office.chance(0.2 if mood < 0.4 else 0.02):
        office.start(_complaint(office, ended + office.around(6 * HOUR), who, matter, case, language))


def _opening(office: Office, case: _Case, matter: Matter, channel: str, language: str, before: int) -> Fields:
    sent = office.pick(matter.sent)
    fields: Fields = {
        "direction": "inbound", "channel": channel, "product": matter.product, "process": matter.process,
        "journey_stage": matter.stage, "otc_stage": matter.otc_stage, "demand_type": "failure" if before else "unknown",
        "cause": {"element": matter.element, "origin_area": matter.origin_area},
        "priority": office.pick(office.priorities), "category" if sent.islower() else "category_raw": sent,
    }  # fmt: skip
    if channel != "phone":
        fields["text"] = office.words(matter.texts, language)
        fields["subject"] = sent
    if matter.otc_stage != "none":
        fields["links"] = {"order_ref": f"PED-2026-{office.cases % 1_000_000:06}"}
    if office.chance(0.05):
        fields["attributes"] = {"campaign": "otoño", "store": f"{office.cases % 40}"}
    return fields


Course = Generator[Step, None, tuple[float, float]]
"""The steps of a contact; it returns when the customer was done with it, and their mood then: 0 worst, 1 best."""


def _phone(office: Office, at: float, case: _Case, opening: Fields) -> Course:
    yield case.step(at, "contact.opened", **opening)
    if office.chance(0.04):
        given_up = at + office.around(20)
        yield case.step(given_up, "contact.abandoned", in_ivr=True, wait_seconds=0.0)
        return given_up, 0.3
    queued = at + 3 + office.around(12)
    yield case.step(queued, "contact.queued", queue=case.envelope["org_unit"].split("/")[2])
    wait, patience = office.around(9 * office.load**2), 60 + office.around(240)
    if wait > patience:
        yield case.step(queued + patience, "contact.abandoned", wait_seconds=round(patience, 1), in_ivr=False)
        return queued + patience, 0.1
    agent = _agent(office)
    answered = queued + wait
    yield case.step(answered, "contact.answered", actor=agent, wait_seconds=round(wait, 1))
    talk = 45 + office.around(240)
    mood = 0.9 - min(0.5, wait / 300)
    now = answered + talk
    passed = yield from _transfers(office, answered + talk / 4, answered + talk, case)
    return (yield from _resolution(office, now, case, agent, mood - 0.15 * passed, talk))


def _transfers(office: Office, begin: float, end: float, case: _Case) -> Generator[Step, None, int]:
    """Hand-offs between two moments; a few go back and forth."""
    chance = office.random.random()
    if chance > 0.17:
        return 0
    home, other, third = case.envelope["org_unit"].split("/")[2], "segundo-nivel", "facturacion-central"
    path = [home, other] if chance > 0.04 else [home, other, home] if chance > 0.02 else [home, other, home, third]
    for number, (left, reached) in enumerate(pairwise(path)):
        at = begin + (end - begin) * number / len(path)
        kind = "escalation" if reached == "segundo-nivel" else office.pick(("warm", "cold"))
        yield case.step(at, "contact.transferred", **{"from": left, "to": reached, "kind": kind})
    return len(path) - 1


def _resolution(office: Office, at: float, case: _Case, agent: Fields, mood: float, talk: float) -> Course:
    """It is resolved, or said to be; some come back, all are closed."""
    solved = office.chance(0.55 + 0.4 * mood)
    mood = min(1.0, mood + 0.1) if solved else mood - 0.3
    durations = {} if not talk else {"talk_seconds": round(talk, 1), "wrap_seconds": round(10 + office.around(40), 1)}
    if durations and office.chance(0.3):
        durations["hold_seconds"] = round(min(talk, office.around(45)), 1)
    resolution = office.pick(("solved", "solved", "informed", "workaround")) if solved else "not_solved"
    yield case.step(
        at, "contact.resolved", actor=agent, resolution=resolution, resolved_level=agent["level"], **durations
    )
    office.start(_aftermath(office, at, case, agent, solved))
    return at, mood


def _aftermath(office: Office, at: float, case: _Case, agent: Fields, solved: bool) -> Story:
    if office.chance(0.06):
        kind = office.pick(
            ("retained", "cross_sell", "up_sell", "refund", "goodwill") if solved else ("lost", "refund")
        )
        amount = f"{5 + office.around(60):.2f}"
        at += office.around(10 * MINUTE)
        yield case.step(at, "contact.outcome", kind=kind, amount=amount, currency="EUR")
    for _ in range(2):
        if not office.chance(0.04 if solved else 0.2):
            break
        at += office.around(18 * HOUR)
        reason = office.pick(("not_fixed", "not_fixed", "new_info", "customer_reply"))
        yield case.step(at, "contact.reopened", reason=reason)
        at += office.around(3 * HOUR)
        yield case.step(at, "contact.agent_replied", actor=agent, public=True)
        at += office.around(4 * HOUR)
        yield case.step(at, "contact.resolved", actor=agent, resolution="solved", resolved_level=2)
    yield case.step(at + office.around(DAY), "contact.closed")


def _chat(office: Office, at: float, case: _Case, opening: Fields, language: str) -> Course:
    yield case.step(at, "contact.opened", **opening)
    at += 1 + office.around(2)
    yield case.step(at, "contact.answered", actor={"kind": "bot", "id": "bot-1"}, wait_seconds=1.0)
    for _ in range(1 + int(office.around(1.5))):
        at += 5 + office.around(20)
        yield case.step(at, "contact.customer_replied", public=True)
    if office.chance(0.35):
        return (
            yield from _resolution(
                office, at + office.around(30), case, {"kind": "bot", "id": "bot-1", "level": 1}, 0.75, 0
            )
        )
    at += 1 + office.around(15)
    yield case.step(at, "contact.human_requested", text=office.words(MATTERS[6].texts, language))
    yield case.step(at + 0.5, "contact.queued", queue="chat")
    wait = office.around(25 * office.load**2)
    if wait > 600:
        yield case.step(at + 600, "contact.abandoned", wait_seconds=600.0, in_ivr=False)
        return at + 600, 0.1
    agent = _agent(office)
    at += 0.5 + wait
    yield case.step(at, "contact.answered", actor=agent, wait_seconds=round(wait, 1))
    began = at
    for _ in range(1 + int(office.around(2))):
        at += 10 + office.around(50)
        yield case.step(at, "contact.agent_replied", actor=agent, public=True)
        at += 5 + office.around(40)
        yield case.step(at, "contact.customer_replied", public=True)
    passed = yield from _transfers(office, at, at + 40, case)
    at += 40 + office.around(60)
    return (yield from _resolution(office, at, case, agent, 0.85 - wait / 600 - 0.15 * passed, at - began))


def _written(office: Office, at: float, case: _Case, opening: Fields, matter: Matter, language: str) -> Course:
    yield case.step(at, "contact.opened", **opening)
    if "customer" not in case.envelope and office.chance(0.4):
        at += office.around(20 * MINUTE)
        case.envelope["customer"] = office.somebody()  # the key stays: it is what the contact was opened under
        yield case.step(at, "contact.identified")
    agent = _agent(office)
    began = at
    at += office.around(40 * MINUTE)
    yield case.step(at, "contact.assigned", owner=agent["id"])
    passed = yield from _transfers(office, at + 1, at + 30 * MINUTE, case)
    at += 31 * MINUTE if passed else 1
    if office.chance(0.03):
        yield case.step(at, "contact.priority_changed", **{"from": opening["priority"], "to": "urgent"})
    if office.chance(0.04):
        yield case.step(at + 1, "contact.reclassified", category="other")
    at += 2 + office.around(3 * HOUR)
    yield case.step(at, "contact.agent_replied", actor=agent, public=True)
    if office.chance(0.3):
        at += office.around(10 * MINUTE)
        yield case.step(at, "contact.waiting_customer", reason=office.pick(("info", "evidence", "confirmation")))
        at += office.around(8 * HOUR)
        yield case.step(at, "contact.customer_replied", public=True, text=office.words(matter.texts, language))
        yield case.step(at + 1, "contact.resumed")
    elif office.chance(0.05):
        yield case.step(at + 1, "contact.waiting_third_party", reason="other")
        at += office.around(12 * HOUR)
        yield case.step(at, "contact.resumed")
    at += 2 + office.around(4 * HOUR)
    hours = (at - began) / HOUR
    return (yield from _resolution(office, at, case, agent, 0.9 - min(0.5, hours / 40) - 0.15 * passed, 0))


def _agent(office: Office) -> Fields:
    return {
        "kind": "human",
        "id": f"agent-{int(office.random.random() * 60):02}",
        "level": 2 if office.chance(0.15) else 1,
    }


def _survey(office: Office, at: float, who: Fields, about: _Case, language: str, mood: float) -> Story:
    case = _Case(office, SURVEYS, "surveys", who, language, about.envelope["org_unit"])
    mode = office.pick(("email", "email", "sms", "online", "whatsapp", "ivr"))
    chance = office.random.random()
    kind = "csat" if chance < 0.5 else "nps" if chance < 0.8 else "ces"
    invited: Fields = {"kind": kind, "mode": mode, "links": {"contact_id": about.entity_id}}
    yield case.step(at, "survey.invited", **invited, expires_at=office.moment(at + 7 * DAY))
    if office.chance(0.02):
        yield case.step(at + office.around(MINUTE), "survey.bounced")
        return
    if not office.chance(0.4):
        yield case.step(at + 7 * DAY, "survey.expired")
        return
    at += office.around(HOUR)
    felt = min(1.0, max(0.0, mood + office.random.gauss(0, 0.15)))
    scores, unhappy = _scores(kind, felt)
    if office.chance(0.5):
        invited["text"] = office.words(ANGER if unhappy else PRAISE, language)
    yield case.step(at, "survey.answered", **invited, **scores)
    if unhappy:
        yield from _followup(office, at, case)


def _scores(kind: str, felt: float) -> tuple[Fields, bool]:
    """The score fields of a mood, and whether it is a detractor's."""
    if kind == "nps":
        score = round(10 * felt)
        return {"score": score}, score <= 6
    if kind == "csat":
        score = 1 + round(4 * felt)
        return {"score": score, "scale_max": 5}, score <= 2
    score = 1 + round(6 * felt)
    return {"score": score, "scale_max": 7, "direction": "ease"}, score <= 2


def _followup(office: Office, at: float, case: _Case) -> Story:
    owner = f"supervisor-{int(office.random.random() * 8)}"
    at += office.around(HOUR)
    yield case.step(at, "survey.followup_opened", owner=owner, due_at=office.moment(at + 2 * DAY))
    if office.chance(0.7):
        at += office.around(DAY)
        yield case.step(at, "survey.followup_contacted", owner=owner)
        at += office.around(DAY)
        result = office.pick(("recovered", "explained", "unreachable", "no_action"))
        yield case.step(at, "survey.followup_closed", owner=owner, result=result)


def _complaint(office: Office, at: float, who: Fields, matter: Matter, about: _Case, language: str) -> Story:
    area = who["country"].lower()
    case = _Case(office, COMPLAINTS, "claims", who, language, f"{area}/atencion/reclamaciones/{office.pick(_SITES)}")
    severity = 1 + int(office.random.random() * 4)
    yield case.step(
        at, "complaint.opened", kind=office.pick(("complaint", "claim", "claim", "incident", "query", "suggestion")),
        channel=office.pick(("web_form", "email", "phone", "post", "in_person")), topic_class=matter.topic_class,
        received_at=office.moment(at - office.around(HOUR)), severity=severity,
        priority=("low", "normal", "high", "urgent")[severity - 1], category=matter.sent[0], product=matter.product,
        process=matter.process, journey_stage=matter.stage, otc_stage=matter.otc_stage, demand_type="failure",
        links={"contact_id": about.entity_id}, text=office.words(matter.texts, language),
        remedy_sought=office.pick(("devolución", "disculpa", "reparación", "baja")),
    )  # fmt: skip
    owner = f"gestor-{int(office.random.random() * 12):02}"
    # Most are acknowledged the same day, some late, some never.
    if not office.chance(0.05):
        at += office.around(4 * HOUR) if not office.chance(0.1) else DAY + office.around(DAY)
        yield case.step(
            at, "complaint.acknowledged", reference_given=office.chance(0.95), durable_copy=office.chance(0.8)
        )
    at += office.around(HOUR)
    yield case.step(at, "complaint.assigned", owner=owner)
    yield from _investigation(office, at, case, matter, severity)


def _investigation(office: Office, at: float, case: _Case, matter: Matter, severity: int) -> Story:
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
    yield case.step(at, "complaint.resolved", outcome=outcome, reasoned=office.chance(0.9), **redress)
    at += office.around(2 * DAY)
    if outcome == "rejected" and office.chance(0.3):
        yield case.step(at, "complaint.appealed", to="ombudsman")
        return
    recovered = office.chance(0.7)
    event_type = "complaint.customer_recovered" if recovered else "complaint.customer_lost"
    evidence = office.pick(("purchase", "renewal", "survey")) if recovered else "statement"
    yield case.step(at, event_type, evidence=evidence, amount=f"{office.around(300):.2f}", currency="EUR")
    yield case.step(at + office.around(DAY), "complaint.closed")


def inspection(office: Office, at: float) -> Story:
    """A mystery visit, or a manager's walk."""
    site = office.pick(_SITES)
    case = _Case(office, SURVEYS, "quality", None, "es", f"es/tiendas/{site}")
    if office.chance(0.5):
        chain = (("saludo", "people"), ("espera", "process"), ("local", "facility"), ("producto", "product"))
        sections = [
            {"code": code, "element": element, "earned": round(10 * office.random.random() ** 0.4, 1), "possible": 10.0}
            for code, element in chain
        ]
        yield case.step(
            at, "survey.answered", kind="mystery_shopper", mode="in_person", visit_id=f"v-{office.cases}", site=site,
            scenario="devolucion", sections=sections, evaluator="evaluadora-1",
        )  # fmt: skip
        return
    finding = {
        "id": "f1", "element": office.pick(("people", "facility", "system", "process")), "subject_role": "employee",
        "polarity": office.pick(("positive", "negative")), "severity": 2, "text": "cola larga en la caja dos",
    }  # fmt: skip
    yield case.step(
        at, "survey.answered", kind="floor_walk", mode="in_person", walk_id=f"w-{office.cases}", manager="gerente-1",
        site=site, started_at=office.moment(at - HOUR), ended_at=office.moment(at),
        people_met={"customers": 6, "employees": 4}, findings=[finding] if office.chance(0.8) else [],
    )  # fmt: skip
