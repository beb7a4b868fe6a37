"""The import graph of a checkout: `python -m tests.architecture.import_graph [ROOT]` prints it and judges its shape.

A *room* is a child of a package: a subpackage, or a module at its top; its `__init__` is one only when an arrow touches
it. An *arrow* leads from a room to another one that it imports, however many imports say so. *Floors* are the layers of
the longest path, a circle standing on one floor. A *circle* is a strongly connected component of more than one.

Every import statement counts, wherever it stands: at the top, in a function, under `TYPE_CHECKING`, relative or not.
Not seen are names that are computed, as for `importlib.import_module`, and paths to files of another folder.
"""

import ast
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from itertools import accumulate
from pathlib import Path
from typing import Final

CHECKOUT: Final = Path(__file__).parents[2]
FOLDERS: Final = ("schemas", "processors", "sinks", "deploy")
ROOMS_MAX: Final = {"processors": 16}
FLOORS_MAX: Final = {"processors": 6}


@dataclass(frozen=True, slots=True)
class Module:
    """A source file; of a package, its `__init__`."""

    package: str
    """The folder that the file lies in, as a dotted name."""
    imports: frozenset[str]
    """Absolute dotted names of anybody's: `from a import b` is "a.b", whether `b` is a module or not."""
    docstring: str


Tree = Mapping[str, Module]
"""The modules of a checkout by dotted name."""

Graph = Mapping[str, frozenset[str]]
"""Modules or rooms, and which others each of them imports."""


def read(root: Path) -> Tree:
    """The modules of the four folders. Raises `SyntaxError`."""
    return dict(_module(path, root) for folder in FOLDERS for path in sorted((root / folder).rglob("*.py")))


def _module(path: Path, root: Path) -> tuple[str, Module]:
    *package, stem = path.relative_to(root).with_suffix("").parts
    source = ast.parse(path.read_text(encoding="utf-8"), str(path))
    imports = frozenset(_imports(source, package))
    name = package if stem == "__init__" else [*package, stem]
    return ".".join(name), Module(".".join(package), imports, ast.get_docstring(source) or "")


def _imports(source: ast.Module, package: list[str]) -> Iterator[str]:
    for node in ast.walk(source):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = package[: len(package) - node.level + 1] if node.level else []
            yield from (".".join([*origin, *filter(None, [node.module]), alias.name]) for alias in node.names)


def arrows_of(tree: Tree) -> Graph:
    """Arrows between modules of the tree: an imported name stands for the module that it is, or that defines it."""
    return {
        name: frozenset(filter(None, (_known(one, tree) for one in module.imports))) - {name}
        for name, module in tree.items()
    }


def _known(name: str, tree: Tree) -> str:
    while name and name not in tree:
        name = name.rpartition(".")[0]
    return name


def packages_of(tree: Tree) -> list[str]:
    """Every folder with modules in or below it, also one without an `__init__`."""
    folders = {module.package for module in tree.values()}
    return sorted({name for folder in folders for name in accumulate(folder.split("."), "{}.{}".format)})


def rooms_of(arrows: Graph, package: str) -> Graph:
    """Arrows between the rooms of a package; the package "" is the whole, whose rooms are the four folders."""
    prefix = package and f"{package}."
    room = {
        name: "__init__" if name == package else name.removeprefix(prefix).partition(".")[0]
        for name in arrows
        if name == package or name.startswith(prefix)
    }
    graph = {
        one: frozenset(room[to] for name in room if room[name] == one for to in arrows[name] & room.keys()) - {one}
        for one in room.values()
    }
    touched = {one for one, to in graph.items() if to}.union(*graph.values())
    return {one: to for one, to in graph.items() if one != "__init__" or one in touched}


def circles_of(graph: Graph) -> list[tuple[str, ...]]:
    """Strongly connected components of more than one node, each in alphabetical order."""
    reach = {node: _reachable(graph, node) for node in graph}
    return sorted(
        {tuple(sorted(to for to in reach[node] if node in reach[to])) for node in graph if node in reach[node]}
    )


def _reachable(graph: Graph, start: str) -> set[str]:
    seen: set[str] = set()
    ahead = [start]
    while ahead:
        fresh = graph[ahead.pop()] - seen
        seen |= fresh
        ahead += fresh
    return seen


def floors_of(graph: Graph) -> int:
    """Layers between what imports nothing and what nobody imports, both counted."""
    circle = {node: members[0] for members in circles_of(graph) for node in members}
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for node, to in graph.items():
        stands = circle.get(node, node)
        sorter.add(stands, *({circle.get(one, one) for one in to} - {stands}))
    sorter.prepare()
    floors = 0
    while sorter.is_active():
        sorter.done(*sorter.get_ready())
        floors += 1
    return floors


def circles(tree: Tree) -> list[str]:
    """A line for each circle: of modules, and of the rooms of every package, the whole included."""
    arrows = arrows_of(tree)
    graphs = {"modules": arrows}
    graphs |= {f"rooms of {package or 'the whole'}": rooms_of(arrows, package) for package in ["", *packages_of(tree)]}
    return [f"circle of {what}: {', '.join(names)}" for what, graph in graphs.items() for names in circles_of(graph)]


def beyond_limits(tree: Tree) -> list[str]:
    """A line for each folder with more rooms or more floors than a reader can hold."""
    arrows = arrows_of(tree)
    counts = [
        *((folder, "rooms", len(rooms_of(arrows, folder)), most) for folder, most in ROOMS_MAX.items()),
        *((folder, "floors", floors_of(rooms_of(arrows, folder)), most) for folder, most in FLOORS_MAX.items()),
    ]
    return [f"{folder}: {count} {what}, at most {most}" for folder, what, count, most in counts if count > most]


def table(tree: Tree) -> Iterator[str]:
    """The figures of each folder and of the whole, a line each."""
    yield f"{'':12}{'rooms':>8}{'floors':>8}{'arrows':>8}{'circles':>8}"
    for package in (*FOLDERS, ""):
        graph = rooms_of(arrows_of(tree), package)
        figures = len(graph), floors_of(graph), sum(map(len, graph.values())), len(circles_of(graph))
        yield f"{package or 'the whole':12}" + "".join(f"{figure:8}" for figure in figures)


def main(root: Path) -> int:
    """Exit code 1: a circle, a limit exceeded, or a folder without modules."""
    tree = read(root)
    print(*table(tree), sep="\n")
    problems = [f"{folder}: no modules in {root}" for folder in FOLDERS if folder not in packages_of(tree)]
    problems += circles(tree) + beyond_limits(tree)
    print(*problems, sep="\n", end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else CHECKOUT))
