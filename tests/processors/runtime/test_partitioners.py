"""Partitioners: the same partitions as the clients themselves choose, by their own published tests."""

import pytest
from kafka.partitioner.default import murmur2

from processors.runtime.partitioners import PARTITIONERS, crc32_partition, murmur2_partition, of_client, placement

# Kafka's own UtilsTest.testMurmur2, as signed numbers.
OF_KAFKA = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}
# librdkafka's tests/0048-partitioner.c: key -> consistent_random, murmur2_random.
OF_LIBRDKAFKA = {
    b"23456": (0xB1B451D7, 0x058D780F),
    b"this is another string with more length to it perhaps": (0xB0150DF7, 0x4F7703DA),
    b"hejsan": (0xD077037E, 0x5EC19395),
}
COUNTS = (1, 2, 7, 12, 17, 50)


@pytest.mark.parametrize("partitions", COUNTS)
def test_murmur2_is_that_of_kafka(partitions: int) -> None:
    expected = {key: (hashed & 0x7FFFFFFF) % partitions for key, hashed in OF_KAFKA.items()}
    assert {key: murmur2_partition(key, partitions) for key in OF_KAFKA} == expected


@pytest.mark.parametrize("partitions", COUNTS)
def test_both_are_those_of_librdkafka(partitions: int) -> None:
    expected = {key: (crc % partitions, murmur % partitions) for key, (crc, murmur) in OF_LIBRDKAFKA.items()}
    found = {key: (crc32_partition(key, partitions), murmur2_partition(key, partitions)) for key in OF_LIBRDKAFKA}
    assert found == expected


def test_two_clients_for_python_agree_whatever_the_key_is_made_of() -> None:
    keys = [f"c_{number}".encode() for number in range(500)] + ["Peñíscola-7".encode(), b"\xff\x00\x80"]
    assert [murmur2_partition(key, 12) for key in keys] == [(murmur2(key) & 0x7FFFFFFF) % 12 for key in keys]


def test_partitioners_that_differ_agree_by_chance_alone() -> None:
    keys = [f"c_{number}".encode() for number in range(2_000)]
    agreed = sum(murmur2_partition(key, 12) == crc32_partition(key, 12) for key in keys)
    assert 100 < agreed < 240, "one in twelve"


@pytest.mark.parametrize("name", PARTITIONERS)
def test_what_the_setting_names_knows_the_number_of_partitions(name: str) -> None:
    place = placement(name, 12)
    assert place is not None
    assert place(b"foobar") == PARTITIONERS[name](b"foobar", 12)


def test_any_places_nothing() -> None:
    assert placement("any", 12) is None


@pytest.mark.parametrize(("setting", "by"), [("murmur2", "murmur2"), ("crc32", "crc32"), ("any", "murmur2")])
def test_a_producer_of_ours_places_keys_as_the_setting_says(setting: str, by: str) -> None:
    choose, every = of_client(setting), [*range(12)]
    keys = [*OF_KAFKA, *OF_LIBRDKAFKA]
    assert [choose(key, every, every[:3]) for key in keys] == [PARTITIONERS[by](key, 12) for key in keys]
    assert choose(None, every, [7]) == 7
