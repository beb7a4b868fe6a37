"""`oidor demo`; that it adds up is seen on real servers."""

from pathlib import Path

import pytest

from tests.deploy.cli.commands.conftest import Run, mistake


def test_a_folder_that_is_not_of_a_demo_is_left_alone(run: Run, tmp_path: Path) -> None:
    letter = tmp_path / "home" / "letter"
    letter.parent.mkdir()
    letter.write_text("dear")
    line = mistake(run("demo", "--home", str(letter.parent)))
    assert line == f"{letter.parent} is not empty and not of a demo: give another --home"
    assert letter.read_text() == "dear"


def test_prometheus_without_keep_is_told_that_nothing_would_be_seen(run: Run, tmp_path: Path) -> None:
    line = mistake(run("demo", "--home", str(tmp_path / "home"), "--prometheus"))
    assert line == "--prometheus watches what is kept running: give --keep too"


def test_prometheus_that_is_not_installed_is_told_before_anything_starts(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    line = mistake(run("demo", "--home", str(tmp_path / "home"), "--keep", "--prometheus"))
    assert line.startswith("prometheus and alertmanager: not installed")
    assert not (tmp_path / "home").exists()
