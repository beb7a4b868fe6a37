"""What a stack cannot run ends a command in a line, whoever of its parts says so."""

from pathlib import Path

import pytest

from deploy.local.clickhouse.server import LocalClickHouse
from deploy.local.kafka.jars import JarsError
from deploy.local.kafka.server import LocalKafka
from deploy.local.processes import ChildError
from deploy.local.stack import Service, Stack, StackError
from schemas.errors import OidorError


@pytest.mark.parametrize("error", [JarsError("no Java 17 or later"), ChildError("Kafka broker 0 ended with code 1")])
def test_a_server_that_cannot_start_is_told_to_the_user(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(_: object) -> None:
        raise error

    monkeypatch.setattr(LocalKafka, "start", start)
    monkeypatch.setattr(LocalClickHouse, "start", lambda _: None)
    with pytest.raises(OidorError) as caught:
        Stack(tmp_path).start()
    assert str(caught.value) == str(error)


def test_a_fault_of_a_server_that_is_ours_stays_what_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def start(_: object) -> None:
        raise KeyError("port")

    monkeypatch.setattr(LocalKafka, "start", start)
    monkeypatch.setattr(LocalClickHouse, "start", lambda _: None)
    with pytest.raises(KeyError):
        Stack(tmp_path).start()


def test_a_service_that_ends_before_it_is_ready_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    service = Service("worker", ["/bin/sh", "-c", "echo no topic; exit 2"], {}, tmp_path / "log", "http://127.0.0.1:1/")
    service.start()
    with pytest.raises(StackError, match=r"(?s)worker ended with code 2.*no topic"):
        service.wait_ready(20)
