"""`oidor inputs`: what it refuses. What it accepts is seen on real servers."""

from tests.deploy.cli.commands.conftest import Run, mistake


def test_a_moment_that_is_none_is_told(run: Run) -> None:
    assert mistake(run("inputs", "accept", "--from", "yesterday")).startswith("--from yesterday: expected beginning")


def test_a_moment_needs_its_time_zone(run: Run) -> None:
    assert mistake(run("inputs", "accept", "--from", "2026-01-31T12:00:00")).startswith(
        "--from 2026-01-31T12:00:00: say its time zone"
    )


def test_a_broker_that_does_not_answer_is_told(run: Run) -> None:
    assert mistake(run("inputs", "accept", "--from", "end")).startswith("cannot reach Kafka at 127.0.0.1:1")
