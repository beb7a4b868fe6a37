"""`oidor erase`: what it refuses. What it masks is seen on real servers."""

from tests.deploy.cli.commands.conftest import Run, mistake


def test_a_customer_that_no_event_could_name_is_refused_before_anything_is_published(run: Run) -> None:
    assert mistake(run("erase", "ana@example.com", "--source", "crm")).startswith("customer.id ")


def test_a_broker_that_does_not_answer_is_told(run: Run) -> None:
    assert mistake(run("erase", "c1", "--source", "crm")).startswith("cannot reach Kafka at 127.0.0.1:1")


def test_rows_only_asks_no_broker(run: Run) -> None:
    assert mistake(run("erase", "c1", "--source", "crm", "--rows-only")).startswith("ClickHouse at 127.0.0.1:1: ")
