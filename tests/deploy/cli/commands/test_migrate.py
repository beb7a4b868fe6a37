"""`oidor migrate`: its answers. What it does to a database is tested with `deploy.clickhouse.migrate`."""

import pytest

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
    assert run("migrate", *arguments).stdout == answer
