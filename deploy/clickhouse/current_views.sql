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

CREATE OR REPLACE VIEW {database}.v_actions AS
SELECT *
FROM {database}.actions FINAL
COMMENT 'What people did about incidents and planned for sources, each once';

-- Here the worker's record, which no person changes, and what people did meet. Of acknowledgements and dismissals the
-- last holds, in the order of their log: who dismissed the wrong incident acknowledges it.
CREATE OR REPLACE VIEW {database}.v_incidents AS
SELECT
    i.* EXCEPT (state, close_reason, closed_at, version, last_recorded_at),
    i.state AS decided_state,
    i.close_reason AS decided_close_reason,
    i.closed_at AS decided_closed_at,
    ifNull(h.dismissed_at < ifNull(i.closed_at, toDateTime64('2299-12-31 00:00:00', 3, 'UTC')), 0) AS dismissed,
    if(dismissed, 'closed', i.state) AS state,
    if(dismissed, 'dismissed', i.close_reason) AS close_reason,
    if(dismissed, greatest(h.dismissed_at, i.opened_at), i.closed_at) AS closed_at,
    multiIf(
        dismissed, 'dismissed',
        i.state != 'open', 'closed',
        isNotNull(h.acted_at), 'acted',
        isNotNull(h.acknowledged_at), 'acknowledged',
        'open') AS status,
    h.acknowledged_at AS acknowledged_at,
    h.acknowledged_by AS acknowledged_by,
    h.acted_at AS acted_at,
    h.acted_by AS acted_by,
    h.dismissed_by AS dismissed_by,
    h.last_note AS last_note,
    if(isNull(h.acknowledged_at), NULL, greatest(dateDiff('millisecond', i.opened_at, h.acknowledged_at), 0))
        AS time_to_acknowledge_ms,
    if(isNull(h.acted_at), NULL, greatest(dateDiff('millisecond', i.opened_at, h.acted_at), 0)) AS time_to_act_ms,
    i.version AS version,
    i.last_recorded_at AS last_recorded_at
FROM {database}.incidents AS i FINAL
LEFT JOIN
(
    SELECT
        incident_id,
        minOrNull(at) AS acknowledged_at,
        argMin(who, (at, offset)) AS acknowledged_by,
        minOrNullIf(at, action = 'acted') AS acted_at,
        argMinIf(who, (at, offset), action = 'acted') AS acted_by,
        argMaxIf(action, (record_at, offset), action IN ('acknowledged', 'dismissed')) = 'dismissed' AS given_up,
        if(given_up, maxOrNullIf(at, action = 'dismissed'), NULL) AS dismissed_at,
        if(given_up, argMaxIf(who, (record_at, offset), action = 'dismissed'), '') AS dismissed_by,
        argMaxIf(note, (record_at, offset), note != '') AS last_note
    FROM {database}.actions FINAL
    WHERE incident_id != ''
    GROUP BY incident_id
) AS h ON i.incident_id = h.incident_id
WHERE i.state != 'withdrawn'
COMMENT 'Incidents as they stand and as people see them, without those that later events showed never to have been';

ALTER TABLE {database}.v_incidents COMMENT COLUMN state 'open or closed: a person who dismisses an incident closes it';
ALTER TABLE {database}.v_incidents COMMENT COLUMN close_reason 'Empty while open; dismissed by a person, or why the worker closed it: auto, met, breached, cancelled, retracted, quiet, erased or evicted';
ALTER TABLE {database}.v_incidents COMMENT COLUMN closed_at 'When it ended, by the events, or was dismissed, UTC; NULL while open';
ALTER TABLE {database}.v_incidents COMMENT COLUMN decided_state 'State in the worker''s record, which no person changes';
ALTER TABLE {database}.v_incidents COMMENT COLUMN decided_close_reason 'Why the worker closed it; empty while it has not';
ALTER TABLE {database}.v_incidents COMMENT COLUMN decided_closed_at 'When the worker closed it, by the events, UTC';
ALTER TABLE {database}.v_incidents COMMENT COLUMN dismissed '1 when a person dismissed it before it was closed by itself';
ALTER TABLE {database}.v_incidents COMMENT COLUMN status 'As people see it: open, acknowledged, acted, dismissed or closed';
ALTER TABLE {database}.v_incidents COMMENT COLUMN acknowledged_at 'When somebody first acknowledged, acted on or dismissed it, UTC; NULL when nobody has';
ALTER TABLE {database}.v_incidents COMMENT COLUMN acknowledged_by 'User name of who that was; empty when nobody has';
ALTER TABLE {database}.v_incidents COMMENT COLUMN acted_at 'When somebody first did something about it, UTC; NULL when nobody has';
ALTER TABLE {database}.v_incidents COMMENT COLUMN acted_by 'User name of who that was; empty when nobody has';
ALTER TABLE {database}.v_incidents COMMENT COLUMN dismissed_by 'User name of who dismissed it last; empty when nobody has, or it was taken up again';
ALTER TABLE {database}.v_incidents COMMENT COLUMN last_note 'What was said of it last';
ALTER TABLE {database}.v_incidents COMMENT COLUMN time_to_acknowledge_ms 'acknowledged_at - opened_at, milliseconds; NULL while nobody has';
ALTER TABLE {database}.v_incidents COMMENT COLUMN time_to_act_ms 'acted_at - opened_at, milliseconds (K29); NULL while nobody has';

CREATE OR REPLACE VIEW {database}.v_time_to_act AS
SELECT
    toStartOfDay(opened_at, 'UTC') AS day,
    pattern,
    severity,
    area,
    owner,
    count() AS incidents,
    countIf(isNotNull(acknowledged_at)) AS acknowledged,
    countIf(isNotNull(acted_at)) AS acted,
    countIf(dismissed) AS dismissals,
    countIf(status = 'open') AS waiting,
    quantileExactOrNull(0.5)(time_to_acknowledge_ms) / 1000 AS acknowledge_p50_seconds,
    quantileExactOrNull(0.9)(time_to_acknowledge_ms) / 1000 AS acknowledge_p90_seconds,
    quantileExactOrNull(0.5)(time_to_act_ms) / 1000 AS act_p50_seconds,
    quantileExactOrNull(0.9)(time_to_act_ms) / 1000 AS act_p90_seconds
FROM {database}.v_incidents
GROUP BY ALL
COMMENT 'K29, time to act: how soon people acknowledged incidents and acted on them, by the UTC day of their opening';

ALTER TABLE {database}.v_time_to_act COMMENT COLUMN day 'UTC day on which the incidents opened';
ALTER TABLE {database}.v_time_to_act COMMENT COLUMN incidents 'Incidents, count';
ALTER TABLE {database}.v_time_to_act COMMENT COLUMN acknowledged 'Of these, those that somebody acknowledged, acted on or dismissed, count';
ALTER TABLE {database}.v_time_to_act COMMENT COLUMN acted 'Of these, those that somebody acted on, count';
ALTER TABLE {database}.v_time_to_act COMMENT COLUMN dismissals 'Of these, those that somebody dismissed, count';
ALTER TABLE {database}.v_time_to_act COMMENT COLUMN waiting 'Of these, those that are open and that nobody has acknowledged, count';
ALTER TABLE {database}.v_time_to_act COMMENT COLUMN acknowledge_p50_seconds 'Median time from opening to acknowledgement, seconds';
ALTER TABLE {database}.v_time_to_act COMMENT COLUMN acknowledge_p90_seconds '90th percentile of the same, seconds';
ALTER TABLE {database}.v_time_to_act COMMENT COLUMN act_p50_seconds 'Median time from opening to the first action, seconds';
ALTER TABLE {database}.v_time_to_act COMMENT COLUMN act_p90_seconds '90th percentile of the same, seconds';

CREATE OR REPLACE VIEW {database}.v_maintenance AS
SELECT
    maintenance_id,
    argMax(source, (record_at, offset)) AS source,
    assumeNotNull(argMax(begins_at, (record_at, offset))) AS begins_at,
    assumeNotNull(argMax(ends_at, (record_at, offset))) AS ends_at,
    argMax(who, (record_at, offset)) AS who,
    argMax(note, (record_at, offset)) AS note,
    ends_at <= begins_at AS called_off
FROM {database}.actions AS planned FINAL
WHERE action = 'maintenance_planned'
GROUP BY maintenance_id
COMMENT 'Planned maintenance of sources: of each the last plan';

ALTER TABLE {database}.v_maintenance COMMENT COLUMN called_off '1 when the last plan ends as it begins: it does not take place';

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
    WHERE NOT endsWith(topic, 'feedback-rows') AND topic != 'feedback-actions'
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
