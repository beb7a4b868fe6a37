"""Why a process does not do its work: what is wrong, since when, and what that means.

`/ready` shows all of them; the log has one line when one begins, and one when it is over.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, NamedTuple

logger = logging.getLogger(__name__)

LASTING_MS: Final = 5_000
"""What has lasted so long is logged; what is shorter, as most rebalances are, is on `/ready` only."""


class Problem(NamedTuple):
    """A reason why a process is not ready."""

    kind: str
    """What stays the same while it lasts, such as `clickhouse` or `clock`: figures in `what` may change."""
    what: str
    """What is wrong, as it is now."""
    means: str
    """What that means for the work, and what to do where somebody must."""
    since: int | None = None
    """When it began, ms of the wall clock; None: when it was first seen."""


class ShownProblem(NamedTuple):
    """A problem as `/ready` shows it."""

    what: str
    since: str
    """RFC 3339."""
    means: str


@dataclass(slots=True)
class _Known:
    problem: Problem
    since: int
    logged: bool = False


@dataclass
class ProblemJournal:
    """Since when each problem has been there, by its kind. Logs where one that lasts begins and ends."""

    _known: dict[str, _Known] = field(default_factory=dict)

    def look(self, problems: Iterable[Problem], now: int) -> list[ShownProblem]:
        """Takes note of all problems of this moment, `now` in ms of the wall clock, and returns them as shown."""
        present = {problem.kind: problem for problem in problems}
        for kind in self._known.keys() - present.keys():
            self._end(self._known.pop(kind), now)
        for kind, problem in present.items():
            known = self._known.setdefault(kind, _Known(problem, now))
            known.problem = problem
            known.since = min(known.since, now if problem.since is None else problem.since)
            if not known.logged and now - known.since >= LASTING_MS:
                known.logged = True
                logger.warning("Not ready since %s: %s: %s", _moment(known.since), problem.what, problem.means)
        return [
            ShownProblem(known.problem.what, _moment(known.since), known.problem.means)
            for known in map(self._known.__getitem__, present)
        ]

    def _end(self, known: _Known, now: int) -> None:
        if known.logged:
            seconds = (now - known.since) / 1000
            logger.warning("Over after %.0f s, it began at %s: %s", seconds, _moment(known.since), known.problem.what)


def _moment(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="seconds")
