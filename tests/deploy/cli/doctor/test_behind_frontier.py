"""Sources that send behind what was decided are named, with how far, what it does and what helps."""

from deploy.cli.doctor.behind_frontier import DAY_MS, FEW, behind_findings
from schemas.observations import BehindRecords
from schemas.topics import COMPLAINTS, CONTACTS

NOW = 1_795_000_000_000
MIRROR = CONTACTS, "mirror-madrid"


def found(records: int, last_at: int = NOW - 1_000, furthest_ms: int = 40_250) -> BehindRecords:
    return BehindRecords(records, NOW - 3_600_000, last_at, furthest_ms)


def test_a_source_that_lags_in_two_partitions_is_one_line_with_all_its_records() -> None:
    other = BehindRecords(5, NOW - 7_200_000, NOW - 9_000, 61_000)
    (finding,) = behind_findings([{MIRROR: found(FEW)}, {MIRROR: other}, {}], NOW)
    assert not finding.well
    assert finding.seen == (
        "mirror-madrid on contact-events: 15 records since 2026-11-18T09:06:40+00:00 came after deadlines were decided "
        "that they could have met, up to 1 min 1 s behind, the last of 2026-11-18T11:06:39+00:00"
    )
    assert "breaches live, pages" in finding.to_do
    assert "longer grace" in finding.to_do


def test_each_source_and_topic_has_a_line_of_its_own() -> None:
    findings = behind_findings([{MIRROR: found(FEW), (COMPLAINTS, "crm"): found(FEW)}], NOW)
    assert [finding.seen.partition(":")[0] for finding in findings] == [
        "crm on complaint-events",
        "mirror-madrid on contact-events",
    ]


def test_a_retry_or_trouble_of_the_day_before_is_not_said() -> None:
    for state in ({}, {MIRROR: found(FEW - 1)}, {MIRROR: found(1_000, NOW - DAY_MS)}):
        (finding,) = behind_findings([state], NOW)
        assert finding.well, state


def test_nothing_is_said_of_an_installation_without_a_checkpoint() -> None:
    assert [*behind_findings([], NOW)] == []
