-- Partials of KPIs: what a minute, or a quarter-hour, adds up to by one value of one dimension. What stands in braces is
-- written by kpi_tables.py from schemas/kpis.py.
--
-- A row of revision 0 is all that its partition counted while the minute was in memory: each version replaces the one
-- before. What comes later is a row of its own, whose revision is the version of the checkpoint that wrote it: an
-- adjustment, absolute for itself, to be added. Which rows count is written in kpi_views.py, once.
--
-- Quarter-hours have a table of their own: nobody who reads minutes counts a case twice by forgetting a condition, a
-- week of quarter-hours is read without the fifteen times as many minutes between them, and each can be kept as long as
-- it is useful.

CREATE TABLE IF NOT EXISTS {database}.kpi_partials
(
    minute DateTime64(3, 'UTC') COMMENT 'Beginning of the minute, UTC',
    {kpi_rest_of_key},
    definition_version UInt32 COMMENT 'The least version of the KPI definitions that anything in it was counted under',
    {kpi_accumulators_of_minute},
    is_empty UInt8 MATERIALIZED {kpi_is_empty} {kpi_is_empty_comment},
    version UInt64 COMMENT 'generation << 32 | sequence of the checkpoint: the greatest holds',
    last_recorded_at DateTime64(3, 'UTC') COMMENT 'Wall clock of the checkpoint that wrote the row, UTC',
    INDEX by_revision revision TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(minute)
ORDER BY (dimension, minute, dimension_value, topic, partition, revision)
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'Accumulators of one minute from one topic-partition; key: minute, dimension, dimension_value, topic, partition, revision';

ALTER TABLE {database}.kpi_partials
    {kpi_new_accumulators_of_minute},
    MODIFY COLUMN is_empty UInt8 MATERIALIZED {kpi_is_empty} {kpi_is_empty_comment};

CREATE TABLE IF NOT EXISTS {database}.kpi_quarter_hours
(
    quarter_hour DateTime64(3, 'UTC') COMMENT 'Beginning of the quarter-hour, UTC',
    {kpi_rest_of_key},
    definition_version UInt32 COMMENT 'The least version of the KPI definitions that anything in it was counted under',
    {kpi_accumulators_of_quarter_hour},
    is_empty UInt8 MATERIALIZED {kpi_is_empty} {kpi_is_empty_comment},
    version UInt64 COMMENT 'generation << 32 | sequence of the checkpoint: the greatest holds',
    last_recorded_at DateTime64(3, 'UTC') COMMENT 'Wall clock of the checkpoint that wrote the row, UTC',
    INDEX by_revision revision TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(quarter_hour)
ORDER BY (dimension, quarter_hour, dimension_value, topic, partition, revision)
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'Accumulators of one quarter-hour from one topic-partition; key: quarter_hour, dimension, dimension_value, topic, partition, revision';

ALTER TABLE {database}.kpi_quarter_hours
    {kpi_new_accumulators_of_quarter_hour},
    MODIFY COLUMN is_empty UInt8 MATERIALIZED {kpi_is_empty} {kpi_is_empty_comment};
