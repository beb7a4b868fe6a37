"""`oidor worker`: what it refuses before it starts. That it works is seen on real servers."""

import socket
from pathlib import Path

import pytest

from processors.runtime.shutdown import EXIT_NO_BROKER
from tests.deploy.cli.commands.conftest import Run, mistake


def test_a_broker_that_does_not_answer_is_a_mistake_of_who_starts_it_by_hand(run: Run) -> None:
    assert mistake(run("worker")).startswith("cannot reach Kafka at 127.0.0.1:1; start it with `oidor demo --keep`")


def test_a_supervised_one_says_it_with_an_exit_code_of_its_own_for_it_is_started_again(run: Run) -> None:
    result = run("worker", "--supervised")
    assert result.exit_code == EXIT_NO_BROKER
    assert result.stderr.startswith("oidor: cannot reach Kafka at")


def test_a_pack_that_cannot_be_used_starts_no_workers(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    pack = Path("wrong.yaml")
    pack.write_text("policy_id: P\n")
    monkeypatch.setenv("OIDOR_POLICIES", str(pack))
    assert mistake(run("worker", "--processes", "2")).startswith("wrong.yaml:1:")


def test_a_port_that_is_taken_is_told_before_the_broker_is_asked(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        monkeypatch.setenv("OIDOR_WORKER_PORT", str(taken.getsockname()[1]))
        assert mistake(run("worker")).startswith("cannot listen on 127.0.0.1:")


def test_a_setting_that_is_wrong_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OIDOR_PARTITIONS", "0")
    assert mistake(run("worker")) == "OIDOR_PARTITIONS='0': input should be greater than 0"
