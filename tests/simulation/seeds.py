"""A seed from beginning to end, and what it must come to."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from tests.processors.views import Row
from tests.simulation import model
from tests.simulation.faults import disturbed
from tests.simulation.traffic import Traffic, traffic
from tests.simulation.world import Disturb, Outcome, run, undisturbed

LOGS = 10
"""Different logs; seeds beyond disturb them differently."""


@dataclass(frozen=True)
class Played:
    seed: int
    outcome: Outcome
    wrong: list[str]
    """What is not as it should be; nothing when all is well."""


def log_of(seed: int) -> Traffic:
    return traffic(seed % LOGS)


@cache
def in_peace(log: int) -> Outcome:
    """The log there from the beginning, one worker, no faults: the same real code with nothing to disturb it."""
    return run(traffic(log), random.Random(log), undisturbed, live=False)


def played(seed: int, disturb: Disturb = disturbed) -> Played:
    """A seed with all that goes wrong in it."""
    outcome = run(log_of(seed), random.Random(seed), disturb, live=True)
    peace = in_peace(seed % LOGS)
    wrong = [*outcome.anomalies, *_differences(outcome, peace), *model.differences(log_of(seed), outcome.tables)]
    return Played(seed, outcome, wrong)


def _differences(disturbed: Outcome, peace: Outcome) -> Iterator[str]:
    tables = {**peace.tables, "incident messages": list(peace.incidents.values())}
    others = {**disturbed.tables, "incident messages": list(disturbed.incidents.values())}
    erased = _erased(tables) | _erased(others)
    for name in tables:
        rows, beside = (_without(erased, each[name]) for each in (tables, others))
        if rows == beside:
            continue
        for who, these, those in (("disturbed", rows, beside), ("undisturbed", beside, rows)):
            if missing := _missing(these, those):
                yield f"{len(missing)} rows of {name} are not in the {who} run, such as {missing[0]}"


def _erased(tables: dict[str, list[Row]]) -> set[object]:
    """The cases and records of customers who were erased: in one run they may be masked already, in the other not."""
    return {about for rows in tables.values() for row in rows if row.get("erased") for about in _about(row)}


def _about(row: Row) -> list[object]:
    case = tuple(row.get(name, "") for name in ("topic", "source", "entity_id"))
    record = tuple(row.get(name, "") for name in ("topic", "partition", "offset"))
    return [about for about in (case, record) if about[-1] != ""]


def _without(erased: set[object], rows: list[Row]) -> list[Row]:
    return [row for row in rows if erased.isdisjoint(_about(row))] if erased else rows


def _missing(these: list[Row], those: list[Row]) -> list[Row]:
    known = {str(sorted(row.items())) for row in those}
    return [
        {column: value for column, value in row.items() if value not in (0, "", None, [], {})}
        for row in these
        if str(sorted(row.items())) not in known
    ]
