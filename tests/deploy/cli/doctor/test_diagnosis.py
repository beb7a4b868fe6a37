"""From facts to findings: what is named as wrong, what is not, and the exit code."""

from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from deploy.cli.copies import REWRITTEN, Copies
from deploy.cli.doctor.diagnosis import diagnose, exit_code, report
from deploy.cli.doctor.facts import (
    Broker,
    ConsumerGroup,
    Database,
    Facts,
    InputPartition,
    MergesElsewhere,
    OpenTransaction,
    OutdatedKpis,
    PartitionLag,
    StatePartition,
    Unreconciled,
)
from deploy.cli.topics import Problem
from processors.settings import Settings
from processors.state.health import PartHealth

NOW = 1_795_000_000_000
SETTINGS = Settings()

INPUT = InputPartition("contact-events", 3, stable=100, high=100, max_timestamp=NOW - 5_000)
STATE = StatePartition(3, bytes=20_000, messages=7, last_checkpoint=NOW - 900)
WORKER = ConsumerGroup(
    "worker", "oidor", 2, (PartitionLag("contact-events", 3, committed=100, end=101, waiting=False),)
)
WAREHOUSE = ConsumerGroup(
    "warehouse", "oidor-warehouse", 1, (PartitionLag("feedback-rows", 3, committed=40, end=41, waiting=False),)
)
BROKER = Broker((), {"contact-events": 12, "survey-events": 12}, (INPUT,), (STATE,), (WORKER, WAREHOUSE))
DATABASE = Database((), 40, ())


def healthy() -> Facts:
    return Facts(NOW, BROKER, DATABASE)


def wrong(facts: Facts) -> dict[str, str]:
    """check -> what was seen and what to do, of all that is wrong."""
    return {one.check: f"{one.seen} -> {one.to_do}" for one in diagnose(facts, SETTINGS) if not one.well}


def held(last_write: int, high: int = 110) -> Broker:
    return replace(BROKER, inputs=(replace(INPUT, high=high, open=(OpenTransaction("crm", 100, last_write),)),))


def behind(group: ConsumerGroup, **changes: object) -> Broker:
    late = ConsumerGroup(group.command, group.name, group.members, (replace(group.lags[0], **changes),))  # type: ignore[arg-type]
    return replace(BROKER, groups=tuple(late if one.name == group.name else one for one in BROKER.groups))


def test_a_healthy_installation_has_nothing_wrong_though_markers_lie_behind_what_was_read() -> None:
    assert wrong(healthy()) == {}
    assert exit_code(healthy(), diagnose(healthy(), SETTINGS)) == 0


ERASED = replace(DATABASE, erased_at=NOW - 3 * 86_400_000)
LEFT = {
    "kept for ever": (Copies("contact-events", (3,), None, "retention.ms sets no limit"), "for ever", False),
    "gone in time": (Copies("feedback-rows", (3,), NOW + 1, "retention.ms"), "the last until 2026-11-", True),
    "there beyond the limit": (Copies("feedback-rows", (3,), NOW - 1, "retention.ms"), "should have deleted it", False),
    "a log that is not rewritten": (Copies("oidor-state", (3,), None, REWRITTEN), "have not been yet", False),
    "all gone": (Copies("contact-events", (), None, "retention.ms sets no limit"), "no copy is left", True),
}


@pytest.mark.parametrize(("left", "said", "well"), LEFT.values(), ids=LEFT.keys())
def test_copies_of_who_was_erased_go_in_time_or_are_named(left: Copies, said: str, well: bool) -> None:
    facts = Facts(NOW, replace(BROKER, copies=(left,)), ERASED)
    (finding,) = (one for one in diagnose(facts, SETTINGS) if one.check == "erasures")
    assert finding.well is well
    assert said in f"{finding.seen} {finding.to_do}"


WRONG = {
    "a topic of another shape": (
        replace(BROKER, problems=(Problem("oidor-state", "has retention.ms=60000: set retention.ms=-1"),)),
        "topics",
        "oidor-state has retention.ms=60000 -> set retention.ms=-1",
    ),
    "inputs of different partition counts": (
        replace(BROKER, partitions={"contact-events": 12, "survey-events": 6}),
        "co-location",
        "contact-events 12, survey-events 6",
    ),
    "a record from the future": (
        replace(BROKER, inputs=(replace(INPUT, max_timestamp=NOW + 60_000),)),
        "publishers",
        "contact-events[3] has a record of 2026-11-18T11:07:40+00:00, 60 s in the future",
    ),
    "a partition whose time lies ahead": (
        replace(BROKER, state=(replace(STATE, watermark=NOW + 3_600_000), replace(STATE, partition=4, watermark=NOW))),
        "clocks",
        "the time of partitions [3] lies up to 60 min ahead of the broker's",
    ),
    "a clock that is behind the broker's": (
        replace(BROKER, state=(replace(STATE, last_checkpoint=NOW + 120_000),)),
        "clocks",
        "the clock here is 120 s behind the broker's -> let NTP set both",
    ),
    "a partition that a release fails in": (
        replace(
            BROKER,
            state=(
                replace(
                    STATE,
                    halted="the last 100 records, since contact-events[3]@7, all failed by an error of ours "
                    "(KeyError): what follows waits in Kafka; run the release before",
                ),
            ),
        ),
        "release",
        "partition 3 takes nothing: the last 100 records, since contact-events[3]@7, all failed by an error of ours "
        "(KeyError) -> what follows waits in Kafka; run the release before",
    ),
    "a pattern that fails": (
        replace(
            BROKER,
            state=(
                replace(STATE, health={"P10": PartHealth(3, "KeyError in ping_pong.py", NOW - 60_000, 2)}),
                replace(STATE, partition=4, health={"P10": PartHealth(1, "KeyError before", NOW - 90_000, 0)}),
            ),
        ),
        "release",
        "P10 failed 4 times, last 60 s ago (KeyError in ping_pong.py); 2 cases lack its result",
    ),
    "an upstream transaction left open": (
        held(NOW - 90_000),
        "upstream transactions",
        "crm has left a transaction open on contact-events[3] since offset 100, 90 s ago: 10 offsets wait",
    ),
    "a state that is gone": (
        replace(BROKER, contradictions=(("oidor-state[3] is empty, and was read up to 60: it was", "restore it"),)),
        "provenance",
        "oidor-state[3] is empty, and was read up to 60: it was -> restore it",
    ),
    "no worker": (
        behind(ConsumerGroup("worker", "oidor", 0, WORKER.lags)),
        "worker lag",
        "no worker runs (group oidor has no members): 0 offsets of 0 partitions wait -> start oidor worker",
    ),
    "a warehouse that has stopped": (
        behind(ConsumerGroup("warehouse", "oidor-warehouse", 0, WAREHOUSE.lags), committed=20, waiting=True),
        "warehouse lag",
        "no warehouse runs (group oidor-warehouse has no members): 21 offsets of 1 partitions wait",
    ),
    "a warehouse that stands still": (
        behind(WAREHOUSE, committed=20, waiting=True, moved=False),
        "warehouse lag",
        "21 offsets wait and nobody gets on: feedback-rows[3] at 20",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_the_broker_shows_to_be_wrong_is_named_with_what_to_do(case: str) -> None:
    broker, check, text = WRONG[case]
    facts = Facts(NOW, broker, DATABASE)

    findings = wrong(facts)

    assert list(findings) == [check]
    assert text in findings[check]
    assert not findings[check].endswith("-> ")
    assert exit_code(facts, diagnose(facts, SETTINGS)) == 1


DATABASE_WRONG = {
    "a migration that is missing": (Database(("0002_more",), 0, ()), "migrations", "database oidor lacks 0002_more"),
    "a clock that is behind": (
        Database((), -2_500, ()),
        "clocks",
        "ClickHouse's clock is 2.5 s behind the clock here",
    ),
    "a record that is not accounted for": (
        Database((), 0, (Unreconciled("survey-events", 2, 0, "2026-11-18", 0, 3, 0),)),
        "reconciliation",
        "survey-events[2] on 2026-11-18: read differs by 0, stored by 3, rejected by 0",
    ),
    "merges that did not reach their survivor": (
        Database((), 0, merges=MergesElsewhere(3, "crm:C1 into C2", 1)),
        "merges",
        "3 cases of the last 7 days were merged into one that is not in their partition (1 into one that no partition "
        "knows), the last crm:C1 into C2",
    ),
    "KPI minutes that are to be counted anew": (
        Database(
            (),
            0,
            outdated_kpis=OutdatedKpis(
                7, "2026-11-18 12:00:00", "2026-11-20 08:00:00", ("not_taken_back", "other_definition"), ("csat",)
            ),
        ),
        "kpis",
        "7 minutes of a topic-partition, from 2026-11-18 12:00:00 to 2026-11-20 08:00:00, are not what their events "
        "come to by the rules and definitions of today (not_taken_back, other_definition, KPIs csat) -> "
        "oidor rebuild --from 2026-11-18T12:00:00Z --to 2026-11-20T08:00:00Z",
    ),
}


@pytest.mark.parametrize("case", DATABASE_WRONG)
def test_what_the_database_shows_to_be_wrong_is_named(case: str) -> None:
    database, check, text = DATABASE_WRONG[case]

    findings = wrong(Facts(NOW, BROKER, database))

    assert list(findings) == [check]
    assert text in findings[check]


def test_stored_rows_that_are_newer_than_what_kafka_knows_of_are_wrong_and_unknown_partitions_are_not() -> None:
    broker = replace(BROKER, versions={3: 8, 4: 5})
    assert wrong(Facts(NOW, broker, replace(DATABASE, versions={3: 8, 4: 5, 7: 1}))) == {}
    (said,) = wrong(Facts(NOW, broker, replace(DATABASE, versions={3: 9, 4: 5}))).values()
    assert said.startswith("newer rows are stored of partitions [3] than Kafka knows of")
    assert "`oidor inputs accept --from beginning` raises versions" in said


NOTHING_WRONG = {
    "an upstream transaction under way": held(NOW - 2_000),
    "a worker that is behind and gets on": behind(WORKER, committed=10, waiting=True, moved=True),
    "a partition that nothing was ever read of, without a state": replace(
        behind(WORKER, committed=None, end=0),
        state=(replace(STATE, messages=0, last_checkpoint=None),),
    ),
}


@pytest.mark.parametrize("case", NOTHING_WRONG)
def test_what_is_only_under_way_is_not_wrong(case: str) -> None:
    assert wrong(Facts(NOW, NOTHING_WRONG[case], DATABASE)) == {}


def test_who_cannot_be_reached_is_named_and_the_other_is_still_looked_at() -> None:
    facts = Facts(NOW, "cannot reach Kafka at k:9092", Database(("0001_tables",), 0, ()))

    findings = wrong(facts)

    assert list(findings) == ["broker", "migrations"]
    assert exit_code(facts, diagnose(facts, SETTINGS)) == 2


def test_the_report_shows_every_check_and_partition() -> None:
    shown = StringIO()

    report(healthy(), diagnose(healthy(), SETTINGS), Console(width=200, file=shown))

    assert all(text in shown.getvalue() for text in ("reconciliation", "1 s ago", "20 KiB"))


def test_a_part_that_failed_long_ago_and_that_nothing_lacks_is_said_and_not_wrong() -> None:
    mended = PartHealth(3, "KeyError in ping_pong.py", NOW - 2 * 86_400_000, 0)
    facts = replace(healthy(), broker=replace(BROKER, state=(replace(STATE, health={"P10": mended}),)))

    assert wrong(facts) == {}
    assert any("P10 failed 3 times" in one.seen for one in diagnose(facts, SETTINGS))
