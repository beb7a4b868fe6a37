"""`oidor topics`: its answers and exit codes. Which topics are right is tested with `deploy.cli.topics`."""

import pytest

from deploy.cli.topics import Problem
from tests.deploy.cli.commands.conftest import Run, mistake


@pytest.mark.parametrize("command", ["create", "check"])
def test_a_broker_that_does_not_answer_is_told(command: str, run: Run) -> None:
    assert mistake(run("topics", command)).startswith("cannot reach Kafka at 127.0.0.1:1")


def test_what_is_wrong_is_listed_line_by_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = [Problem("a", "does not exist"), Problem("b", "has 1 partitions")]
    monkeypatch.setattr("deploy.cli.topics.check", lambda _: wrong)
    result = run("topics", "check")
    assert (result.exit_code, result.stderr) == (2, "a: does not exist\nb: has 1 partitions\n")


def test_what_was_created_is_named_and_that_nothing_was_too(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [["contact-events"], []]
    monkeypatch.setattr("deploy.cli.topics.create", lambda _: answers.pop(0))
    assert run("topics", "create").stdout == "created contact-events\n"
    assert run("topics", "create").stdout == "nothing to create: every topic is there, in the right shape\n"


@pytest.mark.parametrize(
    ("said", "exit_code", "told"),
    [((), 0, "warning: a: has no limit\n"), (("--strict",), 2, "a: has no limit\n")],
)
def test_a_warning_stops_nobody_who_is_not_strict(
    said: tuple[str, ...], exit_code: int, told: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploy.cli.topics.check", lambda _: [Problem("a", "has no limit", warning=True)])
    result = run("topics", "check", *said)
    assert (result.exit_code, result.stderr) == (exit_code, told)
