"""KPI partials: what one minute adds up to, merged, taken back, overflowing and final; and the numbers themselves."""

import json
from collections import Counter, defaultdict
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.kpis.partials import SLOT, Partials, Sample, Slots, bucket_of, counted, difference, duration, row
from processors.rules import Rules
from processors.state.partition import PartitionState
from schemas.events.decoding import decode, occurred_ms
from schemas.events.envelope import Event
from schemas.kpis import COUNTS, DIMENSIONS, HISTOGRAMS, SUMS
from schemas.outputs import PARTIAL_COLUMNS, partials_in_full
from schemas.topics import CONTACTS
from tests.laws.journeys import logs
from tests.processors.feed import DAY, HOUR, MINUTE, T0, Feed, Happening, event, recovered, rules
from tests.processors.views import Views

RULES = rules()
BASE = Fraction(104, 100)

# Buckets


@given(st.integers(10, 400 * DAY))
def test_a_bucket_holds_the_durations_between_two_powers_of_its_base(milliseconds: int) -> None:
    bucket, seconds = bucket_of(milliseconds), Fraction(milliseconds, 1000)
    assert BASE**bucket <= seconds < BASE ** (bucket + 1)


@pytest.mark.parametrize(
    ("name", "milliseconds", "bucket"),
    [
        ("a second begins bucket 0", 1_000, 0),
        ("a millisecond less does not", 999, -1),
        ("1.04 s begins bucket 1", 1_040, 1),
        ("20 s", 20_000, 76),
        ("nothing at all: with 10 ms", 0, -118),
        ("10 ms", 10, -118),
        ("what cannot be: with nothing", -5, -118),
        ("400 days", 400 * DAY, 442),
        ("beyond all: the last", 10**18, 700),
    ],
)
def test_bucket_of(name: str, milliseconds: int, bucket: int) -> None:
    assert bucket_of(milliseconds) == bucket, name


@given(st.integers(0, 400 * DAY))
def test_a_bucket_survives_its_slot(milliseconds: int) -> None:
    for name in HISTOGRAMS:
        amounts = dict(duration(name, "wait_ms", milliseconds))
        (written,) = partials_in_full([row(0, (0, "all"), CONTACTS, 0, amounts)], PARTIAL_COLUMNS)
        columns = dict(zip(PARTIAL_COLUMNS, written, strict=True))
        assert columns[name] == {bucket_of(milliseconds): 1}
        assert columns["wait_ms"] == milliseconds


# Merging

SAMPLES = st.builds(
    Sample,
    at=st.sampled_from([T0, T0 + 59_999, T0 + MINUTE]),
    attribution=st.sampled_from([("all", "phone"), ("all", "chat"), ("all", "")]),
    amounts=st.one_of(
        st.sampled_from([counted(name) for name in COUNTS]),
        st.integers(0, DAY).map(lambda ms: duration("wait_histogram", "wait_ms", ms)),
    ),
)
Content = dict[int, dict[tuple[int, str], Slots]]


def partials(*samples: Sample) -> Partials:
    held = Partials(CONTACTS, values_max=10)
    for sample in samples:
        held.add(sample)
    return held


def content(*held: Partials) -> Content:
    """What several partitions say together: added up, without what is nothing."""
    total: dict[int, dict[tuple[int, str], Counter[int]]] = defaultdict(lambda: defaultdict(Counter))
    for each in held:
        for minute, by_value in each.minutes.items():
            for key, slots in by_value.items():
                total[minute][key].update(slots)
    return {
        minute: {key: dict(slots) for key, slots in by_value.items() if slots}
        for minute, by_value in total.items()
        if any(by_value.values())
    }


@given(st.lists(SAMPLES), st.lists(SAMPLES), st.lists(SAMPLES))
def test_partials_add_up_the_same_in_any_grouping_and_order(
    one: list[Sample], two: list[Sample], three: list[Sample]
) -> None:
    whole = content(partials(*one, *two, *three))
    assert whole == content(partials(*three, *one), partials(*two))
    assert whole == content(partials(*two), partials(*one), partials(*three))


@given(st.lists(SAMPLES), st.lists(SAMPLES), st.data())
def test_what_is_taken_back_was_never_there(stays: list[Sample], goes: list[Sample], data: st.DataObject) -> None:
    held = partials(*data.draw(st.permutations([*stays, *goes])))
    for sample in data.draw(st.permutations(goes)):
        held.add(sample, -1)
    assert content(held) == content(partials(*stays))


@given(st.lists(SAMPLES, max_size=12), st.lists(SAMPLES, max_size=12))
def test_a_difference_makes_one_the_other(before: list[Sample], after: list[Sample]) -> None:
    held = partials(*before)
    for sample, sign in difference(before, after):
        held.add(sample, sign)
    assert content(held) == content(partials(*after))
    assert len(list(difference(before, after))) <= len(before) + len(after)


def test_a_partial_that_returned_to_nothing_is_written_as_nothing() -> None:
    held = partials(Sample(T0, ("all",), counted("praise")))
    held.changed.clear()
    held.add(Sample(T0, ("all",), counted("praise")), -1)
    ((minute, changed),) = held.changed.items()
    ((key, _),) = changed.items()
    assert held.minutes[minute][key] == {}
    (written,) = partials_in_full([row(minute, key, CONTACTS, 0, {})], PARTIAL_COLUMNS)
    assert not any(written[5:])


def test_a_minute_of_thousands_of_values_fits_into_messages_and_is_read_back_from_the_last_of_them() -> None:
    limits = rules(message_bytes=20_000, dimension_values_max=5_000)
    state, again = PartitionState(0, limits), PartitionState(0, limits)
    for number in range(3_000):
        state.add_sample(CONTACTS, Sample(T0, ("all", f"{number:04}" + 40 * "x"), counted("praise")), 1)

    made = [state.checkpoint(T0)]
    while made[-1].needed_from < 2:
        state.add_sample(CONTACTS, Sample(T0 + MINUTE, ("all",), counted("praise")), 1)
        made.append(state.checkpoint(T0))

    messages = [message for one in made if one.sequence >= made[-1].needed_from for message in one.delta]
    for message in messages:
        again.apply(message)
    assert max(map(len, [message for one in made for message in one.delta])) <= limits.message_bytes
    assert again.partials[CONTACTS].minutes == state.partials[CONTACTS].minutes
    assert sorted(again.partials[CONTACTS].known_values()) == sorted(state.partials[CONTACTS].known_values())


# Dimensions


def test_a_dimension_that_was_not_said_gets_no_partial() -> None:
    held = partials(Sample(T0, ("all", "", "es"), counted("praise")))
    assert set(held.minutes[T0]) == {(0, "all"), (2, "es")}


def test_the_values_of_a_dimension_beyond_its_bound_are_other() -> None:
    held = Partials(CONTACTS, values_max=2)
    for channel in ("phone", "chat", "email", "sms", "phone"):
        held.add(Sample(T0, ("all", channel), counted("praise")))
    held.add(Sample(T0, ("all", "email"), counted("praise")), -1)
    praise = SLOT["praise"]
    assert {key[1]: slots[praise] for key, slots in held.minutes[T0].items() if key[0] == 1} == {
        "phone": 2, "chat": 1, "other": 1,
    }  # fmt: skip
    assert held.overflowed_values == 3


def opened_in(area: str, number: int, at: int = 0) -> Happening:
    return event(
        "contact.opened", f"{area}{number}", at, direction="inbound", channel="phone", org_unit=area, customer=area
    )


def test_who_came_first_still_has_a_name_after_a_restart() -> None:
    bounded = rules(dimension_values_max=2)
    feed = Feed(bounded)
    feed.feed(*(opened_in(area, 1) for area in ("a", "b", "c")))
    again = recovered(feed.state.checkpoint(T0).delta, bounded)
    feed.state = again
    feed.feed(*(opened_in(area, 2, DAY) for area in ("c", "b", "a")))
    (minute,) = [minute for minute in again.partials[CONTACTS].minutes if minute == T0 + DAY]
    areas = {key[1] for key in again.partials[CONTACTS].minutes[minute] if DIMENSIONS[key[0]] == "area"}
    assert areas == {"a", "b", "other"}


# Final


def in_minutes(count: int, *, written: bool) -> Partials:
    held = partials(*(Sample(T0 + number * MINUTE, ("all",), counted("praise")) for number in range(count)))
    if written:
        held.changed.clear()
    return held


def test_a_minute_that_is_final_leaves_and_takes_nothing_any_more() -> None:
    held = in_minutes(3, written=True)
    held.leave_before(T0 + 2 * MINUTE + 59_999)
    assert (list(held.minutes), held.count) == ([T0 + 2 * MINUTE], 1)
    assert held.add(Sample(T0 + MINUTE, ("all",), counted("praise"))) is False
    assert held.add(Sample(T0 + 2 * MINUTE, ("all",), counted("praise"))) is True


def test_a_final_minute_stays_until_it_is_written() -> None:
    held = in_minutes(3, written=False)
    held.leave_before(T0 + 2 * MINUTE)
    assert held.count == 3
    assert held.add(Sample(T0, ("all",), counted("praise"))) is False
    held.changed.clear()
    held.leave_before(T0 + 2 * MINUTE)
    assert held.count == 1


@pytest.mark.parametrize("written", [True, False])
def test_too_many_partials_make_the_oldest_minutes_final_early_and_no_more_than_needed(written: bool) -> None:
    held = in_minutes(10, written=written)
    assert held.shrink_to(7) == 3
    assert held.floor == T0 + 3 * MINUTE
    assert held.shrink_to(7) == 0, "what waits to be written is on its way out"
    held.changed.clear()
    held.leave_before(held.floor)
    assert held.count == 7


def test_the_state_holds_its_bound_of_partials_and_counts_what_left_early() -> None:
    bound = 60
    feed = Feed(rules(partials_max=bound))
    for number in range(100):
        feed.feed(opened_in("es", number, number * MINUTE))
        feed.state.checkpoint(T0)
    assert feed.state.entries()["partials"] <= bound
    assert feed.state.dropped["partials"] > 0
    assert T0 + 99 * MINUTE in feed.state.partials[CONTACTS].minutes, "the newest are the last to leave"


def test_an_event_within_the_kpi_memory_still_counts_in_its_minute_and_one_beyond_it_does_not() -> None:
    for behind, counts in ((DAY, True), (DAY + MINUTE, False)):
        feed, views = Feed(RULES), Views()
        feed.feed(opened_in("es", 1, DAY + MINUTE))
        late = event("contact.opened", "late", MINUTE + DAY - behind, arrives=DAY + MINUTE, direction="inbound",
                     channel="phone")  # fmt: skip
        feed.feed(late)
        views.insert(feed.state.checkpoint(T0))
        minutes = {line["minute"] for line in views.kpis() if line["contacts_opened"]}
        assert (T0 + DAY + MINUTE - behind in minutes) is counts


# The numbers, by hand

HUMAN, BOT = {"kind": "human"}, {"kind": "bot"}


def totals(views: Views) -> dict[str, int]:
    found: Counter[str] = Counter()
    for line in views.kpis():
        if line["dimension"] == "all":
            found.update({name: line[name] for name in (*COUNTS, *SUMS) if line[name]})
    return dict(found)


def after(log: list[Happening], until: int = 40 * DAY, rules_: Rules = RULES) -> Views:
    feed, views = Feed(rules_), Views()
    feed.feed(*log)
    feed.until(until)
    views.insert(feed.state.checkpoint(T0))
    return views


def contact(entity_id: str, *steps: tuple[str, int, dict[str, Any]], **opened: Any) -> list[Happening]:
    said = {"direction": "inbound", "channel": "phone", **opened}
    first = event("contact.opened", entity_id, 0, seq=0, **said)
    return [first, *(event(f"contact.{what}", entity_id, at, seq=n, **fields)
                     for n, (what, at, fields) in enumerate(steps, 1))]  # fmt: skip


def answer(entity_id: str, score: int, **fields: Any) -> Happening:
    return event("survey.answered", entity_id, 0, score=score, **{"kind": "csat", "mode": "sms", **fields})


def complaint(entity_id: str, *steps: tuple[str, dict[str, Any]], kind: str = "claim") -> list[Happening]:
    first = event("complaint.opened", entity_id, 0, kind=kind, channel="post")
    return [
        first,
        *(event(f"complaint.{what}", entity_id, HOUR * n, **fields) for n, (what, fields) in enumerate(steps, 1)),
    ]


QUEUED = ("queued", 0, {"queue": "q"})
Numbers = dict[str, int]
BY_HAND: list[tuple[str, list[Happening], Numbers]] = [
    (
        "K01 CSAT: 4 and 5 of 5 are positive; else 80 % of the scale",
        [answer("a", 4), answer("b", 3), answer("c", 5), answer("d", 8, scale_max=10), answer("e", 7, scale_max=10),
         answer("f", 3, scale_max=3), answer("g", 6, scale_max=7), answer("h", 5, scale_max=7)],
        # 750 + 500 + 1000 + 777 + 666 + 1000 + 833 + 666
        {"csat_answered": 8, "csat_positive": 5, "csat_score_milli": 6192, "surveys_answered": 8},
    ),
    (
        "K02 NPS: 9 and 10 promote, 0 to 6 detract",
        [answer(str(score), score, kind="nps") for score in range(11)],
        {"nps_answered": 11, "nps_promoters": 2, "nps_detractors": 7, "surveys_answered": 11},
    ),
    (
        "K03 CES: 1..7, 7 = easy, whichever way it was asked",
        [answer("a", 7, kind="ces", direction="ease"), answer("b", 7, kind="ces", direction="effort"),
         answer("c", 3, kind="ces", scale_max=5, direction="ease"), answer("d", 2, kind="ces", direction="effort")],
        # 7 + 1 + 4 + 6
        {"ces_answered": 4, "ces_easy": 2, "ces_score_milli": 18_000, "surveys_answered": 4},
    ),
    (
        "other surveys are answered and no more",
        [event("survey.answered", "a", 0, kind="custom", mode="sms", metrics={"x": 1})],
        {"surveys_answered": 1},
    ),
    (
        "K04, K06: the wait ends with the first person, from the queue",
        contact("a", ("queued", 10_000, {"queue": "q"}), ("answered", 12_000, {"actor": BOT}),
                ("answered", 30_000, {"actor": HUMAN}), ("answered", 50_000, {"actor": HUMAN}), ("closed", HOUR, {})),
        {"contacts_offered": 1, "contacts_answered": 1, "contacts_answered_any": 1, "contacts_answered_in_target": 1,
         "wait_ms": 20_000, "answer_met": 1},
    ),
    (
        "K06: 20.001 s is not within 20 s",
        contact("a", QUEUED, ("answered", 20_001, {"actor": HUMAN}), ("resolved", 30_000, {})),
        {"contacts_offered": 1, "contacts_answered": 1, "contacts_answered_any": 1, "wait_ms": 20_001,
         "answer_breached": 1},
    ),
    (
        "K05 AHT: talk, hold and wrap of those that report them",
        [*contact("a", ("resolved", 9, {"talk_seconds": 60, "hold_seconds": 5.5, "wrap_seconds": 10})),
         *contact("b", ("resolved", 9, {"wrap_seconds": 4.5})), *contact("c", ("resolved", 9, {}))],
        {"contacts_handled": 2, "handle_ms": 80_000, "contacts_resolved": 3},
    ),
    (
        "K07: abandoned, too soon to count, and in the menu",
        [*contact("a", QUEUED, ("abandoned", 5_000, {})), *contact("b", QUEUED, ("abandoned", 4_999, {})),
         *contact("c", ("abandoned", 9_000, {"in_ivr": True})), *contact("d", ("abandoned", 6_000, {}))],
        {"contacts_offered": 3, "contacts_abandoned": 2, "contacts_abandoned_short": 1, "contacts_abandoned_ivr": 1},
    ),
    (
        "K09: the first public reply of a person",
        contact("a", ("agent_replied", 10_000, {"actor": BOT}), ("agent_replied", 20_000, {"public": False}),
                ("agent_replied", 30_000, {"actor": HUMAN}), ("agent_replied", 40_000, {}), ("resolved", HOUR, {}),
                channel="email"),
        {"first_response_ms": 30_000, "first_response_met": 1},
    ),
    (
        "K10, K16: each resolution from the opening; reopened because it was not fixed",
        contact("a", ("resolved", HOUR, {}), ("reopened", 2 * HOUR, {"reason": "not_fixed"}),
                ("resolved", 3 * HOUR, {}), ("reopened", 4 * HOUR, {"reason": "customer_reply"}),
                ("resolved", 5 * HOUR, {})),
        {"contacts_resolved": 3, "contacts_reopened": 1, "resolution_ms": 9 * HOUR, "resolve_met": 3},
    ),
    (
        "K10: spam and duplicates are no resolutions",
        [*contact("a", ("resolved", HOUR, {"resolution": "spam"})),
         *contact("b", ("resolved", HOUR, {"resolution": "duplicate"}))],
        {"contacts_opened": 2},
    ),
    (
        "K12: kept, broken, and broken with nobody looking",
        [*contact("a", ("resolved", 4 * HOUR, {}), priority="urgent"),
         *contact("b", ("resolved", 5 * HOUR, {}), priority="urgent"), *contact("c", priority="urgent")],
        {"resolve_met": 1, "resolve_breached": 2},
    ),
    (
        "K18, K19: handed on, and resolved at the first level",
        [*contact("a", ("transferred", 1, {"from": "x", "to": "y"}), ("transferred", 2, {"from": "y", "to": "z"}),
                  ("resolved", 9, {"resolved_level": 2})),
         *contact("b", ("resolved", 9, {"resolved_level": 1}))],
        {"contacts_opened": 2, "contacts_transferred": 2, "contacts_resolved": 2, "contacts_resolved_level1": 1},
    ),
    (
        "K20, K22b: complaints and claims; upheld of those decided",
        [*complaint("a", ("acknowledged", {}), ("resolved", {"outcome": "upheld"})),
         *complaint("b", ("resolved", {"outcome": "partly_upheld"}), ("reopened", {})),
         *complaint("c", ("resolved", {"outcome": "rejected"}), kind="complaint"),
         *complaint("d", ("resolved", {"outcome": "withdrawn"})), *complaint("e", kind="praise"),
         *complaint("f", kind="suggestion"), *complaint("g", kind="query")],
        {"complaints_opened": 4, "complaints_acknowledged": 1, "complaints_resolved": 4, "complaints_upheld": 2,
         "complaints_decided": 3, "complaints_reopened": 1, "praise": 1},
    ),
    (
        "K21: of known demand, how much we caused ourselves",
        [*contact("a", demand_type="failure"), *contact("b", demand_type="value"), *contact("c", demand_type="unknown"),
         *contact("d")],
        {"contacts_opened": 4, "contacts_known_demand": 2, "contacts_failure_demand": 1},
    ),
]  # fmt: skip

ALSO = {
    "K04": ("contacts_abandoned", "answer_breached"),
    "K07": ("contacts_answered", "contacts_answered_any"),
    "K09": ("contacts_resolved_level1", "first_response_breached"),
    "K10": ("resolve_breached", "contacts_handled"),
    "K20": ("contacts_opened",),
}
"""What must be nothing beside what is told."""


@pytest.mark.parametrize(("name", "log", "numbers"), BY_HAND, ids=[case[0].partition(":")[0] for case in BY_HAND])
def test_by_hand(name: str, log: list[Happening], numbers: Numbers) -> None:
    found = totals(after(log))
    assert {column: found.get(column, 0) for column in numbers} == numbers, name
    for column in ALSO.get(name[:3], ()):
        assert column not in found, name


def test_a_duration_counts_where_it_ended_and_a_breach_where_it_was_due() -> None:
    views = after(contact("a", QUEUED, ("answered", 2 * MINUTE, {"actor": HUMAN}), ("resolved", 3 * MINUTE, {})))
    by_minute = {
        name: [line["minute"] - T0 for line in views.kpis() if line["dimension"] == "all" and line[name]]
        for name in ("contacts_opened", "answer_breached", "wait_ms", "resolution_ms", "resolve_met")
    }
    assert by_minute == {
        "contacts_opened": [0],
        "answer_breached": [0],
        "wait_ms": [2 * MINUTE],
        "resolution_ms": [3 * MINUTE],
        "resolve_met": [3 * MINUTE],
    }


def test_a_breach_counts_for_the_team_that_had_the_case_when_it_was_due() -> None:
    steps = [
        ("transferred", HOUR, {"from": "n1", "to": "n2"}),
        ("transferred", 5 * HOUR, {"from": "n2", "to": "n3"}),
        ("resolved", 6 * HOUR, {}),
    ]
    views = after(contact("a", *steps, priority="urgent", org_unit="es/care/n1"))
    blamed = {
        line["dimension_value"] for line in views.kpis() if line["dimension"] == "team" and line["resolve_breached"]
    }
    assert blamed == {"n2"}


def test_the_area_and_channel_pair_is_told_only_where_both_are_known() -> None:
    views = after([*contact("a", org_unit="es/care"), *contact("b")])
    pairs = {line["dimension_value"] for line in views.kpis() if line["dimension"] == "area_channel"}
    assert pairs == {"es|phone"}


# The numbers, a second time: one pass over the log that shares nothing with the core but the decoding

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


NEVER_FINAL = rules(kpi_memory=100 * DAY / 1000)
"""What takes back a number that is more than a day old is not counted otherwise: see `oidor rebuild`."""
SAID_TWICE = (
    "contacts_opened", "contacts_resolved", "contacts_transferred", "contacts_answered", "wait_ms", "resolve_met",
    "resolve_breached", "csat_answered", "csat_positive", "nps_answered", "nps_promoters", "nps_detractors",
)  # fmt: skip


BEYOND_NAIVE = ("priority_changed", "reclassified", "merged", "followup_contacted")
"""What changes a promise, or is no answer: `test_sla_rules.py` and `test_servicenow.py` have a computation for it."""


@settings(max_examples=150, deadline=None)
@given(logs())
def test_the_stream_says_what_one_naive_pass_says(log: list[Happening]) -> None:
    known = entities(log)
    simple = [happening for happening in log if not happening.event["event_type"].endswith(BEYOND_NAIVE)]
    kept = [happening for happening in simple if happening.event["entity_id"] in known]
    found = totals(after(kept, until=60 * DAY, rules_=NEVER_FINAL))
    assert {name: found[name] for name in SAID_TWICE if name in found} == dict(naive(kept))
