"""`oidor publish`: what it refuses. What it sends is tested with `deploy.traffic`."""

from tests.deploy.cli.commands.conftest import Run, mistake


def test_a_scenario_that_is_not_there_is_told_with_those_that_are(run: Run) -> None:
    line = mistake(run("publish", "--scenario", "flood"))
    assert line == "unknown scenario flood: choose of demo, steady, storm-log, servicenow, cfpb"


def test_a_broker_that_does_not_answer_is_told(run: Run) -> None:
    assert mistake(run("publish", "--limit", "1")).startswith("no Kafka at 127.0.0.1:1: start it, or set OIDOR_BROKERS")
