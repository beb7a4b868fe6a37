"""What the waits of a contact come to: their promises and their numbers, by hand."""

from collections import Counter
from itertools import permutations
from pathlib import Path
from typing import Any, Final

import pytest

from processors.rules import Rules
from schemas.kpis import KPIS
from tests.processors.feed import DAY, HOUR, MINUTE, SECOND, T0, Feed, Happening, event, rules
from tests.processors.views import Row, Views, views_after

HUMAN, BOT = {"kind": "human"}, {"kind": "bot"}
PACK: Final = """\
policy_id: p
version: "1"
clocks:
  answer:
    - {when: {channel: [phone], queue: [vip]}, target: 10s, grace: 5s, warn_at: []}
    - {when: {channel: [phone]}, target: 20s, grace: 5s, warn_at: []}
  callback:
    - {target: 30min, grace: 5s, warn_at: []}
short_abandon:
  - {when: {queue: [vip]}, below: 0s}
  - {when: {channel: [chat]}, below: 10s}
"""


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Rules:
    path: Path = tmp_path_factory.mktemp("packs") / "p.yaml"
    path.write_text(PACK)
    return rules(policies=(path,))


def at(what: str, seconds: float, **fields: Any) -> Happening:
    said: dict[str, dict[str, Any]] = {
        "opened": {"direction": "inbound", "channel": "phone"},
        "queued": {"queue": "sales"},
    }
    said |= {"answered": {"actor": HUMAN}, "transferred": {"from": "sales", "to": "billing"}}
    return event(f"contact.{what}", "C1", round(seconds * SECOND), **{**said.get(what, {}), **fields})


def callback(seconds: float, promised: str | None = None) -> Happening:
    return at("callback_requested", seconds, **({} if promised is None else {"promised_at": promised}))


OPENED, QUEUED = at("opened", 0), at("queued", 5)
SECOND_QUEUE = (at("answered", 15), at("transferred", 120), at("queued", 120, queue="billing"))
Numbers = dict[str, int]
Case = tuple[str, list[Happening], list[str], Numbers]

WAITS: Final[list[Case]] = [
    (
        "answered in time",
        [OPENED, QUEUED, at("answered", 25)],
        ["met"],
        {"contacts_offered": 1, "contacts_answered": 1, "contacts_answered_in_target": 1, "waits": 1, "waits_ended": 1,
         "waits_promised": 1, "waits_in_target": 1, "wait_ms": 20_000},
    ),
    (
        "answered too late",
        [OPENED, QUEUED, at("answered", 25.001)],
        ["breached"],
        {"contacts_offered": 1, "contacts_answered": 1, "waits_promised": 1, "wait_ms": 20_001},
    ),
    (
        "a second queue is a wait of its own, given up there",
        [OPENED, QUEUED, *SECOND_QUEUE, at("abandoned", 660)],
        ["met", "breached"],
        {"contacts_offered": 1, "contacts_answered": 1, "waits": 2, "waits_answered": 1, "waits_abandoned": 1,
         "waits_after_answer": 1, "waits_abandoned_after_answer": 1, "waits_promised": 2, "waits_in_target": 1},
    ),
    (
        "a second queue, answered there",
        [OPENED, QUEUED, *SECOND_QUEUE, at("answered", 720), at("resolved", 800)],
        ["met", "breached"],
        {"contacts_offered": 1, "contacts_answered": 1, "waits": 2, "waits_answered": 2, "waits_promised": 2,
         "waits_after_answer": 1, "waits_in_target": 1, "wait_ms": 610_000},
    ),
    (
        "a third queue after the second",
        [OPENED, QUEUED, *SECOND_QUEUE, at("answered", 130), at("queued", 200, queue="n2"), at("answered", 205)],
        ["met", "met", "met"],
        {"contacts_offered": 1, "contacts_answered": 1, "waits": 3, "waits_after_answer": 2, "waits_in_target": 3,
         "wait_ms": 25_000},
    ),
    (
        "handed from queue to queue with no answer: one wait, and no time gained",
        [OPENED, QUEUED, at("queued", 20, queue="overflow"), at("answered", 35)],
        ["breached"],
        {"contacts_offered": 1, "contacts_answered": 1, "waits": 1, "waits_promised": 1, "wait_ms": 30_000},
    ),
    (
        "the queue is told twice",
        [OPENED, QUEUED, at("queued", 15), at("answered", 20)],
        ["met"],
        {"contacts_offered": 1, "contacts_answered": 1, "waits": 1, "waits_in_target": 1, "wait_ms": 15_000},
    ),
    (
        "a bot in between ends no wait",
        [OPENED, QUEUED, at("answered", 10, actor=BOT), at("answered", 30)],
        ["breached"],
        {"contacts_answered": 1, "contacts_answered_any": 1, "waits": 1, "wait_ms": 25_000},
    ),
    (
        "put through with nobody to wait for",
        [OPENED, at("answered", 3)],
        [],
        {"contacts_offered": 1, "contacts_answered": 1, "contacts_answered_in_target": 1, "waits_promised": 1,
         "waits_in_target": 1, "wait_ms": 3_000},
    ),
    (
        "put through where no answer is promised",
        [at("opened", 0, channel="in_person"), at("answered", 3)],
        [],
        {"contacts_offered": 1, "contacts_answered": 1, "waits": 1, "waits_ended": 1},
    ),
    (
        "a queue where no answer is promised",
        [at("opened", 0, channel="in_person"), QUEUED, at("answered", 60)],
        [],
        {"contacts_offered": 1, "contacts_answered": 1, "waits": 1, "wait_ms": 55_000},
    ),
    (
        "a call of ours is nobody's wait",
        [at("opened", 0, direction="outbound"), at("answered", 9)],
        [],
        {"contacts_answered_any": 1},
    ),
    (
        "given up",
        [OPENED, QUEUED, at("abandoned", 45)],
        ["breached"],
        {"contacts_offered": 1, "contacts_abandoned": 1, "waits_abandoned": 1, "waits_promised": 1},
    ),
    (
        "given up before the target: not answered in time all the same, in the strict reading",
        [OPENED, QUEUED, at("abandoned", 15)],
        ["cancelled"],
        {"contacts_offered": 1, "contacts_abandoned": 1, "waits_promised": 1},
    ),
    (
        "given up too soon to be a wait",
        [OPENED, QUEUED, at("abandoned", 9.999)],
        ["cancelled"],
        {"contacts_offered": 1, "contacts_abandoned_short": 1, "waits_abandoned_short": 1, "waits_ended": 1},
    ),
    (
        "where the policy of the queue calls anything a wait",
        [OPENED, at("queued", 5, queue="vip"), at("abandoned", 6)],
        ["cancelled"],
        {"contacts_offered": 1, "contacts_abandoned": 1, "waits_abandoned": 1},
    ),
    (
        "where the policy of the channel waits longer",
        [at("opened", 0, channel="chat"), at("queued", 0), at("abandoned", 9)],
        [],
        {"contacts_offered": 1, "contacts_abandoned_short": 1},
    ),
    (
        "the target of the queue",
        [OPENED, at("queued", 5, queue="vip"), at("answered", 16)],
        ["breached"],
        {"contacts_answered": 1, "waits_promised": 1},
    ),
    (
        "given up in the menu",
        [OPENED, at("abandoned", 45, in_ivr=True)],
        [],
        {"contacts_abandoned_ivr": 1},
    ),
    (
        "given up with no queue told",
        [OPENED, at("abandoned", 45)],
        [],
        {"contacts_offered": 1, "contacts_abandoned": 1, "waits_promised": 1},
    ),
    (
        "left the bot: nobody waited for a person",
        [at("opened", 0, channel="chat"), at("answered", 1, actor=BOT), at("abandoned", 45)],
        [],
        {"contacts_answered_any": 1},
    ),
    (
        "hung up while speaking",
        [OPENED, QUEUED, at("answered", 10), at("abandoned", 90)],
        ["met"],
        {"contacts_offered": 1, "contacts_answered": 1, "waits": 1, "waits_in_target": 1, "wait_ms": 5_000},
    ),
    (
        "abandoned, told twice",
        [OPENED, QUEUED, at("abandoned", 45), at("abandoned", 46)],
        ["breached"],
        {"contacts_offered": 1, "contacts_abandoned": 1, "waits": 1},
    ),
    (
        "abandoned, and reached later by us: it stays abandoned",
        [OPENED, QUEUED, at("abandoned", 45), at("answered", 3_000)],
        ["breached"],
        {"contacts_offered": 1, "contacts_abandoned": 1, "contacts_answered_any": 1},
    ),
    (
        "abandoned, and back in the queue",
        [OPENED, QUEUED, at("abandoned", 20), at("queued", 300), at("answered", 310)],
        ["cancelled", "met"],
        {"contacts_offered": 1, "contacts_abandoned": 1, "waits": 2, "waits_answered": 1, "waits_abandoned": 1,
         "waits_promised": 2, "waits_in_target": 1},
    ),
    (
        "resolved while it waited",
        [OPENED, QUEUED, at("resolved", 15)],
        ["cancelled"],
        {"contacts_offered": 1, "contacts_offered_ended": 1, "waits": 1, "waits_ended": 1},
    ),
    (
        "resolved when the answer was overdue",
        [OPENED, QUEUED, at("resolved", 60)],
        ["breached"],
        {"contacts_offered": 1, "contacts_offered_ended": 1, "waits_ended": 1, "waits_promised": 1},
    ),
    (
        "queued after all was over",
        [OPENED, at("resolved", 3), QUEUED],
        [],
        {"contacts_resolved": 1},
    ),
    (
        "an end that nobody told: unknown after a day",
        [OPENED, QUEUED],
        ["breached_open"],
        {"contacts_offered": 1, "waits": 1, "waits_unknown": 1},
    ),
    (
        "withdrawn",
        [OPENED, QUEUED, at("answered", 9), at("voided", 60)],
        ["cancelled"],
        {},
    ),
    (
        "a callback ends the wait, and is kept",
        [OPENED, QUEUED, callback(24), at("answered", 1_500), at("resolved", 1_800)],
        ["met"],
        {"contacts_offered": 1, "contacts_answered": 1, "contacts_answered_in_target": 1, "waits": 1, "waits_ended": 1,
         "waits_callback": 1, "waits_promised": 1, "waits_in_target": 1, "wait_ms": 19_000, "callback_met": 1},
    ),
    (
        "a callback that came too late to keep the answer",
        [OPENED, QUEUED, callback(300), at("answered", 1_500)],
        ["breached"],
        {"contacts_offered": 1, "contacts_answered": 1, "waits_callback": 1, "waits_promised": 1, "callback_met": 1},
    ),
    (
        "a callback that nobody makes",
        [OPENED, QUEUED, callback(24)],
        ["met"],
        {"contacts_offered": 1, "waits_callback": 1, "waits_promised": 1, "waits_in_target": 1,
         "contacts_answered_in_target": 1, "callback_breached": 1},
    ),
    (
        "the line is left with it: no abandonment, and the call is owed",
        [OPENED, QUEUED, callback(24), at("abandoned", 24.5), at("answered", 1_500)],
        ["met"],
        {"contacts_offered": 1, "contacts_answered": 1, "waits_callback": 1, "waits_in_target": 1, "callback_met": 1},
    ),
    (
        "the line is left a moment before the request is told",
        [OPENED, QUEUED, at("abandoned", 22.5), callback(24), at("answered", 1_500)],
        ["met"],
        {"contacts_offered": 1, "contacts_answered": 1, "waits_callback": 1, "waits_in_target": 1, "callback_met": 1,
         "wait_ms": 19_000},
    ),
    (
        "given up, and asked for a call from the web page an hour later",
        [OPENED, QUEUED, at("abandoned", 45), callback(3_600), at("answered", 4_000)],
        ["breached"],
        {"contacts_offered": 1, "contacts_abandoned": 1, "callback_met": 1},
    ),
    (
        "asked for with no queue told: the wait was until then",
        [OPENED, callback(15), at("answered", 1_500)],
        [],
        {"contacts_offered": 1, "contacts_answered": 1, "waits_callback": 1, "waits_in_target": 1, "wait_ms": 15_000},
    ),
    (
        "asked for on a form: nobody waited",
        [at("opened", 0, channel="web_form"), callback(0), at("answered", 1_500)],
        [],
        {"callback_met": 1, "contacts_answered_any": 1},
    ),
    (
        "the call goes through a queue again",
        [OPENED, QUEUED, callback(24), at("queued", 1_500), at("answered", 1_510)],
        ["met", "met"],
        {"contacts_offered": 1, "contacts_answered": 1, "waits": 2, "waits_answered": 2, "waits_in_target": 2,
         "callback_met": 1},
    ),
    (
        "an appointment, told as waiting for the customer, ends the wait too",
        [OPENED, QUEUED, at("waiting_customer", 24, reason="schedule"), at("answered", 1_500)],
        ["met"],
        {"contacts_offered": 1, "contacts_answered": 1, "waits_callback": 1, "waits_in_target": 1, "wait_ms": 19_000},
    ),
    (
        "any other wait for the customer does not",
        [OPENED, QUEUED, at("waiting_customer", 24, reason="info"), at("answered", 1_500)],
        ["breached"],
        {"contacts_answered": 1, "wait_ms": 1_495_000},
    ),
]  # fmt: skip
OF_WAITS: Final = frozenset({"wait_ms", "callback_met", "callback_breached"})
IDS = [case[0] for case in WAITS]


def numbers_of(views: Views) -> Numbers:
    """What is counted of waits, undecided ones too."""
    return {
        name: total
        for name, total in views.kpi_totals().items()
        if name.startswith(("waits", "contacts_offered", "contacts_answered", "contacts_abandoned")) or name in OF_WAITS
    }


@pytest.mark.parametrize(("name", "log", "states", "numbers"), WAITS, ids=IDS)
def test_a_wait(name: str, log: list[Happening], states: list[str], numbers: Numbers, pack: Rules) -> None:
    views = views_after(log, rules_=pack)
    assert [row["state"] for row in views.clocks() if row["metric"] == "answer"] == states
    found = views.kpi_totals()
    assert {each: found.get(each, 0) for each in numbers} == numbers
    unexpected = {"contacts_abandoned", "contacts_answered", "waits_undecided", "waits_unknown", "waits_in_target"}
    assert {each: found[each] for each in unexpected & found.keys() - numbers.keys()} == {}


@pytest.mark.parametrize("log", [case[1] for case in WAITS if len(case[1]) <= 5], ids=lambda log: str(len(log)))
def test_the_order_in_which_a_wait_is_told_changes_nothing(log: list[Happening], pack: Rules) -> None:
    expected = views_after(log, rules_=pack)
    for order in permutations(log):
        found = views_after(order, rules_=pack)
        assert (numbers_of(found), found.clocks()) == (numbers_of(expected), expected.clocks())


@pytest.mark.parametrize(("name", "log", "states", "numbers"), WAITS, ids=IDS)
def test_no_ratio_leaves_its_bounds_at_any_moment_in_any_minute_of_any_dimension(
    name: str, log: list[Happening], states: list[str], numbers: Numbers, pack: Rules
) -> None:
    feed, views = Feed(pack), Views()
    for happening in log:
        feed.feed(happening)
        views.insert(feed.checkpoint())
        assert_in_bounds(views)
    for until in (30 * SECOND, HOUR, DAY + MINUTE):
        feed.until(until)
        views.insert(feed.checkpoint())
        assert_in_bounds(views)


WAIT_RATIOS: Final = [kpi for kpi in KPIS if kpi.unit == "ratio" and kpi.anchor == "by_queueing"]


def assert_in_bounds(views: Views) -> None:
    for row in views.kpis():
        for kpi in WAIT_RATIOS:
            above, below = (sum(row[each.name] for each in side) for side in (kpi.numerator, kpi.denominator))
            assert 0 <= above <= below, (kpi.name, row)


def minutes_of(views: Views, name: str) -> dict[int, int]:
    return {row["minute"] - T0: row[name] for row in views.kpis() if row["dimension"] == "all" and row[name]}


def test_all_of_a_wait_counts_in_the_minute_of_its_queueing(pack: Rules) -> None:
    views = views_after([OPENED, QUEUED, *SECOND_QUEUE, at("answered", 720)], rules_=pack)
    for name in ("waits", "waits_ended", "waits_answered", "waits_promised"):
        assert minutes_of(views, name) == {0: 1, 2 * MINUTE: 1}, name


def test_a_wait_counts_for_the_queue_that_it_began_in(pack: Rules) -> None:
    views = views_after([OPENED, QUEUED, *SECOND_QUEUE, at("abandoned", 660)], rules_=pack)
    by_queue: dict[str, Counter[str]] = {}
    for row in views.kpis():
        if row["dimension"] == "queue":
            by_queue.setdefault(row["dimension_value"], Counter()).update(
                {name: row[name] for name in ("waits", "contacts_offered", "waits_abandoned", "waits_in_target")}
            )
    assert {queue: +numbers for queue, numbers in by_queue.items()} == {
        "sales": {"waits": 1, "contacts_offered": 1, "waits_in_target": 1},
        "billing": {"waits": 1, "waits_abandoned": 1},
    }
    assert [row["queue"] for row in views.clocks()] == ["sales", "billing"]
    assert views.case("C1")["queue"] == "billing"


def test_the_service_level_is_told_by_what_was_promised(pack: Rules) -> None:
    vip = [at("queued", 120, queue="vip"), at("answered", 135)]
    views = views_after([OPENED, QUEUED, at("answered", 15), *vip], rules_=pack)
    told = [
        (row["dimension_value"], row["waits_in_target"], row["waits_promised"])
        for row in views.kpis()
        if row["dimension"] == "target" and row["waits"]
    ]
    assert sorted(told) == [("answer 10s", 0, 1), ("answer 20s", 1, 1)]


def test_a_wait_counts_for_the_team_that_it_was_handed_on_to_though_one_moment_has_both(pack: Rules) -> None:
    first = at("opened", 0, org_unit="es/care/sales")
    views = views_after([first, QUEUED, *SECOND_QUEUE, at("abandoned", 660)], rules_=pack)
    abandoned = [(row["dimension_value"], row["waits_abandoned"]) for row in views.kpis() if row["dimension"] == "team"]
    assert [team for team, count in abandoned if count] == ["billing"]


AS_IT_STANDS: list[tuple[int, Numbers]] = [
    (9, {"waits": 1, "waits_undecided": 1}),
    (20, {"waits": 1, "waits_undecided": 1, "waits_ended": 1, "waits_answered": 1}),
    (31, {"waits": 1, "waits_ended": 1, "waits_answered": 1, "waits_promised": 1, "waits_in_target": 1}),
]


@pytest.mark.parametrize(("seconds", "numbers"), AS_IT_STANDS)
def test_a_wait_is_decided_for_the_service_level_at_its_target_though_it_was_answered_before(
    seconds: int, numbers: Numbers, pack: Rules
) -> None:
    feed, views = Feed(pack), Views()
    feed.feed(*[each for each in (OPENED, QUEUED, at("answered", 15)) if each.record_at <= T0 + seconds * SECOND])
    feed.until(seconds * SECOND)
    views.insert(feed.checkpoint())
    assert {name: total for name, total in numbers_of(views).items() if name.startswith("waits")} == numbers


def test_a_wait_that_nobody_ends_is_broken_at_its_target_and_unknown_after_a_day(pack: Rules) -> None:
    feed, views = Feed(pack), Views()
    feed.feed(OPENED, QUEUED)
    feed.until(31 * SECOND)
    views.insert(feed.checkpoint())
    assert numbers_of(views) == {"contacts_offered": 1, "waits": 1, "waits_undecided": 1, "waits_promised": 1}
    feed.until(DAY + 6 * SECOND)
    views.insert(feed.checkpoint())
    assert numbers_of(views) == {"contacts_offered": 1, "waits": 1, "waits_unknown": 1}


CALLBACKS: list[tuple[str, list[Happening], list[tuple[str, int]]]] = [
    ("as the policy says", [callback(40)], [("breached_open", 40 + 1_800)]),
    ("as the customer was told", [callback(40, "2025-11-24T02:00:00Z"), at("answered", 7_000)], [("met", 7_200)]),
    ("later than told", [callback(40, "2025-11-24T01:00:00Z"), at("answered", 7_000)], [("breached", 3_600)]),
    ("told when it was past", [callback(7_200, "2025-11-24T01:00:00Z")], [("breached_open", 7_200)]),
    ("by a message", [callback(40), at("agent_replied", 900, actor=HUMAN)], [("met", 1_840)]),
    ("a bot calls nobody", [callback(40), at("answered", 900, actor=BOT)], [("breached_open", 1_840)]),
    ("put off", [callback(40), callback(600, "2025-11-24T09:00:00Z"), at("answered", 30_000)],
     [("cancelled", 1_840), ("met", 32_400)]),
    ("put off when it was overdue", [callback(40), callback(3_600, "2025-11-24T09:00:00Z"), at("answered", 30_000)],
     [("breached", 1_840), ("met", 32_400)]),
    ("told twice", [callback(40, "2025-11-24T02:00:00Z"), callback(41, "2025-11-24T02:00:00Z"), at("answered", 900)],
     [("met", 7_200)]),
    ("told twice, as the policy says", [callback(40), callback(41), at("answered", 900)], [("met", 1_840)]),
    ("asked for again once it was made", [callback(40), at("answered", 900), callback(1_000), at("answered", 1_100)],
     [("met", 1_840), ("met", 2_800)]),
    ("resolved without it", [callback(40), at("resolved", 900)], [("cancelled", 1_840)]),
    ("spam", [callback(40), at("resolved", 900, resolution="spam")], [("cancelled", 1_840)]),
    ("back in the queue, and given up there", [callback(40), at("queued", 300), at("abandoned", 400)],
     [("breached_open", 1_840)]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "log", "clocks"), CALLBACKS, ids=[case[0] for case in CALLBACKS])
def test_a_callback_is_a_promise_of_its_own(
    name: str, log: list[Happening], clocks: list[tuple[str, int]], pack: Rules
) -> None:
    rows: list[Row] = views_after([OPENED, QUEUED, *log], rules_=pack).clocks()
    assert [(row["state"], (row["due_at"] - T0) // SECOND) for row in rows if row["metric"] == "callback"] == clocks


def test_a_callback_that_the_customer_was_told_the_time_of_says_so_instead_of_a_target(pack: Rules) -> None:
    views = views_after([OPENED, QUEUED, callback(40, "2025-11-24T02:00:00Z")], rules_=pack)
    assert views.clock("C1", "callback")["target"] == "as told"


def test_the_case_of_a_callback_is_ours_to_go_on_with(pack: Rules) -> None:
    views = views_after([OPENED, QUEUED, callback(24), at("abandoned", 25)], rules_=pack)
    assert views.case("C1")["state"] == "open"


def test_who_waits_now_is_a_gauge_by_queue_until_the_wait_ends_or_is_unknown(pack: Rules) -> None:
    feed = Feed(pack)
    feed.feed(OPENED, QUEUED)
    waiting = ("queue_length", "sales", "")
    assert feed.state.gauges[waiting] == 1
    assert feed.state.gauges.since[waiting] == {T0 + 5 * SECOND: 1}
    feed.feed(at("answered", 15))
    assert waiting not in feed.state.gauges
    feed.feed(at("queued", 120, queue="billing"))
    assert feed.state.gauges.since["queue_length", "billing", ""] == {T0 + 120 * SECOND: 1}
    feed.until(DAY + 121 * SECOND)
    assert "queue_length" not in {name for name, *_ in feed.state.gauges}
