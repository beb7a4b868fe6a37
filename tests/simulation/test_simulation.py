"""Whatever goes wrong, in the end everybody sees what they would have seen without it, and what a plain count says.

When a seed fails, `python -m tests.simulation SEED` plays it again and tells what happened.
"""

from collections import Counter

import pytest

from tests.processors.feed import DAY
from tests.simulation import model
from tests.simulation.faults import FAULTS
from tests.simulation.seeds import LOGS, in_peace, log_of, played

SEEDS = 10
CHUNK = 10


@pytest.mark.parametrize("log", range(LOGS))
def test_what_is_seen_without_faults_is_what_a_plain_count_says(log: int) -> None:
    assert in_peace(log).anomalies == []
    assert model.differences(log_of(log), in_peace(log).tables) == []


def test_the_logs_are_worth_disturbing() -> None:
    counts = [model.model(log_of(log)) for log in range(LOGS)]
    for told in counts:
        assert sum(told.duplicate.values()) > 10
        assert sum(told.refused.values()) > 3
        assert all(told.kpis[kpi] for kpi in ("contacts_opened", "contacts_transferred", "surveys_invited"))
    tables = [in_peace(log).tables for log in range(LOGS)]
    events = [row for each in tables for row in each["feedback_events"]]
    assert {row["event_type"] for row in events} >= {
        "customer.erased", "contact.merged", "contact.absorbed", "contact.corrected", "contact.voided",
        "contact.callback_requested", "complaint.merged",
    }  # fmt: skip
    assert {warning for row in events for warning in row["warnings"]} >= {
        "id_reused", "repeated", "machine_for_customer", "merged_elsewhere", "out_of_order", "erased_customer",
        "wrong_partition",
    }  # fmt: skip
    assert any(row["late"] and row["record_at"] - row["occurred_at"] > DAY for row in events), "an adjustment"
    assert any(row["event_type"] == "survey.answered" and row["score"] is None for row in events), "words alone"
    assert all(any(row["late"] for row in each["feedback_events"]) for each in tables)
    assert {row["pattern"] for each in tables for row in each["incidents"]} >= {"P01", "P02", "P08", "P10"}
    assert {row["state"] for each in tables for row in each["clocks"]} == {
        "met",
        "breached",
        "breached_open",
        "cancelled",
    }


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_no_disaster_changes_what_anyone_can_see(first: int) -> None:
    wrong = {seed: result.wrong for seed in range(first, first + CHUNK) if (result := played(seed)).wrong}
    assert wrong == {}, f"python -m tests.simulation {' '.join(map(str, wrong))}"


@pytest.mark.stack
@pytest.mark.parametrize("first", range(SEEDS, 600, CHUNK))
def test_nor_do_many_more(first: int) -> None:
    test_no_disaster_changes_what_anyone_can_see(first)


def test_a_seed_is_the_same_run_every_time() -> None:
    first, second = played(3), played(3)
    assert first.outcome == second.outcome
    assert first.outcome.trace


@pytest.mark.stack
def test_the_disasters_happen() -> None:
    """That nothing is found means something only if things go wrong."""
    counts: Counter[str] = Counter()
    for seed in range(40):
        counts.update(played(seed).outcome.counts)
    for what in (
        "failed",
        "fenced",
        "repeated inserts",
        "reread: gap",
        "reread: full",
        "reread: stalled",
        "steps cut short",
    ):
        assert counts[what] > 0, what
    assert {fault.__name__ for fault in FAULTS} <= counts.keys()
    assert counts["opened"] > 100
