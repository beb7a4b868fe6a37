"""Pages that nobody got because we were not there: said once, by one incident of ours, when a partition is live again.

What broke more than `page_window` ago pages nobody, so that a replay does not. After an outage of ours, or a long
backlog, that leaves out what broke meanwhile; what of it is open still is worth one page. A partition that reads a log
for the first time was never live, and missed nothing.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from processors.patterns.incidents import own_incident_row
from processors.pipeline.emission import count_open, emit_incidents
from processors.state.missed_pages import Missed
from processors.state.partition import PartitionState
from schemas.observations import CLOCKS_AGREE_MS, Observations
from schemas.outputs import IncidentRow


def look(state: PartitionState, clock: int, page_window_ms: int) -> Observations:
    """Take note of whether a partition is live, by a clock that counts, ms; tell what was missed when it is again."""
    observations, missed = Observations(), state.missed_pages
    if missed.told is not None:
        _look_at_what_is_told(state, clock, observations)
    if not state.now or clock - state.now >= page_window_ms:
        return observations
    if missed.live_at and clock - missed.live_at > page_window_ms:
        # Looking, deciding and writing take their time: rather tell of one that paged than leave one out.
        _tell(state, missed.live_now, clock - page_window_ms + CLOCKS_AGREE_MS, clock, observations)
    if not missed.live_at:
        missed.live_since = clock - page_window_ms
    missed.live_at, missed.live_now = clock, state.now
    return observations


def open_by_page(state: PartitionState, clock: int) -> Mapping[tuple[str, ...], int]:
    """Gauge of open incidents, with whether somebody was to be called when they opened -> how many, at `clock`, ms."""
    counted: Counter[tuple[str, ...]] = Counter()
    for gauge, moments in state.gauges.since.items():
        name, *labels = gauge
        if name != "incidents_open":
            continue
        worth_it = "info" not in labels[1:2]
        for opened_at, number in moments.items():
            pages = worth_it and _could_page(state, opened_at, clock)
            counted[name, *labels, "true" if pages else "false"] += number
    return counted


def _could_page(state: PartitionState, opened_at: int, clock: int) -> bool:
    """Whether the partition was live when something opened; of what is said to be missed, that is said instead."""
    missed, window_ms = state.missed_pages, state.rules.page_window_ms
    if opened_at < missed.live_since or (missed.told is not None and missed.since <= opened_at <= missed.until):
        return False
    away = not missed.live_at or clock - missed.live_at > window_ms
    return not (away and missed.live_now <= opened_at <= clock - window_ms)


def recover(state: PartitionState) -> None:
    """Find again what an incident that is open tells of."""
    missed = state.missed_pages
    if missed.told is not None:
        missed.open = [one for one, _ in _unpaged(state, missed.since, missed.until)]
        count_open(state, _by_id(missed.told), 1)


def set_back(state: PartitionState, broker_time: int, observations: Observations) -> None:
    """Take back what is told of a time that has not come; until then the partition was live."""
    missed = state.missed_pages
    missed.live_at, missed.live_now = min(missed.live_at, broker_time), min(missed.live_now, state.now)
    missed.live_since = min(missed.live_since, broker_time)
    told = missed.told
    if told is not None and told.opened_at - broker_time > CLOCKS_AGREE_MS:
        missed.told, missed.open = None, []
        emit_incidents(state, _by_id(told), {}, observations)


def _tell(state: PartitionState, since: int, until: int, clock: int, observations: Observations) -> None:
    missed = state.missed_pages
    if missed.told is not None:
        since = min(since, missed.since)
        _close(state, clock, observations)
    found = list(_unpaged(state, since, until))
    if not found:
        return
    missed.since, missed.until, missed.open = since, until, [one for one, _ in found]
    missed.told = own_incident_row(
        "missed_pages",
        state.number,
        severity="critical" if any(row.severity == "critical" for _, row in found) else "warning",
        opened_at=clock,
        summary=f"{len(found)} incidents began while nobody could be paged, and are open still",
        evidence=_evidence([row for _, row in found], since, until),
    )
    emit_incidents(state, {}, _by_id(missed.told), observations)


def _look_at_what_is_told(state: PartitionState, clock: int, observations: Observations) -> None:
    waiting = state.missed_pages.open
    while waiting and not _is_open(state, waiting[-1]):
        waiting.pop()
    if not waiting:
        _close(state, clock, observations)


def _close(state: PartitionState, clock: int, observations: Observations) -> None:
    missed = state.missed_pages
    told, missed.told, missed.open = missed.told, None, []
    if told is not None:
        closed = told._replace(state="closed", close_reason="auto", updated_at=clock, closed_at=clock)
        emit_incidents(state, _by_id(told), _by_id(closed), observations)


def _by_id(row: IncidentRow) -> Mapping[str, IncidentRow]:
    return {row.incident_id: row}


def _unpaged(state: PartitionState, since: int, until: int) -> Iterator[tuple[Missed, IncidentRow]]:
    """What is open, would page, and began between two moments."""
    for case in state.cases.values():
        for row in _begun(case.evaluation.incidents, since, until):
            yield Missed(row.incident_id, case.key, None), row
    for key in state.subjects:
        for row in _begun(state.subjects[key].incidents, since, until):
            yield Missed(row.incident_id, None, key), row


def _begun(incidents: Mapping[str, IncidentRow], since: int, until: int) -> list[IncidentRow]:
    return [
        row
        for row in incidents.values()
        if row.state == "open" and row.severity != "info" and since <= row.opened_at <= until
    ]


def _is_open(state: PartitionState, missed: Missed) -> bool:
    case = state.cases.get(missed.case) if missed.case is not None else None
    history = state.subjects.get(missed.subject) if missed.subject is not None else None
    incidents = case.evaluation.incidents if case is not None else history.incidents if history is not None else {}
    row = incidents.get(missed.incident_id)
    return row is not None and row.state == "open"


def _evidence(rows: list[IncidentRow], since: int, until: int) -> dict[str, Any]:
    counted = Counter((row.area or "unknown", row.severity) for row in rows)
    still_open: dict[str, dict[str, int]] = {}
    for (area, severity), count in sorted(counted.items()):
        still_open.setdefault(area, {})[severity] = count
    return {"from": _moment(since), "to": _moment(until), "still_open": still_open}


def _moment(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="seconds")
