"""What people complained about elsewhere, each with its right value: a file a case, in the form of `oidor try`.

The first line of a file says where the complaint stands, and what becomes of it today: `outcome` is PASS, FAIL (a wrong
value, or a promise that silently does not hold) or CANNOT EXPRESS (neither event nor pack can say it). What is mended
passes, and fails here until its `outcome` says so.
"""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from deploy.cli.tryout.expectations import Verdict, judge
from deploy.cli.tryout.rules import rules_of
from deploy.cli.tryout.ticket import read_ticket
from deploy.cli.tryout.tryout import tryout
from deploy.local.processes import python_environment, python_module

FOLDER = Path(__file__).parent
TICKETS = sorted(FOLDER.glob("*.jsonl"))
OUTCOMES = ("PASS", "FAIL", "CANNOT EXPRESS")


def about(path: Path) -> dict[str, Any]:
    with path.open(encoding="utf-8") as file:
        first: dict[str, Any] = json.loads(file.readline())
    return first


def verdicts_of(path: Path) -> Sequence[Verdict]:
    ticket = read_ticket(str(path), path.read_text(encoding="utf-8"))
    rules = rules_of(ticket, (), None)
    outcome = tryout(ticket.arrivals, rules.rules, until=ticket.until, page_window_ms=rules.page_window_ms)
    return judge(ticket.expectations, outcome)


def params() -> list[Any]:
    wrong = {
        path: pytest.mark.xfail(strict=True, raises=AssertionError, reason=about(path)["title"]) for path in TICKETS
    }
    return [
        pytest.param(path, id=path.stem, marks=() if about(path)["outcome"] == "PASS" else wrong[path])
        for path in TICKETS
    ]


@pytest.mark.parametrize("path", params())
def test_what_was_complained_about_is_as_it_should_be(path: Path) -> None:
    differing = [one for one in verdicts_of(path) if not one.equal]
    assert not differing, "\n".join(f"{one.subject}: expected {one.expected}, got {one.got}" for one in differing)


@pytest.mark.parametrize("path", TICKETS, ids=lambda path: path.stem)
def test_a_ticket_names_its_source_and_expects_something(path: Path) -> None:
    first = about(path)
    assert first["case"] == path.stem
    assert first["source"]
    assert first["complaint"]
    assert first["outcome"] in OUTCOMES
    assert verdicts_of(path)


@pytest.mark.parametrize(("name", "exit_code"), [("B04-reopen-after-close", 0), ("B20-clock-per-team", 0)])
def test_the_command_says_the_same_and_exits_with_one_when_something_differs(name: str, exit_code: int) -> None:
    path = FOLDER / f"{name}.jsonl"
    done = subprocess.run(
        [*python_module("deploy.cli"), "try", str(path), "--json"],
        env=python_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (exit_code, "")
    said = json.loads(done.stdout)
    assert said["as_expected"] == (exit_code == 0)
    assert [(one["expected"], one["got"]) for one in said["expected"]] == [
        (one.expected, one.got) for one in verdicts_of(path)
    ]
