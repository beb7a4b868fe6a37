"""Failure patterns. One file a family; `OF_CASE` is the registry of those that one case decides.

A pattern is a pure function from what is known to the incidents that follow from it: the same facts, the same
incidents, in whatever order they came. The pipeline compares with what it last told and tells the difference.
"""

from collections.abc import Callable, Iterable
from typing import Final

from processors.cases.case import Case
from processors.patterns import ping_pong, sla
from processors.rules import Rules
from schemas.outputs import IncidentRow

CasePattern = Callable[[Case, int, int, Rules], Iterable[IncidentRow]]
"""(case, partition, now, rules) -> incidents"""

OF_CASE: Final[tuple[CasePattern, ...]] = (sla.incidents, ping_pong.incidents)
