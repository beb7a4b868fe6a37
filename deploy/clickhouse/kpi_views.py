"""The SQL of the KPI views, written from the declarations: what stream and warehouse call a KPI has one definition.

Intervals: E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", JASA 22, 1927, for a
ratio. For NPS the normal one with three answers added, 3/4 of a promoter, 3/4 of a detractor and 3/2 passive: without
them a few equal answers have an interval of no width. B. Rocks, "Interval Estimation for the Net Promoter Score", The
American Statistician 70, 2016.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from deploy.clickhouse.kpi_tables import literal
from schemas.kpis import (
    ACCUMULATORS,
    DEFINITION_VERSION,
    HISTOGRAM_BASE,
    HISTOGRAMS,
    KPIS,
    LEAST_N,
    REOPENED_WITHIN_DAYS,
    UNDECIDED,
    Accumulator,
    Histogram,
    Kpi,
    Sum,
)

Z_95: Final = 1.959963984540054
QUANTILES: Final = (50, 90, 95)
QUARTER_HOUR_S: Final = 900


_LIMITS: Final = """(
        SELECT mapFromArrays(groupArray(limited), groupArray(least)) FROM
        (
            SELECT limited, min(one) AS least
            FROM {database}.watermarks FINAL
            ARRAY JOIN mapKeys(dimension_limits) AS limited, mapValues(dimension_limits) AS one
            GROUP BY limited
        ))"""
SHOWN_VALUE: Final = (
    f"if(mapContains({_LIMITS}, p.dimension) AND CRC32(p.dimension_value) >= {_LIMITS}[p.dimension], 'other',"
    " p.dimension_value)"
)
"""By which name a value of a dimension is read: one that lies beyond the limit of any partition is `other` of all,
also where it was written by its name before.
"""


@dataclass(frozen=True, slots=True)
class Window:
    """A rolling window: its length and how often one ends, in seconds; windows end at multiples of the hop."""

    name: str
    length_s: int
    hop_s: int


WINDOWS: Final = (
    Window("5m", 300, 60),
    Window("15m", 900, 900),
    Window("1h", 3600, 300),
    Window("24h", 86_400, 3600),
    Window("7d", 7 * 86_400, 6 * 3600),
)


def placeholders() -> Mapping[str, str]:
    """Placeholder -> SQL, for `clickhouse/current_kpis.sql`."""
    return {
        "kpi_definitions": ",\n    ".join(_definition(kpi) for kpi in KPIS),
        "kpi_shown_value": SHOWN_VALUE,
        "kpi_totals": ",\n    ".join(_total(name) for name in ACCUMULATORS),
        "kpi_definition_version": str(DEFINITION_VERSION),
        "kpi_minutes_that_count": rows_that_count("kpi_partials", "minute"),
        "kpi_quarter_hours_that_count": _quarter_hours_that_count(ACCUMULATORS),
        **{f"kpi_window_{window.name}": _window_view(window) for window in WINDOWS},
    }


def published_names(kpi: Kpi) -> tuple[str, ...]:
    """The values of `kpi` in the v_kpi_* views under which this KPI appears."""
    return tuple(f"{kpi.name}_p{q}" for q in QUANTILES) if _is_duration(kpi) else (kpi.name,)


def _names(accumulators: Iterable[Accumulator]) -> list[str]:
    return [each.name for each in accumulators]


def _is_duration(kpi: Kpi) -> bool:
    return isinstance(kpi.numerator[0], Histogram)


def _definition(kpi: Kpi) -> str:
    words = [literal(word) for word in (kpi.id, kpi.name, kpi.unit, kpi.formula)]
    lists = [literal(_names(side)) for side in (kpi.numerator, kpi.denominator)]
    more = [literal(word) for word in (kpi.anchor, kpi.small_n, kpi.source)]
    return "({})".format(", ".join((*words, *lists, *more, str(kpi.definition_version))))


def _total(name: str) -> str:
    # Qualified, because an alias that hides a column would be summed again.
    return f"{'sumMap' if name in HISTOGRAMS else 'sum'}(p.{name}) AS {name}"


def rows_that_count(table: str, moment: str) -> str:
    """The newest version of the rows that a view adds up, `AS p`: a FROM clause and its WHERE.

    Of one key they are those of the newest generation, and of these revision 0 and the adjustments that came after it:
    what is greater than its version. Neither a new application id on an old database nor a rebuild of a minute counts
    anything twice, or hides what comes later.

    Rows that do not count are few: looked for only where there are adjustments, and not at all where there are none.
    The generation of the newest adjustment is enough: all that are older than a newer minute are not after its version.
    """
    key = f"dimension, {moment}, dimension_value, topic, partition"
    own = ", ".join(f"p.{name}" for name in (*key.split(", "), "revision"))
    return f"""{{database}}.{table} AS p FINAL
WHERE is_empty = 0 AND ((SELECT count() FROM {{database}}.{table} WHERE revision > 0) = 0 OR ({own}) NOT IN
(
    SELECT
        {key},
        arrayJoin(arrayFilter(
            one -> bitShiftRight(if(one = 0, replaced_to, one), 32) < generation OR (one > 0 AND one <= replaced_to),
            revisions)) AS revision
    FROM
    (
        SELECT
            {key},
            maxIf(r.version, r.revision = 0) AS replaced_to,
            bitShiftRight(max(r.revision), 32) AS generation,
            groupUniqArray(r.revision) AS revisions
        FROM {{database}}.{table} AS r
        WHERE ({key}) IN (SELECT {key} FROM {{database}}.{table} WHERE revision > 0)
        GROUP BY {key}
    )
))"""


def _quarter_hours_that_count(accumulators: Iterable[str]) -> str:
    """What quarter-hours amount to, of each topic-partition, `AS p`: a FROM clause.

    A worker writes a quarter-hour once it is over. What follows the last one that it wrote is summed from its minutes.
    """
    written = rows_that_count("kpi_quarter_hours", "quarter_hour")
    going_on = rows_that_count("kpi_partials", "minute")
    amounts = (f"p.{name} AS {name}" for name in (*accumulators, "definition_version", "last_recorded_at"))
    columns = ", ".join(("dimension", "dimension_value", *amounts))
    written_to = """(
    SELECT groupArray((topic, partition, written_to)) FROM
    (
        SELECT topic, partition, max(quarter_hour) + INTERVAL 15 MINUTE AS written_to
        FROM {database}.kpi_quarter_hours
        GROUP BY topic, partition
    ))"""
    of_the_minute = f"arrayFirst(of -> of.1 = p.topic AND of.2 = p.partition, {written_to}).3"
    return f"""(
SELECT p.quarter_hour AS quarter_hour, {columns}
FROM {written}
UNION ALL
SELECT toDateTime64(toStartOfFifteenMinutes(p.minute), 3, 'UTC') AS quarter_hour, {columns}
FROM {going_on} AND p.minute >= {of_the_minute}
) AS p"""


def _window_view(window: Window) -> str:
    """One row for each window and KPI that has cases, or something above the line.

    Minutes, or quarter-hours where windows end with them, are summed into steps of one hop first: a window is then few
    steps, however long it is.
    """
    used = sorted({name for kpi in KPIS for name in _names((*kpi.numerator, *kpi.denominator))} | {*_names(UNDECIDED)})
    totals = ",\n            ".join(_total(name) for name in used)
    by_quarter_hours = window.hop_s % QUARTER_HOUR_S == 0
    moment = "quarter_hour" if by_quarter_hours else "minute"
    minutes = rows_that_count("kpi_partials", "minute")
    counted = _quarter_hours_that_count(used) if by_quarter_hours else minutes
    rows = ",\n        ".join(row for kpi in KPIS for row in _rows(kpi))
    undecided = " + ".join(_names(UNDECIDED)) or "0"
    ranked = ",\n        ".join(
        f"arraySort(CAST({name} AS Array(Tuple(Int16, Int64)))) AS {name}_pairs,"
        f" arrayCumSum(pair -> pair.2, {name}_pairs) AS {name}_ranks"
        for name in used
        if name in HISTOGRAMS
    )
    return f"""CREATE OR REPLACE VIEW {{database}}.v_kpi_{window.name}
(
    window_start DateTime64(3, 'UTC') COMMENT 'Beginning of the window, UTC, within it',
    window_end DateTime64(3, 'UTC') COMMENT 'End of the window, UTC, outside it; one ends every {window.hop_s} seconds',
    dimension LowCardinality(String) COMMENT 'What the number is split by; all: not at all',
    dimension_value LowCardinality(String) COMMENT 'Value of it; area_channel reads area|channel, handoff from>to',
    kpi_id LowCardinality(String) COMMENT 'Its id in kpi_definitions',
    kpi LowCardinality(String) COMMENT 'Name in kpi_definitions; of a duration, followed by _p50, _p90 or _p95',
    unit LowCardinality(String) COMMENT 'ratio (0..1), seconds, score, per_1000 or count',
    value Nullable(Float64) COMMENT 'The KPI, in its unit; NULL when n is 0',
    numerator Float64 COMMENT 'What is above the line, count or total in the unit: parts add up by it and n',
    n UInt64 COMMENT 'Cases that it rests on, count: the denominator',
    low Nullable(Float64) COMMENT 'Lower 95% bound, of a ratio (Wilson) and of NPS; NULL below n = {LEAST_N}',
    high Nullable(Float64) COMMENT 'Upper 95% bound, of a ratio (Wilson) and of NPS; NULL below n = {LEAST_N}',
    anchor LowCardinality(String) COMMENT 'Which moment decides the minute, as kpi_definitions says',
    definition_version UInt32 COMMENT 'Version of its definition, as in kpi_definitions',
    redefined UInt8 COMMENT '1 when some of it was counted before that: by another definition, or not at all',
    settled UInt8 COMMENT '1 when nothing in it is undecided, and only what comes late can change it',
    as_of DateTime64(3, 'UTC') COMMENT 'Wall clock of the newest checkpoint that is counted in it, UTC'
)
AS WITH
    row.4 AS method,
    row.5 AS above,
    toFloat64(row.6) AS cases,
    if(cases > 0, above / cases, NULL) AS share,
    {Z_95} / 2 / cases * sqrt(4 * cases * share * (1 - share) + {Z_95 * Z_95}) AS wilson_half,
    share + {Z_95 * Z_95} / 2 / cases AS wilson_middle,
    1 + {Z_95 * Z_95} / cases AS wilson_scale,
    cases + 3 AS adjusted_cases,
    above / adjusted_cases AS adjusted_middle,
    (row.7 + 1.5) / adjusted_cases - pow(adjusted_middle / 100, 2) AS adjusted_variance,
    {Z_95} * 100 * sqrt(greatest(adjusted_variance, 0) / adjusted_cases) AS adjusted_half
SELECT
    fromUnixTimestamp64Milli((end_s - {window.length_s}) * 1000, 'UTC') AS window_start,
    fromUnixTimestamp64Milli(end_s * 1000, 'UTC') AS window_end,
    dimension,
    dimension_value,
    row.8 AS kpi_id,
    row.1 AS kpi,
    row.2 AS unit,
    if(method IN ('quantile', 'total'), above, share) AS value,
    row.9 AS numerator,
    toUInt64(row.6) AS n,
    multiIf(
        n < {LEAST_N}, NULL,
        method = 'wilson' AND abs(share - 0.5) <= 0.5, greatest((wilson_middle - wilson_half) / wilson_scale, 0),
        method = 'adjusted', greatest(adjusted_middle - adjusted_half, -100),
        NULL) AS low,
    multiIf(
        n < {LEAST_N}, NULL,
        method = 'wilson' AND abs(share - 0.5) <= 0.5, least((wilson_middle + wilson_half) / wilson_scale, 1),
        method = 'adjusted', least(adjusted_middle + adjusted_half, 100),
        NULL) AS high,
    row.3 AS anchor,
    row.10 AS definition_version,
    counted_by < row.10 AS redefined,
    undecided = 0 AND (end_s + if(anchor = 'by_resolution', {REOPENED_WITHIN_DAYS * 86_400}, 0)) * 1000 <= (
        SELECT if(count() = max(partition) + 1, toUnixTimestamp64Milli(min(settled_to_at)), 0)
        FROM {{database}}.watermarks FINAL) AS settled,
    as_of
FROM
(
    SELECT
        end_s,
        dimension,
        dimension_value,
        as_of,
        counted_by,
        {undecided} AS undecided,
        {ranked},
        [
        {rows}
        ] AS rows
    FROM
    (
        SELECT
            end_s,
            dimension,
            dimension_value,
            max(p.as_of) AS as_of,
            min(p.counted_by) AS counted_by,
            {totals}
        FROM
        (
            SELECT
            intDiv(toUnixTimestamp(p.{moment}), {window.hop_s}) * {window.hop_s} AS step_s,
            dimension,
            {SHOWN_VALUE} AS dimension_value,
            max(p.last_recorded_at) AS as_of,
            min(p.definition_version) AS counted_by,
            {totals}
            FROM {counted}
            GROUP BY step_s, dimension, dimension_value
        ) AS p
        ARRAY JOIN range(step_s + {window.hop_s}, step_s + {window.length_s} + 1, {window.hop_s}) AS end_s
        WHERE end_s < {window.hop_s} + 60 + (
            SELECT toUnixTimestamp(max(minute)) FROM {minutes})
        GROUP BY end_s, dimension, dimension_value
    )
)
ARRAY JOIN rows AS row
WHERE row.6 > 0 OR (row.6 = 0 AND row.9 > 0)
COMMENT 'KPIs over rolling windows of {window.length_s} seconds; none lies wholly beyond the last data'"""


def _rows(kpi: Kpi) -> list[str]:
    """Tuples of kpi, unit, anchor, method, above, n, spread, id, numerator, definition version.

    What is above the line for the value, and for NPS how it spreads; the numerator is in whole cases, or in the unit.
    """
    if _is_duration(kpi):
        histogram = kpi.numerator[0].name
        ranks = f"{histogram}_ranks[-1]"
        return [_row(kpi, name, "quantile", _quantile(histogram, q), ranks, numerator=ranks)
                for name, q in zip(published_names(kpi), QUANTILES, strict=True)]  # fmt: skip
    n = " + ".join(_names(kpi.denominator))
    if len(kpi.numerator) == 2:
        good, bad = _names(kpi.numerator)
        balance = f"(toFloat64({good}) - toFloat64({bad}))"
        return [_row(kpi, kpi.name, "adjusted", f"100 * {balance}", n, numerator=balance, spread=f"{good} + {bad}")]
    (numerator,) = _names(kpi.numerator)
    if not kpi.denominator:
        return [_row(kpi, kpi.name, "total", numerator, numerator, numerator=numerator)]
    if isinstance(kpi.numerator[0], Sum):
        return [_row(kpi, kpi.name, "mean", f"{numerator} / 1000", n, numerator=f"{numerator} / 1000")]
    if kpi.unit == "per_1000":
        return [_row(kpi, kpi.name, "mean", f"1000 * {numerator}", n, numerator=numerator)]
    return [_row(kpi, kpi.name, "wilson" if kpi.unit == "ratio" else "mean", numerator, n, numerator=numerator)]


def _row(kpi: Kpi, name: str, method: str, above: str, n: str, *, numerator: str, spread: str = "0") -> str:
    return (
        f"('{name}', '{kpi.unit}', '{kpi.anchor}', '{method}', toFloat64({above}), toInt64({n}), toFloat64({spread}),"
        f" '{kpi.id}', toFloat64({numerator}), toUInt32({kpi.definition_version}))"
    )


def _quantile(histogram: str, percent: int) -> str:
    """The geometric middle of the bucket that holds the ranked case: within half a bucket of it."""
    rank = f"ceil({percent / 100} * {histogram}_ranks[-1])"
    bucket = f"{histogram}_pairs[arrayFirstIndex(rank -> rank >= {rank}, {histogram}_ranks)].1"
    return f"pow({HISTOGRAM_BASE}, {bucket} + 0.5)"
