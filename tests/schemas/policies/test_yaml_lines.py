"""YAML that is refused is refused with its line."""

from pathlib import Path

import pytest
from pydantic import BaseModel

from schemas.policies.yaml_lines import YamlRefusedError, load_with_lines, read_model, text_of


class Part(BaseModel):
    number: int


class Whole(BaseModel):
    parts: list[Part]
    named: dict[str, Part] = {}


def test_the_first_error_by_line_is_named_and_the_others_counted(tmp_path: Path) -> None:
    path = tmp_path / "whole.yaml"
    path.write_text("named:\n  a: {number: x}\nparts:\n  - number: 1\n  - number: y\n", encoding="utf-8")
    with pytest.raises(YamlRefusedError) as refused:
        read_model(text_of(path), str(path), Whole)
    assert str(refused.value).startswith(f"{path}:2: named.a.number: ")
    assert str(refused.value).endswith(" (and 1 more)")


def test_a_line_is_that_of_the_innermost_part_that_is_there() -> None:
    document = load_with_lines("# a comment\na:\n  - b: 1\n    c: &same\n      d: 2\n  - *same\n", "any")
    lines = {
        ("a",): 2, ("a", 0): 3, ("a", 0, "c"): 4, ("a", 0, "c", "d"): 5, ("a", 0, "missing"): 3,
        ("a", "a-tag-of-a-union", 0, "c"): 4, ("a", 1, "d"): 5, ("a", 7): 2, (): 2,
    }  # fmt: skip
    assert {location: document.line_of(location) for location in lines} == lines


def test_a_node_that_contains_itself_is_read_without_end_to_the_search() -> None:
    document = load_with_lines("&loop\na: *loop\n", "any")
    assert document.line_of(("a", "a", "a")) == 2
