"""`step`: what one slice of one partition does to its state. Deterministic: no Kafka, no wall clock, no I/O.

A record never raises out of it: it ends as accepted (warned, or late), duplicate, or rejected with a reason. It stops
between two records, or two deadlines, when `spent` says so; where it is cut changes nothing of what comes out.
"""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final, Literal, Protocol

from processors.cases.conversion import case_event
from processors.cases.events import CaseKey
from processors.enrichment.categories import map_category
from processors.enrichment.personal_fields import mask_event, masked_field
from processors.enrichment.topics import text_topics
from processors.pipeline import deadlines, erasure, eviction, folding, isolation, linking, live, placement
from processors.pipeline.deadlines import Spent
from processors.pipeline.folding import Change
from processors.pipeline.rows import event_row, rejected_row
from processors.state.partition import PartitionState
from processors.state.progress import Progress
from processors.state.seen_ids import event_hash, id_hash
from schemas.events.decoding import admit, decode, occurred_ms, payload, payload_as_sent, warnings_of
from schemas.events.envelope import Event
from schemas.events.rejection import claimed
from schemas.events.warning_fields import fields_of
from schemas.observations import Observations
from schemas.outputs import RejectedRecord, Rejection
from schemas.taxonomy import Reason
from schemas.topics import INPUTS, SURVEYS

log = logging.getLogger(__name__)

LATEST_MS: Final = 4_102_444_800_000
"""The year 2100: what a row says of a record that is dated later. Kafka takes any number; a table does not."""


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


def never() -> bool:
    """Says of no step that it has taken long enough."""
    return False


def step(state: PartitionState, batch: Batch, now: int, spent: Spent = never) -> Observations:
    """Process a batch, then let the deadlines up to `now` (ms) fire. What must be written waits in the state.

    `spent` may end it early, once it has done anything at all: the observations say how many records were processed,
    and whether a step with the others has still to follow.
    """
    observations = Observations()
    if not deadlines.resume(state, observations, spent):
        return observations
    topic = batch.topic
    for record in batch:
        if not _read(state, topic, record, observations, spent):
            return observations
        observations.processed += 1
        if spent():
            return observations
    for input_topic in INPUTS:
        if not deadlines.fire(state, input_topic, now, observations, spent):
            return observations
    eviction.keep_bounds(state, observations)
    linking.warn_dangling(state, observations)
    observations.finished = True
    return observations


def reject(state: PartitionState, topic: str, record: Record, reason: Reason, expected: str = "") -> Observations:
    """Take in one record as rejected without looking into it: for one on which processing itself fails."""
    observations = Observations()
    if reason == "record_from_future":  # it moves no time
        at = min(record.timestamp, LATEST_MS)
        progress = state.progress.account(topic, state.incarnations[topic], at, record.offset)
        rejection = Rejection(reason, "timestamp", "at most 5 min ahead of the clock", _moment(record.timestamp))
    else:
        at, progress, rejection = record.timestamp, _account(state, topic, record), Rejection(reason, expected=expected)
    _reject(state, topic, record, progress, rejection, observations)
    last = state.pending.rejected[-1]
    state.pending.rejected[-1] = last._replace(row=last.row._replace(record_at=at))
    return observations


def _read(state: PartitionState, topic: str, record: Record, observations: Observations, spent: Spent) -> bool:
    """Let the deadlines fire that are final once a record is read, and read it; False when there is no time for it."""
    # What is final must not depend on how far the other topics have come: see `Watermarks.lateness_cutoff`.
    final = state.watermarks.lateness_cutoff(topic, record.timestamp)
    if not deadlines.fire(state, topic, final, observations, spent):
        return False
    _process(state, topic, record, observations)
    return True


def _process(state: PartitionState, topic: str, record: Record, observations: Observations) -> None:
    """Decode a record and accept or reject it; an error of ours rejects it, too, and nothing of it stays."""
    progress = _account(state, topic, record)
    try:
        event = decode(topic, record.value or b"")
        if isinstance(event, Rejection):
            _reject(state, topic, record, progress, event, observations)
            return
        occurred_at = occurred_ms(event)
        rejection = admit(event, occurred_at, record.key, record.timestamp) or erasure.not_allowed(state, event)
        if rejection is not None:
            _reject(state, topic, record, progress, rejection, observations)
        else:
            _accept(state, topic, record, progress, event, occurred_at, observations)
    except Exception as error:
        log.exception("%s[%d]@%d: our own error, the record is rejected", topic, record.partition, record.offset)
        observations.count("processing_errors", topic)
        rejection = Rejection("processing_error", expected=f"no {type(error).__name__} of ours")
        source = _reject(state, topic, record, progress, rejection, observations)
        state.error_streak.note_failed(source, topic, record.offset, isolation.described(error))


def _account(state: PartitionState, topic: str, record: Record) -> Progress:
    state.watermarks.observe(topic, record.timestamp)
    return state.progress.account(topic, state.incarnations[topic], record.timestamp, record.offset)


def _moment(ms: int) -> str:
    try:
        return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")
    except (OverflowError, ValueError, OSError):
        return f"{ms} ms"


def _reject(
    state: PartitionState,
    topic: str,
    record: Record,
    progress: Progress,
    rejection: Rejection,
    observations: Observations,
) -> str:
    """Write a record as rejected; returns the source that it claims to be of."""
    value = record.value or b""
    identity = claimed(value)
    progress.rejected += 1
    rejected = RejectedRecord(
        rejected_row(record, topic, state.incarnations[topic], rejection, identity), record.key, value
    )
    state.pending.rejected.append(erasure.masked_rejection(state, rejected, record.timestamp))
    live.observe_rejected(observations, topic, identity.event_type, identity.source, rejection.reason, state.sources)
    return identity.source


def _accept(
    state: PartitionState,
    topic: str,
    record: Record,
    progress: Progress,
    event: Event,
    occurred_at: int,
    observations: Observations,
) -> None:
    """Deduplicate, redact, enrich and fold an event. What may fail comes first, so that nothing is half taken in."""
    fields = event.__dict__  # pydantic's attributes cost several times what its dictionary does
    source, event_type, record_at = fields["source"], fields["event_type"], record.timestamp
    key = (topic, source, fields["entity_id"])
    identity, known = _recognise(state, key, fields["event_id"], event_type, occurred_at)
    if known == "duplicate":
        folding.arrived_earlier(state, key, event, occurred_at, record_at, observations)
        progress.duplicate += 1
        observations.count("events", topic, event_type, source, "duplicate")
        return
    sent, event = event, mask_event(event, state.rules.pseudonym_key)
    fields = event.__dict__
    late = _is_late(state, topic, occurred_at)
    category, mapped = map_category(fields["category"], fields["category_raw"])
    warnings = _warnings(state, event, source, unmapped=bool(category) and not mapped)
    if known:
        warnings += ("id_reused",)
    masked = masked_field(sent, event) if event is not sent else ""
    if masked:
        warnings += ("personal_data_masked",)
    concerns_erased = erasure.concerns(state, event, occurred_at)
    change: Change | None = None
    folded = case_event(event, occurred_at, record_at, category)
    if concerns_erased:
        warnings += erasure.warnings_of(event)
    else:
        case, admitted = eviction.admit(state, key, event_type, occurred_at, observations)
        warnings += admitted
        if case is not None:
            warnings += placement.oddities(state, case, event, record.key or b"")
            change = folding.fold_event(state, case, folded)
            warnings += change.warnings
    try:
        row = event_row(
            event,
            record,
            topic=topic,
            incarnation=state.incarnations[topic],
            occurred_at=occurred_at,
            late=int(late),
            warnings=warnings,
            warning_fields=fields_of(warnings, event, masked) if warnings else (),
            category=category,
            topics=_topics(state, fields["text"], fields["language"] or "", record_at, observations),
            payload=_payload(event, sent, warnings, record.value or b""),
        )
    except Exception:
        if change is not None:
            folding.undo(state, change)
        raise
    # Nothing below can fail.
    if concerns_erased:
        row = erasure.masked(row)
        erasure.apply(state, event, record_at, observations)
    elif change is not None:
        folding.apply(state, change, observations)
        eviction.keep_cases(state, topic, observations)
    state.seen[topic].add(identity, record_at)
    state.error_streak.note_accepted(source, record_at)
    progress.accepted += 1
    progress.late += late
    state.pending.events.append(row)
    if change is not None and topic == SURVEYS:
        linking.note_names(state, row, folded)
    elif change is not None:
        linking.note_arrival(state, topic, key[2], record_at)
    live.observe_accepted(observations, row)
    frontier = state.watermarks.timers_fired_to[topic]
    if frontier - record_at > state.rules.shortest_grace_ms:
        live.observe_behind(state, topic, source, record_at, frontier, observations)


_Known = Literal["", "duplicate", "id_reused"]


def _recognise(
    state: PartitionState, key: CaseKey, event_id: str, event_type: str, occurred_at: int
) -> tuple[int, _Known]:
    """What to remember of an event, and what is known of its id: an event is more than its id, which may be used again.

    Two records are of one event when they agree in its id, its type, its entity and its moment.
    """
    topic, source, entity_id = key
    seen = state.seen[topic]
    content = f"{event_type}\0{entity_id}\0{occurred_at}"
    identity = event_hash(source, event_id, content)
    held = seen.of_id(identity)
    if held == identity:
        return identity, "duplicate"
    if held:
        identity = id_hash(f"{source}\0{event_id}", content)
        return identity, "duplicate" if identity in seen else "id_reused"
    if seen.since > 0 and (case := state.cases.get(key)) is not None and (same := case.events_of(event_id)):
        told = (event_type.partition(".")[2], occurred_at)
        return identity, "duplicate" if told in [(one.type, one.occurred_at) for one in same] else "id_reused"
    return identity, ""


def _is_late(state: PartitionState, topic: str, occurred_at: int) -> bool:
    return state.watermarks.max_timestamp[topic] - occurred_at > state.rules.disorder_ms


def _warnings(state: PartitionState, event: Event, source: str, *, unmapped: bool) -> tuple[str, ...]:
    """What is odd about an event by itself."""
    warnings: tuple[str, ...] = warnings_of(event)
    if unmapped:
        warnings += ("unknown_taxonomy",)
    if state.rules.sources and source not in state.rules.sources:
        warnings += ("unknown_source",)
    return warnings


def _payload(event: Event, sent: Event, warnings: tuple[str, ...], value: bytes) -> str:
    """What is stored of an event: what was sent, unless something in it was masked or is unknown to the contract."""
    as_sent = event is sent and "unknown_field" not in warnings
    return payload_as_sent(value) if as_sent else payload(event)


def _topics(
    state: PartitionState, text: str | None, language: str, record_at: int, observations: Observations
) -> tuple[str, ...]:
    """What the text of an event is about; nothing, when finding that out fails."""
    if not text:
        return ()
    try:
        return text_topics(text, language)
    except Exception as error:
        isolation.report(state, [isolation.failure("text_topics", error)], record_at, observations)
        return ()
