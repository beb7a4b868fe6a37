"""`oidor settings`: what holds here, for people and for machines."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy.cli.main import app


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_what_was_set_is_told_apart_from_what_was_left(monkeypatch: pytest.MonkeyPatch) -> None:
    assert CliRunner().invoke(app, ["settings", "--changed"]).stdout == "every setting is left at its default\n"

    monkeypatch.setenv("OIDOR_GRACE", "30")
    monkeypatch.setenv("OIDOR_PAGES_TOKEN", "sesame")
    monkeypatch.setenv("OIDOR_GRADE", "1")
    answer = CliRunner().invoke(app, ["settings", "--changed", "--json"])

    assert [(one["variable"], one["value"], one["unit"]) for one in json.loads(answer.stdout)] == [
        ("OIDOR_GRACE", "30", "seconds"),
        ("OIDOR_PAGES_TOKEN", "(set)", "secret"),
    ]
    assert answer.stderr == "warning: OIDOR_GRADE is no setting and changes nothing: did you mean OIDOR_GRACE?\n"


def test_a_wrong_setting_ends_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OIDOR_GRACE", "-1")

    answer = CliRunner().invoke(app, ["settings"])

    assert answer.exit_code == 2
    assert answer.stderr.startswith("oidor: OIDOR_GRACE='-1': ")
    assert answer.stderr.count("\n") == 1
