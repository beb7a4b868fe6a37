-- Everything about KPIs that follows from schemas/kpi_definitions: what stands in braces is written by deploy/kpi_views.

CREATE OR REPLACE TABLE {database}.kpi_definitions
(
    id LowCardinality(String) COMMENT 'Identifier of the definition',
    name LowCardinality(String) COMMENT 'Name that the v_kpi_* views publish it under; of a duration, followed by _p50, _p90 or _p95',
    unit LowCardinality(String) COMMENT 'ratio (0..1), seconds, score, per_1000 or count',
    formula String COMMENT 'Definition in words',
    numerator Array(String) COMMENT 'Accumulators of v_kpi_minute above the line',
    denominator Array(String) COMMENT 'Accumulators below the line: their sum is n',
    anchor LowCardinality(String) COMMENT 'Which moment decides the minute: by_event when it happened, by_due when it was due',
    small_n String COMMENT 'What to do with few cases'
)
ENGINE = MergeTree
ORDER BY id
COMMENT 'One row for each published KPI'
AS SELECT * FROM VALUES(
    'id String, name String, unit String, formula String, numerator Array(String), denominator Array(String), anchor String, small_n String',
    {kpi_definitions});

CREATE OR REPLACE VIEW {database}.v_kpi_minute AS
SELECT
    minute,
    dimension,
    dimension_value,
    {kpi_totals}
FROM {database}.kpi_partials AS p FINAL
WHERE is_empty = 0
GROUP BY minute, dimension, dimension_value
COMMENT 'KPI accumulators of each minute, over all topics and partitions';

{kpi_window_5m};

{kpi_window_1h};

{kpi_window_24h};

{kpi_window_7d};
