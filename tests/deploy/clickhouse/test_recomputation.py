"""Every KPI three times: by the stream, from raw events in SQL, and in Python that shares no code with either.

One in five events comes late, and some customers of one area are erased: what SQL has of these is masked, so they are
left out there, and counted. The definitions are written anew here, in whole cases: what a desk would count by hand.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from schemas.kpis import KPIS
from schemas.outputs import COLUMNS, partials_in_full
from tests.deploy.clickhouse.desk import ERASED_AREA, OFFICE, PACK, Desk
from tests.deploy.clickhouse.recomputation import DURATIONS, SHARES
from tests.deploy.conftest import Warehouse
from tests.processors.feed import DAY, Feed, rules

HOUR_MS: Final = 3_600_000
Numbers = Mapping[tuple[str, str, str], tuple[float | None, int]]
"""(dimension, its value, KPI) -> value, n"""
Event = Mapping[str, Any]


# In Python


def ms(event: Event) -> int:
    return round(datetime.fromisoformat(event["occurred_at"]).timestamp() * 1000)


def office_ms(start: int, end: int) -> int:
    """Time between two moments within 9 to 17 h, UTC, Monday to Friday."""
    total, day = 0, datetime.fromtimestamp(start / 1000, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    while (midnight := round(day.timestamp() * 1000)) < end:
        if day.weekday() < 5:
            total += max(0, min(end, midnight + 17 * HOUR_MS) - max(start, midnight + 9 * HOUR_MS))
        day += timedelta(days=1)
    return total


def due_in_office(start: int, target: int) -> int:
    low, high = start, start + 30 * DAY
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if office_ms(start, middle) >= target else (middle + 1, high)
    return low


class Tally:
    """What is above and below the line of each KPI, and the durations of those that are percentiles."""

    def __init__(self) -> None:
        self.above: defaultdict[str, float] = defaultdict(float)
        self.below: defaultdict[str, int] = defaultdict(int)
        self.durations: defaultdict[str, list[int]] = defaultdict(list)

    def share(self, kpi: str, *, of: bool = True, is_one: float = 0) -> None:
        self.below[kpi] += of
        self.above[kpi] += is_one

    def clock(self, metric: str, start: int, target: int, stop: int | None, ended: int | None = None) -> None:
        """`stop`: it was done; `ended`: nobody was owed it any more."""
        office = metric == "first_response"
        due = due_in_office(start, target) if office else start + target
        if stop is None and ended is not None and ended <= due:
            return
        kept = stop is not None and stop <= due
        self.share(f"{metric}_attainment", is_one=kept)
        if stop is not None and not kept:
            self.durations["overdue_time"].append(stop - due)
            self.durations["overdue_business_time"].append(office_ms(due, stop) if office else stop - due)

    def numbers(self) -> Iterator[tuple[str, tuple[float | None, int]]]:
        for kpi, n in self.below.items():
            scale = {"nps": 100, "complaint_rate": 1000}.get(kpi, 1)
            if n or self.above[kpi]:
                yield kpi, (scale * self.above[kpi] / n if n else None, n)
        if self.above["transfers"]:
            yield "transfers", (self.above["transfers"], int(self.above["transfers"]))
        for kpi, durations in self.durations.items():
            ranked = sorted(durations)
            for percent in (50, 90, 95):
                rank = math.ceil(percent / 100 * len(ranked)) - 1
                yield f"{kpi}_p{percent}", (ranked[rank] / 1000, len(ranked))


def contact(at: Mapping[str, int], said: Mapping[str, Event], tally: Tally) -> None:
    opened = at["opened"]
    for kpi in ("transfers_per_contact", "complaint_rate"):
        tally.share(kpi)
    demand = said["opened"]["demand_type"]
    tally.share("failure_demand", of=demand != "unknown", is_one=demand == "failure")
    responded = at.get("answered", at.get("agent_replied"))
    if "queued" in at:
        wait(at, "", tally)
    if "second_queued" in at:
        wait(at, "second_", tally)
    if "callback_requested" in at:
        tally.clock("callback", at["callback_requested"], HOUR_MS, at["answered"])
    if "human_requested" in at:
        tally.clock("human_on_request", at["human_requested"], 180_000, responded)
    given_up = at.get("second_abandoned", at.get("abandoned"))
    tally.clock("first_response", opened, 2 * HOUR_MS, responded, given_up)
    tally.clock("resolve", opened, 8 * HOUR_MS, at.get("resolved"), given_up)
    if responded is not None:
        tally.durations["first_response_time"].append(responded - opened)
        tally.durations["first_response_business_time"].append(office_ms(opened, responded))
    if "customer_replied" in at:
        tally.clock("next_response", at["customer_replied"], 2 * HOUR_MS, at["second_reply"])
    tally.above["transfers_per_contact"] += "transferred" in at
    tally.above["transfers"] += "transferred" in at
    if "resolved" in at:
        tally.share("average_handle_time", is_one=said["resolved"]["talk_seconds"])
        tally.share("first_level_resolution", is_one=said["resolved"]["resolved_level"] == 1)
        tally.share("reopen_rate", is_one="reopened" in at)
        resolution(opened, at["resolved"], tally)


def wait(at: Mapping[str, int], which: str, tally: Tally) -> None:
    """One wait: asking to be called back ends it well, and the call back makes it an answered one."""
    queued, answered, abandoned = (at.get(which + what) for what in ("queued", "answered", "abandoned"))
    callback = None if which else at.get("callback_requested")
    assert queued is not None
    ended = next(moment for moment in (callback, answered, abandoned) if moment is not None)
    waited, given_up = ended - queued, answered is None and ended - queued >= 5_000
    tally.share("service_level", is_one=answered is not None and waited <= 20_000)
    tally.share("queue_abandonment", is_one=given_up)
    if which:
        tally.share("abandonment_after_answer", is_one=given_up)
    else:
        tally.share("abandonment", is_one=given_up)
        tally.share("answered_within_180s", is_one=answered is not None and callback is None and waited < 180_000)
    if answered is not None:
        tally.share("average_speed_of_answer", is_one=waited / 1000)
        tally.durations["wait_time"].append(waited)
    tally.clock("answer", queued, 20_000, callback or answered, abandoned)


def resolution(opened: int, resolved: int, tally: Tally) -> None:
    """The desk promises solutions in elapsed time."""
    tally.durations["resolution_time"].append(resolved - opened)
    tally.durations["resolution_business_time"].append(resolved - opened)


def complaint(at: Mapping[str, int], said: Mapping[str, Event], tally: Tally) -> None:
    opened, outcome = at["opened"], said["resolved"]["outcome"]
    tally.above["complaint_rate"] += said["opened"]["kind"] in ("complaint", "claim")
    tally.clock("acknowledge", opened, 24 * HOUR_MS, at["acknowledged"])
    tally.clock("own", opened, 12 * HOUR_MS, at["assigned"])
    tally.clock("update_every", opened, 20 * HOUR_MS, at["progress_sent"])
    tally.clock("update_every", at["progress_sent"], 20 * HOUR_MS, None, at["resolved"])
    tally.clock("final_response", opened, 60 * HOUR_MS, at["resolved"])
    tally.share("upheld_rate", of=outcome != "settled", is_one=outcome in ("upheld", "partly_upheld"))
    resolution(opened, at["resolved"], tally)


def survey(at: Mapping[str, int], said: Mapping[str, Event], tally: Tally) -> None:
    kind, score = said["answered"]["kind"], said["answered"]["score"]
    if kind == "csat":
        tally.share("csat", is_one=score >= 4)
    elif kind == "nps":
        tally.share("nps", is_one=(score >= 9) - (score <= 6))
    else:
        tally.share("ces", is_one=score)
        tally.share("ces_easy", is_one=score >= 5)
    if score <= (6 if kind == "nps" else 2):
        tally.clock("follow_up", at["answered"], 12 * HOUR_MS, at.get("followup_contacted"))


def in_python(events: Iterable[Event]) -> Numbers:
    cases: defaultdict[str, list[Event]] = defaultdict(list)
    for event in events:
        cases[event["entity_id"]].append(event)
    tallies: defaultdict[tuple[str, str], Tally] = defaultdict(Tally)
    for of_case in cases.values():
        kind = of_case[0]["event_type"].partition(".")[0]
        if kind == "customer":
            continue
        said: dict[str, Event] = {}
        for event in sorted(of_case, key=ms):
            what = event["event_type"].partition(".")[2]
            if what == "agent_replied" and "customer_replied" in said:
                what = "second_reply"
            if what in ("queued", "answered", "abandoned") and "answered" in said:
                what = f"second_{what}"
            said[what] = event
        at = {what: ms(event) for what, event in said.items()}
        for key in (("all", "all"), ("area", of_case[0]["org_unit"].partition("/")[0])):
            {"contact": contact, "complaint": complaint, "survey": survey}[kind](at, said, tallies[key])
    return {(*key, kpi): number for key, tally in tallies.items() for kpi, number in tally.numbers()}


# By the stream


@pytest.fixture(scope="module")
def desk() -> Desk:
    return Desk(seed=12)


@pytest.fixture
def told(warehouse: Warehouse, desk: Desk, tmp_path: Path) -> Warehouse:
    """The database after the desk's week."""
    pack, calendars = tmp_path / "pack.yaml", tmp_path / "calendars"
    calendars.mkdir()
    pack.write_text(PACK)
    (calendars / "office.yaml").write_text(OFFICE)
    feed = Feed(rules(policies=(pack,), calendars=calendars))
    feed.feed(*desk.log)
    feed.until(40 * DAY)
    checkpoint = feed.checkpoint()
    for table, rows in checkpoint.rows.items():
        whole = partials_in_full(rows, COLUMNS[table]) if table.startswith("kpi_") else rows
        shown = (as_json(dict(zip(COLUMNS[table], row, strict=True))) for row in whole)
        compared = [row for row in shown if row.get("dimension", "all") in ("all", "area")]
        if compared:
            warehouse.insert(table, *compared)
    return warehouse


def as_json(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as the engine reads it: moments in seconds."""
    moments = {name for name in row if name.endswith("_at") or name in ("minute", "quarter_hour", "day")}
    shown = {name: f"{row[name] / 1000:.3f}" for name in moments if row[name] is not None}
    return {**row, **shown, "version": 1}


def published(warehouse: Warehouse) -> Numbers:
    rows = warehouse.query(
        "SELECT dimension, dimension_value, kpi, value, n FROM v_kpi_7d WHERE dimension IN ('all', 'area')"
        " AND window_end = (SELECT max(window_end) FROM v_kpi_7d)"
    )
    return {(dimension, of, kpi): (value, n) for dimension, of, kpi, value, n in rows}


def differences(published: Numbers, computed: Numbers, areas: Iterable[str]) -> list[str]:
    """KPIs that are not the same, percentiles within half a bucket, the lowest of which ends at 10 ms."""
    keys = {key for key in (*published, *computed) if key[1] in areas}
    found = []
    for key in sorted(keys):
        (ours, n), (theirs, m) = published.get(key, (None, -1)), computed.get(key, (None, -1))
        tolerance, least = (0.0201, 0.01) if key[2][-4:-2] == "_p" else (1e-9, 1e-9)
        if n != m or (ours is None) != (theirs is None) or ours != pytest.approx(theirs, rel=tolerance, abs=least):
            found.append(f"{key}: stream {ours} of {n}, computed {theirs} of {m}")
    return found


def test_the_log_is_what_it_should_be(desk: Desk) -> None:
    assert 0.15 < desk.late / len(desk.log) < 0.25
    assert 1 <= len(desk.erased) < 0.1 * len({one.event["customer"]["id"] for one in desk.log})


def test_every_kpi_is_what_python_makes_of_the_raw_events(told: Warehouse, desk: Desk) -> None:
    stream, computed = published(told), in_python(happening.event for happening in desk.log)

    differing = differences(stream, computed, ("all", "es", "pt", "mx"))
    assert not differing, "\n".join(differing)
    names = {name.removesuffix("_p50") for _, _, name in computed if not name.endswith(("_p90", "_p95"))}
    assert {kpi.name for kpi in KPIS} <= names, "every KPI has a computation, and the week has cases of it"


def in_sql(warehouse: Warehouse) -> Numbers:
    """Of the KPIs that count events; what clocks come to is computed in Python."""
    tallies: defaultdict[str, Tally] = defaultdict(Tally)
    for area, kpi, above, below in warehouse.engine.execute(SHARES.format(database=warehouse.name)):
        tallies[area].above[kpi], tallies[area].below[kpi] = above, int(below)
        if kpi == "transfers_per_contact":
            tallies[area].above["transfers"] = above
    for area, kpi, durations in warehouse.engine.execute(DURATIONS.format(database=warehouse.name)):
        tallies[area].durations[kpi] = [int(one) for one in durations]
    return {("area", area, kpi): number for area, tally in tallies.items() for kpi, number in tally.numbers()}


def test_every_kpi_that_counts_events_is_what_sql_makes_of_the_raw_events(told: Warehouse, desk: Desk) -> None:
    """Where customers were erased nothing is compared, and what is left out is counted."""
    stream, computed = published(told), in_sql(told)
    of_clocks = ("_attainment", "business_time", "overdue")
    counting = {key: number for key, number in stream.items() if not any(word in key[2] for word in of_clocks)}

    differing = differences(counting, computed, ("es", "pt"))
    assert not differing, "\n".join(differing)
    left_out = told.column("SELECT count() FROM v_cases WHERE erased = 1")
    assert left_out != [0]
    assert {area for _, area, _ in computed} == {"es", "pt", ERASED_AREA}
