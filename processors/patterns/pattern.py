"""What a failure pattern declares, beside the function that finds its incidents.

A pattern is a pure function from what is known to the incidents that follow from it: the same facts, the same
incidents, in whatever order they came. `emission` compares with what was emitted last and emits the differences, so a
pattern never says that something changed. When it raises, it costs its own incidents and no record: see `isolation`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, Literal, TypeVar

from processors.cases.case import Case
from processors.cases.events import CaseKey
from processors.cases.history import History, Membership, Subject
from processors.patterns.incidents import Incident
from processors.sla.clocks import Reading
from schemas.policies.patterns import Parameters
from schemas.taxonomy import Severity

Scope = Literal["case", "subject", "series"]
"""What a pattern looks at: one case, all cases of a subject, or counts over time."""

P = TypeVar("P", bound=Parameters)


@dataclass(frozen=True, kw_only=True)
class Pattern(Generic[P]):
    """The declaration of one pattern. Rows, metrics, topics and documents name it as it is said here."""

    scope: ClassVar[Scope]
    id: str
    """P and two digits, for good: it is part of every incident id."""
    name: str
    """As an operator calls it."""
    severities: tuple[Severity, ...]
    """Those that its incidents may have, rising."""
    closes: str
    """When an incident closes by itself, in words."""
    parameters: P
    """The defaults; `deploy/policies/patterns.yaml` may change them."""
    version: str
    """Another one whenever the same facts give other incidents: `rule_version` of every row."""

    @property
    def runbook(self) -> str:
        """The anchor of its section in the runbook."""
        return self.name.lower().replace(" ", "-")


@dataclass(frozen=True, kw_only=True)
class CasePattern(Pattern[P]):
    """A pattern that one case decides."""

    scope: ClassVar[Scope] = "case"
    incidents: Callable[[Case, Sequence[Reading], int, P], Sequence[Incident]]
    """(case, what each of its clocks says, now in ms, parameters) -> incidents; never asked about a test."""


@dataclass(frozen=True, kw_only=True)
class SubjectPattern(Pattern[P]):
    """A pattern that all cases of one subject decide together."""

    scope: ClassVar[Scope] = "subject"
    topic: str
    """The input topic by whose time its incidents close."""
    membership: Callable[[Case], Membership | None]
    """Which subject a case belongs to; None: it counts for nobody."""
    least: Callable[[P], int]
    """So many cases a subject must have before the pattern is asked at all: most subjects have one."""
    incidents: Callable[[Subject, History, Callable[[CaseKey], Case], int, P], Iterable[Incident]]
    """(subject, its history, case of a key, now in ms, parameters) -> incidents"""
    quiet_at: Callable[[History, P], int]
    """(history, parameters) -> when, in ms, its incidents may change though nothing arrives."""
