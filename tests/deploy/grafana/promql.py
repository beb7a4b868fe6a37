"""What a PromQL expression asks for: the families of our registry that it selects, and by which labels."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

import promql_parser

from sinks.metrics.family import Family
from sinks.metrics.reference import PROCESSES

SUFFIXES: Final[Mapping[str, tuple[str, ...]]] = {
    "counter": ("_total",),
    "gauge": ("",),
    "histogram": ("_bucket", "_sum", "_count"),
    "summary": ("_sum", "_count"),
}
OF_PROMETHEUS: Final = frozenset({"up", "process_cpu_seconds_total", "process_resident_memory_bytes"})
"""What Prometheus and its client export beside our families."""
TARGET_LABELS: Final = frozenset({"job", "instance"})

EXPORTED: Final[Mapping[str, Family]] = {
    family.exported_name + suffix: family
    for family in chain.from_iterable(PROCESSES.values())
    for suffix in SUFFIXES[family.kind]
}


@dataclass(frozen=True)
class Selected:
    """One selector of an expression, with the labels by which what is around it groups."""

    name: str
    matchers: tuple[tuple[str, bool, str], ...]
    """Label, whether it is compared as text, value."""
    grouped_by: frozenset[str]


def selected(expression: str) -> list[Selected]:
    """Every selector of the expression. Raises ValueError when it is no PromQL."""
    return list(_walk(promql_parser.parse(expression), frozenset()))


def _walk(node: Any, grouped_by: frozenset[str]) -> Iterator[Selected]:
    if isinstance(node, promql_parser.VectorSelector):
        matchers = tuple((m.name, "Equal" in str(m.op), m.value) for m in node.matchers.matchers)
        yield Selected(node.name or "", matchers, grouped_by)
        return
    if isinstance(node, promql_parser.AggregateExpr) and node.modifier:
        grouped_by = grouped_by | {*node.modifier.labels}
    for part in ("lhs", "rhs", "expr", "vector_selector"):
        if hasattr(node, part):
            yield from _walk(getattr(node, part), grouped_by)
    for argument in getattr(node, "args", ()):
        yield from _walk(argument, grouped_by)


def mistakes(expression: str) -> Iterator[str]:
    """What the expression asks of our metrics that they do not have."""
    for one in selected(expression):
        if one.name in OF_PROMETHEUS:
            continue
        family = EXPORTED.get(one.name)
        if family is None:
            yield f"no metric {one.name}"
            continue
        labels = {label.name: label for label in family.labels}
        wanted = one.grouped_by | {name for name, _, _ in one.matchers}
        own = {"le"} if one.name.endswith("_bucket") else set()
        yield from (f"{one.name} has no label {name}" for name in sorted(wanted - labels.keys() - own - TARGET_LABELS))
        for name, as_text, value in one.matchers:
            known = labels[name].vocabulary if name in labels else frozenset()
            if as_text and known and value not in known:
                yield f"{one.name} is never {name}={value}"
            if name == "le" and value != "+Inf" and float(value) not in getattr(family, "buckets", ()):
                yield f"{one.name} has no bucket at {value}"
