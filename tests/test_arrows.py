"""Imports run one way: schemas <- processors <- app -> sinks; only deploy may know all."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("schemas", "processors", "sinks", "deploy")
MAY_IMPORT = {
    "schemas": {"schemas"},
    "processors": {"schemas", "processors"},
    "sinks": {"schemas", "sinks"},
    "deploy": {"schemas", "processors", "sinks", "deploy"},
}
KNOW_THE_WORLD = {"processors/app.py", "processors/warehouse.py"}


def modules() -> list[Path]:
    return [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]


def imported_rooms(path: Path) -> set[str]:
    names = [
        name
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom) and not node.level
            else []
        )
    ]
    return {name.partition(".")[0] for name in names} & {*ROOMS, "tests"}


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_only_what_its_room_may(path: Path) -> None:
    name = str(path.relative_to(ROOT))
    allowed = MAY_IMPORT[name.partition("/")[0]] | ({"sinks"} if name in KNOW_THE_WORLD else set())
    assert imported_rooms(path) <= allowed


def test_the_rooms_are_not_empty() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in modules()} == set(ROOMS)
