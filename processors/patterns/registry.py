"""All failure patterns, in the order of their ids: whoever needs a list of them reads this one.

A pattern is in it by being declared in a module of this room. The modules are found and not listed, for a pattern that
is written, tested and left out of a list is one that nobody misses; a test holds that no file of the room is without a
declaration, but for those that say how to declare.
"""

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from processors import patterns
from processors.patterns.pattern import CasePattern, Pattern, SubjectPattern
from schemas.policies.patterns import Parameters


def _declared() -> Iterator[Pattern[Any]]:
    for module in pkgutil.iter_modules(patterns.__path__, f"{patterns.__name__}."):
        if module.name != __name__:
            declared = vars(importlib.import_module(module.name)).values()
            yield from (one for one in declared if isinstance(one, Pattern))


PATTERNS: Final = tuple(sorted(_declared(), key=lambda pattern: pattern.id))
PATTERN_IDS: Final = tuple(pattern.id for pattern in PATTERNS)
CASE_PATTERNS: Final[tuple[CasePattern[Any], ...]] = tuple(one for one in PATTERNS if isinstance(one, CasePattern))
SUBJECT_PATTERNS: Final[Mapping[str, SubjectPattern[Any]]] = MappingProxyType(
    {one.id: one for one in PATTERNS if isinstance(one, SubjectPattern)}
)
DECLARED: Final[Mapping[str, Parameters]] = MappingProxyType({one.id: one.parameters for one in PATTERNS})
"""The parameters of each pattern as it declares them."""

assert len(set(PATTERN_IDS)) == len(PATTERNS), f"two patterns have one id: {PATTERN_IDS}"
