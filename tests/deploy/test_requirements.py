"""What is installed is locked: version and hashes of everything that `pyproject.toml` asks for."""

import re
import tomllib
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
EXTRAS = {"run": (), "local": ("local",), "dev": ("local", "dev")}


def locked(name: str) -> dict[str, tuple[str, int]]:
    """Package -> version, and how many files of it are known."""
    text = (CHECKOUT / "requirements" / f"{name}.txt").read_text().replace("\\\n", " ")
    lines = [re.match(r"([\w.-]+)==(\S+)", line) for line in text.splitlines()]
    hashes = [line.count("--hash=sha256:") for line in text.splitlines()]
    assert all(lines)
    return {one[1]: (one[2], count) for one, count in zip(lines, hashes, strict=True) if one}


@pytest.mark.parametrize("name", EXTRAS)
def test_every_dependency_is_locked_with_hashes(name: str) -> None:
    packages = locked(name)
    asked = [*PROJECT["project"]["dependencies"], "setuptools"]
    for extra in EXTRAS[name]:
        asked += PROJECT["project"]["optional-dependencies"][extra]
    names = {re.split(r"[^\w.-]", one)[0].lower() for one in asked} - {PROJECT["project"]["name"]}
    assert names <= packages.keys(), "make lock"
    assert all(count for _, count in packages.values())


def test_what_runs_in_production_is_what_was_tested() -> None:
    tested = locked("dev")
    for name in ("run", "local"):
        assert locked(name).items() <= tested.items()


@pytest.mark.parametrize("name", EXTRAS)
def test_a_lock_names_no_registry(name: str) -> None:
    assert "//" not in (CHECKOUT / "requirements" / f"{name}.txt").read_text()
