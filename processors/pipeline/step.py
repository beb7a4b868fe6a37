"""`step`: what one slice of one partition does to its state. Pure: no Kafka, no clock, no I/O.

A record never raises out of it: it ends as accepted (warned, or late), duplicate, or rejected with a reason.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from heapq import nsmallest
from typing import Any, Final, Protocol

from processors.cases.case import Case, apply_event
from processors.cases.events import CaseEvent, CaseKey, case_event
from processors.enrichment.categories import map_category
from processors.enrichment.redaction import redact_event
from processors.enrichment.topics import text_topics
from processors.kpis.samples import SLOT, Sample
from processors.pipeline import emission, erasure
from processors.pipeline.rows import event_row, rejected_row
from processors.state.partition import PartitionState
from processors.state.seen_ids import id_hash
from schemas.events.decoding import admit, decode, occurred_ms, payload, warnings_of
from schemas.events.envelope import Event
from schemas.events.rejection import claimed
from schemas.kpis import DIMENSIONS, Sum
from schemas.observations import Duration, Observations
from schemas.outputs import RejectedRecord, Rejection
from schemas.taxonomy import Reason
from schemas.topics import COMPLAINTS, CONTACTS, INPUTS, SURVEYS

log = logging.getLogger(__name__)

IN_TIME: Final = 0
LATE: Final = 1
BEYOND_KPI_MEMORY: Final = 2


class Record(Protocol):
    """One Kafka record; aiokafka's `ConsumerRecord` is one. `timestamp` is in milliseconds."""

    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...


class Batch(Protocol):
    """Records of one partition of one input topic, in the order of their offsets."""

    @property
    def topic(self) -> str: ...
    def __iter__(self) -> Iterator[Any]: ...


class _Nothing:
    topic = ""

    def __iter__(self) -> Iterator[Record]:
        return iter(())


EMPTY: Final = _Nothing()
"""The batch of a timer: no record, only time."""


def step(state: PartitionState, batch: Batch, now: int) -> Observations:
    """Take in a batch, then let the deadlines up to `now` (ms) fire. What must be written waits in the state."""
    outputs = Observations()
    topic = batch.topic
    for record in batch:
        _read(state, topic, record, outputs)
    for input_topic in INPUTS:
        emission.fire(state, input_topic, now, outputs)
    _keep_bounds(state)
    return outputs


def reject(state: PartitionState, topic: str, record: Record, reason: Reason, expected: str = "") -> Observations:
    """Take in one record as rejected without looking into it: for one on which processing itself fails."""
    outputs = Observations()
    counts = _account(state, topic, record)
    _reject(state, topic, record, counts, Rejection(reason, expected=expected), outputs)
    return outputs


def _read(state: PartitionState, topic: str, record: Record, outputs: Observations) -> None:
    counts = _account(state, topic, record)
    # What is final must not depend on how far the other topics have come: see `PartitionState.lateness_cutoff`.
    emission.fire(state, topic, state.lateness_cutoff(topic), outputs)
    try:
        event = decode(topic, record.value or b"")
        if isinstance(event, Rejection):
            _reject(state, topic, record, counts, event, outputs)
            return
        occurred_at = occurred_ms(event)
        refused = admit(event, occurred_at, record.key, record.timestamp)
        if refused is not None:
            _reject(state, topic, record, counts, refused, outputs)
        else:
            _accept(state, topic, record, counts, event, occurred_at, outputs)
    except Exception as error:
        log.exception("%s[%d]@%d: our own error, the record is rejected", topic, record.partition, record.offset)
        outputs.count("processing_errors", type(error).__name__)
        refused = Rejection("processing_error", expected=f"no {type(error).__name__} of ours")
        _reject(state, topic, record, counts, refused, outputs)


def _account(state: PartitionState, topic: str, record: Record) -> list[int]:
    if record.timestamp > state.max_timestamp.get(topic, 0):
        state.max_timestamp[topic] = record.timestamp
    return state.account(topic, record.timestamp, record.offset)


def _reject(
    state: PartitionState, topic: str, record: Record, counts: list[int], rejection: Rejection, outputs: Observations
) -> None:
    value = record.value or b""
    identity = claimed(value)
    counts[4] += 1
    state.pending.rejected.append(RejectedRecord(rejected_row(record, topic, rejection, identity), record.key, value))
    outputs.count("events", topic, identity.event_type, identity.source, "rejected")
    outputs.count("events_rejected", topic, identity.source, rejection.reason)


def _accept(
    state: PartitionState,
    topic: str,
    record: Record,
    counts: list[int],
    event: Event,
    occurred_at: int,
    outputs: Observations,
) -> None:
    key = (topic, event.source, event.entity_id)
    case = state.cases.get(key)
    identity = id_hash(event.source, event.event_id)
    if _is_duplicate(state, topic, event, identity, case, record.timestamp):
        counts[3] += 1
        outputs.count("events", topic, event.event_type, event.source, "duplicate")
        return
    event = redact_event(event)
    late = _lateness(state, topic, occurred_at)
    category, mapped = map_category(event.category, event.category_raw)
    topics = text_topics(event.text, event.language or "") if event.text else ()
    warnings: tuple[str, ...] = warnings_of(event)
    if not mapped and category:
        warnings += ("unknown_taxonomy",)
    if state.rules.sources and event.source not in state.rules.sources:
        warnings += ("unknown_source",)
    row = event_row(
        event,
        record,
        topic=topic,
        occurred_at=occurred_at,
        late=late,
        warnings=warnings,
        category=category,
        topics=topics,
        payload=payload(event),
    )
    if erasure.concerns(state, event, occurred_at):
        row = erasure.masked(row)
        warnings += erasure.take(state, event, record, outputs)
    elif late != BEYOND_KPI_MEMORY:
        folded = case_event(event, occurred_at, record.timestamp, category)
        warnings += _fold(state, case, key, folded, outputs)
    # Nothing below can fail: a record is either wholly taken in, or not at all.
    state.seen[topic].add(identity, record.timestamp)
    counts[1] += 1
    counts[2] += late != IN_TIME
    state.pending.events.append(row._replace(warnings=warnings) if warnings else row)
    outcome = "late" if late else "warned" if warnings else "accepted"
    outputs.count("events", topic, event.event_type, event.source, outcome)
    for warning in warnings:
        outputs.count("event_warnings", topic, event.source, warning)
    if not event.test:
        _count_volume(outputs, topic, event, row.area, row.kind)


def _is_duplicate(
    state: PartitionState, topic: str, event: Event, identity: int, case: Case | None, record_at: int
) -> bool:
    seen = state.seen[topic]
    known = identity in seen or (seen.since > 0 and case is not None and case.knows(event.event_id))
    if known and case is not None:
        _arrived_earlier(state, case, event.event_id, record_at)
    return known


def _arrived_earlier(state: PartitionState, case: Case, event_id: str, record_at: int) -> None:
    """Of an event that came twice the earlier arrival counts, in whatever order the two were read."""
    for index, event in enumerate(case.events):
        if event.event_id == event_id and record_at < event.record_at:
            case.events[index] = event._replace(record_at=record_at)
            case.fold = emission.folded(state, case)
            state.replace(case)
            state.mark_dirty(case)
            emission.judge(state, case, Observations())
            return


def _lateness(state: PartitionState, topic: str, occurred_at: int) -> int:
    behind = state.max_timestamp[topic] - occurred_at
    if behind <= state.rules.disorder_ms:
        return IN_TIME
    return LATE if behind <= state.rules.kpi_memory_ms else BEYOND_KPI_MEMORY


def _fold(
    state: PartitionState, case: Case | None, key: tuple[str, str, str], event: CaseEvent, outputs: Observations
) -> tuple[str, ...]:
    """Put an event into its case; returns what is odd about it there."""
    if case is not None and emission.expired(state, case):
        emission.evict(state, case)
        case = None
    new = case is None
    if case is None:
        case = Case(key)
    elif len(case.events) >= state.rules.case_events_max:
        state.dropped["case_events"] += 1
        return ()
    warnings = _oddities(case, event)
    unmatched, impossible = case.fold.unmatched, case.fold.impossible
    try:
        samples, forward = apply_event(case, event, state.rules.promises)
    except Exception:
        # The event is not kept: fold what was there before it again, so that one failure does not become two.
        case.fold = emission.folded(state, case)
        raise
    if forward:
        state.append(case, event)
    else:
        state.replace(case)
    state.mark_dirty(case)
    for sample, sign in samples:
        state.add_sample(key[0], sample, sign)
        if sign > 0:
            _observe(outputs, sample)
    if case.fold.unmatched > unmatched:
        outputs.count("sla_unmatched", key[0])
    if case.fold.impossible and not impossible:
        warnings += ("impossible_transition",)
    try:
        if new:
            emission.absorb_waiting(state, case, outputs)
        emission.judge(state, case, outputs)
    except Exception:
        _take_back(state, case, event, samples, outputs)
        raise
    return warnings


def _take_back(
    state: PartitionState,
    case: Case,
    event: CaseEvent,
    samples: Sequence[tuple[Sample, int]],
    outputs: Observations,
) -> None:
    """Leave a case as it was before an event that it cannot be judged with."""
    key, pending = case.key, state.pending
    case.events.remove(event)
    case.fold = emission.folded(state, case)
    for sample, sign in samples:
        state.add_sample(key[0], sample, -sign)
    state.cases.take_back(case, event)
    if case.events:
        emission.judge(state, case, outputs)
        return
    emission.evict(state, case)
    del pending.dirty[key]


def _oddities(case: Case, event: CaseEvent) -> tuple[str, ...]:
    warnings: tuple[str, ...] = ()
    if case.events:
        last = case.events[-1]
        if event < last:
            warnings += ("out_of_order",)
        elif event.seq > last.seq + 1 > 0:
            warnings += ("seq_gap",)
    if event.type not in ("opened", "invited") and case.fold.opened_at is None and case.key[0] != SURVEYS:
        warnings += ("missing_open",)
    if event.type == "answered" and "wait_ms" in event.facts:
        since = case.fold.opened_at if case.fold.waiting_since is None else case.fold.waiting_since
        if since is not None and abs(event.occurred_at - since - event.facts["wait_ms"]) > 5_000:
            warnings += ("self_reported_duration_differs",)
    return warnings


_DURATIONS: Final[Mapping[int, tuple[Duration, int]]] = {
    SLOT[Sum.wait_ms]: ("wait", DIMENSIONS.index("channel")),
    SLOT[Sum.first_response_ms]: ("first_response", DIMENSIONS.index("channel")),
    SLOT[Sum.resolution_ms]: ("resolution", DIMENSIONS.index("kind")),
}
"""slot of a sum -> its live histogram, and the dimension that labels it"""


def _observe(outputs: Observations, sample: Sample) -> None:
    for slot, amount in sample.amounts:
        named = _DURATIONS.get(slot)
        if named is not None:
            name, dimension = named
            outputs.duration(sample.at_ms, amount / 1000, name, sample.attribution[dimension])


def _count_volume(outputs: Observations, topic: str, event: Event, area: str, kind: str) -> None:
    if topic == CONTACTS:
        outputs.count("contacts", event.event_type, event.channel or "", area)
    elif topic == COMPLAINTS:
        outputs.count("complaints", event.event_type, kind, event.channel or "", area)
    else:
        outputs.count("surveys", event.event_type, kind, area)


def _keep_bounds(state: PartitionState) -> None:
    """Let what is final leave, and hold every bound; what leaves early is counted."""
    for topic, owned in state.partials.items():
        owned.evict_before(state.closed_before(topic))
        state.dropped["dimension_values"] += owned.drain_overflow()
    total = sum(owned.count for owned in state.partials.values())
    if total > state.rules.partials_max:
        largest = max(state.partials.values(), key=lambda owned: owned.count)
        state.dropped["partials"] += largest.evict_oldest(largest.count - (total - state.rules.partials_max))
    excess = len(state.cases) - state.rules.cases_max
    if excess > 0:
        # More than it needs to be, so that a full state does not look through all of its cases for every new one.
        leaving = nsmallest(excess + state.rules.cases_max // 100, state.cases.values(), key=_last_moved)
        for case in leaving:
            emission.evict(state, case)
        state.dropped["cases"] += len(leaving)


def _last_moved(case: Case) -> tuple[int, CaseKey]:
    return case.last_event_at, case.key
