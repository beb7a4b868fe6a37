"""What happens to contacts beside the conversation: reopenings, corrections, merges, and what machines send."""

from deploy.traffic.office import BOT, DAY, HOUR, MINUTE, SYSTEM, Case, Fields, Office, Story
from schemas.topics import CONTACTS


def after_resolution(office: Office, at: float, case: Case, said: Fields, *, solved: bool) -> Story:
    """What follows the resolution, which was the last event and `said` this: outcomes, second thoughts, reopenings."""
    agent, resolved_id = said["actor"], case.last_id
    if office.chance(0.06):
        kind = office.pick(
            ("retained", "cross_sell", "up_sell", "refund", "goodwill") if solved else ("lost", "refund")
        )
        amount = f"{5 + office.around(60):.2f}"
        at += office.around(10 * MINUTE)
        yield case.step(at, "contact.outcome", kind=kind, amount=amount, currency="EUR")
    if office.chance(0.03):
        at += 1 + office.around(30 * MINUTE)
        yield case.step(at, "contact.corrected", corrects_event_id=resolved_id, values=_right_values(office, said))
    elif office.chance(0.01):  # resolved by a slip of the hand
        at += 1 + office.around(5 * MINUTE)
        yield case.step(at, "contact.voided", voids_event_id=resolved_id)
        at += 1 + office.around(HOUR)
        yield case.step(at, "contact.resolved", actor=agent, resolution="solved", resolved_level=2)
    for _ in range(2):
        if not office.chance(0.04 if solved else 0.2):
            break
        at += 1 + office.around(18 * HOUR)
        reason = office.pick(("not_fixed", "not_fixed", "new_info", "customer_reply"))
        yield case.step(at, "contact.reopened", reason=reason)
        at += office.around(3 * HOUR)
        yield case.step(at, "contact.agent_replied", actor=agent, public=True)
        at += office.around(4 * HOUR)
        yield case.step(at, "contact.resolved", actor=agent, resolution="solved", resolved_level=2)
    if office.chance(0.02):  # an automatic answer to our last mail opens it again, and nobody wrote
        at += 1 + office.around(MINUTE)
        yield case.step(at, "contact.reopened", reason="customer_reply", actor=SYSTEM)
    yield case.step(at + 1 + office.around(DAY), "contact.closed")


def _right_values(office: Office, said: Fields) -> Fields:
    if "talk_seconds" in said:
        return {"talk_seconds": round(said["talk_seconds"] * (0.3 + office.random.random()), 1)}
    return {"resolved_level": 2} if said["resolved_level"] == 1 else {"resolution": "workaround"}


def written_by_machines(office: Office, at: float, case: Case) -> Story:
    """Within three seconds of a mail: that it has arrived, and an absence note of the customer's to that."""
    if office.chance(0.3):
        yield case.step(at + 1, "contact.agent_replied", actor=BOT, public=True)
        if office.chance(0.15):
            yield case.step(at + 2, "contact.customer_replied", actor=SYSTEM, public=True)


def duplicate_of(office: Office, at: float, case: Case, opening: Fields) -> Story:
    """The same matter written a second time, by the same customer or by another one, and merged into the first.

    Of a merge across customers the desk tells the surviving contact, nearly always: its events have another key.
    """
    who = case.envelope.get("customer")
    if who is None or not office.chance(0.06):
        return
    stranger = office.chance(0.35)
    writer = office.somebody() if stranger else who
    at += 5 * MINUTE + office.around(30 * MINUTE)
    envelope = case.envelope
    twice = Case(office, CONTACTS, envelope["source"], writer, envelope["language"], envelope["org_unit"])
    yield twice.step(at, "contact.opened", **opening)
    merged_at = at + 1 + office.around(20 * MINUTE)
    if office.chance(0.3):
        yield twice.step((at + merged_at) / 2, "contact.customer_replied", public=True)
    yield twice.step(merged_at, "contact.merged", into=case.entity_id)
    if stranger and twice.key != case.key and office.chance(0.85):
        absorbed = {"from": twice.entity_id, "opened_at": office.moment(at)}
        yield case.told_by_others(merged_at + 1, "contact.absorbed", **absorbed)
    if office.chance(0.5):  # many go on writing where they began
        yield twice.step(merged_at + 11 * MINUTE + office.around(HOUR), "contact.customer_replied", public=True)
