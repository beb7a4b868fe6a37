"""How surveys go, and what mystery shoppers and walking managers see."""

from deploy.traffic.matters import ANGER, PRAISE
from deploy.traffic.office import DAY, HOUR, MINUTE, SITES, Case, Fields, Office, Story
from schemas.topics import COMPLAINTS, SURVEYS


def survey(office: Office, at: float, who: Fields, about: Case, language: str, mood: float) -> Story:
    """Ask a customer about a contact or a complaint. The survey tool knows the case, and not whose it is."""
    case = Case(office, SURVEYS, "surveys", who, language, None)
    mode = office.pick(("email", "email", "sms", "online", "whatsapp", "ivr"))
    chance = office.random.random()
    kind = "csat" if chance < 0.5 else "nps" if chance < 0.8 else "ces"
    named = "complaint_id" if about.topic == COMPLAINTS else "contact_id"
    asked: Fields = {"kind": kind, "mode": mode, "links": {named: about.entity_id}}
    yield case.step(at, "survey.invited", **asked, expires_at=office.moment(at + 7 * DAY))
    if office.chance(0.02):
        yield case.step(at + office.around(MINUTE), "survey.bounced")
        return
    if not office.chance(0.4):
        yield case.step(at + 7 * DAY, "survey.expired")
        return
    at += office.around(HOUR)
    felt = min(1.0, max(0.0, mood + office.random.gauss(0, 0.15)))
    thumbs = kind == "csat" and mode in ("whatsapp", "sms")
    rated, unhappy = _rating(kind, felt, thumbs=thumbs)
    words = office.words(ANGER if unhappy else PRAISE, language)
    if office.chance(0.08):  # in words alone
        yield case.step(at, "survey.answered", **asked, text=words)
        return
    yield case.step(at, "survey.answered", **asked, **rated, **({"text": words} if office.chance(0.5) else {}))
    if office.chance(0.04):  # on second thoughts
        at += 1 + office.around(20 * MINUTE)
        rated, unhappy = _rating(kind, max(0.0, felt - 0.3), thumbs=thumbs)
        yield case.step(at, "survey.answered", **asked, **rated)
    if unhappy:
        yield from _followup(office, at, case)


def _rating(kind: str, felt: float, *, thumbs: bool) -> tuple[Fields, bool]:
    """The rating of a mood, 0 to 1, and whether it is an unhappy one."""
    if kind == "nps":
        score = round(10 * felt)
        return {"score": score}, score <= 6
    if thumbs:
        score = round(felt)
        return {"score": score, "scale_min": 0, "scale_max": 1}, score == 0
    if kind == "csat":
        score = 1 + round(4 * felt)
        return {"score": score, "scale_max": 5}, score <= 2
    score = 1 + round(6 * felt)
    return {"score": score, "scale_max": 7, "direction": "ease"}, score <= 2


def _followup(office: Office, at: float, case: Case) -> Story:
    owner = f"supervisor-{int(office.random.random() * 8)}"
    at += office.around(HOUR)
    yield case.step(at, "survey.followup_opened", owner=owner, due_at=office.moment(at + 2 * DAY))
    if office.chance(0.7):
        at += office.around(DAY)
        yield case.step(at, "survey.followup_contacted", owner=owner)
        at += office.around(DAY)
        result = office.pick(("recovered", "explained", "unreachable", "no_action"))
        yield case.step(at, "survey.followup_closed", owner=owner, result=result)


def inspection(office: Office, at: float) -> Story:
    """A mystery visit, or a manager's walk."""
    site = office.pick(SITES)
    case = Case(office, SURVEYS, "quality", None, "es", f"es/tiendas/{site}")
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
