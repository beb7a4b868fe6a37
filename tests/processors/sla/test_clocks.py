"""The SLA clock: its tables, its outcomes, its warnings, and when it is to be looked at again."""

from dataclasses import replace
from typing import get_args

import pytest

from processors.sla import clocks
from processors.sla.clocks import Clock
from processors.sla.signals import SIGNALS, SIGNALS_OF, TRANSITIONS, Phase, Signal
from schemas.policies.packs import Target
from schemas.taxonomy import CLOCK_METRICS
from tests.processors.feed import DAY

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
    if moves_to is None or moves_to == phase or signal in ("start", "again", "reopen"):
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
    assert clocks.overdue(RUNNING) == (0, 0)
    assert clocks.overdue(ended("stopped", DUE - 1)) == (0, 0)
    assert clocks.overdue(ended("stopped", DUE + 7)) == (7, 7)
