"""Commands run in this process, with nobody to talk to."""

from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from deploy.cli.main import app

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


def mistake(result: Result) -> str:
    """The one line that a command ended with, and nothing else."""
    assert result.exit_code == 2
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("oidor: ")
    return line.removeprefix("oidor: ")
