"""The registry: every pattern is found, is declared whole, and can be changed by the file of an installation."""

import pkgutil
import re
from pathlib import Path
from typing import Any, get_args

import pytest

from deploy.cli.settings import SHIPPED
from processors import patterns
from processors.patterns import registry
from processors.patterns.pattern import Pattern, Scope
from schemas.policies.patterns import read
from schemas.taxonomy import Severity
from tests.processors.feed import DAY, HOUR, MINUTE, rules
from tests.processors.patterns.incidents_after import contact, incidents_after, opened

HOW_TO_DECLARE = {"incidents", "pattern", "registry"}
"""Modules of the room that declare no pattern themselves."""


def test_no_file_of_the_room_is_without_a_declaration() -> None:
    files = {module.name for module in pkgutil.iter_modules(patterns.__path__)} - HOW_TO_DECLARE
    assert files == {Path(_module(pattern)).stem for pattern in registry.PATTERNS}


def _module(pattern: Any) -> str:
    file: str = pattern.incidents.__code__.co_filename
    return file


def test_ids_are_unique_and_in_order() -> None:
    assert list(registry.PATTERN_IDS) == sorted(set(registry.PATTERN_IDS))
    assert len({pattern.runbook for pattern in registry.PATTERNS}) == len(registry.PATTERNS)


@pytest.mark.parametrize("pattern", registry.PATTERNS, ids=lambda pattern: pattern.id)
def test_a_declaration_is_whole(pattern: Pattern[Any]) -> None:
    assert re.fullmatch(r"P\d\d", pattern.id)
    assert re.fullmatch(r"[a-z0-9-]+", pattern.runbook)
    assert pattern.scope in get_args(Scope)
    assert pattern.closes
    assert pattern.version
    ranks = [get_args(Severity).index(severity) for severity in pattern.severities]
    assert ranks
    assert ranks == sorted(set(ranks)), "rising"


@pytest.mark.parametrize("pattern", registry.PATTERNS, ids=lambda pattern: pattern.id)
def test_every_parameter_says_its_unit_and_why_it_is_so(pattern: Pattern[Any]) -> None:
    for name, field in type(pattern.parameters).model_fields.items():
        extra: Any = field.json_schema_extra
        assert extra["unit"], name
        assert (field.description or "").endswith("."), name


def test_the_file_that_is_shipped_changes_nothing() -> None:
    assert read(SHIPPED / "patterns.yaml", registry.DECLARED) == registry.DECLARED


def calls(*days: float) -> list[Any]:
    return [opened(f"C{number}", round(day * DAY), category="billing") for number, day in enumerate(days)]


def handed_on(times: int) -> list[Any]:
    return [contact("transferred", (n + 1) * MINUTE, **{"from": f"t{n}", "to": f"t{n + 1}"}) for n in range(times)]


@pytest.mark.parametrize(
    ("yaml", "pattern", "log", "until", "severities", "instead"),
    [
        ("P01: {serious_share: 0.5}", "P01", [opened(channel="email")], 5 * HOUR, ["info"], ["warning"]),
        ("P08: {warning: 4}", "P08", calls(0, 1, 2), 3 * DAY, ["warning"], []),
        ("P08: {critical: 3}", "P08", calls(0, 1, 2), 3 * DAY, ["warning"], ["critical"]),
        ("P08: {window_days: 1.5}", "P08", calls(0, 1, 2), 3 * DAY, ["warning"], []),
        ("P10: {transfers: 4}", "P10", [opened(), *handed_on(3)], HOUR, ["warning"], []),
    ],
)
def test_the_file_of_an_installation_changes_what_a_pattern_finds(
    tmp_path: Path, yaml: str, pattern: str, log: list[Any], until: int, severities: list[str], instead: list[str]
) -> None:
    file = tmp_path / "patterns.yaml"
    file.write_text(yaml)
    for rules_, found in ((rules(), severities), (rules(patterns=file), instead)):
        rows = incidents_after(*log, until=until, rules_=rules_).of(pattern)
        assert [row["severity"] for row in rows] == found


def test_every_parameter_of_every_pattern_is_among_those_that_are_tried() -> None:
    tried = {("P01", "serious_share"), ("P08", "warning"), ("P08", "critical"), ("P08", "window_days")}
    tried |= {("P10", "transfers")}
    assert tried == {(one.id, name) for one in registry.PATTERNS for name in type(one.parameters).model_fields}
