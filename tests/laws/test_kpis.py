"""The KPIs a second time: one naive pass over the log that shares nothing with the core but the decoding."""

import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.events.decoding import decode, occurred_ms
from schemas.events.envelope import Event
from schemas.kpis import KPIS
from tests.laws.journeys import logs, numbered_logs
from tests.processors.feed import DAY, HOUR, T0, Happening, rules
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
    for told in entities(log).values():
        events = told_once(told)
        kind = events[0].event_type.partition(".")[0]
        {"contact": naive_contact, "complaint": naive_complaint, "survey": naive_survey}[kind](events, numbers)
    return +numbers


def told_once(events: list[Any]) -> list[Any]:
    """The events without what says again what was said: ended twice, reopened twice, handed on as before."""
    kept, ended, reopened = [], set[str](), False
    gave, has = set[str](), set[str]()
    for each in events:
        what = each.event_type.partition(".")[2]
        if what == "transferred":
            if each.from_ in gave or each.to in has:
                continue
            gave, has = (gave | {each.from_}) - {each.to}, (has | {each.to}) - {each.from_}
        elif what in ("resolved", "closed"):
            how = "spam" if getattr(each, "resolution", "") == "spam" else what
            if how in ended or (how == "resolved" and "spam" in ended):
                continue
            ended.add(how)
        elif what == "abandoned":
            ended.add(what)
        elif what in ("queued", "callback_requested"):
            ended.discard("abandoned")
        elif what == "reopened":
            if reopened and not ended:
                continue
            reopened, ended, gave, has = True, set(), set(), set()
        kept.append(each)
    return kept


def naive_contact(events: list[Any], numbers: Counter[str]) -> None:
    opened = next((each for each in events if each.event_type == "contact.opened"), None)
    for each in events:
        what = each.event_type.partition(".")[2]
        numbers["contacts_opened"] += what == "opened"
        numbers["contacts_transferred"] += what == "transferred"
        numbers["contacts_resolved"] += what == "resolved" and each.resolution != "spam"
    hung_up = naive_waits(events, opened, numbers)
    if opened:
        spam = {each.event_id for each in events if each.event_type == "contact.resolved" and each.resolution == "spam"}
        moving = [each for each in events if each.event_id not in hung_up]
        naive_promise(moving, HOUR * TARGETS[opened.priority], spam, numbers)


ANSWER_TARGETS = {"phone": 20_000, "chat": 60_000}
COMES_BACK = ("queued", "callback_requested")
"""What whoever had left a queue does."""
ONE_STEP = 2_000
"""What two systems tell of one step lies this near."""


@dataclass
class NaiveWait:
    since: int
    queued: bool
    end: str = ""
    ended: int = 0
    called_back: bool = False
    owed: bool = True


def naive_waits(events: list[Any], opened: Any, numbers: Counter[str]) -> set[str]:
    """From each queueing to a person, to leaving, to asking for a call or to the end; with no queue, from opening.

    Returns the ids of abandonments by who only hung up, having asked to be called back.
    """
    hung_up: set[str] = set()
    waits: list[NaiveWait] = []
    over = asked = reached = answered = False
    since = occurred_ms(opened) if opened else None
    calls = [occurred_ms(each) for each in events if each.event_type == "contact.callback_requested"]
    for each in events:
        what, at = each.event_type.partition(".")[2], occurred_ms(each)
        last = waits[-1] if waits else None
        lasts = last is not None and not last.end
        person = what == "answered" and each.actor.kind == "human"
        put_off = what == "waiting_customer" and each.reason == "schedule" and lasts
        leaves = what == "abandoned" and not any(0 <= call - at <= ONE_STEP for call in calls) and (lasts or not asked)
        if what == "abandoned" and not leaves:
            hung_up.add(each.event_id)
        end = (
            "answered" if person
            else "abandoned" if leaves
            else "callback" if what == "callback_requested" or put_off
            else "spam" if what == "resolved" and each.resolution == "spam"
            else "other" if what in ("resolved", "closed")
            else ""
        )  # fmt: skip
        if what == "queued" and not lasts and not over:
            waits.append(NaiveWait(at, queued=True))
        elif last is not None and end and lasts:
            last.end, last.ended = end, at
        elif last is not None and person and last.end in ("other", "spam") and at - last.ended <= ONE_STEP:
            last.end, last.ended = "answered", at
        elif last is None and since is not None and end and end not in ("other", "spam"):
            unheard = not answered and not asked if person else not reached
            if unheard and not (end == "callback" and at == since):
                waits.append(NaiveWait(since, queued=False, end=end, ended=at))
        if end == "spam":
            for wait in waits:
                wait.owed = False
        if person and asked:
            for wait in waits:
                wait.called_back = wait.called_back or wait.end == "callback"
        asked = end == "callback" or (asked and not person and end not in ("other", "spam") and not replied(each))
        reached, answered = reached or what == "answered", answered or person
        over = (over or end in ("other", "spam")) and what != "reopened"
    for wait in waits:
        naive_wait(wait, wait is waits[0], opened, numbers)
    return hung_up


def replied(each: Any) -> bool:
    return bool(each.event_type == "contact.agent_replied" and each.actor.kind == "human" and each.public)


def naive_wait(wait: NaiveWait, first: bool, opened: Any, numbers: Counter[str]) -> None:
    numbers["waits"] += 1
    numbers["contacts_offered"] += first
    took = wait.ended - wait.since
    if not wait.end or took > DAY:
        numbers["waits_unknown"] += 1
        return
    short = wait.end == "abandoned" and took < 5_000
    numbers["contacts_abandoned_short"] += first and short
    numbers["contacts_abandoned"] += first and wait.end == "abandoned" and not short
    numbers["waits_abandoned"] += wait.end == "abandoned" and not short
    numbers["waits_callback"] += wait.end == "callback"
    if opened and (wait.end == "answered" or wait.called_back):
        numbers["waits_answered"] += 1
        numbers["contacts_answered"] += first
        numbers["wait_ms"] += took
    target = ANSWER_TARGETS.get(opened.channel) if opened else None
    if target is None or not wait.owed or (wait.end == "other" and took <= target):
        return
    numbers["waits_promised"] += 1
    numbers["waits_in_target"] += wait.end in ("answered", "callback") and (took <= target or not wait.queued)


def naive_complaint(events: list[Any], numbers: Counter[str]) -> None:
    if events[0].kind != "praise":
        naive_promise(events, HOUR * TARGETS["normal"], set(), numbers)


def naive_promise(events: list[Any], left: int, spam: set[str], numbers: Counter[str]) -> None:
    """One promise of resolution: what is left of it goes on with each reopening, unless it was broken."""
    met, broken, whole = 0, 0, left
    start: int | None = occurred_ms(events[0])
    may_go_on = left_the_queue = False
    for each in events:
        what, at = each.event_type.partition(".")[2], occurred_ms(each)
        if each.event_id in spam:
            met, broken, start, may_go_on, left = 0, 0, None, True, whole  # nothing was owed; it is from a reopening on
            left_the_queue = False
        elif start is not None and what in ("resolved", "closed", "abandoned"):
            left_the_queue = what == "abandoned"
            in_time = at - start <= left
            met += in_time and what != "abandoned"
            broken += not in_time
            may_go_on = in_time
            left -= at - start
            start = None
        elif start is None and may_go_on and (what == "reopened" or (left_the_queue and what in COMES_BACK)):
            start, may_go_on = at, False
        elif what in ("resolved", "closed"):
            left_the_queue = False
    numbers["resolve_met"] += met
    numbers["resolve_breached"] += broken + (start is not None)


def naive_survey(events: list[Any], numbers: Counter[str]) -> None:
    answers = [each for each in events[1:] if each.occurred_at <= events[0].expires_at]
    if not answers:
        return
    last = next((each for each in reversed(answers) if each.score is not None), answers[-1])
    numbers["surveys_answered"] += 1
    if last.score is None:
        return
    numbers[f"{last.kind}_answered"] += 1
    numbers["csat_positive"] += last.kind == "csat" and last.score >= 4
    numbers["nps_promoters"] += last.kind == "nps" and last.score >= 9
    numbers["nps_detractors"] += last.kind == "nps" and last.score <= 6


NEVER_CLOSED = rules(kpi_memory=100 * DAY / 1000)
"""What takes back a number that is more than a day old is not counted otherwise: see `oidor rebuild`."""
SAID_TWICE = (
    "contacts_opened", "contacts_resolved", "contacts_transferred", "contacts_offered", "contacts_answered",
    "contacts_abandoned", "contacts_abandoned_short", "waits", "waits_undecided", "waits_unknown", "waits_answered",
    "waits_abandoned", "waits_callback", "waits_promised", "waits_in_target", "wait_ms", "resolve_met",
    "resolve_breached", "surveys_answered", "csat_answered", "csat_positive", "nps_answered", "nps_promoters",
    "nps_detractors",
)  # fmt: skip


BEYOND_NAIVE = ("priority_changed", "reclassified", "merged", "followup_contacted")
"""What changes a promise, or is no answer: `tests/laws/sla` and `test_servicenow.py` have a computation for it."""


@settings(max_examples=100)
@given(numbered_logs())
def test_the_stream_says_what_one_naive_pass_says(log: list[Happening]) -> None:
    known = entities(log)
    simple = [happening for happening in log if not happening.event["event_type"].endswith(BEYOND_NAIVE)]
    kept = [happening for happening in simple if happening.event["entity_id"] in known]
    found = views_after(kept, until=60 * DAY, rules_=NEVER_CLOSED).kpi_totals()
    assert {name: found[name] for name in SAID_TWICE if name in found} == dict(naive(kept))


OF_ONE_MINUTE = [kpi for kpi in KPIS if kpi.denominator and kpi.anchor != "by_each_event"]


def test_only_what_is_no_share_of_its_denominator_has_parts_in_minutes_of_their_own() -> None:
    assert {kpi.name for kpi in KPIS if kpi.anchor == "by_each_event"} == {"transfers_per_contact", "complaint_rate"}
    assert {kpi for kpi in KPIS if kpi.unit in ("ratio", "score", "seconds") and kpi.denominator} == {*OF_ONE_MINUTE}


@settings(max_examples=100)
@given(logs(), st.integers(0, 8 * DAY))
def test_both_parts_of_a_kpi_are_in_one_minute_of_every_dimension_at_any_moment(log: list[Happening], at: int) -> None:
    """So a ratio is from 0 to 1, and a mean has no total without cases, in every window there is."""
    views = views_after([each for each in log if each.record_at <= T0 + at], until=at, rules_=NEVER_CLOSED)
    for row in views.kpis():
        for kpi in OF_ONE_MINUTE:
            above, below = (sum(row[each.name] for each in side) for side in (kpi.numerator, kpi.denominator))
            assert above == 0 or below > 0, (kpi.name, row)
            if kpi.unit == "ratio" or kpi.name == "nps":
                assert 0 <= above <= below, (kpi.name, row)
