"""Random journeys of a few customers: every event type that moves a case, in time order.

As hypothesis strategies for the laws, and from a seed for the law that needs a thousand of them.
"""

from random import Random
from typing import Any, Final

from hypothesis import strategies as st

from tests.processors.feed import DAY, HOUR, MINUTE, SECOND, Happening, event

_Step = tuple[str, dict[str, Any]]
_CONTACT_STEPS: Final[list[_Step]] = [
    ("contact.queued", {"queue": "q"}),
    ("contact.answered", {"actor": {"kind": "human"}}),
    ("contact.answered", {"actor": {"kind": "bot"}}),
    ("contact.assigned", {"owner": "ana"}),
    ("contact.transferred", {"from": "n1", "to": "n2"}),
    ("contact.transferred", {"from": "n2", "to": "n1"}),
    ("contact.agent_replied", {"actor": {"kind": "human"}}),
    ("contact.agent_replied", {"actor": {"kind": "human"}, "public": False}),
    ("contact.customer_replied", {}),
    ("contact.customer_replied", {}),
    ("contact.customer_replied", {"actor": {"kind": "system"}}),
    ("contact.human_requested", {}),
    ("contact.waiting_customer", {"reason": "info"}),
    ("contact.waiting_customer", {"reason": "schedule"}),
    ("contact.waiting_third_party", {"reason": "info"}),
    ("contact.resumed", {}),
    ("contact.priority_changed", {"from": "urgent", "to": "low"}),
    ("contact.priority_changed", {"from": "urgent", "to": "high"}),
    ("contact.priority_changed", {"from": "normal", "to": "urgent"}),
    ("contact.reclassified", {"category": "delivery"}),
    ("contact.resolved", {"resolution": "solved", "resolved_level": 1, "talk_seconds": 60}),
    ("contact.resolved", {"resolution": "spam"}),
    ("contact.resolved", {"resolution": "duplicate"}),
    ("contact.reopened", {"reason": "not_fixed"}),
    ("contact.reopened", {}),
    ("contact.reopened", {"reason": "customer_reply", "actor": {"kind": "system"}}),
    ("contact.abandoned", {}),
    ("contact.queued", {"queue": "r"}),
    ("contact.callback_requested", {}),
    ("contact.callback_requested", {"promised_at": "2025-11-27T10:00:00Z"}),
    ("contact.closed", {}),
    ("contact.voided", {}),
]
_MISTAKABLE: Final[list[_Step]] = [
    ("contact.customer_replied", {"actor": {"kind": "system"}}),
    ("contact.resolved", {"resolution": "duplicate"}),
    ("contact.reopened", {}),
    ("contact.reopened", {"reason": "customer_reply", "actor": {"kind": "system"}}),
]
"""What a naive reader takes for something else."""
_SAID_LATER: Final[list[_Step]] = [
    ("contact.customer_replied", {}),
    ("contact.agent_replied", {"actor": {"kind": "human"}}),
    ("contact.reopened", {"reason": "not_fixed"}),
    ("contact.closed", {}),
]
"""In a thread that was merged."""
_COMPLAINT_STEPS: Final[list[_Step]] = [
    ("complaint.acknowledged", {}),
    ("complaint.cause_set", {"cause": {"element": "people"}}),
    ("complaint.resolved", {"outcome": "upheld"}),
    ("complaint.reopened", {"reason": "new_info"}),
    ("complaint.closed", {}),
    ("complaint.progress_sent", {}),
    ("complaint.holding_response_sent", {}),
    ("complaint.waiting_customer", {"reason": "info"}),
    ("complaint.resumed", {}),
    ("complaint.reclassified", {"kind": "praise"}),
    ("complaint.reclassified", {"kind": "claim"}),
    ("complaint.priority_changed", {"from": "normal", "to": "urgent"}),
    ("complaint.priority_changed", {"from": "urgent", "to": "low"}),
]
_MOST_GAPS: Final = [0, 400, 2 * SECOND, 25 * SECOND, 10 * MINUTE, 5 * HOUR, 30 * HOUR]
_STEPS: st.SearchStrategy[_Step] = st.sampled_from(_CONTACT_STEPS)
_GAPS = st.sampled_from(_MOST_GAPS)
_LINKS: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [
        {},
        *({"links": {"contact_id": f"C{n}", "complaint_id": "R0"}} for n in range(3)),
        {"links": {"complaint_id": "R1"}},
    ]
)
_NUMBERED_STEPS = st.sampled_from([step for step in _CONTACT_STEPS if step not in _MISTAKABLE])
_NUMBERED_GAPS = st.sampled_from([gap for gap in _MOST_GAPS if gap % SECOND == 0])
_IDS = st.sampled_from("abc")


@st.composite
def contact(draw: st.DrawFn, entity_id: str, *, numbered: bool = False) -> list[Happening]:
    at = draw(st.integers(0, 6 * DAY // SECOND)) * SECOND
    customer = draw(st.sampled_from(["c1", "c2"]))
    channel = draw(st.sampled_from(["phone", "chat", "email"]))
    opening = event(
        "contact.opened", entity_id, at, customer=customer, direction="inbound", channel=channel,
        category=draw(st.sampled_from(["billing", "delivery"])), org_unit=draw(st.sampled_from(["es/a/n1", "pt/a/n2"])),
        priority=draw(st.sampled_from(["normal", "urgent", "high"])), seq=0,
    )  # fmt: skip
    numbers = numbered or draw(st.booleans())
    if not numbers:
        del opening.event["seq"]
    happenings = [opening] if draw(st.integers(0, 9)) else []
    for seq, (event_type, fields) in enumerate(
        draw(st.lists(_NUMBERED_STEPS if numbered else _STEPS, max_size=9)), start=1
    ):
        at += draw(_NUMBERED_GAPS if numbered else _GAPS)
        number = {"seq": seq} if numbers else {"event_id": f"{entity_id}.{draw(_IDS)}.{seq}"}
        happenings.append(event(event_type, entity_id, at, customer=customer, **number, **fields))
    if draw(st.integers(0, 5)) == 0:
        at += draw(_GAPS)
        survivor = draw(st.sampled_from(["C0", "C1", "C2", "elsewhere"]))
        happenings.append(event("contact.merged", entity_id, at, customer=customer, seq=50, into=survivor))
        for seq, (event_type, fields) in enumerate(draw(st.lists(st.sampled_from(_SAID_LATER), max_size=2)), start=51):
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
    for seq, (event_type, fields) in enumerate(draw(st.lists(st.sampled_from(_COMPLAINT_STEPS), max_size=6)), start=1):
        at += draw(_GAPS)
        happenings.append(event(event_type, entity_id, at, seq=seq, **fields))
    return happenings


@st.composite
def survey(draw: st.DrawFn, entity_id: str) -> list[Happening]:
    at = draw(st.integers(0, 6 * DAY // SECOND)) * SECOND
    expires = f"2025-12-{draw(st.integers(1, 3)):02}T00:00:00Z"
    kind = draw(st.sampled_from(["csat", "nps"]))
    asked = {"kind": kind, "mode": "email"} | draw(_LINKS)
    happenings = [event("survey.invited", entity_id, at, **asked, expires_at=expires, seq=0)]
    if draw(st.booleans()):
        happenings.append(event("survey.followup_contacted", entity_id, at + draw(_GAPS), seq=9, owner="ana"))
    for seq in range(draw(st.integers(0, 3))):
        at += draw(_GAPS)
        rated = {"score": draw(st.integers(1, 5) if kind == "csat" else st.integers(0, 10))}
        said = rated if draw(st.integers(0, 5)) else {"text": "in words"}
        happenings.append(event("survey.answered", entity_id, at, seq=seq + 1, **asked, **said))
    return happenings


def logs() -> st.SearchStrategy[list[Happening]]:
    """Up to nine entities' happenings, in the order in which they occurred."""
    return _logs(numbered=False)


def numbered_logs() -> st.SearchStrategy[list[Happening]]:
    """The same of contacts whose events say in which order they come."""
    return _logs(numbered=True)


@st.composite
def _logs(draw: st.DrawFn, *, numbered: bool) -> list[Happening]:
    happenings = [h for n in range(draw(st.integers(1, 5))) for h in draw(contact(f"C{n}", numbered=numbered))]
    happenings += [h for n in range(draw(st.integers(0, 2))) for h in draw(complaint(f"R{n}"))]
    happenings += [h for n in range(draw(st.integers(0, 2))) for h in draw(survey(f"S{n}"))]
    return sorted(happenings, key=lambda happening: happening.record_at)


def of_seed(seed: int, entities: int) -> list[Happening]:
    """Journeys of `entities` contacts and complaints, some of them merged into others, and of surveys about them."""
    random = Random(seed)
    happenings: list[Happening] = []
    for number in range(entities):
        kind, steps = ("contact", _CONTACT_STEPS) if number % 3 else ("complaint", _COMPLAINT_STEPS)
        at = random.randrange(6 * DAY // SECOND) * SECOND
        happenings.append(_opening(random, kind, f"E{number}", at))
        for seq in range(1, random.randint(2, 9)):
            at += random.choice(_MOST_GAPS)
            event_type, fields = random.choice(steps)
            if random.random() < 0.06:
                event_type, fields = f"{kind}.merged", {"into": f"E{number - 3 if number > 2 else number + 3}"}
            elif random.random() < 0.04:
                wrong = random.choice(happenings).event
                event_type, fields = f"{kind}.voided", {"voids_event_id": wrong["event_id"]}
            # A record may come long after what it tells of, and never before.
            arrives = at + random.choice([0, 0, 0, 40 * MINUTE, 20 * HOUR])
            numbered = {"seq": seq} if number % 2 else {"event_id": f"E{number}.{random.random()}.{seq}"}
            happenings.append(event(event_type, f"E{number}", at, arrives=arrives, **numbered, **fields))
    for number in range(entities // 5):
        happenings += _survey(random, f"S{number}", [f"E{one}" for one in range(entities)])
    return happenings


def _survey(random: Random, entity_id: str, about: list[str]) -> list[Happening]:
    """A survey about a contact, a complaint, or both; some name nothing that there is."""
    at = random.randrange(6 * DAY // SECOND) * SECOND
    named = {name: random.choice(about) for name in ("contact_id", "complaint_id") if random.random() < 0.7}
    points = random.randint(2, 11)
    asked: dict[str, Any] = {"kind": "csat", "mode": "email", "links": named, "scale_min": 1, "scale_max": points}
    answers = []
    for number in range(random.randint(1, 3)):
        at += random.choice(_MOST_GAPS)
        said = {"text": "in words"} if random.random() < 0.2 else {"score": random.randint(1, points)}
        arrives = at + random.choice([0, 0, 40 * MINUTE, 20 * HOUR])
        event_id = f"{entity_id}.{number}"
        answers.append(event("survey.answered", entity_id, at, event_id=event_id, arrives=arrives, **asked, **said))
    return answers


def _opening(random: Random, kind: str, entity_id: str, at: int) -> Happening:
    said: dict[str, Any] = {
        "channel": random.choice(["phone", "chat", "email"]),
        "priority": random.choice(["normal", "urgent", "high"]),
        "org_unit": random.choice(["es/a/n1", "pt/a/n2"]),
        "seq": 0,
    }
    said |= {"direction": "inbound"} if kind == "contact" else {"kind": random.choice(["claim", "praise"])}
    return event(f"{kind}.opened", entity_id, at, **said)
