"""Commands run in this process, with nobody to talk to."""

from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from deploy.cli import actions
from deploy.cli.actions import UnknownIncidentError
from deploy.cli.main import app
from schemas.actions import AnyAction

Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Run:
    """`oidor` with these arguments, in an empty folder; neither a broker nor a database answers."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OIDOR_BROKERS", "127.0.0.1:1")
    monkeypatch.setenv("OIDOR_CLICKHOUSE_PORT", "1")
    for module in ("erase", "topics"):
        monkeypatch.setattr(f"deploy.cli.{module}._CONNECT_MS", 200)
    return lambda *arguments: CliRunner().invoke(app, arguments)


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> list[AnyAction]:
    """What would have been published; the database knows the incident `i` alone."""
    sent: list[AnyAction] = []

    def known(_: object, incident_id: str) -> str:
        if incident_id != "i":
            raise UnknownIncidentError("the database knows no such incident")
        return "Answer by phone was due at 10:05 (was open)"

    monkeypatch.setattr(actions, "publish", lambda _, action: sent.append(action))
    monkeypatch.setattr(actions, "require_known", known)
    return sent


def mistake(result: Result) -> str:
    """The one line that a command ended with, and nothing else."""
    assert result.exit_code == 2
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("oidor: ")
    return line.removeprefix("oidor: ")
