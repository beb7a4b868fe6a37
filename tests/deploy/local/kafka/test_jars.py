"""Where Kafka's jars and Java come from, and what is said when they cannot."""

import hashlib
from pathlib import Path

import pytest

from deploy.local.kafka import jars
from deploy.local.kafka.jars import JARS_VARIABLE, JarsError, differing, java_version, kafka_jars


def test_a_changed_and_a_missing_jar_are_named(tmp_path: Path) -> None:
    # Given sums of three files, of which one was changed and one is missing
    sums = tmp_path / "SHA256SUMS"
    sums.write_text(
        "".join(f"{hashlib.sha256(name.encode()).hexdigest()}  {name}\n" for name in ("a.jar", "b.jar", "c.jar"))
    )
    (tmp_path / "a.jar").write_text("a.jar")
    (tmp_path / "b.jar").write_text("something else")
    # Then both are named, and the good one is not
    assert differing(tmp_path, sums) == ["b.jar", "c.jar"]


def test_the_pinned_sums_are_those_of_one_kafka() -> None:
    names = [line.split()[1] for line in (Path(jars.__file__).with_name("SHA256SUMS")).read_text().splitlines()]
    assert len(names) == len(set(names)) >= 45
    assert {name for name in names if name.startswith("kafka")} >= {
        f"kafka_2.13-{jars.VERSION}.jar",
        f"kafka-clients-{jars.VERSION}.jar",
    }
    assert all(jars.VERSION in name for name in names if name.startswith("kafka"))


def test_a_damaged_cache_is_refused_with_two_ways_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(JARS_VARIABLE, raising=False)
    folder = tmp_path / f"kafka-{jars.VERSION}"
    folder.mkdir()
    with pytest.raises(JarsError, match=f"(?s)pinned SHA-256.*delete that folder.*{JARS_VARIABLE}.*OIDOR_BROKERS"):
        kafka_jars(tmp_path)


def test_a_given_folder_is_taken_as_it_is_when_kafka_is_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(JARS_VARIABLE, str(tmp_path))
    with pytest.raises(JarsError, match=f"{JARS_VARIABLE}=.*no kafka_2"):
        kafka_jars(tmp_path / "cache")
    (tmp_path / "kafka_2.13-4.0.0.jar").touch()
    assert kafka_jars(tmp_path / "cache") == tmp_path.resolve()


def test_without_a_network_both_ways_out_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a proxy that refuses, no local Maven repository, and an empty cache
    jgo = pytest.importorskip("jgo", reason="it fetches the jars; comes with oidor[local]")
    assert jgo
    monkeypatch.delenv(JARS_VARIABLE, raising=False)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("M2_REPO", str(tmp_path / "m2"))
    with pytest.raises(JarsError, match=f"(?s)cannot fetch.*{JARS_VARIABLE}.*OIDOR_BROKERS"):
        kafka_jars(tmp_path / "cache")
    assert not (tmp_path / "cache" / f"kafka-{jars.VERSION}").exists()


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('openjdk version "25" 2025-09-16', 25),
        ('java version "1.8.0_402"', 1),
        ("what?", 0),
    ],
)
def test_the_version_of_a_java(said: str, version: int, tmp_path: Path) -> None:
    java = tmp_path / "java"
    java.write_text(f"#!/bin/sh\necho '{said}' >&2\n")
    java.chmod(0o755)
    assert java_version(str(java)) == version


def test_a_java_that_is_not_there_has_no_version(tmp_path: Path) -> None:
    assert java_version(str(tmp_path / "java")) == 0
