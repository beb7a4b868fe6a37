"""`docs/limits.md`, from the JSON Schema of the events: `python -m schemas.limits > docs/limits.md`."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from schemas.events.decoding import ADAPTERS, MAX_BYTES

_INTRODUCTION: Final = f"""# Limits

Generated from the types of the events, `schemas/events`: change them there. What goes beyond is rejected, and the
rejection says which limit it was.

A record has at most {MAX_BYTES // 1024} KiB. Of a list or a map the first bad entry is told, and no other is looked at.
"""
_KEYWORDS: Final[Mapping[str, str]] = {
    "maxLength": "at most {} characters",
    "maxItems": "at most {} entries",
    "maxProperties": "at most {} entries",
    "pattern": "`{}`",
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
}
"""Keywords of JSON Schema -> what each says of a value."""


def page() -> str:
    """The page."""
    return "\n".join([_INTRODUCTION, *(_section(topic, limits_of(topic)) for topic in ADAPTERS)])


def limits_of(topic: str) -> dict[str, str]:
    """Path of a field, over all events of a topic -> what it may hold."""
    schema = ADAPTERS[topic].json_schema()
    found: dict[str, set[str]] = {}
    for path, limit in _limits(schema, schema["$defs"], ""):
        found.setdefault(path, set()).add(limit)
    return {path: " or ".join(sorted(found[path])) for path in sorted(found)}


def _limits(schema: Mapping[str, Any], named: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    if reference := schema.get("$ref"):
        schema = named[reference.rpartition("/")[2]]
    said = [words.format(_plain(schema[word])) for word, words in _KEYWORDS.items() if word in schema]
    if path and said:
        extra = schema.get("description") if schema.get("type") != "object" or "maxProperties" in schema else None
        yield path, ", ".join(said) + (f". {extra}" if extra else "")
    for part in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        yield from _limits(part, named, path)
    for name, part in schema.get("properties", {}).items():
        yield from _limits(part, named, f"{path}.{name}" if path else name)
    if isinstance(items := schema.get("items"), dict):
        yield from _limits(items, named, f"{path}[]")
    if isinstance(values := schema.get("additionalProperties"), dict):
        yield from _limits(schema.get("propertyNames", {}), named, f"{path}.KEY")
        yield from _limits(values, named, f"{path}.*")


def _plain(value: Any) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) < 1e12 else f"{value:g}"
    return str(value).replace("|", "\\|")


def _section(topic: str, limits: Mapping[str, str]) -> str:
    lines = [f"## Of {topic}", "", "| field | may hold |", "|---|---|"]
    return "\n".join([*lines, *(f"| `{path}` | {limit} |" for path, limit in limits.items()), ""])


if __name__ == "__main__":
    print(page(), end="")
