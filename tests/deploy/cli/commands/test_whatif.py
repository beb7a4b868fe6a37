"""`oidor whatif`: what it refuses. What it answers is tested with `deploy.reading.whatif`."""

from pathlib import Path

import pytest

from deploy.cli.settings import SHIPPED
from deploy.cli.whatif import said
from tests.deploy.cli.commands.conftest import Run, mistake

PACK = ("--policy", str(SHIPPED / "default.yaml"))


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--from", "yesterday", *PACK), "--from yesterday: give RFC 3339 with a zone"),
        (("--from", "90d"), "give a pack to try, --policy FILE, or calendars, --calendars FOLDER"),
        (("--from", "1d", "--to", "2d", *PACK), "--from "),
        (("--from", "90d", "--policy", "none.yaml"), "unknown policy pack none.yaml: no such file"),
        (("--from", "90d", "--calendars", "none"), "--calendars none: no such folder"),
        (("--from", "90d", *PACK, "--staffed", "mars"), "--staffed mars: unknown calendar; known: "),
        (("--from", "90d", *PACK, "--handling", "10"), "--handling 10: a duration is a number and a unit"),
        (("--from", "90d", *PACK), "ClickHouse at 127.0.0.1:1: "),
    ],
)
def test_what_cannot_be_asked_is_told_in_one_line(arguments: tuple[str, ...], line: str, run: Run) -> None:
    assert mistake(run("whatif", *arguments)).startswith(line)


def test_what_is_wrong_in_a_pack_is_told_by_its_line(run: Run, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("policy_id: desk\nversion: '2'\nclocks:\n  resolve: [{target: 8}]\n", encoding="utf-8")
    assert mistake(run("whatif", "--from", "90d", "--policy", str(wrong))).startswith(f"{wrong}:4: ")


def test_how_long_it_will_take_is_estimated_from_the_partitions_that_have_begun() -> None:
    assert said({}, 12, 5) == "reading"
    assert said({0: (50, 100), 1: (50, 100)}, 4, 10) == "100 of about 400 events, about 30 s left"
