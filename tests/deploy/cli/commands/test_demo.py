"""`oidor demo`; that it adds up is seen on real servers."""

from pathlib import Path

from tests.deploy.cli.commands.conftest import Run, mistake


def test_a_folder_that_is_not_of_a_demo_is_left_alone(run: Run, tmp_path: Path) -> None:
    letter = tmp_path / "home" / "letter"
    letter.parent.mkdir()
    letter.write_text("dear")
    line = mistake(run("demo", "--home", str(letter.parent)))
    assert line == f"{letter.parent} is not empty and not of a demo: give another --home"
    assert letter.read_text() == "dear"
