"""`oidor warehouse`: what it refuses before it starts. That it works is seen on real servers."""

import pytest

from tests.deploy.cli.commands.conftest import Run, mistake


def test_a_broker_that_does_not_answer_is_told(run: Run) -> None:
    assert mistake(run("warehouse")).startswith("cannot reach Kafka at 127.0.0.1:1")


def test_a_database_that_lacks_a_migration_is_told_with_the_command(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploy.cli.readiness.require_topics", lambda *_: None)
    monkeypatch.setattr("deploy.clickhouse.migrate.pending", lambda _: ["0002_more"])
    assert mistake(run("warehouse")) == "database oidor lacks 0002_more: run `oidor migrate`"
