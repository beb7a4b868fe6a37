"""From where the keys of each source lie to which client it uses, and what to change."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from deploy.cli.doctor.diagnosis import diagnose, exit_code
from deploy.cli.doctor.facts import Broker, Database, Facts, SourceKeys, SplitCases
from deploy.cli.doctor.finding import Finding
from deploy.cli.doctor.sources import (
    FAMILIES,
    KNOWN,
    fnv1a_partition,
    key_findings,
    partitioner_findings,
    split_case_findings,
)
from processors.settings import Settings

TWELVE = {"contact-events": 12, "complaint-events": 12, "survey-events": 12}


def placed(source: str, *by: str, keys: int = 60, partitions: int = 12) -> SourceKeys:
    """A source whose clients place keys in turn by each of some partitioners."""
    named = [f"{source}-{number}" for number in range(keys)]
    lies = (KNOWN[by[number % len(by)]](key.encode(), partitions) for number, key in enumerate(named))
    return SourceKeys(source, tuple(zip(named, lies, strict=True)))


def scattered(source: str) -> SourceKeys:
    """A source whose client goes round all partitions, whatever the key."""
    return SourceKeys(source, tuple((f"{source}-{number}", number % 12) for number in range(60)))


def found(sources: Iterable[SourceKeys], expected: str = "murmur2", partitions: int = 12) -> list[Finding]:
    return [*partitioner_findings([*sources], expected, dict.fromkeys(TWELVE, partitions))]


def said(finding: Finding) -> str:
    assert finding.well or finding.to_do
    return f"{finding.seen} -> {finding.to_do}"


def test_fnv1a_is_that_of_sarama_with_its_absolute_value() -> None:
    known = {b"": 0x811C9DC5, b"a": 0xE40C292C, b"foobar": 0xBF9CF968}  # of the authors of FNV
    for key, hashed in known.items():
        signed = hashed - 2**32 if hashed >= 2**31 else hashed
        assert fnv1a_partition(key, 12) == abs(signed) % 12
        assert fnv1a_partition(key, 1) == 0


@pytest.mark.parametrize("expected", ["murmur2", "crc32"])
def test_sources_that_place_keys_as_they_should_are_well(expected: str) -> None:
    (one,) = found([placed("crm", expected), placed("telephony", expected)], expected)
    assert one.well
    assert "2 of the last day" in one.seen


CURES = {
    ("crc32", "murmur2"): ("confluent-kafka", "partitioner=murmur2_random"),
    ("fnv1a", "murmur2"): ("Sarama", "sarama.NewMurmur2Partitioner"),
    ("murmur2", "crc32"): ("KafkaJS", "set OIDOR_PARTITIONER=murmur2"),
    ("fnv1a", "crc32"): ("kafka-go", "kafka.CRC32Balancer{}"),
}


@pytest.mark.parametrize(("used", "expected"), CURES)
def test_a_source_beside_others_is_named_with_its_client_and_the_cure(used: str, expected: str) -> None:
    family, cure = CURES[used, expected]
    (one,) = found([placed("crm", expected), placed("telephony", used)], expected)
    assert not one.well
    assert "telephony: " in one.seen
    assert "crm" not in one.seen
    assert family in said(one)
    assert cure in said(one)


def test_a_source_of_two_clients_is_told_apart_from_one_of_another_client() -> None:
    (mixed,) = found([placed("crm", "murmur2", "crc32")])
    assert "crm: 27 of its last 60 keys do not lie where murmur2 puts them, but where crc32 does" in mixed.seen
    assert FAMILIES["crc32"] in mixed.seen


def test_all_that_agree_on_another_partitioner_are_told_the_setting_and_no_cure() -> None:
    (one,) = found([placed("crm", "crc32"), placed("telephony", "crc32"), placed("shop", "crc32", keys=1)])
    assert not one.well
    assert "set OIDOR_PARTITIONER=crc32 for the workers" in one.to_do
    assert "murmur2_random" not in said(one)
    assert found([placed("crm", "crc32"), placed("telephony", "crc32")], "crc32")[0].well


def test_all_that_agree_on_one_that_no_setting_names_are_told_to_let_it_be_any() -> None:
    (one,) = found([placed("crm", "fnv1a"), placed("telephony", "fnv1a")])
    assert "OIDOR_PARTITIONER=any" in one.to_do


def test_who_looks_at_no_key_is_told_so() -> None:
    (one,) = found([placed("crm", "murmur2"), scattered("shop")])
    assert "shop: " in one.seen
    assert "looks at no key" in one.to_do


def test_a_client_is_not_named_for_what_may_be_chance() -> None:
    keys = [f"k{number}".encode() for number in range(99)]
    key = next(one for one in keys if KNOWN["crc32"](one, 12) != KNOWN["murmur2"](one, 12))
    once = SourceKeys("shop", ((key.decode(), KNOWN["crc32"](key, 12)),))
    (one,) = found([placed("crm", "murmur2"), once])
    assert not one.well
    assert "confluent-kafka" not in said(one)


@pytest.mark.parametrize("partitions", [2, 3, 12, 60])
def test_clients_are_told_apart_for_any_number_of_partitions(partitions: int) -> None:
    sources = [placed("crm", "murmur2", partitions=partitions), placed("telephony", "crc32", partitions=partitions)]
    (one,) = found(sources, partitions=partitions)
    assert "but where crc32 does" in one.seen


def test_one_partition_unequal_counts_and_no_sources_give_nothing_to_say() -> None:
    wrong = [scattered("shop")]
    assert found(wrong, partitions=1) == []
    assert [*partitioner_findings(wrong, "murmur2", {"contact-events": 12, "survey-events": 6})] == []
    assert [*partitioner_findings(wrong, "murmur2", {})] == []
    assert found([]) == []


def test_where_any_will_do_sources_must_still_agree() -> None:
    (one,) = found([placed("crm", "murmur2"), placed("telephony", "crc32")], "any")
    assert (one.well, "crm by murmur2, telephony by crc32" in one.seen) == (False, True)
    (alike,) = found([placed("crm", "crc32"), placed("telephony", "crc32")], "any")
    assert (alike.well, "OIDOR_PARTITIONER=crc32" in alike.seen) == (True, True)
    (unknown,) = found([scattered("shop")], "any")
    assert unknown.well


def test_sources_that_key_by_entity_and_split_cases_are_named() -> None:
    (keyed,) = key_findings({"shop": 7})
    assert "shop: 7 events" in keyed.seen
    (split,) = split_case_findings(SplitCases(59, ("acd", "crm"), "crm:C-1 in partitions 3 and 7", 58))
    assert (split.well, "crm:C-1 in partitions 3 and 7" in split.seen, "acd, crm" in split.seen) == (False, True, True)
    assert "58 incidents of them are open" in split.seen
    assert "SELECT * FROM v_split_cases" in split.to_do
    (none,) = split_case_findings(None)
    assert none.well


def test_the_doctor_ends_with_one_for_each_of_them() -> None:
    broker = Broker(partitions=TWELVE)
    wrong = (
        Database(sources=(placed("crm", "murmur2"), placed("telephony", "crc32"))),
        Database(keyed_otherwise={"shop": 1}),
        Database(split_cases=SplitCases(1, ("crm",), "crm:C-1 in partitions 3 and 7")),
    )
    for database in wrong:
        facts = Facts(1_795_000_000_000, broker, database)
        assert exit_code(facts, diagnose(facts, Settings(_env_file=None))) == 1
    facts = Facts(1_795_000_000_000, broker, replace(wrong[0], sources=(placed("crm", "murmur2"),)))
    assert exit_code(facts, diagnose(facts, Settings(_env_file=None))) == 0
