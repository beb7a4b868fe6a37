"""Commands are found where they lie, stand in a sensible order, and none loads what only another one needs."""

import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from deploy.cli import commands, main
from deploy.cli.command import Panel
from deploy.local.processes import python_environment
from schemas.errors import OidorError

COMMANDS = sorted(path.stem for path in Path(commands.__path__[0]).glob("[a-z]*.py"))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_test_file_of_its_name(name: str) -> None:
    assert (Path(__file__).parent / "commands" / f"test_{name.rstrip('_')}.py").exists()


def test_the_help_names_every_command_once_under_its_heading_in_order() -> None:
    lines = CliRunner().invoke(main.app, ["--help"], env={"COLUMNS": "200"}).stdout.splitlines()
    shown = [line.strip("│╭─╮ ") for line in lines]
    names = [line.split()[0] for line in shown if line and line.split()[0] in {name.rstrip("_") for name in COMMANDS}]
    headings = [line for line in shown if line in tuple(Panel)]
    assert sorted(names) == [name.rstrip("_") for name in COMMANDS]
    assert names[0] == "demo"
    assert headings == list(Panel)


def test_the_help_loads_no_client_of_any_server() -> None:
    heavy = ["aiokafka", "chdb", "clickhouse_driver", "faust", "holidays", "kafka", "prometheus_client", "uvloop"]
    program = f"import sys, deploy.cli.main; print(*sorted(set({heavy}) & sys.modules.keys()))"
    found = subprocess.run(
        [sys.executable, "-c", program], env=python_environment(), capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == ""


def test_an_error_that_a_user_can_put_right_is_one_line_whatever_its_text(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def command() -> None:
        raise OidorError("the log ends with:\n\n  no room left\n")

    app = typer.Typer(cls=main._Mistakes)
    app.command("one")(command)
    app.command("other")(lambda: None)
    result = CliRunner().invoke(app, ["one"])
    assert (result.exit_code, result.stderr) == (2, "oidor: the log ends with: no room left\n")


def test_a_fault_of_ours_stays_a_traceback() -> None:
    def command() -> None:
        raise KeyError("evnts")

    app = typer.Typer(cls=main._Mistakes)
    app.command("one")(command)
    app.command("other")(lambda: None)
    assert isinstance(CliRunner().invoke(app, ["one"]).exception, KeyError)
