"""`oidor migrate`: its answers. What it does to a database is tested with `deploy.clickhouse.migrate`."""

import pytest

from processors.durability.inspection import NoAnswerError
from tests.deploy.cli.commands.conftest import Run, mistake


def test_a_database_that_does_not_answer_is_told_with_the_settings_to_look_at(run: Run) -> None:
    line = mistake(run("migrate"))
    assert line.startswith("cannot work with ClickHouse at 127.0.0.1:1:")
    assert line.endswith("are OIDOR_CLICKHOUSE_HOST and OIDOR_CLICKHOUSE_PORT right?")


@pytest.mark.parametrize(
    ("arguments", "due", "answer"),
    [
        ((), ["0001_tables"], "applied 0001_tables\n"),
        (("--dry-run",), ["0001_tables"], "would apply 0001_tables\n"),
        ((), [], "nothing to apply: the database is up to date\n"),
    ],
)
def test_what_was_applied_is_named(
    arguments: tuple[str, ...], due: list[str], answer: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploy.clickhouse.migrate.migrate", lambda _, dry_run: due)
    monkeypatch.setattr("deploy.cli.inputs.stored_versions", lambda _: {})
    assert run("migrate", *arguments).stdout == answer


def test_a_database_that_is_ahead_of_what_kafka_knows_is_warned_of_with_what_to_do(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploy.clickhouse.migrate.migrate", lambda _, dry_run: ["0001_tables"])
    monkeypatch.setattr("deploy.cli.inputs.stored_versions", lambda _: {0: 9, 1: 3, 2: 7})
    monkeypatch.setattr("processors.worker.written_versions", lambda _: {0: 8, 1: 3})
    done = run("migrate")
    assert (done.exit_code, done.stdout) == (0, "applied 0001_tables\n")
    (line,) = done.stderr.splitlines()
    assert line.startswith("warning: newer rows are stored of partitions [0] than Kafka knows of")
    assert "with all workers stopped `oidor inputs accept --from beginning` raises versions" in line


def test_that_kafka_does_not_say_is_told_and_keeps_no_migration_back(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(_: object) -> dict[int, int]:
        raise NoAnswerError("Kafka did not say what its topics are like")

    monkeypatch.setattr("deploy.clickhouse.migrate.migrate", lambda _, dry_run: ["0001_tables"])
    monkeypatch.setattr("deploy.cli.inputs.stored_versions", lambda _: {0: 9})
    monkeypatch.setattr("processors.worker.written_versions", silent)
    done = run("migrate")
    assert (done.exit_code, done.stdout) == (0, "applied 0001_tables\n")
    assert "is not known; `oidor doctor` looks again" in done.stderr
