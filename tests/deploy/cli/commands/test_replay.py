"""`oidor replay`: what it refuses. What it replays is seen on real servers."""

from tests.deploy.cli.commands.conftest import Run, mistake


def test_a_beginning_that_is_no_time_is_refused_with_an_example(run: Run) -> None:
    assert mistake(run("replay", "--from", "yesterday")).startswith("--from yesterday: give RFC 3339 with a zone")


def test_the_database_of_the_installation_is_refused(run: Run) -> None:
    assert mistake(run("replay", "--into", "oidor")) == "oidor is the database of the installation: give another --into"
