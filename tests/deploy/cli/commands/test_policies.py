"""`oidor policies`: its answers. What packs promise is tested with `deploy.cli.policies`."""

import json
from pathlib import Path

from deploy.cli.settings import SHIPPED
from tests.deploy.cli.commands.conftest import Run, mistake

CLAIM = {"event_type": "complaint.opened", "kind": "claim", "channel": "post", "priority": "urgent"}


def test_a_wrong_pack_is_told_by_file_line_and_reason(run: Run, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text('policy_id: p\nversion: "1"\nclocks:\n  resolve: [{target: soon}]\n', encoding="utf-8")
    line = mistake(run("policies", "check", str(wrong)))
    assert line.startswith(f"{wrong}:4: clocks.resolve.0.target: a duration is a number and a unit")


def test_a_right_pack_is_told_with_how_many_rules_it_has(run: Run) -> None:
    assert run("policies", "check").stdout.startswith(f"{SHIPPED / 'default.yaml'}: default ")


def test_a_promise_is_explained(run: Run) -> None:
    result = run("policies", "explain", "--event", json.dumps(CLAIM), str(SHIPPED / "default.yaml"))
    assert (result.exit_code, "resolve: 4h, due" in result.stdout) == (0, True)


def test_a_question_that_is_none_is_told(run: Run) -> None:
    assert mistake(run("policies", "explain", "--event", "{")).startswith("the event is not JSON")


def test_a_difference_of_packs_is_told_with_the_exit_code_of_a_diff(run: Run, tmp_path: Path) -> None:
    pack, changed = str(SHIPPED / "default.yaml"), tmp_path / "changed.yaml"
    changed.write_text(Path(pack).read_text(encoding="utf-8").replace("target: 40h", "target: 20h"), encoding="utf-8")
    same, other = run("policies", "diff", pack, pack), run("policies", "diff", pack, str(changed))
    assert (same.exit_code, same.stdout) == (0, "nothing changes for any case\n")
    assert (other.exit_code, other.stdout.splitlines()[0]) == (1, "resolve")
    assert "with priority low: shorter: 1 d 16 h -> 20 h" in other.stdout
    assert mistake(run("policies", "diff", pack, "none.yaml")) == "none.yaml: there is no such file or folder"
