-- How long rows are kept, counted from when they were recorded here.
ALTER TABLE {database}.feedback_events MODIFY TTL toDateTime(ingested_at) + INTERVAL {raw_ttl_days} DAY;
ALTER TABLE {database}.rejected_events MODIFY TTL toDateTime(last_recorded_at) + INTERVAL {raw_ttl_days} DAY;
ALTER TABLE {database}.ingest_progress MODIFY TTL toDateTime(last_recorded_at) + INTERVAL {raw_ttl_days} DAY;
ALTER TABLE {database}.kpi_partials MODIFY TTL toDateTime(last_recorded_at) + INTERVAL {kpi_ttl_days} DAY;
ALTER TABLE {database}.kpi_stale_minutes MODIFY TTL toDateTime(last_recorded_at) + INTERVAL {kpi_ttl_days} DAY;
ALTER TABLE {database}.kpi_quarter_hours MODIFY TTL toDateTime(last_recorded_at) + INTERVAL {kpi_ttl_days} DAY;
