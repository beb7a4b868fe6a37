"""`oidor try`: its answers and exit codes. What becomes of events is tested with `deploy.cli.tryout`."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from deploy.cli.main import app
from deploy.local.processes import python_environment
from tests.deploy.cli.commands.conftest import Run, mistake
from tests.deploy.cli.tryout.tickets import PACK, lines, opened, resolved

MET = {"expected": {"view": "clocks", "entity": "C1", "metric": "resolve", "states": ["met"]}}
Write = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(*content: Any) -> str:
        path = tmp_path / "ticket.jsonl"
        path.write_text(lines({"pack": PACK}, *content), encoding="utf-8")
        return str(path)

    return write


@pytest.mark.parametrize(("at", "exit_code"), [("13:00:00", 0), ("15:00:00", 1)])
def test_it_exits_with_one_when_something_differs(at: str, exit_code: int, run: Run, write: Write) -> None:
    result = run("try", write(opened(), resolved(at=at), MET))
    assert (result.exit_code, result.stderr) == (exit_code, "")
    assert ("differs" in result.stdout) == (exit_code == 1)


def test_what_expects_nothing_is_only_shown(run: Run, write: Write) -> None:
    assert run("try", write(opened())).exit_code == 0


def test_json_is_one_document(run: Run, write: Write) -> None:
    said = json.loads(run("try", "--json", write(opened(), resolved(), MET)).stdout)
    assert said["as_expected"] is True


def test_time_ends_when_the_caller_says(run: Run, write: Write) -> None:
    file = write({"case": "c", "until": "2026-11-23T11:00:00Z"}, opened())
    states = [
        json.loads(run("try", "--json", file, *until).stdout)["clocks"][0]["state"]
        for until in ((), ("--until", "2026-11-23T15:02:00+01:00"))
    ]
    assert states == ["running", "breached_open"]


def test_it_reads_standard_input() -> None:
    text = lines({"pack": PACK}, opened(), resolved(), MET)
    assert CliRunner().invoke(app, ["try", "-"], input=text).exit_code == 0
    wrong = CliRunner().invoke(app, ["try", "-"], input="[")
    assert wrong.stderr.startswith("oidor: standard input:1: not JSON")


def test_a_pack_of_the_caller_is_tried_on_an_old_ticket(run: Run, write: Write, tmp_path: Path) -> None:
    longer = tmp_path / "longer.yaml"
    longer.write_text(PACK.replace("4h", "8h"), encoding="utf-8")
    assert run("try", write(opened(), resolved(at="15:00:00"), MET), "--policies", str(longer)).exit_code == 0


def test_what_is_odd_about_a_pack_is_a_warning(run: Run, tmp_path: Path) -> None:
    odd = PACK + "  acknowledge: [{target: 1h}]\n"
    (tmp_path / "odd.jsonl").write_text(lines({"pack": odd}, opened()), encoding="utf-8")
    result = run("try", "odd.jsonl")
    assert result.exit_code == 0
    assert result.stderr.startswith(
        "warning: odd.jsonl:1: pack, line 5: clocks.acknowledge.0: holds for complaint-events"
    )


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "ticket.jsonl:2: not JSON"),
        ({"pack": PACK.replace("4h", "soon")}, "ticket.jsonl:2: pack, line 4: clocks.resolve.0.target: a duration is"),
        ({"settings": {"grce": 1}}, "ticket.jsonl:2: unknown setting grce"),
    ],
)
def test_a_mistake_in_the_file_is_one_line_with_its_place(content: Any, says: str, run: Run, tmp_path: Path) -> None:
    (tmp_path / "ticket.jsonl").write_text(lines(opened(), content), encoding="utf-8")
    assert mistake(run("try", "ticket.jsonl")).startswith(says)


def test_a_file_that_cannot_be_read_is_told(run: Run, tmp_path: Path) -> None:
    assert mistake(run("try", "nowhere")) == "nowhere: cannot be read: No such file or directory"
    (tmp_path / "latin").write_bytes(lines(opened()).encode() + b"\xe9\n")
    assert mistake(run("try", "latin")) == "latin:2: not UTF-8 text"


def test_a_time_that_is_none_is_told(run: Run, write: Write) -> None:
    assert mistake(run("try", write(opened()), "--until", "noon")).startswith("--until 'noon' is no moment of RFC 3339")


def test_no_client_of_any_server_is_loaded(write: Write) -> None:
    program = (
        "import sys\nfrom typer.testing import CliRunner\nfrom deploy.cli.main import app\n"
        f"assert CliRunner().invoke(app, ['try', {write(opened())!r}]).exit_code == 0\n"
        "print(*sorted({'aiokafka', 'clickhouse_driver', 'faust', 'kafka'} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=python_environment(), capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""
