-- One table for each kind of row that a checkpoint writes. Every table is a ReplacingMergeTree(version) whose sorting
-- key is the natural key of its rows and nothing that can change, so that a row written again replaces itself. A
-- partition is a function of that key for the same reason: versions in different partitions would never meet. Read
-- through the v_* views: here, older versions may still lie beside the newest.
--
-- TTLs count from when a row was recorded, not from when its event happened: a log of past years is not expired on
-- arrival. The deduplication window remembers insert tokens, so that an insert that is repeated after a lost answer
-- counts once.

CREATE TABLE IF NOT EXISTS {database}.feedback_events
(
    topic LowCardinality(String) COMMENT 'Kafka topic that the record was read from',
    partition UInt32 COMMENT 'Kafka partition',
    incarnation UInt32 COMMENT 'Which topic of this name it was: 0 at first, greater after `oidor inputs accept` let other records take the same offsets',
    offset UInt64 COMMENT 'Kafka offset',
    record_at DateTime64(3, 'UTC') COMMENT 'Timestamp of the Kafka record: when it arrived, UTC',
    event_id String COMMENT 'Identifier of the event, unique for its source',
    source LowCardinality(String) COMMENT 'System that published the event',
    event_type LowCardinality(String) COMMENT 'What happened, as <entity>.<verb>',
    schema_version LowCardinality(String) COMMENT 'Version of the event contract, MAJOR.MINOR',
    entity_id String COMMENT 'The contact, complaint or survey that the event is about',
    seq Int64 COMMENT 'Order within the entity as its publisher counts; -1 when it sends none',
    customer_id String COMMENT 'Pseudonymous customer; empty when anonymous',
    occurred_at DateTime64(3, 'UTC') COMMENT 'When it happened in the source, UTC',
    late UInt8 COMMENT '1 when it came late: counted, but kept out of windowed detectors',
    test UInt8 COMMENT '1 when the publisher marks the event as a test: it counts nowhere',
    erased UInt8 COMMENT '1 when the customer was erased since: no comparison counts the row',
    warnings Array(LowCardinality(String)) COMMENT 'Defects that did not stop the event from being accepted',
    warning_fields Array(LowCardinality(String)) COMMENT 'Of each of them, in order, the field that it is about, as the contract names it; key is that of the record',
    channel LowCardinality(String) COMMENT 'Channel of the contact',
    org_unit LowCardinality(String) COMMENT 'Organisational unit, as a path',
    area LowCardinality(String) COMMENT 'Area that the event belongs to',
    team LowCardinality(String) COMMENT 'Team that handles it',
    site LowCardinality(String) COMMENT 'Place where it is handled, or that was visited',
    priority LowCardinality(String) COMMENT 'low, normal, high or urgent',
    kind LowCardinality(String) COMMENT 'Kind of complaint or survey',
    category LowCardinality(String) COMMENT 'Category in the common taxonomy',
    category_raw String COMMENT 'Category as the source names it',
    product LowCardinality(String) COMMENT 'Product or service',
    process LowCardinality(String) COMMENT 'Business process',
    journey_stage LowCardinality(String) COMMENT 'Stage of the customer journey',
    otc_stage LowCardinality(String) COMMENT 'Stage from order to collection',
    element LowCardinality(String) COMMENT 'Ingredient of the service that failed or shone',
    origin_area LowCardinality(String) COMMENT 'Area where the cause lies',
    demand_type LowCardinality(String) COMMENT 'value, failure or unknown',
    relationship LowCardinality(String) COMMENT 'b2b, b2c, c2c, g2c or internal',
    segment LowCardinality(String) COMMENT 'Customer segment',
    value_band LowCardinality(String) COMMENT 'Value band of the customer, a (highest) to e',
    country LowCardinality(String) COMMENT 'Country of the customer',
    language LowCardinality(String) COMMENT 'Language of the customer',
    topics Array(LowCardinality(String)) COMMENT 'What the text is about, by the lexicon',
    score Nullable(Float64) COMMENT 'Survey score on its own scale; NULL when the event carries none',
    payload String COMMENT 'The event as JSON after redaction, known fields only' CODEC(ZSTD(3)),
    version UInt64 COMMENT 'generation << 32 | sequence of the checkpoint: the greatest holds',
    ingested_at DateTime64(3, 'UTC') COMMENT 'Wall clock of the checkpoint that wrote the row, UTC',
    INDEX by_customer customer_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_entity entity_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(record_at)
ORDER BY (topic, partition, incarnation, offset)
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'One row for each accepted record, late ones included; key: topic, partition, incarnation, offset';

CREATE TABLE IF NOT EXISTS {database}.cases
(
    topic LowCardinality(String) COMMENT 'Kafka topic of the case: contacts or complaints',
    source LowCardinality(String) COMMENT 'System that published the case',
    entity_id String COMMENT 'Identifier of the case in its source',
    partition UInt32 COMMENT 'Kafka partition of its events',
    customer_id String COMMENT 'Pseudonymous customer; empty when anonymous',
    kind LowCardinality(String) COMMENT 'Kind of complaint',
    state LowCardinality(String) COMMENT 'State after the events read so far',
    waiting_on LowCardinality(String) COMMENT 'For whom it waits: customer or third_party; empty while it waits for neither',
    waiting_since Nullable(DateTime64(3, 'UTC')) COMMENT 'Since when it waits for them, UTC; NULL while it does not',
    channel LowCardinality(String) COMMENT 'Channel that it was opened on',
    org_unit LowCardinality(String) COMMENT 'Organisational unit, as a path',
    area LowCardinality(String) COMMENT 'Area that the case belongs to',
    team LowCardinality(String) COMMENT 'Team that handles it now',
    site LowCardinality(String) COMMENT 'Place where it is handled',
    owner String COMMENT 'Who answers for it now; empty when nobody does',
    priority LowCardinality(String) COMMENT 'low, normal, high or urgent',
    category LowCardinality(String) COMMENT 'Category in the common taxonomy',
    product LowCardinality(String) COMMENT 'Product or service',
    element LowCardinality(String) COMMENT 'Ingredient of the service that failed or shone',
    origin_area LowCardinality(String) COMMENT 'Area where the cause lies',
    otc_stage LowCardinality(String) COMMENT 'Stage from order to collection',
    relationship LowCardinality(String) COMMENT 'b2b, b2c, c2c, g2c or internal',
    demand_type LowCardinality(String) COMMENT 'value, failure or unknown',
    queue LowCardinality(String) COMMENT 'Queue that it last waited in; empty when it was in none',
    opened_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When it was opened, UTC; NULL when its opening was never read',
    first_response_at Nullable(DateTime64(3, 'UTC')) COMMENT 'First public reply of a person, UTC; NULL while there is none',
    answered_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When a person answered, UTC; NULL while nobody has',
    first_resolved_at Nullable(DateTime64(3, 'UTC')) COMMENT 'First resolution, UTC; NULL while there is none',
    resolved_at Nullable(DateTime64(3, 'UTC')) COMMENT 'The resolution that holds, UTC; NULL while there is none',
    closed_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When it was closed, UTC; NULL while it is not',
    last_event_at DateTime64(3, 'UTC') COMMENT 'When its last event happened, UTC',
    resolution LowCardinality(String) COMMENT 'Resolution of a contact, outcome of a complaint',
    merged_into String COMMENT 'Entity that survives its merge; empty when it is not merged',
    merged_elsewhere UInt8 COMMENT '1 when nothing was read of that entity in this partition 10 minutes after the merge',
    events UInt32 COMMENT 'Events that it was given',
    events_left_out UInt32 COMMENT 'Of them those beyond the bound of a case, which it is not folded from',
    assignments UInt32 COMMENT 'Times that it was assigned',
    transfers UInt32 COMMENT 'Times that it was transferred',
    reopens UInt32 COMMENT 'Times that it was reopened',
    incomplete UInt8 COMMENT '1 when its opening is missing or a transition was impossible: kept out of duration KPIs',
    test UInt8 COMMENT '1 when the publisher marks it as a test: it counts nowhere',
    erased UInt8 COMMENT '1 when the customer was erased since: no comparison counts the row',
    version UInt64 COMMENT 'generation << 32 | sequence of the checkpoint: the greatest holds',
    last_recorded_at DateTime64(3, 'UTC') COMMENT 'Wall clock of the checkpoint that wrote the row, UTC',
    INDEX by_customer customer_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (topic, source, entity_id)
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'One row for each contact and complaint, folded from its events so far; key: topic, source, entity_id';

CREATE TABLE IF NOT EXISTS {database}.sla_clocks
(
    clock_id String COMMENT 'topic:source:entity_id:metric:instance',
    topic LowCardinality(String) COMMENT 'Kafka topic of the case',
    source LowCardinality(String) COMMENT 'System that published the case',
    entity_id String COMMENT 'The case that the clock belongs to',
    partition UInt32 COMMENT 'Kafka partition of its events',
    metric LowCardinality(String) COMMENT 'What was promised: answer, human_on_request, acknowledge, first_response, next_response, update_every, resolve, final_response, follow_up, callback or own',
    instance UInt32 COMMENT 'Which clock of this metric in the case: 1 the first; one more for each wait, reopening, message, update, or team that it is handed to',
    policy_id LowCardinality(String) COMMENT 'SLA policy that set the target',
    policy_version LowCardinality(String) COMMENT 'Version of that policy',
    policy_digest LowCardinality(String) COMMENT 'Which text of that version it was started or last changed under: digest of policy_texts',
    customer_id String COMMENT 'Pseudonymous customer; empty when anonymous',
    channel LowCardinality(String) COMMENT 'Channel of the case',
    area LowCardinality(String) COMMENT 'Area of the case',
    team LowCardinality(String) COMMENT 'Team of the case',
    priority LowCardinality(String) COMMENT 'Priority of the case',
    kind LowCardinality(String) COMMENT 'Kind of complaint',
    queue LowCardinality(String) COMMENT 'Of an answer clock the queue of its wait, else that which its case last waited in',
    started_at DateTime64(3, 'UTC') COMMENT 'When the clock started, UTC',
    target LowCardinality(String) COMMENT 'What the policy promises, as configured: 4h, 8h es-madrid-split, 15 working_days es-working-days; as told: when the customer was told',
    calendar LowCardinality(String) COMMENT 'Calendar whose business time it counts; empty: elapsed time',
    calendar_version LowCardinality(String) COMMENT 'Version of that calendar',
    calendar_digest LowCardinality(String) COMMENT 'Which text of that version, holidays included: digest of policy_texts; empty: elapsed time',
    legal UInt8 COMMENT '1 for a deadline of the law: never paused, never longer by priority',
    target_ms Int64 COMMENT 'Time allowed to this instance, milliseconds of business time when there is a calendar',
    due_at DateTime64(3, 'UTC') COMMENT 'Deadline, UTC; of a paused clock: when it is due if nobody ends the pause',
    stopped_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When the promise was kept or cancelled, UTC; NULL while it is not',
    state LowCardinality(String) COMMENT 'running, paused, met, breached_open (overdue, still open), breached (completed late) or cancelled',
    business_ms Nullable(Int64) COMMENT 'stopped_at - started_at, milliseconds of business time when there is a calendar, else elapsed; NULL while open',
    used_teams Array(LowCardinality(String)) COMMENT 'Teams that had the case while the clock ran, in order',
    used_ms Array(Int64) COMMENT 'How much of it each of them used, without pauses, milliseconds of business time when there is a calendar: up to its end, or the deadline of an open breach, else up to the last hand-off',
    overdue_ms Int64 COMMENT 'stopped_at - due_at of a completed breach, milliseconds of business time when there is a calendar; else 0',
    overdue_elapsed_ms Int64 COMMENT 'stopped_at - due_at of a completed breach, milliseconds elapsed; else 0',
    due_business_ms Nullable(Int64) COMMENT 'Of an open breach with a calendar: its deadline as watermarks.business_ms counts; NULL else',
    waiting_on LowCardinality(String) COMMENT 'While paused: for whom its case waits, customer or third_party; else empty',
    paused_since Nullable(DateTime64(3, 'UTC')) COMMENT 'While paused: since when, which is since when its case waits, or since the clock began, its target became one that pauses, or the wait was told again after its longest pause, UTC; else NULL',
    paused_ms Int64 COMMENT 'Elapsed time in pauses that have ended, milliseconds',
    illegitimate_pause_ms Int64 COMMENT 'Of paused_ms, the time during which a message of the customer was unanswered, milliseconds',
    recomputed_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When another version of its pack or calendar, with recompute_open, came to hold for it while it was open, UTC; NULL: none did',
    retroactive UInt8 COMMENT '1 when its deadline was past before anyone could know: by a late record, or a change of priority or class',
    retracted UInt8 COMMENT '1 when a breach was taken back: the event that met it arrived after deadline and grace',
    inherited UInt8 COMMENT '1 when a case that was merged into this one counts for it: in no count, no attainment, no incident; breached although open when its deadline lies before the merge',
    void UInt8 COMMENT '1 when later events showed that the clock never existed',
    erased UInt8 COMMENT '1 when the customer was erased since: no comparison counts the row',
    version UInt64 COMMENT 'generation << 32 | sequence of the checkpoint: the greatest holds',
    last_recorded_at DateTime64(3, 'UTC') COMMENT 'Wall clock of the checkpoint that wrote the row, UTC',
    INDEX by_customer customer_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_entity entity_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version)
ORDER BY clock_id
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'One row for each SLA clock; key: clock_id';

CREATE TABLE IF NOT EXISTS {database}.incidents
(
    incident_id String COMMENT 'Identifier of the incident, from its pattern and subject',
    pattern LowCardinality(String) COMMENT 'Failure pattern that was detected',
    subject String COMMENT 'What the pattern is about: a clock, a case, a customer and category',
    severity LowCardinality(String) COMMENT 'info, warning or critical',
    state LowCardinality(String) COMMENT 'open, closed or withdrawn (later events showed that it never was)',
    close_reason LowCardinality(String) COMMENT 'Empty while open; auto, met, breached, cancelled, retracted or quiet',
    opened_at DateTime64(3, 'UTC') COMMENT 'When the pattern became true, by the events, UTC',
    updated_at DateTime64(3, 'UTC') COMMENT 'When it last changed, by the events, UTC',
    closed_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When it ended, by the events, UTC; NULL while open',
    topic LowCardinality(String) COMMENT 'Kafka topic of its events',
    partition UInt32 COMMENT 'Kafka partition of its events',
    source LowCardinality(String) COMMENT 'System that published its events',
    entity_id String COMMENT 'Case that it is about; empty when it spans several',
    customer_id String COMMENT 'Pseudonymous customer; empty when anonymous',
    area LowCardinality(String) COMMENT 'Area that should act',
    team LowCardinality(String) COMMENT 'Team that should act',
    owner String COMMENT 'Who should act; empty when nobody owns it',
    policy_id LowCardinality(String) COMMENT 'SLA policy, of incidents about a clock',
    metric LowCardinality(String) COMMENT 'SLA metric, of incidents about a clock',
    summary String COMMENT 'What happened, in one sentence',
    evidence String COMMENT 'JSON: the numbers and example identifiers that the decision rests on',
    rule_version LowCardinality(String) COMMENT 'Version of the rule that decided',
    version UInt64 COMMENT 'generation << 32 | sequence of the checkpoint: the greatest holds',
    last_recorded_at DateTime64(3, 'UTC') COMMENT 'Wall clock of the checkpoint that wrote the row, UTC',
    INDEX by_customer customer_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version)
ORDER BY incident_id
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'One row for each incident of a failure pattern; key: incident_id';

-- Written by the warehouse itself, which reads them from Kafka: no worker has a part in what people do.
CREATE TABLE IF NOT EXISTS {database}.actions
(
    action_id String COMMENT 'Identifier of the action: what was published again counts once',
    action LowCardinality(String) COMMENT 'acknowledged, acted, dismissed or maintenance_planned',
    incident_id String COMMENT 'Incident that it is about; empty of planned maintenance',
    maintenance_id String COMMENT 'Maintenance that is planned; empty of what is about an incident',
    source LowCardinality(String) COMMENT 'System that will be silent; of planned maintenance',
    begins_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When the maintenance begins, UTC',
    ends_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When it ends, UTC; its beginning when it was called off',
    at DateTime64(3, 'UTC') COMMENT 'When it was done, by the clock of whoever did it, UTC',
    who String COMMENT 'User name of who did it',
    note String COMMENT 'What they say of it, numbers and addresses of persons masked',
    record_at DateTime64(3, 'UTC') COMMENT 'When the broker appended it, UTC',
    offset UInt64 COMMENT 'Kafka offset',
    version UInt64 COMMENT 'record_at in milliseconds: the greatest holds',
    last_recorded_at DateTime64(3, 'UTC') COMMENT 'The same as record_at, UTC'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY action_id
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'What people did about incidents and planned for sources, each once; key: action_id';

CREATE TABLE IF NOT EXISTS {database}.rejected_events
(
    topic LowCardinality(String) COMMENT 'Kafka topic that the record was read from; feedback-rows of a row that was refused, unless it is of an event',
    partition UInt32 COMMENT 'Kafka partition',
    incarnation UInt32 COMMENT 'Which topic of this name it was: 0 at first, greater after `oidor inputs accept` let other records take the same offsets; of feedback-rows, a number that its id gives',
    offset UInt64 COMMENT 'Kafka offset',
    table LowCardinality(String) COMMENT 'Table that refused the row; empty of a record',
    row UInt32 COMMENT 'Which row of its message was refused, from 0; 0 of a record, and of the row of an event',
    record_at DateTime64(3, 'UTC') COMMENT 'Timestamp of the Kafka record: when it arrived, UTC',
    reason LowCardinality(String) COMMENT 'Why it was not accepted, one of the published reason codes',
    field String COMMENT 'Path of the field at fault; empty when the whole record is',
    expected String COMMENT 'What the contract asks for',
    got String COMMENT 'What was there, truncated and redacted',
    source LowCardinality(String) COMMENT 'System that published it, as far as it can be read',
    event_id String COMMENT 'Identifier of the event, as far as it can be read',
    event_type LowCardinality(String) COMMENT 'Type of the event, as far as it can be read',
    bytes UInt32 COMMENT 'Size of the original record, bytes',
    sha256 String COMMENT 'SHA-256 of the original record, hexadecimal',
    version UInt64 COMMENT 'generation << 32 | sequence of the checkpoint: the greatest holds',
    last_recorded_at DateTime64(3, 'UTC') COMMENT 'Wall clock of the checkpoint that wrote the row, UTC'
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(record_at)
ORDER BY (topic, partition, incarnation, offset, table, row)
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'One row for each record that was not accepted and each row that was refused, and why; key: topic, partition, incarnation, offset, table, row';

CREATE TABLE IF NOT EXISTS {database}.ingest_progress
(
    topic LowCardinality(String) COMMENT 'Kafka topic',
    partition UInt32 COMMENT 'Kafka partition',
    incarnation UInt32 COMMENT 'Which topic of this name it was: 0 at first, greater after `oidor inputs accept` let other records take the same offsets',
    day DateTime64(3, 'UTC') COMMENT 'Beginning of the UTC day of the record timestamps',
    records_read UInt64 COMMENT 'Records read, count',
    accepted UInt64 COMMENT 'Records accepted, late ones included, count',
    late UInt64 COMMENT 'Records accepted late, count',
    duplicate UInt64 COMMENT 'Records whose event had been read before, count',
    rejected UInt64 COMMENT 'Records rejected, count',
    next_offset UInt64 COMMENT 'One past the last offset read of this day',
    version UInt64 COMMENT 'generation << 32 | sequence of the checkpoint: the greatest holds',
    last_recorded_at DateTime64(3, 'UTC') COMMENT 'Wall clock of the checkpoint that wrote the row, UTC'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (topic, partition, incarnation, day)
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'How the records of one topic-partition and day ended, absolute counts; key: topic, partition, incarnation, day';

CREATE TABLE IF NOT EXISTS {database}.watermarks
(
    partition UInt32 COMMENT 'Kafka partition',
    read_to_at DateTime64(3, 'UTC') COMMENT 'Its watermark, UTC: all records of its inputs up to here were processed',
    settled_to_at DateTime64(3, 'UTC') COMMENT 'No event in time and no deadline before this moment is undecided any more, UTC',
    business_ms Map(String, Int64) COMMENT 'Calendar and version to business time up to the watermark since 2025, milliseconds',
    dimension_limits Map(String, UInt32) COMMENT 'KPI dimension that has too many values to a limit: those whose CRC32 is not below it are shown as other',
    version UInt64 COMMENT 'generation << 32 | sequence of the checkpoint: the greatest holds',
    last_recorded_at DateTime64(3, 'UTC') COMMENT 'Wall clock of the checkpoint that wrote the row, UTC'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY partition
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'How far each partition has come by event time; key: partition';

CREATE TABLE IF NOT EXISTS {database}.kpi_stale_minutes
(
    minute DateTime64(3, 'UTC') COMMENT 'Beginning of the minute, UTC',
    topic LowCardinality(String) COMMENT 'Kafka topic that its numbers come from',
    partition UInt32 COMMENT 'Kafka partition that they come from',
    reason LowCardinality(String) COMMENT 'Why it is to be counted anew: not_taken_back, or maybe_counted_twice',
    resolved UInt8 COMMENT '1 once `oidor rebuild` has counted the minute anew, until it is marked again',
    version UInt64 COMMENT 'generation << 32 | sequence of the checkpoint: the greatest holds',
    last_recorded_at DateTime64(3, 'UTC') COMMENT 'Wall clock of the checkpoint that wrote the row, UTC'
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(minute)
ORDER BY (minute, topic, partition, reason)
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'KPI minutes of which a case was counted under other rules, and has changed since; key: minute, topic, partition, reason';

-- So that nothing about somebody who was erased is stored as it was sent, whatever is read again.
CREATE TABLE IF NOT EXISTS {database}.erasures
(
    customer UInt64 COMMENT 'Hash of the customer id: 64 bits of BLAKE2b',
    partition UInt32 COMMENT 'Kafka partition that read the erasure',
    erased_at DateTime64(3, 'UTC') COMMENT 'Timestamp of its record, UTC: what happened up to then names the customer no more',
    version UInt64 COMMENT 'generation << 32 | sequence of the checkpoint: the greatest holds',
    last_recorded_at DateTime64(3, 'UTC') COMMENT 'Wall clock of the checkpoint that wrote the row, UTC'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (customer, partition)
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'One row for each customer who was erased and partition that read it; key: customer, partition';

-- Whoever first worked under a text is the one that counts: rows of all partitions, generations and replays merge.
CREATE TABLE IF NOT EXISTS {database}.policy_texts
(
    kind LowCardinality(String) COMMENT 'What is written: pack, calendar, patterns or settings',
    name LowCardinality(String) COMMENT 'Id of the pack or of the calendar, else the kind',
    text_version SimpleAggregateFunction(any, String) COMMENT 'Version as the text calls itself; empty where it does not',
    digest String COMMENT 'Of the text, 64 bits of BLAKE2b, hexadecimal: policy_digest and calendar_digest of sla_clocks',
    text SimpleAggregateFunction(any, String) COMMENT 'As it was read; of a calendar with the holidays of its country, of settings those that decide',
    first_seen SimpleAggregateFunction(min, DateTime64(3, 'UTC')) COMMENT 'Wall clock of the first checkpoint under it, UTC',
    version SimpleAggregateFunction(max, UInt64) COMMENT 'generation << 32 | sequence of the last checkpoint at which a partition came under it',
    last_recorded_at SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'Wall clock of that checkpoint, UTC'
)
ENGINE = AggregatingMergeTree
ORDER BY (kind, name, digest)
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'What packs, calendars, parameters of patterns and settings said, each text once; key: kind, name, digest';
