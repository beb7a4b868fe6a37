"""Random journeys of a few customers, as hypothesis strategies: every event type that moves a case, in time order."""

from typing import Any

from hypothesis import strategies as st

from tests.processors.feed import DAY, HOUR, MINUTE, SECOND, Happening, event

_Step = tuple[str, dict[str, Any]]
_STEPS: st.SearchStrategy[_Step] = st.sampled_from(
    [
        ("contact.queued", {"queue": "q"}),
        ("contact.answered", {"actor": {"kind": "human"}}),
        ("contact.answered", {"actor": {"kind": "bot"}}),
        ("contact.assigned", {"owner": "ana"}),
        ("contact.transferred", {"from": "n1", "to": "n2"}),
        ("contact.transferred", {"from": "n2", "to": "n1"}),
        ("contact.agent_replied", {"actor": {"kind": "human"}}),
        ("contact.agent_replied", {"actor": {"kind": "human"}, "public": False}),
        ("contact.customer_replied", {}),
        ("contact.waiting_customer", {}),
        ("contact.resumed", {}),
        ("contact.priority_changed", {"from": "normal", "to": "urgent"}),
        ("contact.reclassified", {"category": "delivery"}),
        ("contact.resolved", {"resolution": "solved", "resolved_level": 1, "talk_seconds": 60}),
        ("contact.resolved", {"resolution": "spam"}),
        ("contact.reopened", {"reason": "not_fixed"}),
        ("contact.abandoned", {}),
        ("contact.closed", {}),
        ("contact.voided", {}),
    ]
)
_COMPLAINT_STEPS: st.SearchStrategy[_Step] = st.sampled_from(
    [
        ("complaint.acknowledged", {}),
        ("complaint.cause_set", {"cause": {"element": "people"}}),
        ("complaint.resolved", {"outcome": "upheld"}),
        ("complaint.reopened", {"reason": "new_info"}),
        ("complaint.closed", {}),
    ]
)
_GAPS = st.sampled_from([0, 3 * SECOND, 25 * SECOND, 10 * MINUTE, 5 * HOUR, 30 * HOUR])


@st.composite
def contact(draw: st.DrawFn, entity_id: str) -> list[Happening]:
    at = draw(st.integers(0, 6 * DAY // SECOND)) * SECOND
    customer = draw(st.sampled_from(["c1", "c2"]))
    channel = draw(st.sampled_from(["phone", "chat", "email"]))
    opening = event(
        "contact.opened", entity_id, at, customer=customer, direction="inbound", channel=channel,
        category=draw(st.sampled_from(["billing", "delivery"])), org_unit=draw(st.sampled_from(["es/a/n1", "pt/a/n2"])),
        priority=draw(st.sampled_from(["normal", "urgent", "high"])), seq=0,
    )  # fmt: skip
    happenings = [opening] if draw(st.integers(0, 9)) else []
    for seq, (event_type, fields) in enumerate(draw(st.lists(_STEPS, max_size=9)), start=1):
        at += draw(_GAPS)
        happenings.append(event(event_type, entity_id, at, customer=customer, seq=seq, **fields))
    if happenings and draw(st.integers(0, 9)) == 0:
        wrong = draw(st.sampled_from(happenings)).event["event_id"]
        at += draw(_GAPS)
        happenings.append(event("contact.voided", entity_id, at, customer=customer, seq=99, voids_event_id=wrong))
    return happenings


@st.composite
def complaint(draw: st.DrawFn, entity_id: str) -> list[Happening]:
    at = draw(st.integers(0, 6 * DAY // SECOND)) * SECOND
    kind = draw(st.sampled_from(["claim", "praise"]))
    happenings = [event("complaint.opened", entity_id, at, kind=kind, channel="email", seq=0)]
    for seq, (event_type, fields) in enumerate(draw(st.lists(_COMPLAINT_STEPS, max_size=4)), start=1):
        at += draw(_GAPS)
        happenings.append(event(event_type, entity_id, at, seq=seq, **fields))
    return happenings


@st.composite
def survey(draw: st.DrawFn, entity_id: str) -> list[Happening]:
    at = draw(st.integers(0, 6 * DAY // SECOND)) * SECOND
    expires = f"2025-12-{draw(st.integers(1, 3)):02}T00:00:00Z"
    kind = draw(st.sampled_from(["csat", "nps"]))
    happenings = [event("survey.invited", entity_id, at, kind=kind, mode="email", expires_at=expires, seq=0)]
    for seq in range(draw(st.integers(0, 3))):
        at += draw(_GAPS)
        score = draw(st.integers(1, 5) if kind == "csat" else st.integers(0, 10))
        happenings.append(event("survey.answered", entity_id, at, seq=seq + 1, kind=kind, mode="email", score=score))
    return happenings


@st.composite
def logs(draw: st.DrawFn) -> list[Happening]:
    """Up to nine entities' happenings, in the order in which they occurred."""
    happenings = [h for n in range(draw(st.integers(1, 5))) for h in draw(contact(f"C{n}"))]
    happenings += [h for n in range(draw(st.integers(0, 2))) for h in draw(complaint(f"R{n}"))]
    happenings += [h for n in range(draw(st.integers(0, 2))) for h in draw(survey(f"S{n}"))]
    return sorted(happenings, key=lambda happening: happening.record_at)
