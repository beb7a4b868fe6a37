"""`oidor doctor`: what it says of servers that do not answer. What it finds is tested with `deploy.cli.doctor`."""

from tests.deploy.cli.commands.conftest import Run


def test_servers_that_do_not_answer_are_findings_and_exit_code_two(run: Run) -> None:
    result = run("doctor")
    assert result.exit_code == 2
    assert "cannot reach Kafka at 127.0.0.1:1" in result.stdout
    assert "cannot work with ClickHouse at 127.0.0.1:1" in result.stdout
