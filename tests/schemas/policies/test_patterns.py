"""The file of pattern parameters: short, and a mistake in it is named with its line."""

from pathlib import Path

import pytest

from schemas.policies.patterns import NO_PARAMETERS, Parameters, parameter, read
from schemas.policies.yaml_lines import YamlRefusedError


class Thresholds(Parameters):
    warning: int = parameter(3, unit="contacts", ge=2)
    """Why three."""
    days: float = parameter(7, unit="days", gt=0)
    """Why a week."""


DECLARED = {"P08": Thresholds(), "P02": NO_PARAMETERS}


def read_text(tmp_path: Path, text: str) -> dict[str, Parameters]:
    path = tmp_path / "patterns.yaml"
    path.write_text(text, encoding="utf-8")
    return dict(read(path, DECLARED))


@pytest.mark.parametrize("text", ["", "# nothing\n", "{}\n", "P08: {}\n"])
def test_what_is_not_named_is_as_declared(tmp_path: Path, text: str) -> None:
    assert read_text(tmp_path, text) == DECLARED


def test_without_a_file_all_is_as_declared() -> None:
    assert read(None, DECLARED) == DECLARED


def test_what_is_named_is_changed_and_the_rest_stays(tmp_path: Path) -> None:
    changed = read_text(tmp_path, "P08:\n  days: 14\n")
    assert changed == {"P08": Thresholds(warning=3, days=14), "P02": NO_PARAMETERS}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("P08:\n  warning: 1\n", "2: P08.warning: must be greater than or equal to 2"),
        ("P08:\n  warning: four\n", "2: P08.warning: must be a valid integer"),
        ("P08:\n  warning: 2.5\n", "2: P08.warning: must be a valid integer"),
        ("P08:\n  days: 0\n", "2: P08.days: must be greater than 0"),
        ("# ours\n\nP08:\n  waning: 4\n", "4: P08.waning: is no name that is known here: is it misspelt?"),
        ("P8: {}\n", "1: P8: is no name that is known here: is it misspelt?"),
        ("P02: {warning: 4}\n", "1: P02.warning: is no name that is known here: is it misspelt?"),
        ("P08: 4\n", "1: P08: must be names with values"),
        ("P08:\n  days: 1\n  days: 2\n", "3: not usable YAML: days stands twice"),
        ("- P08\n", "1: the file: must be names with values"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(YamlRefusedError) as caught:
        read_text(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path / 'patterns.yaml'}:{says}")


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(YamlRefusedError, match="cannot be read: No such file"):
        read(tmp_path / "none.yaml", DECLARED)
