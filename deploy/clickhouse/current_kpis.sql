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
    dimension_value,
    {kpi_totals}
FROM {kpi_minutes_that_count}
GROUP BY minute, dimension, dimension_value
COMMENT 'KPI accumulators of each minute, over all topics and partitions';

CREATE OR REPLACE VIEW {database}.v_kpi_quarter_hour AS
SELECT
    quarter_hour,
    dimension,
    dimension_value,
    {kpi_totals}
FROM {kpi_quarter_hours_that_count}
GROUP BY quarter_hour, dimension, dimension_value
COMMENT 'KPI accumulators of each quarter-hour, over all topics and partitions';

{kpi_window_5m};

{kpi_window_15m};

{kpi_window_1h};

{kpi_window_24h};

{kpi_window_7d};
