-- What everybody reads. Each view takes the newest version of a row itself, so that nothing depends on whether a merge
-- has happened. FINAL uses the skip indexes, and the reader's condition passes through to the table. A column that a
-- view hands on keeps the comment of its table.

-- Records of one event agree in its id, its type, its entity and its moment: an id that is used again is another event.
-- They have one customer, too: naming it lets a condition on the customer pass LIMIT BY, to the index.
CREATE OR REPLACE VIEW {database}.v_events AS
SELECT *
FROM {database}.feedback_events FINAL
ORDER BY topic, partition, incarnation, offset
LIMIT 1 BY source, event_id, customer_id, event_type, entity_id, occurred_at
COMMENT 'Accepted events, each once: of its records the first, by topic, partition, incarnation and offset';

CREATE OR REPLACE VIEW {database}.v_cases AS
SELECT *
FROM {database}.cases FINAL
COMMENT 'Contacts and complaints as they stand';

CREATE OR REPLACE VIEW {database}.v_sla AS
WITH
    (SELECT mapFromArrays(groupArray(partition), groupArray(business_ms)) FROM {database}.watermarks FINAL)[partition]
        AS counted,
    concat(calendar, ' ', calendar_version) AS counted_by
SELECT
    * EXCEPT (void, overdue_ms, overdue_elapsed_ms, due_business_ms, version, last_recorded_at),
    mapFromArrays(used_teams, used_ms) AS used_by,
    multiIf(state IN ('breached', 'breached_open'), 'breached', state) AS outcome,
    state IN ('running', 'paused', 'breached_open') AS open,
    if(isNull(stopped_at), NULL, dateDiff('millisecond', started_at, assumeNotNull(stopped_at))) AS elapsed_ms,
    multiIf(
        state != 'breached_open', c.overdue_ms,
        calendar = '', overdue_elapsed_ms,
        mapContains(counted, counted_by), greatest(counted[counted_by] - c.due_business_ms, 0),
        NULL) AS overdue_ms,
    if(
        state = 'breached_open',
        greatest(dateDiff('millisecond', due_at, (
            SELECT mapFromArrays(groupArray(partition), groupArray(read_to_at)) FROM {database}.watermarks FINAL
        )[partition]), 0),
        c.overdue_elapsed_ms) AS overdue_elapsed_ms,
    version,
    last_recorded_at
FROM {database}.sla_clocks AS c FINAL
WHERE void = 0
COMMENT 'SLA clocks as they stand, without those that later events showed never to have existed';

ALTER TABLE {database}.v_sla COMMENT COLUMN used_by 'used_teams -> used_ms: which team used how much of the clock';
ALTER TABLE {database}.v_sla COMMENT COLUMN outcome 'running, paused, met, breached (completed late or still open) or cancelled';
ALTER TABLE {database}.v_sla COMMENT COLUMN overdue_ms 'stopped_at - due_at, of an open breach the watermark of its partition - due_at, milliseconds of business time when there is a calendar; 0 when in time';
ALTER TABLE {database}.v_sla COMMENT COLUMN overdue_elapsed_ms 'The same, milliseconds elapsed';
ALTER TABLE {database}.v_sla COMMENT COLUMN open '1 while the promise is neither kept nor cancelled';
ALTER TABLE {database}.v_sla COMMENT COLUMN elapsed_ms 'stopped_at - started_at, milliseconds; NULL while open';

-- A sum of what all partitions wrote: whether a merge has happened makes no difference.
CREATE OR REPLACE VIEW {database}.v_policy_texts AS
SELECT * EXCEPT (version)
FROM {database}.policy_texts FINAL
COMMENT 'Texts of packs, calendars, parameters of patterns and settings that were ever in force, each once';

ALTER TABLE {database}.v_policy_texts COMMENT COLUMN last_recorded_at 'When a partition came under the text last, UTC: later than first_seen where others were in force meanwhile, or a partition was read anew';

CREATE OR REPLACE VIEW {database}.v_incidents AS
SELECT *
FROM {database}.incidents FINAL
WHERE state != 'withdrawn'
COMMENT 'Incidents as they stand, without those that later events showed never to have been';

-- Partitions know nothing of each other: here a merge and its survivor meet. Of the few cases of one side the other is
-- looked up by its key.
CREATE OR REPLACE VIEW {database}.v_merged_elsewhere AS
SELECT
    topic,
    source,
    entity_id,
    partition,
    area,
    team,
    opened_at,
    last_event_at,
    merged_into,
    survivor.found AS survivor_found,
    survivor.partition AS survivor_partition,
    survivor.state AS survivor_state,
    (topic, source, merged_into, entity_id) IN
    (
        SELECT topic, source, entity_id, JSONExtractString(payload, 'from')
        FROM {database}.feedback_events
        WHERE event_type IN ('contact.absorbed', 'complaint.absorbed')
    ) AS carried
FROM
(
    SELECT topic, source, entity_id, partition, area, team, opened_at, last_event_at, merged_into
    FROM {database}.cases FINAL
    WHERE merged_elsewhere = 1
) AS merged
LEFT JOIN
(
    SELECT topic, source, entity_id, toUInt8(1) AS found, partition, state
    FROM {database}.cases FINAL
    WHERE (topic, source, entity_id) IN
        (SELECT topic, source, merged_into FROM {database}.cases FINAL WHERE merged_elsewhere = 1)
) AS survivor
ON survivor.topic = merged.topic AND survivor.source = merged.source AND survivor.entity_id = merged.merged_into
COMMENT 'Cases whose merge leads to one that is not in their partition: their wait crosses only by contact.absorbed or complaint.absorbed';

ALTER TABLE {database}.v_merged_elsewhere COMMENT COLUMN survivor_found '1 when any partition knows the surviving case';
ALTER TABLE {database}.v_merged_elsewhere COMMENT COLUMN survivor_partition 'Kafka partition of the surviving case; 0 when none knows it';
ALTER TABLE {database}.v_merged_elsewhere COMMENT COLUMN survivor_state 'State of the surviving case; empty when no partition knows it';
ALTER TABLE {database}.v_merged_elsewhere COMMENT COLUMN carried '1 when its wait was published to the surviving case, as contact.absorbed or complaint.absorbed';

-- Two partitions write the same case, and v_cases shows one of the two: only its events tell. A condition on the key of a
-- case passes through to the table.
CREATE OR REPLACE VIEW {database}.v_split_cases AS
SELECT
    topic,
    source,
    entity_id,
    arraySort(groupUniqArray(partition)) AS partitions,
    uniqExact(partition, incarnation, offset) AS records,
    max(has(warnings, 'wrong_partition')) AS wrong_partition,
    max(has(warnings, 'key_not_customer')) AS key_not_customer,
    min(occurred_at) AS first_event_at,
    max(occurred_at) AS last_event_at,
    max(ingested_at) AS last_ingested_at
FROM {database}.feedback_events
WHERE entity_id != '' AND event_type != 'customer.erased'
GROUP BY topic, source, entity_id
HAVING length(partitions) > 1
COMMENT 'Cases whose events lie in more than one partition: what is answered in one is breached in the other';

ALTER TABLE {database}.v_split_cases COMMENT COLUMN partitions 'Kafka partitions of its events, ascending';
ALTER TABLE {database}.v_split_cases COMMENT COLUMN records 'Accepted records, count';
ALTER TABLE {database}.v_split_cases COMMENT COLUMN wrong_partition '1 when its publisher was told that its client places keys otherwise than OIDOR_PARTITIONER says';
ALTER TABLE {database}.v_split_cases COMMENT COLUMN key_not_customer '1 when its publisher was told that its key is not the customer';
ALTER TABLE {database}.v_split_cases COMMENT COLUMN first_event_at 'First event, UTC';
ALTER TABLE {database}.v_split_cases COMMENT COLUMN last_event_at 'Last event, UTC';
ALTER TABLE {database}.v_split_cases COMMENT COLUMN last_ingested_at 'Wall clock of the checkpoint that wrote its newest record, UTC';

-- A row of another table that was refused has no record of its own: it is filed under the topic of the rows, which is
-- no part of this count.
CREATE OR REPLACE VIEW {database}.v_reconciliation AS
SELECT
    topic,
    partition,
    incarnation,
    toDate(day_at, 'UTC') AS day,
    sum(read) AS records_read,
    sum(accepted_rows) AS accepted,
    sum(late_rows) AS late,
    sum(duplicate_rows) AS duplicate,
    sum(rejected_rows) AS rejected,
    sum(stored_rows) AS stored,
    sum(refused_rows) AS refused,
    sum(rejection_rows) AS rejections_stored,
    toInt64(records_read) - toInt64(accepted) - toInt64(duplicate) - toInt64(rejected) AS difference_read,
    toInt64(accepted) - toInt64(stored) - toInt64(refused) AS difference_stored,
    toInt64(rejected) - toInt64(rejections_stored) AS difference_rejected
FROM
(
    SELECT topic, partition, incarnation, toStartOfDay(day, 'UTC') AS day_at, records_read AS read, accepted AS accepted_rows,
        late AS late_rows, duplicate AS duplicate_rows, rejected AS rejected_rows,
        toUInt64(0) AS stored_rows, toUInt64(0) AS refused_rows, toUInt64(0) AS rejection_rows
    FROM {database}.ingest_progress FINAL
    UNION ALL
    SELECT topic, partition, incarnation, toStartOfDay(record_at, 'UTC') AS day_at, 0, 0, 0, 0, 0, uniqExact(offset), 0, 0
    FROM {database}.feedback_events
    GROUP BY topic, partition, incarnation, day_at
    UNION ALL
    SELECT topic, partition, incarnation, toStartOfDay(record_at, 'UTC') AS day_at, 0, 0, 0, 0, 0, 0,
        countIf(reason = 'sink_refused'), countIf(reason != 'sink_refused')
    FROM {database}.rejected_events FINAL
    WHERE NOT endsWith(topic, 'feedback-rows')
    GROUP BY topic, partition, incarnation, day_at
)
GROUP BY topic, partition, incarnation, day_at
COMMENT 'Every record accounted for: the differences are 0 once all that was read has arrived here';

ALTER TABLE {database}.v_reconciliation COMMENT COLUMN day 'UTC day of the record timestamps';
ALTER TABLE {database}.v_reconciliation COMMENT COLUMN stored 'Records in feedback_events, count';
ALTER TABLE {database}.v_reconciliation COMMENT COLUMN refused 'Accepted records that this database refused (sink_refused), count';
ALTER TABLE {database}.v_reconciliation COMMENT COLUMN rejections_stored 'Records in rejected_events other than refused ones, count';
ALTER TABLE {database}.v_reconciliation COMMENT COLUMN difference_read 'records_read - accepted - duplicate - rejected: must be 0';
ALTER TABLE {database}.v_reconciliation COMMENT COLUMN difference_stored 'accepted - stored - refused: must be 0';
ALTER TABLE {database}.v_reconciliation COMMENT COLUMN difference_rejected 'rejected - rejections_stored: must be 0';
