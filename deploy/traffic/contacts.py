"""How contacts go, channel by channel: each story yields its steps in order of time."""

from collections.abc import Generator
from itertools import pairwise
from typing import Final

from deploy.traffic.amendments import after_resolution, duplicate_of, written_by_machines
from deploy.traffic.complaints import complaint
from deploy.traffic.matters import MATTERS, Matter
from deploy.traffic.office import BOT, DAY, HOUR, MINUTE, SITES, Case, Fields, Office, Step, Story
from deploy.traffic.surveys import survey
from schemas.topics import CONTACTS

_SOURCES: Final = {"phone": "telephony", "chat": "chat-desk", "whatsapp": "chat-desk"}
_SECOND_LINE: Final = "Segundo nivel"


def visit(office: Office, at: float, cause: Matter | None = None) -> Story:
    """A customer gets in touch, and what follows from it. `cause`: what everybody comes about in a burst."""
    who = None if office.chance(0.06) else office.somebody()
    return _contact(office, at, who, cause or office.pick(office.matters), 0, in_burst=cause is not None)


def forgotten(office: Office, at: float) -> Story:
    """Somebody writes once, is answered, and asks to be forgotten."""
    office.cases += 1
    who: Fields = {"id": f"c-once-{office.run}-{office.cases:x}", "relationship": "b2c", "country": "ES"}
    case = Case(office, CONTACTS, "crm-madrid", who, "es", f"es/atencion/privacidad/{office.pick(SITES)}")
    opening = _opening(office, case, MATTERS[7], "email", "failure", "es")
    yield case.step(at, "contact.opened", **opening)
    at += 1 + office.around(5 * MINUTE)
    yield case.step(at, "contact.agent_replied", actor=office.agent(), public=True)
    if office.chance(0.5):
        yield case.step(at + 1, "contact.resolved", resolution="informed", resolved_level=1)
    request = Case(office, CONTACTS, "privacy-desk", who, "es", None)
    yield request.step(at + 2 + office.around(10 * MINUTE), "customer.erased")


def _contact(
    office: Office, at: float, who: Fields | None, matter: Matter, before: int, *, in_burst: bool = False
) -> Story:
    language = "en" if who and who["country"] in ("GB", "IE") else "es"
    channel = office.pick(office.channels)
    area = who["country"].lower() if who else "es"
    org_unit = f"{area}/atencion/{matter.team}/{office.pick(SITES)}"
    case = Case(office, CONTACTS, _SOURCES.get(channel, "crm-madrid"), who, language, org_unit)
    failed = in_burst or before > 0 or office.chance(matter.failure)
    opening = _opening(office, case, matter, channel, "failure" if failed else "value", language)
    if channel == "phone":
        ended, mood = yield from _phone(office, at, case, opening, matter)
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
        office.start(survey(office, ended + office.around(30 * MINUTE), who, case, language, mood))
    if office.chance(0.2 if mood < 0.4 else 0.02):
        office.start(complaint(office, ended + office.around(6 * HOUR), who, matter, case, language))


def _opening(office: Office, case: Case, matter: Matter, channel: str, demand: str, language: str) -> Fields:
    """What the opening says. Of one contact in five nobody says at first whether it need not have been."""
    sent = office.pick(matter.sent)
    fields: Fields = {
        "direction": "inbound", "channel": channel, "product": matter.product, "process": matter.process,
        "journey_stage": matter.stage, "otc_stage": matter.otc_stage,
        "demand_type": "unknown" if office.chance(0.2) else demand,
        "cause": {"element": matter.element, "origin_area": matter.origin_area},
        "priority": office.pick(office.priorities), "category" if sent.islower() else "category_raw": sent,
    }  # fmt: skip
    if channel != "phone":
        fields["text"] = office.words(matter.texts if demand == "failure" else matter.requests, language)
        fields["subject"] = sent
    if matter.otc_stage != "none":
        fields["links"] = {"order_ref": f"PED-2026-{office.cases % 1_000_000:06}"}
    if office.chance(0.05):
        fields["attributes"] = {"campaign": "otoño", "store": f"{office.cases % 40}"}
    return fields


Course = Generator[Step, None, tuple[float, float]]
"""The steps of a contact; it returns when the customer was done with it, and their mood then: 0 worst, 1 best."""


def _phone(office: Office, at: float, case: Case, opening: Fields, matter: Matter) -> Course:
    yield case.step(at, "contact.opened", **opening)
    if office.chance(0.04):
        given_up = at + office.around(20)
        yield case.step(given_up, "contact.abandoned", in_ivr=True, wait_seconds=0.0)
        return given_up, 0.3
    queued = at + 3 + office.around(12)
    yield case.step(queued, "contact.queued", queue=matter.queue)
    wait, patience = office.around(9 * office.load**2), 60 + office.around(240)
    if wait > 25 and office.chance(0.25):
        return (yield from _called_back(office, queued + 25, case))
    if wait > patience:
        yield case.step(queued + patience, "contact.abandoned", wait_seconds=round(patience, 1), in_ivr=False)
        return queued + patience, 0.1
    agent = office.agent()
    answered = queued + wait
    yield case.step(answered, "contact.answered", actor=agent, wait_seconds=round(wait, 1))
    talk = 45 + office.around(240)
    mood = 0.9 - min(0.5, wait / 300)
    now = answered + talk
    passed, left = yield from _passed_on(office, answered + talk / 4, now, case, matter.queue)
    if left is not None:
        return left, 0.05
    return (yield from _resolution(office, now, case, agent, mood - 0.15 * passed, talk))


def _called_back(office: Office, at: float, case: Case) -> Course:
    """Who is told that it takes a while may hang up and be called; most are, within the hour that was promised."""
    yield case.step(at, "contact.callback_requested", promised_at=office.moment(at + HOUR))
    if office.chance(0.06):  # nobody ever calls
        return at + DAY, 0.1
    called = at + 5 * MINUTE + office.around(25 * MINUTE)
    agent, talk = office.agent(), 45 + office.around(240)
    yield case.step(called, "contact.answered", actor=agent)
    return (yield from _resolution(office, called + talk, case, agent, 0.75 if called < at + HOUR else 0.35, talk))


def _passed_on(
    office: Office, begin: float, end: float, case: Case, queue: str
) -> Generator[Step, None, tuple[int, float | None]]:
    """Hand-offs on the phone: the customer waits again, in the queue of whoever is to take over, and a few hang up.

    Returns how many there were, and when the customer hung up.
    """
    legs = list(_legs(office, queue))
    for number, (left, reached) in enumerate(legs):
        slot = (end - begin) / len(legs)
        at = begin + number * slot
        yield case.step(at, "contact.transferred", **{"from": left, "to": reached, "kind": _kind(office, reached)})
        yield case.step(at + 0.5, "contact.queued", queue=reached)
        wait = min(office.around(15 * office.load), 0.6 * slot)
        if office.chance(0.05):
            yield case.step(at + 0.5 + wait, "contact.abandoned", wait_seconds=round(wait, 1), in_ivr=False)
            return number + 1, at + 0.5 + wait
        yield case.step(at + 0.5 + wait, "contact.answered", actor=office.agent(), wait_seconds=round(wait, 1))
    return len(legs), None


def _transfers(office: Office, begin: float, end: float, case: Case, queue: str) -> Generator[Step, None, int]:
    """Hand-offs in writing, between two moments."""
    legs = list(_legs(office, queue))
    for number, (left, reached) in enumerate(legs):
        at = begin + (end - begin) * number / (len(legs) + 1)
        yield case.step(at, "contact.transferred", **{"from": left, "to": reached, "kind": _kind(office, reached)})
    return len(legs)


def _legs(office: Office, home: str) -> list[tuple[str, str]]:
    """From whom to whom a contact goes; a few go back and forth."""
    chance = office.random.random()
    if chance > 0.17:
        return []
    third = "Facturación central"
    path = [home, _SECOND_LINE] if chance > 0.04 else [home, _SECOND_LINE, home]
    return list(pairwise(path if chance > 0.02 else [*path, third]))


def _kind(office: Office, reached: str) -> str:
    kind: str = "escalation" if reached == _SECOND_LINE else office.pick(("warm", "cold"))
    return kind


def _resolution(office: Office, at: float, case: Case, agent: Fields, mood: float, talk: float) -> Course:
    """It is resolved, or said to be; some come back, all are closed."""
    solved = office.chance(0.55 + 0.4 * mood)
    mood = min(1.0, mood + 0.1) if solved else mood - 0.3
    durations = {} if not talk else {"talk_seconds": round(talk, 1), "wrap_seconds": round(10 + office.around(40), 1)}
    if durations and office.chance(0.3):
        durations["hold_seconds"] = round(min(talk, office.around(45)), 1)
    resolution = office.pick(("solved", "solved", "informed", "workaround")) if solved else "not_solved"
    said: Fields = {"actor": agent, "resolution": resolution, "resolved_level": agent["level"], **durations}
    yield case.named_step(at, "contact.resolved", **said)
    office.start(after_resolution(office, at, case, said, solved=solved))
    return at, mood


def _chat(office: Office, at: float, case: Case, opening: Fields, language: str) -> Course:
    yield case.step(at, "contact.opened", **opening)
    at += 1 + office.around(2)
    yield case.step(at, "contact.answered", actor=BOT, wait_seconds=1.0)
    for _ in range(1 + int(office.around(1.5))):
        at += 5 + office.around(20)
        yield case.step(at, "contact.customer_replied", public=True)
    if office.chance(0.35):
        return (yield from _resolution(office, at + office.around(30), case, {**BOT, "level": 1}, 0.75, 0))
    at += 1 + office.around(15)
    yield case.step(at, "contact.human_requested", text=office.words(MATTERS[6].texts, language))
    yield case.step(at + 0.5, "contact.queued", queue="Chat")
    wait = office.around(25 * office.load**2)
    if wait > 600:
        yield case.step(at + 600, "contact.abandoned", wait_seconds=600.0, in_ivr=False)
        return at + 600, 0.1
    agent = office.agent()
    at += 0.5 + wait
    yield case.step(at, "contact.answered", actor=agent, wait_seconds=round(wait, 1))
    began = at
    for _ in range(1 + int(office.around(2))):
        at += 10 + office.around(50)
        yield case.step(at, "contact.agent_replied", actor=agent, public=True)
        at += 5 + office.around(40)
        yield case.step(at, "contact.customer_replied", public=True)
    passed = yield from _transfers(office, at, at + 40, case, "Chat")
    at += 40 + office.around(60)
    return (yield from _resolution(office, at, case, agent, 0.85 - wait / 600 - 0.15 * passed, at - began))


def _written(office: Office, at: float, case: Case, opening: Fields, matter: Matter, language: str) -> Course:
    yield case.step(at, "contact.opened", **opening)
    yield from written_by_machines(office, at, case)
    office.start(duplicate_of(office, at, case, opening))
    if "customer" not in case.envelope and office.chance(0.4):
        at += 3 + office.around(20 * MINUTE)
        case.envelope["customer"] = office.somebody()  # the key stays: it is what the contact was opened under
        yield case.step(at, "contact.identified")
    agent = office.agent()
    began = at
    at += 3 + office.around(40 * MINUTE)
    yield case.step(at, "contact.assigned", owner=agent["id"])
    passed = yield from _transfers(office, at + 1, at + 30 * MINUTE, case, matter.queue)
    at += 31 * MINUTE if passed else 1
    if office.chance(0.03):
        yield case.step(at, "contact.priority_changed", **{"from": opening["priority"], "to": "urgent"})
    if opening["demand_type"] == "unknown" and office.chance(0.5):
        yield case.step(at + 1, "contact.reclassified", demand_type=office.pick(("value", "failure", "failure")))
    elif office.chance(0.04):
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
        at += 1 + office.around(12 * HOUR)
        yield case.step(at, "contact.resumed")
    at += 2 + office.around(4 * HOUR)
    hours = (at - began) / HOUR
    return (yield from _resolution(office, at, case, agent, 0.9 - min(0.5, hours / 40) - 0.15 * passed, 0))
