"""The SLA clock: its table of transitions, its outcomes, and the promises that cases make and keep."""

from dataclasses import replace
from typing import Any, get_args

import pytest

from processors.sla import clocks
from processors.sla.clocks import SIGNALS, SIGNALS_OF, TRANSITIONS, Clock, Phase, Signal
from schemas.policies.packs import Target
from schemas.taxonomy import CLOCK_METRICS
from tests.processors.feed import DAY, HOUR, MINUTE, SECOND, T0, Feed, Happening, event
from tests.processors.views import Row, Views

GRACE = 60
TARGET = Target(policy_id="p", policy_version="1", target_ms=1_000, grace_ms=GRACE, warn_at=(0.5, 0.8))
RUNNING = clocks.start("resolve", TARGET, None, 0, 0)
PAUSABLE = replace(TARGET, pause_on=frozenset({("waiting_customer", "info")}), max_pause_ms=10_000)
INFO = ("waiting_customer", "info")
PHASES: tuple[Phase, ...] = get_args(Phase)
SIGNAL_NAMES: tuple[Signal, ...] = get_args(Signal)


def ended(phase: Phase, at: int, *, known_at: int | None = None) -> Clock:
    return replace(RUNNING, phase=phase, ended_at=at, ended_record_at=at if known_at is None else known_at)


# The tables


def in_phase(phase: Phase) -> Clock:
    clock = clocks.start("resolve", PAUSABLE, None, 0, 0)
    if phase == "paused":
        clocks.apply_signal(clock, "pause", 300, 300, reason=INFO)
    return clock if clock.phase == phase else replace(clock, phase=phase, ended_at=700, ended_record_at=700)


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("signal", SIGNAL_NAMES)
def test_a_signal_does_what_the_table_says_and_an_illegal_one_does_nothing(phase: Phase, signal: Signal) -> None:
    clock = in_phase(phase)
    before = replace(clock)
    clocks.apply_signal(clock, signal, 900, 901, reason=INFO)
    moves_to = TRANSITIONS.get((phase, signal))
    if moves_to is None or moves_to == phase or signal in ("again", "reopen"):
        assert clock == before, "what begins anew is a new instance, a change needs its target; all else is illegal"
    else:
        assert clock.phase == moves_to
    if moves_to in ("stopped", "cancelled", "annulled"):
        assert (clock.ended_at, clock.ended_record_at) == ((900, 901) if before.is_open else (700, 700))


def test_every_metric_begins_somewhere_and_can_be_kept_and_withdrawn() -> None:
    assert set(SIGNALS) == set(CLOCK_METRICS)
    for table in SIGNALS.values():
        assert {"annul"} < set(table.values())
        assert {"start", "again"} & set(table.values())
        assert {"stop", "lap"} & set(table.values())


def test_the_table_turned_round_says_the_same() -> None:
    assert {(trigger, metric, signal) for metric, table in SIGNALS.items() for trigger, signal in table.items()} == {
        (trigger, metric, signal) for trigger, pairs in SIGNALS_OF.items() for metric, signal in pairs
    }


DUE = RUNNING.due_at


@pytest.mark.parametrize(
    ("name", "clock", "now", "state"),
    [
        ("before its deadline it runs", RUNNING, DUE - 1, "running"),
        ("within the grace it runs still", RUNNING, DUE + GRACE, "running"),
        ("after the grace it is breached and open", RUNNING, DUE + GRACE + 1, "breached_open"),
        ("stopped at the deadline is in time", ended("stopped", DUE), DUE, "met"),
        ("stopped a millisecond later is not", ended("stopped", DUE + 1), DUE + 1, "breached"),
        ("stopped in time is met whenever one looks", ended("stopped", DUE - 1), DUE + DAY, "met"),
        ("cancelled before the deadline", ended("cancelled", DUE), DUE, "cancelled"),
        ("cancelled after it stays broken", ended("cancelled", DUE + 1), DUE + 1, "breached"),
        ("annulled before it", ended("annulled", DUE - 1), DUE, "cancelled"),
        ("annulled after it, nothing was owed", ended("annulled", DUE + 1), DUE + 1, "cancelled"),
    ],
)  # fmt: skip
def test_outcome(name: str, clock: Clock, now: int, state: str) -> None:
    assert clocks.outcome(clock, now) == state, name


@pytest.mark.parametrize(
    ("name", "clock", "retracted"),
    [
        ("running", RUNNING, False),
        ("proof within the grace", ended("stopped", DUE, known_at=DUE + GRACE), False),
        ("proof after the grace", ended("stopped", DUE, known_at=DUE + GRACE + 1), True),
        ("proof that nobody waited any more", ended("cancelled", DUE, known_at=DUE + GRACE + 1), True),
        ("late and proven late", ended("stopped", DUE + 1, known_at=DUE + DAY), False),
        ("annulled: the breach is withdrawn, not retracted", ended("annulled", DUE, known_at=DUE + DAY), False),
    ],
)  # fmt: skip
def test_a_breach_is_retracted_when_the_proof_arrived_after_it_could_be_announced(
    name: str, clock: Clock, retracted: bool
) -> None:
    assert clocks.retracted(clock) is retracted, name


@pytest.mark.parametrize(
    ("known_at", "retroactive"), [(0, False), (DUE + GRACE, False), (DUE + GRACE + 1, True)]
)  # fmt: skip
def test_a_promise_that_came_to_light_after_its_deadline_is_retroactive(known_at: int, retroactive: bool) -> None:
    assert clocks.retroactive(replace(RUNNING, started_record_at=known_at)) is retroactive


@pytest.mark.parametrize(
    ("name", "clock", "now", "warned"),
    [
        ("not yet", RUNNING, 500 + GRACE, []),
        ("first, when its grace is over", RUNNING, 501 + GRACE, [500]),
        ("both", RUNNING, DUE, [500, 800]),
        ("stopped between them", ended("stopped", 600), DAY, [500]),
        ("stopped at the first", ended("stopped", 500), DAY, []),
        ("broken: the warnings were before", ended("stopped", DUE + 5), DAY, [500, 800]),
        ("annulled: nothing to warn of", ended("annulled", DUE), DAY, []),
    ],
)  # fmt: skip
def test_warnings(name: str, clock: Clock, now: int, warned: list[int]) -> None:
    assert clocks.warnings(clock, now) == warned, name


def continued() -> Clock:
    """The second instance, from 5,000 on: 700 of 1,000 ms were used."""
    return clocks.start("resolve", TARGET, None, 5_000, 5_000, instance=2, continues=ended("stopped", 700))


def test_what_an_earlier_instance_used_up_warns_when_the_next_one_starts() -> None:
    again = continued()
    assert (again.due_at, again.allotted_ms) == (5_300, 300)
    assert clocks.warnings(again, 5_000 + GRACE) == []
    assert clocks.warnings(again, 5_001 + GRACE) == [5_000], "of 1000 ms 700 are used: past the half already"
    assert clocks.warnings(again, 5_200 + GRACE) == [5_000, 5_100]


def paused(at: int) -> Clock:
    clock = clocks.start("resolve", PAUSABLE, None, 0, 0)
    clocks.apply_signal(clock, "pause", at, at, reason=INFO)
    return clock


@pytest.mark.parametrize("clock", [RUNNING, continued(), paused(300), paused(600), paused(1_000)])
def test_an_open_clock_reads_differently_only_after_one_of_its_thresholds(clock: Clock) -> None:
    def reading(now: int) -> tuple[object, ...]:
        return clocks.outcome(clock, now), clocks.warnings(clock, now)

    changes = {now for now in range(14_000) if reading(now) != reading(now + 1)}
    assert all(clocks.next_threshold(clock, now) == now for now in changes)


def test_overdue_is_counted_from_the_deadline() -> None:
    assert clocks.overdue_ms(RUNNING) == 0
    assert clocks.overdue_ms(ended("stopped", DUE - 1)) == 0
    assert clocks.overdue_ms(ended("stopped", DUE + 7)) == 7


# The promises of the default pack, as cases keep and break them


def after(log: list[Happening], until: int = 10 * DAY) -> Views:
    feed, views = Feed(), Views()
    feed.feed(*log)
    feed.until(until)
    views.insert(feed.checkpoint())
    return views


def opened(at: int = 0, **fields: Any) -> Happening:
    said: dict[str, Any] = {"direction": "inbound", "channel": "email", "priority": "normal", **fields}
    return event("contact.opened", "C1", at, **said)


def contact(what: str, at: int, **fields: Any) -> Happening:
    return event(f"contact.{what}", "C1", at, **fields)


HUMAN, BOT = {"kind": "human"}, {"kind": "bot"}

FIRST_RESPONSES = [
    ("a public reply of a person", [contact("agent_replied", HOUR, actor=HUMAN)], "met"),
    ("an answer of a person", [contact("answered", HOUR, actor=HUMAN)], "met"),
    ("the last millisecond", [contact("agent_replied", 8 * HOUR, actor=HUMAN)], "met"),
    ("a reply too late", [contact("agent_replied", 8 * HOUR + 1, actor=HUMAN)], "breached"),
    ("an internal note is no response", [contact("agent_replied", HOUR, actor=HUMAN, public=False)], "breached_open"),
    ("a bot is nobody", [contact("agent_replied", HOUR, actor=BOT)], "breached_open"),
    ("a bot that answers is nobody", [contact("answered", HOUR, actor=BOT)], "breached_open"),
    ("nobody at all", [], "breached_open"),
    ("the customer writes again: that hides nothing", [contact("customer_replied", 9 * HOUR)], "breached_open"),
    (
        "waiting for the customer hides nothing",
        [contact("waiting_customer", HOUR), contact("customer_replied", 2 * HOUR)],
        "breached_open",
    ),
    ("solved before anyone had to reply", [contact("resolved", HOUR, resolution="solved")], "cancelled"),
    ("solved when the reply was overdue", [contact("resolved", 9 * HOUR, resolution="solved")], "breached"),
    ("given up in time", [contact("abandoned", HOUR)], "cancelled"),
    ("given up when it was overdue", [contact("abandoned", 9 * HOUR)], "breached"),
    ("it was spam", [contact("resolved", 9 * HOUR, resolution="spam")], "cancelled"),
    ("it was another contact's", [contact("merged", 9 * HOUR, into="C2")], "cancelled"),
]


@pytest.mark.parametrize(("name", "log", "state"), FIRST_RESPONSES, ids=[case[0] for case in FIRST_RESPONSES])
def test_first_response(name: str, log: list[Happening], state: str) -> None:
    assert after([opened(), *log]).clock("C1", "first_response")["state"] == state


def test_a_next_reply_that_is_in_time_never_hides_a_first_one_that_was_not() -> None:
    log = [
        opened(),
        contact("customer_replied", 9 * HOUR),
        contact("agent_replied", 9 * HOUR + MINUTE, actor=HUMAN),
        contact("agent_replied", 9 * HOUR + 2 * MINUTE, actor=HUMAN),
    ]
    clock = after(log).clock("C1", "first_response")
    assert (clock["state"], clock["stopped_at"]) == ("breached", T0 + 9 * HOUR + MINUTE)
    assert clock["overdue_ms"] == HOUR + MINUTE


ANSWERS = [
    ("a person within 20 s", [contact("answered", 20 * SECOND, actor=HUMAN)], "met"),
    ("a person after 20 s", [contact("answered", 20 * SECOND + 1, actor=HUMAN)], "breached"),
    (
        "a bot at once, then a person too late",
        [contact("answered", 1, actor=BOT), contact("answered", 21 * SECOND, actor=HUMAN)],
        "breached",
    ),
    ("the caller leaves in time", [contact("abandoned", 19 * SECOND)], "cancelled"),
    ("the caller waited too long, then left", [contact("abandoned", 21 * SECOND)], "breached"),
    ("queued twice: one promise", [contact("queued", 15 * SECOND, queue="b")], "breached_open"),
]


@pytest.mark.parametrize(("name", "log", "state"), ANSWERS, ids=[case[0] for case in ANSWERS])
def test_answer_on_the_telephone(name: str, log: list[Happening], state: str) -> None:
    views = after([opened(channel="phone"), contact("queued", 0, queue="a", seq=1), *log])
    clock = views.clock("C1", "answer")
    assert (clock["state"], clock["due_at"]) == (state, T0 + 20 * SECOND)


@pytest.mark.parametrize(
    ("name", "log", "state"),
    [
        ("resolved in time", [contact("resolved", 4 * HOUR)], "met"),
        ("resolved late", [contact("resolved", 4 * HOUR + 1)], "breached"),
        ("closed without a resolution", [contact("closed", HOUR)], "met"),
        ("given up", [contact("abandoned", HOUR)], "cancelled"),
        ("a duplicate", [contact("resolved", 5 * HOUR, resolution="duplicate")], "cancelled"),
        ("withdrawn", [contact("voided", 5 * HOUR)], "cancelled"),
        ("waiting for the customer stops no clock of this pack", [contact("waiting_customer", HOUR)], "breached_open"),
    ],
)
def test_resolution_of_an_urgent_contact(name: str, log: list[Happening], state: str) -> None:
    clock = after([opened(priority="urgent"), *log]).clock("C1", "resolve")
    assert (clock["state"], clock["due_at"]) == (state, T0 + 4 * HOUR), name


def test_an_incident_of_a_service_desk_is_resolved_once_and_closed_later() -> None:
    """As ServiceNow does: a person resolves, the system closes five days later; the promise was the resolution."""
    log = [
        opened(priority="high"),
        contact("assigned", HOUR, owner="ana"),
        contact("resolved", 7 * HOUR, resolution="solved"),
        contact("closed", 5 * DAY + 7 * HOUR),
    ]
    clock = after(log).clock("C1", "resolve")
    assert (clock["state"], clock["stopped_at"]) == ("met", T0 + 7 * HOUR)


@pytest.mark.parametrize(
    ("name", "log", "state"),
    [
        ("in time", [event("complaint.acknowledged", "R1", 8 * HOUR)], "met"),
        ("late", [event("complaint.acknowledged", "R1", 8 * HOUR + 1)], "breached"),
        ("the decision is an acknowledgement too", [event("complaint.resolved", "R1", HOUR, outcome="upheld")], "met"),
        ("never", [], "breached_open"),
    ],
)
def test_acknowledgement_of_a_claim(name: str, log: list[Happening], state: str) -> None:
    views = after([event("complaint.opened", "R1", 0, kind="claim", channel="post"), *log])
    assert views.clock("R1", "acknowledge")["state"] == state, name


def test_a_promise_to_a_complainant_runs_from_the_day_it_was_received() -> None:
    letter = event("complaint.opened", "R1", 5 * HOUR, kind="claim", channel="post", received_at="2025-11-23T22:00:00Z")
    clock = after([letter]).clock("R1", "acknowledge")
    assert clock["due_at"] - clock["started_at"] == 8 * HOUR
    assert clock["started_at"] == T0 - 2 * HOUR


def test_what_was_opened_cannot_be_received_later() -> None:
    hasty = event("complaint.opened", "R1", 0, kind="claim", channel="post", received_at="2099-01-01T00:00:00Z")
    assert after([hasty]).clock("R1", "acknowledge")["started_at"] == T0


def test_nobody_owes_an_answer_to_praise() -> None:
    assert after([event("complaint.opened", "R1", 0, kind="praise", channel="email")]).clocks() == []


def test_nobody_owes_an_answer_to_whom_we_called() -> None:
    assert after([opened(direction="outbound")]).clocks() == []


# Reopening


def resolved_and_reopened(resolved_at: int, reopened_at: int, *more: Happening) -> list[Row]:
    views = after(
        [opened(priority="urgent"), contact("resolved", resolved_at), contact("reopened", reopened_at), *more]
    )
    mine = [row for row in views.clocks() if row["metric"] == "resolve"]
    return sorted(mine, key=lambda row: int(row["instance"]))


def test_reopened_the_rest_of_the_time_runs_as_a_new_instance() -> None:
    first, second = resolved_and_reopened(HOUR, 30 * HOUR, contact("resolved", 33 * HOUR))
    assert (first["state"], second["state"]) == ("met", "met")
    assert second["target_ms"] == 3 * HOUR, "of four hours one was used; the days in between count for nobody"
    assert second["due_at"] == T0 + 33 * HOUR


def test_reopened_and_then_too_late_is_a_breach_of_its_own() -> None:
    first, second = resolved_and_reopened(HOUR, 30 * HOUR, contact("resolved", 33 * HOUR + 1))
    assert (first["state"], second["state"]) == ("met", "breached")


def test_a_breach_stays_a_breach() -> None:
    (only,) = resolved_and_reopened(5 * HOUR, 6 * HOUR, contact("resolved", 7 * HOUR))
    assert (only["state"], only["stopped_at"]) == ("breached", T0 + 5 * HOUR)


def test_each_reopening_continues_where_the_last_resolution_stopped() -> None:
    instances = resolved_and_reopened(
        HOUR, 10 * HOUR, contact("resolved", 12 * HOUR), contact("reopened", 20 * HOUR), contact("resolved", 21 * HOUR)
    )
    assert [row["target_ms"] // HOUR for row in instances] == [4, 3, 1]
    assert [row["state"] for row in instances] == ["met", "met", "met"]


# Late news


def test_a_reply_that_came_in_time_but_was_heard_of_late_takes_the_breach_back() -> None:
    feed, views = Feed(), Views()
    feed.feed(opened())
    feed.until(8 * HOUR + 2 * MINUTE)
    views.insert(feed.checkpoint())
    assert views.clock("C1", "first_response")["state"] == "breached_open"
    feed.feed(contact("agent_replied", HOUR, arrives=9 * HOUR, actor=HUMAN))
    views.insert(feed.checkpoint())
    clock = views.clock("C1", "first_response")
    assert (clock["state"], clock["retracted"]) == ("met", 1)
    (incident,) = [row for row in views.incidents() if row["pattern"] == "P02"]
    assert (incident["state"], incident["close_reason"]) == ("closed", "retracted")


def test_a_reply_heard_of_within_the_grace_leaves_no_trace_of_a_breach() -> None:
    views = after([opened(), contact("agent_replied", HOUR, arrives=8 * HOUR + 59 * SECOND, actor=HUMAN)])
    assert views.clock("C1", "first_response")["retracted"] == 0
    assert [row for row in views.incidents() if (row["pattern"], row["metric"]) == ("P02", "first_response")] == []


def test_a_contact_heard_of_after_its_deadline_is_broken_retroactively() -> None:
    views = after([opened(arrives=9 * HOUR)])
    assert views.clock("C1", "first_response")["retroactive"] == 1
    assert views.clock("C1", "resolve")["retroactive"] == 0


def test_a_correction_that_dates_the_reply_back_retracts_the_breach_by_its_own_arrival() -> None:
    reply = contact("agent_replied", 8 * HOUR + 1, actor=HUMAN, event_id="reply")
    right = {"occurred_at": "2025-11-24T06:00:00Z"}
    fixed = contact("corrected", 20 * HOUR, corrects_event_id="reply", values=right)
    clock = after([opened(at=-HOUR), reply, fixed]).clock("C1", "first_response")
    assert (clock["state"], clock["retracted"]) == ("met", 1)


def test_no_promise_is_counted_never_silent() -> None:
    outputs = Feed().feed(event("complaint.opened", "R1", 0, kind="praise", channel="email"))
    assert outputs.counts["sla_unmatched", "complaint-events"] == 1
