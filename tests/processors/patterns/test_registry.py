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
