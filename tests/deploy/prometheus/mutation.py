"""Alerts that are broken on purpose: of each comparison, wait and matcher of a rule one that is wrong."""

import copy
import re
from collections.abc import Iterator
from typing import Any

Rule = dict[str, Any]

_COMPARISON = re.compile(r" (>=|<=|==|!=|>|<) (bool )?([\d.]+(?=[\s)]|$))?")
_MATCHER = re.compile(r"\b(\w+)(=~|!~|!=|=)(\"[^\"]*\")(, ?)?")
_UNITS = {"s": 1, "m": 60, "h": 3600}


def mutants(rule: Rule) -> Iterator[tuple[str, Rule]]:
    """Each rule that differs in one place, and in words what is wrong with it."""
    expr = rule["expr"]
    for found in _COMPARISON.finditer(expr):
        for wrong in _wrong_comparisons(found[1], found[3]):
            yield f"{found[0].strip()} as {wrong}", rule | {"expr": _put(expr, found, f" {wrong} ")}
    for found in _MATCHER.finditer(expr):
        yield f"without {found[1]}{found[2]}{found[3]}", rule | {"expr": _put(expr, found, "")}
    yield from _waits(rule, "for", 60)
    if "keep_firing_for" in rule:
        yield "not kept", {key: value for key, value in rule.items() if key != "keep_firing_for"}
        yield from _waits(rule, "keep_firing_for", 0)


def _wrong_comparisons(operator: str, number: str | None) -> list[str]:
    if number is None:
        return [f"{operator}= ", f"{operator} 0.9 *"] if operator in "<>" else ["=="]
    if operator in ("==", "!="):
        return [f"{'!=' if operator == '==' else '=='} {number}"]
    value = float(number)
    # Of what is counted the first must be told; of what is measured a fifth more or less must be.
    bounds = (-1.0, 1.5) if value in (0, 0.5) else (value * 0.8, value * 1.2)
    return [f"{operator} {bound:.10g}" for bound in bounds]


def _waits(rule: Rule, key: str, without: int) -> Iterator[tuple[str, Rule]]:
    seconds = _seconds(rule[key]) if key in rule else 0
    for wrong in (seconds // 2, seconds * 2) if seconds else (without,):
        broken = copy.deepcopy(rule)
        broken[key] = f"{wrong}s"
        yield f"{key} {wrong} s and not {seconds}", broken


def _seconds(written: str) -> int:
    return int(written[:-1]) * _UNITS[written[-1]]


def _put(text: str, found: re.Match[str], instead: str) -> str:
    return text[: found.start()] + instead + text[found.end() :]
