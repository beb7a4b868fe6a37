"""`oidor why`: what it refuses. What it tells is tested with `deploy.reading.why`."""

import pytest

from tests.deploy.cli.commands.conftest import Run, mistake


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("C1", "--at", "yesterday"), "--at yesterday: give RFC 3339 with a zone"),
        (("C1", "--zone", "Mars"), "--zone Mars: give a zone of the IANA database, as Europe/Madrid"),
        (("C1",), "ClickHouse at 127.0.0.1:1: "),
    ],
)
def test_what_cannot_be_asked_is_told_in_one_line(arguments: tuple[str, ...], line: str, run: Run) -> None:
    assert mistake(run("why", *arguments)).startswith(line)


def test_a_case_has_to_be_named_and_a_language_to_be_known(run: Run) -> None:
    assert run("why").exit_code == 2
    assert run("why", "C1", "--lang", "fr").exit_code == 2
