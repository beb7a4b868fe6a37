"""Which room may know which: the two worlds, their floors, and what keeps them deterministic.

`MAY_IMPORT` is the whole plan; a new room stands in it before it imports anything. What it decides beyond the drawing:

* Rooms of one floor do not know each other: patterns judge a case and need no state, the state keeps cases and needs
  no pattern.
* `rules` belongs to the feedback world: it reads the settings, once, so that nobody else in that world does. Only
  `patterns`, `state` and `pipeline` decide by it; `cases` and what is below are handed what they need.
* `settings` belongs to neither world and knows neither, so the stream world may read it.
* Only a process knows a sink. Processes do not know each other, and nobody in `processors` knows them.
* Servers in `deploy/local` know each other only, for they serve any project; `local/stack` alone starts ours on them.
* The board reads streams and asks processes; the database is asked by a function that the command hands in.
* What is in `deploy/reading` reads the database with what feedback decides, and knows nothing of how streams are read.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

from tests.architecture.import_graph import (
    CHECKOUT,
    FLOORS_MAX,
    FOLDERS,
    ROOMS_MAX,
    Tree,
    arrows_of,
    beyond_limits,
    circles,
    floors_of,
    main,
    packages_of,
    read,
)


def _processors(names: str) -> frozenset[str]:
    return frozenset(f"processors.{name}" for name in names.split())


FEEDBACK: Final = _processors("rules pipeline patterns state cases sla kpis enrichment")
STREAM: Final = _processors("durability runtime")
PROCESSES: Final = _processors("worker warehouse detector")

_SCHEMAS: Final = frozenset({"schemas"})
_SETTINGS: Final = _processors("settings")
_BELOW_CASES: Final = _SCHEMAS | _processors("enrichment sla kpis")
_BELOW_PIPELINE: Final = _BELOW_CASES | _processors("cases rules")

MAY_IMPORT: Final[Mapping[str, frozenset[str]]] = {
    "schemas": frozenset(),
    "sinks": _SCHEMAS,
    "processors.settings": _SCHEMAS,
    # feedback
    "processors.enrichment": _SCHEMAS,
    "processors.sla": _SCHEMAS,
    "processors.kpis": _SCHEMAS,
    "processors.cases": _BELOW_CASES,
    "processors.rules": _SCHEMAS | _SETTINGS | _processors("sla enrichment"),
    "processors.patterns": _BELOW_PIPELINE,
    "processors.state": _BELOW_PIPELINE,
    "processors.pipeline": _BELOW_PIPELINE | _processors("patterns state"),
    # stream
    "processors.runtime": _SCHEMAS | _SETTINGS,
    "processors.durability": _SCHEMAS | _SETTINGS | _processors("runtime"),
    **dict.fromkeys(PROCESSES, _SCHEMAS | _SETTINGS | FEEDBACK | STREAM | {"sinks"}),
    # where it runs
    "deploy.board": _SCHEMAS | _SETTINGS | {"processors.runtime", "sinks"},
    "deploy.cli": frozenset(FOLDERS),
    "deploy.clickhouse": _SCHEMAS | _SETTINGS | {"sinks"},
    "deploy.local": frozenset(),
    "deploy.local.stack": frozenset(FOLDERS),
    "deploy.grafana": _SETTINGS | {"sinks"},
    "deploy.traffic": _SCHEMAS,
    "deploy.adapters": _SCHEMAS | _SETTINGS,
    "deploy.reading": _SCHEMAS | _SETTINGS | FEEDBACK | {"sinks", "deploy.clickhouse"},
}
"""What a room may import beside itself and what lies in it. The longest name that fits a module is its room."""

_AT_TOP: Final = PROCESSES | _processors("settings rules") | {"deploy.local.stack"}
"""Rooms of one module."""

NOT_DETERMINISTIC: Final = frozenset(
    {"asyncio", "threading", "subprocess", "time", "random", "secrets", "socket", "select", "ssl"}
    | {"faust", "mode", "aiokafka", "kafka"}
)
DOCSTRING_LINES_MAX: Final = 6


def _within(module: str, room: str) -> bool:
    return f"{module}.".startswith(f"{room}.")


def _room(module: str, rooms: frozenset[str]) -> str:
    """The innermost of the rooms that holds the module; empty when none does."""
    return max((room for room in rooms if _within(module, room)), key=len, default="")


def a_room_imports_only_what_its_rule_allows(tree: Tree) -> Iterator[str]:
    for importer, imported in arrows_of(tree).items():
        room = _room(importer, frozenset(MAY_IMPORT))
        if imported and not room:
            yield f"{importer} belongs to no room of MAY_IMPORT"
        elif room:
            allowed = MAY_IMPORT[room] | {room}
            yield from (f"{importer} imports {one}" for one in sorted(imported) if not _room(one, allowed))


def only_processes_know_both_worlds(tree: Tree) -> Iterator[str]:
    for module, imported in arrows_of(tree).items():
        known = imported | {module}
        both = all(any(_room(one, world) for one in known) for world in (FEEDBACK, STREAM))
        if both and _within(module, "processors") and not _room(module, PROCESSES):
            yield f"{module} knows both worlds"


def there_is_no_circle(tree: Tree) -> Iterator[str]:
    yield from circles(tree)


def a_reader_can_hold_the_plan(tree: Tree) -> Iterator[str]:
    yield from beyond_limits(tree)


def feedback_and_what_may_flow_are_deterministic(tree: Tree) -> Iterator[str]:
    for name, module in tree.items():
        if _room(name, FEEDBACK | _SCHEMAS):
            roots = {one.partition(".")[0] for one in module.imports}
            yield from (f"{name} imports {one}" for one in sorted(roots & NOT_DETERMINISTIC))


def nobody_imports_tests(tree: Tree) -> Iterator[str]:
    for name, module in tree.items():
        if any(_within(one, "tests") for one in module.imports):
            yield f"{name} imports tests"


def every_package_says_what_it_is_for(tree: Tree) -> Iterator[str]:
    for package in packages_of(tree):
        lines = len(tree[package].docstring.splitlines()) if package in tree else 0
        if not 1 <= lines <= DOCSTRING_LINES_MAX:
            yield f"{package.replace('.', '/')}/__init__.py: a docstring of {lines} lines; 1 to {DOCSTRING_LINES_MAX}"


Rule = Callable[[Tree], Iterator[str]]
"""What in a tree breaks the rule, a line each."""

RULES: Final[tuple[Rule, ...]] = (
    a_room_imports_only_what_its_rule_allows,
    only_processes_know_both_worlds,
    there_is_no_circle,
    a_reader_can_hold_the_plan,
    feedback_and_what_may_flow_are_deterministic,
    nobody_imports_tests,
    every_package_says_what_it_is_for,
)


@pytest.fixture(scope="module")
def product() -> Tree:
    return read(CHECKOUT)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_product_keeps_the_rule(rule: Rule, product: Tree) -> None:
    offences = list(rule(product))
    assert not offences, "\n".join(offences)


def test_no_rule_holds_for_want_of_anything_to_see(product: Tree) -> None:
    arrows = arrows_of(product)
    assert arrows.keys() >= FEEDBACK | STREAM
    assert {one.partition(".")[0] for imported in arrows.values() for one in imported} == {*FOLDERS}


DRAWN: Final = {
    f"{room.replace('.', '/')}{'.py' if room in _AT_TOP else '/__init__.py'}": '"""What the room is for."""'
    for room in (*FOLDERS, *MAY_IMPORT)
}
"""The plan with nothing in it."""

UNDER_TYPE_CHECKING: Final = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    "
IN_A_FUNCTION: Final = "def later() -> None:\n    "

BROKEN: Final[tuple[tuple[Rule, dict[str, str], list[str]], ...]] = (
    (
        there_is_no_circle,
        {
            "schemas/one.py": "import schemas.two",
            "schemas/two.py": f"{UNDER_TYPE_CHECKING}from schemas.three import Three",
            "schemas/three.py": f"{IN_A_FUNCTION}from . import one",
        },
        ["circle of modules: schemas.one, schemas.three, schemas.two", "circle of rooms of schemas: one, three, two"],
    ),
    (  # of rooms, though no two modules import each other
        there_is_no_circle,
        {
            "deploy/cli/main.py": "from deploy.local import stack",
            "deploy/local/ports.py": "from ..cli import errors",
        },
        ["circle of rooms of deploy: cli, local"],
    ),
    (
        there_is_no_circle,
        {"sinks/board/__init__.py": "from sinks.board.page import Page", "sinks/board/page.py": "from . import PAGE"},
        ["circle of modules: sinks.board, sinks.board.page", "circle of rooms of sinks.board: __init__, page"],
    ),
    (
        only_processes_know_both_worlds,
        {
            "processors/cases/case.py": f"{UNDER_TYPE_CHECKING}from processors.runtime.status import Status",
            "processors/durability/changelog.py": f"{IN_A_FUNCTION}from ..state import partition",
            "processors/settings.py": "from processors import durability, kpis",
            "processors/worker.py": "from processors import durability, pipeline",
            "processors/rules.py": "from processors import sla",
        },
        [f"processors.{name} knows both worlds" for name in ("cases.case", "durability.changelog", "settings")],
    ),
    (
        a_room_imports_only_what_its_rule_allows,
        {
            "schemas/outputs.py": "from processors.kpis import samples",
            "sinks/metrics.py": "from processors import rules",
            "processors/sla/clocks.py": "from processors.cases.case import Case\nimport schemas.policies",
            "processors/state/partition.py": "from processors.patterns import registry",
            "processors/cases/fold.py": "from processors.settings import Settings",
            "processors/runtime/service.py": "from processors.durability import partition",
            "processors/pipeline/step.py": "import sinks.metrics\nfrom processors.state import partition",
            "processors/detector.py": "from processors.worker import Worker\nfrom sinks import metrics",
            "processors/elsewhere.py": "import schemas.outputs",
            "deploy/local/ports.py": "from schemas import outputs\nfrom deploy.local import stack",
            "deploy/local/stack.py": "from processors.settings import Settings",
            "deploy/traffic/publish.py": "from deploy.local.ports import free_ports",
            "deploy/reading/why.py": "from processors.cases import case\nfrom processors.durability import partition",
        },
        [
            "schemas.outputs imports processors.kpis",
            "processors.cases.fold imports processors.settings",
            "processors.detector imports processors.worker",
            "processors.elsewhere belongs to no room of MAY_IMPORT",
            "processors.pipeline.step imports sinks.metrics",
            "processors.runtime.service imports processors.durability",
            "processors.sla.clocks imports processors.cases",
            "processors.state.partition imports processors.patterns",
            "sinks.metrics imports processors.rules",
            "deploy.local.ports imports schemas.outputs",
            "deploy.reading.why imports processors.durability",
            "deploy.traffic.publish imports deploy.local.ports",
        ],
    ),
    (
        feedback_and_what_may_flow_are_deterministic,
        {
            "processors/sla/clocks.py": f"{IN_A_FUNCTION}from time import time_ns",
            "processors/pipeline/step.py": "import logging\nimport faust.types, timeit",
            "processors/runtime/status.py": "import asyncio",
        },
        ["processors.pipeline.step imports faust", "processors.sla.clocks imports time"],
    ),
    (
        nobody_imports_tests,
        {
            "deploy/cli/main.py": f"{IN_A_FUNCTION}from tests.bench import report",
            "sinks/metrics.py": "import testsuite",
        },
        ["deploy.cli.main imports tests"],
    ),
    (
        every_package_says_what_it_is_for,
        {
            "sinks/board/page.py": "",
            "sinks/table/__init__.py": "",
            "sinks/tree/__init__.py": '"""' + "A line.\n" * 7 + '"""',
            "sinks/tree/leaf/__init__.py": '"""' + "A line.\n" * 6 + '"""',
        },
        [
            "sinks/board/__init__.py: a docstring of 0 lines; 1 to 6",
            "sinks/table/__init__.py: a docstring of 0 lines; 1 to 6",
            "sinks/tree/__init__.py: a docstring of 7 lines; 1 to 6",
        ],
    ),
)


def write_tree(root: Path, files: Mapping[str, str]) -> Tree:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return read(root)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_plan_as_drawn_keeps_every_rule(rule: Rule, tmp_path: Path) -> None:
    assert list(rule(write_tree(tmp_path, DRAWN))) == []


@pytest.mark.parametrize(("rule", "files", "offences"), BROKEN)
def test_what_breaks_a_rule_is_named(rule: Rule, files: Mapping[str, str], offences: list[str], tmp_path: Path) -> None:
    assert list(rule(write_tree(tmp_path, {**DRAWN, **files}))) == offences


def test_a_circle_stands_on_one_floor() -> None:
    top = {"top": frozenset("b")}
    assert floors_of({**top, "a": frozenset("b"), "b": frozenset("ac"), "c": frozenset()}) == 3


def test_rooms_and_floors_are_counted_one_over_the_limit(tmp_path: Path) -> None:
    rooms, floors = ROOMS_MAX["processors"] + 1, FLOORS_MAX["processors"] + 1
    files = {f"processors/room_{n}.py": f"import processors.room_{n - 1}" for n in range(1, floors)}
    files |= {f"processors/room_{n}.py": "" for n in (0, *range(floors, rooms))}
    assert beyond_limits(write_tree(tmp_path, {"processors/__init__.py": "", **files})) == [
        f"processors: {rooms} rooms, at most {rooms - 1}",
        f"processors: {floors} floors, at most {floors - 1}",
    ]


def test_the_script_fails_for_a_circle_a_limit_and_an_empty_checkout(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def printed(files: Mapping[str, str], exit_code: int) -> str:
        write_tree(tmp_path, files)
        assert main(tmp_path) == exit_code
        return capsys.readouterr().out

    assert "deploy: no modules in" in printed({}, 1)
    assert printed({**DRAWN, "sinks/one.py": "import schemas"}, 0).split()[-4:] == ["4", "2", "1", "0"]
    assert "circle of rooms of the whole: schemas, sinks" in printed({"schemas/one.py": "import sinks.one"}, 1)
    assert "at most" in printed({f"processors/room_{n}.py": "" for n in range(ROOMS_MAX["processors"])}, 1)
