"""The KPIs a second time: one naive pass over the log that shares nothing with the core but the decoding."""

import json
from collections import Counter, defaultdict
from typing import Any

from hypothesis import given, settings

from schemas.events.decoding import decode, occurred_ms
from schemas.events.envelope import Event
from tests.laws.journeys import logs
from tests.processors.feed import DAY, HOUR, Happening, rules
from tests.processors.views import views_after

TARGETS = {"urgent": 4, "high": 8, "normal": 24, "low": 40}


def entities(log: list[Happening]) -> dict[str, list[Event]]:
    found: dict[str, list[Event]] = defaultdict(list)
    for happening in log:
        decoded = decode(happening.topic, json.dumps(happening.event).encode())
        assert isinstance(decoded, Event), decoded
        found[decoded.entity_id].append(decoded)
    return {
        entity_id: sorted(events, key=lambda each: (each.occurred_at, each.seq))
        for entity_id, events in found.items()
        if not any(each.event_type.endswith(".voided") for each in events)
    }


def naive(log: list[Happening]) -> Counter[str]:
    numbers: Counter[str] = Counter()
    for events in entities(log).values():
        kind = events[0].event_type.partition(".")[0]
        {"contact": naive_contact, "complaint": naive_complaint, "survey": naive_survey}[kind](events, numbers)
    return +numbers


def naive_contact(events: list[Any], numbers: Counter[str]) -> None:
    opened = next((each for each in events if each.event_type == "contact.opened"), None)
    queued = waited = False
    since = occurred_ms(opened) if opened else None
    for each in events:
        what = each.event_type.partition(".")[2]
        numbers["contacts_opened"] += what == "opened"
        numbers["contacts_transferred"] += what == "transferred"
        numbers["contacts_resolved"] += what == "resolved" and each.resolution != "spam"
        if what == "queued" and not queued:
            queued, since = True, occurred_ms(each)
        if what == "answered" and each.actor.kind == "human" and not waited:
            waited = True
            if opened and since is not None:
                numbers["contacts_answered"] += 1
                numbers["wait_ms"] += occurred_ms(each) - since
    if opened:
        spam = {each.event_id for each in events if each.event_type == "contact.resolved" and each.resolution == "spam"}
        naive_promise(events, HOUR * TARGETS[opened.priority], spam, numbers)


def naive_complaint(events: list[Any], numbers: Counter[str]) -> None:
    if events[0].kind != "praise":
        naive_promise(events, HOUR * TARGETS["normal"], set(), numbers)


def naive_promise(events: list[Any], left: int, spam: set[str], numbers: Counter[str]) -> None:
    """One promise of resolution: what is left of it goes on with each reopening, unless it was broken."""
    met = broken = 0
    start: int | None = occurred_ms(events[0])
    may_go_on = False
    for each in events:
        what, at = each.event_type.partition(".")[2], occurred_ms(each)
        if each.event_id in spam:
            return  # nothing was ever owed; a reopening does not bring it back
        if start is not None and what in ("resolved", "closed", "abandoned"):
            in_time = at - start <= left
            met += in_time and what != "abandoned"
            broken += not in_time
            may_go_on = in_time and what != "abandoned"
            left -= at - start
            start = None
        elif start is None and what == "reopened" and may_go_on:
            start, may_go_on = at, False
    numbers["resolve_met"] += met
    numbers["resolve_breached"] += broken + (start is not None)


def naive_survey(events: list[Any], numbers: Counter[str]) -> None:
    answers = [each for each in events[1:] if each.occurred_at <= events[0].expires_at]
    if not answers:
        return
    last = answers[-1]
    numbers[f"{last.kind}_answered"] += 1
    numbers["csat_positive"] += last.kind == "csat" and last.score >= 4
    numbers["nps_promoters"] += last.kind == "nps" and last.score >= 9
    numbers["nps_detractors"] += last.kind == "nps" and last.score <= 6


NEVER_CLOSED = rules(kpi_memory=100 * DAY / 1000)
"""What takes back a number that is more than a day old is not counted otherwise: see `oidor rebuild`."""
SAID_TWICE = (
    "contacts_opened", "contacts_resolved", "contacts_transferred", "contacts_answered", "wait_ms", "resolve_met",
    "resolve_breached", "csat_answered", "csat_positive", "nps_answered", "nps_promoters", "nps_detractors",
)  # fmt: skip


BEYOND_NAIVE = ("priority_changed", "reclassified", "merged", "followup_contacted")
"""What changes a promise, or is no answer: `tests/laws/sla` and `test_servicenow.py` have a computation for it."""


@settings(max_examples=150, deadline=None)
@given(logs())
def test_the_stream_says_what_one_naive_pass_says(log: list[Happening]) -> None:
    known = entities(log)
    simple = [happening for happening in log if not happening.event["event_type"].endswith(BEYOND_NAIVE)]
    kept = [happening for happening in simple if happening.event["entity_id"] in known]
    found = views_after(kept, until=60 * DAY, rules_=NEVER_CLOSED).kpi_totals()
    assert {name: found[name] for name in SAID_TWICE if name in found} == dict(naive(kept))
