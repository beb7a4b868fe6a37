"""Configuration in YAML, refused with file, line and reason.

PyYAML forgets where a value stood, and of two equal keys silently keeps the last: so the nodes are kept beside the
content, and a key that stands twice is refused.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from schemas.errors import OidorError

Model = TypeVar("Model", bound=BaseModel)


class YamlRefusedError(OidorError):
    """A file that cannot be used; one line, `file:line: reason` or `file:line: path: reason`."""


@dataclass(frozen=True, slots=True)
class LinedYaml:
    """The content of a document, and where in the text each part of it stands."""

    content: Any
    root: yaml.Node | None

    def line_of(self, location: Sequence[str | int]) -> int:
        """Line, from 1, of what `location` (keys and list positions, from the top) names.

        Parts that the text does not have (a missing key, the tag of a union) are passed over: the line is then that
        of the innermost part that is there.
        """
        return self.place(location)[0]

    def place(self, location: Sequence[str | int]) -> tuple[int, str]:
        """The line, and the path as the file spells it: a.b.0."""
        node, line = self.root, 1 if self.root is None else self.root.start_mark.line + 1
        path = []
        for part in location:
            found = _child(node, part)
            if found is not None:
                node, line, written = found
                path.append(written)
            elif part != "[key]":  # pydantic's mark for what is wrong with the key itself
                path.append(str(part))
        return line, ".".join(path)


def load_with_lines(text: str, name: str) -> LinedYaml:
    """Read one YAML document; `name` is the file's, for messages. Raises `YamlRefusedError`."""
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        _refuse_repeated_keys(root)
        return LinedYaml(None if root is None else loader.construct_document(root), root)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = 1 if mark is None else mark.line + 1
        raise YamlRefusedError(f"{name}:{line}: not usable YAML: {_reason(error, line)}") from error
    except yaml.YAMLError as error:
        raise YamlRefusedError(f"{name}:1: not YAML: {' '.join(str(error).split())}") from error


def names_in(path: Path) -> frozenset[str]:
    """The names at the top of a file; none when it holds something else. Raises `YamlRefusedError`."""
    content = load_with_lines(text_of(path), str(path)).content
    return frozenset(map(str, content)) if isinstance(content, dict) else frozenset()


def text_of(path: Path) -> str:
    """What stands in a file. Raises `YamlRefusedError`."""
    if path.is_dir():
        files = sorted(path.glob("*.yaml"))
        such_as = f", as {files[0]}" if files else ""
        raise YamlRefusedError(f"{path} is a folder: name the files in it{such_as}")
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise YamlRefusedError(f"{path}:1: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise YamlRefusedError(f"{path}:{line}: not UTF-8 text") from error


def read_model(text: str, name: str, model: type[Model]) -> Model:
    """Read a text as `model`; `name` is the file's, for messages.

    Raises `YamlRefusedError`; of several errors it names the first by line.
    """
    document = load_with_lines(text, name)
    try:
        return model.model_validate(document.content)
    except ValidationError as error:
        errors = error.errors(include_url=False)
        (line, where), reason = min((document.place(one["loc"]), _what_to_change(one)) for one in errors)
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        raise YamlRefusedError(f"{name}:{line}: {where or 'the file'}: {reason}{more}") from error


def _what_to_change(error: ErrorDetails) -> str:
    """What is wrong with a value, in words of someone who writes YAML."""
    got = error["input"]
    match error["type"]:
        case "string_type" if isinstance(got, int | float):
            return f'must be text: write "{str(got).lower() if isinstance(got, bool) else got}", in quotes'
        case "string_type":
            return "must be text"
        case "tuple_type" if isinstance(got, str | int | float):
            return f"must be a list: write [{got}]"
        case "tuple_type":
            return "must be a list"
        case "dict_type" | "model_type" | "mapping_type":
            return "must be names with values, as `name: value`"
        case "extra_forbidden":
            return "is no name that is known here: is it misspelt?"
        case "missing":
            return "is missing"
    return error["msg"].removeprefix("Value error, ").replace("Input should be", "must be", 1)


def _reason(error: yaml.MarkedYAMLError, line: int) -> str:
    """What the parser met; and where the part began that it could not finish, if on another line."""
    reason = " ".join(str(error.problem or error.context).split())
    began = error.context_mark
    return reason if began is None or began.line + 1 == line else f"{reason} ({error.context}, line {began.line + 1})"


class _Loader(yaml.SafeLoader):
    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep=deep)
        except ValueError as error:  # what looks like a date and is none, such as 2026-13-45
            raise yaml.constructor.ConstructorError(None, None, str(error), node.start_mark) from error


def _refuse_repeated_keys(root: yaml.Node | None) -> None:
    for node in _nodes(root):
        if isinstance(node, yaml.MappingNode):
            seen: set[tuple[str, str]] = set()
            for key, _ in node.value:
                if isinstance(key, yaml.ScalarNode):
                    if (key.tag, key.value) in seen:
                        raise yaml.constructor.ConstructorError(None, None, f"{key.value} stands twice", key.start_mark)
                    seen.add((key.tag, key.value))


def _nodes(root: yaml.Node | None) -> Iterator[yaml.Node]:
    """Every node once: an alias is the node that it names, and may contain itself."""
    waiting, seen = [root] if root is not None else [], set[int]()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        yield node
        if isinstance(node, yaml.SequenceNode):
            waiting.extend(node.value)
        elif isinstance(node, yaml.MappingNode):
            waiting.extend(part for pair in node.value for part in pair)


def _child(node: yaml.Node | None, part: str | int) -> tuple[yaml.Node, int, str] | None:
    """The node under a key or a list position, the line on which it is named, and the key as written."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and (key.value == str(part) or _repr(key) == part):
                return value, key.start_mark.line + 1, key.value
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part], node.value[part].start_mark.line + 1, str(part)
    return None


def _repr(key: yaml.ScalarNode) -> str | None:
    """How pydantic names a key that is neither text nor a number, such as a date."""
    return repr(yaml.safe_load(key.value)) if key.tag == "tag:yaml.org,2002:timestamp" else None
