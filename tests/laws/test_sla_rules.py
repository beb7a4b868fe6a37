"""The sixteen rules of SLA clocks, as tables of what people complain about in other products."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from processors.pipeline.step import EMPTY, step
from processors.rules import Rules
from schemas.topics import CONTACTS, INPUTS, SURVEYS
from tests.processors.feed import DAY, HOUR, MINUTE, SECOND, T0, Feed, Happening, event, rules
from tests.processors.views import Row, Views

MADRID = ZoneInfo("Europe/Madrid")
HUMAN, BOT = {"kind": "human"}, {"kind": "bot"}
CALENDARS = Path(__file__).parents[2] / "deploy" / "policies" / "calendars"
NIGHT = """\
calendar_id: night
version: "1"
zone: Europe/Madrid
weekly: {saturday: ["22:00-06:00"]}
"""


@dataclass(frozen=True)
class Office:
    """A pack in force."""

    rules: Rules

    def after(self, log: Sequence[Happening], until: int | None = None) -> Views:
        """The warehouse after a log, and the year that follows it, or until T0 + `until` ms."""
        feed, views = Feed(self.rules), Views()
        feed.feed(*log)
        last = max(happening.record_at for happening in log) - T0
        feed.until(last + 366 * DAY if until is None else until)
        views.insert(feed.checkpoint())
        return views


class Promising:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for path in CALENDARS.glob("*.yaml"):
            (folder / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
        (folder / "night.yaml").write_text(NIGHT, encoding="utf-8")

    def __call__(self, clocks: str) -> Office:
        pack = self.folder / "pack" / "p.yaml"
        pack.parent.mkdir(exist_ok=True)
        pack.write_text(f'policy_id: p\nversion: "1"\nclocks:\n{clocks}', encoding="utf-8")
        return Office(rules(policies=(pack,), calendars=self.folder))


@pytest.fixture
def promising(tmp_path: Path) -> Promising:
    return Promising(tmp_path)


def at(local: str) -> int:
    """ms after T0 of a moment in Madrid."""
    return round(datetime.fromisoformat(local).replace(tzinfo=MADRID).timestamp() * 1000) - T0


def local(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, MADRID).isoformat(sep=" ", timespec="minutes")[:16]


def opened(when: int = 0, entity: str = "C1", **fields: Any) -> Happening:
    said: dict[str, Any] = {"direction": "inbound", "channel": "email", "priority": "normal", "seq": 0, **fields}
    return event("contact.opened", entity, when, **said)


def contact(what: str, when: int, entity: str = "C1", **fields: Any) -> Happening:
    return event(f"contact.{what}", entity, when, **fields)


def complaint(what: str, when: int, **fields: Any) -> Happening:
    return event(f"complaint.{what}", "R1", when, **fields)


def claim(when: int = 0, **fields: Any) -> Happening:
    return complaint("opened", when, **{"kind": "claim", "channel": "post", "seq": 0, **fields})


def shown(row: Row, *names: str) -> dict[str, Any]:
    return {name: row[name] for name in names}


def clocks_of(views: Views, metric: str, entity: str = "C1") -> list[Row]:
    mine = [row for row in views.clocks() if (row["entity_id"], row["metric"]) == (entity, metric)]
    return sorted(mine, key=lambda row: int(row["instance"]))


# The vectors

SPLIT = "calendar: es-madrid-split"
DUE = [
    (1, "2026-11-24 10:00", f"target: 2h, {SPLIT}", "2026-11-24 12:00"),
    (2, "2026-11-24 13:30", f"target: 1h, {SPLIT}", "2026-11-24 16:30"),
    (3, "2026-11-27 18:00", f"target: 1h, {SPLIT}", "2026-11-30 09:30"),
    (4, "2026-11-25 07:00", f"target: 2h, {SPLIT}", "2026-11-25 11:00"),
    (5, "2026-11-24 14:30", f"target: 30min, {SPLIT}", "2026-11-24 16:30"),
    (6, "2026-12-07 18:00", f"target: 2h, {SPLIT}", "2026-12-09 10:30"),
    (7, "2026-11-24 17:30", f"target: 1h, {SPLIT}", "2026-11-24 18:30"),
    (8, "2026-11-24 18:30", f"target: 1h, {SPLIT}", "2026-11-25 10:00"),
    (9, "2026-11-28 12:00", f"target: 1h, {SPLIT}", "2026-11-30 10:00"),
    (10, "2026-10-25 00:30", "target: 4h, calendar: always", "2026-10-25 03:30"),
    (11, "2027-03-28 00:30", "target: 4h, calendar: always", "2027-03-28 05:30"),
    (12, "2026-10-24 23:00", "target: 4h, calendar: night", "2026-10-25 02:00"),
    (17, "2026-11-23 10:00", f"working_days: 15, {SPLIT}", "2026-12-15 23:59"),
    (18, "2026-11-27 23:50", f"working_days: 15, {SPLIT}", "2026-12-21 23:59"),
    (18, "2026-11-28 10:00", f"working_days: 15, {SPLIT}", "2026-12-21 23:59"),
    (19, "2026-12-15 10:00", f"working_days: 15, {SPLIT}", "2027-01-08 23:59"),
]


@pytest.mark.parametrize(("vector", "start", "target", "due"), DUE, ids=[f"{case[0]} {case[1]}" for case in DUE])
def test_vectors_without_pauses(promising: Promising, vector: int, start: str, target: str, due: str) -> None:
    row = promising(f"  resolve: [{{{target}}}]\n").after([opened(at(start))]).clock("C1", "resolve")
    assert local(row["due_at"]) == due, vector
    assert row["state"] == "breached_open"


def test_vector_12_is_the_second_two_o_clock(promising: Promising) -> None:
    row = promising("  resolve: [{target: 4h, calendar: night}]\n").after([opened(at("2026-10-24 23:00"))])
    assert row.clock("C1", "resolve")["due_at"] - T0 - at("2026-10-24 23:00") == 4 * HOUR


def test_vector_13_what_is_left_after_a_weekend_is_business_time(promising: Promising) -> None:
    start, end, again = at("2026-11-27 18:00"), at("2026-11-30 10:00"), at("2026-12-01 09:00")
    log = [opened(start), contact("resolved", end), contact("reopened", again)]
    rows = clocks_of(promising(f"  resolve: [{{target: 4h, {SPLIT}}}]\n").after(log), "resolve")
    assert [row["target_ms"] for row in rows] == [4 * HOUR, 2.5 * HOUR]


@pytest.mark.parametrize(
    ("vector", "reply", "due"),
    [(14, "2026-11-25 09:30", "2026-11-25 12:30"), (15, "2026-11-28 20:00", "2026-11-30 12:00")],
)
def test_vectors_with_a_pause(promising: Promising, vector: int, reply: str, due: str) -> None:
    log = [
        opened(at("2026-11-24 10:00")),
        contact("waiting_customer", at("2026-11-24 11:00"), reason="info"),
        contact("customer_replied", at(reply)),
    ]
    row = promising(f"  resolve: [{{target: 4h, {SPLIT}, pausable: true}}]\n").after(log).clock("C1", "resolve")
    assert local(row["due_at"]) == due, vector
    assert row["paused_ms"] == at(reply) - at("2026-11-24 11:00"), "elapsed, as the customer felt it"


def test_vector_16_a_deadline_that_is_past_when_the_priority_is_raised(promising: Promising) -> None:
    office = promising(f"  resolve: [{{when: {{priority: [urgent]}}, target: 2h, {SPLIT}}}, {{target: 8h, {SPLIT}}}]\n")
    start, raised = opened(at("2026-11-24 10:00")), at("2026-11-24 12:30")
    row = office.after([start]).clock("C1", "resolve")
    assert (local(row["due_at"]), row["retroactive"]) == ("2026-11-25 10:30", 0)
    change = contact("priority_changed", raised, **{"from": "normal", "to": "urgent"})
    row = office.after([start, change]).clock("C1", "resolve")
    assert (local(row["due_at"]), row["retroactive"]) == ("2026-11-24 12:45", 1)


# 1-4: deadlines are data, time alone breaks them, the moment counts

URGENT = "  resolve: [{target: 4h, grace: 60s}]\n"


def test_rules_1_2_quiet_sunday_a_clock_breaches_within_a_second_and_the_grace_with_no_traffic(
    promising: Promising,
) -> None:
    feed, views = Feed(promising(URGENT).rules), Views()
    feed.feed(opened())
    feed.until(4 * HOUR + MINUTE)
    views.insert(feed.checkpoint())
    assert views.clock("C1", "resolve")["state"] == "running", "within the grace"
    told = feed.until(4 * HOUR + MINUTE + SECOND)
    views.insert(feed.checkpoint())
    assert views.clock("C1", "resolve")["state"] == "breached_open"
    assert [(incident.pattern, state) for incident, state in told.incidents if incident.pattern == "P02"] == [
        ("P02", "opened")
    ]
    again = feed.until(4 * HOUR + 2 * MINUTE)
    assert not [incident for incident, _ in again.incidents], "told once"


DEADLINES = [
    ("as soon as it starts", [], 4.0),
    ("raised", [contact("priority_changed", HOUR, **{"from": "normal", "to": "urgent"})], 2.0),
    ("paused: as if nobody ever ended it", [contact("waiting_customer", HOUR, reason="info")], 124.0),
    ("resumed", [contact("waiting_customer", HOUR, reason="info"), contact("resumed", 90 * MINUTE)], 4.5),
]


@pytest.mark.parametrize(("complaint", "log", "due"), DEADLINES, ids=[case[0] for case in DEADLINES])
def test_rule_1_the_deadline_is_written_when_it_changes_long_before_it_passes(
    promising: Promising, complaint: str, log: list[Happening], due: float
) -> None:
    office = promising("  resolve: [{when: {priority: [urgent]}, target: 2h}, {target: 4h, pausable: true}]\n")
    row = office.after([opened(), *log], until=100 * MINUTE).clock("C1", "resolve")
    assert (row["due_at"] - T0) / HOUR == due, complaint


def test_rule_2_a_pause_that_nobody_ended_ends_and_then_breaches_with_no_traffic(promising: Promising) -> None:
    feed, views = Feed(promising("  resolve: [{target: 4h, pausable: true, max_pause: 2d}]\n").rules), Views()
    feed.feed(opened(), contact("waiting_customer", HOUR, reason="info"))
    for until, state in [
        (HOUR + 2 * DAY + MINUTE, "paused"),
        (HOUR + 2 * DAY + MINUTE + SECOND, "running"),
        (4 * HOUR + 2 * DAY + MINUTE, "running"),
        (4 * HOUR + 2 * DAY + MINUTE + SECOND, "breached_open"),
    ]:
        feed.until(until)
        views.insert(feed.checkpoint())
        assert views.clock("C1", "resolve")["state"] == state
    assert views.clock("C1", "resolve")["paused_ms"] == 2 * DAY


@pytest.mark.parametrize(
    ("complaint", "read", "state"),
    [
        ("everything is read, and the wall clock holds", INPUTS, "breached_open"),
        ("a topic that nobody has read yet holds time back", (CONTACTS, SURVEYS), "running"),
        ("a lagging consumer declares no breach", (), "running"),
    ],
)
def test_rule_3_which_now(promising: Promising, complaint: str, read: tuple[str, ...], state: str) -> None:
    feed, views = Feed(promising(URGENT).rules), Views()
    feed.feed(opened())
    for topic in read:
        feed.state.advance_watermark(topic, T0 + 9 * HOUR)
    step(feed.state, EMPTY, feed.state.now)
    views.insert(feed.checkpoint())
    assert views.clock("C1", "resolve")["state"] == state, complaint


def test_rule_3_no_breach_is_told_of_a_case_that_the_unread_log_has_solved(promising: Promising) -> None:
    feed = Feed(promising(URGENT).rules)
    told = [*feed.feed(opened()).incidents, *feed.feed(contact("resolved", 3 * HOUR)).incidents]
    told += feed.until(9 * DAY).incidents
    assert {(incident.pattern, transition) for incident, transition in told} <= {("P01", "opened"), ("P01", "closed")}


@pytest.mark.parametrize(
    ("complaint", "arrives", "state", "retracted"),
    [
        ("in time, heard of in time", 4 * HOUR, "met", 0),
        ("in time, heard of within the grace", 4 * HOUR + MINUTE, "met", 0),
        ("in time, heard of when it was announced", 4 * HOUR + MINUTE + 1, "met", 1),
    ],
)
def test_rule_4_the_moment_counts_not_the_arrival(
    promising: Promising, complaint: str, arrives: int, state: str, retracted: int
) -> None:
    row = promising(URGENT).after([opened(), contact("resolved", 4 * HOUR, arrives=arrives)]).clock("C1", "resolve")
    assert (row["state"], row["retracted"]) == (state, retracted), complaint


RESOLVED = contact("resolved", HOUR, seq=1)
ORDERS = [
    ("the stop was read first", [RESOLVED, opened(arrives=HOUR + SECOND)], ["met"]),
    ("the opening came a day late", [RESOLVED, opened(arrives=20 * HOUR)], ["met"]),
    ("a stop that has no start promises nothing", [RESOLVED], []),
    ("read twice", [opened(), opened(), RESOLVED, RESOLVED], ["met"]),
    ("at one moment the sequence number decides",
     [opened(), contact("reopened", HOUR, seq=2, reason="not_fixed"), RESOLVED], ["met", "breached_open"]),
    ("at one moment, in the other order",
     [opened(), RESOLVED, contact("reopened", HOUR, seq=2, reason="not_fixed")], ["met", "breached_open"]),
]  # fmt: skip


@pytest.mark.parametrize(("complaint", "log", "states"), ORDERS, ids=[case[0] for case in ORDERS])
def test_rule_5_out_of_order(promising: Promising, complaint: str, log: list[Happening], states: list[str]) -> None:
    assert [row["state"] for row in clocks_of(promising(URGENT).after(log), "resolve")] == states, complaint


OFFICE_HOURS = [
    ("no lunch hours", "2026-11-24 13:30", f"target: 1h, {SPLIT}", "2026-11-24 16:30"),
    ("opened during lunch", "2026-11-24 14:30", f"target: 30min, {SPLIT}", "2026-11-24 16:30"),
    ("the night is counted", "2026-11-24 18:00", f"target: 1h, {SPLIT}", "2026-11-25 09:30"),
    ("the weekend is counted", "2026-11-27 18:00", f"target: 1h, {SPLIT}", "2026-11-30 09:30"),
    ("a holiday is counted", "2026-12-07 18:00", f"target: 1h, {SPLIT}", "2026-12-09 09:30"),
    ("an hour too much when clocks go back", "2026-10-25 00:30", "target: 4h, calendar: always", "2026-10-25 03:30"),
    ("a shift across midnight", "2026-11-28 23:00", "target: 3h, calendar: night", "2026-11-29 02:00"),
]
WORKING_DAYS = [
    ("the day of receipt counts", "2026-11-23 08:00", 1, "2026-11-24 23:59"),
    ("due at the hour of receipt", "2026-11-24 08:00", 2, "2026-11-26 23:59"),
    ("a minute before midnight is another day", "2026-11-24 23:59", 1, "2026-11-25 23:59"),
    ("Saturday counts", "2026-11-27 10:00", 1, "2026-11-30 23:59"),
    ("received on a Sunday", "2026-11-29 10:00", 1, "2026-11-30 23:59"),
    ("a holiday counts", "2026-12-07 10:00", 1, "2026-12-09 23:59"),
]


@pytest.mark.parametrize(("complaint", "start", "target", "due"), OFFICE_HOURS, ids=[case[0] for case in OFFICE_HOURS])
def test_rule_6_office_hours(promising: Promising, complaint: str, start: str, target: str, due: str) -> None:
    row = promising(f"  resolve: [{{{target}}}]\n").after([opened(at(start))]).clock("C1", "resolve")
    assert local(row["due_at"]) == due, complaint


@pytest.mark.parametrize(("complaint", "start", "days", "due"), WORKING_DAYS, ids=[case[0] for case in WORKING_DAYS])
def test_rule_7_working_days(promising: Promising, complaint: str, start: str, days: int, due: str) -> None:
    office = promising(f"  resolve: [{{working_days: {days}, {SPLIT}}}]\n")
    assert local(office.after([opened(at(start))]).clock("C1", "resolve")["due_at"]) == due, complaint


def test_rule_6_hours_that_change_apply_to_clocks_that_start_after_it(promising: Promising) -> None:
    text = (CALENDARS / "es-madrid-split.yaml").read_text(encoding="utf-8")
    night = text.replace('version: "1"', 'version: "2"\nvalid_from: 2026-11-25T00:00:00Z')
    (promising.folder / "later.yaml").write_text(night.replace("09:00-14:00", "08:00-14:00"), encoding="utf-8")
    office = promising(f"  resolve: [{{target: 8h, {SPLIT}}}]\n")
    before = office.after([opened(at("2026-11-24 10:00"))]).clock("C1", "resolve")
    after = office.after([opened(at("2026-11-25 10:00"))]).clock("C1", "resolve")
    assert (local(before["due_at"]), local(after["due_at"])) == ("2026-11-25 10:30", "2026-11-26 09:30")


# 8: pauses

PAUSABLE = "  resolve: [{target: 4h, pausable: true, pause_reasons: [info, evidence], max_pause: 5d}]\n"
WAITS = contact("waiting_customer", HOUR, reason="info")
PAUSES = [
    ("paused but ticking", [WAITS, contact("resumed", 9 * HOUR)], 12, 8, "breached_open"),
    ("resumes on the reply whatever the flag says", [WAITS, contact("customer_replied", 2 * HOUR)], 5, 1,
     "breached_open"),
    ("a reason that does not count", [contact("waiting_customer", HOUR, reason="schedule")], 4, 0, "breached_open"),
    ("no reason at all", [contact("waiting_customer", HOUR)], 4, 0, "breached_open"),
    ("a third party", [contact("waiting_third_party", HOUR, reason="evidence"), contact("resumed", 2 * HOUR)], 5, 1,
     "breached_open"),
    ("breached shown as paused", [contact("waiting_customer", 5 * HOUR, reason="info")], 4, 0, "breached_open"),
    ("paused twice at once",
     [WAITS, contact("waiting_customer", 2 * HOUR, reason="info"), contact("resumed", 3 * HOUR)], 6, 2,
     "breached_open"),
    ("a forgotten pause", [WAITS], 4 + 120, 120, "breached_open"),
    ("a reply after a forgotten pause changes nothing", [WAITS, contact("customer_replied", 122 * HOUR)], 124, 120,
     "breached_open"),
    ("paused again after a forgotten one",
     [WAITS, contact("waiting_customer", 122 * HOUR, reason="info"), contact("resumed", 123 * HOUR)], 125, 121,
     "breached_open"),
    ("resolved while it waits", [WAITS, contact("resolved", 50 * HOUR)], 53, 49, "met"),
    ("an agent's reply does not resume", [WAITS, contact("agent_replied", 2 * HOUR, actor=HUMAN),
     contact("resumed", 3 * HOUR)], 6, 2, "breached_open"),
    ("a change of priority keeps the pause",
     [WAITS, contact("priority_changed", 2 * HOUR, **{"from": "normal", "to": "low"}), contact("resumed", 3 * HOUR)],
     6, 2, "breached_open"),
]  # fmt: skip


@pytest.mark.parametrize(("complaint", "log", "due", "paused", "state"), PAUSES, ids=[case[0] for case in PAUSES])
def test_rule_8_pauses(
    promising: Promising, complaint: str, log: list[Happening], due: int, paused: int, state: str
) -> None:
    row = promising(PAUSABLE).after([opened(), *log]).clock("C1", "resolve")
    assert (row["due_at"] - T0) / HOUR == due
    assert (row["paused_ms"] / HOUR, row["state"]) == (paused, state)


def test_rule_8_a_forgotten_pause_that_ends_on_a_saturday_leaves_the_time_of_monday(promising: Promising) -> None:
    office = promising(f"  resolve: [{{target: 4h, {SPLIT}, pausable: true, max_pause: 4d}}]\n")
    log = [opened(at("2026-11-24 10:00")), contact("waiting_customer", at("2026-11-24 11:00"), reason="info")]
    row = office.after(log).clock("C1", "resolve")
    assert (local(row["due_at"]), row["paused_ms"], row["state"]) == ("2026-11-30 12:00", 4 * DAY, "breached_open")


def test_rule_8_a_paused_clock_says_so_and_a_breached_one_never_does(promising: Promising) -> None:
    office = promising(PAUSABLE)
    assert office.after([opened(), WAITS], until=2 * HOUR).clock("C1", "resolve")["state"] == "paused"
    late = contact("waiting_customer", 4 * HOUR + 1, reason="info")
    assert office.after([opened(), late], until=5 * HOUR).clock("C1", "resolve")["state"] == "breached_open"


@pytest.mark.parametrize(
    ("complaint", "log", "illegitimate"),
    [
        ("nobody waits for us", [WAITS, contact("resumed", 5 * HOUR)], 0),
        (
            "paused with a message unanswered",
            [contact("customer_replied", MINUTE), WAITS, contact("resumed", 3 * HOUR)],
            2,
        ),
        (
            "answered during the pause",
            [
                contact("customer_replied", MINUTE),
                WAITS,
                contact("agent_replied", 2 * HOUR, actor=HUMAN),
                contact("resumed", 5 * HOUR),
            ],
            1,
        ),
        (
            "answered by a bot is not answered",
            [
                contact("customer_replied", MINUTE),
                WAITS,
                contact("agent_replied", 2 * HOUR, actor=BOT),
                contact("resumed", 5 * HOUR),
            ],
            4,
        ),
        (
            "answered before the pause",
            [contact("customer_replied", MINUTE), contact("agent_replied", 2 * MINUTE, actor=HUMAN), WAITS],
            0,
        ),
        ("forgotten with a message unanswered", [contact("customer_replied", MINUTE), WAITS], 120),
    ],
)
def test_rule_8_time_paused_while_the_customer_waited_is_measured(
    promising: Promising, complaint: str, log: list[Happening], illegitimate: int
) -> None:
    row = promising(PAUSABLE).after([opened(), *log]).clock("C1", "resolve")
    assert row["illegitimate_pause_ms"] == illegitimate * HOUR, complaint


def test_rule_8_a_legal_clock_never_pauses(promising: Promising) -> None:
    office = promising("  final_response: [{working_days: 15, calendar: es-working-days, legal: true}]\n")
    plain = office.after([claim()]).clock("R1", "final_response")
    waiting = office.after([claim(), complaint("waiting_customer", HOUR, reason="info")]).clock("R1", "final_response")
    assert plain == waiting


# First and next response, updates, a person on request

RESPONSES = "  first_response: [{target: 8h}]\n  next_response: [{target: 2h}]\n"
FIRST = contact("agent_replied", HOUR, actor=HUMAN)
NEXT = [
    ("nobody wrote", [FIRST], []),
    ("answered in time",
     [FIRST, contact("customer_replied", 2 * HOUR), contact("agent_replied", 3 * HOUR, actor=HUMAN)], ["met"]),
    ("nobody answers", [FIRST, contact("customer_replied", 2 * HOUR)], ["breached_open"]),
    ("next response eternal after thanks",
     [FIRST, contact("customer_replied", 2 * HOUR), contact("resolved", 30 * HOUR)], ["cancelled"]),
    ("thanks after the resolution", [FIRST, contact("resolved", 2 * HOUR), contact("customer_replied", 3 * HOUR)], []),
    ("a second message does not start it anew",
     [FIRST, contact("customer_replied", 2 * HOUR), contact("customer_replied", 3 * HOUR),
      contact("agent_replied", 4 * HOUR + 1, actor=HUMAN)], ["breached"]),
    ("a bot answers", [FIRST, contact("customer_replied", 2 * HOUR), contact("agent_replied", 3 * HOUR, actor=BOT)],
     ["breached_open"]),
    ("an internal note answers nobody",
     [FIRST, contact("customer_replied", 2 * HOUR), contact("agent_replied", 3 * HOUR, actor=HUMAN, public=False)],
     ["breached_open"]),
    ("each run of messages is one promise",
     [FIRST, contact("customer_replied", 2 * HOUR), contact("agent_replied", 3 * HOUR, actor=HUMAN),
      contact("customer_replied", 9 * HOUR), contact("agent_replied", 12 * HOUR, actor=HUMAN)], ["met", "breached"]),
    ("while the first response is owed it is the promise", [contact("customer_replied", HOUR)], []),
    ("reopened by a message", [FIRST, contact("resolved", 2 * HOUR), contact("customer_replied", 3 * HOUR),
     contact("reopened", 3 * HOUR + SECOND, reason="customer_reply")], ["breached_open"]),
]  # fmt: skip


@pytest.mark.parametrize(("complaint", "log", "states"), NEXT, ids=[case[0] for case in NEXT])
def test_rule_9_next_response(promising: Promising, complaint: str, log: list[Happening], states: list[str]) -> None:
    views = promising(RESPONSES).after([opened(), *log])
    assert [row["state"] for row in clocks_of(views, "next_response")] == states


def test_rule_9_a_next_response_never_hides_an_unmet_first_one(promising: Promising) -> None:
    log = [opened(), contact("customer_replied", HOUR), contact("customer_replied", 7 * HOUR)]
    (first,) = clocks_of(promising(RESPONSES).after(log), "first_response")
    assert (first["state"], first["due_at"]) == ("breached_open", T0 + 8 * HOUR)


@pytest.mark.parametrize(
    ("complaint", "log", "states"),
    [
        ("first response by a bot", [contact("agent_replied", HOUR, actor=BOT)], ["breached_open"]),
        (
            "5 days instead of 10 minutes: reopened after only a bot had a part",
            [
                contact("answered", SECOND, actor=BOT),
                contact("resolved", MINUTE, actor=BOT),
                contact("reopened", 5 * DAY),
                contact("agent_replied", 5 * DAY + 10 * MINUTE, actor=HUMAN),
            ],
            ["cancelled", "met"],
        ),
        (
            "reopened after a person had answered: no second first response",
            [FIRST, contact("resolved", 2 * HOUR), contact("reopened", DAY)],
            ["met"],
        ),
        (
            "reopened after a person had solved it without a word",
            [contact("resolved", 2 * HOUR, actor=HUMAN), contact("reopened", DAY)],
            ["cancelled"],
        ),
    ],
)
def test_rule_11_first_response(promising: Promising, complaint: str, log: list[Happening], states: list[str]) -> None:
    views = promising(RESPONSES).after([opened(), *log])
    assert [row["state"] for row in clocks_of(views, "first_response")] == states, complaint


def test_k09_counts_from_the_reopening_that_a_person_first_saw(promising: Promising) -> None:
    log = [opened(), contact("resolved", MINUTE, actor=BOT), contact("reopened", 5 * DAY)]
    views = promising(RESPONSES).after([*log, contact("agent_replied", 5 * DAY + 10 * MINUTE, actor=HUMAN)])
    (row,) = (row for row in views.kpis() if row["dimension"] == "all" and row["first_response_ms"])
    assert row["first_response_ms"] == 10 * MINUTE


def test_updates_are_owed_again_after_each_one(promising: Promising) -> None:
    log = [claim(), complaint("progress_sent", 6 * DAY), complaint("progress_sent", 14 * DAY)]
    views = promising("  update_every: [{target: 7d}]\n").after(
        [*log, complaint("resolved", 15 * DAY, outcome="upheld")]
    )
    rows = clocks_of(views, "update_every", "R1")
    assert [(row["state"], (row["started_at"] - T0) // DAY) for row in rows] == [
        ("met", 0),
        ("breached", 6),
        ("cancelled", 14),
    ]


@pytest.mark.parametrize(
    ("complaint", "log", "states"),
    [
        ("a person within three minutes", [contact("answered", 4 * MINUTE, actor=HUMAN)], ["met"]),
        ("another bot", [contact("answered", 4 * MINUTE, actor=BOT)], ["breached_open"]),
        ("asked twice is one promise", [contact("human_requested", 3 * MINUTE)], ["breached_open"]),
        ("gave up in time", [contact("abandoned", 2 * MINUTE)], ["cancelled"]),
        ("gave up when it was too late", [contact("abandoned", 9 * MINUTE)], ["breached"]),
    ],
)
def test_a_person_on_request(promising: Promising, complaint: str, log: list[Happening], states: list[str]) -> None:
    views = promising("  human_on_request: [{target: 180s}]\n").after(
        [opened(channel="bot"), contact("human_requested", MINUTE), *log]
    )
    assert [row["state"] for row in clocks_of(views, "human_on_request")] == states, complaint


def survey(what: str, when: int, **fields: Any) -> Happening:
    return event(f"survey.{what}", "S1", when, **fields)


def nps(score: int, when: int = 0) -> Happening:
    return survey("answered", when, kind="nps", mode="email", score=score)


INVITED = survey("invited", 0, kind="nps", mode="email", expires_at="2025-11-26T00:00:00Z")
CALLED = survey("followup_contacted", 40 * HOUR, owner="ana")


@pytest.mark.parametrize(
    ("complaint", "log", "states"),
    [
        ("content: nobody has to call", [nps(9)], []),
        ("unhappy, and called", [nps(3), CALLED], ["met"]),
        ("unhappy, and called too late", [nps(3), survey("followup_contacted", 49 * HOUR, owner="ana")], ["breached"]),
        ("unhappy, and forgotten", [nps(3)], ["breached_open"]),
        ("unhappy, then content", [nps(3), nps(10, HOUR)], ["cancelled"]),
        ("content, then unhappy", [nps(10), nps(3, HOUR)], ["breached_open"]),
        ("after it expired nobody is asked", [INVITED, nps(3, 3 * DAY)], []),
        (
            "low effort is good, high effort is bad",
            [survey("answered", 0, kind="ces", mode="email", score=7, direction="effort")],
            ["breached_open"],
        ),
    ],
)
def test_an_unhappy_answer_is_followed_up(
    promising: Promising, complaint: str, log: list[Happening], states: list[str]
) -> None:
    views = promising("  follow_up: [{target: 48h}]\n").after(log)
    assert [row["state"] for row in clocks_of(views, "follow_up", "S1")] == states, complaint


# 10: priority and class

CLASSES = """\
  resolve:
    - {when: {kind: [praise]}}
    - {when: {priority: [urgent]}, target: 2h, grace_on_escalation: 30min}
    - {when: {priority: [low]}, target: 40h}
    - {target: 8h}
"""


def raised(when: int, to: str = "urgent") -> Happening:
    return contact("priority_changed", when, **{"from": "normal", "to": to})


PRIORITIES = [
    ("raised in time: from the original start", [raised(HOUR)], 2.0, 0),
    ("raised at its deadline", [raised(2 * HOUR)], 2.0, 0),
    ("punished for a promotion", [raised(3 * HOUR)], 3.5, 1),
    ("lowered: the time used stays used", [raised(HOUR, "low")], 40.0, 0),
    ("escapes by demotion", [raised(9 * HOUR, "low")], 8.0, 0),
    ("raised when it was broken already", [raised(9 * HOUR)], 8.0, 0),
    ("there and back", [raised(HOUR), raised(HOUR + MINUTE, "normal")], 8.0, 0),
    ("raised late, and lowered again", [raised(3 * HOUR), raised(3 * HOUR + MINUTE, "normal")], 8.0, 0),
]


@pytest.mark.parametrize(("complaint", "log", "due", "retroactive"), PRIORITIES, ids=[case[0] for case in PRIORITIES])
def test_rule_10_priority(
    promising: Promising, complaint: str, log: list[Happening], due: float, retroactive: int
) -> None:
    row = promising(CLASSES).after([opened(), *log]).clock("C1", "resolve")
    assert ((row["due_at"] - T0) / HOUR, row["retroactive"]) == (due, retroactive)


def test_rule_10_a_promotion_that_is_dealt_with_at_once_is_met_and_reported_apart(promising: Promising) -> None:
    log = [opened(), raised(3 * HOUR), contact("resolved", 3 * HOUR + 20 * MINUTE)]
    assert shown(promising(CLASSES).after(log).clock("C1", "resolve"), "state", "retroactive") == {
        "state": "met",
        "retroactive": 1,
    }


@pytest.mark.parametrize(
    ("complaint", "to", "due"), [("no longer", "low", 10), ("but shorter", "urgent", 1), ("by class it may", None, 20)]
)
def test_rule_10_a_legal_clock_never_gets_longer_by_priority(
    promising: Promising, complaint: str, to: str | None, due: int
) -> None:
    office = promising("""\
  final_response:
    - {when: {topic_class: [general]}, target: 20h, legal: true}
    - {when: {priority: [urgent]}, target: 1h, legal: true}
    - {when: {priority: [low]}, target: 99h, legal: true}
    - {target: 10h, legal: true}
""")
    change = (
        complaint_event("priority_changed", **{"from": "normal", "to": to})
        if to
        else complaint_event("reclassified", topic_class="general")
    )
    row = office.after([claim(), change]).clock("R1", "final_response")
    assert (row["due_at"] - T0) / HOUR == due, complaint


def complaint_event(what: str, **fields: Any) -> Happening:
    return complaint(what, 30 * MINUTE, **fields)


def test_rule_10_what_becomes_a_claim_is_promised_from_its_receipt(promising: Promising) -> None:
    log = [claim(kind="praise"), complaint("reclassified", HOUR, kind="claim")]
    row = promising(CLASSES).after(log).clock("R1", "resolve")
    assert shown(row, "started_at", "due_at") == {"started_at": T0, "due_at": T0 + 8 * HOUR}


def test_rule_10_what_becomes_praise_is_owed_no_more(promising: Promising) -> None:
    log = [claim(), complaint("reclassified", HOUR, kind="praise")]
    assert promising(CLASSES).after(log).clock("R1", "resolve")["state"] == "cancelled"


def test_rule_10_a_pack_may_keep_the_target_of_the_start(promising: Promising) -> None:
    office = promising(
        "  resolve: [{when: {priority: [urgent]}, target: 2h}, {target: 8h, on_priority_change: keep}]\n"
    )
    assert office.after([opened(), raised(HOUR)]).clock("C1", "resolve")["due_at"] == T0 + 8 * HOUR


# 11: reopening

REOPENED = [contact("resolved", HOUR), contact("reopened", 100 * HOUR)]
REOPENING = [
    ("closed time is added", "continue", REOPENED, [("met", 4), ("breached_open", 103)]),
    ("all of it again", "restart", REOPENED, [("met", 4), ("breached_open", 104)]),
    ("reopened clocks that nobody asked for", "none", REOPENED, [("met", 4)]),
    ("a breach stays a breach", "continue", [contact("resolved", 5 * HOUR), contact("reopened", 6 * HOUR)],
     [("breached", 4)]),
    ("a breach stays one, and the next try has its own", "restart",
     [contact("resolved", 5 * HOUR), contact("reopened", 6 * HOUR)], [("breached", 4), ("breached_open", 10)]),
    ("twice", "continue", [*REOPENED, contact("resolved", 102 * HOUR), contact("reopened", 200 * HOUR)],
     [("met", 4), ("met", 103), ("breached_open", 201)]),
]  # fmt: skip


@pytest.mark.parametrize(("complaint", "setting", "log", "clocks"), REOPENING, ids=[case[0] for case in REOPENING])
def test_rule_11_reopening(
    promising: Promising, complaint: str, setting: str, log: list[Happening], clocks: list[tuple[str, int]]
) -> None:
    views = promising(f"  resolve: [{{target: 4h, on_reopen: {setting}}}]\n").after([opened(), *log])
    assert [(row["state"], (row["due_at"] - T0) // HOUR) for row in clocks_of(views, "resolve")] == clocks


def test_rule_11_what_was_paused_before_is_not_counted_after(promising: Promising) -> None:
    log = [opened(), WAITS, contact("resumed", 3 * HOUR), contact("resolved", 4 * HOUR), contact("reopened", 50 * HOUR)]
    first, second = clocks_of(promising(PAUSABLE).after(log), "resolve")
    assert (first["paused_ms"], second["paused_ms"]) == (2 * HOUR, 0)
    assert (second["target_ms"], second["due_at"]) == (2 * HOUR, T0 + 52 * HOUR)


# 12: merge, void, spam

MERGED = [
    opened(0, "C1"),
    opened(2 * HOUR, "C2"),
    contact("merged", 3 * HOUR, "C1", into="C2"),
]


def test_rule_12_the_survivor_keeps_the_earliest_start(promising: Promising) -> None:
    views = promising("  resolve: [{target: 8h}]\n").after(MERGED)
    assert views.clock("C1", "resolve")["state"] == "cancelled"
    assert shown(views.clock("C2", "resolve"), "started_at", "due_at", "retroactive") == {
        "started_at": T0,
        "due_at": T0 + 8 * HOUR,
        "retroactive": 0,
    }


@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)])
def test_rule_12_in_whatever_order_the_three_are_read(promising: Promising, order: tuple[int, ...]) -> None:
    office = promising("  resolve: [{target: 8h}]\n")
    log = [Happening(one.topic, one.event, T0 + 3 * HOUR) for one in MERGED]
    read = office.after([log[index] for index in order])
    assert read.clocks() == office.after(log).clocks()
    assert read.clock("C2", "resolve")["started_at"] == T0


@pytest.mark.parametrize(
    ("complaint", "log", "state", "started", "due"),
    [
        ("past already: as with a promotion", [contact("merged", 9 * HOUR, "C1", into="C2")], "breached_open", 0, 9.8),
        ("into itself", [contact("merged", 3 * HOUR, "C2", into="C2")], "cancelled", 2, 10),
        ("into one that nobody knows", [contact("merged", 3 * HOUR, "C1", into="C9")], "breached_open", 2, 10),
        ("a mistake, taken back",
         [contact("merged", 3 * HOUR, "C1", into="C2", event_id="oops"),
          contact("voided", 4 * HOUR, "C1", voids_event_id="oops")], "breached_open", 2, 10),
        ("what was withdrawn gives nothing", [contact("merged", 3 * HOUR, "C1", into="C2"),
         contact("voided", 4 * HOUR, "C1")], "breached_open", 2, 10),
        ("solved before", [contact("resolved", 2 * HOUR + 1, "C2"), contact("merged", 3 * HOUR, "C1", into="C2")],
         "met", 2, 10),
    ],
)  # fmt: skip
def test_rule_12_merges(
    promising: Promising, complaint: str, log: list[Happening], state: str, started: int, due: float
) -> None:
    office = promising("  resolve: [{target: 8h}]\n")
    row = office.after([opened(0, "C1"), opened(2 * HOUR, "C2"), *log]).clock("C2", "resolve")
    assert (row["state"], (row["started_at"] - T0) / HOUR) == (state, started), complaint
    assert (row["due_at"] - T0) / HOUR == due


@pytest.mark.parametrize(
    "end", [contact("voided", 9 * HOUR), contact("resolved", 9 * HOUR, resolution="spam")], ids=["void", "spam"]
)
def test_rule_12_what_never_was_counts_nowhere(promising: Promising, end: Happening) -> None:
    views = promising(RESPONSES + CLASSES).after([opened(), end])
    assert {row["state"] for row in views.clocks()} == {"cancelled"}
    assert not any(row["resolve_breached"] or row["first_response_breached"] for row in views.kpis())


# 13-15


def test_rule_13_a_clock_keeps_the_version_it_started_with(promising: Promising) -> None:
    office = promising("  resolve: [{target: 8h}]\n")
    newer = promising.folder / "newer.yaml.pack"
    newer.write_text(
        'policy_id: p\nversion: "2"\nvalid_from: 2025-11-24T02:00:00Z\nclocks:\n  resolve: [{target: 1h}]\n', "utf-8"
    )
    office = Office(rules(policies=(promising.folder / "pack" / "p.yaml", newer), calendars=promising.folder))
    views = office.after([opened(0, "C1"), opened(3 * HOUR, "C2"), contact("priority_changed", 4 * HOUR, "C1",
                          **{"from": "normal", "to": "high"})])  # fmt: skip
    assert [(row["entity_id"], row["policy_version"], row["target"]) for row in views.clocks()] == [
        ("C1", "1", "8h"),
        ("C2", "2", "1h"),
    ]


NEWER = 2 * HOUR
VERSIONS = [
    ("opened before", [opened(NEWER - 1)], ["1"]),
    ("opened when it begins to hold", [opened(NEWER)], ["2"]),
    ("heard of when it held already", [opened(NEWER - 1, arrives=9 * HOUR)], ["1"]),
    ("stuck after the change: it is met by the old one",
     [opened(), contact("resolved", 7 * HOUR)], ["1"]),
    ("reopened: what is left is of the old one",
     [opened(), contact("resolved", HOUR), contact("reopened", 3 * HOUR, reason="not_fixed")], ["1", "1"]),
]  # fmt: skip


@pytest.mark.parametrize(("complaint", "log", "versions"), VERSIONS, ids=[case[0] for case in VERSIONS])
def test_rule_13_versions(promising: Promising, complaint: str, log: list[Happening], versions: list[str]) -> None:
    promising("  resolve: [{target: 8h}]\n")
    newer = promising.folder / "newer.yaml.pack"
    newer.write_text(
        'policy_id: p\nversion: "2"\nvalid_from: 2025-11-24T02:00:00Z\nclocks:\n  resolve: [{target: 1h}]\n', "utf-8"
    )
    office = Office(rules(policies=(promising.folder / "pack" / "p.yaml", newer), calendars=promising.folder))
    assert [row["policy_version"] for row in clocks_of(office.after(log), "resolve")] == versions, complaint


@pytest.mark.parametrize(
    ("complaint", "pack", "happening", "unmatched"),
    [
        ("a rule promises it nothing", CLASSES, claim(kind="praise"), 1),
        ("no rule fits", "  resolve: [{when: {channel: [phone]}, target: 1h}]\n", claim(), 1),
        ("promised", CLASSES, claim(), 0),
    ],
)
def test_rule_14_no_promise_is_counted(
    promising: Promising, complaint: str, pack: str, happening: Happening, unmatched: int
) -> None:
    outputs = Feed(promising(pack).rules).feed(happening)
    assert outputs.counts.get(("sla_unmatched", "complaint-events"), 0) == unmatched, complaint


@pytest.mark.parametrize(
    ("complaint", "target", "hours"),
    [
        ("woken at night for office hours", f"target: 8h, {SPLIT}", "es-madrid-split"),
        ("asleep while round-the-clock promises break", "target: 4h", None),
    ],
)
def test_rule_15_an_incident_names_the_hours_in_which_to_tell(
    promising: Promising, complaint: str, target: str, hours: str | None
) -> None:
    told = promising(f"  resolve: [{{{target}}}]\n").after([opened()]).incidents()
    assert {row["pattern"] for row in told} == {"P01", "P02"}
    assert {json.loads(row["evidence"]).get("route_hours") for row in told} == {hours}, complaint


# 16: erasure

ERASED = event("customer.erased", "E1", 3 * HOUR)
ERASURES = [
    ("an open clock goes on for nobody", [], "cancelled", 3),
    ("paused for someone who is gone", [WAITS], "cancelled", 3),
    ("kept promises stay kept", [contact("resolved", HOUR)], "met", 1),
    ("a breach is a breach, though nobody may be named", [contact("priority_changed", MINUTE, **{"from": "normal",
     "to": "urgent"})], "breached", 3),
    ("broken and done with before", [contact("priority_changed", MINUTE, **{"from": "normal", "to": "urgent"}),
     contact("resolved", 150 * MINUTE)], "breached", 2.5),
]  # fmt: skip


@pytest.mark.parametrize(("complaint", "log", "state", "stopped"), ERASURES, ids=[case[0] for case in ERASURES])
def test_rule_16_erasure_ends_clocks_and_names_nobody(
    promising: Promising, complaint: str, log: list[Happening], state: str, stopped: float
) -> None:
    office = promising(
        "  resolve: [{when: {priority: [urgent]}, target: 2h}, {target: 4h, pausable: true, pause_reasons: [info]}]\n"
    )
    views = office.after([opened(), *log, ERASED])
    row = views.clock("C1", "resolve")
    assert (row["state"], (row["stopped_at"] - T0) / HOUR) == (state, stopped)
    assert all(row["customer_id"] == "" for row in (*views.clocks(), *views.cases(), *views.incidents()))
    assert all(incident["state"] == "closed" for incident in views.incidents())


@pytest.mark.parametrize(("complaint", "log", "state", "stopped"), ERASURES, ids=[case[0] for case in ERASURES])
def test_rule_16_erasure_leaves_the_aggregates(
    promising: Promising, complaint: str, log: list[Happening], state: str, stopped: float
) -> None:
    office = promising("  resolve: [{when: {priority: [urgent]}, target: 2h}, {target: 4h, pausable: true}]\n")
    before = office.after([opened(), *log], until=3 * HOUR)
    assert office.after([opened(), *log, ERASED]).kpis() == before.kpis()
    assert before.kpis()


# What the row says, and packs that allow more time


def test_the_row_says_what_was_promised_and_how_it_was_counted(promising: Promising) -> None:
    row = promising(f"  resolve: [{{target: 8h, {SPLIT}}}]\n").after([opened()]).clock("C1", "resolve")
    assert shown(row, "target", "calendar", "legal", "target_ms") == {
        "target": "8h es-madrid-split",
        "calendar": "es-madrid-split",
        "legal": 0,
        "target_ms": 8 * HOUR,
    }


@pytest.mark.parametrize(
    ("complaint", "sent", "due"),
    [("in time", "2026-12-01 10:00", "2027-01-14 23:59"), ("too late", "2026-12-20 10:00", "2026-12-14 23:59")],
)
def test_a_holding_response_in_time_gives_what_the_pack_allows(
    promising: Promising, complaint: str, sent: str, due: str
) -> None:
    office = promising("  final_response: [{working_days: 15, calendar: uk, extended_working_days: 35, legal: true}]\n")
    log = [claim(at("2026-11-23 10:00")), event("complaint.holding_response_sent", "R1", at(sent))]
    row = office.after(log).clock("R1", "final_response")
    london = datetime.fromtimestamp(row["due_at"] / 1000, ZoneInfo("Europe/London"))
    assert london.isoformat(sep=" ")[:16] == due, complaint


def test_closing_a_complaint_is_no_response(promising: Promising) -> None:
    views = promising("  final_response: [{target: 5d}]\n").after([claim(), complaint("closed", HOUR)])
    assert views.clock("R1", "final_response")["state"] == "breached_open"
