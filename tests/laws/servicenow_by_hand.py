"""Resolution clocks of the ServiceNow sample, computed from its CSV alone: nothing of the processors is used."""

import csv
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from deploy.traffic.readers import SAMPLES

HOUR: Final = 3_600_000
_HOURS: Final = {"1 - Critical": 4, "2 - High": 8, "3 - Moderate": 24, "4 - Low": 40}
_LONGEST_PAUSE: Final = 120 * HOUR
_WAITING: Final = ("Awaiting User Info", "Awaiting Evidence", "Awaiting Problem", "Awaiting Vendor")

Row = dict[str, str]
ByHand = tuple[str, int, str, int, int, int]
"""incident, instance, outcome, started, due, stopped"""


def incidents() -> list[Row]:
    with (SAMPLES / "servicenow_incidents.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def resolution_clocks(*, pausing: bool) -> Iterator[ByHand]:
    """Opened to Resolved, by the hours of the priority; after a reopening what was left, unless it was broken.

    Another priority counts from the opening; if that is past, a quarter of an hour or a tenth of its hours from then.
    With `pausing`, time Awaiting User Info does not count: until it is Active again, or Awaiting something else, five
    days at most.
    """
    updates: dict[str, list[Row]] = {}
    for row in incidents():
        updates.setdefault(row["number"], []).append(row)
    for number, rows in updates.items():
        rows.sort(key=lambda row: (_moment(row["sys_updated_at"]), int(row["sys_mod_count"])))
        yield from _of_incident(number, rows, pausing)


def _of_incident(number: str, rows: list[Row], pausing: bool) -> Iterator[ByHand]:
    opened = start = _moment(rows[0]["opened_at"])
    allowed = _HOURS[rows[0]["priority"]] * HOUR
    idle: list[tuple[int, int]] = []  # paused, or solved: time that does not count
    waits_from: int | None = None
    instance, running, state, reopens, priority = 1, True, "New", 0, rows[0]["priority"]
    outcome, solved_at = "", 0
    for row in rows:
        at = max(opened, _moment(row["sys_updated_at"]))
        if waits_from is not None and at > waits_from + _LONGEST_PAUSE:
            idle.append((waits_from, waits_from + _LONGEST_PAUSE))
            waits_from = None
        frozen_at = at if waits_from is None else waits_from
        due = _due(opened, allowed, idle)
        if row["priority"] != priority:
            priority = row["priority"]
            if running and frozen_at <= due:
                allowed = _HOURS[priority] * HOUR
                used = frozen_at - opened - sum(end - begin for begin, end in idle)
                if used > allowed:
                    allowed = used + max(HOUR // 4, allowed // 10)
        if int(row["reopen_count"]) > reopens:
            reopens = int(row["reopen_count"])
            if not running and outcome == "met":
                idle.append((solved_at, at))
                start, instance, running = at, instance + 1, True
        if row["incident_state"] == state:
            continue
        before, state = state, row["incident_state"]
        if running and state in ("Resolved", "Closed"):
            if waits_from is not None:
                idle.append((waits_from, at))
                waits_from = None
            due, solved_at = _due(opened, allowed, idle), at
            outcome, running = "met" if at <= due else "breached", False
            yield number, instance, outcome, start, due, at
        elif running and pausing and state == "Awaiting User Info" and waits_from is None:
            waits_from = at if at <= _due(opened, allowed, idle) else None
        elif running and waits_from is not None and before in _WAITING and state in ("Active", *_WAITING):
            idle.append((waits_from, at))
            waits_from = None


def _due(opened: int, allowed: int, idle: list[tuple[int, int]]) -> int:
    """When the allowed time has passed, idle time left out."""
    due = opened + allowed
    for begin, end in idle:
        if begin <= due:
            due += end - begin
    return due


def _moment(text: str) -> int:
    return round(datetime.strptime(text, "%d-%m-%Y %H:%M").replace(tzinfo=UTC).timestamp() * 1000)
