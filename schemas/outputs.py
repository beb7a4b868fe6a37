"""What leaves the pipeline: rows, incidents, rejections, and the batches that carry rows between the two stages.

A row is a named tuple whose fields are the columns of its ClickHouse table, in order. Times are integers: milliseconds
since the epoch, UTC. `version` and `last_recorded_at` (for events `ingested_at`) are not in the rows: they are the same
for all of a checkpoint and stand once in the row batch.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import msgspec

from schemas.kpis import ACCUMULATORS, DIMENSIONS, HISTOGRAM_WIDTH, LOWEST_BUCKET, RETIRED, Histogram
from schemas.policies.texts import TextKind
from schemas.taxonomy import (
    ActionKind,
    CaseState,
    ClockMetric,
    ClockState,
    IncidentState,
    Reason,
    Severity,
    StaleReason,
    WaitingOn,
)


class EventRow(NamedTuple):
    """One accepted record, late ones included, as it was read. Natural key: topic, partition, incarnation, offset."""

    topic: str
    partition: int
    incarnation: int
    """Which topic of this name it was: `processors.durability.provenance.InputTopic` says what raises it."""
    offset: int
    record_at: int
    """The record's Kafka timestamp: when it arrived."""
    seq: int
    """-1 when the publisher sends none."""
    customer_id: str
    occurred_at: int
    late: int
    """1 when it came late: counted like all others, and kept out of windowed detectors."""
    test: int
    erased: int
    """1 when the customer was erased since: no comparison counts the row."""
    warnings: tuple[str, ...]
    warning_fields: tuple[str, ...]
    """Of each warning, in order, the field that it is about."""
    area: str
    team: str
    site: str
    kind: str
    category: str
    topics: tuple[str, ...]
    score: float | None
    payload: str
    """The event as JSON after redaction, known fields only; '' of a customer who was erased."""
    # What the envelope says: fields of `schemas.events.envelope` under their own names; '' when the publisher did not.
    event_id: str
    source: str
    event_type: str
    schema_version: str
    entity_id: str
    channel: str
    org_unit: str
    priority: str
    category_raw: str
    product: str
    process: str
    journey_stage: str
    otc_stage: str
    demand_type: str
    language: str
    relationship: str
    segment: str
    value_band: str
    country: str
    element: str
    origin_area: str


class CaseRow(NamedTuple):
    """A contact or a complaint as folded from its events so far. Natural key: topic, source, entity_id."""

    topic: str
    source: str
    entity_id: str
    partition: int
    state: CaseState
    waiting_on: WaitingOn
    waiting_since: int | None
    area: str
    team: str
    site: str
    owner: str
    priority: str
    opened_at: int | None
    first_response_at: int | None
    answered_at: int | None
    first_resolved_at: int | None
    resolved_at: int | None
    closed_at: int | None
    last_event_at: int
    resolution: str
    """Contacts: resolution; complaints: outcome."""
    merged_into: str
    """The entity that survives the merge of this one; '' of a case that is not merged."""
    merged_elsewhere: int
    """1 when nothing was read of that entity in this partition 10 min after the merge."""
    events: int
    events_left_out: int
    """Of them, those that are beyond the bound of a case: replies in the middle that change nothing of it."""
    assignments: int
    transfers: int
    reopens: int
    incomplete: int
    """1 when the opening event is missing or a transition was impossible: kept out of duration KPIs."""
    test: int
    erased: int
    """1 when the customer was erased since: no comparison counts the row."""
    # What events state of their case, by the name that it has in `processors.cases.events.Stated`; '' when none did.
    customer_id: str
    kind: str
    channel: str
    org_unit: str
    category: str
    product: str
    element: str
    origin_area: str
    otc_stage: str
    relationship: str
    demand_type: str
    queue: str
    """The last that a contact waited in."""


class ClockRow(NamedTuple):
    """One SLA clock instance. Natural key: clock_id = topic:source:entity_id:metric:instance."""

    clock_id: str
    topic: str
    source: str
    entity_id: str
    partition: int
    metric: ClockMetric
    instance: int
    policy_id: str
    policy_version: str
    policy_digest: str
    """`schemas.policies.texts.digest_of` the text of the pack by which it was started or last changed."""
    customer_id: str
    channel: str
    area: str
    team: str
    priority: str
    kind: str
    queue: str
    """Of an answer clock, that of its wait; else the last that its case waited in."""
    started_at: int
    target: str
    """As configured: "4h", "8h es-madrid-split", "15 working_days es-working-days"."""
    calendar: str
    """Whose business time it counts; '': elapsed time."""
    calendar_version: str
    calendar_digest: str
    """Of the text of that calendar, with the holidays of its country; '': elapsed time."""
    legal: int
    target_ms: int
    """What this instance has, in its own time: of the target, what earlier instances left."""
    due_at: int
    """While paused: when it is due if nobody ends the pause."""
    stopped_at: int | None
    state: ClockState
    business_ms: int | None
    """stopped_at - started_at in the promise's own time: business time of its calendar, elapsed where it has none."""
    used_teams: tuple[str, ...]
    """Who had the case while the clock ran, in order; see `used_ms`."""
    used_ms: tuple[int, ...]
    """How much of it each of them used, in the promise's own time, without pauses: up to its end, or its deadline where
    that broke it and it is still open, else up to the last hand-off.
    """
    overdue_ms: int
    """stopped_at - due_at of a completed breach, in the promise's own time; else 0."""
    overdue_elapsed_ms: int
    """The same, elapsed."""
    due_business_ms: int | None
    """Of a breach that is open: `due_at` as the calendar counts business time, so that the lateness can be told while
    it grows: `WatermarkRow.business_ms` less this. None without a calendar.
    """
    waiting_on: WaitingOn
    """While paused: for whom, as its case says."""
    paused_since: int | None
    paused_ms: int
    """Elapsed time in pauses that have ended."""
    illegitimate_pause_ms: int
    """Of it, with a message of the customer unanswered."""
    recomputed_at: int | None
    """When another version of its pack or calendar came to hold for it while it was open; None: none did."""
    retroactive: int
    """1 when the deadline was past before anyone could know: by a late record, a change of priority or class."""
    retracted: int
    inherited: int
    """1 when a case that was merged into this one counts for it: it is in no count, no attainment and no incident."""
    void: int
    """1 when later events showed that the clock never existed."""
    erased: int
    """1 when the customer was erased since: no comparison counts the row."""


class IncidentRow(NamedTuple):
    """One incident of one pattern and subject. Natural key: incident_id."""

    incident_id: str
    pattern: str
    """Its id: P and two digits; of an incident of ours what it is, an `OwnIncident`."""
    subject: str
    severity: Severity
    state: IncidentState
    close_reason: str
    """'' while open; auto, met, breached, cancelled, retracted, quiet, erased, evicted."""
    opened_at: int
    updated_at: int
    closed_at: int | None
    topic: str
    """Of its case; '' of an incident of ours, which depends on what happened to us: no comparison looks at those."""
    partition: int
    source: str
    entity_id: str
    customer_id: str
    area: str
    team: str
    owner: str
    policy_id: str
    metric: str
    summary: str
    evidence: str
    """JSON: numbers and example ids that the decision rests on."""
    rule_version: str


class ActionRow(NamedTuple):
    """What a person did about an incident, or planned for a source: `schemas.actions`. Natural key: action_id."""

    action_id: str
    action: ActionKind
    incident_id: str
    """'' of planned maintenance."""
    maintenance_id: str
    """'' of what is about an incident; `source`, `begins_at` and `ends_at` are of planned maintenance alone."""
    source: str
    begins_at: int | None
    ends_at: int | None
    at: int
    """When it was done, by the clock of whoever did it."""
    who: str
    note: str
    record_at: int
    """When the broker appended it to the topic."""
    offset: int


class RejectedRow(NamedTuple):
    """Why one record was not accepted, or one row not stored; its bytes are on `feedback-rejected` alone.

    Natural key: topic, partition, incarnation, offset, table, row.
    """

    topic: str
    partition: int
    incarnation: int
    """As of an event; of a message of `feedback-rows`, a number that its topic's id gives."""
    offset: int
    table: str
    """Of the row that was refused; '' of a record."""
    row: int
    """Which row of its message it is, from 0; 0 of a record, and of the row of an event."""
    record_at: int
    reason: Reason
    field: str
    expected: str
    got: str
    source: str
    event_id: str
    event_type: str
    bytes: int
    sha256: str


class ProgressRow(NamedTuple):
    """How many records of a topic-partition and day (of the record's timestamp, UTC) were read, and how they ended.

    Absolute counts. Natural key: topic, partition, incarnation, day.
    """

    topic: str
    partition: int
    incarnation: int
    day: int
    """Milliseconds at which the UTC day begins."""
    records_read: int
    accepted: int
    """Late ones included."""
    late: int
    duplicate: int
    rejected: int
    next_offset: int
    """One past the last offset read of this day."""


class WatermarkRow(NamedTuple):
    """How far a partition has come, by event time; written with every checkpoint. Natural key: partition."""

    partition: int
    read_to_at: int
    """Its watermark: all records of its inputs up to here were processed."""
    settled_to_at: int
    """No event in time and no deadline before this moment is undecided any more."""
    business_ms: Mapping[str, int]
    """Calendar and version -> business time up to `read_to_at`, by the calendar's own count: see `due_business_ms`."""
    dimension_limits: Mapping[str, int]
    """KPI dimension that has too many values -> those whose CRC32 is not below this are read as `other`."""


class ErasureRow(NamedTuple):
    """That a customer was erased, as a partition read it. Natural key: customer, partition."""

    customer: int
    """`schemas.erasure.customer_hash` of them."""
    partition: int
    erased_at: int
    """The record's Kafka timestamp: what happened up to then names them no more."""


class StaleMinuteRow(NamedTuple):
    """A KPI minute that is to be counted anew: what it adds up to may not be what its events come to.

    Natural key: all but `resolved`.
    """

    minute: int
    """Milliseconds at which it begins."""
    topic: str
    partition: int
    reason: StaleReason
    resolved: int
    """0 of what a worker writes; 1 once the minute was counted anew, until it is marked again."""


class PolicyTextRow(NamedTuple):
    """A text of rules that a partition works by, as `schemas.policies.texts.PolicyText` has it.

    Natural key: kind, name, digest; of all rows of a key the least `first_seen` holds, whoever wrote it.
    """

    kind: TextKind
    name: str
    text_version: str
    digest: str
    text: str
    first_seen: int
    """Wall clock of the first checkpoint under it, ms."""


class PartialRow(NamedTuple):
    """Some of what one minute, or quarter-hour, adds up to, without what is zero: one row of the warehouse for each
    partial, written together, because they have most in common; above all their amounts, where little has happened.

    As a row batch carries it; natural key: all up to `revision`, with the dimension and the value of each partial.
    """

    minute: int
    """Milliseconds at which it begins."""
    topic: str
    partition: int
    revision: int
    """0: all that was counted while the minute was in memory. Else the version of the checkpoint that wrote the row: an
    adjustment for what came later, to be added; its amounts may be less than nothing.
    """
    definition_version: int
    """The least `schemas.kpis.DEFINITION_VERSION` that anything in it was counted under."""
    partials: Sequence[tuple[Mapping[int, int], Sequence[tuple[int, str]]]]
    """Slot -> amount, and the partials that hold them, each as the place of its dimension among those of the batch, and
    its value. Slots are as `HISTOGRAM_WIDTH` says; places of accumulators are those of the batch's own columns.
    """


_BEFORE_AMOUNTS: Final = (
    "minute", "dimension", "dimension_value", "topic", "partition", "revision", "definition_version",
)  # fmt: skip
PARTIAL_COLUMNS: Final[tuple[str, ...]] = (*_BEFORE_AMOUNTS, *ACCUMULATORS)
_PARTIALS: Final = frozenset({"kpi_partials", "kpi_quarter_hours"})

COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "feedback_events": EventRow._fields,
    "cases": CaseRow._fields,
    "sla_clocks": ClockRow._fields,
    "incidents": IncidentRow._fields,
    "actions": ActionRow._fields,
    "kpi_partials": PARTIAL_COLUMNS,
    "kpi_quarter_hours": ("quarter_hour", *PARTIAL_COLUMNS[1:]),
    "kpi_stale_minutes": StaleMinuteRow._fields,
    "rejected_events": RejectedRow._fields,
    "ingest_progress": ProgressRow._fields,
    "erasures": ErasureRow._fields,
    "watermarks": WatermarkRow._fields,
    "policy_texts": PolicyTextRow._fields,
}
"""Table -> columns of a row batch; the warehouse adds `version` and `last_recorded_at` (events: `ingested_at`)."""


class Rejection(NamedTuple):
    """Why a record cannot be accepted; a value, never an exception. `got` is truncated and redacted."""

    reason: Reason
    field: str = ""
    expected: str = ""
    got: str = ""


class RejectedRecord(NamedTuple):
    """A rejection with the record it is about: what `feedback-rejected` carries."""

    row: RejectedRow
    key: bytes | None
    value: bytes


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What the checkpoint of a partition publishes; with it goes a delta of its state."""

    partition: int
    version: int
    """generation << 32 | sequence: newer truth has the greater version."""
    recorded_at: int
    """Wall clock, milliseconds."""
    rows: Mapping[str, Sequence[tuple[Any, ...]]]
    """Table -> rows in the order of `COLUMNS`."""
    incidents: Sequence[IncidentRow]
    rejected: Sequence[RejectedRecord]


Key = tuple[Any, ...]
"""Which part of a table of the state; () where the table is not split."""


class Change(NamedTuple):
    """What the changelog of a state says of one key of a table."""

    key: Key
    content: Any = None
    """Anything that MessagePack carries; None: the key is gone."""
    whole: bool = False
    """Whether the content is all of the key, instead of being added to it."""


class RowBatch(msgspec.Struct, frozen=True, omit_defaults=True):
    """Rows of one table from one checkpoint of one partition, at most 900 KB encoded: a message of `feedback-rows`."""

    table: str
    columns: tuple[str, ...]
    version: int
    """generation << 32 | sequence: newer truth has the greater version."""
    recorded_at: int
    """Wall clock of the checkpoint, milliseconds."""
    partition: int
    rows: msgspec.Raw
    """A MessagePack array of rows."""
    dimensions: tuple[str, ...] = ()
    """Of a table of partials: what its rows number."""


def dimensions_of(table: str) -> tuple[str, ...]:
    """What the rows of a table number that this release writes."""
    return DIMENSIONS if table in _PARTIALS else ()


def unknown_columns(batch: RowBatch) -> set[str]:
    """Columns that the table of a batch does not have; those of retired accumulators stay, for older batches."""
    known = set(COLUMNS[batch.table])
    if batch.table in _PARTIALS:
        known.update(each.name for each in RETIRED)
    return set(batch.columns) - known


def encode_row_batch(batch: RowBatch) -> bytes:
    return _encoder.encode(batch)


def decode_row_batch(message: bytes) -> RowBatch:
    """Raises `msgspec.DecodeError` (of which `ValidationError` is one) when the message is not a row batch."""
    return _decoder.decode(message)


def decode_rows(batch: RowBatch) -> list[list[Any]]:
    """The rows of a batch, a value a column; one that was written wrongly stays as it is."""
    rows = _rows_decoder.decode(batch.rows)
    return partials_in_full(rows, batch.columns, batch.dimensions) if batch.table in _PARTIALS else rows


def partials_in_full(
    rows: Iterable[Sequence[Any]], columns: Sequence[str], dimensions: Sequence[str] = DIMENSIONS
) -> list[list[Any]]:
    """The partials of `PartialRow`s, with a value for each column."""
    nothing: list[Any] = [{} if name in Histogram.__members__ else 0 for name in columns[len(_BEFORE_AMOUNTS) :]]
    return [partial for row in rows for partial in _in_full(row, nothing, dimensions)]


def _in_full(row: Sequence[Any], nothing: Sequence[Any], dimensions: Sequence[str]) -> list[list[Any]]:
    try:
        minute, *of_all, partials = row
        return [
            [minute, dimensions[dimension], value, *of_all, *amounts]
            for slots, ids in partials
            for amounts in [_amounts(slots, nothing)]
            for dimension, value in ids
        ]
    except (AttributeError, IndexError, TypeError, ValueError):
        return [list(row)]


def _amounts(slots: Mapping[int, int], nothing: Sequence[Any]) -> list[Any]:
    values = list(nothing)
    for slot, amount in slots.items():
        from_end, bucket = divmod(slot, HISTOGRAM_WIDTH)
        if from_end:
            values[-from_end] = {**values[-from_end], bucket + LOWEST_BUCKET: amount}
        else:
            values[slot] = amount
    return values


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(RowBatch)
_rows_decoder = msgspec.msgpack.Decoder(list[list[Any]])
