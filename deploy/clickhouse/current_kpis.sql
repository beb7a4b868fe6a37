-- What is read of KPIs. What stands in braces is written by kpi_views.py from schemas/kpis.py.

CREATE OR REPLACE TABLE {database}.kpi_definitions
(
    id LowCardinality(String) COMMENT 'Identifier of the definition',
    name LowCardinality(String) COMMENT 'Name that the v_kpi_* views publish it under; of a duration, followed by _p50, _p90 or _p95',
    unit LowCardinality(String) COMMENT 'ratio (0..1), seconds, score, per_1000 or count',
    formula String COMMENT 'Definition in words',
    numerator Array(String) COMMENT 'Accumulators of v_kpi_minute above the line',
    denominator Array(String) COMMENT 'Accumulators below the line: their sum is n; none: what is above is n',
    anchor LowCardinality(String) COMMENT 'Which moment decides the minute: by_event when it happened, by_due when it was due, by_queueing when the wait began, by_resolution when it was resolved; by_each_event each part by its own events',
    small_n String COMMENT 'What to do with few cases',
    source String COMMENT 'Public definition that it follows; empty where it is our own',
    definition_version UInt32 COMMENT 'Version of all definitions from which on it is counted as it is now'
)
ENGINE = MergeTree
ORDER BY id
COMMENT 'One row for each published KPI'
AS SELECT * FROM VALUES(
    'id String, name String, unit String, formula String, numerator Array(String), denominator Array(String), anchor String, small_n String, source String, definition_version UInt32',
    {kpi_definitions});

CREATE OR REPLACE VIEW {database}.v_kpi_minute AS
SELECT
    minute,
    dimension,
    {kpi_shown_value} AS dimension_value,
    min(p.definition_version) AS definition_version,
    {kpi_totals}
FROM {kpi_minutes_that_count}
GROUP BY minute, dimension, dimension_value
COMMENT 'KPI accumulators of each minute, over all topics and partitions';

CREATE OR REPLACE VIEW {database}.v_kpi_quarter_hour AS
SELECT
    quarter_hour,
    dimension,
    {kpi_shown_value} AS dimension_value,
    min(p.definition_version) AS definition_version,
    {kpi_totals}
FROM {kpi_quarter_hours_that_count}
GROUP BY quarter_hour, dimension, dimension_value
COMMENT 'KPI accumulators of each quarter-hour, over all topics and partitions';

-- Hours of which some minute is to be counted anew, and why.
CREATE OR REPLACE VIEW {database}.v_kpi_outdated AS
SELECT
    toStartOfHour(minute) AS hour,
    topic,
    partition,
    reason,
    uniqExact(minute) AS minutes,
    arraySort(groupUniqArrayArray(defined_since)) AS kpis
FROM
(
    SELECT minute, topic, partition, toString(reason) AS reason, CAST([] AS Array(String)) AS defined_since
    FROM {database}.kpi_stale_minutes FINAL
    WHERE resolved = 0
    UNION ALL
    SELECT
        minute,
        topic,
        partition,
        'other_definition' AS reason,
        arrayMap(kpi -> kpi.2, arrayFilter(
            kpi -> kpi.1 > p.definition_version,
            (SELECT groupArray((definition_version, toString(name))) FROM {database}.kpi_definitions))) AS defined_since
    FROM {kpi_minutes_that_count} AND dimension = 'all' AND p.definition_version < {kpi_definition_version}
)
GROUP BY hour, topic, partition, reason
COMMENT 'Hours in which KPI minutes are not what their events come to by the definitions of today: `oidor rebuild` counts them anew';

ALTER TABLE {database}.v_kpi_outdated COMMENT COLUMN hour 'Beginning of the hour, UTC';
ALTER TABLE {database}.v_kpi_outdated COMMENT COLUMN reason 'not_taken_back: a case that was counted by other rules would be counted otherwise by now; maybe_counted_twice: it may be, besides; other_definition: a KPI was added or defined anew since';
ALTER TABLE {database}.v_kpi_outdated COMMENT COLUMN minutes 'Minutes of it, count';
ALTER TABLE {database}.v_kpi_outdated COMMENT COLUMN kpis 'Names of the KPIs that were added or defined anew since; empty for another reason';

{kpi_window_5m};

{kpi_window_15m};

{kpi_window_1h};

{kpi_window_24h};

{kpi_window_7d};
