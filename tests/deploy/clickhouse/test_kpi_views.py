"""The KPI views: which partials they add up, over which windows, and the values that they make of them."""

import math
import time
import zlib
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploy.clickhouse.kpi_views import WINDOWS, Window, published_names
from schemas.kpis import ACCUMULATORS, COUNTS, HISTOGRAM_BASE, HISTOGRAMS, KPIS, SUMS
from tests.deploy.conftest import Warehouse

pytestmark = pytest.mark.usefixtures("no_merges")
NOON = "2026-11-20 12:00:00.000"
NOON_S = 1_795_176_000


def at(second: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S.000", time.gmtime(second))


# Minutes


def partial(second: int = NOON_S, partition: int = 0, version: int = 1, **amounts: Any) -> dict[str, Any]:
    where = {"dimension": "all", "dimension_value": "all", "topic": "contact-events", "partition": partition}
    return {"minute": at(second), **where, "version": version, **amounts}


def test_a_minute_is_the_sum_of_the_newest_partial_of_each_partition(warehouse: Warehouse) -> None:
    warehouse.insert("kpi_partials", partial(contacts_opened=5, wait_ms=100, wait_histogram={"3": 1}))
    warehouse.insert("kpi_partials", partial(version=2, contacts_opened=7, wait_ms=150, wait_histogram={"3": 2}))
    other = partial(partition=1, contacts_opened=10, wait_ms=1000, wait_histogram={"3": 1, "-4": 6})
    warehouse.insert("kpi_partials", other, {**partial(contacts_opened=100), "topic": "survey-events"})

    assert warehouse.query("SELECT minute, contacts_opened, wait_ms, wait_histogram FROM v_kpi_minute") == [
        (NOON, 117, 1150, {"-4": 6, "3": 3})
    ]


def test_a_minute_that_was_taken_back_disappears(warehouse: Warehouse) -> None:
    warehouse.insert("kpi_partials", partial(contacts_opened=1))
    warehouse.insert("kpi_partials", partial(version=2))

    assert warehouse.query("SELECT * FROM v_kpi_minute") == []


def test_any_accumulator_alone_keeps_its_minute(warehouse: Warehouse) -> None:
    for name in ACCUMULATORS:
        amount = {"5": 1} if name in HISTOGRAMS else 1
        warehouse.insert("kpi_partials", partial() | {name: amount, "dimension_value": name})

    assert sorted(warehouse.column("SELECT dimension_value FROM v_kpi_minute")) == sorted(ACCUMULATORS)


def test_half_a_million_partials_are_summed_within_three_seconds_of_cpu(warehouse: Warehouse) -> None:
    amounts = ", ".join(f"toInt64(number % {7 + index}) AS {name}" for index, name in enumerate(COUNTS))
    table = f"{warehouse.name}.kpi_partials"
    warehouse.engine.execute(
        f"INSERT INTO {table} (minute, dimension, dimension_value, topic, partition, {', '.join(COUNTS)},"
        f" wait_histogram, version) SELECT toDateTime64('{NOON}', 3, 'UTC') + toIntervalMinute(intDiv(number, 1200)),"
        " 'area', toString(number % 100), 'contact-events', intDiv(number, 100) % 12,"
        f" {amounts}, map(toInt16(number % 90), toInt64(1)), 1 FROM numbers(500000)"
    )

    started = time.process_time()  # the engine is in this process
    ((answered, minutes),) = warehouse.query("SELECT sum(contacts_answered), count() FROM v_kpi_minute")
    warehouse.query("SELECT sum(cityHash64(*)) FROM v_kpi_minute")
    elapsed = time.process_time() - started

    divisor = 7 + COUNTS.index("contacts_answered")
    assert (answered, minutes) == (sum(number % divisor for number in range(500_000)), 41_700)
    assert elapsed < 3


# Names


def crc32(value: str) -> int:
    return zlib.crc32(value.encode())


def test_a_value_beyond_the_limit_of_any_partition_is_other_of_all(warehouse: Warehouse) -> None:
    queues = [f"q{number}" for number in range(8)]
    limit = sorted(map(crc32, queues))[3]
    named = {queue for queue in queues if crc32(queue) < limit}
    rows = [
        partial(partition=number % 2, contacts_opened=1 + number) | {"dimension": "queue", "dimension_value": queue}
        for number, queue in enumerate([*queues, "other"])
    ]
    warehouse.insert("kpi_partials", *rows, partial(contacts_opened=45))
    warehouse.insert(
        "watermarks",
        watermark(0, NOON_S) | {"dimension_limits": {"queue": limit, "team": 0}},
        watermark(1, NOON_S) | {"dimension_limits": {"queue": 2**32 - 1}},
    )

    others = sum(1 + number for number, queue in enumerate([*queues, "other"]) if queue not in named)
    expected = {queue: 1 + number for number, queue in enumerate(queues) if queue in named} | {"other": others}
    for view in ("v_kpi_minute", "v_kpi_quarter_hour"):
        found = warehouse.query(f"SELECT dimension_value, contacts_opened FROM {view} WHERE dimension = 'queue'")
        assert dict(found) == expected, view
        assert warehouse.column(f"SELECT contacts_opened FROM {view} WHERE dimension = 'all'") == [45]
    for window in WINDOWS:
        counted = f"SELECT dimension_value, max(n) FROM v_kpi_{window.name} WHERE dimension = 'queue' GROUP BY 1"
        assert dict(warehouse.query(counted)) == expected, window.name


# Revisions

OLD, NEW = 1_700_000_000 << 32, 1_800_000_000 << 32
"""Versions of two generations: a new application id on an old database has the greater."""


def minute(version: int, opened: int) -> dict[str, Any]:
    """What a checkpoint writes of a minute that is in memory."""
    return partial(version=version, contacts_opened=opened)


def adjustment(revision: int, opened: int = 0, **amounts: Any) -> dict[str, Any]:
    """What a checkpoint writes of a minute that has left its memory."""
    return partial(version=revision, contacts_opened=opened, **amounts) | {"revision": revision}


BY_HAND = {
    "what came later is added": ([minute(OLD + 5, 7), adjustment(OLD + 8, 2)], 9),
    "or taken back": ([minute(OLD + 5, 7), adjustment(OLD + 8, -2)], 5),
    "each by itself": ([minute(OLD + 5, 7), adjustment(OLD + 8, 2), adjustment(OLD + 9, -4)], 5),
    "once, however often it is written": ([minute(OLD + 5, 7), *[adjustment(OLD + 8, 2)] * 3], 9),
    "also to a minute that was never here": ([adjustment(OLD + 8, 2)], 2),
    "a rebuilt minute has what came before": ([minute(OLD + 8, 9), adjustment(OLD + 7, 2)], 9),
    "up to its own version": ([minute(OLD + 8, 9), adjustment(OLD + 8, 2)], 9),
    "but nothing of what came after": ([minute(OLD + 8, 9), adjustment(OLD + 7, 2), adjustment(OLD + 9, 1)], 10),
    "also when it was rebuilt to nothing": ([minute(OLD + 8, 0), adjustment(OLD + 7, 2), adjustment(OLD + 9, 1)], 1),
    "a new generation replaces it all": ([minute(OLD + 5, 7), adjustment(OLD + 8, 2), minute(NEW + 1, 4)], 4),
    "by adjustments alone": ([minute(OLD + 5, 7), adjustment(OLD + 8, 2), adjustment(NEW, 3)], 3),
    "and the old one does not come back": ([minute(NEW + 5, 4), adjustment(OLD + 8, 2)], 4),
}  # fmt: skip
"""Rows of one key, and how many contacts were opened"""


@pytest.mark.parametrize(("rows", "opened"), BY_HAND.values(), ids=BY_HAND.keys())
def test_of_one_key_its_newest_generation_counts_and_what_came_after_its_minute(
    warehouse: Warehouse, rows: list[dict[str, Any]], opened: int
) -> None:
    for row in reversed(rows):
        warehouse.insert("kpi_partials", row)
        quarter = {"quarter_hour" if name == "minute" else name: value for name, value in row.items()}
        warehouse.insert("kpi_quarter_hours", quarter)

    assert warehouse.query("SELECT minute, contacts_opened FROM v_kpi_minute") == [(NOON, opened)]
    assert warehouse.query("SELECT quarter_hour, contacts_opened FROM v_kpi_quarter_hour") == [(NOON, opened)]
    rates = "SELECT n FROM v_kpi_5m WHERE kpi = 'complaint_rate' AND toUnixTimestamp(window_end)"
    assert warehouse.column(f"{rates} = {NOON_S + 60}") == [opened]


def test_a_quarter_hour_that_is_not_written_yet_is_the_sum_of_its_minutes(warehouse: Warehouse) -> None:
    """Of each topic-partition by itself: the other one has come further."""
    quarter = {name: value for name, value in minute(OLD + 5, 7).items() if name != "minute"} | {"quarter_hour": NOON}
    warehouse.insert("kpi_quarter_hours", quarter)
    warehouse.insert("kpi_partials", *(minute(OLD + 9, 3) | {"minute": at(NOON_S + 60 * late)} for late in (2, 15, 29)))
    warehouse.insert("kpi_partials", minute(OLD + 9, 100) | {"partition": 1})

    assert sorted(warehouse.query("SELECT quarter_hour, contacts_opened FROM v_kpi_quarter_hour")) == [
        (NOON, 107),
        (at(NOON_S + 900), 6),
    ]
    day = "SELECT n FROM v_kpi_24h WHERE kpi = 'complaint_rate' AND toUnixTimestamp(window_end)"
    assert warehouse.column(f"{day} = {NOON_S + 3600}") == [113]


def test_each_key_has_a_generation_of_its_own(warehouse: Warehouse) -> None:
    """What a new application id has not come to yet stays as the old one left it."""
    warehouse.insert(
        "kpi_partials",
        minute(OLD + 5, 7),
        minute(OLD + 5, 10) | {"partition": 1},
        minute(OLD + 5, 20) | {"minute": at(NOON_S + 60)},
        minute(OLD + 5, 40) | {"dimension": "channel", "dimension_value": "phone"},
        adjustment(NEW + 1, 1),
    )

    rows = warehouse.query("SELECT minute, dimension, contacts_opened FROM v_kpi_minute")

    assert sorted(rows) == [(NOON, "all", 11), (NOON, "channel", 40), (at(NOON_S + 60), "all", 20)]


STAMPS = st.tuples(st.integers(1, 3), st.integers(0, 3)).map(lambda stamp: stamp[0] << 32 | stamp[1])
AMOUNTS = st.dictionaries(STAMPS, st.integers(-3, 3), max_size=4)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(minutes=AMOUNTS, adjustments=AMOUNTS)
def test_whatever_was_written_of_a_key_the_rule_decides(
    warehouse: Warehouse, minutes: Mapping[int, int], adjustments: Mapping[int, int]
) -> None:
    warehouse.query("TRUNCATE TABLE kpi_partials")
    rows = [minute(version, by) for version, by in minutes.items()]
    rows += [adjustment(revision, by) for revision, by in adjustments.items()]
    if rows:
        warehouse.insert("kpi_partials", *rows)

    replaced_to = max(minutes, default=0)
    newest = max((replaced_to, *adjustments)) >> 32
    expected = minutes.get(replaced_to, 0) if replaced_to >> 32 == newest else 0
    expected += sum(by for revision, by in adjustments.items() if revision > replaced_to and revision >> 32 == newest)
    assert sum(warehouse.column("SELECT contacts_opened FROM v_kpi_minute")) == expected


def test_what_is_taken_back_from_a_histogram_leaves_its_bucket(warehouse: Warehouse) -> None:
    warehouse.insert("kpi_partials", partial(version=OLD, resolution_histogram={"10": 2, "80": 1}))
    warehouse.insert("kpi_partials", adjustment(OLD + 1, resolution_histogram={"10": -2}))

    ((value, n),) = warehouse.query("SELECT value, n FROM v_kpi_5m WHERE kpi = 'resolution_time_p50' LIMIT 1")
    assert (value, n) == (pytest.approx(HISTOGRAM_BASE**80.5), 1)


def test_less_than_nothing_has_no_value(warehouse: Warehouse) -> None:
    warehouse.insert("kpi_partials", adjustment(OLD, csat_answered=-3, csat_positive=-1))

    assert warehouse.query("SELECT * FROM v_kpi_5m") == []


@pytest.mark.parametrize("amounts", [{"praise": 1, "wait_ms": -1}, {"praise": 2, "wait_histogram": {"3": -2}}])
def test_amounts_that_cancel_out_are_not_nothing(warehouse: Warehouse, amounts: dict[str, Any]) -> None:
    warehouse.insert("kpi_partials", adjustment(OLD, **amounts))

    assert warehouse.column("SELECT praise FROM v_kpi_minute") == [amounts["praise"]]


# Windows


def windows_by_hand(window: Window, minutes: Mapping[int, int]) -> dict[int, int]:
    """End of each window -> what its minutes add up to."""
    last = max(minutes) + 60
    beyond = -(-last // window.hop_s) * window.hop_s
    return {
        end: total
        for end in range(0, beyond - min(minutes) // window.hop_s * window.hop_s + 1, window.hop_s)
        for end in [end + min(minutes) // window.hop_s * window.hop_s]
        if (total := sum(n for minute, n in minutes.items() if end - window.length_s <= minute < end))
    }


@pytest.mark.parametrize("window", WINDOWS, ids=lambda window: window.name)
@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(offsets=st.dictionaries(st.integers(0, 600), st.integers(1, 9), min_size=1, max_size=6))
def test_a_window_holds_the_minutes_that_began_in_it(
    warehouse: Warehouse, window: Window, offsets: Mapping[int, int]
) -> None:
    warehouse.query("TRUNCATE TABLE kpi_partials")
    minutes = {NOON_S + 60 * offset * window.hop_s // 120: count for offset, count in offsets.items()}
    minutes = {second // 60 * 60: count for second, count in minutes.items()}
    warehouse.insert("kpi_partials", *(partial(second, ces_answered=count) for second, count in minutes.items()))

    rows = warehouse.query(
        f"SELECT toUnixTimestamp(window_start), toUnixTimestamp(window_end), n FROM v_kpi_{window.name}"
        " WHERE kpi = 'ces'"
    )

    assert all(start == end - window.length_s for start, end, _ in rows)
    assert {end: n for _, end, n in rows} == windows_by_hand(window, minutes)


def test_a_minute_that_was_taken_back_opens_no_window(warehouse: Warehouse) -> None:
    warehouse.insert("kpi_partials", partial(NOON_S, ces_answered=1), partial(NOON_S + 600, ces_answered=1))
    warehouse.insert("kpi_partials", partial(NOON_S + 600, version=2))

    assert warehouse.column("SELECT toUnixTimestamp(window_end) FROM v_kpi_5m WHERE kpi = 'ces'") == [NOON_S + 60]


# Settled


def watermark(partition: int, settled_to: int) -> dict[str, Any]:
    return {"partition": partition, "settled_to_at": at(settled_to), "read_to_at": at(settled_to + 120), "version": 1}


SETTLED: dict[str, tuple[list[dict[str, Any]], list[int]]] = {
    "nobody has said how far it is": ([], []),
    "all are past them": ([watermark(0, NOON_S + 900), watermark(1, NOON_S + 900)], [60, 120, 180, 240, 300]),
    "to the second": ([watermark(0, NOON_S + 120)], [60, 120]),
    "one is behind": ([watermark(0, NOON_S + 900), watermark(1, NOON_S + 119)], [60]),
    "one has not said anything": ([watermark(0, NOON_S + 900), watermark(2, NOON_S + 900)], []),
}
"""What the partitions say, and the ends of the windows that are settled, in seconds after noon"""


@pytest.mark.parametrize(("said", "settled"), SETTLED.values(), ids=SETTLED.keys())
def test_a_window_is_settled_when_every_partition_is_past_it(
    warehouse: Warehouse, said: list[dict[str, Any]], settled: list[int]
) -> None:
    warehouse.insert("kpi_partials", partial(ces_answered=1), partial(NOON_S + 240, ces_answered=1))
    if said:
        warehouse.insert("watermarks", *said)

    ends = "SELECT toUnixTimestamp(window_end) FROM v_kpi_5m WHERE kpi = 'ces' AND settled ORDER BY window_end"
    assert warehouse.column(ends) == [NOON_S + end for end in settled]


def test_what_comes_later_moves_only_as_of(warehouse: Warehouse) -> None:
    early, late = "2090-01-01 00:00:00.000", "2090-01-02 00:00:00.000"
    warehouse.insert("kpi_partials", partial(ces_answered=1) | {"last_recorded_at": early})
    warehouse.insert("watermarks", watermark(0, NOON_S + 900))
    shown = "SELECT DISTINCT settled, as_of FROM v_kpi_5m"
    assert warehouse.query(shown) == [(1, early)]

    warehouse.insert("kpi_partials", adjustment(OLD, ces_answered=1) | {"last_recorded_at": late})
    assert warehouse.query(shown) == [(1, late)]


def test_a_window_with_a_wait_that_lasts_is_not_settled(warehouse: Warehouse) -> None:
    warehouse.insert("kpi_partials", partial(ces_answered=1, waits_undecided=1), partial(NOON_S + 360, ces_answered=1))
    warehouse.insert("watermarks", watermark(0, NOON_S + 900))

    ends = "SELECT toUnixTimestamp(window_end), settled FROM v_kpi_5m WHERE kpi = 'ces' ORDER BY window_end"
    assert warehouse.query(ends) == [
        *((NOON_S + 60 * minute, 0) for minute in range(1, 6)), (NOON_S + 420, 1)
    ]  # fmt: skip


@pytest.mark.parametrize(("days", "settled"), [(0, 0), (13, 0), (14, 1)])
def test_what_may_still_be_reopened_is_not_settled(warehouse: Warehouse, days: int, settled: int) -> None:
    warehouse.insert("kpi_partials", partial(contacts_resolved=1, ces_answered=1))
    warehouse.insert("watermarks", watermark(0, NOON_S + 900 + days * 86_400))

    shown = "SELECT DISTINCT kpi, settled FROM v_kpi_5m WHERE kpi IN ('ces', 'reopen_rate') ORDER BY kpi"
    assert warehouse.query(shown) == [("ces", 1), ("reopen_rate", settled)]


# Values


def kpis(warehouse: Warehouse, **amounts: Any) -> dict[str, tuple[float | None, int, float | None, float | None]]:
    warehouse.insert("kpi_partials", partial(**amounts))
    rows = warehouse.query("SELECT kpi, value, n, low, high FROM v_kpi_5m")
    return {kpi: (value, n, low, high) for kpi, value, n, low, high in rows}


def test_every_kpi_of_the_registry_is_published_under_its_name_unit_and_anchor(warehouse: Warehouse) -> None:
    everything = dict.fromkeys((*COUNTS, *SUMS), 9) | {name: {"10": 9} for name in HISTOGRAMS}
    warehouse.insert("kpi_partials", partial() | everything)

    for window in WINDOWS:
        rows = warehouse.query(f"SELECT kpi_id, kpi, unit, anchor FROM v_kpi_{window.name}")
        assert Counter(rows) == Counter((k.id, name, k.unit, k.anchor) for k in KPIS for name in published_names(k))
        joined = f"SELECT count() FROM v_kpi_{window.name} AS w INNER JOIN {warehouse.name}.kpi_definitions AS d"
        assert warehouse.column(f"{joined} ON d.id = w.kpi_id") == [len(rows)]


def test_thirteen_of_fifteen_is_between_62_and_96_percent(warehouse: Warehouse) -> None:
    value, n, low, high = kpis(warehouse, csat_answered=15, csat_positive=13)["csat"]

    assert (value, n) == pytest.approx((13 / 15, 15))
    assert (low, high) == pytest.approx((0.6212, 0.9626), abs=1e-4)


@pytest.mark.parametrize(("positive", "low", "high"), [(0, 0, 0.2775), (10, 0.7225, 1)])
def test_an_interval_stays_within_the_scale(warehouse: Warehouse, positive: int, low: float, high: float) -> None:
    _, _, *bounds = kpis(warehouse, csat_answered=10, csat_positive=positive)["csat"]

    assert bounds == pytest.approx([low, high], abs=1e-4)


@pytest.mark.parametrize(("answers", "margin"), [(30, 28), (100, 15), (400, 8)])
def test_nps_comes_with_its_margin_of_error(warehouse: Warehouse, answers: int, margin: int) -> None:
    promoters, detractors = answers // 2, answers // 5
    value, n, low, high = kpis(warehouse, nps_answered=answers, nps_promoters=promoters, nps_detractors=detractors)[
        "nps"
    ]

    assert (value, n) == pytest.approx((30, answers))
    assert low is not None
    assert high is not None
    assert (high - low) / 2 == pytest.approx(margin, abs=1.5)
    assert low < 30 < high


def nps_by_hand(promoters: int, passives: int, detractors: int) -> tuple[float, float]:
    """The normal interval of the three shares, with three answers added: 3/4, 3/2 and 3/4 of one."""
    boxes = {100: promoters + 0.75, 0: passives + 1.5, -100: detractors + 0.75}
    n = sum(boxes.values())
    mean = sum(value * share for value, share in boxes.items()) / n
    variance = sum(share * (value - mean) ** 2 for value, share in boxes.items()) / n
    half = 1.959964 * math.sqrt(variance / n)
    return max(mean - half, -100), min(mean + half, 100)


@pytest.mark.parametrize("boxes", [(5, 0, 0), (0, 5, 0), (0, 0, 5), (3, 1, 1), (50, 30, 20), (400, 0, 0)])
def test_no_interval_of_nps_is_narrow_because_all_answers_are_equal(
    warehouse: Warehouse, boxes: tuple[int, int, int]
) -> None:
    promoters, _, detractors = boxes
    amounts = {"nps_answered": sum(boxes), "nps_promoters": promoters, "nps_detractors": detractors}
    value, _, low, high = kpis(warehouse, **amounts)["nps"]

    assert (low, high) == pytest.approx(nps_by_hand(*boxes), abs=1e-3)
    assert low is not None
    assert high is not None
    assert value is not None
    assert low <= value <= high
    assert high - low > 20 / math.sqrt(sum(boxes))


@pytest.mark.parametrize("n", [1, 4])
def test_few_cases_have_a_value_and_no_interval(warehouse: Warehouse, n: int) -> None:
    shown = kpis(warehouse, nps_answered=n, nps_promoters=n, csat_answered=n, csat_positive=n, resolve_met=n)

    assert shown == {
        "nps": (100, n, None, None),
        "csat": (1, n, None, None),
        "resolve_attainment": (1, n, None, None),
    }


@pytest.mark.parametrize(
    ("kpi", "amounts", "value", "n"),
    [
        ("nps", {"nps_answered": 4, "nps_detractors": 4}, -100, 4),
        ("ces", {"ces_score_milli": 17_000, "ces_answered": 3}, 17 / 3, 3),
        ("average_speed_of_answer", {"wait_ms": 45_000, "waits_answered": 2}, 22.5, 2),
        ("service_level", {"waits_in_target": 4, "waits_promised": 5, "waits": 7, "waits_undecided": 2}, 0.8, 5),
        ("abandonment", {"contacts_abandoned": 1, "contacts_offered_ended": 4, "contacts_offered": 5}, 0.25, 4),
        ("queue_abandonment", {"waits_abandoned": 2, "waits_ended": 8}, 0.25, 8),
        ("abandonment_after_answer", {"waits_abandoned_after_answer": 1, "waits_after_answer": 2}, 0.5, 2),
        ("average_handle_time", {"handle_ms": 900, "contacts_handled": 1}, 0.9, 1),
        ("resolve_attainment", {"resolve_met": 3, "resolve_breached": 1}, 0.75, 4),
        ("answer_attainment", {"answer_breached": 2}, 0, 2),
        ("transfers_per_contact", {"contacts_transferred": 5, "contacts_opened": 2}, 2.5, 2),
        ("transfers", {"contacts_transferred": 5}, 5, 5),
        ("answered_within_180s", {"contacts_answered_within_180s": 19, "contacts_offered_ended": 20}, 0.95, 20),
        ("complaint_rate", {"complaints_opened": 3, "contacts_opened": 400}, 7.5, 400),
    ],
)
def test_the_value_is_its_definition(
    warehouse: Warehouse, kpi: str, amounts: Mapping[str, int], value: float, n: int
) -> None:
    assert kpis(warehouse, **amounts)[kpi][:2] == pytest.approx((value, n))


def test_what_is_above_the_line_alone_has_a_row_and_no_value(warehouse: Warehouse) -> None:
    """An area with complaints and no contacts still has complaints."""
    shown = kpis(warehouse, complaints_opened=145, contacts_transferred=2)

    assert shown == {
        "complaint_rate": (None, 0, None, None),
        "transfers_per_contact": (None, 0, None, None),
        "transfers": (2, 2, None, None),
    }
    above = warehouse.query("SELECT numerator FROM v_kpi_5m WHERE kpi = 'complaint_rate'")
    assert above == [(145,)] * len(above)


def test_of_nothing_above_and_below_the_line_there_is_no_row(warehouse: Warehouse) -> None:
    assert set(kpis(warehouse, contacts_opened=1)) == {"transfers_per_contact", "complaint_rate"}


def test_parts_add_up_to_the_whole_by_numerator_and_n(warehouse: Warehouse) -> None:
    """What a row says of a part is enough to compute the whole."""
    parts = [
        {name: (3 * part + place) % 7 + 1 for place, name in enumerate((*COUNTS, *SUMS))} | {"nps_answered": 20}
        for part in range(3)
    ]
    whole = {name: sum(part[name] for part in parts) for name in parts[0]}
    warehouse.insert("kpi_partials", partial() | whole)
    for number, part in enumerate(parts):
        warehouse.insert("kpi_partials", partial() | part | {"dimension": "team", "dimension_value": f"t{number}"})

    scale = {"nps": 100, "complaint_rate": 1000}
    at_noon = f"v_kpi_5m WHERE toUnixTimestamp(window_end) = {NOON_S + 60}"
    of_teams = (
        f"SELECT kpi, sum(numerator), toFloat64(sum(n)) FROM {at_noon} AND dimension = 'team' GROUP BY kpi ORDER BY kpi"
    )
    teams = {kpi: (above, n) for kpi, above, n in warehouse.query(of_teams)}
    for kpi, value in warehouse.query(f"SELECT kpi, value FROM {at_noon} AND dimension = 'all'"):
        above, n = teams[kpi]
        expected = above if kpi == "transfers" else scale.get(kpi, 1) * above / n
        assert value == pytest.approx(expected), kpi


def test_a_rate_over_one_has_no_interval(warehouse: Warehouse) -> None:
    """It is no share of anything: nothing that counts so is published, and a mistake is not to look exact."""
    assert kpis(warehouse, contacts_resolved_reopened=9, contacts_resolved=6)["reopen_rate"] == (1.5, 6, None, None)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seconds=st.lists(st.floats(0.01, 3e7), min_size=1, max_size=60))
def test_a_percentile_is_right_within_two_percent(warehouse: Warehouse, seconds: list[float]) -> None:
    warehouse.query("TRUNCATE TABLE kpi_partials")
    buckets = Counter(math.floor(math.log(duration, HISTOGRAM_BASE)) for duration in seconds)

    shown = kpis(warehouse, resolution_histogram={str(bucket): count for bucket, count in buckets.items()})

    for percent in (50, 90, 95):
        value, n, low, high = shown[f"resolution_time_p{percent}"]
        ranked = sorted(seconds)[math.ceil(percent / 100 * len(seconds)) - 1]
        assert value == pytest.approx(ranked, rel=0.0201)
        assert (n, low, high) == (len(seconds), None, None)
