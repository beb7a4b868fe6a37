"""The Dockerfile keeps the rules of its trade, and builds from what is locked."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

CHECKOUT: Final = Path(__file__).parents[3]
DOCKERFILE: Final = CHECKOUT / "deploy" / "Dockerfile"


def hadolint(file: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([Path(sys.executable).parent / "hadolint", file], capture_output=True, text=True, check=False)


def test_the_dockerfile_keeps_the_rules_of_its_trade() -> None:
    answer = hadolint(DOCKERFILE)
    assert (answer.returncode, answer.stdout) == (0, "")


@pytest.mark.parametrize(
    ("right", "wrong", "rule"),
    [
        ("FROM ${BASE}\n", "FROM python:latest\n", "DL3007"),
        ("USER 10001:10001", "USER root", "DL3002"),
        ("WORKDIR /tmp", "WORKDIR tmp", "DL3000"),
        ("ENTRYPOINT [", "ENTRYPONT [", "unexpected"),
    ],
)
def test_a_broken_dockerfile_is_noticed(tmp_path: Path, right: str, wrong: str, rule: str) -> None:
    text = DOCKERFILE.read_text()
    assert right in text
    (tmp_path / "Dockerfile").write_text(text.replace(right, wrong))

    answer = hadolint(tmp_path / "Dockerfile")

    assert answer.returncode == 1
    assert rule in answer.stdout + answer.stderr


def test_what_is_installed_is_what_was_locked() -> None:
    text = DOCKERFILE.read_text()
    assert "--require-hashes --requirement requirements/run.txt" in text
    assert "--no-deps --no-build-isolation ." in text
    assert re.search(r"^USER 10001:10001$", text, re.MULTILINE)


def test_a_build_is_sent_what_it_copies_and_no_more() -> None:
    ignored = (CHECKOUT / ".dockerignore").read_text().splitlines()
    sent = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    copied = {
        source
        for line in DOCKERFILE.read_text().splitlines()
        if line.startswith("COPY") and "--from" not in line
        for source in line.split()[1:-1]
    }
    assert "*" in ignored
    assert sent == copied
    assert all((CHECKOUT / one).exists() for one in copied)
