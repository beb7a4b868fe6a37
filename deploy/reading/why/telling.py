"""`tell`: the journal of a case from what is stored of it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from deploy.reading.why.account import Account, ClockAccount, account
from deploy.reading.why.journal import (
    CaseTold,
    ClockTold,
    CountedGap,
    Entry,
    EntryStatus,
    Gap,
    Journal,
    Mark,
    Promised,
)
from deploy.reading.why.marks import Change, MarkKind, at_moment
from deploy.reading.why.records import Heard, Records
from deploy.reading.why.refold import ClockKey, Refolded, Step
from deploy.reading.why.texts import Book
from processors.cases.merges import survivor_of
from processors.cases.rows import case_row
from processors.sla import clocks
from processors.sla.clocks import Clock

_LAST: Final = 1_000_000
_FACTS: Final = (
    "kind", "channel", "priority", "topic_class", "category", "product", "org_unit", "team", "owner", "queue",
    "relationship", "segment", "resolution",
)  # fmt: skip
"""Columns of `cases` that are told of a case."""
_SAID: Final = (
    "actor", "public", "queue", "owner", "from", "to", "into", "reason", "priority", "kind", "channel", "org_unit",
    "topic_class", "category", "product", "segment", "relationship", "resolution", "level", "promised_at",
    "received_at", "expires_at", "survey", "score", "scale_max", "revises",
)  # fmt: skip
"""Facts of an event that are told; moments are in milliseconds."""


def tell(
    records: Records, books: Sequence[Book], chosen: Mapping[ClockKey, Book], at: int | None, zone: str
) -> Journal:
    """Tell a case; `books` and `chosen` as `texts.books` gives them, `at` (ms) to tell it as it read then."""
    topic, source, entity_id = records.key
    if records.erased:
        nothing = CaseTold(topic, source, entity_id, records.partition, "erased", {})
        return Journal(nothing, at or records.read_to_at, at is not None, zone or "UTC", erased=True)
    found = account(records, books, chosen, at)
    heard = [one for one in records.events if one.event.case == records.key]
    if at is not None:
        heard = [one for one in heard if one.event.timestamp <= at]
    told = _Telling(found, heard)
    entries = tuple(told.entries())
    return Journal(
        _case(records, found),
        found.now.read_to,
        at is not None,
        _zone(found, zone),
        erased=False,
        entries=entries,
        clocks=tuple(told.clocks(records, asked=at is not None)),
        differences=found.differences,
        notes=_notes(records, found, entries),
    )


def _zone(found: Account, otherwise: str) -> str:
    zones = (one.clock.calendar.zone for one in found.clocks.values() if one.clock.calendar is not None)
    return next(zones, otherwise or "UTC")


def _case(records: Records, found: Account) -> CaseTold:
    topic, source, entity_id = records.key
    if found.refolded is None:
        state = str(records.case["state"]) if records.case else ""
        return CaseTold(topic, source, entity_id, records.partition, state, {})
    fold, case = found.refolded.fold, found.refolded.case
    row: Mapping[str, Any] = case_row(case, records.partition)._asdict()
    return CaseTold(
        topic, source, entity_id, records.partition, fold.state,
        {name: str(row[name]) for name in _FACTS if row.get(name)},
        fold.opened_at, fold.resolved_at, survivor_of(fold), case.left_out, fold.incomplete, fold.test,
    )  # fmt: skip


def _notes(records: Records, found: Account, entries: Iterable[Entry]) -> dict[str, int]:
    refolded = found.refolded
    notes = {
        "related_erased": len(records.related_erased),
        "elsewhere": records.elsewhere,
        "left_out": refolded.case.left_out if refolded else 0,
        "rejected": sum(refolded.rejected.values()) if refolded else 0,
        "no_events": int(not records.events),
        "no_watermark": int(not records.read_to_at),
        "unmatched": int(refolded is not None and refolded.fold.unmatched > 0),
        "incomplete": int(refolded is not None and refolded.fold.incomplete),
        "beyond_retention": sum(one.status == "beyond_retention" for one in entries),
        "books": len({id(one.book) for one in found.clocks.values()}),
    }
    return {name: count for name, count in notes.items() if count > (1 if name == "books" else 0)}


@dataclass(slots=True)
class _Placed:
    """An entry on its way: what time alone does comes before the events of its moment."""

    at: int
    order: int
    entry: Entry
    changes: list[Change]


class _Telling:
    def __init__(self, found: Account, heard: Sequence[Heard]) -> None:
        self._found = found
        self._refolded = found.refolded
        self._heard: dict[str, Heard] = {}
        for one in heard:
            self._heard.setdefault(one.event_id, one)
        self._own = heard

    # Entries

    def entries(self) -> Iterator[Entry]:
        if self._refolded is None:
            yield from (_unfolded(one, "beyond_retention") for one in self._own)
            return
        placed = [*self._of_events(self._refolded), *self._of_time(), *self._without_effect(self._refolded)]
        placed.sort(key=lambda one: (one.at, one.order))
        last: int | None = None
        running: dict[ClockKey, Clock] = {}
        for one in placed:
            gap = None if last is None else self._gap(last, one.at, running)
            marks = [self._mark(change) for change in one.changes]
            yield replace(one.entry, gap=gap, marks=tuple(marks))
            last = one.at if last is None else max(last, one.at)
            running |= {change.clock: change.after for change in one.changes}

    def _of_events(self, refolded: Refolded) -> Iterator[_Placed]:
        moved: dict[tuple[str, str, int], list[Change]] = {}
        for own in self._found.clocks.values():
            for change in own.changes:
                if change.kind != "pause_over":
                    moved.setdefault(change.by, []).append(change)
        for number, step in enumerate(refolded.steps):
            entry = self._entry(step, refolded)
            yield _Placed(step.event.occurred_at, number + 1, entry, moved.get(step.identity, []))

    def _entry(self, step: Step, refolded: Refolded) -> Entry:
        event = step.event
        facts: Mapping[str, Any] = event.facts
        from_case, _, event_id = event.event_id.rpartition("/")
        heard = self._heard.get(event.event_id)
        revisions = [one for one in refolded.case.events if one.facts.get("revises") == event.event_id]
        kind = "revised" if event.type == "voided" and "revises" in facts else event.type
        return Entry(
            event.occurred_at,
            "repeated" if step.is_repeated else "counts",
            event_id,
            kind,
            {name: facts[name] for name in _SAID if name in facts},
            from_case,
            step.was_merged and event.type not in ("merged", "voided"),
            event.record_at,
            heard is not None and bool(heard.late),
            () if heard is None else heard.warnings,
            tuple(one.event_id for one in revisions if one.type == "corrected"),
        )

    def _of_time(self) -> Iterator[_Placed]:
        """What happened to clocks when nothing happened to the case."""
        now = self._found.now
        for key, one in self._found.clocks.items():
            clock, changed = one.clock, one.changes
            first = changed[0].at if changed else clock.started_at
            for change in changed:
                if change.kind == "pause_over":
                    yield _at_time(change.at, change)
            warned = set(clocks.warnings(clock, now.decided_to))
            for at in sorted(warned):
                yield _at_time(max(at, first), self._by_time(key, one, "warned", at), changed)
            if clock.phase == "paused" and now.decided_to > clock.paused_until + clock.target.grace_ms:
                yield _at_time(clock.paused_until, self._by_time(key, one, "pause_over", clock.paused_until))
            state = one.reckoned.state
            if state in ("breached", "breached_open") and clock.inherited_at is None:
                yield _at_time(max(clock.due_at, first), self._by_time(key, one, "due", clock.due_at), changed)
            evicted = self._refolded is not None and self._refolded.fold.state == "evicted"
            if evicted and changed and clock.phase == "cancelled" and changed[-1].after.is_open:
                yield _at_time(clock.ended_at, self._by_time(key, one, "let_go", clock.ended_at))

    def _by_time(self, key: ClockKey, one: ClockAccount, kind: MarkKind, at: int) -> Change:
        """The clock as it was at a moment at which no event was."""
        as_of = [change.after for change in one.changes if change.at <= at]
        return Change(key, kind, at, None, as_of[-1] if as_of else one.clock)

    def _without_effect(self, refolded: Refolded) -> Iterator[_Placed]:
        """Stored events that the fold does not see."""
        folded = {step.event.event_id for step in refolded.steps}
        kept = {(one.event_id, one.occurred_at): one for one in refolded.case.events}
        seen = set[tuple[str, str, int]]()
        for one in self._own:
            identity = one.event_id, one.event.event_type, one.event.occurred_at
            if "beyond_retention" in one.warnings:
                status: EntryStatus = "beyond_retention"
            elif identity in seen:
                status = "duplicate"
            elif one.event_id in folded:
                seen.add(identity)
                continue
            elif (one.event_id, one.event.occurred_at) in kept:
                status = "ignored" if one.event.event_type.endswith(".merged") else "withdrawn"
            else:
                status = "left_out"
            seen.add(identity)
            if status != "left_out":  # of those the number is told
                yield _Placed(one.event.occurred_at, 0, _unfolded(one, status), [])

    # Gaps and marks

    def _gap(self, since: int, at: int, clocks_by: Mapping[ClockKey, Clock]) -> Gap | None:
        running = [key for key, clock in clocks_by.items() if clock.phase == "running" and clock.is_open]
        if since >= at or not running:
            return None
        by: dict[str, CountedGap] = {}
        for key in running:
            own = self._found.clocks.get(key)
            if own is None:
                continue
            clock = clocks_by[key]
            name = "" if clock.calendar is None else f"{clock.calendar.calendar_id} {clock.calendar.version}"
            if name not in by:
                time = own.time_of(clock)
                stretches = tuple(time.walk(since, at))
                by[name] = CountedGap(name, sum(one.lasts_ms for one in stretches if one.counts), stretches)
        return Gap(at - since, tuple(by.values()))

    def _mark(self, change: Change) -> Mark:
        own = self._found.clocks[change.clock]
        clock, before, at = change.after, change.before, change.at
        time = own.time_of(clock)
        used = sum(time.count(*span) for span in at_moment(clock, at))
        ended_late = not clock.is_open and clock.ended_at > clock.due_at
        resumed = change.kind in ("resumed", "pause_over")
        shares = dict(zip(own.clock.warn_at, own.clock.target.warn_at, strict=False))
        return Mark(
            *change.clock, change.kind, at, clock.due_at, used, clock.whole_ms - used, promised(clock, own.book),
            clock.started_at,
            before.due_at if before is not None and before.due_at != clock.due_at else None,
            change.reason,
            shares.get(at, 0) if change.kind == "warned" else 0,
            self._paused(change) if resumed else 0,
            time.count(clock.due_at, clock.ended_at) if ended_late else 0,
            clock.ended_at - clock.due_at if ended_late else 0,
        )  # fmt: skip

    @staticmethod
    def _paused(change: Change) -> int:
        """How long the pause was that is over, elapsed."""
        paused = change.after if change.before is None else change.before
        return change.at - paused.paused_at

    # Clocks

    def clocks(self, records: Records, *, asked: bool) -> Iterator[ClockTold]:
        now = self._found.now.read_to
        rows = set() if asked else {(row["metric"], row["instance"]) for row in records.clocks}
        for key, one in self._found.clocks.items():
            clock, reckoned = one.clock, one.reckoned
            hours, until = one.time.hours, now if reckoned.ended_at is None else reckoned.ended_at
            days = hours.working_days(clock.started_at, until) if clock.working_days and hours is not None else None
            kind: MarkKind = one.changes[-1].kind if one.changes else "started"
            yield ClockTold(
                *key, promised(clock, one.book), clock.started_at, reckoned.due_at, reckoned.ended_at, reckoned.state,
                kind, reckoned.whole_ms, reckoned.allotted_ms, reckoned.used_ms, reckoned.took_ms, reckoned.overdue_ms,
                reckoned.overdue_elapsed_ms, reckoned.paused_ms, reckoned.unanswered_ms, reckoned.retroactive,
                reckoned.retracted, clock.inherited_at is not None, clock.escalated, reckoned.spans, key in rows,
                reckoned.used_by, clock.target.per_team, days, clock.recomputed_at,
            )  # fmt: skip


def promised(clock: Clock, book: Book) -> Promised:
    """What a clock promises, with the words of its rule."""
    target, calendar = clock.target, clock.calendar
    policy = book.policy(target.policy_id, target.policy_version)
    rules = () if policy is None else policy.clocks.get(clock.metric, ())
    conditions = rules[target.rule].when.conditions() if target.rule < len(rules) else ()
    return Promised(
        target.target_ms,
        clock.working_days or target.working_days,
        target.calendar_id,
        "" if calendar is None else calendar.version,
        "" if calendar is None else calendar.zone,
        target.legal,
        target.is_told,
        target.policy_id,
        target.policy_version,
        target.rule + 1,
        tuple((name, tuple(map(str, values))) for name, values in conditions),
        target.policy_digest,
        "" if calendar is None else calendar.digest,
        book.first_seen.get(target.policy_digest),
    )


def _at_time(at: int, change: Change, changed: Iterable[Change] = ()) -> _Placed:
    """Before the events of its moment, but behind one that moved the clock then: it follows from that."""
    follows = any(one.at == at for one in changed)
    return _Placed(at, _LAST if follows else 0, Entry(at, "time"), [change])


def _unfolded(one: Heard, status: EntryStatus) -> Entry:
    event = one.event
    return Entry(
        event.occurred_at, status, one.event_id, event.event_type.partition(".")[2], {}, "", False, event.timestamp,
        bool(one.late), one.warnings,
    )  # fmt: skip
